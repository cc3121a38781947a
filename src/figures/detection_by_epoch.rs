//! Noise detection by epoch.
//!
//! Two measures: F1 of the cluster with the higher losses (2-means; arXiv 2105.00828), and average
//! precision with the loss as score, which needs no cut-off. Both rise while the model fits the clean tokens and fall
//! once it memorises the noisy ones; a diamond marks the best epoch.

use std::path::Path;

use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Lines, PanelSpec, Panels, X};
use super::scale::percent;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure from `epochs`: `noise, seed, epoch, noise_f1, noise_ap`; nulls where there is no noise.
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(epochs: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let panel = |heading, column, title| PanelSpec {
        heading,
        column,
        title,
        mark_best: true,
        if_empty: Some("no noisy tokens"),
        ..PanelSpec::default()
    };
    let figure = Panels {
        title: "Noise detection by epoch",
        description: "Noisy training tokens found by their loss after each epoch: F1 of the cluster with the higher losses \
                      (k-means, k = 2), and average precision with the loss as score.",
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: Lines::levels("noise", &columns::distinct(epochs, "noise")?, percent, "noise level"),
        rows: None,
        panels: vec![
            panel("Two clusters of losses", "noise_f1", "F1 of noise detection"),
            panel("Loss as score", "noise_ap", "average precision"),
        ],
        phases: None,
    };
    panels::draw(epochs, &figure, style, stem)
}
