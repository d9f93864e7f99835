//! What a comparison comes to over many cases: geometric means, over those alone that all finished.
//!
//! A mean over different cases for different methods would rank the cases, not the methods.

use serde::Serialize;

use super::table::{Measure, Row, Table};

/// All scenarios of an area with the same guarantee.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The area.
    pub area: String,
    /// The guarantee, where there is one.
    pub guarantee: Option<String>,
    /// The geometric mean of B over A.
    pub ratio: Option<f64>,
    /// Methods of scenarios that it is over: those with a value in every run of both sides.
    pub cases: usize,
    /// Those left out.
    pub left_out: usize,
    /// Scenarios that the ranking is over.
    pub scenarios: usize,
    /// Methods that finished all of them in every run, best first by side B. Empty where ratios are compared.
    pub methods: Vec<Ranked>,
    /// Methods that did not, each with how many it finished.
    pub unranked: Vec<(String, usize)>,
}

/// A method in a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The method.
    pub method: String,
    /// On side A: the geometric mean over the scenarios of its time, over the least time of any ranked method there.
    pub a: f64,
    /// On side B.
    pub b: f64,
}

/// Each group of `table`, in its order.
pub fn groups(table: &Table) -> Vec<Group> {
    let mut names: Vec<(&str, Option<&str>)> = Vec::new();
    for row in &table.rows {
        let name = (&*row.area, row.guarantee.as_deref());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| group(table, name)).collect()
}

fn group(table: &Table, (area, guarantee): (&str, Option<&str>)) -> Group {
    let rows: Vec<&Row> =
        table.rows.iter().filter(|row| row.area == area && row.guarantee.as_deref() == guarantee).collect();
    let ratios: Vec<f64> = rows.iter().filter(|row| row.is_complete()).filter_map(|row| row.ratio).collect();
    let scenarios = distinct(rows.iter().map(|row| &*row.scenario));
    let finished = |method: &str| rows.iter().filter(|row| row.method == method && row.is_complete()).count();
    let (all, some): (Vec<&str>, Vec<&str>) = distinct(rows.iter().map(|row| &*row.method))
        .into_iter()
        .partition(|method| finished(method) == scenarios.len());
    let mut methods: Vec<Ranked> = if table.measure == Measure::Time {
        all.iter().filter_map(|method| ranked(&rows, &scenarios, &all, method)).collect()
    } else {
        Vec::new()
    };
    methods.sort_by(|one, other| one.b.total_cmp(&other.b));
    Group {
        area: area.to_owned(),
        guarantee: guarantee.map(str::to_owned),
        ratio: geometric_mean(&ratios),
        cases: ratios.len(),
        left_out: rows.len() - ratios.len(),
        scenarios: scenarios.len(),
        methods,
        unranked: some.into_iter().map(|method| (method.to_owned(), finished(method))).collect(),
    }
}

fn ranked(rows: &[&Row], scenarios: &[&str], all: &[&str], method: &str) -> Option<Ranked> {
    let relative = |time: fn(&Row) -> Option<f64>| -> Option<f64> {
        let each: Option<Vec<f64>> = scenarios
            .iter()
            .map(|scenario| {
                let of = |name: &str| rows.iter().find(|row| row.scenario == *scenario && row.method == name);
                let best = all.iter().filter_map(|name| time(of(name)?)).min_by(f64::total_cmp)?;
                Some(time(of(method)?)? / best)
            })
            .collect();
        geometric_mean(&each?)
    };
    Some(Ranked { method: method.to_owned(), a: relative(|row| row.a.median)?, b: relative(|row| row.b.median)? })
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.fold(Vec::new(), |mut seen, name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
        seen
    })
}

fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    (!ratios.is_empty()).then(|| (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp())
}
