//! `--sweep stalls`: a task is watched beside each way of reading, each in a process of its own.

use std::path::PathBuf;
use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::beyond::Given;
use super::reader::{self, Kind};
use super::site_worker::SiteWorker;
use crate::areas::dataset::{History, Recipe};
use crate::areas::page_touch::stalls::{Order, TIME, WAYS, Way};
use crate::results::model::Stalls;

/// The file that is read beside a task.
pub const SPACE: u64 = 256 << 20;

/// How long it takes to watch tasks that share a thread.
pub fn longest() -> Duration {
    // Evictions between are not in a way's time, nor is the making of the file.
    TIME * 2 * WAYS.len() as u32 + Duration::from_secs(4)
}

/// Watches a task beside each way of reading, in an order that is drawn; `say` is told which. Nothing where the user stopped it.
pub fn watch(given: &Given<'_>, say: &mut dyn FnMut(&str)) -> Vec<Stalls> {
    let site_worker = SiteWorker { site: given.site, interrupt: given.interrupt };
    let path = PathBuf::from("beyond");
    let built =
        site_worker.build(&[Recipe::new("beyond", SPACE, History::Cold)]).map_err(|trouble| trouble.to_string());
    let ask = |way: &Way| -> anyhow::Result<Stalls> {
        built.clone().map_err(anyhow::Error::msg)?;
        let order = Order { path: path.clone(), bytes: SPACE, way: way.name.to_owned(), seed: given.seed };
        reader::ask(given, Kind::Stalls, &order, TIME * 2, None)
    };
    let mut ways: Vec<&Way> = WAYS.iter().collect();
    ways.shuffle(&mut ChaCha8Rng::seed_from_u64(given.seed));
    let mut seen = Vec::new();
    for way in ways {
        say(&format!("a task beside {}", way.name));
        let line = ask(way);
        if given.interrupt.should_stop() {
            return Vec::new();
        }
        seen.push(line.unwrap_or_else(|why| none(way, format!("{why:#}"))));
    }
    site_worker.clear(0);
    seen.sort_by_key(|seen| WAYS.iter().position(|way| way.name == seen.method));
    seen
}

fn none(way: &Way, why: String) -> Stalls {
    Stalls { method: way.name.to_owned(), about: way.about.to_owned(), reason: Some(why), ..Stalls::default() }
}
