//! `pagewise advise read`: how to read a file, for what the user needs?

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::advise::{Format, Subject, measure, recorded, said};
use super::alone::AloneArgs;
use super::measuring::duration;
use super::run::RunArgs;
use super::select::{SelectArgs, measurable};
use crate::areas::{self, page_touch};
use crate::report::advice::read::{self, Advice};
use crate::results::model::{Reading, Run};
use crate::results::store;

const EXAMPLES: &str = "\
Examples:
  pagewise advise read --size 2GiB --used 10% --pattern random --state cold
  pagewise advise read --size 64MiB --pattern sequential --passes 4
  pagewise advise read --file data.bin --pattern random --record 512
  pagewise advise read --size 64GiB --memory 16GiB --pattern sequential   larger than memory";

/// What is read, and how.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReadArgs {
    /// Size of the file, such as 64MiB or 2GiB
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size, conflicts_with = "file")]
    size: u64,

    /// The part of the file that is used, such as 10% or 0.1
    #[arg(long, value_name = "PART", default_value = "100%", value_parser = part)]
    used: f64,

    /// The order of use
    #[arg(long, value_enum, default_value_t = Order::Random)]
    pattern: Order,

    /// Bytes used in one place, such as 64B or 4KiB: rounded up to a power of two
    #[arg(long, value_name = "SIZE", default_value = "4KiB", value_parser = record)]
    record: u64,

    /// Times that the same records are used
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=16))]
    passes: u64,

    /// Where the file's pages are when it is read
    #[arg(long, value_enum, default_value_t = Cached::Warm)]
    state: Cached,

    /// What is done with the bytes
    #[arg(long = "use", value_enum, default_value_t = Done::Sum)]
    job: Done,

    /// Memory that may hold the file, page cache included, such as 8GiB. Of a file that is larger no state can be kept: one that is as many times as
    /// large as a limit is watched as it is read, by a process under that limit
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,

    /// Measure on this file, which is only read; --state cold needs --evict
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    file: Option<PathBuf>,

    /// Let --file be evicted from the page cache
    #[arg(long, requires = "file")]
    evict: bool,

    /// Answer from this recorded run, and measure nothing
    #[arg(long, value_name = "RUN", conflicts_with_all = ["wait", "shared"])]
    from: Option<PathBuf>,

    /// The folder, and so the filesystem, to measure in; with --file, where what a run needs beside the file is kept [default: .; with --file,
    /// its folder]
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    dir: Option<PathBuf>,

    /// Where the run that is made for the answer goes
    #[arg(long, value_name = "DIR", default_value = "./results/local", conflicts_with = "from")]
    out: PathBuf,

    /// About how long measuring may take [default: 20s to 90s]
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with = "from")]
    budget: Option<Duration>,

    /// Finish a run of `advise read` that was interrupted or killed, and print its advice
    #[arg(long, value_name = "RUN", conflicts_with_all = FIXED)]
    resume: Option<PathBuf>,

    #[command(flatten)]
    alone: AloneArgs,

    /// How the advice is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What a run that is resumed has settled already.
const FIXED: [&str; 14] = [
    "size", "used", "pattern", "record", "passes", "state", "job", "memory", "file", "evict", "from", "dir", "out",
    "budget",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// From start to end
    Sequential,
    /// From end to start
    Backward,
    /// Each place as likely as the other
    Random,
    /// Few places often, most seldom
    Zipf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Cached {
    /// Not in the page cache
    Cold,
    /// In the page cache, and the file is opened or mapped anew
    Warm,
    /// In the page cache, and a mapping is kept
    Mapped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Done {
    /// One byte of each page is read
    Touch,
    /// Every byte is read
    Sum,
    /// Every byte is copied into memory of the program's own
    Copy,
    /// Every byte is searched
    Search,
}

/// The word that the user types for it.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

const READ: Subject =
    Subject { name: "read", is_of: |run| run.request.as_ref().is_some_and(|request| request.reading.is_some()) };

impl ReadArgs {
    /// The advice, as it is printed.
    pub(super) fn answer(&self) -> anyhow::Result<String> {
        if let Some(path) = &self.from {
            let advice = advise(&store::load(path)?, &self.need()?);
            return said(&advice.map_err(anyhow::Error::msg)?, read::text, self.format);
        }
        let run = match &self.resume {
            Some(path) => READ.resume(path, self.format, self.alone)?,
            None => self.measured()?,
        };
        recorded(&run, self.format).map(Option::unwrap_or_default)
    }

    fn need(&self) -> anyhow::Result<Reading> {
        let bytes = match &self.file {
            Some(path) => measurable(path)?.bytes,
            None => self.size,
        };
        if self.file.is_some() && self.state == Cached::Cold && !self.evict {
            anyhow::bail!(super::UsageError(
                "--state cold of a file of yours takes it out of the page cache: allow that by --evict".to_owned()
            ));
        }
        let record = self.record.next_power_of_two().max(8);
        if record > bytes {
            anyhow::bail!(super::UsageError(format!("a record of {record} bytes does not fit into a file of {bytes}")));
        }
        if self.file.is_some() && bytes / record > u64::from(u32::MAX) {
            anyhow::bail!(super::UsageError(format!(
                "a file of {bytes} bytes has more records of {record} than can be numbered: name a larger --record"
            )));
        }
        Ok(Reading {
            bytes,
            used: self.used,
            pattern: word(&self.pattern),
            record,
            passes: self.passes,
            state: word(&self.state),
            job: word(&self.job),
            memory: self.memory,
        })
    }

    fn measured(&self) -> anyhow::Result<Run> {
        let select = SelectArgs::of_reading(self.need()?, self.file.clone(), self.evict)?;
        let beside = self.file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        let dir = self.dir.as_deref().or(beside).unwrap_or(Path::new("."));
        measure(&RunArgs::for_advice(select, dir, &self.out, self.budget, self.alone, READ.command(self.format)))
    }
}

/// The advice for `need`, from what `run` measured.
pub(super) fn advise(run: &Run, need: &Reading) -> Result<Advice, String> {
    read::advise(run, need, &|method| areas::plainness(&page_touch::AREA, method))
}

fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn size(text: &str) -> Result<u64, String> {
    let fine = bytes(text).filter(|bytes| (64 << 10..=1 << 50).contains(bytes));
    fine.ok_or_else(|| "expected a size from 64KiB on, such as 256MiB or 2GiB".to_owned())
}

fn record(text: &str) -> Result<u64, String> {
    let fine = bytes(text).filter(|bytes| (1..=1 << 20).contains(bytes));
    fine.ok_or_else(|| "expected a size from 1B to 1MiB, such as 64B or 4KiB".to_owned())
}

fn part(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok().map(|percent| percent / 100.0),
        None => text.parse().ok(),
    };
    number
        .filter(|part| *part > 0.0 && *part <= 1.0)
        .ok_or_else(|| "expected a part above 0 and up to 100%, such as 10% or 0.1".to_owned())
}
