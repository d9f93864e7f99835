//! `pagewise worker`: a part of a study, asked for on standard input, answered on standard output.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use nix::unistd::Pid;

use crate::areas::{self, Options};
use crate::engine::method::Trouble;
use crate::engine::worker;
use crate::os::process;

/// Serves one order.
pub fn run() -> anyhow::Result<ExitCode> {
    let order =
        worker::read_order(&mut io::stdin().lock()).context("a worker is started by `pagewise run`, not by hand")?;
    process::die_with_parent(Pid::from_raw(order.parent));
    let options: Options = serde_json::from_value(order.catalogue.clone()).context("the catalogue's options")?;
    let area = order.scenario.split('/').next().and_then(areas::named);
    let answer = worker::serve(&order, &|method| match area {
        Some(area) => area.open(&options, &order.scenario, method, &order.site),
        None => Err(Trouble::Failed(format!("no area of {}", order.scenario))),
    });
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, &answer)?;
    output.flush()?;
    Ok(ExitCode::SUCCESS)
}
