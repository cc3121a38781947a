//! How tokens with a wrong label are predicted: as that wrong label, or as their true one.
//!
//! After Figure 2 of Tänzer et al. (arXiv 2105.00828), which has the first panel: in the settling phase the wrong
//! labels are not reproduced; memorisation begins where they are. The second panel, ours, shows the other side: the
//! model knows the true label and then loses it.

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
/// `curves`: `noise, seed, examples_seen` and `probe_noisy_accuracy, probe_noisy_accuracy_gold` (or the columns
/// without `probe_`). Levels without noise have nulls there and no line. `phases`: see [`phases::read`].
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(curves: &DataFrame, phases: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let prefix = if columns::has(curves, "probe_noisy_accuracy") { "probe_" } else { "" };
    let given_column = format!("{prefix}noisy_accuracy");
    let gold_column = format!("{prefix}noisy_accuracy_gold");
    let given = by_noise(curves, "examples_seen", &given_column)?;
    let gold = by_noise(curves, "examples_seen", &gold_column)?;
    let phase_rows: Vec<_> = phases::read(phases)?
        .into_iter()
        .filter(|level| given.iter().any(|series| series.level == level.noise && !series.places.is_empty()))
        .collect();

    let (low, high) = series::extent(given.iter().chain(&gold)).unwrap_or((1.0, 10.0));
    let words = Words {
        title: "How wrongly labelled tokens are predicted".into(),
        caption: format!(
            "Accuracy on the training tokens whose label is wrong, against that wrong label (first panel) and \
             against the true one (second), one line for each share of noise asked for. Within epochs, measured on a \
             fixed sample of these tokens; the tables count all. {} {}",
            levels::seeds_in_words(given.iter().chain(&gold)),
            phases::in_words(&phase_rows)
        ),
        alt: format!(
            "{} {}",
            levels::peaks_in_words("Accuracy against the wrong label", &given, "sentences"),
            levels::peaks_in_words("Accuracy against the true label", &gold, "sentences")
        ),
    };
    let mut sheet = Sheet::new(words, style);
    let x = levels::examples_axis(low, high, style);
    let plan = |(heading, family)| PanelPlan {
        heading,
        y: Axis::score(series::highest(family), "accuracy on noisy tokens"),
        family,
        mark_best: false,
        if_empty: "no noisy tokens",
        name: percent,
    };
    let plans = [("Against the wrong label given", &given[..]), ("Against the true label", &gold[..])].map(plan);
    levels::draw(&mut sheet, style, &plans, &x, &phase_rows);
    let drawn = curves.select(["noise", "seed", "examples_seen", given_column.as_str(), gold_column.as_str()])?;
    sheet.save(stem, &[("curves", &drawn), ("phases", phases)])
}
