//! What does each guarantee cost? The times of one small edit, a dot and its interval each, from what promises least to what promises most.

use plotters::prelude::*;

use super::PlotError;
use super::axis::{LogAxis, drawable};
use super::canvas::{self, GRID, Hold, INK, MUTED, Plot, Sheet, WIDTH, line, name, room, write, write_name};
use super::lines::short;
use crate::report::{findings, notes, rows, units};
use crate::results::model::{Run, Study};

/// Guarantees, the least first.
const GUARANTEES: [&str; 5] = ["visible", "started", "written", "durable", "atomic"];
/// Pixels a method, and a guarantee's heading.
const ROW: i32 = 26;
const TOP: i32 = 10;
/// Below the last row: marks, and what the axis is.
const BOTTOM: i32 = 52;
/// Right of the axis: the time in words.
const WORDS: i32 = 96;
const DOT: RGBColor = RGBColor(0x1a, 0x5f, 0xb4);

/// A rung: what is promised, and the methods that keep it.
struct Rung<'a> {
    study: &'a Study,
    guarantee: &'static str,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    ns: f64,
    interval: Option<(f64, f64)>,
}

/// The ladder of `run`: of each guarantee the study of the smallest commit, with the cache of single pages where there are several; `None` for fewer
/// than two guarantees.
pub fn ladder(run: &Run) -> Result<Option<Plot>, PlotError> {
    let rungs: Vec<Rung<'_>> = GUARANTEES.into_iter().filter_map(|guarantee| rung(run, guarantee)).collect();
    let all = || rungs.iter().flat_map(|rung| &rung.rows);
    let left = room(all().map(|row| row.name.as_str())) + 28;
    let ends = all().flat_map(|row| [Some(row.ns), row.interval.map(|ends| ends.0), row.interval.map(|ends| ends.1)]);
    let axis = LogAxis::over(ends.flatten(), 4.0, (left, WIDTH as i32 - WORDS));
    let Some(axis) = axis.filter(|_| rungs.len() > 1) else { return Ok(None) };
    let rows = all().count() + rungs.len();
    let height = TOP + ROW * rows as i32 + BOTTOM;
    let title = "What each guarantee costs: the time of one small edit by every method that keeps it".to_owned();
    Plot::draw(title, height as u32, |sheet| draw(sheet, &rungs, &axis, left, height)).map(Some)
}

fn rung<'a>(run: &'a Run, guarantee: &'static str) -> Option<Rung<'a>> {
    let fits = |study: &&Study| {
        let params = &study.scenario.params;
        let plain = ["pages", "vmas", "threads", "every"].iter().all(|name| !params.contains_key(*name));
        study.scenario.guarantee.as_deref() == Some(guarantee) && plain && findings::stands(study)
    };
    let study = run.studies.iter().find(fits)?;
    let rows = rows::measured(study).into_iter().filter_map(|case| {
        let time = case.ns_per_op.filter(|time| drawable(time.estimate))?;
        Some(Row { name: name(&case.method), ns: time.estimate, interval: time.low.zip(time.high) })
    });
    Some(Rung { study, guarantee, rows: rows.collect() })
}

fn draw(sheet: &Sheet<'_>, rungs: &[Rung<'_>], axis: &LogAxis, left: i32, height: i32) -> canvas::Drawn {
    let (bottom, right) = (height - BOTTOM, WIDTH as i32 - WORDS);
    for mark in axis.marks() {
        let x = axis.pixel(mark);
        line(sheet, &[(x, TOP), (x, bottom + 5)], GRID, 1)?;
        write(sheet, &short(&units::time(mark)), (x, bottom + 16), Hold::Middle, MUTED)?;
    }
    line(sheet, &[(left, bottom), (right, bottom)], MUTED, 1)?;
    let caption = "time of one edit with its interval, logarithmic; methods are ranked within a guarantee alone";
    write(sheet, caption, ((left + right) / 2, bottom + 38), Hold::Middle, MUTED)?;
    let mut y = TOP + ROW / 2;
    for rung in rungs {
        let promise = notes::guarantee_in_words(rung.guarantee).unwrap_or_default();
        let size = rung.study.scenario.params.get("size").map_or("", String::as_str);
        write(sheet, &format!("{} ({size} file): {promise}", rung.guarantee), (8, y), Hold::Left, INK)?;
        line(sheet, &[(8, y + ROW / 2), (WIDTH as i32 - 8, y + ROW / 2)], GRID, 1)?;
        for row in &rung.rows {
            y += ROW;
            write_name(sheet, &row.name, (left - 16, y), Hold::Right, INK)?;
            if let Some((low, high)) = row.interval {
                line(sheet, &[(axis.pixel(low), y), (axis.pixel(high), y)], DOT, 2)?;
            }
            sheet.draw(&Circle::new((axis.pixel(row.ns), y), 4, DOT.filled()))?;
            write(sheet, &units::time(row.ns), (WIDTH as i32 - 12, y), Hold::Right, INK)?;
        }
        y += ROW;
    }
    Ok(())
}
