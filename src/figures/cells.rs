//! A grid of cells, each with its number on a shade of it: the body of a heat map.

use super::canvas::{Anchor, Canvas, Tag, Text};
use super::panel::Area;
use super::theme::{self, INK, LABEL_SIZE, SOFT_INK, TICK_SIZE};

/// Height of a cell, points.
pub(super) const CELL: f64 = 17.0;
/// Height of the heading, points.
pub(super) const HEADING: f64 = 13.0;

/// What a grid shows.
pub(super) struct Cells<'a> {
    /// Stands above it.
    pub heading: &'a str,
    /// Names of the rows.
    pub rows: &'a [String],
    /// Names of the columns.
    pub columns: &'a [String],
    /// Room at the left for the names of the rows, points.
    pub left: f64,
    /// The number in a row and column, 0 to 1 from light to dark.
    pub value: &'a dyn Fn(usize, usize) -> Option<f64>,
    /// How it is written.
    pub show: fn(f64) -> String,
}

impl Cells<'_> {
    /// Draws the grid from the upper edge of `area` on, over its whole width; below it are the names of the columns.
    pub fn draw(&self, canvas: &mut Canvas, area: Area) {
        canvas.begin(Tag::panel((area.x, area.y), area.width, area.height));
        let left = area.x + self.left;
        canvas.text(Text::new(self.heading, (left, area.y + 8.0), LABEL_SIZE, INK).bold());
        let width = (area.width - self.left) / self.columns.len().max(1) as f64;
        for (i, row) in self.rows.iter().enumerate() {
            let y = area.y + HEADING + CELL * i as f64;
            let name = Text::new(row, (left - 4.0, y + CELL / 2.0 + 2.5), TICK_SIZE, SOFT_INK);
            canvas.text(name.anchor(Anchor::End));
            for j in 0..self.columns.len() {
                let x = left + width * j as f64;
                let shown = (self.value)(i, j).map_or("no data".to_owned(), self.show);
                let heading = self.heading;
                canvas.begin(Tag::labelled("cell", format!("{row}; {}; {heading} {shown}", self.columns[j])));
                let (label, ink) = match (self.value)(i, j) {
                    Some(value) => {
                        let ground = theme::density(value);
                        canvas.rectangle((x + 0.5, y + 0.5), (x + width - 0.5, y + CELL - 0.5), ground);
                        ((self.show)(value), theme::on_ground(ground))
                    }
                    None => ("–".into(), SOFT_INK),
                };
                let place = (x + width / 2.0, y + CELL / 2.0 + 2.6);
                canvas.text(Text::new(label, place, LABEL_SIZE, ink).anchor(Anchor::Middle));
                canvas.end();
            }
        }
        let below = area.y + HEADING + CELL * self.rows.len() as f64;
        for (j, column) in self.columns.iter().enumerate() {
            let place = (left + width * (j as f64 + 0.5), below + 9.0);
            canvas.text(Text::new(column, place, TICK_SIZE, SOFT_INK).anchor(Anchor::Middle));
        }
        canvas.end();
    }
}
