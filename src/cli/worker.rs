//! `pagewise worker`: a part of a study, asked for on standard input, answered on standard output.

use std::process::ExitCode;

use anyhow::Context;

use crate::areas::{self, Options};
use crate::engine::duty::Duty;
use crate::engine::method::Trouble;
use crate::engine::worker;

/// Serves one order.
pub fn run() -> anyhow::Result<ExitCode> {
    let duty = Duty::take_up().context("a worker is started by `pagewise run`, not by hand")?;
    let order = &duty.order;
    let options: Options = serde_json::from_value(order.catalogue.clone()).context("the catalogue's options")?;
    let area = order.scenario.split('/').next().and_then(areas::named);
    let answer = worker::serve(order, &|method| match area {
        Some(area) => area.open(&options, &order.scenario, method, &order.site),
        None => Err(Trouble::Failed(format!("no area of {}", order.scenario))),
    });
    duty.fulfil(&answer)?;
    Ok(ExitCode::SUCCESS)
}
