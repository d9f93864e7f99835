//! Which rounds count: by what a batch can explain, never by how long it took.

use std::ops::RangeInclusive;

use super::method::{Flaw, Measured};
use super::protocol::Batch;

/// Device bytes that nobody needs to explain: a log line, a timestamp.
const SLACK_BYTES: u64 = 64 << 10;

/// A case with more than this part of its rounds dropped is `failed`.
pub const MOST_DROPPED: f64 = 0.2;

/// What of a measured batch contradicts its case, if anything. `bytes_counted` says whether the kernel counts what a process reads
/// ([`crate::os::usage::counts_bytes`]).
pub fn flaw(measured: &Measured, bytes_counted: bool) -> Option<Flaw> {
    let Measured { usage, disk, account, .. } = measured;
    counted("minor faults", usage.minor_faults, &account.minor_faults)
        .or_else(|| counted("major faults", usage.major_faults, &account.major_faults))
        .or_else(|| {
            // Where the files are on no block device, reading them need not show in what the process read from one.
            let least_counts = bytes_counted && disk.is_some();
            own_reading(usage.read_bytes, account.device_read.as_ref()?, least_counts)
        })
        .or_else(|| {
            let disk = disk.as_ref()?;
            // What the process asked for last may still be under way, as readahead is.
            let own = bytes_counted.then_some(0..=usage.read_bytes);
            foreign("device bytes read", disk.read_bytes, account.device_read.as_ref())
                .or_else(|| foreign("device bytes read", disk.read_bytes, own.as_ref()))
                .or_else(|| foreign("device bytes written", disk.written_bytes, account.device_written.as_ref()))
                .or_else(|| not_flushed(disk.flushes?, account.device_flushes))
        })
}

fn counted(what: &str, seen: u64, expected: &RangeInclusive<u64>) -> Option<Flaw> {
    (!expected.contains(&seen)).then(|| Flaw {
        code: format!("{what} contradict the case"),
        detail: format!("{seen} {what}, {} to {} expected", expected.start(), bound(*expected.end())),
    })
}

/// What the process itself had read, which no one else's I/O is in: in a cold batch no less than its pages, since a page that it did not read
/// was brought in by someone else; in a warm one nothing, since a page that it had to read was evicted after it was seen in the cache.
/// Above, a cold batch has slack for metadata.
fn own_reading(seen: u64, expected: &RangeInclusive<u64>, least_counts: bool) -> Option<Flaw> {
    let most = if *expected.end() == 0 { 0 } else { expected.end().saturating_add(SLACK_BYTES) };
    let reason = if seen > most {
        "more was read from the device than the case's state allows"
    } else if seen < *expected.start() && least_counts {
        "less was read from the device than the case's state asks for"
    } else {
        return None;
    };
    let detail = format!("{seen} bytes, {} to {} expected", expected.start(), bound(*expected.end()));
    Some(Flaw { code: reason.to_owned(), detail })
}

/// Bytes beyond what the case explains, by more than the slack or a quarter: someone else used the disk. Bytes that are missing have no
/// slack, since nobody else can take them away: the case did not do what it is called.
fn foreign(what: &str, seen: u64, explained: Option<&RangeInclusive<u64>>) -> Option<Flaw> {
    let explained = explained?;
    let (least, most) = (*explained.start(), *explained.end());
    let code = if seen > most.saturating_add(SLACK_BYTES.max(most / 4)) {
        format!("{what} that the case cannot explain")
    } else if seen < least {
        format!("fewer {what} than the case needs")
    } else {
        return None;
    };
    Some(Flaw { code, detail: format!("{seen} {what}, {least} to {} expected", bound(most)) })
}

/// A durable edit ends with the device's cache flushed; one alone at a time, so that no two share a flush (block/blk-flush.c).
fn not_flushed(seen: u64, least: u64) -> Option<Flaw> {
    (seen < least).then(|| Flaw {
        code: "the device was not flushed".to_owned(),
        detail: format!("{seen} flushes, at least {least} expected; a filesystem mounted without barriers sends none"),
    })
}

/// Who used the disk between the batches of a round: a case that has wide bounds for what it writes may have hidden them within.
/// `written` is what the disk wrote while cases were prepared that made nothing dirty themselves.
pub fn disturbed(written: u64) -> Option<Flaw> {
    (written > SLACK_BYTES).then(|| Flaw {
        code: "someone else writes to the disk".to_owned(),
        detail: format!("{written} device bytes written between the batches of a round, when the cases wrote nothing"),
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
    use crate::engine::method::Account;
    use crate::engine::protocol::DiskCounts;
    use crate::os::disk::DiskStat;
    use crate::os::usage::Usage;

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
    fn device_bytes_beyond_a_case_have_slack_of_64_kib_or_a_quarter_and_missing_ones_none() {
        assert_eq!(foreign("bytes", 1_000_000, Some(&(1_000_000..=2_000_000))), None);
        let missing = foreign("bytes", 999_999, Some(&(1_000_000..=2_000_000))).unwrap();
        assert_eq!(missing.code, "fewer bytes than the case needs");
        assert_eq!(foreign("bytes", 65_536, Some(&(0..=0))), None);
        assert!(foreign("bytes", 65_537, Some(&(0..=0))).is_some());
        assert_eq!(foreign("bytes", 2_500_000, Some(&(1_000_000..=2_000_000))), None);
        assert_eq!(foreign("bytes", 9_999_999, None), None);
    }

    #[test]
    fn a_warm_batch_reads_nothing_and_a_cold_one_each_of_its_pages_itself() {
        let (warm, cold) = (0..=0, 4096..=1 << 20);
        assert_eq!(own_reading(0, &warm, true), None);
        assert!(own_reading(4096, &warm, true).unwrap().code.starts_with("more was read"));
        assert_eq!(own_reading(4096, &cold, true), None);
        assert!(own_reading(4095, &cold, true).unwrap().code.starts_with("less was read"));
        assert_eq!(own_reading(0, &cold, false), None, "where the kernel does not count, 0 says nothing");
        assert_eq!(own_reading((1 << 20) + SLACK_BYTES, &cold, true), None);
        assert!(own_reading((1 << 20) + SLACK_BYTES + 1, &cold, true).is_some());
    }

    /// A batch with this on the disk and in the process's own count of what it read.
    fn measured(own_read: u64, disk: DiskStat, account: Account) -> Measured {
        let usage = Usage { read_bytes: own_read, ..Usage::default() };
        Measured { ns: 1, usage, disk: Some(disk), written_before: 0, account }
    }

    #[test]
    fn a_foreign_reader_shows_by_what_the_process_did_not_read_however_wide_the_case_s_bounds_are() {
        let account = || Account { device_read: Some(0..=u64::MAX), ..Account::quiet(1, 1, 1) };
        let disk = |read_bytes| DiskStat { read_bytes, ..DiskStat::default() };
        assert_eq!(flaw(&measured(1 << 20, disk(1 << 20), account()), true), None);
        assert_eq!(flaw(&measured(1 << 20, disk(0), account()), true), None, "readahead may still be under way");
        let seen = flaw(&measured(1 << 20, disk(9 << 20), account()), true).unwrap();
        assert_eq!(seen.code, "device bytes read that the case cannot explain");
        assert_eq!(flaw(&measured(0, disk(9 << 20), account()), false), None);
    }

    #[test]
    fn a_durable_batch_without_its_bytes_or_its_flushes_was_not_durable() {
        let account = || Account { device_written: Some(512..=1 << 20), device_flushes: 2, ..Account::quiet(2, 2, 1) };
        let disk = |written_bytes, flushes| DiskStat { written_bytes, flushes, ..DiskStat::default() };
        assert_eq!(flaw(&measured(0, disk(4096, Some(2)), account()), true), None);
        assert_eq!(flaw(&measured(0, disk(4096, None), account()), true), None);
        let unwritten = flaw(&measured(0, disk(0, Some(2)), account()), true).unwrap();
        assert_eq!(unwritten.code, "fewer device bytes written than the case needs");
        let unflushed = flaw(&measured(0, disk(4096, Some(1)), account()), true).unwrap();
        assert_eq!(unflushed.code, "the device was not flushed");
    }

    #[test]
    fn a_log_line_between_batches_is_no_disturbance_and_a_copy_is() {
        assert_eq!(disturbed(SLACK_BYTES), None);
        assert!(disturbed(SLACK_BYTES + 1).unwrap().code.contains("someone else"));
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
