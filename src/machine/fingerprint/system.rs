//! Where facts are read from: /proc and /sys, or folders that stand for them in a test.

use std::path::{Path, PathBuf};

/// A root folder with `proc` and `sys` in it.
#[derive(Clone, Debug)]
pub(super) struct System {
    root: PathBuf,
}

impl System {
    /// This machine.
    pub(super) fn here() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// A machine made of files.
    #[cfg(test)]
    pub(super) fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// `path`, which has no leading `/`, below the root.
    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// What the file says, without space around it; `None` where it is not there, not ours to read, or empty.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = std::fs::read(self.path(path)).ok()?;
        // Device tree texts end with NUL.
        let text = String::from_utf8_lossy(&bytes)
            .trim_matches(|letter: char| letter.is_whitespace() || letter == '\0')
            .to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The file's number.
    pub(super) fn number(&self, path: impl AsRef<Path>) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// The choice in brackets, of a file such as `always [madvise] never`; the whole text where none is.
    pub(super) fn choice(&self, path: impl AsRef<Path>) -> Option<String> {
        let text = self.text(path)?;
        let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(word, _)| word.to_owned());
        Some(chosen.unwrap_or(text))
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(path)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Of `names` in `folder`, each with what its `file` says, where it says something.
    pub(super) fn each(&self, folder: &str, file: &str) -> Vec<(String, String)> {
        self.names(folder)
            .into_iter()
            .filter_map(|name| self.text(format!("{folder}/{name}/{file}")).map(|text| (name, text)))
            .collect()
    }
}
