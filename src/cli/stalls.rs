//! `--sweep stalls`: a task is watched beside each way of reading, each in a process of its own.

use std::time::Duration;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::beyond::Given;
use super::reader::{self, Kind, evicted};
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
    given.site.clear();
    let path = given.site.path().join("beyond");
    let built =
        Recipe::new("beyond", SPACE, History::Cold).build(given.site.path()).map_err(|trouble| trouble.to_string());
    let ask = |way: &Way| -> anyhow::Result<Stalls> {
        built.clone().map_err(anyhow::Error::msg)?;
        evicted(&path)?;
        let order = Order { path: path.clone(), bytes: SPACE, way: way.name.to_owned(), seed: given.seed };
        reader::ask(Kind::Stalls, &order, TIME * 2, None, given.interrupt)
    };
    let mut ways: Vec<&Way> = WAYS.iter().collect();
    ways.shuffle(&mut ChaCha8Rng::seed_from_u64(given.seed));
    let mut seen = Vec::new();
    for way in ways {
        say(&format!("a task beside {}", way.name));
        let line = ask(way);
        if given.interrupt.asked().is_some() {
            given.site.clear();
            return Vec::new();
        }
        seen.push(line.unwrap_or_else(|why| none(way, format!("{why:#}"))));
    }
    given.site.clear();
    seen.sort_by_key(|seen| WAYS.iter().position(|way| way.name == seen.method));
    seen
}

fn none(way: &Way, why: String) -> Stalls {
    Stalls { method: way.name.to_owned(), about: way.about.to_owned(), reason: Some(why), ..Stalls::default() }
}
