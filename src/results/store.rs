//! Where a run lies on disk: one folder a run, `run.json` in it, replaced as a whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::iter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::os::file;

use super::model::{Run, SCHEMA};
use super::{bounds, finite, layout, sound};

/// The file in a run's folder that holds everything measured.
pub const FILE: &str = "run.json";

/// How the name of its successor begins until it is whole.
const TEMPORARY: &str = ".run.json.";

/// The longest part of a label that goes into a folder's name, in bytes: with the time before it far from the 255 that Linux allows.
const LONGEST_SLUG: usize = 60;

/// Why a run could not be read or written: a sentence that ends with what to do.
// The sentences are the documentation of what each is.
#[allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no run at {}: name a run's folder or its {FILE}; `pagewise run` makes one under results/local", path.display())]
    Missing { path: PathBuf },
    #[error("the folder {} holds no {FILE}: name the folder of one run, or its {FILE}", folder.display())]
    NoRunInFolder { folder: PathBuf },
    #[error("the folder {} holds no {FILE}, nor does a folder in it: name a run's folder, its {FILE}, or a folder of runs", folder.display())]
    NoRunsInFolder { folder: PathBuf },
    #[error("cannot read {} ({error}): make it readable, or name another run", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    /// The error names line and column.
    #[error("{} is damaged or cut short, it is not JSON ({error}): copy it again from where it was made, or measure again", path.display())]
    NotJson { path: PathBuf, error: serde_json::Error },
    #[error("{} is JSON, but has no \"schema\": \"{SCHEMA}\" as a run of pagewise has: name the {FILE} of a run", path.display())]
    NoSchema { path: PathBuf },
    #[error("{} has the schema {found}, where \"{SCHEMA}\" is expected: name the {FILE} of a run", path.display())]
    OtherSchema { path: PathBuf, found: Value },
    #[error(
        "{} is in format {found}, of a later pagewise than this one, which reads {SCHEMA}: update pagewise, or use the version that wrote it",
        path.display()
    )]
    Later { path: PathBuf, found: String },
    #[error(
        "{} is in format {found}, older than the first that was published, {SCHEMA}: measure again",
        path.display()
    )]
    Earlier { path: PathBuf, found: String },
    /// The error names line and column.
    #[error(
        "{} says that it is {SCHEMA}, but is not ({error}): it was changed by hand or cut; docs/FORMAT.md describes each field, and scripts/validate finds all faults",
        path.display()
    )]
    NotTheFormat { path: PathBuf, error: serde_json::Error },
    #[error(
        "{} does not hold together: {fault}. It was changed by hand or joined from parts; scripts/validate finds all faults",
        path.display()
    )]
    NotSound { path: PathBuf, fault: String },
    #[error("cannot make the folder {} ({error}): choose another place with --out", folder.display())]
    Folder { folder: PathBuf, error: io::Error },
    #[error("cannot write {} ({error}): make room or choose another place with --out; what was written before is kept", path.display())]
    Unwritable { path: PathBuf, error: io::Error },
    #[error("will not write {}, since {place}: this is a fault of pagewise, please report it", path.display())]
    NotFinite { path: PathBuf, place: String },
}

/// Reads the run at `path`, a run's folder or its `run.json`, to be shown: its texts are made
/// printable ([`super::text`]).
///
/// # Errors
/// [`StoreError`]: nothing there, not readable, not JSON, not a run, a later format, a field
/// missing, of another type or out of bounds.
pub fn load(path: &Path) -> Result<Run, StoreError> {
    let (run, mut any, place) = read(path)?;
    if !bounds::make_printable(&mut any) {
        return Ok(run);
    }
    serde_json::from_value(any).map_err(|error| StoreError::NotTheFormat { path: place, error })
}

/// The same as it was written, to be gone on with.
///
/// # Errors
/// As [`load`].
pub fn load_as_written(path: &Path) -> Result<Run, StoreError> {
    read(path).map(|(run, ..)| run)
}

/// The run, the same as JSON of any kind, and its file.
fn read(path: &Path) -> Result<(Run, Value, PathBuf), StoreError> {
    let place = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
    let text = file::read_all(&place, bounds::FILE).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_dir() => StoreError::NoRunInFolder { folder: path.to_owned() },
        io::ErrorKind::NotFound => StoreError::Missing { path: path.to_owned() },
        _ => StoreError::Unreadable { path: place.clone(), error },
    })?;
    // First as JSON of any kind: a reader of a later format must hear of the version, not of the first field that is different.
    let any: Value =
        serde_json::from_slice(&text).map_err(|error| StoreError::NotJson { path: place.clone(), error })?;
    check_schema(&place, any.get("schema"))?;
    if let Some(fault) = bounds::first_fault(&any) {
        return Err(StoreError::NotSound { path: place, fault });
    }
    let run = serde_json::from_slice(&text).map_err(|error| StoreError::NotTheFormat { path: place.clone(), error })?;
    match sound::first_fault(&run) {
        None => Ok((run, any, place)),
        Some(fault) => Err(StoreError::NotSound { path: place, fault }),
    }
}

fn check_schema(file: &Path, schema: Option<&Value>) -> Result<(), StoreError> {
    let path = file.to_owned();
    match schema {
        None => Err(StoreError::NoSchema { path }),
        Some(Value::String(name)) if name == SCHEMA => Ok(()),
        Some(Value::String(name)) if version(name) > version(SCHEMA) => {
            Err(StoreError::Later { path, found: name.clone() })
        }
        Some(Value::String(name)) if version(name).is_some() => Err(StoreError::Earlier { path, found: name.clone() }),
        Some(other) => Err(StoreError::OtherSchema { path, found: other.clone() }),
    }
}

/// The number in `pagewise/run/v1`.
fn version(schema: &str) -> Option<u32> {
    schema.strip_prefix("pagewise/run/v")?.parse().ok()
}

/// Writes `run` as `folder`/`run.json`: into a temporary file of the same folder, fsync, rename over the old one, fsync of the folder.
/// A reader sees the old run or the new one, and so does who looks after a crash.
///
/// # Errors
/// [`StoreError::NotFinite`] if a figure is NaN or infinite, [`StoreError::Unwritable`] if the disk refuses; the run that was there stays,
/// and no temporary file is left behind.
pub fn save(run: &Run, folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(FILE);
    if let Some(place) = finite::first_not_finite(run) {
        return Err(StoreError::NotFinite { path, place });
    }
    layout::to_text(run)
        .map_err(io::Error::from)
        .and_then(|text| replace(&path, folder, &text))
        .map_err(|error| StoreError::Unwritable { path, error })
}

/// Puts `text` at `path` in `folder`, as a whole or not at all, also where the machine crashes.
///
/// # Errors
/// What the filesystem answers; what was there stays.
pub fn replace(path: &Path, folder: &Path, text: &[u8]) -> io::Result<()> {
    // Results are there to be read: as open as the user's umask lets any file be, not the 0600 of temporary files.
    let mut temporary =
        tempfile::Builder::new().prefix(TEMPORARY).permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    temporary.write_all(text)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    sync_folder(folder)
}

/// Takes away what a [`save`] that was killed left in `folder`. Not while another process may save there.
pub fn tidy(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY)) {
        // In nobody's way where it cannot be removed.
        let _ = fs::remove_file(entry.path());
    }
}

/// Makes the names in `folder` durable: fsync(2), "an explicit fsync() on a file descriptor for the directory is also needed".
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // A filesystem that cannot sync a folder (some FUSE and network ones) says EINVAL or ENOTSUP: nothing more can be done there.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// The folder of a new run or trial, which nobody else has.
#[derive(Debug)]
pub struct NewFolder {
    /// The folder's name, which is the id of what is recorded in it.
    pub id: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Makes the folder of a new run in `out`, and `out` if it is missing. Its name is `id`, or `id-2`, `id-3`, … where that exists.
///
/// Processes that start in the same second race for a name. mkdir(2) decides: it makes a folder for exactly one of them.
///
/// # Errors
/// [`StoreError::Folder`]: it cannot be made.
pub fn new_run_folder(out: &Path, id: &str) -> Result<NewFolder, StoreError> {
    let failed = |folder: &Path, error| StoreError::Folder { folder: folder.to_owned(), error };
    fs::create_dir_all(out).map_err(|error| failed(&out.join(id), error))?;
    let mut names = iter::once(id.to_owned()).chain((2_u64..).map(|count| format!("{id}-{count}")));
    let made = names.find_map(|name| {
        let path = out.join(&name);
        match fs::create_dir(&path) {
            Ok(()) => Some(Ok(NewFolder { id: name, path })),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => Some(Err(failed(&path, error))),
        }
    });
    let made = made.expect("there are more names than folders")?;
    sync_folder(out).map_err(|error| failed(&made.path, error))?;
    Ok(made)
}

/// The name that a run asks for: `20260131T120000Z-my-label`, its start (UTC) and what of its label a file name may hold.
/// [`new_run_folder`] adds a number if another run of the same second has this name.
pub fn run_id(started: Timestamp, label: &str) -> String {
    format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), slug(label))
}

/// The letters, digits, `.`, `_` and `-` of `label`, with one `-` for each stretch of anything else; `run` if nothing is left.
fn slug(label: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let spaced: String = label.chars().map(|c| if kept(&c) { c } else { ' ' }).collect();
    let joined = spaced.split_whitespace().collect::<Vec<_>>().join("-");
    let short = joined[..joined.len().min(LONGEST_SLUG)].trim_matches('-');
    if short.is_empty() { "run".to_owned() } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_is_named_by_its_start_and_its_label() {
        let started: Timestamp = "2026-01-31T13:00:05.9+01:00".parse().unwrap();
        assert_eq!(run_id(started, "reference"), "20260131T120005Z-reference");
        assert_eq!(run_id(started, "my laptop, ext4 (new)"), "20260131T120005Z-my-laptop-ext4-new");
        assert_eq!(run_id(started, "../../etc/passwd"), "20260131T120005Z-..-..-etc-passwd");
        assert_eq!(run_id(started, "größer"), "20260131T120005Z-gr-er");
        assert_eq!(run_id(started, ""), "20260131T120005Z-run");
        assert_eq!(run_id(started, "日本"), "20260131T120005Z-run");
    }

    #[test]
    fn versions_are_numbers() {
        assert!(version("pagewise/run/v10") > version("pagewise/run/v9"));
        assert_eq!(version("pagewise/run/vX"), None);
    }

    proptest! {
        #[test]
        fn a_slug_is_a_short_file_name(label in ".*") {
            let slug = slug(&label);
            prop_assert!((1..=LONGEST_SLUG).contains(&slug.len()));
            prop_assert!(slug.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)));
        }
    }
}
