//! How much may the harness add to an operation, and did it?

use std::fmt;

use pagewise::results::model::{Status, Study};

/// Operations of this many ns and more may cost at most [`LONG`] of their time more.
const LONG_NS: f64 = 200.0;
/// The part of a long operation.
const LONG: f64 = 0.02;
/// The part of a short operation…
const SHORT: f64 = 0.05;
/// … or so many ns, whichever is more.
const SHORT_NS: f64 = 1.0;
/// A stamp may cost so many ns more than the clock's own two reads.
const STAMP_NS: f64 = 30.0;

/// The greatest ratio to a bare loop that takes `bare` ns an operation.
pub fn of_operation(bare: f64) -> f64 {
    if bare >= LONG_NS { 1.0 + LONG } else { 1.0 + SHORT.max(SHORT_NS / bare) }
}

/// The greatest ratio of a stamp to the clock's own two reads, which take `reads` ns.
pub fn of_stamp(reads: f64) -> f64 {
    1.0 + STAMP_NS / reads
}

/// What an interval says of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it lies below, and not all of it as far below 1: the harness costs no more.
    Within,
    /// All of it lies above: the harness costs too much.
    Over,
    /// All of it lies as far below 1: the loop that we compare with is not the quickest.
    Under,
    /// The bound lies within, or there is no interval.
    Unresolved,
}

impl fmt::Display for Verdict {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::Within => "within",
            Self::Over => "over",
            Self::Under => "under",
            Self::Unresolved => "unresolved",
        })
    }
}

/// What `low` to `high` says of `bound`.
pub fn verdict(low: f64, high: f64, bound: f64) -> Verdict {
    if low > bound {
        Verdict::Over
    } else if high < 1.0 / bound {
        Verdict::Under
    } else if high <= bound {
        Verdict::Within
    } else {
        Verdict::Unresolved
    }
}

/// A method beside its bare loop.
#[derive(Clone, Debug)]
pub enum Row {
    /// Measured.
    Compared {
        /// Time an operation of the bare loop and of the method, in ns.
        ns: [f64; 2],
        /// The method's time over the loop's.
        ratio: f64,
        /// The ratio's interval.
        interval: Option<(f64, f64)>,
        /// The greatest ratio allowed.
        bound: f64,
        /// What the interval says of it.
        verdict: Verdict,
    },
    /// It cannot be done here, with the reason.
    Unavailable(String),
    /// It went wrong.
    Failed(String),
}

impl Row {
    /// What `study`, of a bare loop and a method, says. `bound` gives the greatest ratio allowed, from the loop's time.
    pub fn of(study: &Study, bound: fn(f64) -> f64) -> Self {
        for case in &study.cases {
            let reason = case.reason.clone().unwrap_or_default();
            match case.status {
                Status::Ok => {}
                Status::Unavailable => return Self::Unavailable(reason),
                Status::Failed => return Self::Failed(format!("{}: {reason}", case.method)),
            }
        }
        let ns = |place: usize| Some(study.cases.get(place)?.ns_per_op.as_ref()?.estimate);
        let ratio = study.cases.get(1).and_then(|case| case.ratio.as_ref());
        let (Some(bare), Some(ours), Some(ratio)) = (ns(0), ns(1), ratio) else {
            return Self::Failed("no round of it held".to_owned());
        };
        let interval = ratio.low.zip(ratio.high);
        let bound = bound(bare);
        let verdict = match interval {
            Some((low, high)) if !study.tainted => verdict(low, high, bound),
            _ => Verdict::Unresolved,
        };
        Self::Compared { ns: [bare, ours], ratio: ratio.estimate, interval, bound, verdict }
    }
}
