//! In which way must a copy of a user's file be brought into the cache, so that its pages lie there as the file's do?

use std::fs::File;
use std::path::Path;

use super::{Dataset, History, Recipe};
use crate::engine::method::Trouble;
use crate::os::file::{self, Open};
use crate::os::map::{FileMap, Kind, Populate};
use crate::os::usage::Usage;
use crate::os::{cache, page_size};

/// A file of which less than this part is cached comes into the cache when it is used: by readahead.
const CACHED: f64 = 0.9;
/// Of each way so much is made and looked at, and of the user's file no more.
const LOOKED_AT: u64 = 32 << 20;

/// The history that a copy of the file at `path` needs, made of trial files in `site`, with why. The file is opened for reading, and its pages are
/// touched as any reader touches them.
///
/// Folios cannot be asked for without privilege; but how many faults a pass over a fresh mapping takes tells their sizes apart.
///
/// # Errors
/// [`Trouble`]: the file cannot be read or mapped, what is cached cannot be known, or there is no room for a trial file.
pub fn like(path: &Path, site: &Path) -> Result<(History, String), Trouble> {
    let file = file::open_unmarked(path, Open::Read)?;
    let len = file.metadata().map_err(crate::os::SysError::io("fstat", path))?.len().min(LOOKED_AT);
    let pages = (len / page_size() as u64).max(1);
    let cached = cache::cached_pages(&file, len)?;
    let part = cached as f64 / pages as f64;
    if part < CACHED {
        let why =
            format!("{:.0} % of it is cached: the rest comes by readahead when it is used", 100.0 * part.min(1.0));
        return Ok((History::Readahead, why));
    }
    let faults = faults_a_page(&file, pages)?;
    let mut nearest: Option<(f64, History)> = None;
    for history in History::TOLD_APART {
        let recipe = Recipe::new(&format!("like-{}", history.name()), pages * page_size() as u64, history);
        recipe.build(site)?;
        let made = Dataset::attach(&recipe, site.join(&recipe.name))?;
        let distance = (faults_a_page(&made.file, pages)? / faults).ln().abs();
        let _ = std::fs::remove_file(&made.path);
        if nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, history));
        }
    }
    let history = nearest.map_or(History::Readahead, |(_, history)| history);
    let why = format!(
        "a pass over it takes {faults:.4} faults a page, nearest to that of a file whose history is {}",
        history.name()
    );
    Ok((history, why))
}

/// Minor faults a page of a pass over a fresh mapping.
fn faults_a_page(file: &File, pages: u64) -> Result<f64, Trouble> {
    let map = FileMap::new(file, pages as usize * page_size(), Kind::SharedRead, Populate::OnTouch)?;
    let before = Usage::now();
    let mut sum = 0_u64;
    for page in 0..pages as usize {
        sum = sum.wrapping_add(u64::from(map.load(page * page_size())));
    }
    std::hint::black_box(sum);
    Ok(Usage::now().since(before).minor_faults.max(1) as f64 / pages as f64)
}
