//! A canvas drawn by a backend of plotters, whichever it is: so that all files show the same geometry.
//!
//! Plotters counts in whole units, and a point is many of them: a hundred in a drawing, sixteen in a bitmap that is
//! averaged down. What is cut, placed and measured here is cut, placed and measured once for both.

use std::convert::Infallible;

use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontFamily,
    FontStyle, FontTransform,
};

use super::canvas::{Anchor, Canvas, Colour, Fill, Mark, Point, Text};
use super::font::{self, Weight};
use super::theme::WHITE;

/// Plotters' size of a text, in ems of its font.
const SIZE_OF_EM: f64 = 1.24;
/// Plotters puts the baseline of a text so far below its top, in ems.
const BASELINE: f64 = 0.76;

/// Draws a canvas on white, `units` of the backend to a point.
///
/// # Errors
/// What the backend fails with.
pub fn paint<B: DrawingBackend>(
    canvas: &Canvas,
    backend: &mut B,
    units: f64,
) -> Result<(), DrawingErrorKind<B::ErrorType>> {
    let (width, height) = backend.get_size();
    backend.draw_rect((0, 0), (width as i32, height as i32), &Fill::from(WHITE).ink(), true)?;
    let place = |(x, y): Point| -> BackendCoord { ((x * units).round() as i32, (y * units).round() as i32) };
    for mark in &canvas.marks {
        match mark {
            Mark::Shape { paths, closed, fill, stroke } => {
                if let (Some(fill), true) = (fill, *closed) {
                    for path in paths {
                        backend.fill_polygon(path.iter().copied().map(place), &fill.ink())?;
                    }
                }
                if let Some(stroke) = stroke {
                    let pen = Pen { colour: stroke.colour, width: (stroke.width * units).round().max(1.0) as u32 };
                    for path in paths {
                        // A closed line passes its first corner once more, so that this corner is joined as all are.
                        let again = if *closed { path.len().min(2) } else { 0 };
                        let line: Vec<Point> = path.iter().chain(&path[..again]).copied().collect();
                        for piece in dashes(&line, stroke.dash) {
                            backend.draw_path(piece.into_iter().map(place), &pen)?;
                        }
                    }
                }
            }
            Mark::Begin(_) | Mark::End | Mark::Hit { .. } => {}
            Mark::Text(text) => {
                let below = BASELINE * text.size;
                let (x, y) = text.at;
                let top = if text.rotated { (x - below, y) } else { (x, y - below) };
                backend.draw_text(&text.text, &Lettering { text, units }, place(top))?;
            }
        }
    }
    backend.present()
}

impl Fill {
    fn ink(self) -> BackendColor {
        BackendColor { alpha: self.opacity, ..self.colour.ink() }
    }
}

impl Colour {
    fn ink(self) -> BackendColor {
        let Self(red, green, blue) = self;
        BackendColor { alpha: 1.0, rgb: (red, green, blue) }
    }
}

/// A stroke in the backend's units.
struct Pen {
    colour: Colour,
    width: u32,
}

impl BackendStyle for Pen {
    fn color(&self) -> BackendColor {
        self.colour.ink()
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

/// A text's look in the backend's units.
///
/// Plotters' own text style sets letters without the space that belongs to their left, which leaves words uneven;
/// this one gives the backend the same letters at their places.
struct Lettering<'a> {
    text: &'a Text,
    units: f64,
}

impl Lettering<'_> {
    fn em(&self) -> f64 {
        self.text.size * self.units
    }
}

impl BackendTextStyle for Lettering<'_> {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        self.text.colour.ink()
    }

    fn size(&self) -> f64 {
        self.em() * SIZE_OF_EM
    }

    fn transform(&self) -> FontTransform {
        if self.text.rotated { FontTransform::Rotate270 } else { FontTransform::None }
    }

    fn style(&self) -> FontStyle {
        match self.text.weight {
            Weight::Regular => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        }
    }

    fn anchor(&self) -> Pos {
        let h_pos = match self.text.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        Pos::new(h_pos, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(font::FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        let width = font::width(text, self.em(), self.text.weight);
        Ok(((0, 0), (width.round() as i32, self.em().round() as i32)))
    }

    fn draw<E, DrawFunc: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        (x, y): BackendCoord,
        mut draw: DrawFunc,
    ) -> Result<Result<(), E>, Infallible> {
        let baseline = y + (BASELINE * self.em()).round() as i32;
        let mut outcome = Ok(());
        font::cover(text, self.em(), self.text.weight, |across, down, share| {
            if outcome.is_ok() {
                outcome = draw(x + across, baseline + down, self.color().mix(share));
            }
        });
        Ok(outcome)
    }
}

/// The pieces of a path that a dash pattern leaves; the whole path if the pattern is empty. (Plotters' dashed line
/// knows one length of dash and one of gap.)
fn dashes(path: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    if pattern.iter().sum::<f64>() <= 0.0 {
        return vec![path.to_vec()];
    }
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let (mut turn, mut left) = (0, pattern[0]);
    let mut piece: Vec<Point> = path.first().copied().into_iter().collect();
    for pair in path.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = (x1 - x0).hypot(y1 - y0);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let cut = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length);
            if turn % 2 == 0 {
                piece.push(cut);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![cut];
            }
            turn += 1;
            left = pattern[turn % pattern.len()].max(1e-3);
        }
        left -= length - done;
        if turn % 2 == 0 {
            piece.push((x1, y1));
        }
    }
    if turn % 2 == 0 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_leave_the_gaps_out() {
        let pieces = dashes(&[(0.0, 0.0), (10.0, 0.0)], &[3.0, 2.0]);
        assert_eq!(pieces, vec![vec![(0.0, 0.0), (3.0, 0.0)], vec![(5.0, 0.0), (8.0, 0.0)]]);
    }

    #[test]
    fn a_dash_goes_round_a_bend() {
        let pieces = dashes(&[(0.0, 0.0), (2.0, 0.0), (2.0, 4.0)], &[3.0, 2.0]);
        assert_eq!(pieces, vec![vec![(0.0, 0.0), (2.0, 0.0), (2.0, 1.0)], vec![(2.0, 3.0), (2.0, 4.0)]]);
    }
}
