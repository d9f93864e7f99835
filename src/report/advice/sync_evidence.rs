//! Which studies of a run answer a question about syncing, and how does each method stand over them?

use super::sync::{Margin, Need, Written};
use crate::report::findings::stands;
use crate::report::{curves, rows};
use crate::results::model::{Case, Run, Study};

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

/// Commits to a sync.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    /// How many.
    pub(super) commits: u64,
    /// The time of one of them, in ns.
    pub(super) ns: f64,
    /// Whether that was measured, or worked out.
    pub(super) measured: bool,
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
    /// Whether it is what the others are compared with.
    pub(super) is_baseline: bool,
    /// Device bytes of a commit, in each history.
    pub(super) written: Vec<Written>,
    /// In each study: the ratio to the baseline with its interval.
    ratios: Vec<(f64, f64, f64)>,
    /// The history of each study, where there are several.
    histories: Vec<Option<String>>,
}

impl Standing {
    /// The time that it takes at most, as far as that is known.
    pub(super) fn longest(&self) -> f64 {
        self.high_ns.unwrap_or(self.ns)
    }

    fn worst(&self) -> f64 {
        self.ratios.iter().map(|ratio| ratio.0).fold(0.0, f64::max)
    }

    /// The time of `other` over this one's, in the study where that is most: a method that is as good in one history and many times worse in
    /// another is not as good. The intervals of a study hold together, so that the ends of two of them bound the ratio of both.
    pub(super) fn margin(&self, other: &Self) -> Option<Margin> {
        let each = self.ratios.iter().zip(&other.ratios).zip(&self.histories).map(|((own, its), history)| Margin {
            method: other.method.clone(),
            ratio: its.0 / own.0,
            low: its.1 / own.2,
            high: its.2 / own.1,
            history: history.clone(),
        });
        each.max_by(|a, b| a.low.total_cmp(&b.low))
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
            let cut_short = run.studies.iter().any(|study| study.scenario.guarantee.as_deref() == Some(guarantee));
            let then = if cut_short {
                "that stands: they were cut short, or tainted; measure with a larger --budget"
            } else {
                "of shared_edit: measure one, by `pagewise advise sync` without --from"
            };
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

    /// The methods that every study finished, the best first: by the ratio of their worst history.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let Some(first) = self.studies.first() else { return Vec::new() };
        let mut all: Vec<Standing> =
            first.cases.iter().filter_map(|case| standing(&self.studies, &case.method)).collect();
        all.sort_by(|a, b| a.worst().total_cmp(&b.worst()));
        all
    }

    pub(super) fn can_batch(&self, method: &str) -> bool {
        BATCHING.contains(&method)
    }

    /// The least batch with which a commit of `method` takes at most `each` ns: as measured, else as it follows from a sync and from an edit that is
    /// not synced, of which the batches that were measured and were too small say more than the method alone.
    pub(super) fn batch(&self, method: &Standing, each: f64) -> Option<Batch> {
        let time =
            |study: &Study| case(study, &method.method)?.ns_per_op.map(|time| time.high.unwrap_or(time.estimate));
        let mut measured: Vec<(u64, f64)> =
            self.batches.iter().filter_map(|study| Some((number(study, "every"), time(study)?))).collect();
        measured.sort_by_key(|(every, _)| *every);
        if let Some((every, ns)) = measured.iter().copied().find(|(_, ns)| *ns <= each) {
            return Some(Batch { commits: every, ns, measured: true });
        }
        let edit = if method.method.starts_with("mmap") { "mmap" } else { "pwrite" };
        let unsynced = self.visible.and_then(|study| case(study, edit)?.ns_per_op).map_or(0.0, |time| time.estimate);
        let syncs = measured.iter().map(|(every, ns)| (ns - unsynced) * *every as f64);
        let sync = syncs.fold(method.longest(), f64::max);
        let left = each - unsynced;
        (left > 0.0).then(|| {
            let batch = (sync / left).ceil().max(2.0);
            Batch { commits: batch as u64, ns: sync / batch + unsynced, measured: false }
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
    let ratios: Option<Vec<(f64, f64, f64)>> = cases
        .iter()
        .map(|(study, case)| match case.ratio {
            _ if rows::is_baseline(study, case) => Some((1.0, 1.0, 1.0)),
            Some(ratio) => Some((ratio.estimate, ratio.low?, ratio.high?)),
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
    let several = studies.len() > 1;
    Some(Standing {
        method: method.to_owned(),
        is_baseline: cases.iter().all(|(study, case)| rows::is_baseline(study, case)),
        ns: slowest.estimate,
        low_ns: slowest.low,
        high_ns: slowest.high,
        p99_ns: p99.map(|all| all.into_iter().fold(0.0, f64::max)),
        device_bytes: written.iter().map(|written| written.bytes).reduce(f64::max),
        written,
        ratios: ratios?,
        histories: studies.iter().map(|study| study.scenario.history.clone().filter(|_| several)).collect(),
    })
}
