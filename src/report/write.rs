//! How does a report come into a run's folder, whole or not at all?

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ReportError, render};
use crate::results::model::Run;

/// Where a report was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub html: PathBuf,
    /// The folder of the plots; `None` if nothing could be drawn.
    pub plots: Option<PathBuf>,
}

/// Draws the report of `run` and puts it into `folder`, made if need be: `report.html`, and its plots in `plots/`.
///
/// Each file is written beside its place and renamed into it, so that a reader never sees a part of one; a report that was there is replaced.
/// Plots of studies that the run no longer has are taken away.
///
/// # Errors
/// As [`render`]; [`ReportError::Write`] if the folder or a file in it cannot be written.
pub fn write(run: &Run, folder: &Path) -> Result<Written, ReportError> {
    let rendered = render(run)?;
    make(folder)?;
    let plots = folder.join("plots");
    if !rendered.plots.is_empty() {
        make(&plots)?;
        for (name, svg) in &rendered.plots {
            replace(&plots.join(name), svg)?;
        }
    }
    forget_others(&plots, &rendered.plots)?;
    let html = folder.join("report.html");
    replace(&html, &rendered.html)?;
    Ok(Written { html, plots: (!rendered.plots.is_empty()).then_some(plots) })
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    move |source| ReportError::Write { what, path: path.to_owned(), source }
}

fn make(folder: &Path) -> Result<(), ReportError> {
    fs::create_dir_all(folder).map_err(failed("making the folder", folder))
}

fn replace(path: &Path, text: &str) -> Result<(), ReportError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let put = || {
        let mut file = tempfile::Builder::new().prefix(".report-").permissions(readable()).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    put().map(drop).map_err(failed("writing", path))
}

/// As any file that a user makes: the umask takes its part away. A temporary file alone would be its owner's only.
fn readable() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// Takes away plots that an earlier report of more studies left; nothing but what this module names so.
fn forget_others(folder: &Path, plots: &[(String, String)]) -> Result<(), ReportError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("reading the folder", folder)(error)),
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let ours = name.starts_with(|first: char| first.is_ascii_digit())
            && ["-ratios.svg", "-latencies.svg", "-ladder.svg", "-curve.svg", "-line.svg", "-map.svg"]
                .iter()
                .any(|kind| name.ends_with(kind));
        if ours && !plots.iter().any(|(kept, _)| kept == name) {
            fs::remove_file(&path).map_err(failed("removing the old plot", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::report::sample;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_is_a_page_and_its_plots_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let written = write(&sample::run(), &folder.path().join("run")).unwrap();
        assert_eq!(names(&folder.path().join("run")), ["plots", "report.html"]);
        let plots = names(&written.plots.unwrap());
        assert_eq!(plots.len(), 18, "{plots:?}");
        assert_eq!(plots[0], "00-ladder.svg");
        assert_eq!(plots[1], "01-shared_edit-durable-history=write-4K-state=mapped-edit=1B-size=64MiB-latencies.svg");
        let mode = fs::metadata(&written.html).unwrap().permissions().mode();
        assert_eq!(mode & 0o400, 0o400);
    }

    #[test]
    fn drawing_again_replaces_and_leaves_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = sample::run();
        write(&run, folder.path()).unwrap();
        fs::write(folder.path().join("plots/mine.svg"), "mine").unwrap();
        run.studies.truncate(1);
        run.label = "again".to_owned();
        let written = write(&run, folder.path()).unwrap();
        // Of one study no ladder is left, and mine is.
        assert_eq!(names(&folder.path().join("plots")).len(), 3);
        assert!(folder.path().join("plots/mine.svg").exists());
        assert!(fs::read_to_string(written.html).unwrap().contains("again"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = write(&sample::run(), &folder.path().join("file/run")).unwrap_err().to_string();
        assert!(error.contains("making the folder") && error.contains("file/run"), "{error}");
    }
}
