//! Where a trial lies: `trial.json`, and beside it its tries, each a line of JSON, each line a gzip member of its own (RFC 1952, 2.2), so
//! that a trial that was killed keeps what it had.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::os::file;
use crate::results::{self, bounds, sound};

use super::model::{Criterion, SCHEMA, Trial, Try};

const HEAD: &str = "trial.json";
const TRIES: &str = "tries.jsonl.gz";
const CRITERION: &str = "criterion.json";

/// Bytes of unpacked tries that are read: a trial of 400 studies has some 10 MiB.
const UNPACKED: u64 = 256 << 20;

/// Writes what was tried, over what was there.
///
/// # Errors
/// What the file system answers.
pub fn save(trial: &Trial, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(HEAD);
    let mut text = serde_json::to_vec_pretty(trial)?;
    text.push(b'\n');
    results::store::replace(&path, folder, &text).with_context(|| format!("writing {}", path.display()))
}

/// Adds a try.
///
/// # Errors
/// What the file system answers.
pub fn append(one: &Try, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(TRIES);
    let mut line = serde_json::to_vec(one)?;
    line.push(b'\n');
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&line)?;
    let failed = || format!("writing {}", path.display());
    let mut file = OpenOptions::new().create(true).append(true).open(&path).with_context(failed)?;
    file.write_all(&member.finish()?).with_context(failed)
}

/// A trial as it was recorded.
#[derive(Debug)]
pub struct Recorded {
    /// What was tried.
    pub trial: Trial,
    /// Its tries, in the order in which they were made.
    pub tries: Vec<Try>,
    /// What another harness said beside it, where that was asked.
    pub criterion: Option<Criterion>,
}

impl Recorded {
    /// Studies, and pairs of blocks.
    pub fn counts(&self) -> (usize, usize) {
        let studies = self.tries.iter().filter(|one| matches!(one, Try::Study { .. })).count();
        (studies, self.tries.len() - studies)
    }
}

/// Reads the trial in `folder`.
///
/// # Errors
/// In a sentence: nothing there, damaged, of another format.
pub fn load(folder: &Path) -> anyhow::Result<Recorded> {
    let trial: Trial = read_json(&folder.join(HEAD))?.with_context(|| {
        format!("{} holds no {HEAD}: name the folder of a trial, made by `pagewise calibrate`", folder.display())
    })?;
    let path = folder.join(HEAD);
    anyhow::ensure!(
        trial.schema == SCHEMA,
        "{} has the schema {:?}, where {SCHEMA:?} is expected: read it with the pagewise that wrote it",
        path.display(),
        trial.schema
    );
    let tries = read_tries(&folder.join(TRIES))?;
    let recorded = Recorded { trial, tries, criterion: read_json(&folder.join(CRITERION))? };
    let (trial, tries) = (&recorded.trial, &recorded.tries);
    if let Some(stray) = tries.iter().map(subject_of).find(|index| *index >= trial.subjects.len()) {
        anyhow::bail!("{}: a try is of subject {stray}, and there are {}", path.display(), trial.subjects.len());
    }
    for (index, one) in tries.iter().enumerate() {
        if let Try::Study { study, .. } = one
            && let Some(fault) = sound::fault_of_study(study)
        {
            anyhow::bail!("{}, line {}: does not hold together: study{fault}", folder.join(TRIES).display(), index + 1);
        }
    }
    let (studies, blocks) = recorded.counts();
    let planned = trial.subjects.len() * trial.studies as usize;
    let pairs = trial.subjects.len() * trial.blocks as usize;
    anyhow::ensure!(
        trial.finished.is_none() || (studies, blocks) == (planned, pairs),
        "{} has {studies} studies and {blocks} pairs of blocks, where {} is of a finished trial of {planned} and {pairs}: a part of it is missing",
        folder.join(TRIES).display(),
        path.display(),
    );
    Ok(recorded)
}

/// Whose a try is.
pub fn subject_of(one: &Try) -> usize {
    match one {
        Try::Study { subject, .. } | Try::Blocks { subject, .. } => *subject,
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match file::read_all(path, bounds::FILE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("reading {}", path.display()))?,
    };
    serde_json::from_slice(&text).with_context(|| format!("{} is damaged or of another format", path.display()))
}

fn read_tries(path: &PathBuf) -> anyhow::Result<Vec<Try>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file.with_context(|| format!("opening {}", path.display()))?,
    };
    let mut tries = Vec::new();
    for (index, line) in BufReader::new(MultiGzDecoder::new(BufReader::new(file)).take(UNPACKED)).lines().enumerate() {
        let place = || format!("{}, line {}: damaged or of another format", path.display(), index + 1);
        tries.push(serde_json::from_str(&line.with_context(place)?).with_context(place)?);
    }
    Ok(tries)
}
