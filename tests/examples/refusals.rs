//! What the programs say of files and options that they cannot use: one sentence, an exit code, no panic.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command as StdCommand;

use assert_cmd::Command;
use nix::unistd::geteuid;
use predicates::prelude::*;

use crate::skips::{Lack, skip};
use crate::support::{self, content, file, folder, program, run};

/// One sentence on stderr that begins with the program's name, and exit code 1.
fn refuses(line: &str, path: &Path, why: &str) {
    let name = line.split(' ').next().unwrap();
    let sentence = format!("^{name}: .*{why}.*\n$");
    run(line, path).assert().code(1).stdout("").stderr(predicate::str::is_match(sentence).unwrap());
}

const FILE_PROGRAMS: [&str; 6] = ["edit", "private_edit", "poke", "poke --private", "watch --changes 0", "limits"];

#[test]
fn no_file_a_folder_and_a_fifo_are_refused_in_one_sentence() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for line in FILE_PROGRAMS {
        refuses(line, &folder.path().join("none"), "none\": No such file or directory");
        refuses(line, folder.path(), "is not a regular file");
        refuses(line, &fifo, "is not a regular file");
        refuses(line, Path::new("/dev/null"), "is not a regular file");
    }
}

#[test]
fn an_offset_that_the_file_does_not_have_is_refused_and_nothing_is_written() {
    for line in ["edit", "private_edit", "poke", "poke --private"] {
        let folder = folder();
        refuses(line, &file(&folder, b""), "has 0 bytes, so none at offset 20");
        let path = file(&folder, &content(20));
        refuses(line, &path, "has 20 bytes, so none at offset 20");
        let far = format!("{line} --offset {}", usize::MAX);
        refuses(&far, &path, &format!("none at offset {}", usize::MAX));
        assert_eq!(fs::read(&path).unwrap(), content(20));
    }
}

#[test]
fn what_no_file_can_make_right_is_a_usage_error() {
    let folder = folder();
    let path = file(&folder, &content(30));
    for program in ["edit", "private_edit", "poke"] {
        for option in ["--byte -1", "--byte", "--offset -1", "--offset", "--what"] {
            run(&format!("{program} {option}"), &path).assert().code(2).stdout("");
        }
        for byte in ["", "10", "256", "0x", "0x9", "0x+9", "0x100", "0xgg", "0X39", "\\t", "é"] {
            let both = predicate::str::contains("such as 9,").and(predicate::str::contains("such as 0x39"));
            let quoted = predicate::str::contains(format!("'{byte}'"));
            let mut command = Command::new(support::program(program));
            command.arg(&path).args(["--byte", byte]).assert().code(2).stdout("").stderr(both.and(quoted));
        }
    }
    run("watch --interval 0", &path).assert().code(2).stdout("");
    for program_name in ["edit", "private_edit", "poke", "watch", "limits"] {
        Command::new(program(program_name)).assert().code(2).stdout("");
    }
    Command::new(program("family")).args(["--rounds", "0"]).assert().code(2).stdout("");
    assert_eq!(fs::read(&path).unwrap(), content(30));
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_no_panic() {
    let folder = folder();
    let path = file(&folder, &content(30));
    for line in FILE_PROGRAMS {
        let mut words = line.split(' ');
        let mut command = StdCommand::new(program(words.next().unwrap()));
        command.arg(&path).args(words).stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("print") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_file_of_somebody_else_is_refused_or_only_read() {
    // Root may read and write everything, so it tries as nobody, who may not be let into the folder of the build.
    let folder = tempfile::tempdir().unwrap();
    let (secret, readable) = (folder.path().join("secret"), folder.path().join("readable"));
    for (path, mode) in [(&secret, 0o000), (&readable, 0o444)] {
        fs::write(path, content(30)).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |line: &str, path: &Path| {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let copy = folder.path().join(name);
        if !copy.exists() {
            crate::program::copy(program(name), &copy);
        }
        let mut command = StdCommand::new(copy);
        command.arg(path).args(words);
        if geteuid().is_root() {
            command.uid(65534).gid(65534);
        }
        command.output()
    };
    if let Err(error) = run("limits", &readable) {
        return skip(Lack::Nobody, format!("limits: {error}"));
    }
    for line in FILE_PROGRAMS {
        let output = run(line, &secret).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("Permission denied"), "{line}: {said}");

        let may = !["edit", "poke"].contains(&line);
        assert_eq!(run(line, &readable).unwrap().status.success(), may, "{line}");
        assert_eq!(fs::read(&readable).unwrap(), content(30));
    }
}
