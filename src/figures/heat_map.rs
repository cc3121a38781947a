//! Two heat maps of the number of training sentences with an entity type against label noise: how well the type is found
//! in the end, and how many of its words fall into the noise cluster.
//!
//! A rare class and a wrong label both have high losses: where the right map is dark in the rows of little data, the
//! losses cannot tell them apart.

use std::path::Path;

use polars::prelude::DataFrame;

use super::canvas::{Anchor, Text};
use super::cells::{CELL, Cells, HEADING};
use super::columns;
use super::panel::Area;
use super::scale::{count, percent};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::{INK, LABEL_SIZE, Style};
use crate::Result;

/// Room at the left for the names of the rows, points.
const LEFT: f64 = 44.0;

/// Draws the figure for the type `class`.
///
/// `cells`: one row a pair of `sentences` (of the class, in training) and `noise`: `class_f1` (on dev, after the last
/// epoch, mean over seeds), `in_cluster` (share of the class's clean words, mean over seeds; null without noise).
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(cells: &DataFrame, class: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let (sizes, noises) = (columns::numbers(cells, "sentences")?, columns::numbers(cells, "noise")?);
    let places: Vec<(f64, f64)> = sizes.iter().zip(&noises).filter_map(|(s, n)| Some(((*s)?, (*n)?))).collect();
    let f1 = columns::numbers(cells, "class_f1")?;
    let in_cluster = columns::numbers(cells, "in_cluster")?;
    let words = Words {
        title: format!("{class}: dev F1 and share in the noise cluster by training sentences and noise level"),
        caption: format!(
            "Entity F1 of {class} on development data after the last epoch, and share of its correctly labelled training tokens \
             whose loss falls into the noise cluster (two clusters of all losses, at the epoch with the best noise detection). \
             Rows: training sentences with {class}; columns: requested noise level. Means over seeds; a dash where there is \
             nothing to measure."
        ),
        alt: in_words(class, &places, &f1, &in_cluster),
    };
    let mut sheet = Sheet::new(words, style);
    let rows = distinct(places.iter().map(|place| place.0));
    let height = HEADING + CELL * rows.len().max(1) as f64 + 24.0;
    let areas = match style.is_narrow() {
        false => sheet.take(height).columns(2, 14.0),
        true => vec![sheet.take(height), sheet.take(height)],
    };
    let maps = [
        (format!("dev F1 of {class}"), &f1, false),
        (format!("share of {class} in the noise cluster"), &in_cluster, true),
    ];
    for (area, (heading, values, share)) in areas.into_iter().zip(maps) {
        // A level at which nothing was measured (no noise, no cluster) has no column.
        let measured = places.iter().zip(values).filter(|(_, value)| value.is_some());
        let shown = distinct(measured.map(|(place, _)| place.1));
        map(&mut sheet, area, &heading, [&rows, &shown], &places, values, share);
    }
    sheet.save(stem, &[("cells", cells)])
}

fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

fn map(
    sheet: &mut Sheet,
    area: Area,
    heading: &str,
    [rows, shown]: [&[f64]; 2],
    places: &[(f64, f64)],
    values: &[Option<f64>],
    share: bool,
) {
    let canvas = &mut sheet.canvas;
    let cells = Cells {
        heading,
        rows: &rows.iter().map(|row| count(*row)).collect::<Vec<_>>(),
        columns: &shown.iter().map(|noise| percent(*noise)).collect::<Vec<_>>(),
        left: LEFT,
        value: &|i, j| places.iter().position(|place| *place == (rows[i], shown[j])).and_then(|at| values[at]),
        show: if share { |value| format!("{:.0}\u{a0}%", 100.0 * value) } else { |value| format!("{value:.2}") },
    };
    let below = cells.draw(canvas, area);
    let middle = area.x + LEFT + (area.width - LEFT) / 2.0;
    canvas.text(Text::new("requested noise level", (middle, below + 19.0), LABEL_SIZE, INK).anchor(Anchor::Middle));
    let side = (area.x + 7.0, area.y + HEADING + CELL * rows.len() as f64 / 2.0);
    canvas.text(Text::new("sentences", side, LABEL_SIZE, INK).anchor(Anchor::Middle).rotated());
}

fn in_words(class: &str, places: &[(f64, f64)], f1: &[Option<f64>], in_cluster: &[Option<f64>]) -> String {
    let cell = |(i, place): (usize, &(f64, f64))| {
        let (f1, cluster) = (f1[i], in_cluster[i]);
        let cluster = cluster.map_or(String::new(), |share| format!(", {} in the noise cluster", percent(share)));
        let f1 = f1.map_or("unknown".into(), |f1| format!("{f1:.3}"));
        format!("{} sentences and {} noise: F1 {f1}{cluster}", count(place.0), percent(place.1))
    };
    let parts: Vec<String> = places.iter().enumerate().map(cell).collect();
    if parts.is_empty() { "No data.".into() } else { format!("{class} with {}.", parts.join("; ")) }
}
