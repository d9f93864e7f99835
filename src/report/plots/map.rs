//! Where is a mapping worth it? The ratios to `pread` of every way of reading, by state and pattern: a map to find one's own case on.

use plotters::prelude::*;

use super::PlotError;
use super::canvas::{self, Hold, INK, MUTED, Plot, Sheet, WIDTH, name, room, write, write_name};
use crate::report::{findings, rows, units};
use crate::results::model::{Run, Study, Verdict};

/// The title of [`map`].
pub const TITLE: &str = "One page by each way of reading, as a multiple of pread's time";

const ROW: i32 = 26;
/// Above the cells: state, pattern and use.
const TOP: i32 = 58;
const BOTTOM: i32 = 34;
/// The ratio at which a cell has its full colour.
const FULL: f64 = 8.0;
const FASTER: (u8, u8, u8) = (0x1b, 0x7f, 0x9e);
const SLOWER: (u8, u8, u8) = (0xc0, 0x5a, 0x2a);
/// Fewer columns are no map.
const FEWEST: usize = 3;

/// The map of the plain studies of `run`: whole pages of one file, used once; `None` for too few.
pub fn map(run: &Run) -> Result<Option<Plot>, PlotError> {
    let studies: Vec<&Study> = run.studies.iter().filter(|study| is_plain(study)).collect();
    if studies.len() < FEWEST {
        return Ok(None);
    }
    let mut methods: Vec<&str> = Vec::new();
    for study in &studies {
        for case in rows::measured(study).into_iter().filter(|case| !rows::is_baseline(study, case)) {
            if !methods.contains(&case.method.as_str()) {
                methods.push(&case.method);
            }
        }
    }
    // Those that are measured most come first: a row with few cells says little.
    methods
        .sort_by_key(|method| std::cmp::Reverse(studies.iter().filter(|study| ratio(study, method).is_some()).count()));
    let height = TOP + ROW * methods.len() as i32 + BOTTOM;
    Plot::draw(TITLE.to_owned(), height as u32, |sheet| draw(sheet, &studies, &methods)).map(Some)
}

fn is_plain(study: &Study) -> bool {
    let params = &study.scenario.params;
    let plain = ["record", "passes", "stride", "within"].iter().all(|name| !params.contains_key(*name));
    study.area == "page_touch" && plain && findings::stands(study)
}

/// The ratio of a method to the baseline, and whether a verdict stands.
fn ratio(study: &Study, method: &str) -> Option<(f64, bool)> {
    let case = rows::measured(study).into_iter().find(|case| case.method == method)?;
    let ratio = case.ratio?;
    Some((ratio.estimate, ratio.verdict != Verdict::Unresolved))
}

fn draw(sheet: &Sheet<'_>, studies: &[&Study], methods: &[&str]) -> canvas::Drawn {
    let left = room(methods.iter().map(|method| name(method)).collect::<Vec<_>>().iter().map(String::as_str)) + 20;
    let width = ((WIDTH as i32 - left - 8) / studies.len() as i32).min(110);
    for (index, study) in studies.iter().enumerate() {
        let x = left + width * index as i32 + width / 2;
        let word = |name: &str| study.scenario.params.get(name).map_or("", String::as_str);
        let state = study.scenario.state.as_deref().unwrap_or_default();
        let history =
            study.scenario.history.as_deref().filter(|history| !matches!(*history, "none" | "write-1M" | "found"));
        write(sheet, state, (x, 12), Hold::Middle, INK)?;
        write(sheet, short(word("pattern")), (x, 28), Hold::Middle, INK)?;
        let job = history.map_or_else(|| word("use").to_owned(), |history| format!("{} {history}", word("use")));
        write(sheet, &job, (x, 44), Hold::Middle, MUTED)?;
    }
    for (row, method) in methods.iter().enumerate() {
        let y = TOP + ROW * row as i32;
        write_name(sheet, &name(method), (left - 10, y + ROW / 2), Hold::Right, INK)?;
        for (index, study) in studies.iter().enumerate() {
            let x = left + width * index as i32;
            let Some((ratio, is_decided)) = ratio(study, method) else { continue };
            let (colour, words) = (shade(ratio), units::ratio(ratio));
            sheet.draw(&Rectangle::new([(x + 1, y + 1), (x + width - 1, y + ROW - 1)], colour.filled()))?;
            let words = if is_decided { words } else { format!("({words})") };
            write(sheet, &words, (x + width / 2, y + ROW / 2), Hold::Middle, INK)?;
        }
    }
    let y = TOP + ROW * methods.len() as i32 + 18;
    let caption = "below 1 less time than pread; in brackets where that is not decided";
    write(sheet, caption, (left, y), Hold::Left, MUTED)
}

fn short(pattern: &str) -> &str {
    match pattern {
        "sequential" => "in order",
        "random" => "at random",
        other => other,
    }
}

/// White at 1, deeper the farther from it.
fn shade(ratio: f64) -> RGBColor {
    let depth = (ratio.ln() / FULL.ln()).clamp(-1.0, 1.0);
    let (red, green, blue) = if depth < 0.0 { FASTER } else { SLOWER };
    // Half of the colour at the most, so that words can be read on it.
    let mix = |part: u8| (255.0 - (255.0 - f64::from(part)) * 0.55 * depth.abs()).round() as u8;
    RGBColor(mix(red), mix(green), mix(blue))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_with_several_reads_has_a_map() {
        let mut run = sample::run();
        run.studies = vec![sample::touch_cold_random(); FEWEST];
        let svg = map(&run).unwrap().unwrap().standalone();
        crate::report::well_formed::check(&svg);
        assert!(svg.contains("mmap"));
        run.studies.truncate(1);
        assert_eq!(map(&run).unwrap(), None);
    }

    #[test]
    fn the_colour_tells_faster_from_slower() {
        assert_eq!(shade(1.0), RGBColor(255, 255, 255));
        assert_ne!(shade(0.1), shade(10.0));
        assert_eq!(shade(1e-9), shade(0.01));
    }
}
