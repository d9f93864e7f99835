//! Figures of several methods over the same few places: a line a method, on a logarithmic axis, its name at its end.

use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::PlotError;
use super::axis::{LogAxis, Round, drawable};
use super::canvas::{self, GRID, Hold, INK, MUTED, Plot, Sheet, WIDTH, line, name, room, write, write_name};

const TOP: i32 = 16;
/// Below the axis: the percentiles.
const BOTTOM: i32 = 52;
/// Left of the axis: times.
const LEFT: i32 = 78;
/// Pixels between two names of the legend, at least.
const LINE: i32 = 19;
/// Told apart by shape as well: not every reader sees every colour.
pub(super) const COLOURS: [RGBColor; 9] = [
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

/// What is to be drawn.
pub struct Lines<'a> {
    /// What it is, for who cannot see it.
    pub title: String,
    /// The places, from left to right.
    pub labels: Vec<&'a str>,
    /// What lies below the places.
    pub caption: &'a str,
    /// Which values are round.
    pub round: Round,
    /// A value of the axis in words.
    pub in_words: fn(f64) -> String,
    /// Each method's name, and its figure at each place.
    pub series: Vec<(&'a str, Vec<Option<f64>>)>,
    /// Where something changes, between the places: 1.5 is half way from the second to the third.
    pub turns: Vec<f64>,
    /// What else lies between the places, with its name.
    pub marks: Vec<(f64, String)>,
}

struct Series {
    name: String,
    points: Vec<Option<f64>>,
    colour: RGBColor,
    shape: usize,
}

impl Series {
    /// The last figure that is known, where the name stands, and its place.
    fn end(&self) -> (usize, f64) {
        let mut known = self.points.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)));
        known.next_back().unwrap_or_default()
    }
}

/// The plot of `lines`; `None` if there is nothing to draw.
pub fn plot(lines: &Lines<'_>) -> Result<Option<Plot>, PlotError> {
    let mut series: Vec<Series> = lines
        .series
        .iter()
        .enumerate()
        .map(|(index, (method, points))| Series {
            name: name(method),
            points: points.iter().map(|value| value.filter(|value| drawable(*value))).collect(),
            colour: COLOURS[index % COLOURS.len()],
            shape: index % 3,
        })
        .collect();
    let height = (TOP + BOTTOM + LINE * series.len() as i32 + 20).max(330);
    let span = (height - BOTTOM, TOP);
    let values = series.iter().flat_map(|series| series.points.iter().copied()).flatten();
    let Some(axis) = LogAxis::over(values, 4.0, span).map(|axis| axis.marked(lines.round)) else {
        return Ok(None);
    };
    // The legend stands beside the lines' ends, in their order.
    series.sort_by(|a, b| b.end().1.total_cmp(&a.end().1));
    Plot::draw(lines.title.clone(), height as u32, |sheet| draw(sheet, lines, &series, &axis, height)).map(Some)
}

fn draw(sheet: &Sheet<'_>, lines: &Lines<'_>, series: &[Series], axis: &LogAxis, height: i32) -> canvas::Drawn {
    let bottom = height - BOTTOM;
    let right = WIDTH as i32 - room(series.iter().map(|series| series.name.as_str())) - 56;
    for mark in axis.marks() {
        let y = axis.pixel(mark);
        line(sheet, &[(LEFT - 5, y), (right, y)], GRID, 1)?;
        write(sheet, &short(&(lines.in_words)(mark)), (LEFT - 10, y), Hold::Right, MUTED)?;
    }
    let places = lines.labels.len() as i32;
    let step = (right - LEFT - 60) / (places - 1).max(1);
    let columns: Vec<i32> = (0..places).map(|index| LEFT + 30 + index * step).collect();
    for turn in &lines.turns {
        let x = LEFT + 30 + (turn * f64::from(step)).round() as i32;
        sheet.draw(&DashedPathElement::new([(x, TOP), (x, bottom)], 3, 4, MUTED))?;
    }
    for (place, word) in &lines.marks {
        let x = LEFT + 30 + (place * f64::from(step)).round() as i32;
        line(sheet, &[(x, TOP + 14), (x, bottom)], MUTED.mix(0.5), 2)?;
        write(sheet, word, (x, TOP + 4), Hold::Middle, MUTED)?;
    }
    for (x, name) in columns.iter().zip(&lines.labels) {
        line(sheet, &[(*x, TOP), (*x, bottom + 5)], GRID, 1)?;
        write(sheet, name, (*x, bottom + 16), Hold::Middle, MUTED)?;
    }
    line(sheet, &[(LEFT, TOP), (LEFT, bottom)], MUTED, 1)?;
    line(sheet, &[(LEFT, bottom), (right, bottom)], MUTED, 1)?;
    write(sheet, lines.caption, ((LEFT + right) / 2, bottom + 38), Hold::Middle, MUTED)?;
    let ends: Vec<i32> = series.iter().map(|series| axis.pixel(series.end().1)).collect();
    let places = spread(&ends, LINE, (TOP + 4, bottom - 4));
    for ((series, end), place) in series.iter().zip(ends).zip(places) {
        draw_series(sheet, series, &columns, axis)?;
        let from = columns[series.end().0] + 8;
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

/// A round figure without the zeros behind its point: `1 µs`, `500 ns`.
pub fn short(text: &str) -> String {
    match text.split_once(' ') {
        Some((digits, unit)) if digits.contains('.') => {
            format!("{} {unit}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

/// Places for names wanted at `wanted` (ascending), at least `apart` from each other and, while there is room, within `(top, bottom)`.
pub(super) fn spread(wanted: &[i32], apart: i32, (top, bottom): (i32, i32)) -> Vec<i32> {
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
        assert_eq!(["500 ns", "1.00 µs", "1.50 µs", "2.0 MiB"].map(short), ["500 ns", "1 µs", "1.5 µs", "2 MiB"]);
    }
}
