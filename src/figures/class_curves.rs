//! F1 of one entity type over the epochs, on training and development data, one line for each number of training
//! sentences that hold it.
//!
//! After Figure 4 of Tänzer et al. (arXiv 2105.00828): with few sentences, the type is learned in training all the same, but
//! not on dev.

use std::path::Path;

use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Lines, PanelSpec, Panels, X};
use super::scale::count;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure for the type `class`.
///
/// `epochs`: `sentences` (of the class, in training), `seed, epoch, train_f1, dev_f1` (of the class).
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(epochs: &DataFrame, class: &str, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let title = format!("F1 of {class}");
    let panel = |heading, column| PanelSpec { heading, column, title: &title, ..PanelSpec::default() };
    let figure = Panels {
        title: &format!("{class}: F1 on training and development data by number of training sentences"),
        description: &format!(
            "Entity F1 of {class} after each epoch, one line per number of training sentences with {class}; the greatest is all \
             there are. Training F1 counts the given labels, development F1 the clean ones."
        ),
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: Lines::levels("sentences", &columns::distinct(epochs, "sentences")?, count, "sentences"),
        rows: None,
        panels: vec![panel("Training, given labels", "train_f1"), panel("Development, clean labels", "dev_f1")],
        phases: None,
    };
    panels::draw(epochs, &figure, style, stem)
}
