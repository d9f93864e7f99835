//! Which of the scenarios and methods that there are does `--where KEY=VALUE --method GLOB` leave?

use std::collections::BTreeSet;

use clap::Args;
use glob::Pattern;

use super::UsageError;
use crate::results::model::Scenario;

/// What to leave out of what there is.
#[derive(Debug, Default, Args)]
pub struct FilterArgs {
    /// Only scenarios with all of these parameters, such as state=warm,history=write-4K; `pagewise list` shows them, id and area among them
    #[arg(long = "where", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = pair)]
    filters: Vec<(String, String)>,

    /// Only methods whose names match this pattern, such as 'mmap*'; `run` and `list` take each scenario's baseline beside them
    #[arg(long = "method", value_name = "GLOB", value_parser = |text: &str| Pattern::new(text).map_err(|error| error.to_string()))]
    methods: Vec<Pattern>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as state=warm".to_owned()),
    }
}

impl FilterArgs {
    /// Those that take all scenarios, and the methods that match one of `patterns`.
    ///
    /// # Errors
    /// A pattern that is none.
    pub fn of_methods(patterns: &[String]) -> anyhow::Result<Self> {
        let methods = patterns.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?;
        Ok(Self { filters: Vec::new(), methods })
    }

    /// The patterns of `--method`, as typed.
    pub fn methods(&self) -> Vec<String> {
        self.methods.iter().map(|pattern| pattern.as_str().to_owned()).collect()
    }

    /// Whether it leaves everything.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty() && self.takes_all_methods()
    }

    /// Those of `all` whose scenario fits each `--where`, in their order.
    ///
    /// # Errors
    /// [`UsageError`] where nothing fits, naming what there is.
    pub fn scenarios<T>(&self, all: Vec<T>, scenario: impl Fn(&T) -> &Scenario) -> Result<Vec<T>, UsageError> {
        self.filters.iter().try_fold(all, |left, (key, value)| keep(left, &scenario, key, value))
    }

    /// Whether each method is meant.
    pub fn takes_all_methods(&self) -> bool {
        self.methods.is_empty()
    }

    /// Whether this method is meant.
    pub fn takes(&self, method: &str) -> bool {
        self.takes_all_methods() || self.methods.iter().any(|pattern| pattern.matches(method))
    }

    /// That `--method` left nothing; `known` names what there is.
    pub fn no_method(&self, known: &str) -> UsageError {
        let globs: Vec<&str> = self.methods.iter().map(Pattern::as_str).collect();
        UsageError(format!("--method {}: no method matches; {known}", globs.join(" ")))
    }
}

fn keep<T>(all: Vec<T>, scenario: impl Fn(&T) -> &Scenario, key: &str, value: &str) -> Result<Vec<T>, UsageError> {
    let found = |item: &T| {
        let scenario = scenario(item);
        match key {
            "id" => Some(scenario.id.clone()),
            // An id begins with its area.
            "area" => scenario.id.split('/').next().map(str::to_owned),
            _ => scenario.params.get(key).cloned(),
        }
    };
    let fits = |item: &T| found(item).is_some_and(|found| found == value);
    if all.iter().any(fits) {
        return Ok(all.into_iter().filter(fits).collect());
    }
    let keys: BTreeSet<String> = all.iter().flat_map(|item| scenario(item).params.keys().cloned()).collect();
    // Ids are long and many.
    let values: BTreeSet<String> = if key == "id" { BTreeSet::new() } else { all.iter().filter_map(found).collect() };
    let known = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
    Err(UsageError(if key == "id" {
        format!("--where id={value}: no such scenario among those that fit the rest")
    } else if values.is_empty() {
        format!(
            "--where {key}={value}: no scenario has {key}; those that fit the rest have {}, id and area",
            known(keys)
        )
    } else {
        format!("--where {key}={value}: no scenario is left; of those that fit the rest, {key} is {}", known(values))
    }))
}
