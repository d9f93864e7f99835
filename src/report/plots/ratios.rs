//! How do the methods of a study compare? A dot and its interval each, on a logarithmic axis with the baseline at 1.

use plotters::prelude::*;

use super::axis::{LogAxis, drawable};
use super::canvas::{BAND, GRID, Hold, INK, MUTED, Plot, Sheet, WIDTH, line, name, room, write, write_name};
use super::{PlotError, canvas};
use crate::report::{rows, units};
use crate::results::model::{Case, Study, Verdict};

/// Pixels a method.
const ROW: i32 = 30;
/// Above the first.
const TOP: i32 = 14;
/// Below the last: marks, and what the axis is.
const BOTTOM: i32 = 76;
/// Right of the axis: ratio and verdict in words.
const WORDS: i32 = 170;
const SLOWER: RGBColor = RGBColor(0xb8, 0x4a, 0x0a);
const FASTER: RGBColor = RGBColor(0x1a, 0x5f, 0xb4);
const EQUAL: RGBColor = RGBColor(0x4f, 0x5b, 0x66);
const UNRESOLVED: RGBColor = RGBColor(0x8a, 0x93, 0x9c);

/// One method of the plot.
struct Row {
    name: String,
    ratio: f64,
    interval: Option<(f64, f64)>,
    verdict: Option<Verdict>,
}

/// The ratios of `study`, fastest first; `None` if nothing was compared with the baseline.
pub fn ratios(study: &Study) -> Result<Option<Plot>, PlotError> {
    let rows: Vec<Row> = rows::measured(study).into_iter().filter_map(|case| row(study, case)).collect();
    let compared = rows.iter().any(|row| row.verdict.is_some());
    let left = room(rows.iter().map(|row| row.name.as_str())) + 28;
    let ends =
        rows.iter().flat_map(|row| [Some(row.ratio), row.interval.map(|ends| ends.0), row.interval.map(|ends| ends.1)]);
    let margin = [1.0 - 1.6 * study.margin, 1.0 + 1.6 * study.margin];
    let axis = LogAxis::over(ends.flatten().chain(margin), 1.3, (left, WIDTH as i32 - WORDS));
    let Some(axis) = axis.filter(|_| compared) else {
        return Ok(None);
    };
    let title = format!("Time of each method over that of {}: {}", study.baseline, study.scenario.question);
    let height = TOP + ROW * rows.len() as i32 + BOTTOM;
    Plot::draw(title, height as u32, |sheet| draw(sheet, study, &rows, &axis, left)).map(Some)
}

fn row(study: &Study, case: &Case) -> Option<Row> {
    let ratio = rows::place(study, case).filter(|ratio| drawable(*ratio))?;
    let own = if rows::is_baseline(study, case) { None } else { case.ratio };
    Some(Row {
        name: name(&case.method),
        ratio,
        interval: own.and_then(|ratio| ratio.low.zip(ratio.high)),
        verdict: own.map(|ratio| ratio.verdict),
    })
}

fn draw(sheet: &Sheet<'_>, study: &Study, rows: &[Row], axis: &LogAxis, left: i32) -> canvas::Drawn {
    let bottom = TOP + ROW * rows.len() as i32;
    let right = WIDTH as i32 - WORDS;
    let band = [(axis.pixel(1.0 - study.margin), TOP), (axis.pixel(1.0 + study.margin), bottom)];
    sheet.draw(&Rectangle::new(band, BAND.filled()))?;
    for mark in axis.marks() {
        let x = axis.pixel(mark);
        line(sheet, &[(x, TOP), (x, bottom + 5)], GRID, 1)?;
        write(sheet, &format!("×{mark}"), (x, bottom + 16), Hold::Middle, MUTED)?;
    }
    let one = axis.pixel(1.0);
    line(sheet, &[(one, TOP), (one, bottom + 5)], MUTED, 1)?;
    line(sheet, &[(left, bottom), (right, bottom)], MUTED, 1)?;
    write(sheet, "← faster", (one - 10, bottom + 38), Hold::Right, FASTER)?;
    write(sheet, "slower →", (one + 10, bottom + 38), Hold::Left, SLOWER)?;
    let caption =
        format!("time over that of {}, logarithmic; shaded: ±{}", name(&study.baseline), units::percent(study.margin));
    write(sheet, &caption, ((left + right) / 2, bottom + 60), Hold::Middle, MUTED)?;
    for (index, row) in rows.iter().enumerate() {
        draw_row(sheet, row, TOP + ROW * index as i32 + ROW / 2, axis, left)?;
    }
    Ok(())
}

fn draw_row(sheet: &Sheet<'_>, row: &Row, y: i32, axis: &LogAxis, left: i32) -> canvas::Drawn {
    let colour = match row.verdict {
        None => INK,
        Some(Verdict::Faster) => FASTER,
        Some(Verdict::Slower) => SLOWER,
        Some(Verdict::Equal) => EQUAL,
        Some(Verdict::Unresolved) => UNRESOLVED,
    };
    write_name(sheet, &row.name, (left - 16, y), Hold::Right, INK)?;
    let x = axis.pixel(row.ratio);
    if let Some((low, high)) = row.interval {
        let (from, to) = (axis.pixel(low), axis.pixel(high));
        line(sheet, &[(from, y), (to, y)], colour, 2)?;
        for end in [from, to] {
            line(sheet, &[(end, y - 5), (end, y + 5)], colour, 2)?;
        }
    }
    // Hollow where nothing is decided.
    if row.verdict == Some(Verdict::Unresolved) {
        sheet.draw(&Circle::new((x, y), 5, WHITE.filled()))?;
        sheet.draw(&Circle::new((x, y), 5, colour.stroke_width(2)))?;
    } else {
        sheet.draw(&Circle::new((x, y), 5, colour.filled()))?;
    }
    let (ratio, word) = match row.verdict {
        None => ("×1".to_owned(), "baseline"),
        Some(verdict) => (units::ratio(row.ratio), rows::word(verdict)),
    };
    let colour = if row.verdict == Some(Verdict::Unresolved) { MUTED } else { colour };
    let words = WIDTH as i32 - WORDS + 74;
    write(sheet, &ratio, (words, y), Hold::Right, colour)?;
    write(sheet, word, (words + 10, y), Hold::Left, colour)
}
