//! Files of others, and left-overs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use crate::processes::{children_of, is_alive};
use crate::skips::{Lack, skip};
use crate::small::Small;
use crate::support::{
    PAGEWISE, after, assert_failed_with_a_word, folder, left_in, recorded, start, stderr, wait_for, words,
};

#[test]
fn a_run_whose_folder_is_swapped_for_a_link_touches_nothing_there() {
    let dir = folder();
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    for name in ["edit", "edit.new", "copy", "stderr", "lock", "ballast", "notes"] {
        fs::write(theirs.join(name), "theirs").unwrap();
    }
    let run = start(&words("--quick --budget 6s", dir.path(), &dir.path().join("out")));
    let site = wait_for("the run's folder", || left_in(dir.path()).into_iter().find(|left| left.join("lock").exists()));
    fs::rename(&site, dir.path().join("moved")).unwrap();
    symlink(&theirs, &site).unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let (_, run) = recorded(&dir.path().join("out")).pop().unwrap();
    assert!(run.studies.iter().flat_map(|study| &study.cases).any(|case| case.ns_per_op.is_some()), "it goes on");
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 7);
    for entry in fs::read_dir(&theirs).unwrap() {
        assert_eq!(fs::read_to_string(entry.unwrap().path()).unwrap(), "theirs");
    }
    assert!(fs::symlink_metadata(&site).unwrap().is_symlink(), "the link is theirs, too");
}

#[test]
fn a_mount_below_a_left_over_keeps_what_is_in_it_and_is_named() {
    let dir = folder();
    let theirs = dir.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("notes"), "theirs").unwrap();
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let left = dir.path().join(format!(".pagewise-{}-aB3dE6", child.id()));
    fs::create_dir_all(left.join("below")).unwrap();
    fs::write(left.join("lock"), child.id().to_string()).unwrap();
    let script =
        format!("mount --bind '{}' '{}' && exec \"$0\" \"$@\"", theirs.display(), left.join("below").display());
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script, PAGEWISE])
        .args(words("private_cow --quick --budget 1s", dir.path(), &dir.path().join("out")))
        .output();
    let output = match output {
        Ok(output) if !stderr(&output).contains("unshare") && !stderr(&output).contains("mount:") => output,
        _ => return skip(Lack::MountNamespace, "nothing can be mounted"),
    };
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot be removed"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(theirs.join("notes")).unwrap(), "theirs");
}

#[test]
fn what_a_killed_run_left_is_removed_before_the_space_is_looked_at() {
    let Some(small) = Small::make("ext4", 110) else { return };
    let out = small.beside();
    let mut run = start(&words("private_cow --quick --budget 60s", small.path(), &out));
    wait_for("a worker", || (!children_of(run.id()).is_empty()).then_some(()));
    wait_for("its files", || {
        let site = left_in(small.path()).pop()?;
        let size: u64 = fs::read_dir(site).ok()?.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
        (size > 16 << 20).then_some(())
    });
    let workers = children_of(run.id());
    run.kill().unwrap();
    run.wait().unwrap();
    // A file that is removed takes its space until whoever has it open is dead, too.
    wait_for("its workers' end", || (!workers.iter().any(|worker| is_alive(*worker))).then_some(()));
    assert_eq!(left_in(small.path()).len(), 1, "kill -9 leaves the folder");
    // It would not fit beside what is left.
    let filler = fs::File::create(small.path().join("filler")).unwrap();
    let free = nix::sys::statvfs::statvfs(small.path()).unwrap();
    let (free, page) = (free.blocks_available() as u64 * free.fragment_size() as u64, 8 << 20);
    nix::fcntl::posix_fallocate(&filler, 0, (free - page) as i64).unwrap();
    let next = Command::new(PAGEWISE)
        .args(words("private_cow --quick --budget 1s", small.path(), &out))
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert!(next.status.success(), "{}", stderr(&next));
    assert!(left_in(small.path()).is_empty());
}

#[test]
fn no_umask_keeps_a_run_from_its_own_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let output = after(
        "umask 777",
        &words("shared_edit private_cow --quick --budget 2s", dir.path(), &folder().path().join("out")),
    )
    .output()
    .unwrap();
    // Where the results go, the user's umask holds, so that the run may fail there; its own folder
    // goes in any case.
    assert!(left_in(dir.path()).is_empty(), "{}", stderr(&output));
}

#[test]
fn a_folder_that_anyone_may_change_is_refused() {
    let dir = folder();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let output = Command::new(PAGEWISE).args(words("--quick", dir.path(), dir.path())).output().unwrap();
    assert_failed_with_a_word(&output, &["every user may remove"]);
}
