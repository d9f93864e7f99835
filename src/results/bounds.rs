//! Is what a file says within bounds, whoever wrote it? What a reader of it does then takes bounded
//! time and memory.
//!
//! No bound is near what a run of pagewise holds: a run with every sweep has some hundred studies
//! of at most 40 methods.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::text;

/// Bytes of a file.
pub const FILE: u64 = 64 << 20;
/// Bytes of a text: a histogram of latencies is the longest.
const TEXT: usize = 1 << 20;
/// Entries of a list of objects or texts: studies, warnings, lines.
const ENTRIES: usize = 4096;
/// Cases of a study: what is drawn of one grows with their square.
const CASES: usize = 64;
/// The magnitude of a figure that is not 0: a year in nanoseconds is 3e16.
const SMALLEST: f64 = 1e-18;
const LARGEST: f64 = 1e21;

/// The first place that is out of bounds, as `$.studies[0].margin is …`; `None` where all is
/// within.
pub fn first_fault(value: &Value) -> Option<String> {
    fault_at(value, &Place { above: None, step: Step::Root })
}

/// A place in a file: written out only where it is needed.
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl Place<'_> {
    fn is_called(&self, name: &str) -> bool {
        matches!(self.step, Step::Key(key) if key == name)
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_str("$"),
            Step::Key(key) => write!(f, ".{}", text::printable(&key.chars().take(60).collect::<String>())),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

fn fault_at(value: &Value, place: &Place<'_>) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::Number(number) => {
            let size = number.as_f64().map_or(f64::INFINITY, f64::abs);
            let is_within = size == 0.0 || (SMALLEST..=LARGEST).contains(&size);
            (!is_within).then(|| format!("{place} is {number}, and no figure of a run is so small or large"))
        }
        Value::String(text) => too_long(text, place),
        Value::Array(entries) => {
            let most = match entries.first() {
                Some(Value::Object(_)) if place.is_called("cases") => CASES,
                Some(Value::Object(_) | Value::String(_) | Value::Array(_)) => ENTRIES,
                _ => usize::MAX,
            };
            if entries.len() > most {
                return Some(format!("{place} has {} entries, and {most} are the most", entries.len()));
            }
            let at = |index| Place { above: Some(place), step: Step::Index(index) };
            entries.iter().enumerate().find_map(|(index, entry)| fault_at(entry, &at(index)))
        }
        Value::Object(fields) => {
            if fields.len() > ENTRIES {
                return Some(format!("{place} has {} fields, and {ENTRIES} are the most", fields.len()));
            }
            fields.iter().find_map(|(key, field)| {
                let at = Place { above: Some(place), step: Step::Key(key) };
                too_long(key, &at).or_else(|| fault_at(field, &at))
            })
        }
    }
}

fn too_long(text: &str, place: &Place<'_>) -> Option<String> {
    (text.len() > TEXT).then(|| format!("{place} has {} bytes, and {TEXT} are the most", text.len()))
}

/// `value` with every text in it printable ([`text::printable`]).
pub fn printable<T: Serialize + DeserializeOwned + Clone>(value: &T) -> Cow<'_, T> {
    let mut any = serde_json::to_value(value).unwrap_or_default();
    if !make_printable(&mut any) {
        return Cow::Borrowed(value);
    }
    serde_json::from_value(any).map_or(Cow::Borrowed(value), Cow::Owned)
}

/// Makes every text in `value` printable ([`text::printable`]); whether there was any that was not.
pub fn make_printable(value: &mut Value) -> bool {
    match value {
        Value::String(text) => match text::changed(text) {
            Some(shown) => {
                *text = shown;
                true
            }
            None => false,
        },
        Value::Array(entries) => entries.iter_mut().fold(false, |changed, entry| make_printable(entry) | changed),
        Value::Object(fields) => {
            let rename = fields.keys().any(|key| text::changed(key).is_some());
            if rename {
                let old = std::mem::take(fields);
                fields.extend(old.into_iter().map(|(key, field)| (text::printable(&key).into_owned(), field)));
            }
            fields.values_mut().fold(rename, |changed, field| make_printable(field) | changed)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_named_by_its_place() {
        let of = |value: Value| first_fault(&value).unwrap_or_default();
        assert!(of(json!({"studies": [{"margin": -1e308}]})).starts_with("$.studies[0].margin is -1e"));
        assert!(of(json!({"a": 1e-300})).starts_with("$.a is 1e-300"));
        assert!(of(json!({"cases": vec![json!({}); CASES + 1]})).starts_with("$.cases has 65 entries"));
        assert!(of(json!({"warnings": vec!["x"; ENTRIES + 1]})).starts_with("$.warnings has 4097 entries"));
        assert!(of(json!({"label": "x".repeat(TEXT + 1)})).starts_with("$.label has 1048577 bytes"));
        assert!(of(json!({"\u{1b}[2J": 1e300})).starts_with("$.\\u{1b}[2J is 1e"));
        let within = json!({"ns": vec![1; 100_000], "seed": u64::MAX, "ratio": 0.0, "margin": -0.5, "cases": vec![json!({}); CASES]});
        assert_eq!(first_fault(&within), None);
    }

    #[test]
    fn every_text_becomes_printable_keys_too() {
        let mut value = json!({"a\u{202e}b": ["\u{1b}[31m", {"c": "plain"}], "d": "new\nline"});
        assert!(make_printable(&mut value));
        assert!(!make_printable(&mut value));
        assert_eq!(value, json!({"a\\u{202e}b": ["\\u{1b}[31m", {"c": "plain"}], "d": "new\\nline"}));
    }
}
