//! When tokens are first learned: the share of first learning events in each epoch, clean and noisy apart.
//!
//! After Figure 3 of Tänzer et al. (arXiv 2105.00828). One panel a noise level. Nearly all clean tokens are learned in
//! the first epochs, the noisy ones late or never; shares reach over three powers of ten, so the axis is logarithmic
//! down to 0.1 % and even from there to zero.

use std::path::Path;

use polars::prelude::DataFrame;

use super::canvas::{Colour, Fill, Stroke};
use super::levels;
use super::panel::{Area, Marker, Panel};
use super::scale::{Axis, percent};
use super::series::{self, Series, by_noise};
use super::sheet::{FigureFiles, LegendEntry, Sheet, Words};
use super::theme::{CLEAN, LINE, NOISY, Style, Width};
use crate::Result;

/// Below this share the axis is even.
const LINEAR_BELOW: f64 = 0.001;

const CLEAN_LINE: Stroke = Stroke { colour: CLEAN, width: LINE, dash: &[] };
const NOISY_LINE: Stroke = Stroke { colour: NOISY, width: LINE, dash: &[4.0, 1.5] };

/// Draws the figure from `epochs`: `noise, seed, epoch, first_learned_clean, first_learned_noisy` (shares, 0 to 1, of
/// all clean and of all noisy tokens; null where there are none).
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(epochs: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let clean = by_noise(epochs, "epoch", "first_learned_clean")?;
    let noisy = by_noise(epochs, "epoch", "first_learned_noisy")?;
    let (low, high) = series::extent(clean.iter().chain(&noisy)).unwrap_or((1.0, 2.0));
    let words = Words {
        title: "When clean and wrongly labelled tokens are first learned".into(),
        caption: format!(
            "Share of the clean and of the noisy training tokens that are predicted as their given label for the \
             first time, by epoch; one panel for each share of noise asked for. {}",
            levels::seeds_in_words(clean.iter().chain(&noisy))
        ),
        alt: in_words(&clean, &noisy),
    };
    let mut sheet = Sheet::new(words, style);
    sheet.legend(&[
        LegendEntry { text: "clean tokens".into(), stroke: Some(CLEAN_LINE), marker: Some((Marker::Disc, CLEAN)) },
        LegendEntry { text: "noisy tokens".into(), stroke: Some(NOISY_LINE), marker: Some((Marker::Square, NOISY)) },
    ]);
    sheet.take(3.0);
    let (n_columns, height) = match style.width {
        Width::Full => (3.min(clean.len().max(1)), 92.0),
        Width::Column => (2.min(clean.len().max(1)), 78.0),
    };
    const HEADING: f64 = 13.0;
    let n_rows = clean.len().max(1).div_ceil(n_columns);
    let mut areas: Vec<Area> = Vec::new();
    for row in 0..n_rows {
        let below = if row + 1 == n_rows { Panel::BELOW } else { 14.0 };
        let area = sheet.take(HEADING + height + below).inset(0.0, HEADING, 0.0, below);
        areas.extend(area.columns(n_columns, 6.0));
    }
    let n_ticks = if n_columns == 3 { 5 } else { 4 };
    let panel_of = |i: usize| {
        let first = i.is_multiple_of(n_columns);
        let title = if first { "share first learned" } else { "" };
        Panel {
            area: areas[i].inset(Panel::LEFT + 4.0, 0.0, 4.0, 0.0),
            x: Axis::epochs(low, high, n_ticks, "epoch"),
            y: Axis::share_symlog(LINEAR_BELOW, title),
        }
    };
    if clean.is_empty() {
        let panel = panel_of(0);
        panel.frame(&mut sheet.canvas, "", true);
        panel.note(&mut sheet.canvas, "no data");
    }
    let n_levels = clean.len();
    for (i, (clean, noisy)) in clean.iter().zip(&noisy).enumerate() {
        let panel = panel_of(i);
        // The axis is written under the lowest panel of each column.
        let lowest = i + n_columns >= n_levels;
        panel.frame(&mut sheet.canvas, &format!("{} noise", percent(clean.level)), lowest);
        for (series, stroke, marker) in [(clean, CLEAN_LINE, Marker::Disc), (noisy, NOISY_LINE, Marker::Square)] {
            draw_series(&mut sheet, &panel, series, stroke, marker);
        }
        if clean.places.is_empty() && noisy.places.is_empty() {
            panel.note(&mut sheet.canvas, "no data");
        }
    }
    let drawn = epochs.select(["noise", "seed", "epoch", "first_learned_clean", "first_learned_noisy"])?;
    sheet.save(stem, &[("epochs", &drawn)])
}

fn draw_series(sheet: &mut Sheet, panel: &Panel, series: &Series, stroke: Stroke, marker: Marker) {
    let band: Vec<_> = series.places.iter().filter(|place| place.n > 1).map(|p| (p.x, p.low, p.high)).collect();
    let colour: Colour = stroke.colour;
    panel.band(&mut sheet.canvas, &band, Fill { colour, opacity: 0.2 });
    panel.line(&mut sheet.canvas, series.places.iter().map(|place| (place.x, place.mean)), stroke);
    for place in &series.places {
        panel.marker(&mut sheet.canvas, (place.x, place.mean), marker, 1.7, colour);
    }
}

fn in_words(clean: &[Series], noisy: &[Series]) -> String {
    let first = |series: &Series| series.places.first().map(|place| place.mean);
    let parts: Vec<String> = clean
        .iter()
        .zip(noisy)
        .filter_map(|(clean, noisy)| {
            let mut part = format!("at {} noise {} of the clean", percent(clean.level), percent(first(clean)?));
            if let Some(share) = first(noisy) {
                part.push_str(&format!(" and {} of the noisy", percent(share)));
            }
            Some(part)
        })
        .collect();
    if parts.is_empty() { "No data.".into() } else { format!("Learned in the first epoch: {}.", parts.join("; ")) }
}
