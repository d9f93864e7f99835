//! How do several figures of several methods go on over the same time? A panel a figure, one below the other, on axes from zero.

use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::PlotError;
use super::canvas::{self, GRID, Hold, INK, MUTED, Plot, Sheet, WIDTH, line, name, room, write, write_name};
use super::lines::{COLOURS, short, spread};

/// Above a panel: its caption.
const HEAD: i32 = 30;
/// Below the last panel: seconds.
const BOTTOM: i32 = 46;
/// Left of the axes.
const LEFT: i32 = 78;
/// Pixels between two names of the legend.
const LINE: i32 = 19;
/// Pixels between two marks of an axis, at least.
const APART: i32 = 26;

/// What is to be drawn.
pub struct Panels<'a> {
    /// What it is, for who cannot see it.
    pub title: String,
    /// What lies below the last panel.
    pub caption: &'a str,
    /// Where the time ends, in seconds.
    pub seconds: f64,
    /// Each method, and the moment in seconds that is marked on its first curve.
    pub methods: Vec<(&'a str, Option<f64>)>,
    /// From top to bottom.
    pub panels: Vec<Panel<'a>>,
}

/// One figure of all methods.
pub struct Panel<'a> {
    /// What it is.
    pub caption: &'a str,
    /// Pixels from its lowest value to its highest.
    pub height: i32,
    /// A value of its axis in words.
    pub in_words: fn(f64) -> String,
    /// Of each method, in the order of [`Panels::methods`], its curves: the first is drawn strong. Seconds and values.
    pub curves: Vec<Vec<Vec<(f64, f64)>>>,
}

impl Panel<'_> {
    fn most(&self) -> f64 {
        self.curves
            .iter()
            .flatten()
            .flatten()
            .map(|point| point.1)
            .filter(|value| value.is_finite())
            .fold(0.0, f64::max)
    }
}

/// The drawing; `None` if no panel has anything to show. A panel that has nothing is left out.
pub fn plot(panels: &Panels<'_>) -> Result<Option<Plot>, PlotError> {
    let shown: Vec<&Panel<'_>> = panels.panels.iter().filter(|panel| panel.most() > 0.0).collect();
    if shown.is_empty() || panels.seconds <= 0.0 {
        return Ok(None);
    }
    let height = shown.iter().map(|panel| HEAD + panel.height).sum::<i32>() + BOTTOM;
    Plot::draw(panels.title.clone(), height as u32, |sheet| draw(sheet, panels, &shown)).map(Some)
}

fn draw(sheet: &Sheet<'_>, panels: &Panels<'_>, shown: &[&Panel<'_>]) -> canvas::Drawn {
    let names: Vec<String> = panels.methods.iter().map(|(method, _)| name(method)).collect();
    let right = WIDTH as i32 - room(names.iter().map(String::as_str)) - 56;
    let at = |seconds: f64| LEFT + (seconds / panels.seconds * f64::from(right - LEFT)).round() as i32;
    let seconds = steps(panels.seconds, (right - LEFT) / 50);
    let mut top = 0;
    for (index, panel) in shown.iter().enumerate() {
        let (from, to) = (top + HEAD + panel.height, top + HEAD);
        let most = panel.most() * 1.05;
        let pixel = |value: f64| from - (value / most * f64::from(from - to)).round() as i32;
        write(sheet, panel.caption, (LEFT, top + 16), Hold::Left, INK)?;
        for value in steps(most, panel.height / APART) {
            line(sheet, &[(LEFT - 5, pixel(value)), (right, pixel(value))], GRID, 1)?;
            write(sheet, &short(&(panel.in_words)(value)), (LEFT - 10, pixel(value)), Hold::Right, MUTED)?;
        }
        for second in &seconds {
            line(sheet, &[(at(*second), to), (at(*second), from + 4)], GRID, 1)?;
        }
        line(sheet, &[(LEFT, to), (LEFT, from), (right, from)], MUTED, 1)?;
        for (method, (_, moment)) in panels.methods.iter().enumerate() {
            if let Some(x) = moment.map(at) {
                sheet.draw(&DashedPathElement::new([(x, to), (x, from)], 4, 4, colour(method).mix(0.7)))?;
            }
        }
        for (method, curves) in panel.curves.iter().enumerate() {
            for (turn, curve) in curves.iter().enumerate().rev() {
                let points: Vec<(i32, i32)> = curve
                    .iter()
                    .filter(|point| point.1.is_finite())
                    .map(|point| (at(point.0), pixel(point.1)))
                    .collect();
                let (strength, width) = if turn == 0 { (1.0, 2) } else { (0.4, 1) };
                line(sheet, &points, colour(method).mix(strength), width)?;
            }
        }
        if index == 0 {
            legend(sheet, panels, panel, &names, (right, to, from), &pixel)?;
            rings(sheet, panels, panel, &at, &pixel)?;
        }
        top = from;
    }
    for second in &seconds {
        write(sheet, &format!("{second} s"), (at(*second), top + 14), Hold::Middle, MUTED)?;
    }
    write(sheet, panels.caption, ((LEFT + right) / 2, top + 34), Hold::Middle, MUTED)
}

fn colour(method: usize) -> RGBColor {
    COLOURS[method % COLOURS.len()]
}

/// The names beside the curves' ends, in their order.
fn legend(
    sheet: &Sheet<'_>,
    panels: &Panels<'_>,
    panel: &Panel<'_>,
    names: &[String],
    (right, to, from): (i32, i32, i32),
    pixel: &impl Fn(f64) -> i32,
) -> canvas::Drawn {
    let end = |method: usize| panel.curves.get(method)?.first()?.last().map(|point| pixel(point.1));
    let mut ends: Vec<(i32, usize)> =
        (0..panels.methods.len()).filter_map(|method| end(method).map(|end| (end, method))).collect();
    ends.sort_unstable();
    let wanted: Vec<i32> = ends.iter().map(|(end, _)| *end).collect();
    for ((end, method), place) in ends.iter().zip(spread(&wanted, LINE, (to + 4, from - 4))) {
        line(sheet, &[(right, *end), (right + 14, place), (right + 34, place)], colour(*method), 2)?;
        write_name(sheet, &names[*method], (right + 40, place), Hold::Left, INK)?;
    }
    Ok(())
}

/// A ring on each first curve at its moment.
fn rings(
    sheet: &Sheet<'_>,
    panels: &Panels<'_>,
    panel: &Panel<'_>,
    at: &impl Fn(f64) -> i32,
    pixel: &impl Fn(f64) -> i32,
) -> canvas::Drawn {
    for (method, (_, moment)) in panels.methods.iter().enumerate() {
        let first = panel.curves.get(method).and_then(|curves| curves.first());
        let point = moment.zip(first).and_then(|(moment, curve)| curve.iter().find(|point| point.0 >= moment));
        if let Some((seconds, value)) = point {
            let place = (at(*seconds), pixel(*value));
            sheet.draw(&Circle::new(place, 6, WHITE.filled()))?;
            sheet.draw(&Circle::new(place, 6, colour(method).stroke_width(2)))?;
        }
    }
    Ok(())
}

/// Round values from zero to `most`, `count` of them at the most, and never fewer than two.
fn steps(most: f64, count: i32) -> Vec<f64> {
    let least = most / f64::from(count.max(2));
    let decade = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|part| part * decade).find(|step| *step >= least);
    let step = step.unwrap_or(10.0 * decade);
    (0..).map(|index| f64::from(index) * step).take_while(|value| *value <= most * (1.0 + 1e-9)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_an_axis_are_round_and_begin_at_zero() {
        assert_eq!(steps(5.0, 10), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]);
        assert_eq!(steps(82_000.0, 5), [0.0, 20_000.0, 40_000.0, 60_000.0, 80_000.0]);
        assert_eq!(steps(1.05, 3), [0.0, 0.5, 1.0]);
    }
}
