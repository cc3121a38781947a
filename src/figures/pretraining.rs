//! Phases and scores of fine-tuning under label noise against the steps of pretraining, one line for each noise level.

use std::path::Path;

use polars::prelude::{Column, DataFrame};

use super::columns;
use super::panels::{self, AT_LEAST, Lines, NOT_APPLICABLE, PanelSpec, Panels, X, YAxis};
use super::scale::{compact, percent};
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure.
///
/// `runs`: `steps, noise, seed, settling, settling_open, onset, detection_f1, forgettable, dev_score`; null where there is
/// none. `encoders`: `steps, masked_accuracy`.
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(runs: &DataFrame, encoders: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let noise = columns::numbers(runs, "noise")?;
    let open = columns::numbers(runs, "settling_open")?;
    // Without noise there is nothing to memorise, so that an onset is not missing.
    let state = |row: usize, open: Option<f64>| match (open, noise[row]) {
        (Some(1.0), _) => Some(AT_LEAST),
        (_, Some(0.0)) => Some(NOT_APPLICABLE),
        _ => None,
    };
    let settling: Vec<Option<&str>> = (0..runs.height()).map(|row| state(row, open[row])).collect();
    let onset: Vec<Option<&str>> = (0..runs.height()).map(|row| state(row, None)).collect();
    let known: Vec<(Option<f64>, Option<f64>)> =
        columns::numbers(encoders, "steps")?.into_iter().zip(columns::numbers(encoders, "masked_accuracy")?).collect();
    let masked = columns::numbers(runs, "steps")?.into_iter().map(|steps| {
        known.iter().find(|(known, _)| known.is_some() && *known == steps).and_then(|(_, accuracy)| *accuracy)
    });
    let masked: Vec<Option<f64>> = masked.collect();
    let mut frame = runs.clone();
    for column in [
        Column::new("settling_state".into(), settling),
        Column::new("onset_state".into(), onset),
        Column::new("masked_accuracy".into(), masked),
    ] {
        frame.with_column(column)?;
    }
    let phase = |heading, column, title, states| PanelSpec {
        heading,
        column,
        axis: YAxis::Epochs,
        title,
        states: Some(states),
        absent: Some("not seen"),
        ..PanelSpec::default()
    };
    let score = |heading, column, axis, title| PanelSpec { heading, column, axis, title, ..PanelSpec::default() };
    let figure = Panels {
        title: "Phases and scores of fine-tuning by steps of pretraining",
        description: "Against the steps of pretraining of the encoder (0: randomly initialised): length of settling, from the \
                      end of fitting to the onset of memorisation; onset of memorisation; F1 of noise detection (two clusters \
                      of the losses) at its best epoch; share of forgettable training tokens; dev F1 at its peak; and the \
                      encoder's own accuracy on held-out masked subwords.",
        x: X::Numbers { column: "steps", title: "steps of pretraining", show: compact },
        lines: Lines::levels("noise", &columns::distinct(runs, "noise")?, percent, "noise level"),
        rows: None,
        panels: vec![
            phase("Settling", "settling", "length (epochs)", "settling_state"),
            phase("Onset of memorisation", "onset", "epoch", "onset_state"),
            score("Noise detection", "detection_f1", YAxis::Score, "best F1"),
            score("Forgettable tokens", "forgettable", YAxis::Percent, "share of training tokens"),
            score("Dev F1", "dev_score", YAxis::Score, "F1 at its peak"),
            PanelSpec {
                heading: "Masked subwords",
                column: "masked_accuracy",
                title: "accuracy",
                ignores_lines: true,
                if_empty: Some("not recorded"),
                ..PanelSpec::default()
            },
        ],
        phases: None,
    };
    panels::draw(&frame, &figure, style, stem)
}
