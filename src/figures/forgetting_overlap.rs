//! Two heat maps: how far the sets of forgettable tokens of two encoders, and of two seeds of one, agree.
//!
//! The Jaccard index is what one would look at, Cohen's κ what can be compared: two encoders that forget most tokens share
//! many by chance.

use std::path::Path;

use polars::prelude::DataFrame;

use super::canvas::Text;
use super::cells::{CELL, Cells, HEADING};
use super::columns;
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::{INK, Style, TICK_SIZE};
use crate::Result;
use crate::format::fixed;

/// Draws the figure.
///
/// `pairs`: `first, second` (encoders by their number, into `names`; a pair stands once, an encoder with itself is two of its
/// seeds), `jaccard, by_chance, kappa` (means over pairs of runs; null where unknown). `condition` says of which runs.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(pairs: &DataFrame, names: &[String], condition: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let column = |name: &str| columns::numbers(pairs, name);
    let places: Vec<(Option<f64>, Option<f64>)> = column("first")?.into_iter().zip(column("second")?).collect();
    let (jaccard, chance, kappa) = (column("jaccard")?, column("by_chance")?, column("kappa")?);
    let at = |i: usize, j: usize| {
        let wanted = (Some(i.min(j) as f64), Some(i.max(j) as f64));
        places.iter().position(|place| *place == wanted)
    };
    let words = Words {
        title: format!("Overlap of forgettable tokens between encoders, {condition}"),
        caption: format!(
            "Overlap of the sets of forgettable tokens, {condition}. Diagonal: two seeds of one encoder; other cells: two \
             encoders with the same seed. Means over pairs of runs; a dash where there is none. Jaccard index: tokens in both \
             sets among those in either. Cohen's κ: agreement beyond what sets of these sizes have by chance."
        ),
        alt: in_words(names, &places, [&jaccard, &chance, &kappa]),
    };
    let mut sheet = Sheet::new(words, style);
    let longest = |names: &[String]| {
        names.iter().map(|name| Text::new(name, (0.0, 0.0), TICK_SIZE, INK).width()).fold(0.0, f64::max)
    };
    let height = HEADING + CELL * names.len().max(1) as f64 + 14.0;
    let areas = match style.is_narrow() {
        false => sheet.take(height).columns(2, 14.0),
        true => vec![sheet.take(height), sheet.take(height)],
    };
    // Where names do not fit below the columns, rows have numbers and columns are called by them.
    let room = |rows: &[String]| (areas[0].width - longest(rows) - 8.0) / names.len().max(1) as f64;
    let numbered = longest(names) + 6.0 > room(names);
    let (rows, columns): (Vec<String>, Vec<String>) = match numbered {
        false => (names.to_vec(), names.to_vec()),
        true => names.iter().enumerate().map(|(i, name)| (format!("{name}  {}", i + 1), (i + 1).to_string())).unzip(),
    };
    for (area, (heading, values)) in areas.iter().zip([("Jaccard index", &jaccard), ("Cohen's κ", &kappa)]) {
        let cells = Cells {
            heading,
            rows: &rows,
            columns: &columns,
            left: longest(&rows) + 8.0,
            value: &|i, j| at(i, j).and_then(|row| values[row]),
            show: |value| match format!("{value:.2}") {
                zero if zero == "-0.00" => "0.00".into(),
                text => text.replace('-', "−"),
            },
        };
        cells.draw(&mut sheet.canvas, *area);
    }
    sheet.save(stem, &[("pairs", pairs)])
}

fn in_words(
    names: &[String],
    places: &[(Option<f64>, Option<f64>)],
    [jaccard, chance, kappa]: [&[Option<f64>]; 3],
) -> String {
    let name = |number: Option<f64>| names.get(number? as usize).map(String::as_str);
    let part = |(row, (first, second)): (usize, &(Option<f64>, Option<f64>))| {
        let pair = match first == second {
            true => format!("two seeds of {}", name(*first)?),
            false => format!("{} and {}", name(*first)?, name(*second)?),
        };
        let kappa = kappa[row].map_or(String::new(), |kappa| format!(", κ {}", fixed(kappa, 3)));
        Some(format!("{pair}: Jaccard {:.3}, by chance {:.3}{kappa}", jaccard[row]?, chance[row]?))
    };
    let parts: Vec<String> = places.iter().enumerate().filter_map(part).collect();
    if parts.is_empty() { "No data.".into() } else { format!("{}.", parts.join("; ")) }
}
