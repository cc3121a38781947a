//! Where panels, legend and strip of phases stand.

use super::axes::{self, Vertical};
use super::gather::Plan;
use super::marks::{self, Look};
use super::{Panels, X, words};
use crate::figures::canvas::{Anchor, Canvas, Tag, Text};
use crate::figures::font::{self, Weight};
use crate::figures::panel::{Area, Marker, Panel};
use crate::figures::phases::{self, LinePhases};
use crate::figures::scale::Axis;
use crate::figures::sheet::{LegendEntry, MARGIN, Sheet};
use crate::figures::theme::{INK, LABEL_SIZE, SOFT_INK, TICK_SIZE, Width};

/// Distance of two panels side by side, points.
const GAP: f64 = 8.0;
/// Height of one line of a heading, points.
const HEADING_LINE: f64 = 9.0;
/// Widest name at the end of a line, points.
const WIDEST_NAME: f64 = 40.0;
/// Between the end of a panel and the names of its lines, points.
const LEADER: f64 = 10.0;
/// Between a panel and the strip of phases, points.
const STRIP_GAP: f64 = 5.0;

/// Draws everything below the title.
pub(super) fn draw(sheet: &mut Sheet, panels: &Panels<'_>, plan: &Plan, phases: &[LinePhases]) {
    let layout = Layout::new(panels, plan, phases, sheet.canvas.width);
    let any = [layout.legend_of_lines(sheet), layout.legend_of_places(sheet), layout.legend_of_markers(sheet)];
    if any.contains(&true) {
        sheet.take(3.0);
    }
    let items: Vec<Item> = layout.grid.items(plan).collect();
    for row in 0..layout.grid.n_rows(plan) {
        layout.row(sheet, &items.iter().filter(|item| item.row == row).collect::<Vec<_>>());
    }
}

/// What all panels of a figure share.
struct Layout<'a> {
    panels: &'a Panels<'a>,
    plan: &'a Plan,
    phases: &'a [LinePhases],
    grid: Grid,
    look: Look,
    x: Axis,
    /// Names of places stand in a legend, by their numbers.
    is_numbered: bool,
    verticals: Vec<Vertical>,
    /// Names of lines stand at their ends.
    names_at_ends: bool,
    /// Room left of the panels of each column, points.
    left: Vec<f64>,
    /// Room right of each panel, points.
    right: f64,
    /// Widths of the columns, points.
    widths: Vec<f64>,
    /// Height of the strip of phases, points; 0 if there is none.
    strip: f64,
}

impl<'a> Layout<'a> {
    fn new(panels: &'a Panels<'a>, plan: &'a Plan, phases: &'a [LinePhases], width: f64) -> Self {
        let grid = Grid::of(plan, width);
        let look = Look::of(panels, plan);
        let verticals = axes::vertical(panels, plan, grid.height);
        let shown = plan.lines();
        let is_shown = |line: &LinePhases| member_of(panels, line).is_some_and(|line| shown.contains(&line));
        let has_strip = phases.iter().any(|line| line.is_seen() && is_shown(line));
        let names = || shown.iter().map(|line| font::width(panels.lines.name(*line), TICK_SIZE, Weight::Regular));
        let names_of_strip = if has_strip { 3.5 + names().fold(0.0, f64::max) } else { 0.0 };
        // Panels of one column begin at one place.
        let left = (0..grid.n_columns).map(|column| {
            let here = grid.items(plan).filter(|item| item.column == column);
            here.map(|item| room_of(&verticals[item.panel].axis)).fold(names_of_strip, f64::max)
        });
        let left: Vec<f64> = left.collect();
        let names_at_ends = fits_ends(panels, plan, &grid);
        let right = if names_at_ends { LEADER + widest_name(panels, plan) } else { 6.0 };
        let sheet = Area { x: 0.0, y: 0.0, width: width - 2.0 * MARGIN, height: 1.0 };
        let widths: Vec<f64> = sheet.columns(grid.n_columns, GAP).iter().map(|area| area.width).collect();
        let inner = widths.iter().zip(&left).map(|(width, left)| width - left - right).fold(f64::MAX, f64::min);
        let (x, is_numbered) = axes::horizontal(panels, plan, inner.max(1.0));
        let strip = if has_strip { phases::strip_height(shown.len()) } else { 0.0 };
        Self { panels, plan, phases, grid, look, x, is_numbered, verticals, names_at_ends, left, right, widths, strip }
    }

    /// One row of the grid.
    fn row(&self, sheet: &mut Sheet, items: &[&Item]) {
        let name = match self.names_at_ends {
            true => font::width(self.panels.lines.heading, TICK_SIZE, Weight::Regular) + 6.0 - self.right,
            false => 0.0,
        };
        let headings: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                let width = self.widths[item.column] - self.left[item.column] - self.right - name.max(0.0);
                font::wrap(&heading(self.panels, self.plan, item), LABEL_SIZE, Weight::Bold, width.max(30.0))
            })
            .collect();
        let n_lines = headings.iter().map(Vec::len).max().unwrap_or(0).max(usize::from(self.names_at_ends));
        let above = 4.0 + HEADING_LINE * n_lines as f64;
        let is_last = items.iter().any(|item| item.row + 1 == self.grid.n_rows(self.plan));
        let below = match items.iter().any(|item| item.is_lowest) {
            true => {
                let strip = if self.strip > 0.0 { self.strip + STRIP_GAP } else { 0.0 };
                Panel::BELOW + strip + if is_last { 0.0 } else { 6.0 }
            }
            false => 8.0,
        };
        let outer = sheet.take(above + self.grid.height + below).columns(self.grid.n_columns, GAP);
        for (item, heading) in items.iter().zip(headings) {
            let outer = outer[item.column];
            sheet.canvas.begin(Tag::panel((outer.x, outer.y), outer.width, outer.height));
            self.panel(
                &mut sheet.canvas,
                item,
                &heading,
                outer.inset(self.left[item.column], above, self.right, below),
            );
            sheet.canvas.end();
        }
    }

    fn panel(&self, canvas: &mut Canvas, item: &Item, heading: &[String], area: Area) {
        let Self { panels, plan, look, .. } = self;
        let vertical = &self.verticals[item.panel];
        let panel = Panel { area, x: self.x.clone(), y: vertical.axis.clone() };
        let spec = &panels.panels[plan.shown[item.panel]];
        let row = &plan.rows[item.facet];
        let cell = &row.cells[item.panel];
        for (i, line) in heading.iter().rev().enumerate() {
            canvas.text(Text::new(line, (area.x, area.y - 5.0 - HEADING_LINE * i as f64), LABEL_SIZE, INK).bold());
        }
        if cell.is_empty() {
            panel.note(canvas, spec.if_empty());
            // An empty box beside full ones would read as a line at zero.
            if plan.rows.len() > 1 {
                return;
            }
        }
        panel.frame(canvas, "", item.is_lowest && self.strip == 0.0);
        marks::draw(canvas, &panel, panels, spec, cell, look, vertical.absent);
        marks::phases(canvas, &panel, panels, cell, look, self.phases);
        if self.names_at_ends && !spec.ignores_lines {
            marks::names(canvas, &panel, panels, cell, look);
            let at = (area.x + area.width + self.right, area.y - 5.0);
            canvas.text(Text::new(panels.lines.heading, at, TICK_SIZE, SOFT_INK).anchor(Anchor::End));
        }
        if self.strip > 0.0 && item.is_lowest {
            let strip = Area { y: area.y + area.height + STRIP_GAP, height: self.strip, ..area };
            let bar = |line: usize| phases::StripRow {
                name: panels.lines.name(line),
                phases: self.phases.iter().find(|phases| member_of(panels, phases) == Some(line)),
            };
            let bars: Vec<phases::StripRow<'_>> = plan.lines().into_iter().map(bar).collect();
            let end = plan.cells().flat_map(|cell| cell.spots()).map(|spot| spot.x).reduce(f64::max);
            phases::strip(canvas, strip, &self.x, &bars, end.unwrap_or(self.x.high));
        }
        marks::hits(canvas, &panel, panels, spec, &row.heading, cell, look);
    }

    /// Names the lines, unless their names stand at their ends. True if there is such a legend.
    fn legend_of_lines(&self, sheet: &mut Sheet) -> bool {
        if self.names_at_ends || self.panels.lines.members.len() < 2 {
            return false;
        }
        let has_line = !matches!(self.panels.x, X::Names { .. });
        let has_marker = self.look.has_markers || !has_line;
        let entry = |line: usize| {
            let stroke = self.look.stroke(line);
            LegendEntry {
                text: self.panels.lines.name(line).to_owned(),
                stroke: has_line.then_some(stroke),
                marker: has_marker.then_some((self.look.marker(line), stroke.colour)),
                is_line: true,
            }
        };
        let entries: Vec<LegendEntry> = self.plan.lines().into_iter().map(entry).collect();
        if !entries.is_empty() {
            sheet.legend(self.panels.lines.heading, &entries);
        }
        !entries.is_empty()
    }

    /// Names the places of the x axis by their numbers. True if there is such a legend.
    fn legend_of_places(&self, sheet: &mut Sheet) -> bool {
        let (X::Names { names, title, .. }, true) = (&self.panels.x, self.is_numbered) else { return false };
        let entry = |(i, name): (usize, &String)| LegendEntry {
            text: format!("{}: {name}", i + 1),
            stroke: None,
            marker: None,
            is_line: false,
        };
        sheet.legend(title, &names.iter().enumerate().map(entry).collect::<Vec<_>>());
        true
    }

    /// Says what markers mean. True if there is any to explain.
    fn legend_of_markers(&self, sheet: &mut Sheet) -> bool {
        let Self { panels, plan, phases, .. } = self;
        let spots = || plan.cells().flat_map(|cell| cell.spots());
        let has_best = plan.shown.iter().any(|panel| panels.panels[*panel].mark_best) && spots().next().is_some();
        let absent = words::absent_name(panels, plan);
        let what = if plan.seeds() > 1 { "censored median" } else { "censored" };
        let entries = [
            (Marker::Diamond, has_best, "greatest value".to_owned()),
            (Marker::Circle, phases.iter().any(|line| line.fitting_end.is_some()), "end of fitting".to_owned()),
            (
                Marker::Triangle,
                phases.iter().any(|line| line.memorisation_onset.is_some()),
                "onset of memorisation".to_owned(),
            ),
            (Marker::AtLeast, spots().any(|spot| spot.at_least), format!("{what}: at least")),
            (Marker::AtMost, spots().any(|spot| spot.at_most), format!("{what}: at most")),
            (
                Marker::Circle,
                spots().any(|spot| spot.is_censored && !spot.at_least && !spot.at_most),
                "median, some seeds censored".to_owned(),
            ),
            (Marker::Cross, absent.is_some(), format!("{}: runs without a value", absent.unwrap_or_default())),
        ];
        let shown = entries.into_iter().filter(|(_, is_shown, _)| *is_shown);
        let entry =
            |(marker, _, text)| LegendEntry { text, stroke: None, marker: Some((marker, SOFT_INK)), is_line: false };
        let entries: Vec<LegendEntry> = shown.map(entry).collect();
        if !entries.is_empty() {
            sheet.legend("", &entries);
        }
        !entries.is_empty()
    }
}

/// The line whose phases they are.
pub(super) fn member_of(panels: &Panels<'_>, phases: &LinePhases) -> Option<usize> {
    panels.lines.members.iter().position(|member| member.value == phases.line)
}

/// Room left of a panel for tick labels and the title of its axis, points.
fn room_of(axis: &Axis) -> f64 {
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
        if Width::Points(width).is_narrow() {
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
        self.items(plan).last().map_or(0, |item| item.row + 1)
    }

    /// The panels, row by row. Where they stand one above the other, those without data leave no gap.
    fn items(&self, plan: &Plan) -> impl Iterator<Item = Item> {
        let (n_panels, n_columns) = (plan.shown.len().max(1), self.n_columns);
        let is_blank = |cell: &super::gather::Cell| cell.is_empty() && plan.rows.len() > 1;
        let cells = plan.cells().map(is_blank).enumerate();
        let places: Vec<(usize, bool)> = cells.filter(|(_, is_blank)| n_columns > 1 || !is_blank).collect();
        let below = |i: usize| (i + n_columns..places.len()).step_by(n_columns).all(|below| places[below].1);
        let item = |(i, (cell, is_blank)): (usize, &(usize, bool))| Item {
            facet: cell / n_panels,
            panel: cell % n_panels,
            row: i / n_columns,
            column: i % n_columns,
            is_lowest: !is_blank && below(i),
        };
        places.iter().enumerate().map(item).collect::<Vec<Item>>().into_iter()
    }
}

/// Whether the names of the lines stand at their ends: few, short, in order.
fn fits_ends(panels: &Panels<'_>, plan: &Plan, grid: &Grid) -> bool {
    let n = plan.lines().len();
    !matches!(panels.x, X::Names { .. })
        && panels.lines.ordered
        && n > 1
        && plan.rows.len() == 1
        && n as f64 * (LABEL_SIZE + 1.0) <= grid.height
        && widest_name(panels, plan) <= WIDEST_NAME
}

fn widest_name(panels: &Panels<'_>, plan: &Plan) -> f64 {
    let names = plan.lines().into_iter().map(|line| font::width(panels.lines.name(line), LABEL_SIZE, Weight::Regular));
    names.fold(0.0, f64::max)
}
