//! Notes the commit that the program is built from, where there is one to note: a run records it.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Written at each commit and checkout; absent in a packaged crate, which has no commit.
    let log = ".git/logs/HEAD";
    if !Path::new(log).exists() {
        return;
    }
    println!("cargo::rerun-if-changed={log}");
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    if let Ok(output) = commit
        && output.status.success()
    {
        println!("cargo::rustc-env=PAGEWISE_COMMIT={}", String::from_utf8_lossy(&output.stdout).trim());
    }
}
