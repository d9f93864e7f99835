//! `pagewise list`: what would be measured.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::select::SelectArgs;
use crate::areas::{self, page_touch};

/// What to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    select: SelectArgs,
}

/// Prints the scenarios, by area, with their parameters and methods.
pub fn run(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let options = args.select.options()?;
    let specs = args.select.specs(&options)?;
    let watched = args.select.wants_memory(&options);
    match print(&specs, watched, &mut io::stdout().lock()) {
        // The reader, `head` say, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        outcome => Ok(outcome.map(|()| ExitCode::SUCCESS)?),
    }
}

fn print(specs: &[areas::Spec], watched: bool, to: &mut dyn Write) -> io::Result<()> {
    let mut area = "";
    for spec in specs {
        let plan = &spec.plan;
        if plan.area != area {
            area = &plan.area;
            let about = areas::named(area).map_or("", |found| found.about());
            writeln!(to, "{area}: {about}\n")?;
        }
        let params: Vec<String> = plan.scenario.params.iter().map(|(key, value)| format!("{key}={value}")).collect();
        writeln!(to, "  {}", plan.scenario.id)?;
        writeln!(to, "    {}", plan.scenario.question)?;
        writeln!(to, "    where    {}", params.join(","))?;
        writeln!(to, "    baseline {}", plan.methods[plan.baseline].name)?;
        for (index, method) in plan.methods.iter().enumerate().filter(|(index, _)| *index != plan.baseline) {
            let label = if index == first_other(plan.baseline) { "against " } else { "        " };
            writeln!(to, "    {label} {}", method.name)?;
        }
        writeln!(to)?;
    }
    if watched {
        writeln!(to, "  reads of files larger than a memory limit, watched as the cache fills:")?;
        for way in &page_touch::beyond::WAYS {
            writeln!(to, "    {:10}  {}", way.pattern.word(), way.name)?;
        }
    }
    Ok(())
}

fn first_other(baseline: usize) -> usize {
    usize::from(baseline == 0)
}
