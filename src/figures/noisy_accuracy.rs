//! Predictions on tokens with a wrong label: that wrong label, or the true one.
//!
//! After Figure 2 of Tänzer et al. (arXiv 2105.00828), which has the first panel: in the settling phase the wrong
//! labels are not reproduced; memorisation begins where they are. The second panel, ours, shows how the model first predicts
//! the true label and then no longer does.

use std::path::Path;

use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Lines, PanelSpec, Panels, X};
use super::scale::percent;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure.
///
/// `curves`: `noise, seed, examples_seen` and `probe_noisy_accuracy, probe_noisy_accuracy_gold` (or the columns
/// without `probe_`). Levels without noise have nulls there and no line. `phases`: see [`super::phases::read`].
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(curves: &DataFrame, phases: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let prefix = if columns::has(curves, "probe_noisy_accuracy") { "probe_" } else { "" };
    let (given, gold) = (format!("{prefix}noisy_accuracy"), format!("{prefix}noisy_accuracy_gold"));
    let panel = |heading, column| PanelSpec {
        heading,
        column,
        title: "accuracy on noisy tokens",
        if_empty: Some("no noisy tokens"),
        ..PanelSpec::default()
    };
    let figure = Panels {
        title: "Accuracy on noisy tokens by noise level",
        description: "Accuracy on the training tokens with a wrong label, against that wrong label and against the true one. \
                      Within epochs, it is measured on a fixed sample of these tokens; the tables count all.",
        x: X::Curve { column: "examples_seen", title: "training sentences seen" },
        lines: Lines::levels("noise", &columns::distinct(curves, "noise")?, percent, "noise level"),
        rows: None,
        panels: vec![panel("Against the given label", &given), panel("Against the true label", &gold)],
        phases: Some(phases),
    };
    panels::draw(curves, &figure, style, stem)
}
