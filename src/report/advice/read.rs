//! How to read a file: the method, by how much it is better, from which size on, and what each piece of advice to the kernel does and costs.

use serde::Serialize;

use super::ranking::{self, Figure, Margin, Plainness, Ranking, Rival, Setting};
use super::{read_beyond, read_words};
use crate::report::{curves, findings, rows};
use crate::results::model::{Case, Reading, Run, Status, Study};
use crate::stats::Verdict;

pub use read_words::text;

/// What is advised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// What was asked.
    pub need: Reading,
    /// What meets it; `null` where nothing was measured.
    pub choice: Option<Choice>,
    /// A plain mapping against plain reads, whichever is chosen.
    pub mmap_against_pread: Contest,
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
    /// The names of all that are statistically tied with it.
    pub as_good: Vec<String>,
    /// The same, each with its ratio to the choice.
    pub tied: Vec<Margin>,
}

/// A plain mapping against plain reads: `null` where a figure was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contest {
    /// The plain reads: `pread`, or `pread 256K` of a file larger than memory that is read in order.
    pub read: String,
    /// Time of one record through a plain mapping, in ns.
    pub mmap_ns: Option<f64>,
    /// Time of one record by the plain reads, in ns.
    pub read_ns: Option<f64>,
    /// The mapping's time over that of the reads.
    pub ratio: Option<f64>,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Which takes less time: `mmap`, `read` or, where they are statistically tied, `tied`.
    pub faster: Option<Faster>,
    /// Why there is no ratio; `null` where there is one.
    pub reason: Option<String>,
}

/// Which of the two takes less time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Faster {
    /// The mapping.
    Mmap,
    /// The reads.
    Read,
    /// The data do not tell them apart.
    Tied,
}

impl Contest {
    /// Of a mapping that takes `ratio` times as long as `read`.
    pub(super) fn of(read: &str, times: [f64; 2], ratio: Figure, margin: f64) -> Self {
        let faster = match Verdict::of(Some((ratio.low, ratio.high)), margin) {
            Verdict::Faster => Faster::Mmap,
            Verdict::Slower => Faster::Read,
            Verdict::Equal | Verdict::Unresolved => Faster::Tied,
        };
        Self {
            read: read.to_owned(),
            mmap_ns: Some(times[0]),
            read_ns: Some(times[1]),
            ratio: Some(ratio.estimate),
            low: Some(ratio.low),
            high: Some(ratio.high),
            faster: Some(faster),
            reason: None,
        }
    }

    /// Of two that were not both measured.
    pub(super) fn unknown(read: &str, mmap_ns: Option<f64>, read_ns: Option<f64>, reason: String) -> Self {
        let (ratio, low, high, faster, reason) = (None, None, None, None, Some(reason));
        Self { read: read.to_owned(), mmap_ns, read_ns, ratio, low, high, faster, reason }
    }
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
    /// What that says: `faster` where the advice helps, `slower` where it harms.
    pub verdict: Verdict,
}

impl Flag {
    /// Of a method whose time over that of `plain` is `found`.
    pub(super) fn of(plain: &str, found: Margin, margin: f64) -> Self {
        let Margin { method, ratio, low, high, .. } = found;
        Self { method, plain: plain.to_owned(), ratio, low, high, verdict: Verdict::of(Some((low, high)), margin) }
    }
}

/// Studies whose answers are about something else are farther than this.
const FAR: f64 = 1e6;

/// The advice for `need`, from what `run` measured, or watched where the file is larger than its memory; `plainness` decides between methods that
/// are tied.
///
/// # Errors
/// In a sentence: the run has nothing that answers it.
pub fn advise(run: &Run, need: &Reading, plainness: Plainness<'_>) -> Result<Advice, String> {
    if let Some(advice) = read_beyond::advise(run, need, plainness) {
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
                |study| format!("in {} {}", study.scenario.id, super::why_it_fell(study))
            )
        ));
    };
    let standings = standings(study);
    let choice = choose(study, &standings, plainness);
    let crossings = curves::curves(run)
        .iter()
        .filter(|curve| curve.along == "size" && !curve.of_commits && curve.is_of(&need.state, &need.pattern))
        .flat_map(curves::Curve::crossings_in_words)
        .collect();
    let warnings = read_words::warnings(run, study, need, choice.as_ref());
    Ok(Advice {
        need: need.clone(),
        mmap_against_pread: contest(study),
        flags: flags(study, &standings),
        choice,
        crossings,
        warnings,
        scenarios: vec![study.scenario.id.clone()],
        run: run.id.clone(),
    })
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

/// A method and its ratio to the baseline.
struct Standing<'a> {
    case: &'a Case,
    ratio: Figure,
}

impl Standing<'_> {
    fn rival(&self) -> Rival {
        Rival { method: self.case.method.clone(), figures: vec![self.ratio] }
    }
}

/// Those with an interval, the best first.
fn standings(study: &Study) -> Vec<Standing<'_>> {
    let standing = |case| Some(Standing { case, ratio: ratio(study, case)? });
    rows::measured(study).into_iter().filter_map(standing).collect()
}

/// A case's ratio to the baseline, where it has an interval.
fn ratio(study: &Study, case: &Case) -> Option<Figure> {
    if rows::is_baseline(study, case) {
        return Some(Figure { estimate: 1.0, low: 1.0, high: 1.0 });
    }
    let ratio = case.ratio?;
    Some(Figure { estimate: ratio.estimate, low: ratio.low?, high: ratio.high? })
}

fn setting(study: &Study) -> [Setting; 1] {
    [Setting { history: None, margin: study.margin }]
}

fn choose(study: &Study, standings: &[Standing<'_>], plainness: Plainness<'_>) -> Option<Choice> {
    let rivals: Vec<Rival> = standings.iter().map(Standing::rival).collect();
    let Ranking { chosen, tied, next } = ranking::rank(&rivals, &setting(study), plainness)?;
    let best = standings[chosen].case;
    let time = best.ns_per_op?;
    let used = best.bytes_per_op.filter(|bytes| *bytes > 0);
    let is_cold = study.scenario.state.as_deref() == Some("cold");
    let read = best.per_op.and_then(|per_op| per_op.device_read_bytes).filter(|_| is_cold);
    Some(Choice {
        method: best.method.clone(),
        ns: time.estimate,
        low_ns: time.low,
        high_ns: time.high,
        p99_ns: best.latency.as_ref().and_then(|latency| latency.p99).map(|ns| ns as f64),
        bytes_per_second: used.map(|bytes| bytes as f64 * 1e9 / time.estimate),
        read_amplification: read.zip(used).map(|(read, used)| read / used as f64),
        memory_bytes: best.phases.and_then(|phases| phases.memory_bytes),
        next,
        as_good: tied.iter().map(|margin| margin.method.clone()).collect(),
        tied,
    })
}

/// A plain mapping against plain reads, the two that everyone asks about.
fn contest(study: &Study) -> Contest {
    const READ: &str = "pread";
    const MAP: &str = "mmap";
    let measured = rows::measured(study);
    let named = |method: &str| measured.iter().copied().find(|case| case.method == method);
    let time = |method: &str| Some(named(method)?.ns_per_op?.estimate);
    let figure = |method: &str| ratio(study, named(method)?);
    if let (Some(mmap), Some(read), Some(mapped), Some(called)) = (time(MAP), time(READ), figure(MAP), figure(READ)) {
        let ratio = Figure {
            estimate: mapped.estimate / called.estimate,
            low: mapped.low / called.high,
            high: mapped.high / called.low,
        };
        return Contest::of(READ, [mmap, read], ratio, study.margin);
    }
    let why = |method: &str| {
        let case = study.cases.iter().find(|case| case.method == method);
        match case {
            None => Some(format!("{method} is not in this study")),
            Some(case) if case.status != Status::Ok => Some(format!("{method}: {}", rows::reason(case))),
            Some(_) if figure(method).is_none() => {
                Some(format!("{method} has no interval: a larger --budget gives it time"))
            }
            Some(_) => None,
        }
    };
    let reasons: Vec<String> = [MAP, READ].into_iter().filter_map(why).collect();
    Contest::unknown(READ, time(MAP), time(READ), reasons.join("; "))
}

fn flags(study: &Study, standings: &[Standing<'_>]) -> Vec<Flag> {
    let of = |plain: &str| {
        let without = standings.iter().find(|standing| standing.case.method == plain)?.rival();
        let prefix = format!("{plain}+");
        let with = standings.iter().filter(move |standing| standing.case.method.starts_with(&prefix));
        let plain = plain.to_owned();
        Some(with.filter_map(move |with| {
            without.margin(&with.rival(), &setting(study)).map(|found| Flag::of(&plain, found, study.margin))
        }))
    };
    ["mmap", "pread"].into_iter().filter_map(of).flatten().collect()
}
