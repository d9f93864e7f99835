//! The scripts as a user runs them: a laboratory that leaves nothing behind, and reference runs that cannot be recorded by mistake.

mod skips;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::geteuid;
use skips::{Lack, skip, skip_in};
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

/// A folder for a lab, beside the build and so on a disk. `None`: skipped, since a lab cannot be made.
#[track_caller]
fn place() -> Option<(TempDir, String)> {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = dir.path().join("lab").to_str().unwrap().to_owned();
    let (code, _, said) = lab(&["up", "--at", &at, "tmpfs"]);
    if code != Some(0) {
        skip(if geteuid().is_root() { Lack::Mounts } else { Lack::Root }, said);
        return None;
    }
    assert_eq!(lab(&["down", "--at", &at]).0, Some(0));
    Some((dir, at))
}

/// Whether the lab said that it left a filesystem out. That part of the test is skipped then.
#[track_caller]
fn is_skipped(filesystem: &str, said: &str) -> bool {
    let begin = format!("lab: skipped {filesystem}: ");
    let Some(why) = said.lines().find_map(|line| line.strip_prefix(&begin)) else { return false };
    let [mkfs, kernel] = match filesystem {
        "ext4" => [Lack::MkfsExt4, Lack::KernelExt4],
        "xfs" => [Lack::MkfsXfs, Lack::KernelXfs],
        "btrfs" => [Lack::MkfsBtrfs, Lack::KernelBtrfs],
        other => panic!("{other} lacks nothing: {why}"),
    };
    let lacks = match why {
        why if why.starts_with("mkfs.") => mkfs,
        why if why.starts_with("this kernel") => kernel,
        _ => Lack::LoopDevices,
    };
    skip(lacks, why);
    true
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
    if geteuid().is_root() {
        return skip(Lack::OrdinaryUser, "root may make a lab");
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
        assert!(ran || is_skipped(filesystem, &said), "{out}{said}");
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
    let skipped = ["ext4", "btrfs"].map(|filesystem| is_skipped(filesystem, &said));
    if skipped == [false; 2] {
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
        // Of one day, so that two runs have the same name at midnight too.
        fs::write(repository.path("bin/date"), "#!/usr/bin/env bash\necho 2026-01-31\n").unwrap();
        for name in ["bin/cargo", "bin/date"] {
            fs::set_permissions(repository.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
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

#[track_caller]
fn with_git() -> bool {
    let there = Command::new("git").arg("--version").output().is_ok();
    if !there {
        skip(Lack::Git, "git does not start");
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
    assert_eq!(kept, "results/reference/2026-01-31-my-disk", "{out}");
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

/// Binaries that play pagewise for `alternate`: each run is a line in `log`, and a folder that says whether it finished.
struct Turns {
    dir: TempDir,
}

impl Turns {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for name in ["old", "new"] {
            let path = dir.path().join(name);
            fs::write(&path, STUB).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir }
    }

    fn alternate(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
        let environment = environment.iter().copied();
        run(Command::new(script("alternate")).args(arguments).current_dir(self.dir.path()).envs(environment))
    }

    /// The runs that were begun, in their order.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

/// `$FAIL_AT` runs are as they should be; the next one fails after it made its folder.
const STUB: &str = r#"#!/usr/bin/env bash
[[ $1 == run ]] || exit 9
asked=$*
while [[ $# -gt 0 ]]; do
    case $1 in --out) out=$2 ;; --label) label=$2 ;; esac
    shift
done
echo "$(basename "$0") $label" >>log
mkdir "$out/now-$label" || exit 8
finished='"2026-01-01T00:00:00Z"'
if [[ $(wc -l <log) -gt ${FAIL_AT:-99} ]]; then finished=null; fi
printf '{\n "finished": %s,\n  "kernel": "%s",\n "asked": "%s"\n}\n' "$finished" "${KERNEL:-$(uname -sr)}" "$asked" >"$out/now-$label/run.json"
[[ $finished != null ]]
"#;

#[test]
fn two_builds_take_turns_and_the_line_that_compares_them_comes_last() {
    let turns = Turns::new();
    let (code, out, said) =
        turns.alternate(&["-n", "3", "--out", "turns", "./old", "./new", "--", "page_touch", "--quick"], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(turns.log(), ["old A-1", "new B-1", "new B-2", "old A-2", "old A-3", "new B-3"]);
    assert_eq!(out, "pagewise compare turns/A turns/B\n");
    let recorded = fs::read_to_string(turns.dir.path().join("turns/B/now-B-2/run.json")).unwrap();
    assert!(recorded.contains("run page_touch --quick --label B-2 --out turns/B"), "{recorded}");
    // All are there: nothing is taken again.
    assert_eq!(
        turns.alternate(&["-n", "3", "--out", "turns", "./old", "./new", "--", "page_touch", "--quick"], &[]).1,
        out
    );
    assert_eq!(turns.log().len(), 6);
}

#[test]
fn turns_that_were_cut_short_go_on_where_they_stopped_without_the_run_that_did_not_finish() {
    let turns = Turns::new();
    let arguments = ["-n", "2", "--out", "turns", "./old", "./new"];
    let (code, out, said) = turns.alternate(&arguments, &[("FAIL_AT", "2")]);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("side B failed") && said.contains("--out turns to go on"), "{said}");
    let (code, _, said) = turns.alternate(&arguments, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("now-B-2 did not finish, and is in turns/unfinished"), "{said}");
    assert_eq!(turns.log(), ["old A-1", "new B-1", "new B-2", "new B-2", "old A-2"]);
    assert!(turns.dir.path().join("turns/unfinished/now-B-2").is_dir());
}

#[test]
fn runs_that_were_asked_for_something_else_are_not_mixed() {
    let turns = Turns::new();
    assert_eq!(turns.alternate(&["-n", "1", "--out", "turns", "./old", "./new", "--", "--quick"], &[]).0, Some(0));
    let (code, _, said) = turns.alternate(&["-n", "2", "--out", "turns", "./old", "./new", "--", "fork_ipc"], &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("\"--quick\"") && said.contains("\"fork_ipc\""), "{said}");
    assert_eq!(turns.log().len(), 2);
}

#[test]
fn runs_of_another_build_are_not_mixed() {
    let turns = Turns::new();
    let arguments = ["-n", "2", "--out", "turns", "./old", "./new"];
    assert_eq!(turns.alternate(&arguments, &[("FAIL_AT", "1")]).0, Some(1));
    fs::write(turns.dir.path().join("new"), STUB.to_owned() + "# built again\n").unwrap();
    let (code, _, said) = turns.alternate(&arguments, &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("side B in turns are of another build than ./new"), "{said}");
    assert_eq!(turns.log().len(), 2);
}

#[test]
fn two_kernels_are_taken_a_boot_at_a_time_and_the_wrong_one_is_refused() {
    let turns = Turns::new();
    let side = |side: &str, kernel: &str| {
        turns.alternate(&["-n", "2", "--out", "turns", "--side", side, "./old"], &[("KERNEL", kernel)])
    };
    let here = String::from_utf8(Command::new("uname").arg("-sr").output().unwrap().stdout).unwrap();
    let (code, _, said) = side("B", "Linux 9.9.9");
    assert_eq!(code, Some(1));
    assert!(said.contains("side A is next"), "{said}");
    let (code, out, said) = side("A", here.trim());
    assert_eq!((code, out.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("side B is next: boot its kernel"), "{said}");
    // A kernel that is not the one of this side's runs. The first of B is not known here, since the stub made it up.
    assert_eq!(side("B", "Linux 9.9.9").0, Some(0));
    let (code, _, said) = side("B", "Linux 9.9.9");
    assert_eq!(code, Some(1));
    assert!(said.contains("side B has runs of Linux 9.9.9, this is Linux "), "{said}");
    assert_eq!(turns.log(), ["old A-1", "old B-1"]);
    // As if the right one had been booted for the rest.
    for (name, kernel) in [("turns/B/now-B-2", "Linux 9.9.9"), ("turns/A/now-A-2", here.trim())] {
        let folder = turns.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("run.json"), format!("{{\n \"finished\": \"x\",\n \"kernel\": \"{kernel}\"\n}}\n"))
            .unwrap();
    }
    assert_eq!(side("A", "").1, "pagewise compare turns/A turns/B --across-machines\n");
}

#[test]
fn a_second_run_of_one_boot_is_taken_with_a_word() {
    let turns = Turns::new();
    let side = |side: &str| turns.alternate(&["-n", "2", "--out", "turns", "--side", side, "./old"], &[]).2;
    assert!(!side("A").contains("of this boot"));
    assert!(side("B").contains("a run of this boot is there already"));
}

#[test]
fn what_alternate_cannot_do_is_a_usage_error_and_makes_nothing() {
    let turns = Turns::new();
    for (arguments, word) in [
        (&[][..], "two binaries"),
        (&["./old"], "two binaries are needed, 1 were given"),
        (&["-n", "0", "./old", "./new"], "no number of runs"),
        (&["-n"], "needs a value"),
        (&["--quick", "./old", "./new"], "go after --"),
        (&["--side", "C", "--out", "x", "./old"], "neither A nor B"),
        (&["--side", "A", "./old"], "--side needs --out"),
        (&["--side", "A", "--out", "x", "./old", "./new"], "--side takes one binary"),
        (&["./old", "./new", "--", "--label", "mine"], "--label is not for this"),
        (&["./old", "./new", "--", "--seed=1"], "--seed=1 is not for this"),
    ] {
        let (code, _, said) = turns.alternate(arguments, &[]);
        assert_eq!(code, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(word), "{said}");
    }
    let (code, _, said) = turns.alternate(&["./old", "./gone"], &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("./gone is no program"), "{said}");
    assert_eq!(fs::read_dir(turns.dir.path()).unwrap().count(), 2, "the two binaries");
    assert!(turns.alternate(&["--help"], &[]).1.contains("usage:"));
}

/// `scripts/under-load` with its files in a folder on the build's disk, where a report and a
/// command's own files go as well.
struct UnderLoad {
    dir: TempDir,
}

impl UnderLoad {
    fn new() -> Self {
        Self { dir: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    /// The script with `words`, running `shell` in the folder.
    fn command(&self, words: &[&str], shell: &str) -> Command {
        let mut command = Command::new(script("under-load"));
        command.args(words).args(["--report", "report.json", "--", "sh", "-c", shell]).current_dir(self.dir.path());
        command
    }

    fn disk(&self, shell: &str) -> Command {
        self.command(&["--neighbour", "disk", "--pause", "5ms", "--dir", "."], shell)
    }

    /// Whether the disk load can be made here; if not, says so.
    fn on_a_disk(&self) -> bool {
        let (code, _, said) = run(&mut self.disk("true"));
        if code == Some(2) && said.contains("reach no disk") {
            skip_in(self.dir.path(), Lack::DiskFiles, "the build is on no disk");
            return false;
        }
        assert_eq!(code, Some(0), "{said}");
        true
    }

    fn report(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.dir.path().join("report.json")).unwrap()).unwrap()
    }

    fn folders(&self) -> usize {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("under-load-")).count()
    }

    /// A `cargo` that does what `shell` says; its folder, for PATH.
    fn cargo(&self, shell: &str) -> String {
        let cargo = self.dir.path().join("bin/cargo");
        fs::create_dir(self.dir.path().join("bin")).unwrap();
        fs::write(&cargo, format!("#!/usr/bin/env bash\n{shell}")).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{}:{}", self.dir.path().join("bin").display(), std::env::var("PATH").unwrap())
    }
}

/// Waits until `seen`; a minute is far beyond what any machine takes.
#[track_caller]
fn until(mut seen: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if seen() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("not seen within a minute");
}

/// Ends once the load's file was written twice: one whole turn lies between.
const ONE_TURN: &str = r#"
for turn in 1 2; do
    touch stamp
    until [ "$(echo under-load-*/written-0)" -nt stamp ]; do sleep 0.01; done
done
echo "from the command"
exit 7
"#;

#[test]
fn a_command_runs_beside_a_disk_load_that_is_counted_and_removed() {
    let load = UnderLoad::new();
    if !load.on_a_disk() {
        return;
    }
    let (code, out, said) = run(&mut load.disk(ONE_TURN));
    assert_eq!((code, out.as_str()), (Some(7), "from the command\n"), "{said}");
    assert!(said.contains("turns of the disk load") && said.contains("a second"), "{said}");
    let report = load.report();
    let number = |name: &str| report[name].as_f64().unwrap();
    assert!(number("turns") >= 1.0, "{report}");
    assert_eq!(number("bytes_written"), number("turns") * 65536.0, "{report}");
    assert_eq!(number("bytes_read"), number("turns") * 262144.0, "{report}");
    assert_eq!((&report["neighbour"], number("pause_s")), (&"disk".into(), 0.005));
    assert!((number("turns_per_second") * number("seconds") - number("turns")).abs() < 1e-6, "{report}");
    assert_eq!(load.folders(), 0);
}

#[test]
fn a_load_ends_with_its_command_and_with_its_script() {
    let load = UnderLoad::new();
    if !load.on_a_disk() {
        return;
    }
    let (code, _, said) = run(&mut load.disk("kill -9 $$"));
    assert_eq!(code, Some(128 + 9), "{said}");
    assert_eq!(load.folders(), 0);
    // One that is ignored, as by `nohup`, is ignored by the script's command as well.
    let signals = [nix::libc::SIGTERM, nix::libc::SIGHUP, nix::libc::SIGKILL];
    for signal in signals.into_iter().filter(|signal| !pagewise::os::process::is_ignored(*signal)) {
        let started = load.dir.path().join("started");
        let mut script = load.disk("echo $$ >new; mv new started; exec sleep 1000").spawn().unwrap();
        until(|| started.exists());
        assert_eq!(load.folders(), 1);
        let command: u32 = fs::read_to_string(&started).unwrap().trim().parse().unwrap();
        let pid = nix::unistd::Pid::from_raw(script.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::try_from(signal).unwrap()).unwrap();
        let code = script.wait().unwrap().code();
        assert!(signal == nix::libc::SIGKILL || code == Some(128 + signal), "{code:?}");
        until(|| load.folders() == 0);
        // It may still be there as a child that nobody has waited for.
        let status = || fs::read_to_string(format!("/proc/{command}/stat")).unwrap_or_default();
        until(|| status().is_empty() || status().contains(") Z "));
        fs::remove_file(started).unwrap();
    }
}

#[test]
fn a_cpu_load_says_how_many_cores_it_kept_busy() {
    let load = UnderLoad::new();
    let (code, _, said) = run(&mut load.command(&["--neighbour", "cpu", "--cores", "1"], "exit 3"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("cores busy of 1 intended"), "{said}");
    assert!(load.report()["busy_cores"].is_number());
}

#[test]
fn a_build_load_counts_whole_builds_and_tells_of_the_one_that_was_cut_short() {
    let load = UnderLoad::new();
    let path = load.cargo(
        r#"[[ ! -e $CARGO_TARGET_DIR && $1 == build ]] || exit 1
mkdir "$CARGO_TARGET_DIR"
echo '{"reason":"compiler-artifact"}'
echo >>"$LOG""#,
    );
    let mut command = load
        .command(&["--neighbour", "build", "--dir", "."], r#"until [ "$(wc -l <"$LOG")" -ge 3 ]; do sleep 0.01; done"#);
    let (code, _, said) = run(command.env("PATH", path).env("LOG", load.dir.path().join("log")));
    assert_eq!(code, Some(0), "{said}");
    let report = load.report();
    assert!(report["turns"].as_u64().unwrap() >= 2, "{report}");
    assert!(report["crates"].as_u64().unwrap() >= 1 && report["unfinished_builds"].as_u64().unwrap() <= 1, "{report}");
    assert_eq!(load.folders(), 0);
}

#[test]
fn a_build_that_fails_is_no_load() {
    let load = UnderLoad::new();
    let path = load.cargo("echo 'no matching package' >&2; exit 101");
    let mut command = load.command(&["--neighbour", "build", "--dir", "."], "echo ran");
    let (code, out, said) = run(command.env("PATH", path));
    assert_eq!((code, out.as_str()), (Some(1), ""), "{said}");
    assert!(said.contains("cargo build failed") && said.contains("no matching package"), "{said}");
    assert_eq!(load.folders(), 0);
}

#[test]
fn a_load_that_breaks_meanwhile_is_said_and_fails_a_command_that_did_not() {
    let load = UnderLoad::new();
    let path = load.cargo("echo '{\"reason\":\"compiler-artifact\"}'; until [[ -e $GO ]]; do sleep 0.01; done; exit 1");
    let mut command = load.command(
        &["--neighbour", "build", "--dir", "."],
        r#"touch "$GO"; until [ ! -e "$(echo under-load-*)" ]; do sleep 0.01; done"#,
    );
    let (code, _, said) = run(command.env("PATH", path).env("GO", load.dir.path().join("go")));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cargo build failed"), "{said}");
    assert!(load.report()["failed"].is_string());
}

#[test]
fn a_disk_load_needs_a_disk() {
    let memory = Path::new("/dev/shm");
    let found = nix::sys::statfs::statfs(memory);
    if !found.is_ok_and(|found| found.filesystem_type() == nix::sys::statfs::TMPFS_MAGIC) {
        skip(Lack::DevShm, "it is not a tmpfs");
        return;
    }
    let Ok(dir) = TempDir::new_in(memory) else {
        skip(Lack::DevShm, "no folder can be made in it");
        return;
    };
    let arguments = ["--neighbour", "disk", "--dir", dir.path().to_str().unwrap(), "--", "echo", "ran"];
    let (code, out, said) = run(Command::new(script("under-load")).args(arguments));
    assert_eq!((code, out.as_str()), (Some(2), ""), "{said}");
    assert!(said.contains("reach no disk") && said.contains("--dir"), "{said}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn what_under_load_cannot_do_is_a_usage_error() {
    let load = UnderLoad::new();
    for (arguments, expected, word) in [
        (&["--neighbour", "disk"][..], 2, "no command"),
        (&["--", "true"], 2, "--neighbour"),
        (&["--neighbour", "noise", "--", "true"], 2, "'disk', 'cpu', 'build'"),
        (&["--neighbour", "disk", "--pause", "20", "--", "true"], 2, "like 20ms"),
        (&["--neighbour", "disk", "--turns", "0", "--", "true"], 2, "like 50/s"),
        (&["--neighbour", "cpu", "--pause", "20ms", "--", "true"], 2, "are for --neighbour disk"),
        (&["--neighbour", "cpu", "--cores", "100000", "--", "true"], 2, "may be used here"),
        (&["--neighbour", "cpu", "--report", "/nowhere/report", "--", "true"], 2, "/nowhere/report"),
        (&["--neighbour", "cpu", "--", "no-such-command"], 127, "no-such-command: command not found"),
        (&["--neighbour", "cpu", "--", "./no-such-command"], 127, "./no-such-command: command not found"),
        (&["--neighbour", "cpu", "--", "/"], 126, "/: Permission denied"),
    ] {
        let (code, _, said) = run(Command::new(script("under-load")).args(arguments).current_dir(load.dir.path()));
        assert_eq!(code, Some(expected), "{arguments:?}: {said}");
        assert!(said.contains(word), "{said}");
    }
    assert!(run(Command::new(script("under-load")).arg("--help")).1.contains("usage: scripts/under-load"));
}

/// A `cargo` whose tests fail as the load asks, and an `under-load` that names its neighbour to it.
struct Soak {
    dir: TempDir,
}

const CARGO: &str = r#"#!/usr/bin/env bash
echo "${NEIGHBOUR:-idle} $*" >>"$(dirname "$0")/log"
[[ $* != *--no-run* ]] || exit 0
result() { printf 'test result: %s. %d passed; %d failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\n' "$@"; }
echo "     Running unittests src/lib.rs (target/debug/deps/pagewise-0)"
result ok 3 0
echo "     Running tests/run/main.rs (target/debug/deps/run-0)"
if [[ ${NEIGHBOUR:-idle} == "$FAILS" ]]; then
    printf 'test timing::late ... FAILED\n\nfailures:\n\n---- timing::late stdout ----\ntoo late\n\n\nfailures:\n    timing::late\n\n'
    result FAILED 1 1
else
    result ok 2 0
fi
echo "     Running tests/store.rs (target/debug/deps/store-0)"
if [[ ${NEIGHBOUR:-idle} == "$DIES" ]]; then
    echo "error: test failed, to rerun pass \`--test store\`"
else
    result ok 1 0
fi
[[ ${NEIGHBOUR:-idle} != "$FAILS" && ${NEIGHBOUR:-idle} != "$DIES" ]]
"#;

const LOAD: &str = r#"#!/usr/bin/env bash
[[ $1 == --neighbour && $3 == -- ]] || exit 9
export NEIGHBOUR=$2
echo "under-load: 49.8 a second" >&2
exec "${@:4}"
"#;

impl Soak {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for (name, text) in [("cargo", CARGO), ("load", LOAD)] {
            fs::write(dir.path().join(name), text).unwrap();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir }
    }

    /// What the script says with these words. `None`: skipped, since there is no python3.
    #[track_caller]
    fn run(&self, words: &str, environment: &[(&str, &str)]) -> Option<(Option<i32>, String, String)> {
        if let Err(error) = Command::new("python3").arg("--version").output() {
            skip(Lack::Python, error);
            return None;
        }
        let mut command = Command::new(script("soak-tests"));
        command.args(words.split_whitespace()).arg("--keep").arg(self.dir.path().join("kept"));
        command.env("CARGO", self.dir.path().join("cargo")).env("UNDER_LOAD", self.dir.path().join("load"));
        Some(run(command.env("FAILS", "").env("DIES", "").envs(environment.iter().copied())))
    }

    fn log(&self) -> Vec<String> {
        fs::read_to_string(self.dir.path().join("log")).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn soaking_runs_the_marked_tests_and_the_suite_under_each_load() {
    let soak = Soak::new();
    let Some((code, out, said)) = soak.run("--times 2 --suite 1", &[]) else { return };
    assert_eq!(code, Some(0), "{out}{said}");
    assert!(out.ends_with("\n0 failures in 9 runs\n"), "{out}");
    assert!(out.contains("cpu 2/2, marked tests: 6 passed, 0 failed"), "{out}");
    assert!(out.contains("  under-load: 49.8 a second\n"), "the load is reported: {out}");
    let marked = |load: &str| format!("{load} test --locked --no-fail-fast -- timing::");
    let suite = |load: &str| format!("{load} test --locked --no-fail-fast");
    let turns = ["idle", "cpu", "disk"].into_iter().flat_map(|load| [marked(load), marked(load), suite(load)]);
    let expected: Vec<String> = std::iter::once("idle test --locked --no-run".to_owned()).chain(turns).collect();
    assert_eq!(soak.log(), expected);
    assert!(!soak.dir.path().join("kept").exists(), "only failures are kept");
}

#[test]
fn soaking_names_each_failure_with_its_load_and_keeps_what_it_printed() {
    let soak = Soak::new();
    let fails = [("FAILS", "cpu"), ("DIES", "disk")];
    let Some((code, out, said)) = soak.run("--times 2 --suite 0", &fails) else { return };
    assert_eq!(code, Some(1), "{out}{said}");
    assert!(out.contains("failed under cpu: tests/run/main.rs timing::late, 2 times\n"), "{out}");
    assert!(out.contains("failed under disk: tests/store.rs: ended without a result, 2 times\n"), "{out}");
    assert!(out.ends_with("4 failures in 6 runs\n"), "{out}");
    let kept = fs::read_to_string(soak.dir.path().join("kept/cpu-timing-1.log")).unwrap();
    assert!(kept.contains("too late"), "{kept}");
}

#[test]
fn what_cannot_be_soaked_is_said() {
    let soak = Soak::new();
    for (words, said) in [
        ("--load tape", "tape"),
        ("--times many", "'many' is not a number of runs"),
        ("--times 0 --suite 0", "nothing to run"),
    ] {
        let Some((code, _, stderr)) = soak.run(words, &[]) else { return };
        assert_eq!(code, Some(2), "{words}: {stderr}");
        assert!(stderr.contains(said), "{words}: {stderr}");
    }
    let Some((_, _, stderr)) = soak.run("--times 1", &[("UNDER_LOAD", "/nowhere")]) else { return };
    assert!(stderr.contains("/nowhere is not there"), "{stderr}");
}
