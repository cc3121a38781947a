//! The axes of line panels.

use super::gather::{Cell, Plan, Spot};
use super::{PanelSpec, Panels, X, YAxis};
use crate::figures::font::{self, Weight};
use crate::figures::scale::{Axis, Spread, Tick};
use crate::figures::theme::TICK_SIZE;
use crate::format::{compact, percent};

/// Where the greatest value is more than so many times the least, an axis is logarithmic.
const LOG_BEYOND: f64 = 8.0;
/// Least distance of two tick labels, points.
const TICK_GAP: f64 = 4.0;

/// The horizontal axis of all panels, `width` points wide. Names that do not fit are replaced by numbers: true then.
pub(super) fn horizontal(panels: &Panels<'_>, plan: &Plan, width: f64) -> (Axis, bool) {
    let places: Vec<f64> = {
        let lines = plan.cells().flat_map(|cell| &cell.lines);
        let all =
            lines.flat_map(|line| line.spots.iter().map(|spot| spot.x).chain(line.absent.iter().map(|(x, _)| *x)));
        let mut all: Vec<f64> = all.collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    };
    match panels.x {
        X::Curve { title, .. } => (curve(&places, title, width), false),
        X::Numbers { title, show, .. } => (numbers(&places, title, show, width), false),
        X::Names { names, title, .. } => named(names, title, width),
    }
}

fn curve(places: &[f64], title: &str, width: f64) -> Axis {
    let (low, high) = match (places.first(), places.last()) {
        (Some(low), Some(high)) => (*low, *high),
        _ => (1.0, 2.0),
    };
    let n = (width / 32.0).clamp(2.0, 8.0) as usize;
    let is_whole = |value: &f64| value.fract() == 0.0 && (0.0..=1000.0).contains(value);
    if places.iter().all(is_whole) {
        return Axis::epochs(low, high, n, title);
    }
    if low > 0.0 && high / low > LOG_BEYOND {
        return thinned(Axis::log(low, high, n.min(6), format!("{title} (log scale)")), width);
    }
    let mut axis = Axis::linear(low.min(0.0), high, n.min(5), title);
    for tick in axis.ticks.iter_mut().filter(|tick| tick.value.abs() >= 1000.0) {
        tick.label = compact(tick.value);
    }
    axis
}

/// Ticks at the values themselves.
fn numbers(values: &[f64], title: &str, show: fn(f64) -> String, width: f64) -> Axis {
    let (low, high) = match (values.first(), values.last()) {
        (Some(low), Some(high)) => (*low, *high),
        _ => (0.0, 1.0),
    };
    let least = values.iter().copied().find(|value| *value > 0.0).unwrap_or(1.0);
    let is_log = low >= 0.0 && high / least > LOG_BEYOND;
    // So much room at either end, as a share of the axis, that whiskers side by side stay inside.
    const ROOM: f64 = 0.06;
    let (spread, low, high) = match is_log {
        true if low == 0.0 => {
            let decades = 1.0 + (high / least).log10();
            (Spread::SymLog { linear_below: least }, -ROOM * decades * least, high * 10f64.powf(ROOM * decades))
        }
        true => {
            let factor = 10f64.powf(ROOM * (high / low).log10());
            (Spread::Log, low / factor, high * factor)
        }
        false => {
            let room = ROOM * (high - low);
            let room = if room > 0.0 { room } else { 0.5 * low.abs().max(1.0) };
            (Spread::Linear, low - room, high + room)
        }
    };
    let ticks = values.iter().map(|value| Tick { value: *value, label: show(*value) }).collect();
    let title = if is_log { format!("{title} (log scale)") } else { title.to_owned() };
    thinned(Axis { low, high, spread, ticks, title }, width)
}

fn named(names: &[String], title: &str, width: f64) -> (Axis, bool) {
    let slot = width / names.len().max(1) as f64;
    let touch = |pair: &[String]| (label_width(&pair[0]) + label_width(&pair[1])) / 2.0 + TICK_GAP > slot;
    // The first and the last may reach a little beyond the axis.
    let is_too_wide = |name: &String| label_width(name) > 1.5 * slot;
    let is_numbered = names.windows(2).any(touch) || names.iter().any(is_too_wide);
    let label = |(i, name): (usize, &String)| if is_numbered { (i + 1).to_string() } else { name.clone() };
    let ticks = names.iter().enumerate().map(|(i, name)| Tick { value: i as f64, label: label((i, name)) });
    let high = names.len().max(1) as f64 - 0.5;
    (Axis { low: -0.5, high, spread: Spread::Linear, ticks: ticks.collect(), title: title.into() }, is_numbered)
}

fn label_width(label: &str) -> f64 {
    font::width(label, TICK_SIZE, Weight::Regular)
}

/// Without the labels that would touch the one to their left; their ticks stay.
fn thinned(mut axis: Axis, width: f64) -> Axis {
    let mut end = f64::NEG_INFINITY;
    for i in 0..axis.ticks.len() {
        let Some(position) = axis.position(axis.ticks[i].value) else { continue };
        let half = label_width(&axis.ticks[i].label) / 2.0;
        if axis.ticks[i].label.is_empty() {
            continue;
        }
        if position * width - half < end + TICK_GAP {
            axis.ticks[i].label.clear();
        } else {
            end = position * width + half;
        }
    }
    axis
}

/// A vertical axis, and where its row for absent values is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vertical {
    pub axis: Axis,
    pub absent: Option<f64>,
}

/// The vertical axes of the shown panels. Panels with the same title and kind of axis have equal scales.
pub(super) fn vertical(panels: &Panels<'_>, plan: &Plan, height: f64) -> Vec<Vertical> {
    let specs: Vec<&PanelSpec<'_>> = plan.shown.iter().filter_map(|panel| panels.panels.get(*panel)).collect();
    let axis = |spec: &&PanelSpec<'_>| {
        let same = |other: &PanelSpec<'_>| (other.title, other.axis) == (spec.title, spec.axis);
        let columns: Vec<usize> = (0..specs.len()).filter(|column| same(specs[*column])).collect();
        let cells: Vec<&Cell> =
            plan.rows.iter().flat_map(|row| columns.iter().filter_map(|column| row.cells.get(*column))).collect();
        let reference = columns.iter().filter_map(|column| specs[*column].reference.map(|line| line.value));
        let absent = columns.iter().find_map(|column| specs[*column].absent);
        one(spec, &cells, reference.collect(), absent, height)
    };
    specs.iter().map(axis).collect()
}

fn one(spec: &PanelSpec<'_>, cells: &[&Cell], references: Vec<f64>, absent: Option<&str>, height: f64) -> Vertical {
    let spots = || cells.iter().flat_map(|cell| cell.spots());
    let high = spots().map(|spot| spot.high).chain(references.iter().copied()).fold(f64::NEG_INFINITY, f64::max);
    let low = spots().map(|spot| spot.low).chain(references).fold(f64::INFINITY, f64::min);
    let (low, high) = if high >= low { (low, high) } else { (0.0, 1.0) };
    let n = if height > 70.0 { 5 } else { 3 };
    let mut axis = match spec.axis {
        YAxis::Score => Axis::score(high, spec.title),
        YAxis::Percent => {
            let mut axis = Axis::score(high, spec.title);
            axis.ticks.iter_mut().for_each(|tick| tick.label = percent(tick.value));
            axis
        }
        YAxis::Number => Axis::linear(
            if low < 0.0 { low + 0.05 * (low - high.max(0.0)) } else { 0.0 },
            1.05 * high.max(0.0),
            n,
            spec.title,
        ),
        YAxis::Epochs => Axis::linear(0.0, (1.05 * high).max(1.0), n, spec.title),
        YAxis::Log => {
            let positive = |pick: fn(&Spot) -> f64| spots().map(pick).filter(|value| *value > 0.0);
            let (low, high) = (positive(|spot| spot.low).reduce(f64::min), positive(|spot| spot.high).reduce(f64::max));
            let (low, high) = (low.unwrap_or(1.0), high.unwrap_or(10.0));
            Axis::log(low / 1.1, high * 1.1, n + 1, format!("{} (log scale)", spec.title))
        }
        YAxis::PercentLog { even_below } => Axis::share_symlog(even_below, spec.title),
    };
    for tick in axis.ticks.iter_mut().filter(|tick| axis.spread == Spread::Linear && tick.value.abs() >= 10_000.0) {
        tick.label = compact(tick.value);
    }
    if axis.spread != Spread::Linear {
        return Vertical { axis, absent: None };
    }
    // An arrow at the greatest value needs some points.
    if spots().any(|spot| spot.at_least && spot.y + 0.1 * (axis.high - axis.low) > axis.high) {
        axis.high += 0.1 * (axis.high - axis.low);
    }
    let has_absent = cells.iter().any(|cell| cell.lines.iter().any(|line| !line.absent.is_empty()));
    let (Some(name), true) = (absent, has_absent) else { return Vertical { axis, absent: None } };
    let size = axis.high - axis.low;
    let row = axis.high + 0.1 * size;
    axis.high += 0.17 * size;
    axis.ticks.push(Tick { value: row, label: name.to_owned() });
    Vertical { axis, absent: Some(row) }
}
