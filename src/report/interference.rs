//! What must be said of what others did meanwhile, and of evidence that could not be had?

use std::collections::BTreeMap;

use super::{rows, units};
use crate::results::model::{Batches, Disturbed, Study};

/// Less than this part of the batches is not worth a word.
const LEAST: f64 = 0.01;

/// All of it, a sentence each.
pub fn sentences(study: &Study) -> Vec<String> {
    disturbed(study).into_iter().chain(unknown_device_figures(study)).chain(missing(study)).collect()
}

/// What else happened on the machine, in one line: `Interference: other reads or writes on this disk in 38 % of the batches.`
pub fn disturbed(study: &Study) -> Option<String> {
    let null = study.null_control.iter().map(|null| &null.batches);
    let columns: Vec<&Batches> = rows::measured(study).into_iter().map(|case| &case.batches).chain(null).collect();
    let mut parts = Vec::new();
    for (kind, words) in Disturbed::NAMED {
        // Of what happens on a disk, only those batches tell that looked at it.
        let looked = columns.iter().filter(|batches| kind != Disturbed::DISK || !batches.device_read.is_empty());
        let all: Vec<Disturbed> = looked.flat_map(|batches| batches.disturbed.iter().copied()).collect();
        let seen = all.iter().filter(|batch| batch.any_of(kind)).count();
        let part = seen as f64 / all.len().max(1) as f64;
        if part >= LEAST {
            parts.push(format!("{words} in {} of the batches", whole_percent(part)));
        } else if kind == Disturbed::DISK
            && let Some(idle) = foreign_windows(study).filter(|part| *part >= LEAST)
        {
            parts.push(format!("other writes on this disk in {} of the idle windows", whole_percent(idle)));
        }
    }
    (!parts.is_empty()).then(|| format!("Interference: {}.", parts.join("; ")))
}

/// The share of idle windows in which the disk wrote for others.
fn foreign_windows(study: &Study) -> Option<f64> {
    let written = &study.idle.as_ref()?.device_written;
    Some(written.iter().filter(|bytes| **bytes > 0).count() as f64 / written.len().max(1) as f64)
}

fn whole_percent(part: f64) -> String {
    units::percent((part * 100.0).round() / 100.0)
}

/// More methods than this are counted, not named.
const NAMED: usize = 3;

/// Device figures that others may have moved too far, with the range in which each lies.
fn unknown_device_figures(study: &Study) -> Vec<String> {
    let mut grouped: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for case in rows::measured(study) {
        let Some(ranges) = &case.device_ranges else { continue };
        let figures = [
            ("device bytes written", Some(&ranges.written), units::bytes as fn(f64) -> String),
            ("flushes", ranges.flushes.as_ref(), units::count),
        ];
        for (what, range, text) in figures {
            let Some((range, reason)) = range.and_then(|range| Some((range, range.reason.as_ref()?))) else { continue };
            let between = format!("{} {} to {}", case.method, text(range.low), text(range.high));
            grouped.entry((what, reason)).or_default().push(between);
        }
    }
    let said = |((what, reason), each): ((&str, &str), Vec<String>)| match each.len() {
        0..=NAMED => format!("Unknown {what}: {reason} ({}).", each.join(", ")),
        many => format!("Unknown {what} of {many} methods: {reason}. Their ranges are in run.json."),
    };
    grouped.into_iter().map(said).collect()
}

/// Evidence that could not be had, with the methods that it is missing for.
fn missing(study: &Study) -> Vec<String> {
    let mut grouped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let measured = rows::measured(study);
    for case in &measured {
        for evidence in &case.proof.missing {
            grouped.entry(evidence).or_default().push(&case.method);
        }
    }
    let said = |(evidence, methods): (&str, Vec<&str>)| {
        let whose = if methods.len() == measured.len() { "all methods".to_owned() } else { methods.join(", ") };
        format!("Not verified for {whose}: {evidence}.")
    };
    grouped.into_iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::results::model::{DeviceRange, DeviceRanges, IdleWindows};

    /// A study of whose batches every second one was disturbed so, and all looked at the disk.
    fn study(disturbed: Disturbed) -> Study {
        let mut study = sample::edit_write_4k();
        study.null_control = None;
        for case in &mut study.cases {
            case.batches.ns = vec![9; 4];
            case.batches.disturbed = vec![disturbed, Disturbed::NONE, disturbed, Disturbed::NONE];
            case.batches.device_read = vec![Some(0); 4];
        }
        study
    }

    #[test]
    fn a_study_that_nothing_disturbed_and_one_of_an_earlier_release_say_nothing() {
        assert_eq!(sentences(&study(Disturbed::NONE)), [""; 0]);
        assert_eq!(sentences(&sample::edit_write_4k()), [""; 0]);
    }

    #[test]
    fn what_disturbed_a_study_is_one_line_with_its_share_of_the_batches() {
        assert_eq!(
            disturbed(&study(Disturbed::READS)).unwrap(),
            "Interference: other reads or writes on this disk in 50 % of the batches."
        );
        assert_eq!(
            disturbed(&study(Disturbed::WRITES | Disturbed::STEAL)).unwrap(),
            "Interference: other reads or writes on this disk in 50 % of the batches; CPU steal in 50 % of the batches."
        );
    }

    #[test]
    fn batches_that_did_not_look_at_the_disk_do_not_thin_out_its_share() {
        let mut study = study(Disturbed::WRITES);
        study.cases[0].batches.device_read.clear();
        study.cases[0].batches.disturbed.fill(Disturbed::NONE);
        assert!(disturbed(&study).unwrap().contains("in 50 % of the batches"));
    }

    #[test]
    fn writes_that_only_idle_windows_show_are_said_as_such() {
        let mut study = study(Disturbed::NONE);
        study.idle = Some(IdleWindows { device_written: vec![0, 4096, 0, 0], ..IdleWindows::default() });
        assert_eq!(disturbed(&study).unwrap(), "Interference: other writes on this disk in 25 % of the idle windows.");
    }

    #[test]
    fn an_unknown_figure_is_said_with_its_range_and_missing_evidence_with_its_methods() {
        let mut study = study(Disturbed::NONE);
        let reason = Some("another program writes to this disk".to_owned());
        let written = DeviceRange { low: 4096.0, high: 65536.0, reason };
        study.cases[0].device_ranges = Some(DeviceRanges { written, flushes: None });
        study.cases[1].proof.missing = vec!["flushes: they are not counted for this disk".to_owned()];
        let (first, second) = (study.cases[0].method.clone(), study.cases[1].method.clone());
        assert_eq!(
            sentences(&study),
            [
                format!(
                    "Unknown device bytes written: another program writes to this disk ({first} 4.0 KiB to 64.0 KiB)."
                ),
                format!("Not verified for {second}: flushes: they are not counted for this disk."),
            ]
        );
        study.cases.iter_mut().for_each(|case| case.proof.missing = vec!["own storage reads".to_owned()]);
        assert!(sentences(&study)[1].starts_with("Not verified for all methods: own storage reads"));
    }
}
