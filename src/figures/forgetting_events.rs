//! How often tokens are forgotten: the share of training tokens by their number of forgetting events, one line for each
//! encoder, the two passes side by side, one row of panels for each noise level.
//!
//! Tokens that were never right stand apart: they cannot be forgotten. Shares reach over many powers of ten, so the axis is
//! logarithmic down to 0.01 % and even from there to zero.

use std::path::Path;

use polars::prelude::{BooleanChunked, DataFrame};

use super::encoders::{self, distinct, rows_with};
use super::levels;
use super::panel::Panel;
use super::scale::{Axis, Spread, Tick, percent};
use super::series::{Place, Series, by_level};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::{self, Style};
use super::{columns, scale};
use crate::Result;

/// Below this share the axis is even.
const LINEAR_BELOW: f64 = 0.0001;
/// How far apart the encoders' marks at one number stand together, in numbers.
const WIDTH: f64 = 0.5;

/// Draws the figure.
///
/// `shares`: `noise, number` (of the encoder, into `names`), `encoder, seed, pass` (`train`, `eval`), `events` (the number of
/// forgetting events, the greatest standing for more; null for tokens that were never learned), `share` (0 to 1). `events`
/// are called what `labels` says.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(
    shares: &DataFrame,
    names: &[String],
    labels: &[String],
    style: &Style,
    stem: &Path,
) -> Result<FigureFiles> {
    let noises = distinct(shares, "noise")?;
    let passes: Vec<&str> = {
        let found = columns::texts(shares, "pass")?;
        let has = |pass: &&str| found.iter().flatten().any(|other| other == pass);
        ["train", "eval"].into_iter().filter(has).collect()
    };
    let mut rows: Vec<Level<'_>> = Vec::new();
    for &noise in &noises {
        let of_level = rows_with(shares, "noise", noise)?;
        let mut families = Vec::new();
        for &pass in &passes {
            families.push((pass, family(&of_level, pass, labels.len())?));
        }
        rows.push((noise, families));
    }
    let all = || rows.iter().flat_map(|(_, families)| families.iter().flat_map(|(_, family)| family));
    let words = Words {
        title: "How often training tokens are forgotten".into(),
        caption: format!(
            "Share of the training tokens by their number of forgetting events (right in one epoch, wrong in the next), and \
             of those that are never right. Left in the train pass (dropout on, before the update), right in the eval pass \
             (after the epoch, dropout off), where both were logged. One row for each share of noise asked for. Logarithmic \
             above {}. {}",
            percent(LINEAR_BELOW),
            levels::seeds_in_words(all()).replace("bands", "whiskers")
        ),
        alt: in_words(&rows, names, labels.len()),
    };
    let mut sheet = Sheet::new(words, style);
    encoders::legend(&mut sheet, names);
    let n_columns = passes.len().max(1);
    let mut areas = encoders::panels(&mut sheet, style, [rows.len(), n_columns]).into_iter();
    if rows.is_empty() {
        for (area, lowest) in areas.by_ref() {
            let panel = panel(area, labels, true);
            panel.frame(&mut sheet.canvas, "", lowest);
            panel.note(&mut sheet.canvas, "no data");
        }
    }
    for (noise, families) in &rows {
        for (i, (pass, family)) in families.iter().enumerate() {
            let Some((area, lowest)) = areas.next() else { continue };
            let panel = panel(area, labels, i == 0 || style.width == theme::Width::Column);
            let canvas = &mut sheet.canvas;
            panel.frame(canvas, &format!("{} noise: {pass} pass", percent(*noise)), lowest);
            for series in family {
                let number = series.level as usize;
                let aside = (number as f64 - (names.len() as f64 - 1.0) / 2.0) * WIDTH / names.len().max(1) as f64;
                let counted = series.places.iter().filter(|place| (place.x as usize) < labels.len());
                let line = counted.map(|place| (place.x + aside, place.mean));
                panel.line(canvas, line, theme::category(number));
                for place in &series.places {
                    encoders::point(canvas, &panel, number, Place { x: place.x + aside, ..*place });
                }
            }
        }
    }
    let drawn = shares.select(["noise", "number", "encoder", "seed", "pass", "events", "share"])?;
    sheet.save(stem, &[("shares", &drawn)])
}

/// One line an encoder; tokens that were never learned stand two places behind the last number.
fn family(shares: &DataFrame, pass: &str, n_labels: usize) -> Result<Vec<Series>> {
    let mask: BooleanChunked =
        columns::texts(shares, "pass")?.into_iter().map(|found| found.as_deref() == Some(pass)).collect();
    let mut frame = shares.filter(&mask)?;
    let places: Vec<f64> =
        columns::numbers(&frame, "events")?.into_iter().map(|events| events.unwrap_or(never(n_labels))).collect();
    frame.with_column(polars::prelude::Column::new("place".into(), places))?;
    by_level(&frame, "number", "place", "share")
}

fn never(n_labels: usize) -> f64 {
    n_labels as f64 + 0.5
}

fn panel(area: super::panel::Area, labels: &[String], titled: bool) -> Panel {
    let place = |(i, label): (usize, &String)| Tick { value: i as f64, label: label.clone() };
    let apart = Tick { value: never(labels.len()), label: "never right".into() };
    let x = Axis {
        low: -0.5,
        high: never(labels.len()) + 0.7,
        spread: Spread::Linear,
        ticks: labels.iter().enumerate().map(place).chain([apart]).collect(),
        title: "forgetting events".into(),
    };
    let title = if titled { "share of tokens" } else { "" };
    Panel { area, x, y: Axis::share_symlog(LINEAR_BELOW, title) }
}

/// A noise level, and each pass's encoders.
type Level<'a> = (f64, Vec<(&'a str, Vec<Series>)>);

fn in_words(rows: &[Level<'_>], names: &[String], n_labels: usize) -> String {
    let one = |series: &Series| {
        let share = |wanted: f64| series.places.iter().find(|place| place.x == wanted).map(|place| place.mean);
        let forgotten: f64 =
            series.places.iter().filter(|p| p.x > 0.0 && (p.x as usize) < n_labels).map(|p| p.mean).sum();
        let name = names.get(series.level as usize).map_or("", String::as_str);
        let never =
            share(never(n_labels)).map_or(String::new(), |never| format!(", {} never right", scale::percent(never)));
        format!("{name} {}{never}", percent(forgotten))
    };
    let parts: Vec<String> = rows
        .iter()
        .flat_map(|(noise, families)| families.iter().map(move |(pass, family)| (noise, pass, family)))
        .map(|(noise, pass, family)| {
            let each: Vec<String> = family.iter().map(one).collect();
            format!("at {} noise in the {pass} pass {}", percent(*noise), each.join("; "))
        })
        .collect();
    if parts.is_empty() { "No data.".into() } else { format!("Forgotten at least once: {}.", parts.join(". ")) }
}
