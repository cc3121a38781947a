//! Where panels, legend and strip of phases stand.

use super::gather::Plan;
use super::marks::{self, Look};
use super::{Panels, X, axes};
use crate::figures::canvas::{Anchor, Text};
use crate::figures::font::{self, Weight};
use crate::figures::panel::{Area, Marker, Panel};
use crate::figures::phases::{self, LinePhases};
use crate::figures::sheet::{LegendEntry, Sheet};
use crate::figures::theme::{INK, LABEL_SIZE, SOFT_INK, TICK_SIZE};

/// Narrower figures have their panels one above the other, points.
const NARROW: f64 = 340.0;
/// Distance of two panels side by side, points.
const GAP: f64 = 8.0;
/// Height of one line of a heading, points.
const HEADING_LINE: f64 = 9.0;
/// Widest name at the end of a line, points.
const WIDEST_NAME: f64 = 40.0;
/// Between the end of a panel and the names of its lines, points.
const LEADER: f64 = 10.0;

/// Draws everything below the title.
pub(super) fn draw(sheet: &mut Sheet, panels: &Panels<'_>, plan: &Plan, phases: &[LinePhases]) {
    let grid = Grid::of(plan, sheet.canvas.width);
    let look = Look::of(panels, plan);
    let verticals = axes::vertical(panels, plan, grid.height);
    let names_at_ends = look.fits_ends(panels, plan, &grid);
    let right = match names_at_ends {
        true => LEADER + look.widest_name(panels, plan),
        false => 6.0,
    };
    let left: Vec<f64> = verticals.iter().map(|vertical| room_of(&vertical.axis)).collect();
    // In one column of the grid may stand several panels: the plot areas begin at one place.
    let left_of = |column: usize| {
        let here = grid.items(plan).filter(|item| item.column == column).map(|item| left[item.panel]);
        here.fold(0.0, f64::max)
    };
    let outer = Area { x: 0.0, y: 0.0, width: sheet.canvas.width - 12.0, height: 1.0 }.columns(grid.n_columns, GAP);
    let inner_width =
        (0..grid.n_columns).map(|column| outer[column].width - left_of(column) - right).fold(f64::MAX, f64::min);
    let (x, is_numbered) = axes::horizontal(panels, plan, inner_width.max(1.0));

    legend(sheet, panels, plan, phases, &look, names_at_ends, is_numbered);

    let shown = plan.lines();
    let has_strip =
        phases.iter().any(|line| line.is_seen() && member_of(panels, line).is_some_and(|line| shown.contains(&line)));
    let strip_height = if has_strip { phases::strip_height(shown.len()) } else { 0.0 };
    let items: Vec<Item> = grid.items(plan).collect();
    for row in 0..grid.n_rows(plan) {
        let here: Vec<&Item> = items.iter().filter(|item| item.row == row).collect();
        let headings: Vec<Vec<String>> = here
            .iter()
            .map(|item| {
                let text = heading(panels, plan, item);
                let width = outer[item.column].width - left_of(item.column);
                let name = if names_at_ends {
                    font::width(panels.lines.heading, LABEL_SIZE, Weight::Regular) + 6.0
                } else {
                    0.0
                };
                font::wrap(&text, LABEL_SIZE, Weight::Bold, (width - name).max(30.0))
            })
            .collect();
        let n_heading = headings.iter().map(Vec::len).max().unwrap_or(0).max(usize::from(names_at_ends));
        let heading_height = 4.0 + HEADING_LINE * n_heading as f64;
        let is_lowest = here.iter().any(|item| item.is_lowest);
        let below = match is_lowest {
            true => {
                Panel::BELOW
                    + if has_strip { strip_height + 5.0 } else { 0.0 }
                    + if row + 1 < grid.n_rows(plan) { 6.0 } else { 0.0 }
            }
            false => 8.0,
        };
        let areas = sheet.take(heading_height + grid.height + below).columns(grid.n_columns, GAP);
        for (item, lines) in here.iter().zip(headings) {
            let area = areas[item.column].inset(left_of(item.column), heading_height, right, below);
            let vertical = &verticals[item.panel];
            let panel = Panel { area, x: x.clone(), y: vertical.axis.clone() };
            let spec = &panels.panels[plan.shown[item.panel]];
            let cell = &plan.rows[item.facet].cells[item.panel];
            let canvas = &mut sheet.canvas;
            for (i, line) in lines.iter().rev().enumerate() {
                canvas.text(Text::new(line, (area.x, area.y - 5.0 - HEADING_LINE * i as f64), LABEL_SIZE, INK).bold());
            }
            if cell.is_empty() && plan.rows.len() > 1 {
                // An empty box beside full ones would read as a line at zero.
                panel.note(canvas, spec.if_empty());
                continue;
            }
            panel.frame(canvas, "", item.is_lowest && !has_strip);
            if cell.is_empty() {
                panel.note(canvas, spec.if_empty());
            }
            marks::draw(canvas, &panel, spec, cell, &look, vertical.absent);
            marks::phases(canvas, &panel, panels, cell, &look, phases);
            if names_at_ends {
                marks::names(canvas, &panel, panels, cell, &look);
                let at = (area.x + area.width + right, area.y - 5.0);
                canvas.text(Text::new(panels.lines.heading, at, TICK_SIZE, SOFT_INK).anchor(Anchor::End));
            }
            if has_strip && item.is_lowest {
                let strip = Area { y: area.y + area.height + 5.0, height: strip_height, ..area };
                let rows: Vec<phases::StripRow<'_>> = shown
                    .iter()
                    .map(|line| phases::StripRow {
                        name: panels.lines.name(*line),
                        phases: phases.iter().find(|phases| member_of(panels, phases) == Some(*line)),
                    })
                    .collect();
                let end = plan.cells().flat_map(|cell| cell.spots()).map(|spot| spot.x).reduce(f64::max);
                phases::strip(canvas, strip, &x, &rows, end.unwrap_or(x.high));
            }
        }
    }
}

/// The line whose phases they are.
pub(super) fn member_of(panels: &Panels<'_>, phases: &LinePhases) -> Option<usize> {
    panels.lines.members.iter().position(|member| member.value == phases.line)
}

/// Room left of a panel for tick labels and the title of its axis, points.
fn room_of(axis: &crate::figures::scale::Axis) -> f64 {
    let labels = axis.ticks.iter().map(|tick| font::width(&tick.label, TICK_SIZE, Weight::Regular));
    let title = if axis.title.is_empty() { 0.0 } else { 5.0 + LABEL_SIZE };
    3.5 + labels.fold(0.0, f64::max) + title
}

fn heading(panels: &Panels<'_>, plan: &Plan, item: &Item) -> String {
    let row = &plan.rows[item.facet].heading;
    let panel = panels.panels[plan.shown[item.panel]].heading;
    match (row.is_empty(), panel.is_empty()) {
        (false, false) => format!("{row}: {panel}"),
        (false, true) => row.clone(),
        (true, _) => panel.to_owned(),
    }
}

/// How panels are put in rows and columns.
pub(super) struct Grid {
    n_columns: usize,
    /// Height of a panel's box, points.
    pub height: f64,
}

/// Where a panel stands.
struct Item {
    /// Number of the row of panels.
    facet: usize,
    /// Number among the shown panels.
    panel: usize,
    row: usize,
    column: usize,
    /// No panel stands below it.
    is_lowest: bool,
}

impl Grid {
    fn of(plan: &Plan, width: f64) -> Self {
        let (n_rows, n_panels) = (plan.rows.len().max(1), plan.shown.len().max(1));
        let n = n_rows * n_panels;
        if width < NARROW {
            let n_columns = if n_panels == 1 && n_rows > 2 && width > 200.0 { 2 } else { 1 };
            return Self { n_columns, height: if n_columns == 2 { 78.0 } else { 90.0 } };
        }
        let n_columns = match n {
            _ if n_rows > 1 && (2..=3).contains(&n_panels) => n_panels,
            1 => 1,
            2 | 4 => 2,
            _ => 3,
        };
        Self { n_columns, height: if n <= n_columns && n_columns < 3 { 132.0 } else { 104.0 } }
    }

    fn n_rows(&self, plan: &Plan) -> usize {
        (plan.rows.len() * plan.shown.len()).div_ceil(self.n_columns)
    }

    fn items(&self, plan: &Plan) -> impl Iterator<Item = Item> {
        let (n_rows, n_panels, n_columns) = (plan.rows.len(), plan.shown.len(), self.n_columns);
        let is_blank: Vec<bool> = plan.cells().map(|cell| cell.is_empty() && n_rows > 1).collect();
        (0..n_rows * n_panels).map(move |i| {
            let below = (i + n_columns..n_rows * n_panels).step_by(n_columns).all(|below| is_blank[below]);
            Item {
                facet: i / n_panels,
                panel: i % n_panels,
                row: i / n_columns,
                column: i % n_columns,
                is_lowest: below && !is_blank[i],
            }
        })
    }
}

impl Look {
    /// Whether the names of the lines stand at their ends: few, short, in order.
    fn fits_ends(&self, panels: &Panels<'_>, plan: &Plan, grid: &Grid) -> bool {
        let n = plan.lines().len();
        let is_curve = !matches!(panels.x, X::Names { .. });
        is_curve
            && panels.lines.ordered
            && n > 1
            && plan.rows.len() == 1
            && n as f64 * (LABEL_SIZE + 1.0) <= grid.height
            && self.widest_name(panels, plan) <= WIDEST_NAME
    }

    fn widest_name(&self, panels: &Panels<'_>, plan: &Plan) -> f64 {
        let names =
            plan.lines().into_iter().map(|line| font::width(panels.lines.name(line), LABEL_SIZE, Weight::Regular));
        names.fold(0.0, f64::max)
    }
}

/// Names of the lines, unless they stand at their ends, and what the markers mean.
fn legend(
    sheet: &mut Sheet,
    panels: &Panels<'_>,
    plan: &Plan,
    phases: &[LinePhases],
    look: &Look,
    names_at_ends: bool,
    is_numbered: bool,
) {
    let mut lines = Vec::new();
    if !names_at_ends && panels.lines.members.len() > 1 {
        for line in plan.lines() {
            let stroke = look.stroke(line);
            let has_line = !matches!(panels.x, X::Names { .. });
            let marker = if look.has_markers || !has_line { Some((look.marker(line), stroke.colour)) } else { None };
            lines.push(LegendEntry {
                text: panels.lines.name(line).to_owned(),
                stroke: has_line.then_some(stroke),
                marker,
            });
        }
    }
    let mut any = !lines.is_empty();
    if any {
        sheet.legend(panels.lines.heading, &lines);
    }
    if let (X::Names { names, title, .. }, true) = (&panels.x, is_numbered) {
        let entry = |(i, name): (usize, &String)| LegendEntry {
            text: format!("{}: {name}", i + 1),
            stroke: None,
            marker: None,
        };
        sheet.legend(title, &names.iter().enumerate().map(entry).collect::<Vec<_>>());
        any = true;
    }
    let keys = keys(panels, plan, phases);
    if !keys.is_empty() {
        sheet.legend("", &keys);
        any = true;
    }
    if any {
        sheet.take(3.0);
    }
}

fn keys(panels: &Panels<'_>, plan: &Plan, phases: &[LinePhases]) -> Vec<LegendEntry> {
    let spots = || plan.cells().flat_map(|cell| cell.spots());
    let has_best = plan.shown.iter().any(|panel| panels.panels[*panel].mark_best) && spots().next().is_some();
    let absent = plan.shown.iter().zip(0..).find_map(|(panel, column)| {
        let has = plan.rows.iter().any(|row| row.cells[column].lines.iter().any(|line| !line.absent.is_empty()));
        panels.panels[*panel].absent.filter(|_| has)
    });
    let several = if plan.seeds() > 1 { "median of the seeds, " } else { "" };
    let entries = [
        (Marker::Diamond, has_best, "greatest value".to_owned()),
        (Marker::Circle, phases.iter().any(|line| line.fitting_end.is_some()), "end of fitting".to_owned()),
        (
            Marker::Triangle,
            phases.iter().any(|line| line.memorisation_onset.is_some()),
            "onset of memorisation".to_owned(),
        ),
        (Marker::AtLeast, spots().any(|spot| spot.at_least), format!("censored: {several}at least")),
        (Marker::AtMost, spots().any(|spot| spot.at_most), format!("censored: {several}at most")),
        (
            Marker::Circle,
            spots().any(|spot| spot.is_censored && !spot.at_least && !spot.at_most),
            "median of the seeds, some censored".to_owned(),
        ),
        (Marker::Cross, absent.is_some(), format!("{}: runs without a value", absent.unwrap_or_default())),
    ];
    let shown = entries.into_iter().filter(|(_, is_shown, _)| *is_shown);
    shown.map(|(marker, _, text)| LegendEntry { text, stroke: None, marker: Some((marker, SOFT_INK)) }).collect()
}
