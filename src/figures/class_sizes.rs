//! F1 at the end of training against the number of training sentences that hold an entity type: of the type alone, and
//! of the whole task, one line for each way of training.
//!
//! After Figures 6 and 7 of Tänzer et al. (arXiv 2105.00828).

use std::path::Path;

use polars::prelude::DataFrame;

use super::panels::{self, Lines, PanelSpec, Panels, X};
use super::scale::count;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure for the type `class`.
///
/// `ends`: `sentences` (of the class, in training), `seed, variant` (a number into `variants`), `class_f1, task_f1` (on
/// dev, after the last epoch).
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(ends: &DataFrame, class: &str, variants: &[String], style: &Style, stem: &Path) -> Result<FigureFiles> {
    let panel = |heading, column| PanelSpec { heading, column, title: "dev F1", ..PanelSpec::default() };
    let figure = Panels {
        title: &format!("F1 by number of training sentences with {class}"),
        description: &format!(
            "Entity F1 on development data after the last epoch, of {class} and of all types, against the number of training \
             sentences with {class}; the greatest is all there are."
        ),
        x: X::Numbers { column: "sentences", title: &format!("training sentences with {class}"), show: count },
        lines: Lines::numbered("variant", variants, ""),
        rows: None,
        panels: vec![panel(class, "class_f1"), panel("all types", "task_f1")],
        phases: None,
    };
    panels::draw(ends, &figure, style, stem)
}
