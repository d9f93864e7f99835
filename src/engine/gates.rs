//! Which rounds count: by what a batch can explain, never by how long it took.

use std::ops::RangeInclusive;

use super::method::{Flaw, Measured};
use super::protocol::Batch;

/// Device bytes that nobody needs to explain: a log line, a timestamp.
const SLACK_BYTES: u64 = 64 << 10;

/// A case with more than this part of its rounds dropped is `failed`.
pub const MOST_DROPPED: f64 = 0.2;

/// What of a measured batch contradicts its case, if anything.
pub fn flaw(measured: &Measured) -> Option<Flaw> {
    let Measured { usage, disk, account, .. } = measured;
    counted("minor faults", usage.minor_faults, &account.minor_faults)
        .or_else(|| counted("major faults", usage.major_faults, &account.major_faults))
        .or_else(|| {
            let disk = disk.as_ref()?;
            foreign("device bytes read", disk.read_bytes, account.device_read.as_ref())
                .or_else(|| foreign("device bytes written", disk.written_bytes, account.device_written.as_ref()))
        })
}

fn counted(what: &str, seen: u64, expected: &RangeInclusive<u64>) -> Option<Flaw> {
    (!expected.contains(&seen)).then(|| Flaw {
        code: format!("{what} contradict the case"),
        detail: format!("{seen} {what}, {} to {} expected", expected.start(), bound(*expected.end())),
    })
}

/// Bytes beyond what the case explains, by more than the slack or a quarter: someone else used the disk.
fn foreign(what: &str, seen: u64, explained: Option<&RangeInclusive<u64>>) -> Option<Flaw> {
    let explained = explained?;
    let allow = |bytes: u64| SLACK_BYTES.max(bytes / 4);
    let low = explained.start().saturating_sub(allow(*explained.start()));
    let high = explained.end().saturating_add(allow(*explained.end()));
    (!(low..=high).contains(&seen)).then(|| Flaw {
        code: format!("{what} that the case cannot explain"),
        detail: format!("{seen} {what}, {} to {} expected", explained.start(), bound(*explained.end())),
    })
}

fn bound(end: u64) -> String {
    if end == u64::MAX { "any".to_owned() } else { end.to_string() }
}

/// Steady batches of one case whose device bytes stand far from the case's own median: foreign I/O that the bounds were too wide to see.
/// Gives the indices, with what was seen.
pub fn outlying_device_bytes(batches: &[&Batch]) -> Vec<(usize, Flaw)> {
    let totals: Vec<(usize, u64)> = batches
        .iter()
        .enumerate()
        .filter(|(_, batch)| batch.steady && batch.flaw.is_none())
        .filter_map(|(index, batch)| batch.disk.map(|disk| (index, disk.read + disk.written)))
        .collect();
    let as_float: Vec<f64> = totals.iter().map(|(_, bytes)| *bytes as f64).collect();
    let Some(median) = crate::stats::median(&as_float) else { return Vec::new() };
    let allowed = (SLACK_BYTES as f64).max(median / 4.0);
    totals
        .into_iter()
        .filter(|(_, bytes)| (*bytes as f64 - median).abs() > allowed)
        .map(|(index, bytes)| {
            let detail = format!("{bytes} device bytes, {median:.0} in the median batch of the case");
            (index, Flaw { code: "device bytes far from the case's own".to_owned(), detail })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::protocol::DiskCounts;

    fn batch(bytes: u64) -> Batch {
        Batch { disk: Some(DiskCounts { read: 0, written: bytes, flushes: None }), steady: true, ..Batch::default() }
    }

    #[test]
    fn a_count_outside_of_what_the_case_explains_is_a_flaw() {
        assert_eq!(counted("minor faults", 16, &(16..=17)), None);
        assert_eq!(counted("minor faults", 18, &(16..=17)).unwrap().detail, "18 minor faults, 16 to 17 expected");
        assert!(counted("major faults", 0, &(1..=u64::MAX)).unwrap().detail.ends_with("1 to any expected"));
    }

    #[test]
    fn device_bytes_have_slack_of_64_kib_or_a_quarter() {
        assert_eq!(foreign("bytes", 65_536, Some(&(0..=0))), None);
        assert!(foreign("bytes", 65_537, Some(&(0..=0))).is_some());
        assert_eq!(foreign("bytes", 750_000, Some(&(1_000_000..=2_000_000))), None);
        assert!(foreign("bytes", 749_999, Some(&(1_000_000..=2_000_000))).is_some());
        assert_eq!(foreign("bytes", 2_500_000, Some(&(1_000_000..=2_000_000))), None);
        assert_eq!(foreign("bytes", 9_999_999, None), None);
    }

    #[test]
    fn a_batch_far_from_its_case_s_median_is_foreign_io() {
        let own = [batch(400_000), batch(410_000), batch(5_000_000), batch(395_000)];
        let seen: Vec<usize> =
            outlying_device_bytes(&own.iter().collect::<Vec<_>>()).into_iter().map(|(i, _)| i).collect();
        assert_eq!(seen, [2]);
    }

    #[test]
    fn a_case_whose_bytes_vary_by_nature_is_not_foreign_io() {
        let own = [660, 1130, 740, 1300].map(|kib| Batch { steady: false, ..batch(kib << 10) });
        assert!(outlying_device_bytes(&own.iter().collect::<Vec<_>>()).is_empty());
    }
}
