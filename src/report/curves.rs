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
    /// Useful bytes a second.
    Throughput,
    /// Bytes that the device read for each byte that was used.
    ReadAmplification,
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
    /// Whether it is of edits, or of reads.
    pub of_commits: bool,
    /// A line each.
    pub series: Vec<Series>,
    /// Where another method becomes the best.
    pub crossings: Vec<Crossing>,
    /// Sizes of the machine's own that lie between the labels: each place, and what it is.
    pub marks: Vec<(f64, String)>,
}

/// A method's figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The method.
    pub method: String,
    /// A figure for each label; `None` where it was not measured.
    pub points: Vec<Option<f64>>,
    /// The interval of its ratio to the baseline at each label, where there is one.
    pub ratios: Vec<Option<(f64, f64)>>,
}

impl Series {
    fn inverse(&self) -> Self {
        Self { points: self.points.iter().map(|point| point.map(|value| 1.0 / value)).collect(), ..self.clone() }
    }

    /// Whether it takes less time than `other` at a place, beyond doubt: the intervals of a study hold together.
    fn is_below(&self, other: &Self, place: usize) -> bool {
        self.ratios[place].zip(other.ratios[place]).is_some_and(|(own, its)| own.1 < its.0)
    }
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

/// Of edits.
const OF_COMMITS: [Along; 7] = [
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

/// Of reads.
const OF_READS: [Along; 7] = [
    Along { name: "use", words: "what is done with the bytes", figures: &[Figure::Time] },
    Along { name: "pattern", words: "order of use", figures: &[Figure::Time, Figure::ReadAmplification] },
    Along { name: "record", words: "bytes used in one place", figures: &[Figure::Time, Figure::ReadAmplification] },
    Along { name: "passes", words: "times that the same pages are used", figures: &[Figure::Time] },
    Along { name: "history", words: "how the file came into the page cache", figures: &[Figure::Time] },
    Along { name: "size", words: "size of the file", figures: &[Figure::Throughput] },
    Along { name: "threads", words: "threads that read at the same time", figures: &[Figure::Time] },
];

/// The curves of `run`.
pub fn curves(run: &Run) -> Vec<Curve> {
    let of = |fits: &dyn Fn(&Study) -> bool| -> Vec<&Study> {
        run.studies.iter().filter(|study| fits(study) && findings::stands(study)).collect()
    };
    let commits = of(&|study| study.scenario.guarantee.is_some());
    let reads = of(&|study| study.area == "page_touch");
    let marks = sizes_of(run);
    let all = |alongs: &'static [Along], studies: &[&Study]| -> Vec<Curve> {
        let curves =
            alongs.iter().flat_map(|along| groups(along, studies).into_iter().flat_map(|group| group.curves(along)));
        curves.map(|curve| curve.marked(&marks)).collect()
    };
    all(&OF_COMMITS, &commits).into_iter().chain(all(&OF_READS, &reads)).collect()
}

/// The machine's caches and memory, in bytes, with their names.
fn sizes_of(run: &Run) -> Vec<(f64, String)> {
    const FACTS: [(&str, &str); 3] = [("cache_l2", "L2"), ("cache_l3", "L3"), ("cgroup_memory_limit", "memory limit")];
    let memory = (run.machine.memory as f64, "memory".to_owned());
    let fact = |name: &str| run.machine.facts.get(name)?.parse::<f64>().ok();
    FACTS.into_iter().filter_map(|(name, word)| Some((fact(name)?, word.to_owned()))).chain([memory]).collect()
}

/// Studies that differ in one parameter.
struct Group<'a> {
    fixed: BTreeMap<String, String>,
    studies: Vec<(f64, String, &'a Study)>,
}

/// A study's parameters, those that stand in its id only where they are not 1 among them.
fn params(study: &Study) -> BTreeMap<String, String> {
    let plain: &[(&str, &str)] = if study.scenario.guarantee.is_some() {
        &[("pages", "1"), ("vmas", "1"), ("threads", "1"), ("every", "1")]
    } else {
        &[("passes", "1"), ("record", "4KiB")]
    };
    let mut all: BTreeMap<String, String> =
        plain.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    all.extend(study.scenario.params.clone());
    let scenario = &study.scenario;
    let named = [("state", &scenario.state), ("history", &scenario.history), ("guarantee", &scenario.guarantee)];
    all.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))));
    // How many records a part of the file has follows from their size and their order.
    if let Some(touched) = all.get_mut("touched").filter(|touched| *touched != "all") {
        "part".clone_into(touched);
    }
    // A step and a reach are matters of the order.
    for name in ["stride", "within"] {
        if let (Some(value), Some(pattern)) = (all.remove(name), all.get_mut("pattern")) {
            *pattern += &format!(" {value}");
        }
    }
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
    const USES: [&str; 4] = ["touch", "sum", "search", "copy"];
    const PATTERNS: [&str; 6] = ["sequential", "backward", "strided", "window", "zipf", "random"];
    let place = |known: &[&str], word: &str| known.iter().position(|known| *known == word).map(|place| place as f64);
    match name {
        "history" => place(&HISTORIES, value),
        "use" => place(&USES, value),
        "pattern" => {
            let (word, reach) = value.split_once(' ').unwrap_or((value, "0"));
            // Of two with the same word, the one with the smaller step.
            Some(place(&PATTERNS, word)? + amount(reach)? / 1e15)
        }
        _ => amount(value),
    }
}

/// A parameter that is a number, with its unit if it has one: `64`, `4KiB`.
pub fn amount(value: &str) -> Option<f64> {
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
        let ordered = !matches!(along.name, "history" | "use" | "pattern");
        let crossings = match figure {
            Figure::Time if ordered => crossings(&series),
            // The most is the best: of its inverse the least.
            Figure::Throughput => crossings(&series.iter().map(Series::inverse).collect::<Vec<_>>()),
            _ => Vec::new(),
        };
        Some(Curve {
            along: along.name,
            words: along.words,
            fixed: self.fixed_in_words(),
            figure,
            of_commits: self.fixed.contains_key("guarantee"),
            labels: self.studies.iter().map(|(_, label, _)| label.clone()).collect(),
            series,
            crossings,
            marks: Vec::new(),
        })
    }

    fn series(&self, method: &str, figure: Figure) -> Series {
        let point = |study: &Study| {
            let case = rows::measured(study).into_iter().find(|case| case.method == method)?;
            value(study, case, figure).filter(|value| *value > 0.0)
        };
        let ratio = |study: &Study| {
            let case = rows::measured(study).into_iter().find(|case| case.method == method)?;
            if rows::is_baseline(study, case) {
                return Some((1.0, 1.0));
            }
            case.ratio?.low.zip(case.ratio?.high)
        };
        let of_each = self.studies.iter().map(|(_, _, study)| *study);
        Series {
            method: method.to_owned(),
            points: of_each.clone().map(point).collect(),
            ratios: of_each.map(ratio).collect(),
        }
    }

    /// What does not change, but for what is as it is everywhere.
    fn fixed_in_words(&self) -> String {
        let plain = |name: &str, value: &str| {
            value == "1"
                || name == "touched"
                || (name, value) == ("record", "4KiB")
                || (name, value) == ("state", "mapped") && self.fixed.contains_key("guarantee")
        };
        let telling = self.fixed.iter().filter(|(name, value)| !plain(name, value) && value.as_str() != "none");
        telling.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    }
}

fn value(study: &Study, case: &Case, figure: Figure) -> Option<f64> {
    let time = case.ns_per_op.map(|time| time.estimate);
    match figure {
        Figure::Time => time,
        Figure::Throughput => Some(case.bytes_per_op? as f64 * 1e9 / time?),
        Figure::ReadAmplification => {
            let used =
                case.bytes_per_op.filter(|bytes| *bytes > 0 && study.scenario.state.as_deref() == Some("cold"))?;
            Some(case.per_op?.device_read_bytes? / used as f64)
        }
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
        // Of two that cannot be told apart, neither becomes the quicker.
        let is_sure =
            series[before].is_below(&series[after], place - 1) && series[after].is_below(&series[before], place);
        if is_sure && lead + lag > 0.0 {
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
    /// With those of `sizes` that lie between its labels, if these are sizes of a file.
    fn marked(mut self, sizes: &[(f64, String)]) -> Self {
        let labels: Option<Vec<f64>> = self.labels.iter().map(|label| amount(label)).collect();
        let Some(labels) = labels.filter(|_| self.along == "size") else { return self };
        let place = |bytes: f64| {
            let after = labels.iter().position(|label| *label >= bytes).filter(|after| *after > 0)?;
            let (low, high) = (labels[after - 1], labels[after]);
            Some((after - 1) as f64 + (bytes / low).ln() / (high / low).ln())
        };
        self.marks = sizes.iter().filter_map(|(bytes, word)| Some((place(*bytes)?, word.clone()))).collect();
        self
    }

    /// Whether it is of this cache state and order of use.
    pub fn is_of(&self, state: &str, pattern: &str) -> bool {
        let words: Vec<&str> = self.fixed.split(", ").collect();
        [("state", state), ("pattern", pattern)]
            .iter()
            .all(|(name, value)| words.contains(&format!("{name} {value}").as_str()))
    }

    /// What is drawn, in a sentence.
    pub fn title(&self) -> String {
        let what = match self.figure {
            Figure::Time if self.of_commits => "Time of a commit",
            Figure::Time => "Time of an operation",
            Figure::Throughput => "Useful bytes a second",
            Figure::ReadAmplification => "Bytes that the device reads for each byte that is used",
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
            Figure::Throughput => format!("{}/s", units::bytes(value)),
            Figure::ReadAmplification => units::ratio(value),
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
                    let ratio = ns / first;
                    if let Some(own) = &mut case.ratio {
                        (own.estimate, own.low, own.high) = (ratio, Some(0.9 * ratio), Some(1.1 * ratio));
                    }
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
    fn of_two_that_cannot_be_told_apart_neither_becomes_the_quicker() {
        let run = swept("vmas", &[("1", 1.0, 1.05), ("8", 2.0, 2.0), ("64", 4.0, 3.9)]);
        assert_eq!(curves(&run)[0].crossings, []);
    }

    #[test]
    fn the_machines_caches_are_marked_among_the_sizes_of_files() {
        let mut run = swept("size", &[("1MiB", 1.0, 2.0), ("4MiB", 1.0, 2.0), ("16MiB", 1.0, 2.0)]);
        run.machine.facts.insert("cache_l2".to_owned(), (2 << 20).to_string());
        run.machine.facts.insert("cache_l3".to_owned(), (64 << 20).to_string());
        assert_eq!(curves(&run)[0].marks, [(0.5, "L2".to_owned())], "the other lies beyond");
    }

    #[test]
    fn two_points_are_no_curve() {
        assert!(curves(&swept("every", &[("1", 1.0, 2.0), ("4", 1.0, 2.0)])).is_empty());
        assert!(curves(&sample::run()).is_empty());
    }
}
