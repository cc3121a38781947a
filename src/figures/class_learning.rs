//! When the words of one entity type are first learned: their share in each epoch, one line for each number of training
//! sentences that hold the type.
//!
//! After Figure 5 of Tänzer et al. (arXiv 2105.00828), who find that the fewer examples there are, the earlier they are
//! first learned.

use std::path::Path;

use polars::prelude::DataFrame;

use super::levels::{self, PanelPlan};
use super::scale::{Axis, count, percent};
use super::series::{self, by_level};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::Style;
use crate::Result;

/// Draws the figure for the type `class`.
///
/// `epochs`: `sentences` (of the class, in training), `seed, epoch, first_learned` (share of the class's words).
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(epochs: &DataFrame, class: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let family = by_level(epochs, "sentences", "epoch", "first_learned")?;
    let (low, high) = series::extent(&family).unwrap_or((1.0, 2.0));
    let first = family
        .iter()
        .filter_map(|series| Some(format!("{} with {}", percent(series.places.first()?.mean), count(series.level))));
    let first: Vec<String> = first.collect();
    let words = Words {
        title: format!("{class}: when its training words are first learned"),
        caption: format!(
            "Share of the clean training words of {class} that are right for the first time in an epoch, one line for \
             each number of training sentences that hold it; what is missing from 100 % over all epochs is never \
             learned. {}",
            levels::seeds_in_words(&family)
        ),
        alt: format!(
            "First learned in the first epoch: {}.",
            if first.is_empty() { "no data".into() } else { first.join(", ") }
        ),
    };
    let mut sheet = Sheet::new(words, style);
    let plan = PanelPlan {
        heading: "",
        y: Axis::score(series::highest(&family), "share first learned"),
        family: &family,
        mark_best: false,
        if_empty: "no data",
        name: count,
    };
    levels::draw(&mut sheet, style, &[plan], &Axis::epochs(low, high, 8, "epoch"), &[]);
    let drawn = epochs.select(["sentences", "seed", "epoch", "first_learned"])?;
    sheet.save(stem, &[("epochs", &drawn)])
}
