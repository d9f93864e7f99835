//! Where the programs and their files lie, and how a program runs beside a test.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as StdCommand, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use assert_cmd::Command;
use nix::unistd::{SysconfVar, sysconf};
use tempfile::TempDir;

use crate::skips::{Lack, skip};

/// Ends what hangs; nothing is judged by it.
pub const LIMIT: Duration = Duration::from_secs(300);

/// Where cargo puts the examples: beside the folder of this test's executable.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.ancestors().nth(2).unwrap().join("examples").join(name);
    let hint = "`cargo test` builds it; with `--test`, run `cargo build --examples` first";
    assert!(path.exists(), "{} is not there: {hint}", path.display());
    path
}

pub fn run(line: &str, file: &Path) -> Command {
    let mut words = line.split(' ');
    let mut command = Command::new(program(words.next().unwrap()));
    command.arg(file).args(words).timeout(LIMIT);
    command
}

pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A folder on the disk, and one on tmpfs where there is one.
#[track_caller]
pub fn folders() -> Vec<TempDir> {
    let shm = Path::new("/dev/shm").is_dir().then(|| tempfile::tempdir_in("/dev/shm"));
    if !matches!(shm, Some(Ok(_))) {
        skip(Lack::DevShm, "not tried on tmpfs");
    }
    [folder()].into_iter().chain(shm.and_then(Result::ok)).collect()
}

pub fn file(folder: &TempDir, content: &[u8]) -> PathBuf {
    let path = folder.path().join("file");
    fs::write(&path, content).unwrap();
    path
}

/// Bytes with no pattern of a page's length; every value occurs.
pub fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 % 257) as u8).collect()
}

/// A byte as the programs print it.
pub fn shown(byte: u8) -> String {
    match byte {
        0x20..=0x7e => format!("'{}'", char::from(byte)),
        _ => format!("0x{byte:02x}"),
    }
}

pub fn page_size() -> usize {
    usize::try_from(sysconf(SysconfVar::PAGE_SIZE).unwrap().unwrap()).unwrap()
}

pub fn with_byte(content: &[u8], offset: usize, byte: u8) -> Vec<u8> {
    let mut changed = content.to_vec();
    changed[offset] = byte;
    changed
}

/// A program that runs beside the test, its lines as they come; killed at the end.
pub struct Beside {
    pub child: Child,
    lines: Receiver<String>,
}

impl Beside {
    pub fn start(name: &str, args: &[&str]) -> Self {
        let mut command = StdCommand::new(program(name));
        let streams = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = streams.args(args).spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines }
    }

    pub fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("one more line")
    }

    /// Whether its output comes to an end: nobody holds it open any more.
    pub fn falls_silent(&self) -> bool {
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    /// The exit code, unless a signal killed it, and what it said on stderr.
    pub fn end(mut self) -> (Option<i32>, String) {
        assert!(self.falls_silent(), "it should have ended");
        let code = self.child.wait().unwrap().code();
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (code, said)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
