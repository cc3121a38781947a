//! Length of settling, onset of memorisation, forgettable share and noise detection against label noise, one line for each
//! encoder.

use std::path::Path;

use polars::prelude::DataFrame;

use super::panels::{self, Lines, PanelSpec, Panels, X, YAxis};
use super::scale::percent;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure from `measures`: `noise, number` (of the encoder, into `names`), `encoder, seed, settling, onset`
/// (epochs), `forgettable` (share, 0 to 1), `detection_f1`; null where a run has none.
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(measures: &DataFrame, names: &[String], style: &Style, stem: &Path) -> Result<FigureFiles> {
    let panel = |heading, column, axis, title, if_empty| PanelSpec {
        heading,
        column,
        axis,
        title,
        if_empty: Some(if_empty),
        ..PanelSpec::default()
    };
    let figure = Panels {
        title: "Settling, memorisation, forgetting and noise detection by encoder",
        description: "Settling lasts from the end of fitting to the onset of memorisation, or to the end of the training in \
                      runs without an onset, of which the second panel has no mark. Forgettable tokens: correct in one epoch \
                      and wrong in the next, at least once. Noise detection: F1 of the cluster of high losses.",
        x: X::Numbers { column: "noise", title: "requested noise level", show: percent },
        lines: Lines::numbered("number", names, "encoder"),
        rows: None,
        panels: vec![
            panel("Settling", "settling", YAxis::Epochs, "length (epochs)", "no phase was found"),
            panel("Onset of memorisation", "onset", YAxis::Epochs, "epoch", "no onset was found"),
            panel("Forgettable tokens", "forgettable", YAxis::Percent, "share of training tokens", "no data"),
            panel("Noise detection, best epoch", "detection_f1", YAxis::Score, "F1", "no noisy tokens"),
        ],
        phases: None,
    };
    panels::draw(measures, &figure, style, stem)
}
