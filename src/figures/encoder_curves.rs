//! Dev F1 and accuracy on noisy tokens over the epochs, one line for each encoder, one row of panels for each noise level.
//!
//! After Figure 9 of Tänzer et al. (arXiv 2105.00828), the noise curves of encoders without pretraining: where the settling
//! phase is absent, wrong labels are reproduced from the start.

use std::path::Path;

use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Facet, PanelSpec, Panels, X};
use super::scale::percent;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// What the lines stand for.
#[derive(Debug, Clone, Copy)]
pub struct Lines<'a> {
    /// What each is called, by its number.
    pub names: &'a [String],
    /// What one of them is: `encoder`.
    pub noun: &'a str,
    /// The column of `curves` with the names.
    pub column: &'a str,
}

/// Draws the figure.
///
/// `curves`: `noise, number` (of the line), the column of names, `seed, epoch, dev_score, probe_noisy_accuracy`.
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(curves: &DataFrame, lines: Lines<'_>, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let Lines { names, noun, .. } = lines;
    let levels = columns::distinct(curves, "noise")?;
    let figure = Panels {
        title: &format!("Dev F1 and accuracy on noisy tokens by {noun}"),
        description: &format!(
            "Entity F1 on clean development data, and accuracy on a fixed sample of the training tokens with a wrong label, \
             against that wrong label. One row per requested noise level, one line per {noun}."
        ),
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: panels::Lines::numbered("number", names, noun),
        rows: Some(Facet::levels("noise", &levels, |level| format!("{} noise", percent(level)))),
        panels: vec![
            PanelSpec { heading: "dev F1", column: "dev_score", title: "entity F1", ..PanelSpec::default() },
            PanelSpec {
                heading: "noisy tokens, given label",
                column: "probe_noisy_accuracy",
                title: "accuracy",
                if_empty: Some("no noisy tokens"),
                ..PanelSpec::default()
            },
        ],
        phases: None,
    };
    panels::draw(curves, &figure, style, stem)
}
