//! Libraries of lies, each built when first needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::skips::{Lack, skip};

static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// `tests/interpose/lies.rs` with one lie of it, as a library to preload. `None` where none can be built or would not be asked, said visibly.
#[track_caller]
pub fn library(lie: &str) -> Option<PathBuf> {
    if cfg!(target_feature = "crt-static") {
        skip(Lack::DynamicLibc, "this build has libc within, and preloads nothing");
        return None;
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(lie) {
        return Some(path.clone());
    }
    let name = format!("lie-{}.so", lie.replace(' ', "-"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    // Another run of these tests may be using the one that is there.
    let new = path.with_file_name(format!("{name}.{}", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpose/lies.rs");
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(compiler)
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "cdylib",
            "-C",
            "panic=abort",
            "-O",
            "-C",
            "strip=symbols",
            "-A",
            "unexpected_cfgs",
            "-A",
            "unused",
        ])
        .arg("--cfg")
        .arg(format!("lie=\"{lie}\""))
        .arg("-o")
        .arg(&new)
        .arg(source)
        .output();
    match output {
        Ok(output) if output.status.success() => {
            std::fs::rename(&new, &path).unwrap();
            built.insert(lie.to_owned(), path.clone());
            Some(path)
        }
        Ok(output) => panic!("the lie {lie} does not build: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            skip(Lack::Rustc, error);
            None
        }
    }
}
