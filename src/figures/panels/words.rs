//! What a figure says in words: its caption, and a text made from its numbers for readers who do not see it.

use super::gather::{Cell, Line, Plan, Spot};
use super::{PanelSpec, Panels, X, YAxis};
use crate::figures::phases::LinePhases;
use crate::format::{compact, percent};

/// More places of a line than this are summed up.
const MOST_NAMED: usize = 8;

/// The description, and what lines, bands and markers mean.
pub(super) fn caption(panels: &Panels<'_>, plan: &Plan, phases: &[LinePhases]) -> String {
    let mut parts = vec![panels.description.to_owned(), seeds(panels, plan)];
    let spots = || plan.cells().flat_map(Cell::spots);
    if spots().any(|spot| spot.is_censored) {
        let median = if plan.seeds() > 1 { "the median over seeds where a run is censored" } else { "censored values" };
        parts.push(format!(
            "Open markers: {median}; an arrow marks a bound (up: at least, down: at most), and lines to such places are \
             dotted."
        ));
    }
    if let Some(name) = absent_name(panels, plan) {
        parts.push(format!("Crosses in the row “{name}”: settings in which at least one run has no value."));
    }
    if plan.shown.iter().any(|panel| panels.panels[*panel].mark_best) && spots().next().is_some() {
        parts.push("Diamonds: greatest value of a line.".into());
    }
    if panels.phases.is_some() && panels.rows.is_none() && !plan.is_chunked {
        parts.push(crate::figures::phases::in_words(phases));
    }
    for panel in &plan.left_out {
        let spec = &panels.panels[*panel];
        let name = if spec.heading.is_empty() { spec.title } else { spec.heading };
        parts.push(format!("Not shown: {} ({}).", name, spec.if_empty()));
    }
    for (panel, column) in plan.shown.iter().zip(0..) {
        let rows = plan.rows.iter().filter(|row| row.cells[column].is_empty() && plan.rows.len() > 1);
        let rows: Vec<&str> = rows.map(|row| row.heading.as_str()).collect();
        let spec = &panels.panels[*panel];
        if !rows.is_empty() {
            let name = if spec.heading.is_empty() { spec.title } else { spec.heading };
            parts.push(format!("Not shown: {name}, {} ({}).", rows.join(", "), spec.if_empty()));
        }
    }
    if !plan.rows_left_out.is_empty() {
        parts.push(format!("Without data: {}.", plan.rows_left_out.join(", ")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn seeds(panels: &Panels<'_>, plan: &Plan) -> String {
    let is_curve = matches!(panels.x, X::Curve { .. });
    match (plan.seeds(), is_curve) {
        (0, _) => String::new(),
        (1, true) => "One seed per line.".into(),
        (1, false) => "One seed per point.".into(),
        (n, true) => format!("Lines: mean over {n} seeds; bands: least to greatest."),
        (n, false) => format!("Points: mean over {n} seeds; whiskers: least to greatest."),
    }
}

pub(super) fn absent_name<'a>(panels: &Panels<'a>, plan: &Plan) -> Option<&'a str> {
    plan.shown.iter().zip(0..).find_map(|(panel, column)| {
        let has = plan.rows.iter().any(|row| row.cells[column].lines.iter().any(|line| !line.absent.is_empty()));
        panels.panels[*panel].absent.filter(|_| has)
    })
}

/// What a page shows of one place: its line, where it is, its value over the seeds.
pub(super) fn of_place(panels: &Panels<'_>, spec: &PanelSpec<'_>, row: &str, line: &Line, spot: &Spot) -> String {
    let quantity = if spec.title.is_empty() { spec.heading } else { spec.title };
    let name = panels.lines.name(line.member);
    let name = match (name.is_empty(), panels.lines.heading.is_empty()) {
        (false, false) => format!("{} {name}", panels.lines.heading),
        _ => name.to_owned(),
    };
    let mut number = format!("{quantity} {}", value(spec.axis, spot));
    if spot.n > 1 {
        let end = |y: f64| value(spec.axis, &Spot { y, at_least: false, at_most: false, ..*spot });
        number.push_str(&format!(" ({} to {}); n = {} seeds", end(spot.low), end(spot.high), spot.n));
    }
    let place = match &panels.x {
        X::Numbers { title, .. } => format!("{title} {}", at(panels, spot.x)),
        _ => at(panels, spot.x),
    };
    [row.to_owned(), name, place, number].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// A horizontal value in words.
fn at(panels: &Panels<'_>, x: f64) -> String {
    match &panels.x {
        X::Curve { column, .. } => format!("{} {}", column.replace('_', " "), compact(x)),
        X::Numbers { show, .. } => show(x),
        X::Names { names, .. } => names.get(x as usize).cloned().unwrap_or_default(),
    }
}

/// The numbers of each panel.
pub(super) fn alternative(panels: &Panels<'_>, plan: &Plan) -> String {
    let mut parts = Vec::new();
    for row in &plan.rows {
        for (panel, cell) in plan.shown.iter().zip(&row.cells) {
            let spec = &panels.panels[*panel];
            let headings = [row.heading.as_str(), spec.heading];
            let heading = headings.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
            let what = match (heading.is_empty(), spec.title.is_empty()) {
                (false, false) => format!("{heading} ({})", spec.title),
                (true, _) => spec.title.to_owned(),
                (false, true) => heading,
            };
            let lines: Vec<String> = cell.lines.iter().filter_map(|line| of_line(panels, spec, line)).collect();
            match lines.is_empty() {
                true => parts.push(format!("{what}: {}.", spec.if_empty())),
                false => parts.push(format!("{what}: {}.", lines.join("; "))),
            }
        }
    }
    parts.join(" ")
}

fn of_line(panels: &Panels<'_>, spec: &PanelSpec<'_>, line: &Line) -> Option<String> {
    let value = |spot: &Spot| value(spec.axis, spot);
    let at = |x: f64| at(panels, x);
    let is_curve = matches!(panels.x, X::Curve { .. });
    let mut values: Vec<String> = Vec::new();
    if let (Some(first), Some(last), Some(best)) = (line.spots.first(), line.spots.last(), line.best()) {
        if is_curve || line.spots.len() > MOST_NAMED {
            values.push(format!("{} at {}", value(first), at(first.x)));
            if best.x != first.x && best.x != last.x {
                values.push(format!("greatest {} at {}", value(&best), at(best.x)));
            }
            if last.x != first.x {
                values.push(format!("{} at {}", value(last), at(last.x)));
            }
        } else {
            values.extend(line.spots.iter().map(|spot| format!("{} at {}", value(spot), at(spot.x))));
        }
    }
    if let (Some(name), false) = (spec.absent, line.absent.is_empty()) {
        let places: Vec<String> = line.absent.iter().map(|(x, n)| format!("{n} at {}", at(*x))).collect();
        values.push(format!("runs {name}: {}", places.join(", ")));
    }
    let name = panels.lines.name(line.member);
    let values = values.join(", ");
    (!values.is_empty()).then(|| if name.is_empty() { values } else { format!("{name} {values}") })
}

fn value(axis: YAxis, spot: &Spot) -> String {
    let bound = match (spot.at_least, spot.at_most) {
        (true, false) => "at least ",
        (false, true) => "at most ",
        (true, true) => "about ",
        (false, false) => "",
    };
    let number = match axis {
        YAxis::Score => format!("{:.3}", spot.y),
        YAxis::Percent | YAxis::PercentLog { .. } => percent(spot.y),
        YAxis::Epochs => format!("{:.1}", spot.y),
        YAxis::Number | YAxis::Log => match spot.y.abs() {
            size if size >= 1000.0 => compact(spot.y),
            size if size >= 10.0 => format!("{:.1}", spot.y),
            _ => format!("{:.3}", spot.y),
        },
    };
    format!("{bound}{number}")
}
