//! How a command that measures waits for another pagewise, or measures at the same time and says
//! so.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::measuring::time;
use super::tell_as;
use crate::measuring_lock::{LockError, MeasuringLock};
use crate::results::model::Warning;

/// What the user wants where another pagewise measures on this machine.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct AloneArgs {
    /// Wait at most TIME, such as 10m or 0s, for another pagewise to finish measuring, then fail
    /// [default: no limit]
    #[arg(long, value_name = "TIME", value_parser = limit, conflicts_with = "shared")]
    wait: Option<Duration>,

    /// Measure even while another pagewise is measuring. The reports of both say so
    #[arg(long)]
    shared: bool,
}

impl AloneArgs {
    /// The same from a command line that clap does not read.
    ///
    /// # Errors
    /// What is wrong with `wait`, or with both at once.
    pub fn of_words(shared: bool, wait: Option<&str>) -> Result<Self, String> {
        if shared && wait.is_some() {
            return Err("--wait cannot be used with --shared, which never waits".to_owned());
        }
        let wait = wait.map(limit).transpose().map_err(|error| format!("--wait: {error}"))?;
        Ok(Self { wait, shared })
    }

    /// Waits until nobody else measures, or not, as asked; says on standard error what it waits
    /// for. `program` is the caller's name.
    ///
    /// To be called before signals are handled: one that comes while this waits ends the process.
    ///
    /// # Errors
    /// Another one still measures at the end of `--wait`: in a sentence, with what to do.
    pub fn take(&self, program: &str) -> anyhow::Result<MeasuringLock> {
        if self.shared {
            let lock = MeasuringLock::shared();
            if lock.others() > 0 {
                tell_as(program, "another pagewise is measuring at the same time; the reports of both say so");
            }
            return Ok(lock);
        }
        let mut waited = false;
        let taken = MeasuringLock::take(self.wait, &mut |holder| {
            let hint = if waited { "" } else { "; --wait TIME limits the wait, --shared measures at the same time" };
            tell_as(program, &format!("waiting for another pagewise to finish measuring: {holder}{hint}"));
            waited = true;
        });
        match taken {
            Ok(lock) => {
                if waited {
                    tell_as(program, "the other measurement has ended; starting");
                }
                Ok(lock)
            }
            Err(LockError::Held(holder)) => Err(anyhow!(
                "another pagewise is still measuring: {holder}; wait until it ends or end it, give a longer --wait, \
                 or measure at the same time by --shared"
            )),
            Err(LockError::Unavailable(error)) => {
                let doubt = "cannot find out whether another pagewise is measuring";
                tell_as(program, &format!("{doubt} ({error}); measuring anyway"));
                Ok(MeasuringLock::none())
            }
        }
    }
}

/// That others measured at the same time, in a sentence, if any did.
pub fn mention(lock: &MeasuringLock) -> Option<String> {
    let who = match lock.others() {
        0 => return None,
        1 => "another pagewise".to_owned(),
        others => format!("{others} other pagewise processes"),
    };
    Some(format!(
        "{who} measured at the same time, on the same processors, memory and disks: times and verdicts may be wrong"
    ))
}

/// Keeps the warning that others measured at the same time up to date in what is recorded.
#[derive(Debug)]
pub struct Disturbance<'a> {
    lock: &'a MeasuringLock,
    /// As it stands there.
    recorded: Option<Warning>,
}

impl<'a> Disturbance<'a> {
    /// Of those who tell `lock`.
    pub fn new(lock: &'a MeasuringLock) -> Self {
        Self { lock, recorded: None }
    }

    /// Looks, and records what is new. What an earlier part of a resumed run recorded stays.
    pub fn record(&mut self, warnings: &mut Vec<Warning>) {
        let Some(text) = mention(self.lock) else { return };
        let fix = "Measure again without --shared while no other pagewise is measuring.".to_owned();
        let mut letters = text.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        let now = Warning { code: "shared".to_owned(), text: format!("{first}{}.", letters.as_str()), fix };
        if self.recorded.as_ref() == Some(&now) {
            return;
        }
        warnings.retain(|warning| Some(warning) != self.recorded.as_ref());
        if !warnings.contains(&now) {
            warnings.push(now.clone());
        }
        self.recorded = Some(now);
    }
}

fn limit(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_secs(7 * 24 * 3600);
    let limit = time(text).ok_or_else(|| "expected a time such as 30s, 10m or 1h, or 0s to fail at once".to_owned())?;
    if limit <= MOST { Ok(limit) } else { Err("at most 7 days; without --wait, there is no limit".to_owned()) }
}
