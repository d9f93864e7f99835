//! Whether a reader that knows only docs/FORMAT.md agrees with what we write, and sees what is wrong with what we would not.

mod sample;
mod skips;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pagewise::results::store::save;
use serde_json::{Value, json};
use skips::{Lack, skip};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/validate");

/// Runs the script; `None` where there is no python3, and says so.
#[track_caller]
fn validate(arguments: &[&Path]) -> Option<Output> {
    match Command::new("python3").arg("-B").arg(SCRIPT).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            skip(Lack::Python, error);
            None
        }
    }
}

fn sample_as_json() -> Value {
    serde_json::to_value(sample::run()).unwrap()
}

/// What the script says of each of these runs, in one call: starting Python is slower than all that it does here.
#[track_caller]
fn said_of(runs: &[Value]) -> Option<Vec<String>> {
    let folder = TempDir::new().unwrap();
    let paths: Vec<PathBuf> = (0..runs.len()).map(|index| folder.path().join(format!("{index:04}.json"))).collect();
    for (run, path) in runs.iter().zip(&paths) {
        fs::write(path, run.to_string()).unwrap();
    }
    let output = validate(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let all_valid = said.lines().all(|line| line.contains(": valid "));
    assert_eq!(output.status.code(), Some(i32::from(!all_valid)), "{said}");
    let of = |path: &PathBuf| {
        said.lines().filter_map(|line| line.strip_prefix(path.to_str()?)).collect::<Vec<_>>().join("\n")
    };
    Some(paths.iter().map(of).collect())
}

#[test]
fn a_run_as_we_write_it_is_valid_and_every_figure_of_it_computes_again() {
    let folder = TempDir::new().unwrap();
    save(&sample::run(), folder.path()).unwrap();
    let Some(output) = validate(&[folder.path(), &folder.path().join("run.json")]) else {
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().count(), 2);
    assert!(said.lines().all(|line| line.contains("valid pagewise/run/v1: 5 studies, ")), "{said}");
    let figures: usize = said.split_whitespace().rev().nth(3).unwrap().parse().unwrap();
    assert!(figures > 150, "{said}");
}

/// Every kind of fault, by the place where the script must see it: (place in the JSON, what is put there, the place it names).
#[test]
fn each_fault_is_seen_and_named_by_its_place() {
    let good = sample_as_json();
    let at = |pointer: &str| good.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone();
    let nudged = |pointer: &str| json!(at(pointer).as_f64().unwrap() * (1.0 + 1e-8));
    let faults = [
        // Structure.
        ("/id", json!("my run"), "$.id"),
        ("/seed", json!(1.5), "$.seed"),
        ("/seed", json!(-1), "$.seed"),
        ("/started", json!("yesterday"), "$.started"),
        ("/profile", json!("slow"), "$.profile"),
        ("/dir/device_reason", json!(null), "$.dir.device_reason"),
        ("/machine/facts/read_ahead_kb", json!(128), "$.machine.facts[\"read_ahead_kb\"]"),
        ("/floors/0/unit", json!("us"), "$.floors[0].unit"),
        ("/studies/0/scenario/state", json!("lukewarm"), "$.studies[0].scenario.state"),
        ("/studies/0/scenario/id", json!("fork_ipc/x"), "$.studies[0].scenario.id"),
        ("/studies/0/stop_reason", json!("bored"), "$.studies[0].stop_reason"),
        ("/studies/0/cases/0/batches/dropped/3", json!(0), "$.studies[0].cases[0].batches.dropped[3]"),
        ("/studies/0/k", json!(true), "$.studies[0].k"),
        ("/request/budget_ns", json!(0), "$.request.budget_ns"),
        ("/request/scenarios/1", json!("page_touch/another"), "$.studies[1].scenario.id"),
        ("/request/scenarios", json!([]), "$.studies[0].scenario.id"),
        ("/resumed/0", json!("later"), "$.resumed[0]"),
        // Columns.
        ("/studies/0/cases/1/batches/ns", json!([]), "$.studies[0].cases[1].batches"),
        ("/studies/0/cases/1/batches/worker/0", json!(14), "$.studies[0].cases[1].batches.worker[0]"),
        ("/studies/0/cases/1/batches/round/5", json!(24), "$.studies[0].cases[1].batches.round[5]"),
        ("/studies/0/cases/1/batches/round/1", json!(0), "$.studies[0].cases[1].batches.round[1]"),
        ("/studies/0/cases/1/batches/position/0", json!(7), "$.studies[0].cases[1].batches.position[0]"),
        // Figures.
        (
            "/studies/0/cases/1/ns_per_op/estimate",
            nudged("/studies/0/cases/1/ns_per_op/estimate"),
            "$.studies[0].cases[1].ns_per_op.estimate",
        ),
        (
            "/studies/0/cases/1/ns_per_op/low",
            nudged("/studies/0/cases/1/ns_per_op/low"),
            "$.studies[0].cases[1].ns_per_op.low",
        ),
        ("/studies/0/cases/1/ns_per_op/high", json!(null), "$.studies[0].cases[1].ns_per_op.high"),
        ("/studies/0/cases/1/ns_per_op", json!(null), "$.studies[0].cases[1].ns_per_op"),
        (
            "/studies/0/cases/1/ratio/estimate",
            nudged("/studies/0/cases/1/ratio/estimate"),
            "$.studies[0].cases[1].ratio.estimate",
        ),
        ("/studies/0/cases/1/ratio/low", nudged("/studies/0/cases/1/ratio/low"), "$.studies[0].cases[1].ratio.low"),
        ("/studies/0/cases/1/ratio/high", nudged("/studies/0/cases/1/ratio/high"), "$.studies[0].cases[1].ratio.high"),
        ("/studies/0/cases/1/ratio/confidence", json!(0.999), "$.studies[0].cases[1].ratio.confidence"),
        ("/studies/0/cases/1/ratio", json!(null), "$.studies[0].cases[1].ratio"),
        ("/studies/0/cases/0/ratio", at("/studies/0/cases/1/ratio"), "$.studies[0].cases[0].ratio"),
        (
            "/studies/0/null_control/estimate",
            nudged("/studies/0/null_control/estimate"),
            "$.studies[0].null_control.estimate",
        ),
        ("/studies/0/null_control", json!(null), "$.studies[0].null_control"),
        ("/studies/0/workers_used", json!(11), "$.studies[0].workers_used"),
        ("/studies/0/k", json!(17), "$.studies[0].cases[0].ns_per_op.estimate"),
        ("/studies/3/cases/1/floor/times", json!("3"), "$.studies[3].cases[1].floor.times"),
        ("/studies/3/cases/1/floor/units", json!(2.0), "$.studies[3].cases[1].floor.times"),
        ("/studies/3/cases/1/floor/name", json!("other"), "$.studies[3].cases[1].floor.name"),
        ("/studies/0/k", json!(0), "$.studies[0].k"),
        // Verdicts.
        ("/studies/0/cases/1/ratio/verdict", json!("slower"), "$.studies[0].cases[1].ratio.verdict"),
        ("/studies/0/cases/2/ratio/verdict", json!("unresolved"), "$.studies[0].cases[2].ratio.verdict"),
        ("/studies/0/margin", json!(0.0001), "$.studies[0].cases[2].ratio.verdict"),
        ("/studies/1/cases/1/ratio/verdict", json!("faster"), "$.studies[1].cases[1].ratio.verdict"),
        ("/studies/1/cases/1/ratio/low", json!(0.39), "$.studies[1].cases[1].ratio.low"),
        ("/studies/1/cases/1/ns_per_op/low", json!(1.0), "$.studies[1].cases[1].ns_per_op.low"),
        ("/studies/2/cases/1/ratio/verdict", json!("faster"), "$.studies[2].cases[1].ratio.verdict"),
        ("/studies/2/null_control/verdict", json!("slower"), "$.studies[2].null_control.verdict"),
        ("/studies/2/tainted", json!(false), "$.studies[2].tainted"),
        ("/studies/0/tainted", json!(true), "$.studies[0].tainted"),
        ("/studies/0/stop_reason", json!("looks"), "$.studies[0].stop_reason"),
        ("/studies/1/stop_reason", json!("decided"), "$.studies[1].stop_reason"),
        // Status and proof.
        ("/studies/0/cases/5/status", json!("ok"), "$.studies[0].cases[5].status"),
        ("/studies/0/cases/5/reason", json!(null), "$.studies[0].cases[5].reason"),
        ("/studies/0/cases/1/reason", json!("why"), "$.studies[0].cases[1].reason"),
        ("/studies/0/cases/1/proof/dropped_rounds", json!(34), "$.studies[0].cases[1].status"),
        ("/studies/0/cases/1/proof/dropped_rounds", json!(1), "$.studies[0].cases[1].proof.reasons"),
        // Latency.
        ("/studies/0/cases/0/latency/p99", json!(50_000), "$.studies[0].cases[0].latency.p99"),
        ("/studies/0/cases/0/latency/p90", json!(null), "$.studies[0].cases[0].latency.p90"),
        ("/studies/0/cases/0/latency/p50", json!(50_000), "$.studies[0].cases[0].latency.p50"),
        ("/studies/0/cases/0/latency/max", json!(50_000), "$.studies[0].cases[0].latency.max"),
        ("/studies/0/cases/0/latency/count", json!(101), "$.studies[0].cases[0].latency.count"),
        ("/studies/0/cases/0/latency/histogram", json!("AAAA"), "$.studies[0].cases[0].latency.histogram"),
        ("/studies/0/cases/0/latency", json!(null), "$.studies[0].cases[0].latency_reason"),
    ];
    let bad: Vec<Value> = faults
        .iter()
        .map(|(pointer, value, _)| {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value.clone();
            bad
        })
        .collect();
    let Some(said) = said_of(&bad) else { return };
    for ((pointer, value, place), said) in faults.iter().zip(said) {
        assert!(said.contains(&format!(": {place}: ")), "{pointer} = {value} should be seen at {place}:\n{said}");
    }
}

#[test]
fn a_batch_that_was_changed_after_the_fact_is_seen() {
    let mut bad = sample_as_json();
    // Every batch of a worker is halved: its median moves, and with it the lower end.
    let batches = bad.pointer_mut("/studies/3/cases/1/batches").unwrap();
    for row in 0..4 {
        let ns = batches["ns"][row].as_u64().unwrap();
        batches["ns"][row] = json!(ns / 2);
    }
    let Some(said) = said_of(&[bad]) else { return };
    let said = &said[0];
    assert!(said.contains("$.studies[3].cases[1].ratio.low: is "), "{said}");
}

#[test]
fn a_round_dropped_for_one_method_alone_is_seen() {
    let mut bad = sample_as_json();
    let dropped = bad.pointer_mut("/studies/0/cases/2/batches/dropped/7").unwrap();
    *dropped = json!(!dropped.as_bool().unwrap());
    let Some(said) = said_of(&[bad]) else { return };
    let said = &said[0];
    assert!(said.contains("$.studies[0].cases[2].batches.dropped[7]: is "), "{said}");
}

/// All places of the JSON that hold an object, as pointers, one of each kind of study and case.
fn objects(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(pointer.to_owned());
            fields.iter().for_each(|(name, inner)| objects(inner, &format!("{pointer}/{name}"), found));
        }
        Value::Array(elements) => {
            elements
                .iter()
                .take(2)
                .enumerate()
                .for_each(|(index, inner)| objects(inner, &format!("{pointer}/{index}"), found));
        }
        _ => {}
    }
}

/// Fields of a run that the first releases did not write.
const ADDED: [(&str, &str); 7] = [
    ("", "request"),
    ("", "resumed"),
    ("", "write_back"),
    ("/pagewise", "build"),
    ("/request", "sweeps"),
    ("/request", "commit"),
    ("/per_op", "dirty_pages"),
];

/// Whether `field` of the object at `place` is one of them.
fn is_added(place: &str, field: &str) -> bool {
    ADDED
        .iter()
        .any(|(owner, name)| *name == field && if owner.is_empty() { place.is_empty() } else { place.ends_with(owner) })
}

/// Objects whose names are data, not fields of the format.
const NAMES_ARE_DATA: [&str; 4] = ["params", "facts", "reasons", "folios"];

#[test]
fn a_missing_field_is_a_fault_and_one_more_is_none() {
    let mut good = sample_as_json();
    good["studies"].as_array_mut().unwrap().truncate(1);
    good["finished"] = Value::Null;
    let mut places = vec![];
    objects(&good, "", &mut places);
    places.retain(|place| !NAMES_ARE_DATA.iter().any(|name| place.ends_with(&format!("/{name}"))));
    let mut more = good.clone();
    let mut missing = Vec::new();
    let mut runs = Vec::new();
    for place in &places {
        more.pointer_mut(place).unwrap()["added_later"] = json!({"by": ["a", "later", "release"]});
        let fields = good.pointer(place).unwrap().as_object().unwrap().keys();
        for field in fields.filter(|field| !is_added(place, field)) {
            let mut less = good.clone();
            less.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(field);
            missing.push((place, field.clone()));
            runs.push(less);
        }
    }
    assert!(missing.len() > 100);
    runs.push(more);
    let Some(mut said) = said_of(&runs) else {
        return;
    };
    let of_more = said.pop().unwrap();
    assert!(of_more.contains(": valid "), "{of_more}");
    for ((place, field), said) in missing.iter().zip(said) {
        assert!(said.contains(&format!("{field}: is ")), "without {place}/{field}: {said}");
    }
}

#[test]
fn a_run_of_an_earlier_release_lacks_what_was_added_and_is_valid() {
    let mut old = sample_as_json();
    let mut places = vec![];
    objects(&old, "", &mut places);
    for place in places {
        // What lies in a field that was taken away is gone with it.
        if let Some(object) = old.pointer_mut(&place) {
            object.as_object_mut().unwrap().retain(|field, _| !is_added(&place, field));
        }
    }
    let mut cut = sample_as_json();
    cut["studies"].as_array_mut().unwrap().truncate(3);
    let Some(said) = said_of(&[old, cut]) else { return };
    assert!(said[0].contains(": valid "), "{}", said[0]);
    assert!(said[1].contains("$.finished: is ") && said[1].contains("2 studies are missing"), "{}", said[1]);
}

/// All names of fields in the JSON, apart from names that are data.
fn field_names(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                found.insert(name.clone());
                if !NAMES_ARE_DATA.contains(&name.as_str()) {
                    field_names(inner, found);
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|inner| field_names(inner, found)),
        _ => {}
    }
}

#[test]
fn every_field_is_described() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/FORMAT.md")).unwrap();
    let mut names = BTreeSet::new();
    field_names(&sample_as_json(), &mut names);
    assert!(names.len() > 80);
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/FORMAT.md does not name `{name}`");
    }
}

#[test]
fn what_is_no_run_is_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.json");
    for (text, said) in [
        ("", "cannot be read as JSON"),
        ("[]", "an object is expected"),
        ("{\"schema\": \"pagewise/run/v2\"}", "$.schema: is \"pagewise/run/v2\""),
        ("{\"schema\": \"pagewise/run/v1\", \"seed\": NaN}", "NaN is no JSON number"),
    ] {
        fs::write(&path, text).unwrap();
        let Some(output) = validate(&[&path]) else {
            return;
        };
        let seen = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{seen}");
        assert!(seen.contains(said), "{seen}");
    }
    let Some(output) = validate(&[]) else { return };
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("usage: scripts/validate RUN..."));
}
