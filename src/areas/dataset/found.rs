//! Is a user's file still the one that was found when the run began?

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Dataset;
use crate::engine::method::Trouble;
use crate::os::SysError;

/// What tells a file from any other that may take its place: under another name, or under the same inode number after it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// When it was made, where the filesystem tells (statx(2), `stx_btime`): most give the inode number of a file that is gone to the next one.
    born: Option<SystemTime>,
}

impl Identity {
    /// That of the file which `found` describes.
    pub fn of(found: &Metadata) -> Self {
        // A time before 1970 cannot be told to a worker; none that is true is so early.
        let born = found.created().ok().filter(|time| *time >= SystemTime::UNIX_EPOCH);
        Self { device: found.dev(), inode: found.ino(), born }
    }
}

/// What to do about a file that does not stay as it is.
const HELP: &str = "measure it when nobody changes it, or a copy of it";

/// Nothing lies at the path of a file that was found.
pub(super) fn gone(error: &SysError) -> Trouble {
    Trouble::Failed(format!("your file was removed or renamed while it was measured: {error}; {HELP}"))
}

impl Dataset {
    /// The file at the path is the one that was found, the one that is open, and holds all that is measured. Of our own files nothing is asked.
    ///
    /// Bytes may be added to it, as to a log: what is measured stays what it is. Its times are not compared, since they change with that. Other
    /// bytes in place of those that were there show in what a batch reads: it is compared with what the worker read at first.
    ///
    /// # Errors
    /// [`Trouble::Failed`]: it is gone, is another file, or is shorter than what is measured of it.
    pub fn prove_found(&self) -> Result<(), Trouble> {
        let Some(identity) = &self.identity else { return Ok(()) };
        let shown = self.path.display();
        let there = match fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) => return Err(gone(&SysError::from_io("stat", shown, &error))),
        };
        let open = self.file.metadata().map_err(SysError::io("fstat", &self.path))?;
        if [&there, &open].into_iter().any(|found| Identity::of(found) != *identity) {
            let text = format!("your file was replaced while it was measured: there is another at {shown} now; {HELP}");
            return Err(Trouble::Failed(text));
        }
        if there.len() < self.bytes() {
            let (length, measured) = (there.len(), self.bytes());
            let text = format!(
                "your file was made shorter while it was measured: {shown} has {length} bytes, and the first {measured} of it are measured; {HELP}"
            );
            return Err(Trouble::Failed(text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::super::{History, Recipe};
    use super::*;
    use crate::os::page_size;

    /// A file of four pages, as a user's that was found, what is done to it, and what is said then.
    fn said(change: impl FnOnce(&Path)) -> Option<String> {
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = dir.path().join("mine");
        let bytes = 4 * page_size() as u64;
        fs::write(&path, vec![1; bytes as usize]).unwrap();
        let identity = Some(Identity::of(&fs::metadata(&path).unwrap()));
        let recipe = Recipe { name: path.clone(), identity, ..Recipe::new("", bytes, History::Found) };
        let data = Dataset::open(&recipe, dir.path()).unwrap();
        change(&path);
        let again = Dataset::open(&recipe, dir.path()).map(drop);
        let (still, again) = (data.prove_found().err(), again.err());
        let words = |trouble: Option<Trouble>| trouble.map(|trouble| trouble.to_string());
        let first = |said: &Option<String>| {
            said.as_ref().and_then(|text| text.split_once(':').map(|(first, _)| first.to_owned()))
        };
        let (still, again) = (words(still), words(again));
        assert_eq!(first(&still), first(&again), "what a worker says that has it open, and one that opens it");
        still
    }

    #[test]
    fn a_file_that_grows_or_is_written_to_is_the_same_and_any_other_is_not() {
        assert_eq!(said(|_| ()), None);
        assert_eq!(
            said(|path| fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"log").unwrap()),
            None
        );
        assert_eq!(
            said(|path| fs::OpenOptions::new().write(true).open(path).unwrap().write_all(b"new").unwrap()),
            None
        );
        let shorter = said(|path| fs::OpenOptions::new().write(true).open(path).unwrap().set_len(5000).unwrap());
        assert!(shorter.unwrap().contains("made shorter while it was measured"));
        let renamed = said(|path| {
            fs::copy(path, path.with_extension("new")).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        });
        assert!(renamed.unwrap().contains("replaced while it was measured"));
        assert!(said(|path| fs::remove_file(path).unwrap()).unwrap().contains("removed or renamed"));
    }
}
