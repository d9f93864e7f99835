//! What do many studies of reading show together? Tables of coloured cells, in which a reader finds the own case.

mod amplification;
mod methods;
mod orders;

use plotters::prelude::*;

use super::PlotError;
use super::canvas::{self, Hold, INK, MUTED, Plot, Sheet, WIDTH, name, room, write, write_name};
use crate::report::{findings, units};
use crate::results::model::{Run, Study};

/// Every map of `run` that there is enough of, with the word that its file is called by.
pub fn maps(run: &Run) -> Result<Vec<(&'static str, &'static str, Plot)>, PlotError> {
    let reads: Vec<&Study> =
        run.studies.iter().filter(|study| study.area == "page_touch" && findings::stands(study)).collect();
    let read = amplification::map(&reads, f64::from(run.machine.page_size));
    let all = [("map", methods::map(&reads)), ("orders-map", orders::map(&reads)), ("read-map", read)];
    let drawn = all.into_iter().filter_map(|(word, map)| Some((word, map?)));
    drawn.map(|(word, map)| Ok((word, map.title, map.plot()?))).collect()
}

/// Rows by columns.
struct Map {
    title: &'static str,
    caption: &'static str,
    /// Words above each column, a line each.
    heads: Vec<[String; 3]>,
    /// A row each: its name, and a cell for each column.
    rows: Vec<(String, Vec<Option<Cell>>)>,
}

/// A multiple, as it is written and how deep its colour is.
struct Cell {
    times: f64,
    words: String,
    /// The multiple at which the cell has its full colour.
    full: f64,
}

impl Cell {
    /// A ratio to the baseline.
    fn ratio(ratio: f64, is_decided: bool) -> Self {
        let words = units::ratio(ratio);
        Self { times: ratio, words: if is_decided { words } else { format!("({words})") }, full: 8.0 }
    }
}

const ROW: i32 = 26;
/// Above the cells: three lines.
const TOP: i32 = 58;
const BOTTOM: i32 = 34;
const WIDEST: i32 = 110;
const LESS: (u8, u8, u8) = (0x1b, 0x7f, 0x9e);
const MORE: (u8, u8, u8) = (0xc0, 0x5a, 0x2a);

impl Map {
    fn plot(&self) -> Result<Plot, PlotError> {
        let height = TOP + ROW * self.rows.len() as i32 + BOTTOM;
        Plot::draw(self.title.to_owned(), height as u32, |sheet| self.draw(sheet))
    }

    fn draw(&self, sheet: &Sheet<'_>) -> canvas::Drawn {
        let names: Vec<String> = self.rows.iter().map(|(row, _)| name(row)).collect();
        let left = room(names.iter().map(String::as_str)) + 20;
        let width = ((WIDTH as i32 - left - 8) / self.heads.len().max(1) as i32).min(WIDEST);
        for (column, head) in self.heads.iter().enumerate() {
            let x = left + width * column as i32 + width / 2;
            for (line, (words, colour)) in head.iter().zip([INK, INK, MUTED]).enumerate() {
                write(sheet, words, (x, 12 + 16 * line as i32), Hold::Middle, colour)?;
            }
        }
        for (row, (name, (_, cells))) in names.iter().zip(&self.rows).enumerate() {
            let y = TOP + ROW * row as i32;
            write_name(sheet, name, (left - 10, y + ROW / 2), Hold::Right, INK)?;
            for (column, cell) in cells.iter().enumerate() {
                let (x, Some(cell)) = (left + width * column as i32, cell) else { continue };
                let fill = shade(cell.times, cell.full).filled();
                sheet.draw(&Rectangle::new([(x + 1, y + 1), (x + width - 1, y + ROW - 1)], fill))?;
                write(sheet, &cell.words, (x + width / 2, y + ROW / 2), Hold::Middle, INK)?;
            }
        }
        write(sheet, self.caption, (left, TOP + ROW * self.rows.len() as i32 + 18), Hold::Left, MUTED)
    }
}

/// White at 1, deeper the farther from it.
fn shade(times: f64, full: f64) -> RGBColor {
    let depth = (times.ln() / full.ln()).clamp(-1.0, 1.0);
    let (red, green, blue) = if depth < 0.0 { LESS } else { MORE };
    // Half of the colour at the most, so that words can be read on it.
    let mix = |part: u8| (255.0 - (255.0 - f64::from(part)) * 0.55 * depth.abs()).round() as u8;
    RGBColor(mix(red), mix(green), mix(blue))
}

fn param<'a>(study: &'a Study, name: &str) -> Option<&'a str> {
    study.scenario.params.get(name).map(String::as_str)
}

/// The order of use, with its step or its reach: `strided 64KiB`.
fn order(study: &Study) -> String {
    let word = match param(study, "pattern").unwrap_or_default() {
        "sequential" => "in order",
        "random" => "at random",
        other => other,
    };
    let reach = ["stride", "within"].iter().find_map(|name| param(study, name));
    reach.map_or_else(|| word.to_owned(), |reach| format!("{word} {reach}"))
}

/// Whether it asks nothing beside state, order and use: whole pages, once, by one thread.
fn is_plain(study: &Study) -> bool {
    ["record", "passes", "threads", "reads"].iter().all(|name| param(study, name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_with_several_reads_has_maps() {
        let mut run = sample::run();
        run.studies = vec![sample::touch_cold_random(); 3];
        for (study, pattern) in run.studies.iter_mut().zip(["random", "sequential", "backward"]) {
            study.scenario.params.insert("pattern".to_owned(), pattern.to_owned());
        }
        let drawn = maps(&run).unwrap();
        assert_eq!(drawn.iter().map(|(word, ..)| *word).collect::<Vec<_>>(), ["map", "orders-map", "read-map"]);
        for (_, _, plot) in drawn {
            let svg = plot.standalone();
            crate::report::well_formed::check(&svg);
            assert!(svg.contains("mmap") && svg.contains("backward"));
        }
        run.studies.truncate(1);
        assert!(maps(&run).unwrap().is_empty());
    }

    #[test]
    fn the_colour_tells_less_from_more() {
        assert_eq!(shade(1.0, 8.0), RGBColor(255, 255, 255));
        assert_ne!(shade(0.1, 8.0), shade(10.0, 8.0));
        assert_eq!(shade(1e-9, 8.0), shade(0.01, 8.0));
    }
}
