//! Which studies of a run differ in one parameter alone, so that a curve can be drawn over it, and where does the best method change?

use std::collections::BTreeMap;

use super::{findings, rows, units};
use crate::results::model::{Case, Run, Study};

/// Fewer points are no curve.
const FEWEST: usize = 3;

/// What a curve shows of each case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Time of an operation, in ns.
    Time,
    /// Bytes that the device wrote for an operation.
    DeviceWritten,
    /// The time from a commit to the sync that makes it durable, in ns, of the first of those that share one.
    AtRisk,
}

/// Methods over the values of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The parameter: `pages`.
    pub along: &'static str,
    /// What it is, in words, for below the axis.
    pub words: &'static str,
    /// What does not change, in words.
    pub fixed: String,
    /// What is shown.
    pub figure: Figure,
    /// The values, in their order.
    pub labels: Vec<String>,
    /// A line each.
    pub series: Vec<Series>,
    /// Where another method becomes the best.
    pub crossings: Vec<Crossing>,
}

/// A method's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The method.
    pub method: String,
    /// A figure for each label; `None` where it was not measured.
    pub points: Vec<Option<f64>>,
}

/// Where the least figure passes from one method to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Between which labels: 1.5 lies half way between the second and the third.
    pub place: f64,
    /// The method that is the least before.
    pub from: String,
    /// The method that is the least after.
    pub to: String,
}

/// A parameter that studies are swept over.
struct Along {
    name: &'static str,
    words: &'static str,
    figures: &'static [Figure],
}

const ALONG: [Along; 7] = [
    Along { name: "edit", words: "bytes changed in one place", figures: &[Figure::Time, Figure::DeviceWritten] },
    Along { name: "pages", words: "pages a commit", figures: &[Figure::Time] },
    Along { name: "size", words: "size of the file", figures: &[Figure::Time] },
    Along {
        name: "history",
        words: "how the file came into the page cache",
        figures: &[Figure::Time, Figure::DeviceWritten],
    },
    Along { name: "vmas", words: "parts that the mapping is split into", figures: &[Figure::Time] },
    Along { name: "threads", words: "threads that commit at the same time", figures: &[Figure::Time] },
    Along {
        name: "every",
        words: "commits to a sync, and so the most that a crash of the system can lose",
        figures: &[Figure::Time, Figure::AtRisk],
    },
];

/// The curves of `run`.
pub fn curves(run: &Run) -> Vec<Curve> {
    let studies: Vec<&Study> =
        run.studies.iter().filter(|study| study.scenario.guarantee.is_some() && findings::stands(study)).collect();
    ALONG.iter().flat_map(|along| groups(along, &studies).into_iter().flat_map(|group| group.curves(along))).collect()
}

/// Studies that differ in one parameter.
struct Group<'a> {
    fixed: BTreeMap<String, String>,
    studies: Vec<(f64, String, &'a Study)>,
}

/// A study's parameters, those that stand in its id only where they are not 1 among them.
fn params(study: &Study) -> BTreeMap<String, String> {
    let ones = ["pages", "vmas", "threads", "every"].map(|name| (name.to_owned(), "1".to_owned()));
    let mut all: BTreeMap<String, String> = ones.into_iter().collect();
    all.extend(study.scenario.params.clone());
    let scenario = &study.scenario;
    let named = [("state", &scenario.state), ("history", &scenario.history), ("guarantee", &scenario.guarantee)];
    all.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    all
}

fn groups<'a>(along: &Along, studies: &[&'a Study]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut add = |fixed: BTreeMap<String, String>, value: &str, study: &'a Study| {
        let Some(rank) = rank(along.name, value) else { return };
        let point = (rank, value.to_owned(), study);
        match groups.iter_mut().find(|group| group.fixed == fixed) {
            Some(group) => group.studies.push(point),
            None => groups.push(Group { fixed, studies: vec![point] }),
        }
    };
    for study in studies {
        let mut fixed = params(study);
        let Some(value) = fixed.remove(along.name) else { continue };
        if along.name == "pages" && value == "1" {
            // A single page has no layout: it begins the curves of both.
            for layout in ["scattered", "contiguous"] {
                let with = fixed.iter().map(|(name, value)| (name.clone(), value.clone()));
                add(with.chain([("layout".to_owned(), layout.to_owned())]).collect(), &value, study);
            }
        } else {
            add(fixed, &value, study);
        }
    }
    for group in &mut groups {
        group.studies.sort_by(|a, b| a.0.total_cmp(&b.0));
        group.studies.dedup_by(|a, b| a.0 == b.0);
    }
    groups.retain(|group| group.studies.len() >= FEWEST);
    groups
}

/// Where a value stands among the others.
fn rank(name: &str, value: &str) -> Option<f64> {
    const HISTORIES: [&str; 9] =
        ["write-4K", "write-64K", "write-1M", "write-4M", "readahead", "random", "madv-random", "fallocate", "sparse"];
    if name == "history" {
        return HISTORIES.iter().position(|known| *known == value).map(|place| place as f64);
    }
    amount(value)
}

/// A parameter that is a number, with its unit if it has one: `64`, `4KiB`.
pub(super) fn amount(value: &str) -> Option<f64> {
    let digits = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
    let unit = match &value[digits..] {
        "" | "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(value[..digits].parse::<f64>().ok()? * unit)
}

impl Group<'_> {
    fn curves(&self, along: &Along) -> Vec<Curve> {
        along.figures.iter().filter_map(|figure| self.curve(along, *figure)).collect()
    }

    fn curve(&self, along: &Along, figure: Figure) -> Option<Curve> {
        let mut methods: Vec<&str> = Vec::new();
        for (_, _, study) in &self.studies {
            for case in rows::measured(study) {
                if !methods.contains(&case.method.as_str()) {
                    methods.push(&case.method);
                }
            }
        }
        let series: Vec<Series> = methods.into_iter().map(|method| self.series(method, figure)).collect();
        let series: Vec<Series> =
            series.into_iter().filter(|series| series.points.iter().flatten().count() >= 2).collect();
        if series.is_empty() {
            return None;
        }
        // Of bytes there is no best to change: less is less.
        let crossings = if figure == Figure::Time && along.name != "history" { crossings(&series) } else { Vec::new() };
        Some(Curve {
            along: along.name,
            words: along.words,
            fixed: self.fixed_in_words(),
            figure,
            labels: self.studies.iter().map(|(_, label, _)| label.clone()).collect(),
            series,
            crossings,
        })
    }

    fn series(&self, method: &str, figure: Figure) -> Series {
        let point = |study: &Study| {
            let case = rows::measured(study).into_iter().find(|case| case.method == method)?;
            value(study, case, figure).filter(|value| *value > 0.0)
        };
        Series { method: method.to_owned(), points: self.studies.iter().map(|(_, _, study)| point(study)).collect() }
    }

    /// What does not change, but for what is as it is everywhere.
    fn fixed_in_words(&self) -> String {
        let telling = self.fixed.iter().filter(|(name, value)| value.as_str() != "1" && name.as_str() != "state");
        telling.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }
}

fn value(study: &Study, case: &Case, figure: Figure) -> Option<f64> {
    let time = case.ns_per_op.map(|time| time.estimate);
    match figure {
        Figure::Time => time,
        Figure::AtRisk => {
            let every = study.scenario.params.get("every").and_then(|text| amount(text)).unwrap_or(1.0);
            Some(every * time?)
        }
        Figure::DeviceWritten => case.per_op?.device_write_bytes,
    }
}

/// Where the least line passes below another, by straight lines between the logarithms of neighbours.
fn crossings(series: &[Series]) -> Vec<Crossing> {
    let labels = series.first().map_or(0, |series| series.points.len());
    let least = |place: usize| {
        let known = series.iter().enumerate().filter_map(|(index, series)| Some((index, series.points[place]?)));
        known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
    };
    let mut found = Vec::new();
    for place in 1..labels {
        let (Some(before), Some(after)) = (least(place - 1), least(place)) else { continue };
        let log = |index: usize, place: usize| series[index].points[place].map(f64::ln);
        let ends = (log(before, place - 1), log(before, place), log(after, place - 1), log(after, place));
        let (Some(a0), Some(a1), Some(b0), Some(b1)) = ends else { continue };
        // How far the one lies below the other, at both ends.
        let (lead, lag) = (b0 - a0, a1 - b1);
        if before != after && lead + lag > 0.0 {
            found.push(Crossing {
                place: (place - 1) as f64 + lead / (lead + lag),
                from: series[before].method.clone(),
                to: series[after].method.clone(),
            });
        }
    }
    found
}

impl Curve {
    /// What is drawn, in a sentence.
    pub fn title(&self) -> String {
        let what = match self.figure {
            Figure::Time => "Time of a commit",
            Figure::DeviceWritten => "Bytes that the device writes for a commit",
            Figure::AtRisk => "How long commits can be lost for, when one follows the other without a pause",
        };
        let fixed = if self.fixed.is_empty() { String::new() } else { format!("; {}", self.fixed) };
        format!("{what}, by {}{fixed}", self.words)
    }

    /// A figure in words.
    pub fn figure_in_words(&self, value: f64) -> String {
        match self.figure {
            Figure::Time | Figure::AtRisk => units::time(value),
            Figure::DeviceWritten => units::bytes(value),
        }
    }

    /// The crossings in a sentence each.
    pub fn crossings_in_words(&self) -> Vec<String> {
        let between = |crossing: &Crossing| {
            let (before, after) = (crossing.place.floor() as usize, crossing.place.ceil() as usize);
            let (before, after) = (&self.labels[before], &self.labels[after.min(self.labels.len() - 1)]);
            format!("Between {before} and {after}, `{}` becomes quicker than `{}`.", crossing.to, crossing.from)
        };
        self.crossings.iter().map(between).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn swept(name: &str, values: &[(&str, f64, f64)]) -> Run {
        let mut run = sample::run();
        let study = run.studies[0].clone();
        run.studies = values
            .iter()
            .map(|(value, first, second)| {
                let mut study = study.clone();
                study.scenario.params.insert(name.to_owned(), (*value).to_owned());
                study.cases.truncate(2);
                for (case, ns) in study.cases.iter_mut().zip([first, second]) {
                    case.ns_per_op.iter_mut().for_each(|time| time.estimate = *ns);
                }
                study
            })
            .collect();
        run
    }

    #[test]
    fn studies_that_differ_in_one_parameter_are_a_curve_in_the_order_of_its_values() {
        let run = swept("every", &[("64", 3.0, 1.0), ("4", 2.0, 2.5), ("1", 1.0, 4.0)]);
        let all = curves(&run);
        let [time, at_risk] = &all[..] else { panic!("{all:?}") };
        assert_eq!(time.labels, ["1", "4", "64"]);
        assert_eq!(time.series[0].points, [Some(1.0), Some(2.0), Some(3.0)]);
        assert_eq!(at_risk.figure, Figure::AtRisk);
        assert_eq!(at_risk.series[0].points, [Some(1.0), Some(8.0), Some(192.0)], "as long as all of them take");
    }

    #[test]
    fn the_place_where_the_best_changes_is_between_its_neighbours() {
        let run = swept("vmas", &[("1", 1.0, 4.0), ("8", 2.0, 2.0 * 2.0), ("64", 16.0, 4.0)]);
        let curve = &curves(&run)[0];
        let [crossing] = &curve.crossings[..] else { panic!("{:?}", curve.crossings) };
        // A lead of ln 2 at 8 and a lag of ln 4 at 64: a third of the way.
        assert!((crossing.place - (1.0 + 1.0 / 3.0)).abs() < 1e-9, "{crossing:?}");
        assert!(curve.crossings_in_words()[0].starts_with("Between 8 and 64, `"));
    }

    #[test]
    fn two_points_are_no_curve() {
        assert!(curves(&swept("every", &[("1", 1.0, 2.0), ("4", 1.0, 2.0)])).is_empty());
        assert!(curves(&sample::run()).is_empty());
    }
}
