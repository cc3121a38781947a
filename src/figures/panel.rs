//! A panel: a box with two axes, and lines, bands and labels placed by value.

use super::canvas::{Anchor, Canvas, Colour, Fill, Point, Stroke, Tag, Text, disc};
use super::place;
use super::scale::Axis;
use super::theme::{AXIS, GRID, INK, LABEL_SIZE, SOFT_INK, TICK_SIZE};

/// A box on the canvas, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// `n` boxes of equal width side by side, `gap` points between them.
    pub fn columns(self, n: usize, gap: f64) -> Vec<Self> {
        let width = (self.width - gap * (n.max(1) - 1) as f64) / n.max(1) as f64;
        (0..n).map(|i| Self { x: self.x + i as f64 * (width + gap), width, ..self }).collect()
    }

    /// `n` boxes of equal height one above the other, `gap` points between them.
    pub fn rows(self, n: usize, gap: f64) -> Vec<Self> {
        let height = (self.height - gap * (n.max(1) - 1) as f64) / n.max(1) as f64;
        (0..n).map(|i| Self { y: self.y + i as f64 * (height + gap), height, ..self }).collect()
    }

    /// The box without margins: left, top, right, bottom.
    pub fn inset(self, left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(1.0),
            height: (self.height - top - bottom).max(1.0),
        }
    }
}

/// Shape of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A filled disc.
    Disc,
    /// A disc with a white inside.
    Circle,
    /// A filled triangle that points up.
    Triangle,
    /// A filled square.
    Square,
    /// A filled diamond.
    Diamond,
    /// A diagonal cross.
    Cross,
    /// A circle with an arrow up.
    AtLeast,
    /// A circle with an arrow down.
    AtMost,
}

/// A label for the end of a line.
#[derive(Debug, Clone, PartialEq)]
pub struct EndLabel {
    /// What it says.
    pub text: String,
    /// The value at the line's end, on the y axis.
    pub at: f64,
    /// Where the line ends, on the x axis.
    pub end: f64,
    /// The line's colour.
    pub colour: Colour,
}

/// A box with two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The box the data fill; tick labels and titles stand outside of it.
    pub area: Area,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
}

impl Panel {
    /// Room at the left for tick labels and the title of the y axis, points.
    pub const LEFT: f64 = 34.0;
    /// Room below for tick labels and the title of the x axis, points.
    pub const BELOW: f64 = 27.0;

    /// Where a pair of values lies; null if an axis has no place for it. Values beyond an axis are put at its end.
    pub fn point(&self, x: f64, y: f64) -> Option<Point> {
        let across = self.x.position(x)?.clamp(0.0, 1.0);
        let up = self.y.position(y)?.clamp(0.0, 1.0);
        Some((self.area.x + across * self.area.width, self.area.y + (1.0 - up) * self.area.height))
    }

    /// Draws grid, axes, ticks and titles. `heading` stands above the box; `x_labels` can be left to a panel below.
    pub fn frame(&self, canvas: &mut Canvas, heading: &str, x_labels: bool) {
        let Area { x, y, width, height } = self.area;
        let bottom = y + height;
        let mut widest: f64 = 0.0;
        for tick in &self.y.ticks {
            let Some(position) = self.y.position(tick.value) else { continue };
            let at = bottom - position * height;
            if tick.label.is_empty() {
                continue;
            }
            canvas.line(vec![(x, at), (x + width, at)], Stroke::solid(GRID, 0.5));
            let label = Text::new(&tick.label, (x - 3.5, at + TICK_SIZE * 0.35), TICK_SIZE, SOFT_INK);
            widest = widest.max(label.width());
            canvas.text(label.anchor(Anchor::End));
        }
        canvas.line(vec![(x, y), (x, bottom), (x + width, bottom)], Stroke::solid(AXIS, 0.6));
        if x_labels {
            x_axis(canvas, self.area, &self.x);
        }
        let place = (x - widest - 8.0, y + height / 2.0);
        canvas.text(Text::new(&self.y.title, place, LABEL_SIZE, INK).anchor(Anchor::Middle).rotated());
        canvas.text(Text::new(heading, (x, y - 5.0), LABEL_SIZE, INK).bold());
    }

    /// A line through values, broken where one has no place.
    pub fn line(&self, canvas: &mut Canvas, values: impl IntoIterator<Item = (f64, f64)>, stroke: Stroke) {
        let mut piece = Vec::new();
        for (x, y) in values {
            match self.point(x, y) {
                Some(point) => piece.push(point),
                None => canvas.line(std::mem::take(&mut piece), stroke),
            }
        }
        canvas.line(piece, stroke);
    }

    /// The area between two lines over the same places: `(x, low, high)`.
    pub fn band(&self, canvas: &mut Canvas, values: &[(f64, f64, f64)], fill: Fill) {
        let upper = values.iter().filter_map(|&(x, _, high)| self.point(x, high));
        let lower = values.iter().rev().filter_map(|&(x, low, _)| self.point(x, low));
        let outline: Vec<Point> = upper.chain(lower).collect();
        if outline.len() > 3 {
            canvas.polygons(vec![outline], Some(fill), None);
        }
    }

    /// A marker at a pair of values, `radius` points large, with a white rim that parts it from lines below.
    pub fn marker(&self, canvas: &mut Canvas, (x, y): (f64, f64), marker: Marker, radius: f64, colour: Colour) {
        if let Some(point) = self.point(x, y) {
            draw_marker(canvas, point, marker, radius, colour);
        }
    }

    /// Writes labels right of the box beside the ends of their lines, moved apart where they would touch. False, and
    /// nothing drawn, if there is not enough height for all.
    pub fn end_labels(&self, canvas: &mut Canvas, labels: &[EndLabel]) -> bool {
        let ends: Vec<(Point, &EndLabel)> =
            labels.iter().filter_map(|label| Some((self.point(label.end, label.at)?, label))).collect();
        let wanted: Vec<f64> = ends.iter().map(|((_, y), _)| *y).collect();
        let Area { x, y, width, height } = self.area;
        let Some(placed) = place::spread(&wanted, LABEL_SIZE + 1.0, y - 4.0, y + height + 4.0) else { return false };
        for (((end_x, end_y), label), centre) in ends.into_iter().zip(placed) {
            let text_x = x + width + 9.0;
            canvas.begin(Tag::line(&label.text));
            let leader = Stroke::solid(label.colour.towards(super::theme::WHITE, 0.35), 0.5);
            canvas.line(vec![(end_x + 1.5, end_y), (x + width + 2.5, end_y), (text_x - 1.5, centre)], leader);
            canvas.text(Text::new(&label.text, (text_x, centre + LABEL_SIZE * 0.35), LABEL_SIZE, INK));
            canvas.end();
        }
        true
    }

    /// Says in the middle of the box why it is empty.
    pub fn note(&self, canvas: &mut Canvas, text: &str) {
        let Area { x, y, width, height } = self.area;
        let lines = super::font::wrap(text, LABEL_SIZE, super::font::Weight::Regular, width - 10.0);
        let first = y + height / 2.0 - (lines.len() as f64 - 1.0) * 5.0 + LABEL_SIZE * 0.35;
        for (i, line) in lines.into_iter().enumerate() {
            let place = (x + width / 2.0, first + 10.0 * i as f64);
            canvas.text(Text::new(line, place, LABEL_SIZE, SOFT_INK).anchor(Anchor::Middle));
        }
    }
}

/// Ticks, their labels and the title of a horizontal axis below a box.
pub fn x_axis(canvas: &mut Canvas, area: Area, axis: &Axis) {
    let bottom = area.y + area.height;
    for tick in &axis.ticks {
        let Some(position) = axis.position(tick.value) else { continue };
        let at = area.x + position * area.width;
        let length = if tick.label.is_empty() { 1.5 } else { 3.0 };
        canvas.line(vec![(at, bottom), (at, bottom + length)], Stroke::solid(AXIS, 0.5));
        let label = Text::new(&tick.label, (at, bottom + 3.5 + TICK_SIZE), TICK_SIZE, SOFT_INK);
        canvas.text(label.anchor(Anchor::Middle));
    }
    let place = (area.x + area.width / 2.0, bottom + 3.5 + 2.0 * TICK_SIZE + 3.5);
    canvas.text(Text::new(&axis.title, place, LABEL_SIZE, INK).anchor(Anchor::Middle));
}

/// Draws a marker at a point of the canvas.
pub fn draw_marker(canvas: &mut Canvas, at: Point, marker: Marker, radius: f64, colour: Colour) {
    let white = super::theme::WHITE;
    match marker {
        Marker::Circle => draw_open(canvas, at, Marker::Disc, radius, colour),
        Marker::AtLeast | Marker::AtMost => {
            draw_arrow(canvas, at, marker == Marker::AtLeast, colour);
            draw_open(canvas, at, Marker::Disc, radius, colour);
        }
        Marker::Cross => {
            let (x, y) = at;
            for side in [-radius, radius] {
                canvas.line(vec![(x - radius, y - side), (x + radius, y + side)], Stroke::solid(colour, 1.0));
            }
        }
        _ => {
            let outline = outline(at, marker, radius);
            canvas.polygons(vec![outline.clone()], None, Some(Stroke::solid(white, 1.2)));
            canvas.polygons(vec![outline], Some(colour.into()), None);
        }
    }
}

/// Draws a marker of a shape with a white inside.
pub fn draw_open(canvas: &mut Canvas, at: Point, marker: Marker, radius: f64, colour: Colour) {
    let white = super::theme::WHITE;
    canvas.polygons(vec![outline(at, marker, radius)], Some(white.into()), Some(Stroke::solid(colour, 1.0)));
}

/// Draws an arrow from a point of the canvas up or down.
pub fn draw_arrow(canvas: &mut Canvas, (x, y): Point, is_up: bool, colour: Colour) {
    const LENGTH: f64 = 8.0;
    const HEAD: f64 = 2.2;
    let side = if is_up { -1.0 } else { 1.0 };
    let tip = y + side * LENGTH;
    canvas.line(vec![(x, y), (x, tip)], Stroke::solid(colour, 0.9));
    let back = tip - side * HEAD;
    canvas.line(vec![(x - 0.8 * HEAD, back), (x, tip), (x + 0.8 * HEAD, back)], Stroke::solid(colour, 0.9));
}

fn outline((x, y): Point, marker: Marker, radius: f64) -> Vec<Point> {
    match marker {
        Marker::Triangle => {
            vec![(x, y - 1.2 * radius), (x + 1.1 * radius, y + 0.8 * radius), (x - 1.1 * radius, y + 0.8 * radius)]
        }
        Marker::Square => {
            let half = 0.9 * radius;
            vec![(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
        }
        Marker::Diamond => {
            let half = 1.25 * radius;
            vec![(x, y - half), (x + half, y), (x, y + half), (x - half, y)]
        }
        _ => disc((x, y), radius, 16),
    }
}
