//! What is drawn on, and how does it become SVG that can stand in a page or in a file?

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;

/// Words and axes.
pub const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
/// Words that matter less.
pub const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6e);
/// Lines of the grid.
pub const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xeb);
/// The band of the margin.
pub const BAND: RGBColor = RGBColor(0xee, 0xf1, 0xf5);
/// Every plot's width in pixels.
pub const WIDTH: u32 = 920;
/// The size of a text, in pixels.
pub const TEXT: f64 = 13.0;
/// Room for one letter of a method's name, in pixels: monospace fonts take 0.6 of their size, a few of them a little more.
const LETTER: f64 = 0.63 * TEXT;
/// Longer names are cut.
const LONGEST_NAME: usize = 44;

/// Where a text is held: at its left end, its middle or its right end, always at half its height.
#[derive(Clone, Copy, Debug)]
pub enum Hold {
    /// The text runs to the right.
    Left,
    /// The text is centred.
    Middle,
    /// The text runs to the left.
    Right,
}

/// A sheet of SVG, in pixels.
pub type Sheet<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing on it gives.
pub type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A finished plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    title: String,
    height: u32,
    body: String,
}

impl Plot {
    /// Lets `draw` fill a white sheet of `height` pixels. White, whatever the page's colours are: the plot's own are made for it.
    pub fn draw(title: String, height: u32, draw: impl FnOnce(&Sheet<'_>) -> Drawn) -> Result<Self, PlotError> {
        let mut text = String::new();
        let outcome = {
            let sheet = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
            sheet.fill(&WHITE).and_then(|()| draw(&sheet)).and_then(|()| sheet.present())
        };
        outcome.map_err(|error| PlotError { what: title.clone(), why: error.to_string() })?;
        // The library's head fixes the size in pixels; ours lets the page decide.
        let body = text.split_once('>').map_or("", |(_, rest)| rest);
        let body = body.rsplit_once("</svg>").map_or(body, |(inner, _)| inner);
        Ok(Self { title, height, body: body.trim().to_owned() })
    }

    /// For a page: as wide as its place, and no reference outside.
    pub fn inline(&self) -> String {
        self.svg("class=\"plot\"")
    }

    /// For a file of its own.
    pub fn standalone(&self) -> String {
        let size = format!("xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\"", self.height);
        self.svg(&size) + "\n"
    }

    fn svg(&self, attributes: &str) -> String {
        let (title, height) = (escaped(&self.title), self.height);
        format!(
            "<svg {attributes} viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n{}\n</svg>",
            self.body
        )
    }
}

/// `text` with what XML would obey made plain, and what XML has no letter for left out (XML 1.0, section 2.2).
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '"' => plain.push_str("&quot;"),
            '\'' => plain.push_str("&#39;"),
            letter if letter.is_control() => plain.push(' '),
            letter => plain.push(letter),
        }
    }
    plain
}

/// A method's name as it fits beside a plot.
pub fn name(method: &str) -> String {
    let clean: String = method.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if clean.chars().count() <= LONGEST_NAME {
        return clean;
    }
    clean.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}

/// Pixels that the longest of `names` takes.
pub fn room<'a>(names: impl Iterator<Item = &'a str>) -> i32 {
    let letters = names.map(|name| name.chars().count()).max().unwrap_or(0);
    (letters as f64 * LETTER).ceil() as i32
}

/// Writes `text` at `at`.
pub fn write(sheet: &Sheet<'_>, text: &str, at: (i32, i32), hold: Hold, colour: RGBColor) -> Drawn {
    write_in(sheet, text, at, hold, colour, FontFamily::SansSerif)
}

/// Writes a method's name at `at`, in letters of equal width.
pub fn write_name(sheet: &Sheet<'_>, name: &str, at: (i32, i32), hold: Hold, colour: RGBColor) -> Drawn {
    write_in(sheet, name, at, hold, colour, FontFamily::Monospace)
}

fn write_in(
    sheet: &Sheet<'_>,
    text: &str,
    at: (i32, i32),
    hold: Hold,
    colour: RGBColor,
    family: FontFamily<'_>,
) -> Drawn {
    let side = match hold {
        Hold::Left => HPos::Left,
        Hold::Middle => HPos::Center,
        Hold::Right => HPos::Right,
    };
    // The backend divides the size by 1.24 (plotters-svg, `draw_text`).
    let style = TextStyle::from((family, TEXT * 1.24).into_font()).color(&colour).pos(Pos::new(side, VPos::Center));
    sheet.draw(&Text::new(text, at, style))
}

/// A line through `points`.
pub fn line(sheet: &Sheet<'_>, points: &[(i32, i32)], colour: impl Color, width: u32) -> Drawn {
    sheet.draw(&PathElement::new(points.to_vec(), colour.stroke_width(width)))
}
