//! How long do single operations of each method take, from the usual to the longest? A line a method, on a logarithmic axis.

use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::PlotError;
use super::axis::{LogAxis, drawable};
use super::canvas::{self, GRID, Hold, INK, MUTED, Plot, Sheet, WIDTH, line, name, room, write, write_name};
use crate::report::{rows, units};
use crate::results::model::{Latency, Study};

const TOP: i32 = 16;
/// Below the axis: the percentiles.
const BOTTOM: i32 = 52;
/// Left of the axis: times.
const LEFT: i32 = 78;
/// Pixels between two names of the legend, at least.
const LINE: i32 = 19;
/// The percentiles, from left to right.
const NAMES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];
/// Told apart by shape as well: not every reader sees every colour.
const COLOURS: [RGBColor; 9] = [
    RGBColor(0x1a, 0x5f, 0xb4),
    RGBColor(0xc0, 0x4e, 0x0b),
    RGBColor(0x1b, 0x7f, 0x4b),
    RGBColor(0x8a, 0x2f, 0x8f),
    RGBColor(0x0e, 0x84, 0x8c),
    RGBColor(0xb5, 0x2a, 0x4b),
    RGBColor(0x7a, 0x5c, 0x12),
    RGBColor(0x4a, 0x4a, 0xa5),
    RGBColor(0x5f, 0x66, 0x6d),
];

struct Series {
    name: String,
    points: [Option<f64>; 5],
    colour: RGBColor,
    shape: usize,
}

/// The latency percentiles of `study`; `None` if no method has any.
pub fn latencies(study: &Study) -> Result<Option<Plot>, PlotError> {
    let mut series: Vec<Series> = rows::measured(study)
        .into_iter()
        .filter_map(|case| Some((case, points(case.latency.as_ref()?)?)))
        .enumerate()
        .map(|(index, (case, points))| Series {
            name: name(&case.method),
            points,
            colour: COLOURS[index % COLOURS.len()],
            shape: index % 3,
        })
        .collect();
    let height = (TOP + BOTTOM + LINE * series.len() as i32 + 20).max(330);
    let span = (height - BOTTOM, TOP);
    let Some(axis) = LogAxis::over(series.iter().flat_map(|series| series.points).flatten(), 4.0, span) else {
        return Ok(None);
    };
    // The legend stands beside the lines' ends, in their order.
    series.sort_by(|a, b| b.points[4].unwrap_or(0.0).total_cmp(&a.points[4].unwrap_or(0.0)));
    let title = format!("Latency percentiles of each method: {}", study.scenario.question);
    Plot::draw(title, height as u32, |sheet| draw(sheet, &series, &axis, height)).map(Some)
}

/// What can be drawn of `latency`; `None` if it has no median.
fn points(latency: &Latency) -> Option<[Option<f64>; 5]> {
    let known = [latency.p50, latency.p90, latency.p99, latency.p999, Some(latency.max)];
    let points = known.map(|ns| ns.map(|ns| ns as f64).filter(|ns| drawable(*ns)));
    points[0].is_some().then_some(points)
}

fn draw(sheet: &Sheet<'_>, series: &[Series], axis: &LogAxis, height: i32) -> canvas::Drawn {
    let bottom = height - BOTTOM;
    let right = WIDTH as i32 - room(series.iter().map(|series| series.name.as_str())) - 56;
    for mark in axis.marks() {
        let y = axis.pixel(mark);
        line(sheet, &[(LEFT - 5, y), (right, y)], GRID, 1)?;
        write(sheet, &mark_in_words(mark), (LEFT - 10, y), Hold::Right, MUTED)?;
    }
    let step = (right - LEFT - 60) / 4;
    let columns: Vec<i32> = (0..5).map(|index| LEFT + 30 + index * step).collect();
    for (x, name) in columns.iter().zip(NAMES) {
        line(sheet, &[(*x, TOP), (*x, bottom + 5)], GRID, 1)?;
        write(sheet, name, (*x, bottom + 16), Hold::Middle, MUTED)?;
    }
    line(sheet, &[(LEFT, TOP), (LEFT, bottom)], MUTED, 1)?;
    line(sheet, &[(LEFT, bottom), (right, bottom)], MUTED, 1)?;
    write(
        sheet,
        "time of single operations, logarithmic, by percentile",
        ((LEFT + right) / 2, bottom + 38),
        Hold::Middle,
        MUTED,
    )?;
    let ends: Vec<i32> = series.iter().map(|series| axis.pixel(series.points[4].unwrap_or(0.0))).collect();
    let places = spread(&ends, LINE, (TOP + 4, bottom - 4));
    for ((series, end), place) in series.iter().zip(ends).zip(places) {
        draw_series(sheet, series, &columns, axis)?;
        let from = columns[4] + 8;
        line(sheet, &[(from, end), (right + 8, place), (right + 22, place)], series.colour.mix(0.45), 1)?;
        mark(sheet, (right + 28, place), series)?;
        write_name(sheet, &series.name, (right + 40, place), Hold::Left, INK)?;
    }
    Ok(())
}

fn draw_series(sheet: &Sheet<'_>, series: &Series, columns: &[i32], axis: &LogAxis) -> canvas::Drawn {
    let known: Vec<(usize, (i32, i32))> = series
        .points
        .iter()
        .enumerate()
        .filter_map(|(index, ns)| ns.map(|ns| (index, (columns[index], axis.pixel(ns)))))
        .collect();
    for pair in known.windows(2) {
        let ((from, start), (to, end)) = (pair[0], pair[1]);
        // A line that passes over a percentile that is not known must not look as if it showed it.
        if to == from + 1 {
            line(sheet, &[start, end], series.colour, 2)?;
        } else {
            sheet.draw(&DashedPathElement::new([start, end], 5, 5, series.colour))?;
        }
    }
    known.into_iter().try_for_each(|(_, at)| mark(sheet, at, series))
}

fn mark(sheet: &Sheet<'_>, (x, y): (i32, i32), series: &Series) -> canvas::Drawn {
    let style = series.colour.filled();
    match series.shape {
        0 => sheet.draw(&Circle::new((x, y), 4, style)),
        1 => sheet.draw(&Rectangle::new([(x - 4, y - 4), (x + 4, y + 4)], style)),
        _ => sheet.draw(&Polygon::new([(x, y - 5), (x + 5, y + 4), (x - 5, y + 4)], style)),
    }
}

/// A round time: `1 µs`, `500 ns`.
fn mark_in_words(ns: f64) -> String {
    let text = units::time(ns);
    match text.split_once(' ') {
        Some((digits, unit)) if digits.contains('.') => {
            format!("{} {unit}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// Places for names wanted at `wanted` (ascending), at least `apart` from each other and, while there is room, within `(top, bottom)`.
fn spread(wanted: &[i32], apart: i32, (top, bottom): (i32, i32)) -> Vec<i32> {
    let mut places: Vec<i32> = Vec::with_capacity(wanted.len());
    for want in wanted {
        let free = places.last().map_or(top, |last| last + apart);
        places.push((*want).max(free));
    }
    let mut limit = bottom;
    for place in places.iter_mut().rev() {
        *place = (*place).min(limit);
        limit = *place - apart;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_and_their_distance() {
        assert_eq!(spread(&[100, 101, 102], 20, (0, 300)), [100, 120, 140]);
        assert_eq!(spread(&[290, 295], 20, (0, 300)), [280, 300]);
        assert_eq!(spread(&[], 20, (0, 300)), [0; 0]);
    }

    #[test]
    fn marks_are_short() {
        assert_eq!([500.0, 1000.0, 1500.0, 2e6].map(mark_in_words), ["500 ns", "1 µs", "1.5 µs", "2 ms"]);
    }
}
