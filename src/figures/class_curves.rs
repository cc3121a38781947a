//! F1 of one entity type over the epochs, on training and development data, one line for each number of training
//! sentences that hold it.
//!
//! After Figure 4 of Tänzer et al. (arXiv 2105.00828): with few sentences, training is learned all the same, and dev is
//! not.

use std::path::Path;

use polars::prelude::DataFrame;

use super::levels::{self, PanelPlan};
use super::scale::{Axis, count};
use super::series::{self, Series, by_level};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::Style;
use crate::Result;

/// Draws the figure for the type `class`.
///
/// `epochs`: `sentences` (of the class, in training), `seed, epoch, train_f1, dev_f1` (of the class).
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(epochs: &DataFrame, class: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let train = by_level(epochs, "sentences", "epoch", "train_f1")?;
    let dev = by_level(epochs, "sentences", "epoch", "dev_f1")?;
    let (low, high) = series::extent(train.iter().chain(&dev)).unwrap_or((1.0, 2.0));
    let top = series::highest(train.iter().chain(&dev));
    let words = Words {
        title: format!("{class}: F1 on training and development data by number of training sentences"),
        caption: format!(
            "Entity F1 of {class} after each epoch, one line for each number of training sentences that hold it; the \
             greatest is all there are. Training counts the given labels, development the clean ones. {}",
            levels::seeds_in_words(train.iter().chain(&dev))
        ),
        alt: format!("{} {}", ends_in_words("Train F1", &train), ends_in_words("Dev F1", &dev)),
    };
    let mut sheet = Sheet::new(words, style);
    let plan = |heading, family| PanelPlan {
        heading,
        y: Axis::score(top, format!("F1 of {class}")),
        family,
        mark_best: false,
        if_empty: "no data",
        name: count,
    };
    let plans = [plan("Training, labels as given", &train[..]), plan("Development, clean labels", &dev[..])];
    levels::draw(&mut sheet, style, &plans, &Axis::epochs(low, high, 6, "epoch"), &[]);
    let drawn = epochs.select(["sentences", "seed", "epoch", "train_f1", "dev_f1"])?;
    sheet.save(stem, &[("epochs", &drawn)])
}

/// The last value of each line, for a reader who does not see the figure.
fn ends_in_words(what: &str, family: &[Series]) -> String {
    let end = |series: &Series| Some(format!("{:.3} with {}", series.places.last()?.mean, count(series.level)));
    let parts: Vec<String> = family.iter().filter_map(end).collect();
    if parts.is_empty() { format!("{what}: no data.") } else { format!("{what} at the end: {}.", parts.join(", ")) }
}
