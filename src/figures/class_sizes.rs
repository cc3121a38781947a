//! F1 at the end of training against the number of training sentences that hold an entity type: of the type alone, and
//! of the whole task, one line for each way of training.
//!
//! After Figures 6 and 7 of Tänzer et al. (arXiv 2105.00828). The numbers stand at even distances, as they were chosen.

use std::path::Path;

use polars::prelude::DataFrame;

use super::canvas::{Fill, Stroke};
use super::columns;
use super::panel::{Area, Marker, Panel};
use super::scale::{Axis, Spread, Tick, count};
use super::series::{self, Series, by_level};
use super::sheet::{FigureFiles, LegendEntry, Sheet, Words};
use super::theme::{self, Style, Width};
use crate::Result;

const MARKERS: [Marker; 4] = [Marker::Disc, Marker::Square, Marker::Diamond, Marker::Triangle];

/// Draws the figure for the type `class`.
///
/// `ends`: `sentences` (of the class, in training), `seed, variant` (a number into `variants`), `class_f1, task_f1` (on
/// dev, after the last epoch).
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(ends: &DataFrame, class: &str, variants: &[String], style: &Style, stem: &Path) -> Result<FigureFiles> {
    let mut sizes: Vec<f64> = columns::numbers(ends, "sentences")?.into_iter().flatten().collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    let families =
        [by_level(ends, "variant", "sentences", "class_f1")?, by_level(ends, "variant", "sentences", "task_f1")?];
    let words = Words {
        title: format!("F1 by number of training sentences with {class}"),
        caption: format!(
            "Entity F1 on development data after the last epoch: of {class} alone, and of all types, against the number \
             of training sentences that hold {class} (at even distances; the greatest is all there are). {}",
            super::levels::seeds_in_words(families.iter().flatten())
        ),
        alt: format!("F1 of {class}: {}", in_words(&families[0], variants)),
    };
    let mut sheet = Sheet::new(words, style);
    if variants.len() > 1 {
        let entry = |(i, name): (usize, &String)| LegendEntry {
            text: name.clone(),
            stroke: Some(theme::ordered(i, variants.len())),
            marker: Some((MARKERS[i % MARKERS.len()], theme::ordered(i, variants.len()).colour)),
        };
        sheet.legend(&variants.iter().enumerate().map(entry).collect::<Vec<_>>());
        sheet.take(4.0);
    }
    const HEADING: f64 = 13.0;
    let height = if style.width == Width::Full { 132.0 } else { 96.0 };
    let areas: Vec<Area> = match style.width {
        Width::Full => sheet.take(HEADING + height + Panel::BELOW).columns(2, 8.0),
        Width::Column => (0..2).map(|_| sheet.take(HEADING + height + Panel::BELOW)).collect(),
    };
    for ((area, family), heading) in areas.into_iter().zip(&families).zip([class, "all types"]) {
        let panel = Panel {
            area: area.inset(Panel::LEFT, HEADING, 6.0, Panel::BELOW),
            x: places(&sizes, class),
            y: Axis::score(series::highest(family), "dev F1"),
        };
        panel.frame(&mut sheet.canvas, heading, true);
        if family.iter().all(|series| series.places.is_empty()) {
            panel.note(&mut sheet.canvas, "no data");
        }
        let at = |x: f64| sizes.iter().position(|size| *size == x).unwrap_or(0) as f64;
        for series in family {
            let index = series.level as usize;
            let stroke = theme::ordered(index, variants.len());
            let several = series.places.iter().filter(|place| place.n > 1);
            let band: Vec<_> = several.map(|place| (at(place.x), place.low, place.high)).collect();
            panel.band(&mut sheet.canvas, &band, Fill { colour: stroke.colour, opacity: 0.18 });
            panel.line(&mut sheet.canvas, series.places.iter().map(|place| (at(place.x), place.mean)), stroke);
            for place in &series.places {
                let ends = [(at(place.x), place.low), (at(place.x), place.high)];
                panel.line(&mut sheet.canvas, ends, Stroke::solid(stroke.colour, 0.8));
                let marker = MARKERS[index % MARKERS.len()];
                panel.marker(&mut sheet.canvas, (at(place.x), place.mean), marker, 2.0, stroke.colour);
            }
        }
    }
    sheet.save(stem, &[("ends", ends)])
}

/// An axis with the sizes at even distances.
fn places(sizes: &[f64], class: &str) -> Axis {
    let ticks = sizes.iter().enumerate().map(|(i, size)| Tick { value: i as f64, label: count(*size) });
    Axis {
        low: -0.4,
        high: sizes.len().max(1) as f64 - 0.6,
        spread: Spread::Linear,
        ticks: ticks.collect(),
        title: format!("training sentences with {class}"),
    }
}

fn in_words(family: &[Series], variants: &[String]) -> String {
    let parts: Vec<String> = family
        .iter()
        .filter_map(|series| {
            let (first, last) = (series.places.first()?, series.places.last()?);
            let name = variants.get(series.level as usize).map_or("", String::as_str);
            let (low, high) = (count(first.x), count(last.x));
            Some(format!("{name} {:.3} with {low} sentences, {:.3} with {high}", first.mean, last.mean))
        })
        .collect();
    if parts.is_empty() { "no data.".into() } else { format!("{}.", parts.join("; ")) }
}
