//! Which studies of a run answer a question about syncing, and how does each method stand over them?

use super::ranking::{Figure, Rival, Setting};
use super::sync::{Need, RuledOut, Tried, Written};
use crate::report::findings::stands;
use crate::report::{curves, rows};
use crate::results::model::{Case, Run, Status, Study};

/// Methods whose sync covers all that was edited since the last one.
const BATCHING: [&str; 5] =
    ["pwrite+fdatasync", "pwrite+fsync", "mmap+fdatasync", "mmap+fsync", "mmap+msync(MS_SYNC,whole)"];

/// The studies that answer, and those that say what an unsynced edit costs.
pub(super) struct Evidence<'a> {
    /// Of the guarantee, each of another history.
    pub(super) studies: Vec<&'a Study>,
    /// The same commits, one of several synced.
    batches: Vec<&'a Study>,
    /// Of the guarantee `visible`.
    pub(super) visible: Option<&'a Study>,
    /// Of the guarantee `written`.
    pub(super) written: Option<&'a Study>,
    /// Bytes an edit and places a commit of the studies, where they are not those asked for.
    pub(super) instead: Option<(u64, u64)>,
}

/// Commits to a sync, and why so many.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// How many.
    pub(super) commits: u64,
    /// The time of one of them at most, in ns.
    pub(super) ns: f64,
    /// Whether that was measured, or calculated.
    pub(super) measured: bool,
    /// Smaller ones that were measured and were too slow.
    pub(super) too_slow: Vec<Tried>,
    /// A smaller one that would do by calculation, but was not measured.
    pub(super) smaller_by_calculation: Option<u64>,
}

/// How a method stands over the studies: by the worst of its histories.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) method: String,
    pub(super) ns: f64,
    pub(super) low_ns: Option<f64>,
    pub(super) high_ns: Option<f64>,
    pub(super) p99_ns: Option<f64>,
    pub(super) device_bytes: Option<f64>,
    /// Device bytes of a commit, in each history.
    pub(super) written: Vec<Written>,
    /// In each study: the ratio to the baseline with its interval.
    ratios: Vec<Figure>,
}

impl Standing {
    /// The time that it takes at most, as far as that is known.
    pub(super) fn longest(&self) -> f64 {
        self.high_ns.unwrap_or(self.ns)
    }

    pub(super) fn rival(&self) -> Rival {
        Rival { method: self.method.clone(), figures: self.ratios.clone() }
    }
}

/// A parameter of a scenario that is a number: `pages`, 1 where it is not named.
fn number(study: &Study, name: &str) -> u64 {
    study.scenario.params.get(name).and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn bytes(study: &Study) -> Option<u64> {
    study.scenario.params.get("edit").and_then(|text| curves::amount(text)).map(|bytes| bytes as u64)
}

impl<'a> Evidence<'a> {
    pub(super) fn of(run: &'a Run, need: Need) -> Result<Self, String> {
        let all = || run.studies.iter().filter(|study| study.area == "shared_edit" && stands(study));
        let of = |guarantee: &'a str| all().filter(move |study| study.scenario.guarantee.as_deref() == Some(guarantee));
        let alone = |study: &&Study| ["vmas", "threads"].iter().all(|name| number(study, name) == 1);
        let guarantee = need.survive.guarantee();
        let distance = |study: &&Study| {
            let far = |a: u64, b: u64| (a as f64 / b as f64).ln().abs();
            far(bytes(study).unwrap_or(1), need.edit) + far(number(study, "pages"), need.pages)
        };
        let nearest = of(guarantee).filter(alone).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        let Some(nearest) = nearest else {
            let fallen = run.studies.iter().find(|study| study.scenario.guarantee.as_deref() == Some(guarantee));
            let then = fallen.map_or_else(
                || "of shared_edit: measure one, by `pagewise advise sync` without --from".to_owned(),
                |study| format!("that stands: in {} {}", study.scenario.id, super::why_it_fell(study)),
            );
            return Err(format!("the run {} has no study with the guarantee {guarantee} {then}", run.id));
        };
        let (edit, pages) = (bytes(nearest).unwrap_or(1), number(nearest, "pages"));
        let layout = nearest.scenario.params.get("layout");
        let alike = |study: &&Study| {
            bytes(study) == Some(edit)
                && number(study, "pages") == pages
                && study.scenario.params.get("layout") == layout
        };
        let (studies, batches) =
            of(guarantee).filter(alone).filter(alike).partition(|study| number(study, "every") == 1);
        let pick = |guarantee| of(guarantee).min_by(|a, b| distance(a).total_cmp(&distance(b)));
        Ok(Self {
            studies,
            batches,
            visible: pick("visible"),
            written: pick("written"),
            instead: ((edit, pages) != (need.edit, need.pages)).then_some((edit, pages)),
        })
    }

    pub(super) fn scenarios(&self) -> Vec<String> {
        let all = self.studies.iter().chain(&self.batches).chain(&self.visible);
        let mut ids: Vec<String> = all.map(|study| study.scenario.id.clone()).collect();
        ids.dedup();
        ids
    }

    /// The methods that have an interval in every study, the best first: by the ratio of their worst history.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let Some(first) = self.studies.first() else { return Vec::new() };
        let mut all: Vec<Standing> =
            first.cases.iter().filter_map(|case| standing(&self.studies, &case.method)).collect();
        all.sort_by(|a, b| a.rival().worst().total_cmp(&b.rival().worst()));
        all
    }

    /// The other methods of the studies, and why nothing is known of each.
    pub(super) fn unmeasured(&self) -> Vec<RuledOut> {
        let Some(first) = self.studies.first() else { return Vec::new() };
        let known: Vec<String> = self.standings().into_iter().map(|standing| standing.method).collect();
        let others = first.cases.iter().filter(|case| !known.contains(&case.method));
        others.map(|case| RuledOut { method: case.method.clone(), reason: self.why_unknown(&case.method) }).collect()
    }

    fn why_unknown(&self, method: &str) -> String {
        let cases = self.studies.iter().filter_map(|study| study.cases.iter().find(|case| case.method == method));
        let missing = cases.clone().find(|case| case.status != Status::Ok);
        match missing {
            Some(case) if case.status == Status::Unavailable => format!("unavailable: {}", rows::reason(case)),
            Some(case) => format!("failed: {}", rows::reason(case)),
            None if cases.count() < self.studies.len() => "not measured with every history".to_owned(),
            None => "its time was too short for an interval: a larger --budget gives it time".to_owned(),
        }
    }

    /// What is known of each study.
    pub(super) fn settings(&self) -> Vec<Setting> {
        let several = self.studies.len() > 1;
        let of = |study: &&Study| Setting {
            history: study.scenario.history.clone().filter(|_| several),
            margin: study.margin,
        };
        self.studies.iter().map(of).collect()
    }

    pub(super) fn can_batch(&self, method: &str) -> bool {
        BATCHING.contains(&method)
    }

    /// The smallest batch with which a commit of `method` takes at most `each` ns: as measured, else as calculated.
    pub(super) fn batch(&self, method: &Standing, each: f64) -> Option<Batch> {
        let tried = |study: &&Study| {
            let time = case(study, &method.method)?.ns_per_op?;
            Some(Tried { batch: number(study, "every"), ns: time.high.unwrap_or(time.estimate) })
        };
        let mut measured: Vec<Tried> = self.batches.iter().filter_map(tried).collect();
        measured.sort_by_key(|tried| tried.batch);
        let enough = measured.iter().copied().find(|tried| tried.ns <= each);
        let too_slow: Vec<Tried> =
            measured.into_iter().filter(|tried| enough.is_none_or(|enough| tried.batch < enough.batch)).collect();
        let calculated = self.calculated(method, each, &too_slow);
        if let Some(Tried { batch, ns }) = enough {
            let smaller_by_calculation = calculated.map(|(least, _)| least).filter(|least| *least < batch);
            return Some(Batch { commits: batch, ns, measured: true, too_slow, smaller_by_calculation });
        }
        let (commits, ns) = calculated?;
        Some(Batch { commits, ns, measured: false, too_slow, smaller_by_calculation: None })
    }

    /// The smallest batch, and the time of a commit in it, as they follow from a sync and from an edit without one. What was measured and was too
    /// slow says more of a sync than a commit alone.
    fn calculated(&self, method: &Standing, each: f64, too_slow: &[Tried]) -> Option<(u64, f64)> {
        let edit = if method.method.starts_with("mmap") { "mmap" } else { "pwrite" };
        let unsynced = self.visible.and_then(|study| case(study, edit)?.ns_per_op).map_or(0.0, |time| time.estimate);
        let syncs = too_slow.iter().map(|tried| (tried.ns - unsynced) * tried.batch as f64);
        let sync = syncs.fold(method.longest(), f64::max);
        let left = each - unsynced;
        (left > 0.0).then(|| {
            let batch = (sync / left).ceil().max(2.0);
            (batch as u64, sync / batch + unsynced)
        })
    }
}

/// A case of a study that was measured.
pub(super) fn case<'a>(study: &'a Study, method: &str) -> Option<&'a Case> {
    rows::measured(study).into_iter().find(|case| case.method == method)
}

fn standing(studies: &[&Study], method: &str) -> Option<Standing> {
    let cases: Option<Vec<(&Study, &Case)>> =
        studies.iter().map(|study| case(study, method).map(|case| (*study, case))).collect();
    let cases = cases?;
    let ratios: Option<Vec<Figure>> = cases
        .iter()
        .map(|(study, case)| match case.ratio {
            _ if rows::is_baseline(study, case) => Some(Figure { estimate: 1.0, low: 1.0, high: 1.0 }),
            Some(ratio) => Some(Figure { estimate: ratio.estimate, low: ratio.low?, high: ratio.high? }),
            None => None,
        })
        .collect();
    let times = cases.iter().filter_map(|(_, case)| case.ns_per_op);
    let slowest = times.max_by(|a, b| a.estimate.total_cmp(&b.estimate))?;
    let p99: Option<Vec<f64>> = cases.iter().map(|(_, case)| case.latency.as_ref()?.p99.map(|ns| ns as f64)).collect();
    let written = cases.iter().filter_map(|(study, case)| {
        let history = study.scenario.history.clone().unwrap_or_default();
        Some(Written { history, bytes: case.per_op?.device_write_bytes? })
    });
    let written: Vec<Written> = written.collect();
    Some(Standing {
        method: method.to_owned(),
        ns: slowest.estimate,
        low_ns: slowest.low,
        high_ns: slowest.high,
        p99_ns: p99.map(|all| all.into_iter().fold(0.0, f64::max)),
        device_bytes: written.iter().map(|written| written.bytes).reduce(f64::max),
        written,
        ratios: ratios?,
    })
}
