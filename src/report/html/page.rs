//! What stands in the page before and after the studies: the machine, the findings, the warnings, the floors?

use jiff::Timestamp;
use serde::Serialize;

use super::{Together, anchor};
use crate::report::{beyond, findings, notes, stalls, units, write_back};
use crate::results::model::{Dir, Profile, Run};

/// The page's own part of the template's context.
#[derive(Debug, Serialize)]
pub struct Page {
    label: String,
    id: String,
    started: String,
    ended: Option<String>,
    /// That it did not go through in one.
    parts: Option<String>,
    facts: Vec<Named>,
    all_facts: Vec<Named>,
    findings: Vec<Finding>,
    warnings: Vec<Warning>,
    floors: Vec<Floor>,
    /// What was watched as it went on, in place of being measured in batches.
    watched: Vec<Watched>,
    /// What each latency holds beside its operation, where that was measured.
    stamp: Option<String>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct Finding {
    spans: Vec<Span>,
    /// Where the study stands that shows it, or all of them.
    anchor: String,
    /// In words.
    r#where: String,
}

/// A stretch of a sentence.
#[derive(Debug, Serialize)]
struct Span {
    text: String,
    code: bool,
}

#[derive(Debug, Serialize)]
struct Warning {
    code: String,
    text: Vec<Span>,
    fix: Vec<Span>,
}

#[derive(Debug, Serialize)]
struct Watched {
    title: &'static str,
    anchor: &'static str,
    /// In the page's contents.
    word: &'static str,
    intro: Vec<Vec<Span>>,
    heads: Vec<&'static str>,
    rows: Vec<Vec<Vec<Span>>>,
}

#[derive(Debug, Serialize)]
struct Floor {
    name: String,
    estimate: String,
    interval: String,
}

/// A drawing of what several studies show together.
#[derive(Debug, Serialize)]
pub struct Shown {
    title: String,
    says: Vec<Vec<Span>>,
    svg: String,
}

/// The drawings of what several studies show together.
pub fn together(drawn: &[Together]) -> Vec<Shown> {
    drawn
        .iter()
        .map(|one| Shown {
            title: one.title.clone(),
            says: one.says.iter().map(|said| spans(said)).collect(),
            svg: one.plot.inline(),
        })
        .collect()
}

/// What the page says of `run` as a whole.
pub fn page(run: &Run) -> Page {
    let findings = findings::findings(run).into_iter().map(|finding| Finding {
        spans: spans(&finding.text),
        anchor: finding.study.map_or_else(|| "studies".to_owned(), anchor),
        r#where: match finding.study {
            Some(study) => run.studies[study].scenario.question.clone(),
            None => "All studies, and their verdicts".to_owned(),
        },
    });
    let warnings = run.warnings.iter().map(|warning| Warning {
        code: warning.code.clone(),
        text: spans(&warning.text),
        fix: spans(&warning.fix),
    });
    let floors = run.floors.iter().map(|floor| Floor {
        name: floor.name.clone(),
        estimate: units::time(floor.estimate),
        interval: units::time_interval(floor.low, floor.high),
    });
    let all_facts = run.machine.facts.iter().map(|(name, value)| named(name, value));
    Page {
        label: run.label.clone(),
        id: run.id.clone(),
        started: units::moment(&run.started),
        ended: run.finished.as_deref().map(|end| ended(run, end)),
        parts: notes::parts(run),
        facts: facts(run),
        all_facts: all_facts.collect(),
        findings: findings.collect(),
        warnings: warnings.collect(),
        floors: floors.collect(),
        watched: watched(run),
        stamp: run.floors.iter().find(|floor| floor.name == "stamp").map(|floor| units::time(floor.estimate)),
    }
}

fn watched(run: &Run) -> Vec<Watched> {
    let section = |title, anchor, word, intro: Vec<String>, heads: &[&'static str], rows: Vec<Vec<String>>| Watched {
        title,
        anchor,
        word,
        intro: intro.iter().map(|said| spans(said)).collect(),
        heads: heads.to_vec(),
        rows: rows.iter().map(|row| row.iter().map(|cell| spans(cell)).collect()).collect(),
    };
    let unsynced = run.write_back.iter().map(|seen| {
        let (intro, rows) = (write_back::intro(seen), write_back::rows(seen));
        section(write_back::TITLE, "write-back", "Unsynced edits", intro, &write_back::HEADS, rows)
    });
    let beyond = run.beyond_memory.iter().flat_map(|seen| beyond::sections(seen, run.machine.page_size));
    let beyond = beyond.map(|seen| section(seen.title, seen.anchor, seen.word, seen.intro, &beyond::HEADS, seen.rows));
    let stalls = (!run.stalls.is_empty()).then(|| {
        let (intro, rows) = (stalls::intro(&run.stalls), stalls::rows(&run.stalls));
        section(stalls::TITLE, "stalls", "Stalls", intro, &stalls::HEADS, rows)
    });
    unsynced.chain(beyond).chain(stalls).collect()
}

fn named(name: &str, value: &str) -> Named {
    Named { name: name.to_owned(), value: value.to_owned() }
}

/// What a reader must know of the machine to judge any figure.
fn facts(run: &Run) -> Vec<Named> {
    let machine = &run.machine;
    let processors = if machine.cpus == 1 { "1 processor".to_owned() } else { format!("{} processors", machine.cpus) };
    let memory =
        format!("{}, pages of {}", units::bytes(machine.memory as f64), units::bytes(machine.page_size.into()));
    let program = match &run.pagewise.commit {
        Some(commit) => format!("{} ({commit})", run.pagewise.version),
        None => run.pagewise.version.clone(),
    };
    let profile = match run.profile {
        Profile::Full => "full",
        Profile::Quick => "quick: a scenario or two an area, on small files",
    };
    vec![
        named("Kernel", &machine.kernel),
        named("Processor", &format!("{}, {processors}", machine.cpu)),
        named("Memory", &memory),
        named("Virtual machine", machine.virtualization.as_deref().unwrap_or("none found")),
        named("Filesystem", &format!("{} ({})", run.dir.filesystem, run.dir.mount_options)),
        named("Device", &device(&run.dir)),
        named("Profile", profile),
        named("Command", &run.command.join(" ")),
        named("Seed", &run.seed.to_string()),
        named("pagewise", &program),
    ]
}

fn device(dir: &Dir) -> String {
    match (&dir.device, &dir.device_reason) {
        (Some(device), _) => device.clone(),
        (None, Some(reason)) => format!("unknown: {reason}"),
        (None, None) => "unknown".to_owned(),
    }
}

/// A sentence, its names between backticks told apart.
fn spans(text: &str) -> Vec<Span> {
    let parts = text.split('`').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(index, part)| Span { text: part.to_owned(), code: index % 2 == 1 })
        .collect()
}

/// How long a run took, or when it ended: between its parts it took nothing.
fn ended(run: &Run, end: &str) -> String {
    if run.resumed.is_empty() { lasted(&run.started, end) } else { format!("ended {}", units::moment(end)) }
}

/// How long it took: `3 min 56 s`.
fn lasted(from: &str, to: &str) -> String {
    let (Ok(from), Ok(to)) = (from.parse::<Timestamp>(), to.parse::<Timestamp>()) else {
        return to.to_owned();
    };
    let seconds = to.duration_since(from).as_secs();
    match seconds {
        0..60 => format!("took {seconds} s"),
        60..3600 => format!("took {} min {} s", seconds / 60, seconds % 60),
        _ => format!("took {} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
