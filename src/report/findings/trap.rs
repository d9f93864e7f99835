//! Which method of a study costs far more than the baseline, what goes with it, and what avoids it?

use crate::report::{columns::Column, units};
use crate::results::model::{Case, Study, Verdict};

use super::{Resolved, baseline, cause, with_interval, with_verdict};

/// From this ratio on a method is a trap.
const FAR: f64 = 2.0;

/// The slowest method that is far slower than the baseline and does more of what both do.
pub fn trap(study: &Study) -> Option<(String, f64)> {
    let base = baseline(study)?;
    let far = with_verdict(study, Verdict::Slower).into_iter().rev().filter(|slower| slower.ratio.estimate >= FAR);
    let (worst, excess) = far.filter_map(|slower| Some((slower, surprise(study, &slower, base)?))).next()?;
    let mut text = format!("`{}` takes {} the time of `{}`.", worst.case.method, with_interval(&worst), base.method);
    text += &cause::in_words(study, worst.case, base);
    let weight = worst.ratio.estimate.ln();
    match remedy(study, &worst, &excess) {
        Some(better) => {
            let amount = in_words(excess.column, excess.column.value(study, better.case)?);
            text += &format!(" `{}` avoids it: {amount}, {} the time.", better.case.method, with_interval(&better));
            Some((text, weight + 0.5))
        }
        None => Some((text, weight)),
    }
}

/// What `slower` does more of, where that is news: not that it uses a device which the baseline leaves alone, nor that it takes time.
fn surprise(study: &Study, slower: &Resolved<'_>, base: &Case) -> Option<cause::Excess> {
    let excess = cause::excesses(study, slower.case, base).into_iter().next()?;
    match excess.column {
        Column::DeviceRead | Column::DeviceWritten => (excess.less >= 512.0).then_some(excess),
        Column::System => None,
        _ => Some(excess),
    }
}

/// The fastest method of the same kind (`mmap+…`) that is known to be faster than `worst` and has at most half of its excess.
fn remedy<'a>(study: &'a Study, worst: &Resolved<'_>, excess: &cause::Excess) -> Option<Resolved<'a>> {
    let fine = |found: &Resolved<'_>| {
        kind(found.case) == kind(worst.case)
            && found.high < worst.low
            && excess.column.value(study, found.case).is_some_and(|value| value <= 0.5 * excess.more)
    };
    [Verdict::Faster, Verdict::Equal, Verdict::Slower]
        .into_iter()
        .flat_map(|verdict| with_verdict(study, verdict))
        .find(fine)
}

fn kind(case: &Case) -> &str {
    case.method.split(['+', '(', ' ', '|']).next().unwrap_or(&case.method)
}

fn in_words(column: Column, value: f64) -> String {
    match column {
        Column::DeviceWritten => format!("{} written", units::bytes(value)),
        Column::DeviceRead => format!("{} read", units::bytes(value)),
        other => format!("{} {}", units::count(value), other.heading()),
    }
}
