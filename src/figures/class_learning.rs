//! First learning events of one entity type by epoch, one line for each number of training sentences that hold the type.
//!
//! After Figure 5 of Tänzer et al. (arXiv 2105.00828), who find that the fewer examples there are, the earlier they are
//! first learned.

use std::path::Path;

use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Lines, PanelSpec, Panels, X, YAxis};
use super::scale::count;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure for the type `class`.
///
/// `epochs`: `sentences` (of the class, in training), `seed, epoch, first_learned` (share of the class's tokens).
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(epochs: &DataFrame, class: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let figure = Panels {
        title: &format!("{class}: first learning events by epoch"),
        description: &format!(
            "Share of the clean training tokens of {class} that are correct for the first time in an epoch, one line per number \
             of training sentences with {class}. The rest up to 100 % over all epochs is never learned."
        ),
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: Lines::levels("sentences", &columns::distinct(epochs, "sentences")?, count, "sentences"),
        rows: None,
        panels: vec![PanelSpec {
            column: "first_learned",
            axis: YAxis::Percent,
            title: "share first learned",
            ..PanelSpec::default()
        }],
        phases: None,
    };
    panels::draw(epochs, &figure, style, stem)
}
