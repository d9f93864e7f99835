//! How to read a file that is larger than memory: by what was watched of files that many times a limit.
//!
//! Rates of a few seconds each, taken twice, have no exact interval: both figures stand for it.

use super::ranking::{self, Figure, Plainness, Ranking, Rival, Setting};
use super::read::{Advice, Choice, Contest, Flag};
use super::read_words;
use crate::report::beyond::figures::{self, Watched};
use crate::report::units;
use crate::results::model::{BeyondMemory, Reading, Run, TimeLine};

/// The advice for `need`; `None` where memory is large enough, or `run` did not watch such files.
pub(super) fn advise(run: &Run, need: &Reading, plainness: Plainness<'_>) -> Option<Advice> {
    let (times, seen) = (need.times_memory()?, run.beyond_memory.as_ref()?);
    let (limit, page) = (seen.limit_bytes?, f64::from(run.machine.page_size));
    let pattern = if need.pattern == "sequential" { "sequential" } else { "random" };
    let all: Vec<Watched<'_>> = figures::watched(seen, pattern)
        .into_iter()
        .filter(|group| group.bytes > limit && group.steady().is_some_and(|rate| rate > 0.0))
        .collect();
    let far = |group: &Watched<'_>| (group.bytes as f64 / limit as f64 / times).ln().abs();
    let bytes = all.iter().min_by(|a, b| far(a).total_cmp(&far(b)))?.bytes;
    let mut ways: Vec<Way<'_>> = all.iter().filter(|group| group.bytes == bytes).filter_map(Way::of).collect();
    ways.sort_by(|a, b| a.ns.total_cmp(&b.ns));
    let rivals: Vec<Rival> = ways.iter().map(Way::rival).collect();
    let Ranking { chosen, tied, next } = ranking::rank(&rivals, &TWO_TURNS, plainness)?;
    let best = &ways[chosen];
    let choice = Choice {
        method: best.group.method.to_owned(),
        ns: best.ns,
        low_ns: Some(best.low),
        high_ns: Some(best.high),
        p99_ns: None,
        bytes_per_second: Some(page * 1e9 / best.ns),
        read_amplification: best.group.read_per_used(page),
        memory_bytes: None,
        next,
        as_good: tied.iter().map(|margin| margin.method.clone()).collect(),
        tied,
    };
    Some(Advice {
        need: need.clone(),
        mmap_against_pread: contest(&ways, pattern),
        flags: flags(&ways),
        crossings: Vec::new(),
        warnings: warnings(run, seen, need, (bytes, limit), &choice),
        choice: Some(choice),
        scenarios: vec![format!(
            "files of {} within {}, watched",
            units::bytes(bytes as f64),
            units::bytes(limit as f64)
        )],
        run: run.id.clone(),
    })
}

/// A way of reading, and what a page took once the cache was full: of all readers together, in ns.
struct Way<'a> {
    group: &'a Watched<'a>,
    ns: f64,
    low: f64,
    high: f64,
}

impl<'a> Way<'a> {
    fn of(group: &'a Watched<'a>) -> Option<Self> {
        let each: Vec<f64> =
            group.each_steady().into_iter().filter(|rate| *rate > 0.0).map(|rate| 1e9 / rate).collect();
        let (low, high) = each.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), ns| (low.min(*ns), high.max(*ns)));
        Some(Self { group, ns: 1e9 / group.steady()?, low, high }).filter(|_| !each.is_empty())
    }

    fn rival(&self) -> Rival {
        let figure = Figure { estimate: self.ns, low: self.low, high: self.high };
        Rival { method: self.group.method.to_owned(), figures: vec![figure] }
    }
}

/// What was watched has no margin.
const TWO_TURNS: [Setting; 1] = [Setting { history: None, margin: 0.0 }];

/// A plain mapping against the reads of the same order.
fn contest(ways: &[Way<'_>], pattern: &str) -> Contest {
    let read = if pattern == "sequential" { "pread 256K" } else { "pread" };
    let named = |method: &str| ways.iter().find(|way| way.group.method == method);
    match (named("mmap"), named(read)) {
        (Some(mmap), Some(called)) => {
            let ratio =
                Figure { estimate: mmap.ns / called.ns, low: mmap.low / called.high, high: mmap.high / called.low };
            Contest::of(read, [mmap.ns, called.ns], ratio, TWO_TURNS[0].margin)
        }
        (mmap, called) => {
            let missing = if mmap.is_none() { "mmap" } else { read };
            let reason = format!("{missing} was not watched with such a file");
            Contest::unknown(read, mmap.map(|way| way.ns), called.map(|way| way.ns), reason)
        }
    }
}

fn flags(ways: &[Way<'_>]) -> Vec<Flag> {
    let Some(plain) = ways.iter().find(|way| way.group.method == "mmap") else { return Vec::new() };
    let told = ways.iter().filter(|way| way.group.method.starts_with("mmap+"));
    told.filter_map(|way| {
        plain.rival().margin(&way.rival(), &TWO_TURNS).map(|found| Flag::of("mmap", found, TWO_TURNS[0].margin))
    })
    .collect()
}

fn warnings(
    run: &Run,
    seen: &BeyondMemory,
    need: &Reading,
    (bytes, limit): (u64, u64),
    choice: &Choice,
) -> Vec<String> {
    let mut all: Vec<String> = read_words::of_mapping(choice).into_iter().collect();
    let is_of = |line: &&TimeLine| line.bytes == bytes && line.method == choice.method && line.readers > 0;
    // The first runs did not say it of each line.
    let readers = seen.lines.iter().find(is_of).map_or(seen.readers, |line| line.readers);
    let order = match need.pattern.as_str() {
        "sequential" => "from end to end".to_owned(),
        "random" => "at random".to_owned(),
        other => format!("at random, not {other}"),
    };
    all.push(format!(
        "Watched, not timed in rounds: a file {} times as large as the memory that may hold it, read {order}, a page at a time, by {readers} {}, once the \
         cache was full. What stands in brackets are the figures of two turns, not an exact interval; yours is {} times as large.",
        units::count(units::round(bytes as f64 / limit as f64, 2)),
        if readers == 1 { "thread" } else { "threads" },
        units::count(units::round(need.times_memory().unwrap_or(1.0), 2)),
    ));
    all.extend(crate::report::beyond::falls(seen, run.machine.page_size).into_iter().map(|said| said.replace('`', "")));
    all.extend(super::conditions(run));
    all
}

#[cfg(test)]
mod tests {
    use super::super::read::{self, Advice, Faster};
    use crate::report::sample;
    use crate::results::model::{BeyondMemory, Reading, Run};

    const MIB: u64 = 1 << 20;

    fn need(bytes: u64, memory: u64) -> Reading {
        Reading {
            bytes,
            used: 1.0,
            pattern: "random".to_owned(),
            record: 4096,
            passes: 1,
            state: "warm".to_owned(),
            job: "sum".to_owned(),
            memory: Some(memory),
        }
    }

    fn advised(run: &Run, need: &Reading) -> Result<Advice, String> {
        read::advise(run, need, &|method| usize::from(method != "pread"))
    }

    fn watched(reason: Option<&str>) -> Run {
        let line = |method, bytes, rate: f64| {
            sample::time_line("random", method, bytes, &[2.0 * rate, 2.0 * rate, rate, rate])
        };
        let lines = vec![
            line("pread", 8 * MIB, 1000.0),
            line("pread", 8 * MIB, 1200.0),
            line("mmap+MADV_RANDOM", 8 * MIB, 1150.0),
            line("mmap", 8 * MIB, 10.0),
            line("mmap", 2 * MIB, 5000.0),
            line("mmap", MIB / 2, 90_000.0),
        ];
        let lines = if reason.is_some() { Vec::new() } else { lines };
        let seen = BeyondMemory { limit_bytes: Some(MIB), readers: 16, reason: reason.map(str::to_owned), lines };
        Run { beyond_memory: Some(seen), studies: Vec::new(), warnings: Vec::new(), ..sample::run() }
    }

    #[test]
    fn a_file_larger_than_memory_is_advised_on_by_the_watched_file_that_is_as_many_times_as_large() {
        let advice = advised(&watched(None), &need(64 << 30, 8 << 30)).unwrap();
        let choice = advice.choice.as_ref().unwrap();
        assert_eq!(choice.method, "pread", "the plainer of two that are tied: one of its turns was quicker");
        assert_eq!(choice.as_good, ["mmap+MADV_RANDOM"]);
        let next = choice.next.as_ref().unwrap();
        assert_eq!((next.method.as_str(), next.ratio.round()), ("mmap", 110.0));
        assert_eq!(advice.mmap_against_pread.faster, Some(Faster::Read));
        assert!(advice.flags[0].method == "mmap+MADV_RANDOM" && advice.flags[0].high < 0.01, "{:?}", advice.flags);
        let text = read::text(&advice);
        assert!(
            text.contains("8 times as large") && text.contains("by 16 threads") && !text.contains("SIGBUS"),
            "{text}"
        );
        let twice = advised(&watched(None), &need(16 << 30, 8 << 30)).unwrap();
        assert_eq!(twice.choice.as_ref().unwrap().method, "mmap", "another size, another answer");
        let text = read::text(&twice);
        assert!(
            text.contains("SIGBUS") && text.contains("mmap against pread: not known: pread was not watched"),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_memory_can_hold_is_another_question_and_what_could_not_be_watched_says_why() {
        assert!(advised(&watched(None), &need(4 << 30, 8 << 30)).unwrap_err().contains("no study of page_touch"));
        let why = advised(&watched(Some("no controller")), &need(64 << 30, 8 << 30)).unwrap_err();
        assert!(why.contains("could not be watched: no controller"), "{why}");
    }
}
