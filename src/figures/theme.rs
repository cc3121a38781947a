//! One look for all figures: sizes, colours, dashes.
//!
//! Sizes are those of a printed page: text of at least 7 points in a figure as wide as it is printed, whatever its width.
//! Text has a contrast of at least 4.5 to 1 against its ground, lines and markers of at least 3 to 1 (WCAG 2.1, 1.4.3 and
//! 1.4.11). Colours differ in lightness first and in hue second, so that they stay apart in a grey print and for every kind of colour vision;
//! lines differ in their dashes as well.

use super::canvas::{Colour, Stroke};

/// How wide a figure is printed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Width {
    /// One column of a two-column paper: 8.4 cm. Panels stand one above the other.
    Column,
    /// The width of a page's text: 17.5 cm. Panels stand side by side.
    #[default]
    Full,
    /// So many points of 1/72 inch. Panels stand one above the other below 340.
    Points(f64),
}

impl Width {
    /// In points.
    pub fn points(self) -> f64 {
        match self {
            Self::Column => 238.0,
            Self::Full => 496.0,
            Self::Points(points) => points.clamp(LEAST_WIDTH, GREATEST_WIDTH),
        }
    }

    /// Whether panels stand one above the other.
    pub fn is_narrow(self) -> bool {
        self.points() < 340.0
    }
}

/// Narrowest figure in which axes and their titles have room, points.
pub const LEAST_WIDTH: f64 = 180.0;
/// Widest figure, points.
pub const GREATEST_WIDTH: f64 = 1200.0;

/// How the figures of a report are printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Print {
    /// How wide they are.
    pub width: Width,
    /// Whether title and subtitle stand above them; else the caption begins with the subtitle.
    pub title: bool,
    /// Whether there is a PDF file beside SVG and PNG.
    pub pdf: bool,
}

impl Default for Print {
    fn default() -> Self {
        Self { width: Width::Full, title: true, pdf: false }
    }
}

/// What all figures of a study share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Style {
    /// How they are printed.
    pub print: Print,
    /// The data were generated: said under the title.
    pub synthetic: bool,
    /// Data and model in a few words, under the title: `CoNLL03, bert-tiny, 20 epochs`.
    pub subtitle: String,
}

impl Style {
    /// The style of figures of a width, with titles.
    pub fn of_width(width: Width, synthetic: bool, subtitle: impl Into<String>) -> Self {
        Self { print: Print { width, ..Print::default() }, synthetic, subtitle: subtitle.into() }
    }

    /// Whether panels stand one above the other.
    pub fn is_narrow(&self) -> bool {
        self.print.width.is_narrow()
    }
}

/// Size of a figure's title, points.
pub const TITLE_SIZE: f64 = 9.0;
/// Size of axis titles, panel titles and direct labels, points.
pub const LABEL_SIZE: f64 = 7.5;
/// Size of tick labels and notes, points.
pub const TICK_SIZE: f64 = 7.0;
/// Width of a curve, points.
pub const LINE: f64 = 1.3;

/// Titles and labels.
pub const INK: Colour = Colour(0x1a, 0x1a, 0x1a);
/// Tick labels and subtitles.
pub const SOFT_INK: Colour = Colour(0x55, 0x55, 0x55);
/// Axis lines.
pub const AXIS: Colour = Colour(0x80, 0x80, 0x80);
/// Grid lines.
pub const GRID: Colour = Colour(0xe6, 0xe6, 0xe6);
/// Text on a coloured ground that is too dark for ink and too light for white.
const BLACK: Colour = Colour(0, 0, 0);
/// Paper.
pub const WHITE: Colour = Colour(0xff, 0xff, 0xff);
/// Clean tokens: dark blue.
pub const CLEAN: Colour = Colour(0x1f, 0x4e, 0x8c);
/// Noisy tokens: orange, much lighter than [`CLEAN`].
pub const NOISY: Colour = Colour(0xd6, 0x7e, 0x0c);

/// Light to dark: amber, rose, plum, near black. Luma falls all the way.
const RAMP: [Colour; 4] =
    [Colour(0xd1, 0x7f, 0x0f), Colour(0xbd, 0x3f, 0x54), Colour(0x6b, 0x25, 0x75), Colour(0x17, 0x0d, 0x33)];

/// Light to dark blue-grey, for densities.
const DENSITY: [Colour; 3] = [Colour(0xdd, 0xe7, 0xf1), Colour(0x5b, 0x8f, 0xbf), Colour(0x0b, 0x22, 0x4a)];

const DASHES: [&[f64]; 6] = [&[], &[5.0, 1.8], &[2.2, 1.4], &[6.5, 1.6, 1.4, 1.6], &[1.1, 1.3], &[8.0, 2.4]];

/// Hues without an order that colour-blind readers tell apart (after Okabe and Ito, the light ones darkened), a dark one beside
/// a light one.
const HUES: [Colour; 7] = [
    Colour(0x00, 0x5a, 0x9c),
    Colour(0xd1, 0x7a, 0x00),
    Colour(0x00, 0x7f, 0x5f),
    Colour(0xc0, 0x6a, 0x98),
    Colour(0x1a, 0x1a, 0x1a),
    Colour(0x3d, 0x93, 0xcf),
    Colour(0xb8, 0x4a, 0x00),
];

fn along(ramp: &[Colour], share: f64) -> Colour {
    let position = share.clamp(0.0, 1.0) * (ramp.len() - 1) as f64;
    let i = (position.floor() as usize).min(ramp.len() - 2);
    ramp[i].towards(ramp[i + 1], position - i as f64)
}

/// The shade of a density, `share` from 0 (least) to 1 (most).
pub fn density(share: f64) -> Colour {
    along(&DENSITY, share)
}

/// The colour of text on a shade.
pub fn on_ground(ground: Colour) -> Colour {
    if WHITE.contrast(ground) > BLACK.contrast(ground) { WHITE } else { BLACK }
}

/// The line of member `index` of an ordered family of `n` (noise levels, class sizes, layers): lighter first, each
/// with dashes of its own.
pub fn ordered(index: usize, n: usize) -> Stroke {
    // One member alone is drawn dark and solid.
    let share = if n < 2 { 0.9 } else { index as f64 / (n - 1) as f64 };
    let dash = if n < 2 { DASHES[0] } else { DASHES[(n - 1 - index.min(n - 1)) % DASHES.len()] };
    Stroke { colour: along(&RAMP, share), width: LINE, dash }
}

/// The line of a member of a family without an order (encoders): each with hue and dashes of its own.
pub fn category(index: usize) -> Stroke {
    Stroke { colour: HUES[index % HUES.len()], width: LINE, dash: DASHES[index % DASHES.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_levels_differ_in_grey_by_more_than_a_printer_needs() {
        let greys: Vec<f64> = (0..6).map(|i| ordered(i, 6).colour.grey()).collect();
        assert!(greys.windows(2).all(|pair| pair[0] - pair[1] > 0.07), "{greys:?}");
    }

    #[test]
    fn text_and_lines_stand_out_against_their_ground() {
        let text = [(INK, WHITE), (SOFT_INK, WHITE)].into_iter();
        let cells = (0..=100).map(|step| density(f64::from(step) / 100.0)).map(|ground| (on_ground(ground), ground));
        for (ink, ground) in text.chain(cells) {
            assert!(ink.contrast(ground) >= 4.5, "{ink:?} on {ground:?}: {}", ink.contrast(ground));
        }
        let ordered = (1..=12).flat_map(|n| (0..n).map(move |i| ordered(i, n).colour));
        let lines = ordered.chain((0..HUES.len()).map(|i| category(i).colour)).chain([AXIS, CLEAN, NOISY]);
        for colour in lines {
            assert!(colour.contrast(WHITE) >= 3.0, "{colour:?}: {}", colour.contrast(WHITE));
        }
    }

    #[test]
    fn no_text_is_smaller_than_seven_points() {
        assert!([TITLE_SIZE, LABEL_SIZE, TICK_SIZE].into_iter().all(|size| size >= 7.0));
    }

    #[test]
    fn six_levels_differ_in_dashes() {
        let mut dashes: Vec<_> = (0..6).map(|i| format!("{:?}", ordered(i, 6).dash)).collect();
        dashes.sort();
        dashes.dedup();
        assert_eq!(dashes.len(), 6);
    }

    #[test]
    fn forty_members_without_order_differ() {
        let mut lines: Vec<_> = (0..40).map(|i| format!("{:?}", category(i))).collect();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), 40);
        let neighbours = (0..7).map(|i| (category(i).colour.grey() - category(i + 1).colour.grey()).abs());
        assert!(neighbours.clone().all(|apart| apart > 0.1), "{:?}", neighbours.collect::<Vec<_>>());
    }

    #[test]
    fn clean_and_noisy_differ_in_grey() {
        assert!(NOISY.grey() - CLEAN.grey() > 0.25);
    }
}
