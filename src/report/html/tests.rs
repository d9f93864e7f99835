//! Whether the page says what the run says, obeys nothing that it was given, and needs nothing else.

use crate::report::sample::{self, HOSTILE};
use crate::report::{render, rows, well_formed};
use crate::results::model::Run;

fn page(run: &Run) -> String {
    render(run).unwrap().html
}

/// What a reader sees: without tags, references read.
fn seen(html: &str) -> String {
    let body = html.split_once("<body>").map_or("", |(_, body)| body);
    let texts: String = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    let plain = texts.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    plain
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&apos;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
}

#[test]
fn the_page_is_well_formed_with_a_run_of_everything_and_of_nothing() {
    well_formed::check(&page(&sample::run()));
    well_formed::check(&page(&Run {
        studies: Vec::new(),
        warnings: Vec::new(),
        floors: Vec::new(),
        finished: None,
        ..sample::run()
    }));
    for study in sample::run().studies {
        well_formed::check(&page(&Run { studies: vec![study], ..sample::run() }));
    }
}

/// As `seen`, a line each for what stands in a block or a cell, without the drawings.
fn lines_seen(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, drawing)) = rest.split_once("<svg") {
        text += before;
        rest = drawing.split_once("</svg>").map_or("", |(_, after)| after);
    }
    let lines = seen(&(text + rest));
    lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_words_of_a_page_with_a_row_of_every_kind() {
    let run = Run {
        studies: vec![sample::every_verdict()],
        resumed: vec!["2026-01-02T04:00:00Z".to_owned()],
        ..sample::run()
    };
    insta::assert_snapshot!(lines_seen(&page(&run)));
}

#[test]
fn where_latency_is_explained_the_page_says_what_a_stamp_costs_if_that_is_known() {
    let mut run = sample::run();
    assert!(seen(&page(&run)).contains("Each holds its stamp as well: 22.5 ns here"));
    run.floors.retain(|floor| floor.name != "stamp");
    assert!(!seen(&page(&run)).contains("its stamp"));
}

#[test]
fn text_is_shown_and_never_obeyed() {
    let mut run = sample::run();
    let hostile = || HOSTILE.to_owned();
    (run.id, run.started, run.finished) = (hostile(), hostile(), Some(hostile()));
    (run.machine.cpu, run.dir.mount_options, run.dir.device, run.dir.device_reason) =
        (hostile(), hostile(), None, Some(hostile()));
    run.command.push(hostile());
    run.resumed.push(hostile());
    run.machine.facts.insert(hostile(), hostile());
    run.floors[0].name = hostile();
    run.warnings[0].code = hostile();
    for study in &mut run.studies {
        (study.area, study.scenario.question, study.scenario.id) = (hostile(), hostile(), hostile());
        (study.scenario.operation, study.stop_reason) = (hostile(), hostile());
        study.scenario.guarantee = Some(hostile());
        study.scenario.params.insert(hostile(), hostile());
        for case in &mut study.cases {
            let method = format!("{}{HOSTILE}", case.method);
            if case.method == study.baseline {
                study.baseline = method.clone();
            }
            (case.method, case.about) = (method, hostile());
            case.reason = case.reason.as_ref().map(|_| hostile());
            case.latency_reason = Some(hostile());
            case.floor.iter_mut().for_each(|floor| floor.name = hostile());
            (case.proof.dropped_rounds, case.proof.reasons) = (1, [(hostile(), 1)].into());
        }
    }
    let html = page(&run);
    well_formed::check(&html);
    assert!(!html.contains("<script"), "markup of the run's own reached the page");
    assert!(seen(&html).matches(HOSTILE).count() > 100);
}

#[test]
fn the_page_needs_no_network_and_no_script() {
    let html = page(&sample::run());
    for outside in [
        "http:",
        "https:",
        "//",
        " src=",
        "@import",
        "url(",
        "<link",
        "<script",
        "<iframe",
        "<object",
        " onload",
        "javascript:",
    ] {
        assert!(!html.contains(outside), "{outside} in the page");
    }
    let targets = html.split(" href=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    for (target, _) in targets {
        let id = target.strip_prefix('#').expect("a link within the page");
        assert!(html.contains(&format!(" id=\"{id}\"")), "{target} leads nowhere");
    }
}

#[test]
fn ids_are_unique() {
    let html = page(&sample::run());
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    assert!(all >= 10 + 4 + 6, "{ids:?}");
}

#[test]
fn every_case_of_every_study_is_in_its_article_with_figures_or_reason() {
    let run = sample::run();
    let html = page(&run);
    for (index, study) in run.studies.iter().enumerate() {
        let article = html.split_once(&format!("<article id=\"study-{}\">", index + 1)).expect("an article").1;
        let article = article.split_once("</article>").expect("its end").0;
        let text = seen(&format!("<body>{article}"));
        for case in &study.cases {
            assert!(text.contains(&case.method), "{} of {}", case.method, study.scenario.id);
            assert!(text.contains(case.reason.as_deref().unwrap_or("")), "the reason of {}", case.method);
            assert!(text.contains(rows::verdict_word(study, case).expect("a word")));
        }
        let plots = article.matches("<svg ").count();
        let expected = match study.scenario.id.as_str() {
            id if id.contains("mapped/") && id.starts_with("page_touch") => 1,
            id if id.contains("found") => 0,
            _ => 2,
        };
        assert_eq!(plots, expected, "plots of {}", study.scenario.id);
        for part in [&study.scenario.question, &study.scenario.id, &study.scenario.operation] {
            assert!(text.contains(part.as_str()), "{part}");
        }
    }
}

#[test]
fn tables_have_headers_that_name_columns_and_rows() {
    let html = page(&sample::run());
    for table in html.split("<table").skip(1) {
        let table = table.split_once("</table>").expect("its end").0;
        assert!(table.contains("<th scope=\"col\"") && table.contains("<th scope=\"row"), "{table}");
        let width = table.split_once("</thead>").expect("a head").0.matches("<th ").count();
        for row in table.split("<tr").skip(2) {
            let spanned: usize = row
                .split("colspan=\"")
                .skip(1)
                .filter_map(|rest| rest.split_once('"')?.0.parse::<usize>().ok())
                .map(|span| span - 1)
                .sum();
            let cells = row.matches("<td").count() + row.matches("<th ").count() + spanned;
            assert_eq!(cells, width, "{row}");
        }
    }
}

#[test]
fn the_page_says_on_what_it_was_measured_and_what_skews_it() {
    let mut run = sample::run();
    let text = seen(&page(&run));
    for part in [
        "Linux 6.18.44",
        "Example CPU @ 2.50GHz, 2 processors",
        "23.4 GiB, pages of 4.0 KiB",
        "ext4 (rw,relatime)",
        "vda",
        "kvm",
    ] {
        assert!(text.contains(part), "{part}");
    }
    for part in [
        "2026-01-02 03:04 UTC, took 3 min 56 s",
        "0.1.0 (0123abcd)",
        "pagewise run --budget 4m",
        "transparent_hugepage",
        "Compare figures of this",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("durable 4 KiB write") && text.contains("281 µs") && text.contains("278–287 µs"));
    run.finished = None;
    run.dir.device = None;
    run.dir.device_reason = Some("it is on tmpfs".to_owned());
    let text = seen(&page(&run));
    assert!(text.contains("never ended") && text.contains("unknown: it is on tmpfs"));
}

#[test]
fn the_overview_names_no_best_method_that_the_verdicts_do_not_show() {
    let html = page(&sample::run());
    let overview =
        html.split_once("class=\"overview\"").expect("an overview").1.split_once("</table>").expect("its end").0;
    let best = overview
        .split("<td class=\"word\">")
        .skip(1)
        .step_by(2)
        .map(|cell| seen(&format!("<body>{}", cell.split_once("</td>").expect("its end").0)));
    let expected = [
        "pwrite(O_DSYNC)",
        "pwrite(O_DSYNC)",
        "mmap",
        "MAP_PRIVATE+store",
        "shm+futex",
        "shm+spin",
        "O_DIRECT",
        "–",
        "–",
        "–",
    ];
    assert_eq!(best.collect::<Vec<_>>(), expected);
}

#[test]
fn a_study_that_needs_a_caution_has_it() {
    let text = seen(&page(&sample::run()));
    assert!(text.contains("Tainted: the null control") && text.contains("Its time was up after 3 of 22 workers"));
    assert!(text.contains("mmap+msync(MS_SYNC): 2 rounds dropped, for all methods: foreign I/O on the device (×2)"));
    assert!(text.contains("No latency of mmap, pread: the study ended before its latency pass."));
}
