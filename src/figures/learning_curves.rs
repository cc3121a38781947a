//! F1 on training and development data against training sentences seen, one line for each noise level.
//!
//! After Figure 1 of Tänzer et al. (arXiv 2105.00828): train F1 counts the given, partly wrong labels, dev F1 the
//! clean ones. Memorisation shows as train going on to rise while dev falls.

use std::path::Path;

use polars::prelude::DataFrame;

use super::levels::{self, PanelPlan};
use super::scale::{Axis, percent};
use super::series::{self, by_noise};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::Style;
use super::{columns, phases};
use crate::Result;

/// Draws the figure.
///
/// `curves`: `noise, seed, examples_seen, dev_score`, and `probe_f1` (several evaluations an epoch) or else `train_f1`.
/// `phases`: see [`phases::read`]; may have no rows.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(curves: &DataFrame, phases: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let train_column = if columns::has(curves, "probe_f1") { "probe_f1" } else { "train_f1" };
    let train = by_noise(curves, "examples_seen", train_column)?;
    let dev = by_noise(curves, "examples_seen", "dev_score")?;
    let phase_rows = phases::read(phases)?;

    let (low, high) = series::extent(train.iter().chain(&dev)).unwrap_or((1.0, 10.0));
    let top = series::highest(train.iter().chain(&dev));
    let words = Words {
        title: "F1 on training and development data under label noise".into(),
        caption: format!(
            "Entity F1 on training sentences against the labels given (first panel) and on clean development data \
             (second), one line for each share of noise asked for. Within epochs, training is measured on a fixed \
             sample; the tables count all tokens. {} {}",
            levels::seeds_in_words(train.iter().chain(&dev)),
            phases::in_words(&phase_rows)
        ),
        alt: format!(
            "{} {}",
            levels::peaks_in_words("Train F1", &train, "sentences"),
            levels::peaks_in_words("Dev F1", &dev, "sentences")
        ),
    };
    let mut sheet = Sheet::new(words, style);
    let x = levels::examples_axis(low, high, style);
    let plan = |heading, family| PanelPlan {
        heading,
        y: Axis::score(top, "entity F1"),
        family,
        mark_best: false,
        if_empty: "no data",
        name: percent,
    };
    let plans = [plan("Training, labels as given", &train[..]), plan("Development, clean labels", &dev[..])];
    levels::draw(&mut sheet, style, &plans, &x, &phase_rows);
    let drawn = curves.select(["noise", "seed", "examples_seen", train_column, "dev_score"])?;
    sheet.save(stem, &[("curves", &drawn), ("phases", phases)])
}
