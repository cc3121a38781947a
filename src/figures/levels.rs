//! Panels with one line for each level of an ordered family: noise levels, but also class sizes or layers.

use super::canvas::{Canvas, Fill};
use super::panel::{Area, EndLabel, Marker, Panel};
use super::phases::{self, LevelPhases};
use super::scale::{Axis, compact, percent};
use super::series::{self, Series};
use super::sheet::{LegendEntry, Sheet};
use super::theme::{self, LABEL_SIZE, Style, Width};

/// Lines of more places than this carry no markers.
const MOST_MARKED_PLACES: usize = 10;
/// Room right of a panel for the labels of its lines, points.
const LABEL_ROOM: f64 = 30.0;

/// What one panel shows.
pub struct PanelPlan<'a> {
    /// Stands above the panel.
    pub heading: &'a str,
    /// Vertical axis.
    pub y: Axis,
    /// One line a level. A level without a place has no line, but keeps its colour for figures where it has one.
    pub family: &'a [Series],
    /// Mark the best place of each line.
    pub mark_best: bool,
    /// Said where there is no line at all.
    pub if_empty: &'a str,
    /// What a level is called at the end of its line.
    pub name: fn(f64) -> String,
}

/// Draws panels side by side (one above the other in a column), over one x axis, and below them the strip of phases
/// if there are any. Lines are labelled at their ends with their level, or in a legend if there are too many for that.
pub fn draw(sheet: &mut Sheet, style: &Style, plans: &[PanelPlan<'_>], x: &Axis, phases: &[LevelPhases]) {
    let levels = levels_of(plans);
    let shown: Vec<f64> = levels.iter().copied().filter(|level| has_places(plans, *level)).collect();
    let height = match style.width {
        Width::Full => 132.0,
        Width::Column => 96.0,
    };
    let direct = shown.len() as f64 * (LABEL_SIZE + 1.0) <= height;
    if !direct {
        let entries: Vec<LegendEntry> = levels
            .iter()
            .enumerate()
            .filter(|(_, level)| shown.contains(level))
            .map(|(i, level)| LegendEntry {
                text: plans.first().map_or_else(String::new, |plan| (plan.name)(*level)),
                stroke: Some(theme::ordered(i, levels.len())),
                marker: None,
            })
            .collect();
        sheet.legend(&entries);
        sheet.take(4.0);
    }
    let has_strip = phases
        .iter()
        .filter(|level| shown.contains(&level.noise))
        .any(|level| level.fitting_end.is_some() || level.memorisation_onset.is_some());
    let strip_height = if has_strip { phases::strip_height(shown.len()) } else { 0.0 };
    let strip_room = if has_strip { strip_height + 5.0 } else { 0.0 };
    let right = if direct { LABEL_ROOM } else { 6.0 };
    const HEADING: f64 = 13.0;
    let areas: Vec<(Area, bool)> = match style.width {
        Width::Full => {
            let row = sheet.take(HEADING + height + strip_room + Panel::BELOW);
            let columns = row.columns(plans.len().max(1), 8.0);
            columns.into_iter().map(|area| (Area { height: HEADING + height, ..area }, true)).collect()
        }
        Width::Column => (0..plans.len())
            .map(|i| {
                let last = i + 1 == plans.len();
                let below = if last { strip_room + Panel::BELOW } else { 7.0 };
                (Area { height: HEADING + height, ..sheet.take(HEADING + height + below) }, last)
            })
            .collect(),
    };
    for (plan, (area, with_x_axis)) in plans.iter().zip(areas) {
        let panel = Panel { area: area.inset(Panel::LEFT, HEADING, right, 0.0), x: x.clone(), y: plan.y.clone() };
        let canvas = &mut sheet.canvas;
        panel.frame(canvas, plan.heading, with_x_axis && !has_strip);
        lines(canvas, &panel, plan, &levels, phases, direct);
        if has_strip && with_x_axis {
            let area = Area { y: panel.area.y + panel.area.height + 5.0, height: strip_height, ..panel.area };
            let end = series::extent(plans.iter().flat_map(|plan| plan.family)).map_or(x.high, |(_, end)| end);
            phases::strip(canvas, area, x, &shown, phases, end);
        }
    }
}

fn has_places(plans: &[PanelPlan<'_>], level: f64) -> bool {
    plans.iter().flat_map(|plan| plan.family).any(|series| series.level == level && !series.places.is_empty())
}

fn levels_of(plans: &[PanelPlan<'_>]) -> Vec<f64> {
    let mut levels: Vec<f64> = plans.iter().flat_map(|plan| plan.family).map(|series| series.level).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    levels
}

fn lines(
    canvas: &mut Canvas,
    panel: &Panel,
    plan: &PanelPlan<'_>,
    levels: &[f64],
    phases: &[LevelPhases],
    direct: bool,
) {
    let stroke_of = |series: &Series| {
        let index = levels.iter().position(|level| *level == series.level).unwrap_or(0);
        theme::ordered(index, levels.len())
    };
    if plan.family.iter().all(|series| series.places.is_empty()) {
        panel.note(canvas, plan.if_empty);
        return;
    }
    for series in plan.family {
        let band: Vec<_> = series.places.iter().filter(|place| place.n > 1).map(|p| (p.x, p.low, p.high)).collect();
        panel.band(canvas, &band, Fill { colour: stroke_of(series).colour, opacity: 0.18 });
    }
    for series in plan.family {
        let stroke = stroke_of(series);
        panel.line(canvas, series.places.iter().map(|place| (place.x, place.mean)), stroke);
        if series.places.len() <= MOST_MARKED_PLACES {
            for place in &series.places {
                panel.marker(canvas, (place.x, place.mean), Marker::Disc, 1.7, stroke.colour);
            }
        }
    }
    for series in plan.family {
        let colour = stroke_of(series).colour;
        phases::mark(canvas, panel, series, phases, colour);
        if let (true, Some(best)) = (plan.mark_best, series.best()) {
            panel.marker(canvas, (best.x, best.mean), Marker::Diamond, 2.8, colour);
        }
    }
    if direct {
        let labels: Vec<EndLabel> = plan
            .family
            .iter()
            .filter_map(|series| {
                let end = series.places.last()?;
                Some(EndLabel {
                    text: (plan.name)(series.level),
                    at: end.mean,
                    end: end.x,
                    colour: stroke_of(series).colour,
                })
            })
            .collect();
        panel.end_labels(canvas, &labels);
    }
}

/// An axis for training sentences seen: logarithmic where training is long against its first evaluation.
pub fn examples_axis(low: f64, high: f64, style: &Style) -> Axis {
    let n = if style.width == Width::Full { 6 } else { 5 };
    if low > 0.0 && high / low > 8.0 {
        Axis::log(low, high, n, "training sentences seen (log scale)")
    } else {
        let mut axis = Axis::linear(low.min(0.0), high, 5, "training sentences seen");
        for tick in &mut axis.ticks {
            tick.label = compact(tick.value);
        }
        axis
    }
}

/// What a caption says of seeds: what line and band are.
pub fn seeds_in_words<'a>(family: impl IntoIterator<Item = &'a Series>) -> String {
    match series::seeds(family) {
        0 | 1 => "One run for each level.".into(),
        n => format!("Lines: mean over {n} seeds; bands: least to greatest."),
    }
}

/// For a reader who does not see the figure: best and last value of each line.
pub fn peaks_in_words(what: &str, family: &[Series], x_name: &str) -> String {
    let parts: Vec<String> = family
        .iter()
        .filter_map(|series| {
            let (best, last) = (series.best()?, series.places.last()?);
            Some(format!(
                "at {} noise {:.3} at its best ({x_name} {}) and {:.3} at the end",
                percent(series.level),
                best.mean,
                compact(best.x),
                last.mean
            ))
        })
        .collect();
    if parts.is_empty() { format!("{what}: no data.") } else { format!("{what}: {}.", parts.join("; ")) }
}
