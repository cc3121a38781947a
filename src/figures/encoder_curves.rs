//! Dev F1 and accuracy on noisy tokens over the epochs, one line for each encoder, one row of panels for each noise level.
//!
//! After Figure 9 of Tänzer et al. (arXiv 2105.00828), the noise curves of encoders without pretraining: where the settling
//! phase is absent, wrong labels are reproduced from the start.

use std::path::Path;

use polars::prelude::DataFrame;

use super::encoders::{self, distinct, rows_with};
use super::levels;
use super::panel::Panel;
use super::scale::{Axis, percent};
use super::series::{self, Series, by_level};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::Style;
use crate::Result;

/// What the lines stand for.
#[derive(Debug, Clone, Copy)]
pub struct Lines<'a> {
    /// What each is called, by its number.
    pub names: &'a [String],
    /// What one of them is: `encoder`.
    pub noun: &'a str,
    /// The column of `curves` with the names.
    pub column: &'a str,
}

/// Draws the figure.
///
/// `curves`: `noise, number` (of the line), the column of names, `seed, epoch, dev_score, probe_noisy_accuracy`.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(curves: &DataFrame, lines: Lines<'_>, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let Lines { names, noun, column } = lines;
    const COLUMNS: [&str; 2] = ["dev_score", "probe_noisy_accuracy"];
    let noises = distinct(curves, "noise")?;
    let mut rows: Vec<(f64, [Vec<Series>; 2])> = Vec::new();
    for &noise in &noises {
        let of_level = rows_with(curves, "noise", noise)?;
        let [dev, noisy] = COLUMNS.map(|column| by_level(&of_level, "number", "epoch", column));
        rows.push((noise, [dev?, noisy?]));
    }
    let all = || rows.iter().flat_map(|(_, families)| families.iter().flatten());
    let tops = [0, 1].map(|i| series::highest(rows.iter().flat_map(|(_, families)| &families[i])));
    let (low, high) = series::extent(all()).unwrap_or((1.0, 2.0));
    let words = Words {
        title: format!("Learning and memorising under label noise by {noun}"),
        caption: format!(
            "Left: entity F1 on clean development data. Right: accuracy on the training tokens whose label is wrong, against \
             that wrong label, on a fixed sample of them. One row per requested noise level, one line per {noun}. {}",
            levels::seeds_in_words(all())
        ),
        alt: in_words(&rows, names),
    };
    let mut sheet = Sheet::new(words, style);
    encoders::legend(&mut sheet, names);
    let mut areas = encoders::panels(&mut sheet, style, [rows.len(), 2]).into_iter();
    let headings = ["dev F1", "noisy tokens as labelled"];
    let empty = [(0.0, [Vec::new(), Vec::new()])];
    for (noise, families) in if rows.is_empty() { &empty[..] } else { &rows[..] } {
        for (i, family) in families.iter().enumerate() {
            let Some((area, lowest)) = areas.next() else { continue };
            let title = ["entity F1", "accuracy"][i];
            let panel = Panel { area, x: Axis::epochs(low, high, 6, "epoch"), y: Axis::score(tops[i], title) };
            let canvas = &mut sheet.canvas;
            panel.frame(canvas, &format!("{} noise: {}", percent(*noise), headings[i]), lowest);
            if family.iter().all(|series| series.places.is_empty()) {
                panel.note(canvas, ["no data", "no noisy tokens"][i]);
            }
            family.iter().for_each(|series| encoders::line(canvas, &panel, series));
        }
    }
    let drawn = curves.select(["noise", "number", column, "seed", "epoch", COLUMNS[0], COLUMNS[1]])?;
    sheet.save(stem, &[("curves", &drawn)])
}

fn in_words(rows: &[(f64, [Vec<Series>; 2])], names: &[String]) -> String {
    let end = |series: &Series| {
        let name = names.get(series.level as usize).map_or("", String::as_str);
        Some(format!("{name} {:.3}", series.places.last()?.mean))
    };
    let part = |(noise, [dev, noisy]): &(f64, [Vec<Series>; 2])| {
        let ends = |family: &[Series]| family.iter().filter_map(end).collect::<Vec<_>>().join(", ");
        let mut text = format!("at {} noise dev F1 {}", percent(*noise), ends(dev));
        let noisy = ends(noisy);
        if !noisy.is_empty() {
            text.push_str(&format!("; accuracy on noisy tokens {noisy}"));
        }
        text
    };
    let parts: Vec<String> = rows.iter().map(part).collect();
    if parts.is_empty() { "No data.".into() } else { format!("At the end: {}.", parts.join("; ")) }
}
