//! How does a report come into a run's folder, whole or not at all, without touching anyone else's
//! file?

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::{ReportError, render};
use crate::os::folder::{Access, Folder};
use crate::os::{SysError, SysResult};
use crate::results::model::Run;

/// Where a report was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub html: PathBuf,
    /// The folder of the plots; `None` if nothing could be drawn.
    pub plots: Option<PathBuf>,
}

/// The page.
const PAGE: &str = "report.html";

/// The folder of the plots.
const PLOTS: &str = "plots";

/// Lists the files of the report, a path a line: what drawing it again may replace or remove.
const RECORD: &str = "report-files.txt";

/// Its first line.
const TITLE: &str =
    "Files of this report, made by pagewise, which replaces or removes them when it draws the report again:";

/// A record is no longer than this: ten thousand names.
const LONGEST_RECORD: u64 = 2 << 20;

/// At the beginning of each page, and of each plot: by them the report of a release without records
/// is known.
const PAGE_MARK: &[u8] = b"<meta name=\"generator\" content=\"pagewise\"/>";
const PLOT_MARK: &[u8] = b" role=\"img\" aria-label=\"";

/// How far into a file that is.
const HEAD: u64 = 1024;

/// Draws the report of `run` and puts it into `folder`, made if need be: `report.html`, and its
/// plots in `plots/`.
///
/// Each file is written beside its place and renamed into it, so that a reader never sees a part of
/// one. Only files that an earlier report recorded as its own here are replaced, or removed where
/// the run no longer has them. Links are not followed.
///
/// # Errors
/// As [`render`]; [`ReportError::NotOurs`] where a file of someone else's has a name that the
/// report needs, before anything is written; [`ReportError::Write`] if the folder or a file in it
/// cannot be written.
pub fn write(run: &Run, folder: &Path) -> Result<Written, ReportError> {
    let rendered = render(run)?;
    std::fs::create_dir_all(folder).map_err(|source| failed("making the folder", folder, source))?;
    let place = Place::open(folder)?;
    let new: BTreeSet<String> =
        rendered.plots.iter().map(|(name, _)| format!("{PLOTS}/{name}")).chain([PAGE.to_owned()]).collect();
    let old = place.recorded()?;
    place.refuse_others(&new, &old)?;
    // Whatever happens from here on, what was written is recorded.
    place.record(old.iter().flatten().chain(&new))?;
    for (name, svg) in &rendered.plots {
        place.put(&format!("{PLOTS}/{name}"), svg)?;
    }
    for path in old.iter().flatten().filter(|path| !new.contains(*path)) {
        place.remove(path)?;
    }
    place.put(PAGE, &rendered.html)?;
    place.record(new.iter())?;
    Ok(Written { html: folder.join(PAGE), plots: (!rendered.plots.is_empty()).then(|| folder.join(PLOTS)) })
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> ReportError {
    ReportError::Write { what, path: path.to_owned(), source }
}

/// The folder of a report.
struct Place {
    folder: Folder,
    /// That of the plots, where there is one.
    plots: Option<Folder>,
}

impl Place {
    fn open(folder: &Path) -> Result<Self, ReportError> {
        let folder = Folder::open(folder).map_err(of("opening the folder", folder))?;
        let plots = match folder.folder(OsStr::new(PLOTS)) {
            Err(error) if error.errno == Errno::ENOENT => None,
            plots => Some(
                plots.map_err(of("opening the folder (a link to one is not followed)", &folder.path().join(PLOTS)))?,
            ),
        };
        Ok(Self { folder, plots })
    }

    /// The files that an earlier report made; `None` where no report recorded any.
    fn recorded(&self) -> Result<Option<BTreeSet<String>>, ReportError> {
        let path = self.folder.path().join(RECORD);
        let record = match self.folder.file(OsStr::new(RECORD)) {
            Err(error) if error.errno == Errno::ENOENT => return Ok(None),
            record => record.map_err(of("reading", &path))?,
        };
        let mut text = String::new();
        record.take(LONGEST_RECORD).read_to_string(&mut text).map_err(|source| failed("reading", &path, source))?;
        if text.lines().next() != Some(TITLE) {
            return Err(ReportError::NotOurs { path, record: RECORD });
        }
        // A line that names anything else was not written by us.
        Ok(Some(text.lines().filter(|line| *line == PAGE || is_plot(line)).map(str::to_owned).collect()))
    }

    /// Names the first file that a new report needs the name of and that no report recorded. Where
    /// none recorded anything, a file that begins as ours do was made by a release without records.
    fn refuse_others(&self, new: &BTreeSet<String>, old: &Option<BTreeSet<String>>) -> Result<(), ReportError> {
        let is_ours = |path: &String| old.as_ref().map_or_else(|| self.begins_as_ours(path), |old| old.contains(path));
        match new.iter().find(|path| !is_ours(path) && self.holds(path)) {
            Some(path) => Err(ReportError::NotOurs { path: self.folder.path().join(path), record: RECORD }),
            None => Ok(()),
        }
    }

    fn begins_as_ours(&self, path: &str) -> bool {
        let file = self.within(path).and_then(|(folder, name)| folder.file(&name).ok());
        let mut head = Vec::new();
        let mark = if path == PAGE { PAGE_MARK } else { PLOT_MARK };
        let read = file.is_some_and(|file| file.take(HEAD).read_to_end(&mut head).is_ok());
        read && head.windows(mark.len()).any(|part| part == mark)
    }

    fn holds(&self, path: &str) -> bool {
        self.within(path).is_some_and(|(folder, name)| folder.look_at(&name).is_ok())
    }

    /// The folder of a file of the report, and its name there; `None` where there is no such
    /// folder.
    fn within(&self, path: &str) -> Option<(&Folder, OsString)> {
        match path.strip_prefix(PLOTS).and_then(|rest| rest.strip_prefix('/')) {
            Some(name) => self.plots.as_ref().map(|plots| (plots, name.into())),
            None => Some((&self.folder, path.into())),
        }
    }

    fn record<'a>(&self, files: impl Iterator<Item = &'a String>) -> Result<(), ReportError> {
        let files: BTreeSet<&String> = files.collect();
        let lines = std::iter::once(TITLE).chain(files.iter().map(|path| path.as_str()));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.put(RECORD, &text)
    }

    /// Puts `text` at `path`, as a whole or not at all.
    fn put(&self, path: &str, text: &str) -> Result<(), ReportError> {
        let shown = self.folder.path().join(path);
        let made;
        let (folder, name) = match self.within(path) {
            Some(found) => found,
            None => {
                made = self.make_plots()?;
                (&made, OsString::from(path.rsplit('/').next().unwrap_or(path)))
            }
        };
        replace(folder, &name, text.as_bytes()).map_err(of("writing", &shown))
    }

    /// Makes the folder of the plots, or opens the one that an earlier call made.
    fn make_plots(&self) -> Result<Folder, ReportError> {
        let name = OsStr::new(PLOTS);
        let made = match self.folder.make_folder(name, Access::Umask) {
            Err(error) if error.errno == Errno::EEXIST => self.folder.folder(name),
            made => made,
        };
        made.map_err(of("making the folder", &self.folder.path().join(PLOTS)))
    }

    fn remove(&self, path: &str) -> Result<(), ReportError> {
        let Some((folder, name)) = self.within(path) else { return Ok(()) };
        match folder.remove_file(&name) {
            Err(error) if error.errno != Errno::ENOENT => {
                Err(of("removing the old plot", &self.folder.path().join(path))(error))
            }
            _ => Ok(()),
        }
    }
}

fn of(what: &'static str, path: &Path) -> impl FnOnce(SysError) -> ReportError {
    move |error| failed(what, path, io::Error::from(error.errno))
}

/// Whether a line of a record names a plot, and nothing outside of their folder.
fn is_plot(line: &str) -> bool {
    let name = line.strip_prefix(PLOTS).and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| name.ends_with(".svg") && !name.starts_with('.') && !name.contains(['/', '\0']))
}

/// Puts `bytes` at `name` in `folder`: written beside it, and renamed.
fn replace(folder: &Folder, name: &OsStr, bytes: &[u8]) -> SysResult<()> {
    let (beside, mut file) = temporary(folder)?;
    let written = file
        .write_all(bytes)
        .map_err(|error| SysError::from_io("write", folder.path().join(name).display(), &error))
        .and_then(|()| folder.rename(&beside, name));
    written.inspect_err(|_| {
        let _ = folder.remove_file(&beside);
    })
}

/// A new file under a name that nobody has.
fn temporary(folder: &Folder) -> SysResult<(OsString, File)> {
    let process = std::process::id();
    let mut names = (0_u32..).map(|count| OsString::from(format!(".report-{process}-{count}")));
    loop {
        let name = names.next().unwrap_or_default();
        match folder.create(&name, Access::Umask) {
            Err(error) if error.errno == Errno::EEXIST => {}
            made => return made.map(|file| (name, file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::report::sample;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_is_a_page_its_plots_and_their_record_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let written = write(&sample::run(), &folder.path().join("run")).unwrap();
        assert_eq!(names(&folder.path().join("run")), ["plots", "report-files.txt", "report.html"]);
        let plots = names(&written.plots.unwrap());
        assert_eq!(plots.len(), 18, "{plots:?}");
        assert_eq!(plots[0], "00-ladder.svg");
        assert_eq!(plots[1], "01-shared_edit-durable-history=write-4K-state=mapped-edit=1B-size=64MiB-latencies.svg");
        let mode = fs::metadata(&written.html).unwrap().permissions().mode();
        assert_eq!(mode & 0o400, 0o400);
        let record = fs::read_to_string(folder.path().join("run/report-files.txt")).unwrap();
        assert_eq!(record.lines().count(), 20);
    }

    #[test]
    fn drawing_again_replaces_what_is_ours_and_leaves_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = sample::run();
        write(&run, folder.path()).unwrap();
        for mine in ["mine.svg", "2024-ratios.svg", "99-latencies.svg"] {
            fs::write(folder.path().join("plots").join(mine), "mine").unwrap();
        }
        run.studies.truncate(1);
        run.label = "again".to_owned();
        let written = write(&run, folder.path()).unwrap();
        // Of one study no ladder is left, and mine are.
        assert_eq!(names(&folder.path().join("plots")).len(), 5);
        assert!(fs::read_to_string(written.html).unwrap().contains("again"));
    }

    #[test]
    fn a_file_that_no_report_recorded_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("plots")).unwrap();
        fs::write(folder.path().join("plots/00-ladder.svg"), "mine").unwrap();
        let error = write(&sample::run(), folder.path()).unwrap_err().to_string();
        assert!(error.contains("00-ladder.svg") && error.contains("--out"), "{error}");
        assert_eq!(names(folder.path()), ["plots"]);
        assert_eq!(fs::read_to_string(folder.path().join("plots/00-ladder.svg")).unwrap(), "mine");
    }

    #[test]
    fn a_list_that_is_not_ours_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(RECORD), "report.html\n").unwrap();
        assert!(write(&sample::run(), folder.path()).unwrap_err().to_string().contains(RECORD));
        assert_eq!(fs::read_to_string(folder.path().join(RECORD)).unwrap(), "report.html\n");
    }

    #[test]
    fn the_report_of_a_release_without_records_is_drawn_again() {
        let folder = tempfile::tempdir().unwrap();
        write(&sample::run(), folder.path()).unwrap();
        fs::remove_file(folder.path().join(RECORD)).unwrap();
        fs::write(folder.path().join("plots/2024-ratios.svg"), "mine").unwrap();
        write(&sample::run(), folder.path()).unwrap();
        assert!(folder.path().join("plots/2024-ratios.svg").exists());
    }

    #[test]
    fn a_record_names_nothing_outside_of_the_plots() {
        let folder = tempfile::tempdir().unwrap();
        write(&sample::run(), folder.path()).unwrap();
        fs::write(folder.path().join("other.svg"), "mine").unwrap();
        fs::write(folder.path().join("run.json"), "mine").unwrap();
        let lines = format!("{TITLE}\nplots/../other.svg\nother.svg\nrun.json\n/etc/passwd\nplots/.svg\nreport.html\n");
        fs::write(folder.path().join(RECORD), lines).unwrap();
        // Its own plots are no longer recorded.
        fs::remove_dir_all(folder.path().join("plots")).unwrap();
        write(&sample::run(), folder.path()).unwrap();
        assert!(folder.path().join("other.svg").exists() && folder.path().join("run.json").exists());
    }

    #[test]
    fn links_are_not_followed() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(other.path(), folder.path().join("plots")).unwrap();
        let error = write(&sample::run(), folder.path()).unwrap_err().to_string();
        assert!(error.contains("plots"), "{error}");
        assert!(names(other.path()).is_empty());
        fs::remove_file(folder.path().join("plots")).unwrap();
        fs::write(other.path().join("page"), "theirs").unwrap();
        symlink(other.path().join("page"), folder.path().join(PAGE)).unwrap();
        assert!(write(&sample::run(), folder.path()).is_err());
        assert_eq!(fs::read_to_string(other.path().join("page")).unwrap(), "theirs");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = write(&sample::run(), &folder.path().join("file/run")).unwrap_err().to_string();
        assert!(error.contains("making the folder") && error.contains("file/run"), "{error}");
    }
}
