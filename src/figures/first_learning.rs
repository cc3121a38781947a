//! First learning events by epoch, clean and noisy tokens apart.
//!
//! After Figure 3 of Tänzer et al. (arXiv 2105.00828). One panel a noise level. Nearly all clean tokens are learned in
//! the first epochs, the noisy ones late or never; shares reach over three powers of ten, so the axis is logarithmic
//! down to 0.1 % and even from there to zero.

use std::path::Path;

use polars::df;
use polars::prelude::DataFrame;

use super::columns;
use super::panels::{self, Facet, Lines, PanelSpec, Panels, X, YAxis};
use super::scale::percent;
use super::sheet::FigureFiles;
use super::theme::Style;
use crate::Result;

/// Draws the figure from `epochs`: `noise, seed, epoch, first_learned_clean, first_learned_noisy` (shares, 0 to 1, of
/// all clean and of all noisy tokens; null where there are none).
///
/// # Errors
/// As [`panels::draw`].
pub fn draw(epochs: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let names = ["clean tokens".to_owned(), "noisy tokens".to_owned()];
    let twice = |name: &str| columns::numbers(epochs, name).map(|values| [values.clone(), values].concat());
    let tokens: Vec<&str> = names.iter().flat_map(|name| vec![name.as_str(); epochs.height()]).collect();
    let shares =
        [columns::numbers(epochs, "first_learned_clean")?, columns::numbers(epochs, "first_learned_noisy")?].concat();
    let frame = df!(
        "noise" => twice("noise")?, "tokens" => tokens, "seed" => twice("seed")?, "epoch" => twice("epoch")?,
        "first_learned" => shares
    )?;
    let levels = columns::distinct(epochs, "noise")?;
    let figure = Panels {
        title: "First learning events by epoch",
        description: "Share of the clean and of the noisy training tokens that are predicted as their given label for the first \
                      time, by epoch. One panel per requested noise level.",
        x: X::Curve { column: "epoch", title: "epoch" },
        lines: Lines::names("tokens", &names, ""),
        rows: Some(Facet::levels("noise", &levels, |level| format!("{} noise", percent(level)))),
        panels: vec![PanelSpec {
            column: "first_learned",
            axis: YAxis::PercentLog { even_below: 0.001 },
            title: "share first learned",
            ..PanelSpec::default()
        }],
        phases: None,
    };
    panels::draw(&frame, &figure, style, stem)
}
