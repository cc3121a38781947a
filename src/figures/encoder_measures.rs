//! Length of settling, onset of memorisation, forgettable share and noise detection against label noise, one line for each
//! encoder.

use std::path::Path;

use polars::prelude::DataFrame;

use super::encoders::{self, distinct};
use super::levels;
use super::panel::Panel;
use super::scale::{Axis, Spread, Tick, percent};
use super::series::{self, Place, Series, by_level};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::{self, Style};
use crate::Result;

/// Column, heading, title of the axis, said where there is nothing.
const PANELS: [(&str, &str, &str, &str); 4] = [
    ("settling", "Settling", "epochs", "no phase was found"),
    ("onset", "Onset of memorisation", "epoch", "no onset was found"),
    ("forgettable", "Forgettable tokens", "share of training tokens", "no data"),
    ("detection_f1", "Noise detection, best epoch", "F1", "no noisy tokens"),
];

/// Draws the figure from `measures`: `noise, number` (of the encoder, into `names`), `encoder, seed, settling, onset`
/// (epochs), `forgettable` (share, 0 to 1), `detection_f1`; null where a run has none.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(measures: &DataFrame, names: &[String], style: &Style, stem: &Path) -> Result<FigureFiles> {
    let noises = distinct(measures, "noise")?;
    let mut families: Vec<Vec<Series>> = Vec::new();
    for (column, ..) in PANELS {
        families.push(by_level(measures, "number", "noise", column)?);
    }
    let words = Words {
        title: "Settling, memorisation, forgetting and noise detection, encoder by encoder".into(),
        caption: format!(
            "Settling lasts from the end of fitting to the onset of memorisation, or to the end of the training in runs \
             without an onset, of which the second panel has no mark. Forgettable: right in one epoch and wrong in the next, \
             at least once. Noise detection: F1 of the cluster of high losses. Levels of noise stand at even distances, as \
             they were asked for. {}",
            levels::seeds_in_words(families.iter().flatten()).replace("bands", "whiskers")
        ),
        alt: in_words(&families, names),
    };
    let mut sheet = Sheet::new(words, style);
    encoders::legend(&mut sheet, names);
    let areas = encoders::panels(&mut sheet, style, [2, 2]);
    let ticks = noises.iter().enumerate().map(|(i, noise)| Tick { value: i as f64, label: percent(*noise) });
    let x = Axis {
        low: -0.4,
        high: noises.len().max(1) as f64 - 0.6,
        spread: Spread::Linear,
        ticks: ticks.collect(),
        title: "noise requested".into(),
    };
    let place = |noise: f64| noises.iter().position(|level| *level == noise).unwrap_or(0) as f64;
    for (((area, lowest), family), (column, heading, title, if_empty)) in areas.into_iter().zip(&families).zip(PANELS) {
        let top = series::highest(family);
        let y = match column {
            "settling" | "onset" => Axis::linear(0.0, (1.05 * top).max(1.0), 5, title),
            _ => Axis::score(top, title),
        };
        let panel = Panel { area, x: x.clone(), y };
        let canvas = &mut sheet.canvas;
        panel.frame(canvas, heading, lowest);
        if family.iter().all(|series| series.places.is_empty()) {
            panel.note(canvas, if_empty);
        }
        for series in family {
            let number = series.level as usize;
            let aside = (number as f64 - (names.len() as f64 - 1.0) / 2.0) * 0.25 / names.len().max(1) as f64;
            let moved = series.places.iter().map(|p| Place { x: place(p.x) + aside, ..*p });
            panel.line(canvas, moved.clone().map(|place| (place.x, place.mean)), theme::category(number));
            moved.for_each(|place| encoders::point(canvas, &panel, number, place));
        }
    }
    let [settling, onset, forgettable, detection] = PANELS.map(|panel| panel.0);
    let drawn = measures.select(["noise", "number", "encoder", "seed", settling, onset, forgettable, detection])?;
    sheet.save(stem, &[("measures", &drawn)])
}

fn in_words(families: &[Vec<Series>], names: &[String]) -> String {
    let one = |series: &Series| {
        let name = names.get(series.level as usize).map_or("", String::as_str);
        let values: Vec<String> =
            series.places.iter().map(|place| format!("{:.3} at {} noise", place.mean, percent(place.x))).collect();
        (!values.is_empty()).then(|| format!("{name} {}", values.join(", ")))
    };
    let parts: Vec<String> = families
        .iter()
        .zip(PANELS)
        .filter_map(|(family, (_, heading, ..))| {
            let each: Vec<String> = family.iter().filter_map(one).collect();
            (!each.is_empty()).then(|| format!("{heading}: {}.", each.join("; ")))
        })
        .collect();
    if parts.is_empty() { "No data.".into() } else { parts.join(" ") }
}
