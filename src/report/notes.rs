//! What must be said of a study in plain words, beside its figures?

use crate::results::model::{Floor, FloorRatio, Run, Status, Study, Verdict};

use super::rows;
use super::units;

/// A sentence on a run that did not go through in one; `None` where it did.
pub fn parts(run: &Run) -> Option<String> {
    let again: Vec<String> = run.resumed.iter().map(|text| units::moment(text)).collect();
    (!again.is_empty()).then(|| {
        format!(
            "Measured in {} parts: the run was cut short, and taken up again at {}. The machine, its warnings and its floors are those of the first part.",
            again.len() + 1,
            again.join(" and at ")
        )
    })
}

/// The conditions of a study, a few words each, for the line under its question.
pub fn conditions(study: &Study) -> Vec<String> {
    let scenario = &study.scenario;
    let named = [("guarantee", &scenario.guarantee), ("history", &scenario.history), ("state", &scenario.state)];
    let mut words: Vec<String> =
        named.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} {value}"))).collect();
    words.extend(effort(study));
    words
}

/// How much was measured, and why no more.
pub fn effort(study: &Study) -> Vec<String> {
    vec![
        format!("k {}", units::grouped(study.k as f64)),
        many(study.workers.into(), "worker"),
        format!("{} a worker", many(study.rounds.into(), "round")),
        format!("stopped: {}", stop_in_words(&study.stop_reason)),
    ]
}

/// Why a study stopped. A word of a later version is shown as it is.
pub fn stop_in_words(reason: &str) -> &str {
    match reason {
        "decided" => "every comparison decided",
        "looks" => "the last look was taken",
        "budget" => "its time was up",
        "interrupted" => "interrupted",
        "failed" => "the baseline could not be measured",
        other => other,
    }
}

/// What a guarantee promises.
pub fn guarantee_in_words(guarantee: &str) -> Option<&'static str> {
    match guarantee {
        "visible" => Some("other processes see it; it survives a crash of the process, not of the system"),
        "started" => Some("write-out has begun; nothing is promised of a crash of the system"),
        "written" => Some("write-out has completed; the device's cache and metadata are not flushed"),
        "durable" => Some("it survives a crash of the system"),
        "atomic" => Some("it survives a crash of the system, which leaves the old content or the new, whole"),
        _ => None,
    }
}

/// Sentences that a reader must see before the figures: why verdicts are missing, or how far they reach.
pub fn cautions(run: &Run, study: &Study) -> Vec<String> {
    let mut sentences: Vec<String> = empty_promise(run, study).into_iter().collect();
    if study.tainted {
        sentences.push(tainted(study));
    }
    match study.stop_reason.as_str() {
        "budget" | "interrupted" => sentences.push(cut_short(study)),
        "failed" => sentences.push(format!(
            "The baseline, {}, could not be measured, so there is nothing to compare with.",
            study.baseline
        )),
        _ => {}
    }
    sentences
}

/// Whether the files of `run` lie in memory alone.
pub fn is_in_memory(run: &Run) -> bool {
    run.warnings.iter().any(|warning| warning.code == "memory_filesystem")
}

/// A sync that has nothing to write to keeps no promise.
fn empty_promise(run: &Run, study: &Study) -> Option<String> {
    let guarantee = study.scenario.guarantee.as_deref().filter(|guarantee| *guarantee != "visible")?;
    is_in_memory(run).then(|| {
        format!(
            "Nothing here is {guarantee}: the files lie in memory ({}), and no sync makes them survive a crash of the system. \
             The times are those of the calls alone.",
            run.dir.filesystem
        )
    })
}

fn tainted(study: &Study) -> String {
    let off = study.null_control.as_ref().and_then(|null| {
        let (low, high) = (null.low?, null.high?);
        Some(format!(" came out at {} ({})", units::ratio(null.estimate?), units::ratio_interval(low, high)))
    });
    format!(
        "Tainted: the null control, the baseline measured against itself,{}, beyond the margin of {}; no verdict of this study stands.",
        off.unwrap_or_else(|| " was off".to_owned()),
        units::percent(study.margin),
    )
}

fn cut_short(study: &Study) -> String {
    let why = if study.stop_reason == "budget" { "Its time was up" } else { "It was interrupted" };
    let planned = study.looks.last().copied().unwrap_or(study.workers).max(study.workers);
    let after = format!("{why} after {} of {} workers", study.workers, planned);
    let next = if study.stop_reason == "budget" { "A larger --budget gives it time." } else { "Measure it again." };
    match study.workers_used {
        0 => format!("{after}, before the first planned look: its comparisons are unresolved. {next}"),
        used => {
            format!("{after}: its verdicts rest on the {used} of the last look that it reached.")
        }
    }
}

/// A sentence on the comparisons that the study left open, though it had its time; `None` where there are none, or a caution says why.
pub fn undecided(study: &Study) -> Option<String> {
    let verdicts = study.cases.iter().filter_map(|case| case.ratio.map(|ratio| ratio.verdict));
    let open = verdicts.filter(|verdict| *verdict == Verdict::Unresolved).count();
    match open {
        0 => None,
        _ if study.tainted || study.stop_reason != "looks" => None,
        1 => Some("One comparison was still unresolved at the last planned look.".to_owned()),
        some => Some(format!("{some} comparisons were still unresolved at the last planned look.")),
    }
}

/// How the scenario's file lay in the page cache, which decides faults and device bytes; `None` where that was not seen.
pub fn cache(study: &Study) -> Option<String> {
    let cache = study.cache.as_ref().filter(|cache| cache.pages > 0)?;
    let faults = cache.pass_minor_faults;
    let mut text = format!(
        "The file in the page cache: {}; one pass over a fresh mapping met {}",
        many(cache.pages, "page"),
        many(faults, "minor fault")
    );
    if faults > 0 {
        text += &format!(", {} a page", units::count(faults as f64 / cache.pages as f64));
    }
    match commonest_folio(study) {
        Some((size, part)) => Some(
            text + &format!(
                "; {} of its pages lay in folios of {}.",
                percent_of_pages(part),
                units::bytes(size as f64)
            ),
        ),
        None => Some(text + "; how large its folios are could not be read."),
    }
}

/// Prices that have a line of their own below a study's table: of re-faults, of copies.
pub fn prices(study: &Study, floors: &[Floor]) -> Vec<String> {
    re_faults(study, floors).into_iter().chain(copies(study, floors)).collect()
}

/// What the faults of stores to pages that were synced before amount to, method by method: a sentence; `None` where no method takes any, or the
/// price of one is not known.
fn re_faults(study: &Study, floors: &[Floor]) -> Option<String> {
    let scenario = &study.scenario;
    scenario.guarantee.as_ref().filter(|_| scenario.state.as_deref() == Some("mapped"))?;
    let floor = floors.iter().find(|floor| floor.name == "re-fault")?;
    let parts: Vec<String> = rows::measured(study)
        .into_iter()
        .filter_map(|case| Some((case, case.per_op?.minor_faults, case.ns_per_op?.estimate)))
        .filter(|(case, faults, _)| case.method.starts_with("mmap") && *faults >= 0.005)
        .map(|(case, faults, ns)| {
            let part = (faults * floor.estimate / ns).min(1.0);
            format!(
                "{}: {} an operation, {} of its time",
                case.method,
                units::count(faults),
                units::percent(units::round(part, 2))
            )
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Re-faults, the first store to each page since its sync, cost {} each, the floor's price; {}.",
            units::time(floor.estimate),
            parts.join("; ")
        )
    })
}

/// What copying takes of each method that copies what it reads: a sentence; `None` where no method does, or the price is not known.
fn copies(study: &Study, floors: &[Floor]) -> Option<String> {
    const COPY: &str = "page copy out";
    let floor = floors.iter().find(|floor| floor.name == COPY)?;
    let units_of = |held: &FloorRatio| {
        let parts = held.also.iter().map(|part| (part.name.as_str(), part.units));
        std::iter::once((held.name.as_str(), held.units))
            .chain(parts)
            .find(|(name, _)| *name == COPY)
            .map(|part| part.1)
    };
    let copying: Vec<(f64, String)> = rows::measured(study)
        .into_iter()
        .filter_map(|case| Some((case, units_of(case.floor.as_ref()?)?, case.ns_per_op?.estimate)))
        .map(|(case, units, ns)| {
            let part = (units * floor.estimate / ns).min(1.0);
            (units, format!("{} {}", case.method, units::percent(units::round(part, 2))))
        })
        .collect();
    let price = copying.first()?.0 * floor.estimate;
    Some(format!(
        "The copy of what an operation uses costs {} at the least (`{COPY}`); of the time of each method that copies: {}.",
        units::time(price),
        copying.into_iter().map(|(_, said)| said).collect::<Vec<_>>().join(", ")
    ))
}

/// The size in bytes of the folios that hold most of the file's pages, and which part of them.
pub fn commonest_folio(study: &Study) -> Option<(u64, f64)> {
    let folios = study.cache.as_ref()?.folios.as_ref()?;
    let all: u64 = folios.values().sum();
    let (size, pages) = folios.iter().max_by_key(|(_, pages)| **pages)?;
    (all > 0).then(|| (*size, *pages as f64 / all as f64))
}

/// A whole number of per cent, and all of them only if it is all.
fn percent_of_pages(part: f64) -> String {
    if part == 1.0 { "all".to_owned() } else { units::percent((part * 100.0).floor() / 100.0) }
}

/// Rounds that were dropped, and why: a sentence for each case whose proof failed.
pub fn dropped(study: &Study) -> Vec<String> {
    rows::ordered(study)
        .into_iter()
        .filter(|case| case.proof.dropped_rounds > 0)
        .map(|case| {
            let reasons: Vec<String> =
                case.proof.reasons.iter().map(|(reason, times)| format!("{reason} (×{times})")).collect();
            let rounds = many(case.proof.dropped_rounds, "round");
            let whose = if case.status == Status::Failed { "of its own" } else { "for all methods" };
            let why = if reasons.is_empty() { "no reason was recorded".to_owned() } else { reasons.join("; ") };
            format!("{}: {rounds} dropped, {whose}: {why}", case.method)
        })
        .collect()
}

/// `1 worker`, `12 workers`.
pub fn many(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", units::grouped(count as f64))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::results::model::FloorPart;

    #[test]
    fn a_study_that_went_well_needs_no_caution() {
        assert_eq!(cautions(&sample::run(), &sample::edit_write_4k()), Vec::<String>::new());
    }

    #[test]
    fn a_tainted_study_says_what_the_null_control_showed() {
        assert_eq!(
            cautions(&sample::run(), &sample::touch_cold_sequential()),
            [
                "Tainted: the null control, the baseline measured against itself, came out at ×1.08 (1.06–1.11), beyond the margin of 5 %; \
              no verdict of this study stands."
            ]
        );
    }

    #[test]
    fn a_promise_that_memory_cannot_keep_is_said_to_be_none() {
        let mut run = sample::run();
        run.warnings[0].code = "memory_filesystem".to_owned();
        run.dir.filesystem = "tmpfs".to_owned();
        let said = cautions(&run, &sample::edit_write_4k()).join(" ");
        assert!(said.starts_with("Nothing here is durable: the files lie in memory (tmpfs)"), "{said}");
        assert_eq!(cautions(&run, &sample::edit_visible()), Vec::<String>::new(), "that promise is kept");
    }

    #[test]
    fn a_study_cut_short_says_how_far_it_came() {
        let mut study = sample::touch_mapped();
        assert_eq!(
            cautions(&sample::run(), &study),
            ["Its time was up after 3 of 22 workers, before the first planned look: its comparisons are unresolved. \
              A larger --budget gives it time."]
        );
        (study.workers, study.workers_used) = (14, 11);
        assert_eq!(
            cautions(&sample::run(), &study),
            ["Its time was up after 14 of 22 workers: its verdicts rest on the 11 of the last look that it reached."]
        );
    }

    #[test]
    fn dropped_rounds_are_told_with_their_reasons() {
        assert_eq!(
            dropped(&sample::edit_write_1m()),
            ["mmap+msync(MS_SYNC): 2 rounds dropped, for all methods: foreign I/O on the device (×2)"]
        );
    }

    #[test]
    fn an_interrupted_study_is_not_told_to_take_more_time() {
        let mut study = sample::touch_mapped();
        study.stop_reason = "interrupted".to_owned();
        let said = cautions(&sample::run(), &study).join(" ");
        assert!(said.starts_with("It was interrupted after 3 of 22 workers") && !said.contains("--budget"), "{said}");
    }

    #[test]
    fn what_stays_open_after_the_last_look_is_counted() {
        let mut study = sample::edit_write_4k();
        assert_eq!(undecided(&study), None, "it stopped before");
        study.stop_reason = "looks".to_owned();
        assert_eq!(undecided(&study).as_deref(), Some("One comparison was still unresolved at the last planned look."));
        assert_eq!(undecided(&sample::touch_cold_sequential()), None, "that it is tainted says more");
    }

    #[test]
    fn re_faults_are_a_line_of_their_own_with_their_part_of_the_time() {
        let (study, run) = (sample::edit_write_4k(), sample::run());
        let said = re_faults(&study, &run.floors).unwrap_or_default();
        assert_eq!(
            said,
            "Re-faults, the first store to each page since its sync, cost 910 ns each, the floor's price; \
             mmap+msync(MS_SYNC): 1 an operation, 0.28 % of its time; mmap+fdatasync: 1 an operation, 0.24 % of its time."
        );
        assert_eq!(re_faults(&study, &[]), None, "where their price is not known, nothing is said");
        assert_eq!(re_faults(&sample::ipc_one_core(), &run.floors), None);
    }

    #[test]
    fn a_copy_is_a_line_of_its_own_with_its_part_of_the_time_of_those_that_copy() {
        let (run, mut study) = (sample::run(), sample::touch_cold_random());
        assert_eq!(copies(&study, &run.floors), None);
        let part = |name: &str| FloorPart { name: name.to_owned(), units: 2.0 };
        for (case, name) in study.cases.iter_mut().zip(["page copy out", "page touch"]) {
            case.ns_per_op.iter_mut().for_each(|time| time.estimate = 1000.0);
            let FloorPart { name: first, units } = part("system call");
            case.floor = Some(FloorRatio { name: first, units, also: vec![part(name)], times: 1.0 });
        }
        let said = copies(&study, &run.floors).unwrap();
        assert!(
            said.starts_with("The copy of what an operation uses costs 260 ns at the least (`page copy out`)"),
            "{said}"
        );
        assert!(said.ends_with("of each method that copies: pread 26 %."), "{said}");
    }

    #[test]
    fn the_cache_is_told_with_its_folios_where_they_could_be_read() {
        assert_eq!(
            cache(&sample::edit_write_1m()).as_deref(),
            Some(
                "The file in the page cache: 16,384 pages; one pass over a fresh mapping met 70 minor faults, 0.0043 a page; 99 % of its pages lay in folios of 1.0 MiB."
            )
        );
        let mut study = sample::edit_write_4k();
        assert!(cache(&study).is_some_and(|text| text.ends_with("; all of its pages lay in folios of 4.0 KiB.")));
        study.cache.iter_mut().for_each(|cache| cache.folios = None);
        assert!(cache(&study).is_some_and(|text| text.ends_with("; how large its folios are could not be read.")));
        assert_eq!(cache(&sample::ipc_one_core()), None);
    }
}
