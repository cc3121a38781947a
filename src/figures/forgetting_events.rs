//! Number of forgetting events: the share of training tokens by their number of forgetting events, one line for each
//! encoder, the two passes side by side, one row of panels for each noise level.
//!
//! Tokens that were never right stand apart: they cannot be forgotten. Shares reach over many powers of ten, so the axis is
//! logarithmic down to 0.01 % and even from there to zero.

use std::path::Path;

use polars::df;
use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Facet, Lines, PanelSpec, Panels, X, YAxis};

use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;
use crate::format::percent;

/// Draws the figure.
///
/// `shares`: `noise, number` (of the encoder, into `names`), `encoder, seed, pass` (`train`, `eval`), `events` (the number of
/// forgetting events, the greatest standing for more; null for tokens that were never learned), `share` (0 to 1). `events`
/// are called what `labels` says.
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(
    shares: &DataFrame,
    names: &[String],
    labels: &[String],
    style: &Style,
    stem: &Path,
) -> Result<FigureFiles> {
    let (passes, values) = (columns::texts(shares, "pass")?, columns::numbers(shares, "share")?);
    let of_pass = |wanted: &str| -> Vec<Option<f64>> {
        passes.iter().zip(&values).map(|(pass, value)| value.filter(|_| pass.as_deref() == Some(wanted))).collect()
    };
    let never = labels.len() as f64;
    let events = columns::numbers(shares, "events")?;
    let frame = df!(
        "noise" => columns::numbers(shares, "noise")?, "number" => columns::numbers(shares, "number")?,
        "seed" => columns::numbers(shares, "seed")?,
        "events" => events.into_iter().map(|events| events.unwrap_or(never)).collect::<Vec<_>>(),
        "share_train" => of_pass("train"), "share_eval" => of_pass("eval")
    )?;
    let places = [labels, &["never right".to_owned()]].concat();
    let levels = columns::distinct(shares, "noise")?;
    let panel = |heading, column| PanelSpec {
        heading,
        column,
        axis: YAxis::PercentLog { even_below: 0.0001 },
        title: "share of tokens",
        if_empty: Some("not logged"),
        ..PanelSpec::default()
    };
    let figure = Panels {
        title: "Number of forgetting events per training token",
        description: "Share of the training tokens by their number of forgetting events (correct in one epoch, wrong in the \
                      next), and of those that are never correct, in the train pass (dropout on, before the update) and in the \
                      eval pass (after the epoch, dropout off). One row per requested noise level. The axis is logarithmic \
                      above 0.01 %.",
        x: X::Names { column: "events", names: &places, title: "forgetting events" },
        lines: Lines::numbered("number", names, "encoder"),
        rows: Some(Facet::levels("noise", &levels, |level| format!("{} noise", percent(level)))),
        panels: vec![panel("train pass", "share_train"), panel("eval pass", "share_eval")],
        phases: None,
    };
    panels::draw(&frame, &figure, style, stem)
}
