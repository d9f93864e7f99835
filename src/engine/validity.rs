//! Which batches are valid: by the evidence of what the case itself did, never by how long it took, nor by what others did meanwhile.
//!
//! Others can only add to what a device counts. So a device that did too little is evidence against the case, and one
//! that did more is interference ([`super::interference`]).

use std::ops::RangeInclusive;

use super::method::{Flaw, Measured};

/// Bytes that a cold batch may read beyond its pages: metadata.
const SLACK_BYTES: u64 = 64 << 10;

/// A case with more than this part of its rounds dropped is `failed`.
pub const MOST_DROPPED: f64 = 0.2;

/// What of a measured batch contradicts its case, if anything. `own_reads_counted` says whether the process's own count of what it
/// reads from storage is evidence here ([`crate::os::own_reads`]).
pub fn flaw(measured: &Measured, own_reads_counted: bool) -> Option<Flaw> {
    let Measured { usage, disk, account, .. } = measured;
    // A fault by which the kernel samples memory accesses is not the case's (NUMA balancing).
    let minor_faults = *account.minor_faults.start()..=account.minor_faults.end().saturating_add(measured.hint_faults);
    counted("minor faults", usage.minor_faults, &minor_faults)
        .or_else(|| counted("major faults", usage.major_faults, &account.major_faults))
        .or_else(|| own_reading(usage.read_bytes, account.device_read.as_ref().filter(|_| own_reads_counted)?))
        .or_else(|| {
            let disk = disk.as_ref().filter(|_| account.uses_device())?;
            let least = |range: &Option<RangeInclusive<u64>>| range.as_ref().map_or(0, |range| *range.start());
            too_little("read", disk.read_bytes, least(&account.device_read))
                .or_else(|| too_little("written", disk.written_bytes, least(&account.device_written)))
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
fn own_reading(seen: u64, expected: &RangeInclusive<u64>) -> Option<Flaw> {
    let most = if *expected.end() == 0 { 0 } else { expected.end().saturating_add(SLACK_BYTES) };
    let reason = if seen > most {
        "more was read from the device than the case's state allows"
    } else if seen < *expected.start() {
        "less was read from the device than the case's state asks for"
    } else {
        return None;
    };
    let detail = format!("{seen} bytes, {} to {} expected", expected.start(), bound(*expected.end()));
    Some(Flaw { code: reason.to_owned(), detail })
}

/// Bytes that are missing have no slack, since nobody else can take them away: the case did not do what it is called.
fn too_little(what: &str, seen: u64, least: u64) -> Option<Flaw> {
    (seen < least).then(|| Flaw {
        code: format!("fewer device bytes {what} than the case needs"),
        detail: format!("{seen} bytes {what}, at least {least} expected"),
    })
}

/// A durable edit ends with the device's cache flushed; one alone at a time, so that no two share a flush (block/blk-flush.c).
fn not_flushed(seen: u64, least: u64) -> Option<Flaw> {
    (seen < least).then(|| Flaw {
        code: "the device was not flushed".to_owned(),
        detail: format!("{seen} flushes, at least {least} expected; a filesystem mounted without barriers sends none"),
    })
}

fn bound(end: u64) -> String {
    if end == u64::MAX { "any".to_owned() } else { end.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::method::Account;
    use crate::os::disk::DiskStat;
    use crate::os::usage::Usage;

    #[test]
    fn a_count_outside_of_what_the_case_explains_is_a_flaw() {
        assert_eq!(counted("minor faults", 16, &(16..=17)), None);
        assert_eq!(counted("minor faults", 18, &(16..=17)).unwrap().detail, "18 minor faults, 16 to 17 expected");
        assert!(counted("major faults", 0, &(1..=u64::MAX)).unwrap().detail.ends_with("1 to any expected"));
    }

    #[test]
    fn a_warm_batch_reads_nothing_and_a_cold_one_each_of_its_pages_itself() {
        let (warm, cold) = (0..=0, 4096..=1 << 20);
        assert_eq!(own_reading(0, &warm), None);
        assert!(own_reading(4096, &warm).unwrap().code.starts_with("more was read"));
        assert_eq!(own_reading(4096, &cold), None);
        assert!(own_reading(4095, &cold).unwrap().code.starts_with("less was read"));
        assert_eq!(own_reading((1 << 20) + SLACK_BYTES, &cold), None);
        assert!(own_reading((1 << 20) + SLACK_BYTES + 1, &cold).is_some());
    }

    /// A batch with this on the disk and in the process's own count of what it read.
    fn measured(own_read: u64, disk: DiskStat, account: Account) -> Measured {
        let usage = Usage { read_bytes: own_read, ..Usage::default() };
        Measured { ns: 1, usage, disk: Some(disk), account, ..Measured::default() }
    }

    #[test]
    fn where_own_reads_are_not_counted_they_are_no_evidence() {
        let cold = Account { device_read: Some(4096..=8192), ..Account::quiet(1, 1, 1) };
        // What the device read in all is evidence all the same: others can only add to it.
        let read = |read_bytes| measured(0, DiskStat { read_bytes, ..DiskStat::default() }, cold.clone());
        assert_eq!(flaw(&read(0), false).unwrap().code, "fewer device bytes read than the case needs");
        let unread = read(4096);
        assert!(flaw(&unread, true).is_some());
        assert_eq!(flaw(&unread, false), None);
    }

    #[test]
    fn what_others_read_and_write_is_no_flaw_however_much_it_is() {
        let busy = DiskStat { read_bytes: 9 << 20, written_bytes: 9 << 20, flushes: Some(99), ..DiskStat::default() };
        let durable = Account { device_written: Some(512..=4096), device_flushes: 2, ..Account::quiet(2, 2, 1) };
        for account in [Account::quiet(1, 1, 1), durable] {
            assert_eq!(flaw(&measured(0, busy, account), true), None);
        }
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
    fn faults_of_numa_balancing_are_not_the_case_s() {
        let usage = Usage { minor_faults: 3, ..Usage::default() };
        let batch =
            |hint_faults| Measured { usage, hint_faults, account: Account::quiet(1, 1, 1), ..Measured::default() };
        assert!(flaw(&batch(2), true).is_some());
        assert_eq!(flaw(&batch(3), true), None);
    }
}
