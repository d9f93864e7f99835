//! How to read a file: the method, by how much it is better, from which size on, and what each piece of advice to the kernel does and costs.
//!
//! Methods are held against each other by the intervals of their ratios within one study, which hold together.

use serde::Serialize;

use super::{read_beyond, read_words};
use crate::report::{curves, findings, rows};
use crate::results::model::{Case, Reading, Run, Status, Study};

pub use read_words::text;

/// What is advised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What was asked.
    pub need: Reading,
    /// What meets it; `null` where nothing was measured.
    pub choice: Option<Choice>,
    /// What each advice to the kernel does to a plain mapping, the best first.
    pub flags: Vec<Flag>,
    /// Where the best method changes with the file's size, in sentences.
    pub crossings: Vec<String>,
    /// What to beware of, each with a remedy.
    pub warnings: Vec<String>,
    /// The scenarios that it rests on, the nearest first.
    pub scenarios: Vec<String>,
    /// The run that they are of.
    pub run: String,
}

/// A method, and how well it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// Its name.
    pub method: String,
    /// Time of one record, in ns.
    pub ns: f64,
    /// Its interval.
    pub low_ns: Option<f64>,
    /// Its interval.
    pub high_ns: Option<f64>,
    /// 99 % of the records took at most this, in ns.
    pub p99_ns: Option<f64>,
    /// Useful bytes a second.
    pub bytes_per_second: Option<f64>,
    /// Bytes that the device read for each byte used, of a cold file.
    pub read_amplification: Option<f64>,
    /// Memory that the process came to use (Pss), in bytes.
    pub memory_bytes: Option<f64>,
    /// The next best.
    pub next: Option<Margin>,
    /// Those that cannot be told from it.
    pub as_good: Vec<String>,
}

/// By how much another method takes longer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// Its name.
    pub method: String,
    /// Its time over the choice's.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What an advice does to a plain mapping, or to plain reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flag {
    /// The method with it.
    pub method: String,
    /// The method without it.
    pub plain: String,
    /// Its time over the plain one's.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Studies whose answers are about something else are farther than this.
const FAR: f64 = 1e6;

/// The advice for `need`, from what `run` measured, or watched where the file is larger than its memory.
///
/// # Errors
/// In a sentence: the run has nothing that answers it.
pub fn advise(run: &Run, need: &Reading) -> Result<Advice, String> {
    if let Some(advice) = read_beyond::advise(run, need) {
        return Ok(advice);
    }
    if let Some(why) = not_watched(run, need) {
        return Err(why);
    }
    let all = run.studies.iter().filter(|study| study.area == "page_touch" && findings::stands(study));
    let mut near: Vec<(f64, &Study)> =
        all.map(|study| (distance(study, need), study)).filter(|(far, _)| *far < FAR).collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, study)) = near.first().copied() else {
        let fallen = run.studies.iter().find(|study| study.area == "page_touch" && distance(study, need) < FAR);
        return Err(format!(
            "the run {} has no study of page_touch that stands, of the state {} and the pattern {}: {}",
            run.id,
            need.state,
            need.pattern,
            fallen.map_or_else(
                || "measure one, by `pagewise advise read` without --from".to_owned(),
                |study| format!("in {} {}", study.scenario.id, why_it_fell(study))
            )
        ));
    };
    let standings = standings(study);
    let choice = choose(study, &standings);
    let crossings = curves::curves(run)
        .iter()
        .filter(|curve| curve.along == "size" && !curve.of_commits && curve.is_of(&need.state, &need.pattern))
        .flat_map(curves::Curve::crossings_in_words)
        .collect();
    let warnings = read_words::warnings(run, study, need, choice.as_ref());
    Ok(Advice {
        need: need.clone(),
        flags: flags(&standings),
        choice,
        crossings,
        warnings,
        scenarios: vec![study.scenario.id.clone()],
        run: run.id.clone(),
    })
}

/// Why nothing can be read off a study, as the end of a sentence.
fn why_it_fell(study: &Study) -> String {
    let baseline = study.cases.iter().find(|case| case.method == study.baseline && case.status != Status::Ok);
    match baseline {
        Some(case) => format!(
            "{} is what the others are compared with: {}",
            case.method,
            case.reason.as_deref().unwrap_or("not measured")
        ),
        None if study.tainted => "the same method differed from itself: measure again on a quieter machine".to_owned(),
        None => "time was up before the first look: a larger --budget gives it time".to_owned(),
    }
}

/// Why a run that was to watch a file larger than memory did not; `None` where it was to do something else.
fn not_watched(run: &Run, need: &Reading) -> Option<String> {
    need.times_memory()?;
    let why = run.beyond_memory.as_ref()?.reason.clone().filter(|_| run.studies.is_empty())?;
    Some(format!("a file larger than memory could not be watched: {why}"))
}

/// How far a study is from what was asked, in factors; beyond all bounds where its state or its order is another.
fn distance(study: &Study, need: &Reading) -> f64 {
    let params = &study.scenario.params;
    let word = |name: &str| params.get(name).map(String::as_str);
    if study.scenario.state.as_deref() != Some(&need.state)
        || word("pattern") != Some(&need.pattern)
        || params.contains_key("threads")
    {
        return FAR;
    }
    let number = |name: &str, otherwise: f64| word(name).and_then(curves::amount).unwrap_or(otherwise);
    let far = |a: f64, b: f64| (a.max(1.0) / b.max(1.0)).ln().abs();
    let size = number("size", need.bytes as f64);
    let record = number("record", 4096.0);
    let used = number("touched", size / record) * record / size;
    far(size, need.bytes as f64)
        + 2.0 * far(record, need.record as f64)
        + 2.0 * far(1e6 * used.min(1.0), 1e6 * need.used)
        + 2.0 * far(number("passes", 1.0), need.passes as f64)
        + if word("use") == Some(&need.job) { 0.0 } else { 1.0 }
}

/// A method and its interval over the baseline.
struct Standing<'a> {
    case: &'a Case,
    ratio: (f64, f64, f64),
    is_baseline: bool,
}

/// Those with an interval, the best first.
fn standings(study: &Study) -> Vec<Standing<'_>> {
    let standing = |case| {
        let is_baseline = rows::is_baseline(study, case);
        let ratio = if is_baseline { Some((1.0, 1.0, 1.0)) } else { interval(case) };
        Some(Standing { case, ratio: ratio?, is_baseline })
    };
    rows::measured(study).into_iter().filter_map(standing).collect()
}

fn interval(case: &Case) -> Option<(f64, f64, f64)> {
    let ratio = case.ratio?;
    Some((ratio.estimate, ratio.low?, ratio.high?))
}

/// The time of `other` over `own`'s, with the ends that two intervals of one study bound.
fn margin(own: &Standing<'_>, other: &Standing<'_>) -> Margin {
    Margin {
        method: other.case.method.clone(),
        ratio: other.ratio.0 / own.ratio.0,
        low: other.ratio.1 / own.ratio.2,
        high: other.ratio.2 / own.ratio.1,
    }
}

fn choose(study: &Study, standings: &[Standing<'_>]) -> Option<Choice> {
    let first = standings.first()?;
    // Of those that cannot be told from the first, the baseline is the plainer way.
    let best = standings.iter().find(|other| other.is_baseline && margin(first, other).low <= 1.0).unwrap_or(first);
    let others = standings.iter().filter(|other| other.case.method != best.case.method);
    let (as_good, apart): (Vec<Margin>, Vec<Margin>) =
        others.map(|other| margin(best, other)).partition(|margin| margin.low <= 1.0);
    let time = best.case.ns_per_op?;
    let used = best.case.bytes_per_op.filter(|bytes| *bytes > 0);
    let is_cold = study.scenario.state.as_deref() == Some("cold");
    let read = best.case.per_op.and_then(|per_op| per_op.device_read_bytes).filter(|_| is_cold);
    Some(Choice {
        method: best.case.method.clone(),
        ns: time.estimate,
        low_ns: time.low,
        high_ns: time.high,
        p99_ns: best.case.latency.as_ref().and_then(|latency| latency.p99).map(|ns| ns as f64),
        bytes_per_second: used.map(|bytes| bytes as f64 * 1e9 / time.estimate),
        read_amplification: read.zip(used).map(|(read, used)| read / used as f64),
        memory_bytes: best.case.phases.and_then(|phases| phases.memory_bytes),
        next: apart.into_iter().next(),
        as_good: as_good.into_iter().map(|margin| margin.method).collect(),
    })
}

fn flags(standings: &[Standing<'_>]) -> Vec<Flag> {
    let of = |plain: &str| {
        let without = standings.iter().find(|standing| standing.case.method == plain)?;
        let prefix = format!("{plain}+");
        let with = standings.iter().filter(move |standing| standing.case.method.starts_with(&prefix));
        let plain = plain.to_owned();
        Some(with.map(move |with| {
            let Margin { method, ratio, low, high } = margin(without, with);
            Flag { method, plain: plain.clone(), ratio, low, high }
        }))
    };
    ["mmap", "pread"].into_iter().filter_map(of).flatten().collect()
}
