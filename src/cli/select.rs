//! Which scenarios and methods are meant: `[AREA…] --where KEY=VALUE --method GLOB --quick --file PATH`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use glob::Pattern;

use crate::areas::{self, Options, Spec, UserFile};
use crate::os::page_size;
use crate::results::model::{Profile, Request, Scenario};

/// A request that names what is not there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// What to measure.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// Areas; all of them by default
    #[arg(value_name = "AREA", value_parser = areas::ALL.map(|area| area.name()).to_vec())]
    areas: Vec<String>,

    /// Only scenarios with all of these parameters, such as state=warm,history=write-4K; `pagewise list` shows them, id and area among them
    #[arg(long = "where", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = pair)]
    filters: Vec<(String, String)>,

    /// Only methods whose names match this pattern, such as 'mmap*', beside each scenario's baseline
    #[arg(long = "method", value_name = "GLOB", value_parser = |text: &str| Pattern::new(text).map_err(|error| error.to_string()))]
    methods: Vec<Pattern>,

    /// A scenario or two an area, on small files: at most 40 s
    #[arg(long)]
    pub quick: bool,

    /// Read this file in place of one of ours: page_touch alone, warm and mapped; it is opened read-only
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Let --file be evicted from the page cache, and so be measured cold as well
    #[arg(long, requires = "file")]
    evict: bool,
}

/// The value of `--where`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as state=warm".to_owned()),
    }
}

impl SelectArgs {
    /// What a recorded run was asked for, apart from its scenarios.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn recorded(request: &Request, profile: Profile) -> anyhow::Result<Self> {
        let methods = request.methods.iter().map(|text| Pattern::new(text));
        Ok(Self {
            areas: Vec::new(),
            filters: Vec::new(),
            methods: methods.collect::<Result<_, _>>()?,
            quick: profile == Profile::Quick,
            file: request.file.as_ref().map(PathBuf::from),
            evict: request.evict,
        })
    }

    /// What is to be recorded of this request: `specs` in `dir`, in the time given.
    pub fn record(
        &self,
        specs: &[Spec],
        dir: &Path,
        budget: Duration,
        worker_limit: Option<Duration>,
    ) -> anyhow::Result<Request> {
        let text = |path: &Path| {
            let utf8 = path.to_str().map(str::to_owned);
            utf8.with_context(|| format!("{}: not UTF-8; name it by another path", path.display()))
        };
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Ok(Request {
            scenarios: specs.iter().map(|spec| spec.plan.scenario.id.clone()).collect(),
            methods: self.methods.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            file: self.file.as_deref().map(text).transpose()?,
            evict: self.evict,
            dir: text(dir)?,
            budget_ns: ns(budget),
            worker_limit_ns: worker_limit.map(ns),
        })
    }

    /// What the catalogue is made from.
    ///
    /// # Errors
    /// A `--file` that cannot be measured, in one sentence.
    pub fn options(&self) -> anyhow::Result<Options> {
        let file = self.file.as_deref().map(measurable).transpose()?;
        Ok(Options { quick: self.quick, file, evict: self.evict })
    }

    /// Whether nothing was selected.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
            && self.filters.is_empty()
            && self.methods.is_empty()
            && self.file.is_none()
            && !self.quick
    }

    /// Whether `method` was named: by a pattern, or by none being given.
    pub fn names_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.matches(method)
    }

    /// The studies that are meant, in the catalogue's order.
    ///
    /// # Errors
    /// [`UsageError`] where nothing fits, naming what there is.
    pub fn specs(&self, options: &Options) -> Result<Vec<Spec>, UsageError> {
        let mut chosen: Vec<Spec> = self.areas(options)?.into_iter().flat_map(|area| area.specs(options)).collect();
        for (key, value) in &self.filters {
            chosen = keep(chosen, key, value)?;
        }
        if self.methods.is_empty() {
            return Ok(chosen);
        }
        chosen.retain(|spec| spec.plan.methods.iter().any(|method| self.matches(&method.name)));
        for spec in &mut chosen {
            self.keep_methods(spec);
        }
        if chosen.is_empty() {
            let globs: Vec<&str> = self.methods.iter().map(Pattern::as_str).collect();
            return Err(UsageError(format!(
                "--method {}: no method matches; `pagewise list` names them",
                globs.join(" ")
            )));
        }
        Ok(chosen)
    }

    fn areas(&self, options: &Options) -> Result<Vec<&'static dyn areas::Area>, UsageError> {
        let named = |name: &str| self.areas.is_empty() || self.areas.iter().any(|area| area == name);
        let fits = |area: &dyn areas::Area| named(area.name()) && (options.file.is_none() || area.takes_file());
        let chosen: Vec<_> = areas::ALL.into_iter().filter(|area| fits(*area)).collect();
        if chosen.is_empty() {
            let takers: Vec<&str> =
                areas::ALL.into_iter().filter(|area| area.takes_file()).map(|area| area.name()).collect();
            let takers = takers.join(", ");
            return Err(UsageError(format!("--file is for {takers}: leave the area out, or name {takers}")));
        }
        Ok(chosen)
    }

    fn matches(&self, method: &str) -> bool {
        self.methods.iter().any(|pattern| pattern.matches(method))
    }

    /// Leaves the methods that match, and the baseline, without which there is nothing to compare with.
    fn keep_methods(&self, spec: &mut Spec) {
        let plan = &mut spec.plan;
        let baseline = plan.methods[plan.baseline].name.clone();
        plan.methods.retain(|method| method.name == baseline || self.matches(&method.name));
        plan.baseline = plan.methods.iter().position(|method| method.name == baseline).unwrap_or(0);
    }
}

/// Whether a scenario of `area` has this parameter; `id` and `area` are among them.
pub fn has(area: &str, scenario: &Scenario, key: &str, value: &str) -> bool {
    let found = match key {
        "id" => Some(&*scenario.id),
        "area" => Some(area),
        _ => scenario.params.get(key).map(String::as_str),
    };
    found == Some(value)
}

fn keep(specs: Vec<Spec>, key: &str, value: &str) -> Result<Vec<Spec>, UsageError> {
    let fits = |spec: &Spec| has(&spec.plan.area, &spec.plan.scenario, key, value);
    if specs.iter().any(fits) {
        return Ok(specs.into_iter().filter(fits).collect());
    }
    let keys: BTreeSet<&str> =
        specs.iter().flat_map(|spec| spec.plan.scenario.params.keys().map(String::as_str)).collect();
    let values: BTreeSet<&str> =
        specs.iter().filter_map(|spec| spec.plan.scenario.params.get(key)).map(String::as_str).collect();
    let known = |set: BTreeSet<&str>| set.into_iter().collect::<Vec<_>>().join(", ");
    Err(UsageError(if values.is_empty() {
        format!(
            "--where {key}={value}: no scenario has {key}; those that fit the rest have {}, id and area",
            known(keys)
        )
    } else {
        format!("--where {key}={value}: no scenario is left; of those that fit the rest, {key} is {}", known(values))
    }))
}

/// The file's full path and size, if it is one that can be mapped and read.
fn measurable(path: &Path) -> anyhow::Result<UserFile> {
    let shown = path.display();
    let found =
        fs::metadata(path).map_err(|error| anyhow::anyhow!("--file {shown}: {error}; name a file that is there"))?;
    let kind = found.file_type();
    if found.is_dir() {
        anyhow::bail!("--file {shown}: a folder; name a file in it");
    }
    if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        anyhow::bail!("--file {shown}: not a regular file; only those can be compared by mapping and reading");
    }
    File::open(path).map_err(|error| anyhow::anyhow!("--file {shown}: {error}; name one that you may read"))?;
    match found.len() {
        0 => anyhow::bail!("--file {shown}: empty; there is nothing to read in it"),
        bytes if bytes < page_size() as u64 => {
            anyhow::bail!("--file {shown}: {bytes} bytes, less than a page of {}; name a larger one", page_size())
        }
        bytes => {
            let path = fs::canonicalize(path)?;
            // Paths go to workers as JSON.
            anyhow::ensure!(
                path.to_str().is_some(),
                "--file {shown}: its path is not UTF-8; name it by another, such as a link"
            );
            Ok(UserFile { path, bytes })
        }
    }
}
