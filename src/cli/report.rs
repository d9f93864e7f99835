//! `pagewise report`: draw the report of a recorded run again.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::report;
use crate::results::store;

/// Which run, and where its report goes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run's folder, or its run.json
    #[arg(value_name = "RUN")]
    run: PathBuf,

    /// The folder for report.html and plots/ [default: the run's own]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print the tables as Markdown, for a page of your own, and write nothing
    #[arg(long, conflicts_with = "out")]
    markdown: bool,
}

/// Draws the report from the run alone, wherever it was made. The page's path is the last line on standard output.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let recorded = store::load(&args.run)?;
    if args.markdown {
        super::print(&(report::table::markdown_tables(&recorded) + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let written = report::write(&recorded, args.out.as_deref().unwrap_or_else(|| folder_of(&args.run)))?;
    super::print(&format!("{}\n", written.html.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The folder that the run lies in.
fn folder_of(run: &Path) -> &Path {
    if run.is_dir() {
        return run;
    }
    match run.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::sample;

    fn recorded() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        store::save(&sample::run(), folder.path()).unwrap();
        folder
    }

    fn report(run: PathBuf, out: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        super::run(&ReportArgs { run, out, markdown: false })
    }

    #[test]
    fn a_report_goes_beside_its_run_whether_the_folder_or_the_file_is_named() {
        for name in ["", "run.json"] {
            let folder = recorded();
            report(folder.path().join(name), None).unwrap();
            assert!(folder.path().join("report.html").exists() && folder.path().join("plots").is_dir());
        }
        assert_eq!(folder_of(Path::new("run.json")), Path::new("."));
    }

    #[test]
    fn a_report_can_go_elsewhere_and_leaves_the_run_alone() {
        let (folder, other) = (recorded(), tempfile::tempdir().unwrap());
        report(folder.path().to_owned(), Some(other.path().join("new"))).unwrap();
        assert!(other.path().join("new/report.html").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "run.json alone");
    }

    #[test]
    fn the_same_run_gives_the_same_report() {
        let folder = recorded();
        let drawn = || {
            report(folder.path().to_owned(), None).unwrap();
            fs::read_to_string(folder.path().join("report.html")).unwrap()
        };
        assert_eq!(drawn(), drawn());
    }

    #[test]
    fn a_run_that_cannot_be_read_is_said_in_a_line_and_nothing_is_written() {
        let wrong: [(&str, Option<&str>, &str); 4] = [
            ("missing", None, "no run.json"),
            ("corrupt", Some("{\"schema\": \"pagewise/run/v1\", \"id\""), "not JSON"),
            ("foreign", Some("{\"schema\": \"other/v1\"}"), "schema"),
            ("cut", Some("{\"schema\": \"pagewise/run/v1\"}"), "missing field"),
        ];
        for (name, text, said) in wrong {
            let folder = tempfile::tempdir().unwrap();
            if let Some(text) = text {
                fs::write(folder.path().join("run.json"), text).unwrap();
            }
            let error = format!("{:#}", report(folder.path().to_owned(), None).unwrap_err());
            assert!(error.contains(said) && !error.contains('\n'), "{name}: {error}");
            assert!(!folder.path().join("report.html").exists() && !folder.path().join("plots").exists());
        }
    }
}
