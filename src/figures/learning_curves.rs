//! F1 on training and development data against training sentences seen, one line for each noise level.
//!
//! After Figure 1 of Tänzer et al. (arXiv 2105.00828): train F1 counts the given, partly wrong labels, dev F1 the
//! clean ones. Memorisation shows as train F1 that goes on to rise while dev F1 falls.

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
/// `curves`: `noise, seed, examples_seen, dev_score`, and `probe_f1` (several evaluations an epoch) or else `train_f1`.
/// `phases`: see [`super::phases::read`]; may have no rows.
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(curves: &DataFrame, phases: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let train = if columns::has(curves, "probe_f1") { "probe_f1" } else { "train_f1" };
    let panel = |heading, column| PanelSpec { heading, column, title: "entity F1", ..PanelSpec::default() };
    let figure = Panels {
        title: "F1 on training and development data by noise level",
        description: "Entity F1 on training sentences against the given labels, and on clean development data. Within epochs, \
                      training F1 is measured on a fixed sample; the tables count all tokens.",
        x: X::Curve { column: "examples_seen", title: "training sentences seen" },
        lines: Lines::levels("noise", &columns::distinct(curves, "noise")?, percent, "noise level"),
        rows: None,
        panels: vec![panel("Training, given labels", train), panel("Development, clean labels", "dev_score")],
        phases: Some(phases),
    };
    panels::draw(curves, &figure, style, stem)
}
