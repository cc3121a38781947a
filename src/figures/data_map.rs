//! The data map: every training token by how sure the model was of its given label, and how much that varied.
//!
//! After dataset cartography (Swayamdipta et al., EMNLP 2020): confidence is the mean over epochs of the given label's
//! probability, variability its standard deviation. Easy tokens are at the top left, ambiguous ones at the right,
//! hard ones, and with them the wrong labels, at the bottom left. A point a token would be ink without shape at
//! 200,000 tokens; here hexagons are shaded by how many tokens they hold, on a logarithmic scale, and both panels share
//! the shades, so that clean and noisy tokens can be compared.

use std::collections::BTreeMap;
use std::path::Path;

use polars::df;
use polars::prelude::DataFrame;

use super::canvas::{Anchor, Canvas, Point, Stroke, Tag, Text};
use super::columns;
use super::panel::{Area, Panel};
use super::scale::Axis;
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::{AXIS, LABEL_SIZE, SOFT_INK, Style, TICK_SIZE, density};
use crate::Result;
use crate::format::compact;

/// Variability cannot exceed this: half of the range of a probability.
const MOST_VARIABILITY: f64 = 0.5;
/// Hexagons across a panel.
const ACROSS: f64 = 32.0;
/// Shades are rounded to this many: a reader tells no more apart, and hexagons of one shade make one mark.
const SHADES: usize = 24;

/// Tokens of one kind, counted in hexagons.
struct Cloud {
    name: &'static str,
    n: usize,
    mean_confidence: f64,
    /// Column and row of the hexagon → tokens.
    counts: BTreeMap<(i32, i32), u64>,
}

/// Draws the figure of one run from `confidence, variability` (0 to 1, 0 to 0.5) and `noisy`, one row a token; `condition` says
/// of which run: `10 % noise, seed 1`. Without any known noise there is one panel.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(tokens: &DataFrame, condition: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let confidence = columns::numbers(tokens, "confidence")?;
    let variability = columns::numbers(tokens, "variability")?;
    let noisy = columns::optional_numbers(tokens, "noisy")?;
    let rows: Vec<(f64, f64, bool)> = confidence
        .into_iter()
        .zip(variability)
        .zip(&noisy)
        .filter_map(|((confidence, variability), noisy)| Some((variability?, confidence?, noisy.unwrap_or(0.0) > 0.5)))
        .collect();
    let widest = rows.iter().fold(0.0_f64, |top, row| top.max(row.0));
    let x_end = if widest > 0.0 { (widest * 20.0).ceil() / 20.0 } else { MOST_VARIABILITY };
    let has_noise = rows.iter().any(|row| row.2);

    let shape = Shape::new(style, if has_noise { 2 } else { 1 });
    let grid = HexGrid { width: shape.panel_width / ACROSS, x_end, shape };
    let clouds: Vec<Cloud> = if has_noise {
        vec![grid.count("Clean tokens", &rows, |row| !row.2), grid.count("Noisy tokens", &rows, |row| row.2)]
    } else {
        vec![grid.count("Tokens", &rows, |_| true)]
    };
    let most = clouds.iter().flat_map(|cloud| cloud.counts.values()).max().copied().unwrap_or(1);

    let mut sheet = Sheet::new(in_words(&clouds, condition), style);
    let mut areas: Vec<Area> = Vec::new();
    if !style.is_narrow() {
        let row = sheet.take(HEADING + shape.panel_height + Panel::BELOW);
        areas.extend((0..clouds.len()).map(|i| Area {
            x: row.x + Panel::LEFT + i as f64 * (shape.panel_width + Panel::LEFT + 6.0),
            y: row.y + HEADING,
            width: shape.panel_width,
            height: shape.panel_height,
        }));
    } else {
        for _ in &clouds {
            let row = sheet.take(HEADING + shape.panel_height + Panel::BELOW + 3.0);
            let (width, height) = (shape.panel_width, shape.panel_height);
            areas.push(Area { x: row.x + Panel::LEFT, y: row.y + HEADING, width, height });
        }
    }
    for (i, (cloud, area)) in clouds.iter().zip(&areas).enumerate() {
        let bar = if i + 1 == clouds.len() { BAR_ROOM } else { 0.0 };
        let (width, height) = (Panel::LEFT + area.width + bar, HEADING + area.height + Panel::BELOW);
        sheet.canvas.begin(Tag::panel((area.x - Panel::LEFT, area.y - HEADING), width, height));
        let panel = Panel {
            area: *area,
            x: Axis::linear(0.0, x_end, 5, "variability (standard deviation)"),
            y: Axis::linear(0.0, 1.0, 5, "confidence (mean probability)"),
        };
        panel.frame(&mut sheet.canvas, &format!("{} (n = {})", cloud.name, compact(cloud.n as f64)), true);
        grid.draw(&mut sheet.canvas, *area, cloud, most);
        if cloud.n == 0 {
            panel.note(&mut sheet.canvas, "no data");
        }
        if i + 1 == clouds.len() {
            colour_bar(&mut sheet.canvas, *area, most);
        }
        sheet.canvas.end();
    }
    sheet.save(stem, &[("bins", &grid.frame(&clouds)?)])
}

const HEADING: f64 = 13.0;
/// Room right of the last panel for the colour bar, points.
const BAR_ROOM: f64 = 46.0;

/// Size of the panels, points.
#[derive(Clone, Copy)]
struct Shape {
    panel_width: f64,
    panel_height: f64,
}

impl Shape {
    fn new(style: &Style, n_panels: usize) -> Self {
        let width = style.print.width.points() - 12.0 - BAR_ROOM;
        match (style.is_narrow(), n_panels) {
            (false, 2..) => Self { panel_width: (width - 2.0 * Panel::LEFT - 6.0) / 2.0, panel_height: 165.0 },
            (false, _) => Self { panel_width: 260.0, panel_height: 190.0 },
            (true, _) => Self { panel_width: width - Panel::LEFT, panel_height: 118.0 },
        }
    }
}

/// Pointy hexagons that are regular on paper.
struct HexGrid {
    /// Width of a hexagon, points.
    width: f64,
    /// Variability at the right end.
    x_end: f64,
    shape: Shape,
}

impl HexGrid {
    /// Distance of rows, points: three quarters of a hexagon's height.
    fn row_height(&self) -> f64 {
        self.width * 3f64.sqrt() / 2.0
    }

    /// Centre of a hexagon in points from the panel's lower left corner.
    fn centre(&self, (column, row): (i32, i32)) -> Point {
        let shift = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
        ((f64::from(column) + shift) * self.width, f64::from(row) * self.row_height())
    }

    /// The hexagon whose centre is nearest.
    fn hexagon(&self, x: f64, y: f64) -> (i32, i32) {
        let row = (y / self.row_height()).floor() as i32;
        let nearest = [row, row + 1].map(|row| {
            let shift = if row.rem_euclid(2) == 1 { 0.5 } else { 0.0 };
            let hexagon = ((x / self.width - shift).round() as i32, row);
            let (centre_x, centre_y) = self.centre(hexagon);
            ((x - centre_x).powi(2) + (y - centre_y).powi(2), hexagon)
        });
        if nearest[0].0 <= nearest[1].0 { nearest[0].1 } else { nearest[1].1 }
    }

    fn count(&self, name: &'static str, rows: &[(f64, f64, bool)], take: impl Fn(&(f64, f64, bool)) -> bool) -> Cloud {
        let mut cloud = Cloud { name, n: 0, mean_confidence: 0.0, counts: BTreeMap::new() };
        for row in rows.iter().filter(|row| take(row)) {
            let (variability, confidence, _) = *row;
            let x = (variability / self.x_end).clamp(0.0, 1.0) * self.shape.panel_width;
            let y = confidence.clamp(0.0, 1.0) * self.shape.panel_height;
            *cloud.counts.entry(self.hexagon(x, y)).or_default() += 1;
            cloud.n += 1;
            cloud.mean_confidence += (confidence - cloud.mean_confidence) / cloud.n as f64;
        }
        cloud
    }

    fn draw(&self, canvas: &mut Canvas, area: Area, cloud: &Cloud, most: u64) {
        let share = |points: f64, size: f64| (points / size).clamp(0.0, 1.0);
        // A hair of overlap closes the seams between neighbours.
        let radius = self.width / 3f64.sqrt() + 0.12;
        for (hexagon, count) in &cloud.counts {
            let (x, y) = self.centre(*hexagon);
            let corners = (0..6).map(|corner| {
                let (sine, cosine) = (f64::from(corner) * std::f64::consts::FRAC_PI_3).sin_cos();
                // Cut at the panel's edges.
                let x = (x + radius * sine).clamp(0.0, area.width);
                let y = (y + radius * cosine).clamp(0.0, area.height);
                (area.x + x, area.y + area.height - y)
            });
            let colour = density(shade(*count, most) as f64 / SHADES as f64);
            let label = format!(
                "{}; variability {:.2}; confidence {:.2}; n = {count}",
                cloud.name,
                self.x_end * share(x, area.width),
                share(y, area.height)
            );
            canvas.begin(Tag::labelled("cell", label));
            canvas.polygons(vec![corners.collect()], Some(colour.into()), None);
            canvas.end();
        }
    }

    fn frame(&self, clouds: &[Cloud]) -> Result<DataFrame> {
        let mut tokens: Vec<&str> = Vec::new();
        let (mut variability, mut confidence, mut count) = (Vec::new(), Vec::new(), Vec::new());
        for cloud in clouds {
            for (hexagon, n) in &cloud.counts {
                let (x, y) = self.centre(*hexagon);
                tokens.push(cloud.name);
                variability.push(x / self.shape.panel_width * self.x_end);
                confidence.push(y / self.shape.panel_height);
                count.push(*n);
            }
        }
        Ok(df!("tokens" => tokens, "variability" => variability, "confidence" => confidence, "count" => count)?)
    }
}

/// The shade of a count: logarithmic, 0 for one token, `SHADES` for the most.
fn shade(count: u64, most: u64) -> usize {
    if most < 2 {
        return SHADES;
    }
    ((count as f64).ln() / (most as f64).ln() * SHADES as f64).round() as usize
}

fn colour_bar(canvas: &mut Canvas, beside: Area, most: u64) {
    const BAR_WIDTH: f64 = 8.0;
    let x = beside.x + beside.width + 10.0;
    let height = beside.height * 0.75;
    let bottom = beside.y + beside.height;
    for i in 0..=SHADES {
        let step = height / (SHADES + 1) as f64;
        let y = bottom - i as f64 * step;
        // A hair of overlap hides the seams.
        canvas.rectangle(
            (x, y),
            (x + BAR_WIDTH, (y - step - 0.1).max(bottom - height)),
            density(i as f64 / SHADES as f64),
        );
    }
    let mut value = 1u64;
    while value <= most {
        let position = if most > 1 { (value as f64).ln() / (most as f64).ln() } else { 1.0 };
        let y = bottom - position * height;
        canvas.line(vec![(x + BAR_WIDTH, y), (x + BAR_WIDTH + 2.0, y)], Stroke::solid(AXIS, 0.5));
        let label = Text::new(compact(value as f64), (x + BAR_WIDTH + 4.0, y + TICK_SIZE * 0.35), TICK_SIZE, SOFT_INK);
        canvas.text(label);
        let Some(next) = value.checked_mul(10) else { break };
        value = next;
    }
    canvas.text(Text::new("tokens", (x, bottom - height - 5.0), LABEL_SIZE, SOFT_INK).anchor(Anchor::Start));
}

fn in_words(clouds: &[Cloud], condition: &str) -> Words {
    let kinds = if clouds.len() > 1 { "clean and noisy training tokens" } else { "training tokens" };
    let parts: Vec<String> = clouds
        .iter()
        .filter(|cloud| cloud.n > 0)
        .map(|cloud| format!("{}: {} with mean confidence {:.3}", cloud.name, cloud.n, cloud.mean_confidence))
        .collect();
    Words {
        title: match condition.is_empty() {
            true => format!("Data map of {kinds}"),
            false => format!("Data map of {kinds} ({condition})"),
        },
        caption: format!(
            "Training tokens{} by the mean (confidence) and the standard deviation (variability) over epochs of the \
             probability of their given label. Darker hexagons hold more tokens; the scale is logarithmic and the same for \
             all panels.",
            if condition.is_empty() { String::new() } else { format!(" ({condition})") }
        ),
        alt: if parts.is_empty() { "No data.".into() } else { format!("{}.", parts.join("; ")) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_point_is_counted_in_the_hexagon_around_it(x in 0.0..200.0f64, y in 0.0..200.0f64) {
            let grid =
                HexGrid { width: 7.0, x_end: 0.5, shape: Shape { panel_width: 200.0, panel_height: 200.0 } };
            let (centre_x, centre_y) = grid.centre(grid.hexagon(x, y));
            prop_assert!((x - centre_x).hypot(y - centre_y) <= 7.0 / 3f64.sqrt() + 1e-9);
        }
    }

    #[test]
    fn shades_grow_with_counts() {
        assert_eq!(shade(1, 1000), 0);
        assert_eq!(shade(1000, 1000), SHADES);
        assert!(shade(10, 1000) < shade(100, 1000));
    }
}
