//! What is drawn: the places of each line in each panel, over the seeds.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::{AT_LEAST, AT_MOST, MOST_LINES, Member, NOT_APPLICABLE, PanelSpec, Panels, Value, X};
use crate::figures::columns::{self, Order};
use crate::metrics::{Measurement, Summary};
use crate::{Error, Result};

/// One place on a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// Horizontal value.
    pub x: f64,
    /// Mean over the seeds that have a value here; the median where one of them is censored.
    pub y: f64,
    /// Least over seeds.
    pub low: f64,
    /// Greatest over seeds.
    pub high: f64,
    /// Seeds that have a value here.
    pub n: usize,
    /// Whether a seed is censored, so that `y` is the median.
    pub is_censored: bool,
    /// The median may be greater.
    pub at_least: bool,
    /// The median may be less.
    pub at_most: bool,
}

/// The number of the line of a panel whose values do not depend on the lines.
pub(super) const ONE_FOR_ALL: usize = usize::MAX;

/// One line of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Its number in the figure.
    pub member: usize,
    /// Ascending in `x`.
    pub spots: Vec<Spot>,
    /// Where seeds have no value, and how many of them; ascending.
    pub absent: Vec<(f64, usize)>,
}

impl Line {
    /// The place with the greatest value, the first of equals.
    pub fn best(&self) -> Option<Spot> {
        self.spots.iter().copied().reduce(|best, spot| if spot.y > best.y { spot } else { best })
    }

    /// The value at `x`, between places by straight lines; null outside of them.
    pub fn at(&self, x: f64) -> Option<f64> {
        let after = self.spots.iter().position(|spot| spot.x >= x)?;
        let right = self.spots[after];
        if right.x == x {
            return Some(right.y);
        }
        let left = self.spots[after.checked_sub(1)?];
        Some(left.y + (right.y - left.y) * (x - left.x) / (right.x - left.x))
    }
}

/// One panel of a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    /// All lines of its row of panels, in order.
    pub lines: Vec<Line>,
}

impl Cell {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.spots.is_empty() && line.absent.is_empty())
    }

    pub fn spots(&self) -> impl Iterator<Item = &Spot> {
        self.lines.iter().flat_map(|line| &line.spots)
    }
}

/// One row of panels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// Stands above its panels; empty for the only row.
    pub heading: String,
    /// One a panel of [`Plan::shown`].
    pub cells: Vec<Cell>,
}

/// Everything that is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// Numbers of the panels that have data; the first if none has.
    pub shown: Vec<usize>,
    /// Numbers of the panels that are left out.
    pub left_out: Vec<usize>,
    /// Rows of panels that have data.
    pub rows: Vec<Row>,
    /// Headings of the rows without data.
    pub rows_left_out: Vec<String>,
    /// More than [`MOST_LINES`] lines are drawn in several rows of panels.
    pub is_chunked: bool,
}

impl Plan {
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|row| &row.cells)
    }

    /// The greatest number of seeds at a place.
    pub fn seeds(&self) -> usize {
        let lines = self.cells().flat_map(|cell| &cell.lines).filter(|line| line.member != ONE_FOR_ALL);
        lines.flat_map(|line| &line.spots).map(|spot| spot.n).max().unwrap_or(0)
    }

    /// Numbers of the lines that have data, ascending.
    pub fn lines(&self) -> Vec<usize> {
        let lines = self.cells().flat_map(|cell| &cell.lines);
        let has_data = |line: &&Line| !line.spots.is_empty() || !line.absent.is_empty();
        let mut members: Vec<usize> =
            lines.filter(|line| line.member != ONE_FOR_ALL).filter(has_data).map(|line| line.member).collect();
        members.sort_unstable();
        members.dedup();
        members
    }
}

/// Reads the frame.
pub(super) fn plan(frame: &DataFrame, panels: &Panels<'_>) -> Result<Plan> {
    let rows_of = match &panels.rows {
        Some(facet) => numbers_of(frame, facet.column, &facet.members)?,
        None => vec![Some(0); frame.height()],
    };
    let lines_of = match panels.lines.column {
        Some(column) => numbers_of(frame, column, &panels.lines.members)?,
        None => vec![Some(0); frame.height()],
    };
    let xs = horizontal(frame, &panels.x)?;
    let places: Vec<Option<(usize, usize, f64)>> =
        (0..frame.height()).map(|row| Some((rows_of[row]?, lines_of[row]?, xs[row]?))).collect();
    let mut values = Vec::new();
    for panel in &panels.panels {
        values.push(gathered(frame, panel, &places)?);
    }

    let n_lines = panels.lines.len();
    let is_chunked = n_lines > MOST_LINES;
    let headings: Vec<String> = match &panels.rows {
        Some(facet) => facet.members.iter().map(|member| member.name.clone()).collect(),
        None => vec![String::new()],
    };
    let mut rows = Vec::new();
    for (row, heading) in headings.into_iter().enumerate() {
        for first in (0..n_lines).step_by(MOST_LINES) {
            let members = first..(first + MOST_LINES).min(n_lines);
            let cell = |(groups, panel): (&Groups, &PanelSpec<'_>)| match panel.ignores_lines {
                true => Cell { lines: vec![groups.line(row, ONE_FOR_ALL)] },
                false => Cell { lines: members.clone().map(|line| groups.line(row, line)).collect() },
            };
            let cells = values.iter().zip(&panels.panels).map(cell).collect();
            let mut parts = vec![heading.clone()];
            if is_chunked {
                let (from, to) = (panels.lines.name(first), panels.lines.name(members.end - 1));
                parts.push(format!("{} {from} to {to}", panels.lines.heading).trim().to_owned());
            }
            parts.retain(|part| !part.is_empty());
            rows.push(Row { heading: parts.join(", "), cells });
        }
    }

    let n_panels = panels.panels.len();
    let has_data = |panel: &usize| rows.iter().any(|row| !row.cells[*panel].is_empty());
    let (mut shown, mut left_out): (Vec<usize>, Vec<usize>) = (0..n_panels).partition(has_data);
    if shown.is_empty() && n_panels > 0 {
        shown = vec![left_out.remove(0)];
    }
    for row in &mut rows {
        row.cells = shown.iter().map(|panel| row.cells[*panel].clone()).collect();
    }
    let (mut rows, empty): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row.cells.iter().any(|cell| !cell.is_empty()));
    if rows.is_empty() {
        rows = vec![Row { heading: String::new(), cells: vec![Cell::default(); shown.len()] }];
    }
    let rows_left_out = empty.into_iter().map(|row| row.heading).filter(|heading| !heading.is_empty()).collect();
    Ok(Plan { shown, left_out, rows, rows_left_out, is_chunked })
}

/// The values of one panel by row of panels, line and place.
struct Groups {
    values: BTreeMap<(usize, usize, Order), Vec<Measurement>>,
    absent: BTreeMap<(usize, usize, Order), usize>,
}

impl Groups {
    fn line(&self, row: usize, line: usize) -> Line {
        let range = (row, line, Order::LEAST)..=(row, line, Order::GREATEST);
        let spots = self.values.range(range.clone()).map(|((_, _, x), values)| spot(x.value(), values));
        let absent = self.absent.range(range).map(|((_, _, x), n)| (x.value(), *n));
        Line { member: line, spots: spots.collect(), absent: absent.collect() }
    }
}

fn gathered(frame: &DataFrame, panel: &PanelSpec<'_>, places: &[Option<(usize, usize, f64)>]) -> Result<Groups> {
    let values = columns::numbers(frame, panel.column)?;
    let states = match panel.states {
        Some(column) => columns::texts(frame, column)?,
        None => vec![None; frame.height()],
    };
    let mut groups = Groups { values: BTreeMap::new(), absent: BTreeMap::new() };
    for ((place, value), state) in places.iter().zip(values).zip(states) {
        let Some((row, line, x)) = *place else { continue };
        let line = if panel.ignores_lines { ONE_FOR_ALL } else { line };
        let key = (row, line, Order::of(x));
        let (known, counts): (fn(f64) -> Measurement, bool) = match state.as_deref() {
            None => (Measurement::Exact, true),
            Some(AT_LEAST) => (Measurement::AtLeast, true),
            Some(AT_MOST) => (Measurement::AtMost, true),
            Some(NOT_APPLICABLE) => (Measurement::Exact, false),
            Some(other) => {
                let column = panel.states.unwrap_or_default();
                return Err(Error::Internal(format!(
                    "column `{column}` holds `{other}`, not `{AT_LEAST}`, `{AT_MOST}` or `{NOT_APPLICABLE}`"
                )));
            }
        };
        match value {
            Some(value) => groups.values.entry(key).or_default().push(known(value)),
            None if counts && panel.absent.is_some() => *groups.absent.entry(key).or_default() += 1,
            None => {}
        }
    }
    Ok(groups)
}

/// Mean or median of the seeds' values at one place.
pub(super) fn spot(x: f64, values: &[Measurement]) -> Spot {
    let bounds = || values.iter().map(|value| value.bound());
    let (low, high) = (bounds().fold(f64::INFINITY, f64::min), bounds().fold(f64::NEG_INFINITY, f64::max));
    let summary = Summary::of(values.iter().copied());
    let centre = summary.as_ref().and_then(Summary::centre);
    Spot {
        x,
        // Of values without any bound from below or above, the middle of the bounds is the least wrong place.
        y: centre.map_or((low + high) / 2.0, Measurement::bound),
        low,
        high,
        n: values.len(),
        is_censored: summary.is_some_and(|summary| summary.n_censored() > 0),
        at_least: !matches!(centre, Some(Measurement::Exact(_) | Measurement::AtMost(_))),
        at_most: !matches!(centre, Some(Measurement::Exact(_) | Measurement::AtLeast(_))),
    }
}

/// Which member each row of the frame belongs to.
fn numbers_of(frame: &DataFrame, column: &str, members: &[Member]) -> Result<Vec<Option<usize>>> {
    let found = columns::values(frame, column)?;
    let number = |value: Option<Value>| members.iter().position(|member| Some(&member.value) == value.as_ref());
    Ok(found.into_iter().map(number).collect())
}

/// The horizontal value of each row; of names their numbers.
fn horizontal(frame: &DataFrame, x: &X<'_>) -> Result<Vec<Option<f64>>> {
    let X::Names { column, names, .. } = x else { return columns::numbers(frame, x.column()) };
    let place = |value: Value| match value {
        Value::Text(name) => names.iter().position(|other| *other == name).map(|number| number as f64),
        Value::Number(number) => Some(number).filter(|number| *number >= 0.0 && *number < names.len() as f64),
    };
    Ok(columns::values(frame, column)?.into_iter().map(|value| value.and_then(place)).collect())
}
