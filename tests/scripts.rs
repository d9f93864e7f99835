//! The scripts as a user runs them: a laboratory that leaves nothing behind, and reference runs that cannot be recorded by mistake.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the script starts");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

fn lab(arguments: &[&str]) -> (Option<i32>, String, String) {
    run(Command::new(script("lab")).args(arguments))
}

/// A folder for a lab, beside the build and so on a disk; `None`, and why on stdout, where a lab cannot be made.
fn place() -> Option<(TempDir, String)> {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = dir.path().join("lab").to_str().unwrap().to_owned();
    let (code, _, said) = lab(&["up", "--at", &at, "tmpfs"]);
    if code != Some(0) {
        println!("skipped: no lab can be made here: {said}");
        return None;
    }
    assert_eq!(lab(&["down", "--at", &at]).0, Some(0));
    Some((dir, at))
}

#[track_caller]
fn assert_nothing_is_left(at: &str) {
    assert!(!Path::new(at).exists());
    assert!(!fs::read_to_string("/proc/self/mountinfo").unwrap().contains(at));
    let loops = Command::new("losetup").args(["--list", "--noheadings", "--output", "BACK-FILE"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&loops.stdout).contains(at));
}

#[test]
fn the_lab_explains_itself_to_anyone() {
    let (code, out, _) = lab(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("Needs root") && out.contains("scripts/lab each"), "{out}");
    assert_eq!(lab(&[]).0, Some(2));
    for (arguments, word) in [
        (&["grow"][..], "grow"),
        (&["up", "--size", "many"], "--size"),
        (&["up", "ntfs"], "ntfs"),
        (&["each", "ext4"], "after --"),
        (&["up", "--", "true"], "no command"),
    ] {
        let (code, _, said) = lab(arguments);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn the_lab_asks_for_root() {
    if nix::unistd::geteuid().is_root() {
        println!("skipped: this is root");
        return;
    }
    let (code, _, said) = lab(&["up"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("needs root"), "{said}");
}

#[test]
fn a_command_runs_on_each_filesystem_and_nothing_is_left() {
    let Some((_dir, at)) = place() else { return };
    let (code, out, said) = lab(&["each", "--size", "320M", "--at", &at, "--", "stat", "-f", "-c", "%n %T", "{}"]);
    assert_eq!(code, Some(0), "{said}");
    for filesystem in ["ext4", "xfs", "btrfs", "tmpfs"] {
        let ran = out.lines().any(|line| line.starts_with(&format!("{at}/{filesystem} ")));
        assert!(ran || said.contains(&format!("skipped {filesystem}: ")), "{out}{said}");
    }
    assert_nothing_is_left(&at);
}

#[test]
fn a_lab_that_is_up_is_used_and_stays_until_taken_down() {
    let Some((_dir, at)) = place() else { return };
    let (_, out, _) = lab(&["up", "--at", &at, "--size", "16M", "tmpfs"]);
    assert_eq!(out.trim_end(), format!("tmpfs  {at}/tmpfs"));
    let (code, _, said) = lab(&["each", "--at", &at, "--", "touch", "{}/file"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(Path::new(&at).join("tmpfs/file").exists());
    assert_eq!(lab(&["up", "--at", &at]).0, Some(1), "a second lab at the same place");
    assert_eq!(lab(&["down", "--at", &at]).0, Some(0));
    assert_nothing_is_left(&at);
}

#[test]
fn a_command_that_fails_is_named_and_nothing_is_left() {
    let Some((_dir, at)) = place() else { return };
    let (code, _, said) = lab(&["each", "--at", &at, "tmpfs", "--", "false", "{}"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("failed on tmpfs"), "{said}");
    assert_nothing_is_left(&at);
}

#[test]
fn a_filesystem_that_cannot_be_made_leaves_nothing() {
    let Some((_dir, at)) = place() else { return };
    let (code, _, said) = lab(&["up", "--at", &at, "--size", "64K", "tmpfs", "ext4", "btrfs"]);
    if said.contains("skipped") {
        println!("skipped: {said}");
    } else {
        assert_eq!(code, Some(1));
        assert!(said.contains("failed"), "{said}");
    }
    let _ = lab(&["down", "--at", &at]);
    assert_nothing_is_left(&at);
}

#[test]
fn a_folder_that_is_no_lab_is_never_touched() {
    let Some((dir, _)) = place() else { return };
    let at = dir.path().join("precious");
    fs::create_dir(&at).unwrap();
    fs::write(at.join("ext4.img"), "mine").unwrap();
    for arguments in [["down", "--at"], ["up", "--at"]] {
        let (code, _, said) = lab(&[arguments[0], arguments[1], at.to_str().unwrap()]);
        assert_eq!(code, Some(1), "{said}");
    }
    assert_eq!(fs::read_to_string(at.join("ext4.img")).unwrap(), "mine");
}

/// A repository with the script in it, and a `cargo` that plays pagewise: it makes a run folder and prints its path.
struct Repository {
    dir: TempDir,
}

impl Repository {
    fn new(run: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let repository = Self { dir };
        fs::create_dir_all(repository.path("scripts")).unwrap();
        fs::create_dir_all(repository.path("bin")).unwrap();
        fs::copy(script("record"), repository.path("scripts/record")).unwrap();
        fs::write(repository.path(".gitignore"), "/results/local\n/results/.*\n").unwrap();
        fs::write(repository.path("bin/cargo"), format!("#!/usr/bin/env bash\n{run}")).unwrap();
        fs::set_permissions(repository.path("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "commit", "-qm", "all"],
        ] {
            assert!(repository.git(arguments).status.success());
        }
        repository
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn git(&self, arguments: &[&str]) -> Output {
        Command::new("git").args(arguments).current_dir(self.dir.path()).output().expect("git starts")
    }

    fn record(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        run(Command::new(self.path("scripts/record")).args(arguments).env("PATH", path).env("RECORD_PATIENCE", "0"))
    }

    /// What lies in the folder of references, and whatever the script worked in.
    fn results(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path("results")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        for folder in ["reference", "local"] {
            if let Ok(entries) = fs::read_dir(self.path("results").join(folder)) {
                names.extend(
                    entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().into_string().unwrap())),
                );
            }
        }
        names.retain(|name| name != "reference" && name != "local");
        names
    }
}

/// A run as pagewise would leave it; `$finished` is what its run.json says.
const RUN: &str = r#"
[[ $1 == run ]] || exit 0
while [[ $# -gt 0 ]]; do
    case $1 in --out) out=$2 ;; --label) label=$2 ;; esac
    shift
done
mkdir -p "$out/now-$label/plots"
echo "{\"label\": \"$label\", \"finished\": ${finished:-\"2026-01-01T00:00:00Z\"}}" >"$out/now-$label/run.json"
touch "$out/now-$label/report.html" "$out/now-$label/plots/a.svg"
head -c "${padding:-0}" /dev/zero >>"$out/now-$label/report.html"
echo "a table"
echo "$out/now-$label"
"#;

fn with_git() -> bool {
    let there = Command::new("git").arg("--version").output().is_ok();
    if !there {
        println!("skipped: git is not installed");
    }
    there
}

#[test]
fn a_label_that_is_missing_or_ill_formed_is_a_usage_error() {
    for label in ["", "Upper", "with space", "../x", "-x", "x-", "x_y"] {
        let (code, _, said) = run(Command::new(script("record")).arg(label));
        assert_eq!(code, Some(2), "{label:?}: {said}");
        assert!(said.contains("LABEL"), "{said}");
    }
    assert_eq!(run(&mut Command::new(script("record"))).0, Some(2));
    assert!(run(Command::new(script("record")).arg("--help")).1.contains("usage: scripts/record LABEL"));
}

#[test]
fn a_run_is_kept_under_its_date_and_label_and_nothing_else_is() {
    if !with_git() {
        return;
    }
    let repository = Repository::new(RUN);
    let (code, out, said) = repository.record(&["my-disk", "--seed", "1"]);
    assert_eq!(code, Some(0), "{said}");
    let kept = out.lines().last().unwrap();
    assert!(kept.starts_with("results/reference/20") && kept.ends_with("-my-disk"), "{out}");
    for part in ["run.json", "report.html", "plots/a.svg"] {
        assert!(repository.path(kept).join(part).exists(), "{part}");
    }
    assert_eq!(repository.results(), [kept.strip_prefix("results/").unwrap()]);

    assert!(repository.git(&["add", "."]).status.success());
    assert!(
        repository
            .git(&["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "commit", "-qm", "run"])
            .status
            .success()
    );
    let (code, _, said) = repository.record(&["my-disk"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is there already"), "{said}");
}

#[test]
fn a_tree_with_changes_is_not_recorded() {
    if !with_git() {
        return;
    }
    let repository = Repository::new(RUN);
    fs::write(repository.path("new-file"), "x").unwrap();
    let (code, _, said) = repository.record(&["label"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("the tree has changes") && said.contains("new-file"), "{said}");
    assert_eq!(repository.results(), Vec::<String>::new());
}

#[test]
fn a_run_that_fails_or_does_not_finish_leaves_nothing() {
    if !with_git() {
        return;
    }
    for (run, word) in [
        ("if [[ $1 == run ]]; then exit 3; fi\n".to_owned(), "failed"),
        ("echo no folder\n".to_owned(), "no run folder"),
        (format!("finished=null\n{RUN}"), "did not finish"),
    ] {
        let repository = Repository::new(&run);
        let (code, _, said) = repository.record(&["label"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(word), "{said}");
        assert_eq!(repository.results(), Vec::<String>::new());
    }
}

#[test]
fn a_run_too_large_to_commit_is_kept_but_not_as_a_reference() {
    if !with_git() {
        return;
    }
    let repository = Repository::new(&format!("padding=9000000\n{RUN}"));
    let (code, _, said) = repository.record(&["label"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("results/local/now-label"), "{said}");
    assert_eq!(repository.results(), ["local/now-label"]);
}
