//! What figures of several encoders share: a line, a marker and a colour for each, the legend, panels in rows.
//!
//! Encoders have no order, and their names are too long for the ends of lines: each has a hue, dashes and a marker of its
//! own, named in a legend above.

use polars::prelude::{BooleanChunked, DataFrame};

use super::canvas::{Canvas, Fill, Stroke};
use super::columns;
use super::panel::{Area, Marker, Panel};
use super::series::{Place, Series};
use super::sheet::{LegendEntry, Sheet};
use super::theme::{self, Style, Width};
use crate::Result;

const MARKERS: [Marker; 4] = [Marker::Disc, Marker::Square, Marker::Diamond, Marker::Triangle];
/// Markers on a line; more places than that are thinned.
const MOST_MARKED: usize = 8;
/// Height of what stands above a panel, points.
pub(super) const HEADING: f64 = 13.0;

/// The marker of an encoder by its number.
pub(super) fn marker(number: usize) -> Marker {
    MARKERS[number % MARKERS.len()]
}

/// Names the lines; nothing for one alone.
pub(super) fn legend(sheet: &mut Sheet, names: &[String]) {
    if names.len() < 2 {
        return;
    }
    let entry = |(number, name): (usize, &String)| {
        let stroke = theme::category(number);
        LegendEntry { text: name.clone(), stroke: Some(stroke), marker: Some((marker(number), stroke.colour)) }
    };
    sheet.legend(&names.iter().enumerate().map(entry).collect::<Vec<_>>());
    sheet.take(4.0);
}

/// The boxes of `n_rows` × `n_columns` panels, row by row, with the room for headings and axes taken off; in a column all
/// stand one above the other. True for those that stand lowest.
pub(super) fn panels(sheet: &mut Sheet, style: &Style, [n_rows, n_columns]: [usize; 2]) -> Vec<(Area, bool)> {
    let (n_rows, n_columns, height) = match style.width {
        Width::Full => (n_rows.max(1), n_columns.max(1), 104.0),
        Width::Column => ((n_rows * n_columns).max(1), 1, 88.0),
    };
    let mut areas = Vec::new();
    for row in 0..n_rows {
        let lowest = row + 1 == n_rows;
        let below = if lowest { Panel::BELOW } else { 14.0 };
        let row = sheet.take(HEADING + height + below).inset(0.0, HEADING, 0.0, below);
        let columns = row.columns(n_columns, 8.0).into_iter();
        areas.extend(columns.map(|area| (area.inset(Panel::LEFT + 3.0, 0.0, 5.0, 0.0), lowest)));
    }
    areas
}

/// One encoder's line: its band over seeds, the mean, and markers.
pub(super) fn line(canvas: &mut Canvas, panel: &Panel, series: &Series) {
    let number = series.level as usize;
    let stroke = theme::category(number);
    let band: Vec<_> = series.places.iter().filter(|place| place.n > 1).map(|p| (p.x, p.low, p.high)).collect();
    panel.band(canvas, &band, Fill { colour: stroke.colour, opacity: 0.15 });
    panel.line(canvas, series.places.iter().map(|place| (place.x, place.mean)), stroke);
    let every = series.places.len().div_ceil(MOST_MARKED).max(1);
    // Lines that run together show their markers at different places.
    for place in series.places.iter().skip(number % every).step_by(every) {
        panel.marker(canvas, (place.x, place.mean), marker(number), 1.9, stroke.colour);
    }
}

/// One encoder's value at one place, with a whisker from the least seed to the greatest.
pub(super) fn point(canvas: &mut Canvas, panel: &Panel, number: usize, place: Place) {
    let colour = theme::category(number).colour;
    panel.line(canvas, [(place.x, place.low), (place.x, place.high)], Stroke::solid(colour, 0.8));
    panel.marker(canvas, (place.x, place.mean), marker(number), 2.0, colour);
}

/// The rows of a frame in which the column `name` has this value.
pub(super) fn rows_with(frame: &DataFrame, name: &str, value: f64) -> Result<DataFrame> {
    let mask: BooleanChunked = columns::numbers(frame, name)?.into_iter().map(|found| found == Some(value)).collect();
    Ok(frame.filter(&mask)?)
}

/// The different values of a column, ascending.
pub(super) fn distinct(frame: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let mut values: Vec<f64> = columns::numbers(frame, name)?.into_iter().flatten().collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    Ok(values)
}
