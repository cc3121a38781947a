//! The line figures of a report, as declarations: what is drawn against what. Axes of the grid that are neither the x axis nor
//! the rows of panels tell lines apart, so that no figure averages over anything but seeds.

use std::path::Path;

use polars::prelude::*;

use super::frames::stack;
use super::gather::Row;
use super::measure::{Measure, Unit};
use super::summarise::{NOISE, ReportAxis, measures_frame, place, with_axes};
use crate::error::Result;
use crate::figures::panels::{self, Facet, Lines, Member, PanelSpec, Panels, Value, X, YAxis};
use crate::figures::{FigureFiles, Style};
use crate::format::{compact, percent};
use crate::run::Coordinates;

/// A line figure.
pub(super) struct Chart {
    /// Stem of its files.
    pub name: String,
    /// What it shows: a noun phrase.
    pub title: String,
    /// What is measured and how.
    pub description: String,
    /// Where its values come from, and its x axis.
    pub against: Against,
    /// The axis of the grid that each row of panels has one point of.
    pub rows: Option<String>,
    /// Only runs with these coordinates.
    pub only: Coordinates,
    /// From left to right.
    pub panels: Vec<ChartPanel>,
    /// The phases of each line below the panels, of a figure over epochs.
    pub phases: bool,
}

/// What values are drawn against.
pub(super) enum Against {
    /// The evaluations of a run, against the epoch.
    Evaluations,
    /// The epochs of a run.
    Epochs,
    /// The epochs of an entity type.
    ClassEpochs,
    /// One value a run, against an axis of the grid.
    Axis(String),
}

/// A panel of a line figure.
pub(super) enum ChartPanel {
    /// A column of evaluations or epochs.
    Series {
        /// The column.
        column: &'static str,
        /// Stands above the panel.
        heading: &'static str,
        /// Kind of the vertical axis.
        axis: YAxis,
        /// Title of the vertical axis.
        title: &'static str,
        /// Marks the best place of each line.
        mark_best: bool,
    },
    /// A measure of runs.
    Measure(&'static Measure),
}

impl Chart {
    /// A figure of evaluations or epochs, one line each point of the grid.
    pub fn of_series(name: &str, title: &str, description: &str, against: Against, panels: Vec<ChartPanel>) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            description: description.into(),
            against,
            rows: None,
            only: Coordinates::default(),
            panels,
            phases: false,
        }
    }

    /// A figure of measures against an axis of the grid.
    pub fn of_measures(name: &str, axis: &ReportAxis, measures: &[&'static Measure]) -> Self {
        let panels = measures.iter().map(|measure| ChartPanel::Measure(measure)).collect();
        let title = format!("Measures by {}", axis.noun());
        Self::of_series(name, &title, "One value per run.", Against::Axis(axis.name.clone()), panels)
    }

    /// The same with a row of panels for each point of an axis, where it varies.
    pub fn by_rows(self, axes: &[ReportAxis], name: &str) -> Self {
        let varies = axes.iter().any(|axis| axis.name == name && axis.varies());
        Self { rows: varies.then(|| name.to_owned()), ..self }
    }

    /// Draws it from the rows that it speaks of; nothing where there is none, or where it has no panel.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a file cannot be written.
    pub fn draw(
        &self,
        rows: &[Row],
        axes: &[ReportAxis],
        phases: &DataFrame,
        style: &Style,
        stem: &Path,
    ) -> Result<Option<FigureFiles>> {
        let is_meant = |row: &&Row| self.only.iter().all(|of| row.coordinates.get(&of.axis) == Some(of));
        let rows: Vec<Row> = rows.iter().filter(is_meant).cloned().collect();
        if rows.is_empty() || self.panels.is_empty() {
            return Ok(None);
        }
        let used = |axis: &&ReportAxis| {
            let is_x = matches!(&self.against, Against::Axis(name) if *name == axis.name);
            axis.varies() && !is_x && self.rows.as_ref() != Some(&axis.name) && self.only.get(&axis.name).is_none()
        };
        let of_lines: Vec<ReportAxis> = axes.iter().filter(used).cloned().collect();
        let frame = self.frame(&rows, axes, &of_lines)?;
        if !self.panels.iter().any(|panel| panel.has_values(&frame)) {
            return Ok(None);
        }
        let names = NamesOfLines::of(&rows, &of_lines);
        let x_axis = match &self.against {
            Against::Axis(name) => axes.iter().find(|axis| axis.name == *name),
            _ => None,
        };
        let labels = x_axis.map(ReportAxis::labels).unwrap_or_default();
        let title = x_axis.map(|axis| axis.noun()).unwrap_or_default();
        let x = match x_axis {
            None => X::Curve { column: "epoch", title: "epoch" },
            Some(axis) if axis.is_numeric() => {
                let show = if axis.name == NOISE { percent } else { compact };
                X::Numbers { column: &axis.name, title: &title, show }
            }
            Some(axis) => X::Names { column: &axis.name, names: &labels, title: &title },
        };
        let facet = self.rows.as_ref().and_then(|name| axes.iter().find(|axis| axis.name == *name));
        let facet = facet.map(|axis| Facet {
            column: &axis.name,
            members: axis
                .points
                .iter()
                .map(|point| {
                    let at = Coordinates::of([point.clone()]);
                    Member { value: value(axis, point), name: place(&at, std::slice::from_ref(axis)) }
                })
                .collect(),
        });
        let states: Vec<Option<String>> = self.panels.iter().map(|panel| panel.states(&frame)).collect();
        let headings: Vec<String> = self.panels.iter().map(ChartPanel::heading).collect();
        let panels = self.panels.iter().zip(&states).zip(&headings);
        let panels = panels.map(|((panel, states), heading)| panel.spec(heading, states.as_deref())).collect();
        let figure = Panels {
            title: &self.title,
            description: &self.description,
            x,
            lines: names.lines(&of_lines),
            rows: facet,
            panels,
            phases: Some(phases).filter(|_| self.phases && of_lines.len() == 1),
        };
        panels::draw(&frame, &figure, style, stem).map(Some)
    }

    /// One row a run, or one an epoch or evaluation of each run, with the columns of the axes, `seed` and `line`.
    fn frame(&self, rows: &[Row], axes: &[ReportAxis], of_lines: &[ReportAxis]) -> Result<DataFrame> {
        let line = |row: &Row| place(&row.coordinates, of_lines);
        let of_run = |row: &Row, frame: &DataFrame| -> Result<DataFrame> {
            let mut frame = with_axes(row, frame, axes)?;
            frame.with_column(Column::new("line".into(), vec![line(row); frame.height()]))?;
            Ok(frame)
        };
        match &self.against {
            Against::Evaluations => stack(rows.iter().map(|row| of_run(row, &row.curve)).collect::<Result<Vec<_>>>()?),
            Against::Epochs => stack(rows.iter().map(|row| of_run(row, &row.epochs)).collect::<Result<Vec<_>>>()?),
            Against::ClassEpochs => {
                let of_class = rows.iter().filter_map(|row| Some(of_run(row, &row.class.as_ref()?.epochs)));
                stack(of_class.collect::<Result<Vec<_>>>()?)
            }
            Against::Axis(_) => {
                let measures = self.panels.iter().filter_map(|panel| match panel {
                    ChartPanel::Measure(measure) => Some(*measure),
                    ChartPanel::Series { .. } => None,
                });
                let mut frame = measures_frame(rows, axes, &measures.collect::<Vec<_>>())?;
                frame.with_column(Column::new("line".into(), rows.iter().map(line).collect::<Vec<_>>()))?;
                Ok(frame)
            }
        }
    }
}

impl ChartPanel {
    fn heading(&self) -> String {
        match self {
            Self::Series { heading, .. } => (*heading).to_owned(),
            Self::Measure(measure) => measure.heading.to_owned(),
        }
    }

    fn has_values(&self, frame: &DataFrame) -> bool {
        let column = match self {
            Self::Series { column, .. } => column,
            Self::Measure(measure) => measure.key,
        };
        frame.column(column).is_ok_and(|values| values.null_count() < values.len())
    }

    fn states(&self, frame: &DataFrame) -> Option<String> {
        let Self::Measure(measure) = self else { return None };
        let name = format!("{}_censored", measure.key);
        frame.column(&name).is_ok().then_some(name)
    }

    fn spec<'a>(&'a self, heading: &'a str, states: Option<&'a str>) -> PanelSpec<'a> {
        match self {
            Self::Series { column, axis, title, mark_best, .. } => {
                PanelSpec { heading, column, axis: *axis, title, mark_best: *mark_best, ..PanelSpec::default() }
            }
            Self::Measure(measure) => {
                let (axis, title) = match measure.unit {
                    Unit::Score => (YAxis::Score, "score"),
                    Unit::Share => (YAxis::Percent, "share of tokens"),
                    Unit::Epoch => (YAxis::Epochs, "epoch"),
                    Unit::Epochs => (YAxis::Epochs, "epochs"),
                    Unit::Seconds => (YAxis::Number, "seconds"),
                    Unit::Count => (YAxis::Number, "number"),
                };
                PanelSpec { heading, column: measure.key, axis, title, states, ..PanelSpec::default() }
            }
        }
    }
}

/// The value of a point in an axis's column.
fn value(axis: &ReportAxis, point: &crate::run::Coordinate) -> Value {
    match point.value.as_f64().filter(|_| axis.is_numeric()) {
        Some(number) => number.into(),
        None => point.label.as_str().into(),
    }
}

/// The lines of a figure: the points of one axis, or combinations of several.
struct NamesOfLines {
    combinations: Vec<String>,
    heading: String,
}

impl NamesOfLines {
    fn of(rows: &[Row], axes: &[ReportAxis]) -> Self {
        let mut placed: Vec<(Vec<Option<usize>>, String)> = Vec::new();
        for row in rows {
            let at = axes.iter().map(|axis| axis.position(&row.coordinates)).collect();
            let name = place(&row.coordinates, axes);
            if !placed.iter().any(|(_, other)| *other == name) {
                placed.push((at, name));
            }
        }
        placed.sort();
        let heading = axes.iter().map(ReportAxis::noun).collect::<Vec<_>>().join(", ");
        Self { combinations: placed.into_iter().map(|(_, name)| name).collect(), heading }
    }

    fn lines<'a>(&'a self, axes: &'a [ReportAxis]) -> Lines<'a> {
        match axes {
            [] => Lines::single(),
            [axis] => Lines {
                column: Some(&axis.name),
                members: axis
                    .points
                    .iter()
                    .map(|point| Member { value: value(axis, point), name: axis.label(point) })
                    .collect(),
                heading: &self.heading,
                ordered: axis.is_numeric(),
            },
            _ => Lines::names("line", &self.combinations, &self.heading),
        }
    }
}
