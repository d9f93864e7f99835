//! What is missing of a run that was cut short, and whether it can be done here as if the run had never stopped.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::beyond;
use super::measuring::{program, to_the_second};
use super::run::Work;
use super::select::SelectArgs;
use super::tell;
use crate::areas::Spec;
use crate::os::lock::{FolderLock, Locked};
use crate::results::model::{Dir, Machine, Request, Run};
use crate::results::store;

/// A run that has a folder.
#[derive(Debug)]
pub struct Begun {
    /// As it stands.
    pub run: Run,
    /// Where it lies.
    pub folder: PathBuf,
    /// Its folder is ours.
    pub lock: FolderLock,
}

/// Locks a run's folder, or says who has it: two that write one run would each lose the other's studies.
pub fn lock(folder: &Path) -> anyhow::Result<FolderLock> {
    match FolderLock::take(folder)? {
        Locked::Ours(lock) => Ok(lock),
        Locked::Held(by) => {
            let who = by.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            bail!("{}: {who} is measuring this run; wait until it has ended, or end it", folder.display())
        }
    }
}

/// What there is to do of a run.
pub enum Left {
    /// It was finished, in this folder.
    Nothing(PathBuf),
    /// This.
    Some(Box<Work>),
}

/// What is missing of the run at `path`, to be done in `dir`, or where the run was.
///
/// # Errors
/// What stands against it, by name: the run cannot be read, is being measured, or was made by another pagewise or of another catalogue.
pub fn missing(path: &Path, dir: Option<PathBuf>) -> anyhow::Result<Left> {
    store::load_as_written(path)?;
    let folder = folder_of(path)?;
    let lock = lock(&folder)?;
    // It may have gone on until it was locked.
    let mut run = store::load_as_written(path)?;
    let shown = folder.display().to_string();
    if run.finished.is_some() {
        tell(&format!("nothing is missing in {shown}: it was finished, and rows that failed are not tried again"));
        return Ok(Left::Nothing(folder));
    }
    let request = run.request.clone();
    let request = request.with_context(|| {
        format!("{shown} was made by an earlier pagewise, which did not record what was asked for; measure again")
    })?;
    same_program(&run).with_context(|| format!("cannot resume {shown}"))?;
    let select = SelectArgs::recorded(&request, run.profile).with_context(|| format!("{shown}: its methods"))?;
    let options = select.options()?;
    let specs = select.specs(&options).unwrap_or_default();
    // What was watched in part is watched again: its ways are to be held against one another in the same weather.
    run.beyond_memory = run.beyond_memory.filter(|seen| seen.reason.as_deref() != Some(beyond::INTERRUPTED));
    let beyond = select.wants_memory(&options) && run.beyond_memory.is_none();
    let stalls = select.wants_stalls(&options) && run.stalls.is_empty();
    let write_back = request.write_back && run.write_back.is_none();
    let specs = in_order(specs, &request).with_context(|| format!("cannot resume {shown}"))?;
    // One that was interrupted is done again: its workers cannot be gone on with.
    if run.studies.last().is_some_and(|study| study.stop_reason == "interrupted") {
        run.studies.pop();
    }
    let ids = run.studies.iter().map(|study| &study.scenario.id);
    ensure!(
        run.studies.len() <= specs.len() && ids.zip(&request.scenarios).all(|(done, asked)| done == asked),
        "cannot resume {shown}: its studies are not the first of those that it was to do; scripts/validate tells more"
    );
    let dir = dir.unwrap_or_else(|| PathBuf::from(&request.dir));
    store::tidy(&folder);
    Ok(Left::Some(Box::new(Work {
        options,
        specs,
        dir,
        request,
        beyond,
        stalls,
        write_back,
        begun: Some(Begun { run, folder, lock }),
    })))
}

/// The folder of the run at `path`, where what is written will be read.
fn folder_of(path: &Path) -> anyhow::Result<PathBuf> {
    if path.is_dir() {
        return Ok(path.to_owned());
    }
    ensure!(
        path.file_name().is_some_and(|name| name == store::FILE),
        "{}: a run is resumed in its folder, as its {}; name the folder",
        path.display(),
        store::FILE
    );
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    Ok(parent.unwrap_or(Path::new(".")).to_owned())
}

fn same_program(run: &Run) -> anyhow::Result<()> {
    let own = program();
    let name = |program: &crate::results::model::Program| {
        let parts = [program.commit.as_deref(), program.build.as_deref()];
        let known: Vec<&str> = parts.into_iter().flatten().collect();
        if known.is_empty() { program.version.clone() } else { format!("{} ({})", program.version, known.join(", ")) }
    };
    ensure!(
        run.pagewise == own,
        "it was made by pagewise {}, and this is {}: their figures cannot stand side by side; use that one, or measure again",
        name(&run.pagewise),
        name(&own)
    );
    Ok(())
}

/// The studies that were asked for, in their order.
fn in_order(mut specs: Vec<Spec>, request: &Request) -> anyhow::Result<Vec<Spec>> {
    let mut take = |id: &String| {
        let place = specs.iter().position(|spec| spec.plan.scenario.id == *id);
        place.map(|place| specs.swap_remove(place)).with_context(|| {
            let file = request.file.as_ref().map(|file| format!("; is {file} as large as it was?"));
            format!("the catalogue has no {id} with such methods{}", file.unwrap_or_default())
        })
    };
    request.scenarios.iter().map(&mut take).collect()
}

impl Begun {
    /// Goes on, if this is where the run began: the same machine, set up as it was, and the same filesystem.
    ///
    /// # Errors
    /// The first difference, by name.
    pub fn go_on(mut self, machine: &Machine, place: &Dir) -> anyhow::Result<Self> {
        let difference = place_differs(&self.run.dir, place).or_else(|| machine_differs(&self.run.machine, machine));
        if let Some((what, then, now)) = difference {
            bail!(
                "cannot resume {}: {what} was {then:?} when it began, and is {now:?} now; set it back, or measure again",
                self.folder.display()
            );
        }
        let (done, all) = (self.run.studies.len(), self.run.request.as_ref().map_or(0, |asked| asked.scenarios.len()));
        tell(&format!("resuming {}: {done} of {all} studies stand, {} to do", self.folder.display(), all - done));
        self.run.resumed.push(to_the_second(jiff::Timestamp::now()));
        Ok(self)
    }
}

/// What differs, how it was, how it is.
type Difference = (String, String, String);

fn differs<T: ToString + ?Sized>(what: &str, then: &T, now: &T) -> Option<Difference> {
    let (then, now) = (then.to_string(), now.to_string());
    (then != now).then(|| (what.to_owned(), then, now))
}

fn place_differs(then: &Dir, now: &Dir) -> Option<Difference> {
    let device = |dir: &Dir| dir.device.clone().unwrap_or_else(|| "unknown".to_owned());
    differs("the filesystem of --dir", &then.filesystem, &now.filesystem)
        .or_else(|| differs("the device below --dir", &device(then), &device(now)))
        .or_else(|| differs("the mount options of --dir", &then.mount_options, &now.mount_options))
}

/// Facts that somebody set, and that figures hang on. By name: others are read that change from minute to minute on a machine that nobody
/// changed, such as its load, and more may be.
const SETTINGS: [&str; 52] = [
    "architecture",
    "boost",
    "cgroup_cpu_quota",
    "cgroup_memory_high",
    "cgroup_memory_limit",
    "clocksource",
    "container",
    "damon_lru_sort",
    "damon_reclaim",
    "dirty_background_bytes",
    "dirty_background_ratio",
    "dirty_bytes",
    "dirty_expire_centisecs",
    "dirty_ratio",
    "dirty_writeback_centisecs",
    "energy_preference",
    "feature_cachestat",
    "feature_io_uring",
    "feature_madv_populate_read",
    "feature_o_direct",
    "feature_rwf_dontcache",
    "filesystem_block_size",
    "fua",
    "hugepage_sizes",
    "kernel_build",
    "ksm",
    "laptop_mode",
    "logical_block_size",
    "lru_gen",
    "mitigations",
    "mitigations_option",
    "no_turbo",
    "nr_requests",
    "numa_balancing",
    "numa_nodes",
    "overcommit_memory",
    "page_reporting_order",
    "physical_block_size",
    "power",
    "read_ahead_kb",
    "root",
    "rotational",
    "scaling_driver",
    "scaling_governor",
    "scheduler",
    "smt_active",
    "swappiness",
    "transparent_hugepage",
    "transparent_hugepage_defrag",
    "transparent_hugepage_shmem",
    "write_cache",
    "zswap",
];
/// The kernel keeps a little more or less of the same memory for itself from one start to the next.
const MEMORY_SLACK: u64 = 100;

fn machine_differs(then: &Machine, now: &Machine) -> Option<Difference> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    let memory = then.memory.abs_diff(now.memory) > then.memory / MEMORY_SLACK;
    let fact = |name: &str| {
        let value = |machine: &Machine| text(&machine.facts.get(name).cloned());
        differs(&format!("the machine's {name}"), &value(then), &value(now))
    };
    differs("the kernel", &then.kernel, &now.kernel)
        .or_else(|| differs("the processor", &then.cpu, &now.cpu))
        .or_else(|| differs("the number of processors", &then.cpus, &now.cpus))
        .or_else(|| differs("the page size", &then.page_size, &now.page_size))
        .or_else(|| differs("the hypervisor", &text(&then.virtualization), &text(&now.virtualization)))
        .or_else(|| differs("the memory in bytes", &then.memory, &now.memory).filter(|_| memory))
        .or_else(|| SETTINGS.into_iter().find_map(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn said(change: impl FnOnce(&mut Run)) -> Option<String> {
        let (then, mut now) = (sample::run(), sample::run());
        change(&mut now);
        place_differs(&then.dir, &now.dir).or_else(|| machine_differs(&then.machine, &now.machine)).map(|found| found.0)
    }

    #[test]
    fn what_decides_figures_must_be_as_it_was() {
        assert_eq!(said(|_| ()), None);
        assert_eq!(said(|run| run.machine.kernel.push('x')).unwrap(), "the kernel");
        assert_eq!(said(|run| run.machine.cpus = 4).unwrap(), "the number of processors");
        assert_eq!(said(|run| run.machine.memory /= 2).unwrap(), "the memory in bytes");
        assert_eq!(said(|run| run.dir.device = None).unwrap(), "the device below --dir");
        assert_eq!(said(|run| run.dir.mount_options.push_str(",sync")).unwrap(), "the mount options of --dir");
        let fact = |name: &str| {
            let name = name.to_owned();
            said(move |run| drop(run.machine.facts.insert(name, "other".to_owned())))
        };
        assert_eq!(fact("clocksource").unwrap(), "the machine's clocksource");
        assert_eq!(fact("cgroup_memory_limit").unwrap(), "the machine's cgroup_memory_limit", "one that was not there");
    }

    #[test]
    fn what_passes_may_have_passed() {
        let now = |name: &'static str| said(move |run| drop(run.machine.facts.insert(name.to_owned(), "7".to_owned())));
        assert_eq!(now("load_average"), None);
        assert_eq!(now("memory_available"), None);
        assert_eq!(now("what_a_later_release_reads"), None);
        assert_eq!(said(|run| run.machine.memory -= 8 << 20), None, "the same memory after a restart");
    }
}
