//! Whether every study can be drawn, and the drawing be put anywhere.

use super::*;
use crate::report::sample::{self, Change, HOSTILE};
use crate::report::well_formed;
use crate::results::model::{Study, Verdict};

fn ratios_of(study: &Study) -> Plot {
    ratios(study).unwrap().unwrap()
}

/// A study of `pread` at 1 and one other.
fn of_two(ratio: f64, interval: Option<(f64, f64)>) -> Study {
    let cases = vec![
        sample::case("pread", 100.0),
        sample::case("mmap", 100.0 * ratio).ratio(ratio, interval, Verdict::Unresolved),
    ];
    sample::study("page_touch", "q", &[], [None; 3], cases)
}

#[test]
fn every_study_with_a_comparison_has_its_ratios() {
    for study in sample::run().studies {
        let plot = ratios(&study).unwrap();
        let compared = study.cases.iter().any(|case| case.ratio.is_some());
        assert_eq!(plot.is_some(), compared, "{}", study.scenario.id);
        if let Some(plot) = plot {
            let svg = plot.standalone();
            well_formed::check(&svg);
            for case in study.cases.iter().filter(|case| case.ratio.is_some()) {
                assert!(svg.contains(&case.method.replace('&', "&amp;")), "{} is missing in {svg}", case.method);
            }
        }
    }
}

#[test]
fn ratios_of_any_size_can_be_drawn() {
    for (ratio, interval) in [
        (1.0, None),
        (1.0, Some((1.0, 1.0))),
        (0.001, Some((0.0009, 0.0011))),
        (1000.0, Some((900.0, 1200.0))),
        (1000.0, Some((0.001, 1e9))),
        (2.0, Some((0.0, f64::INFINITY))),
    ] {
        let svg = ratios_of(&of_two(ratio, interval)).standalone();
        well_formed::check(&svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
fn a_ratio_that_no_logarithm_has_is_left_to_the_table() {
    for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(ratios(&of_two(odd, None)).unwrap(), None);
    }
}

#[test]
fn latencies_are_drawn_where_there_are_any() {
    let svg = latencies(&sample::edit_write_1m()).unwrap().unwrap().standalone();
    well_formed::check(&svg);
    for word in ["p50", "p90", "p99", "p99.9", "max", "mmap+msync(MS_SYNC)"] {
        assert!(svg.contains(word), "{word} is missing in {svg}");
    }
    assert_eq!(latencies(&sample::touch_mapped()).unwrap(), None);
    assert_eq!(latencies(&sample::touch_failed()).unwrap(), None);
}

#[test]
fn a_percentile_that_is_not_known_is_not_drawn() {
    let mut study = of_two(2.0, None);
    study.cases.truncate(1);
    let marks = |study: &Study| latencies(study).unwrap().unwrap().inline().matches("<circle").count();
    study.cases[0].latency = Some(sample::latency(100.0, 20_000));
    // One more stands in the legend.
    assert_eq!(marks(&study), 6);
    study.cases[0].latency = Some(sample::latency(100.0, 500));
    assert_eq!(marks(&study), 4);
    study.cases[0].latency = Some(sample::latency(100.0, 5));
    assert_eq!(latencies(&study).unwrap(), None);
}

#[test]
fn names_are_escaped_and_cut() {
    let mut study = of_two(2.0, None);
    study.cases[1].method = HOSTILE.to_owned();
    study.baseline = format!("{HOSTILE}{}", "x".repeat(200));
    study.cases[0].method = study.baseline.clone();
    study.scenario.question = HOSTILE.to_owned();
    for plot in [ratios_of(&study), latencies(&study).unwrap().unwrap()] {
        for svg in [plot.standalone(), plot.inline()] {
            well_formed::check(&svg);
            assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
            let drawn = svg.lines().filter(|line| !line.starts_with('<'));
            assert!(
                drawn.into_iter().all(|text| !text.contains(&"x".repeat(60))),
                "a name runs out of its plot: {svg}"
            );
        }
    }
}

#[test]
fn a_plot_in_a_page_refers_to_nothing_outside() {
    let plot = ratios_of(&sample::edit_write_1m());
    assert!(!plot.inline().contains("http"));
    assert!(plot.standalone().contains("xmlns=\"http://www.w3.org/2000/svg\""));
    for svg in [plot.inline(), plot.standalone()] {
        assert!(svg.contains("role=\"img\"") && svg.contains("<title>") && svg.contains("viewBox=\"0 0 920 "), "{svg}");
        assert!(!svg.contains(" id="), "an id could meet another of the page: {svg}");
    }
}
