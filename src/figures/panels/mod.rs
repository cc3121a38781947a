//! Figures of line panels: one layout for all of them, drawn from one long frame.
//!
//! A row of the frame is one observation of one seed: values of the columns that place it (x, line, row of panels) and one
//! column for each panel. A figure is a declaration, [`Panels`], and [`draw`] does the rest:
//!
//! * **Lines and points.** Rows with the same line and x are seeds. Their mean is drawn, with a band along a curve, and a
//!   whisker at a point, from the least seed to the greatest.
//! * **Censored values.** Where a seed's value is only a bound, there is no mean. The median is drawn instead, with bounds
//!   at their values, as an open marker; an arrow says that the median itself is a bound. Lines to it are thin and dotted.
//! * **Absent values.** A panel can show where seeds have no value, in a row of its own above the others.
//! * **Layout.** Panels stand side by side on a page's width (four as 2 × 2) and one above the other in a column. Panels with the
//!   same quantity have equal scales. A panel without any data is left out, and the caption says so.
//! * **Names.** Short names of ordered lines stand at their ends; all others in a legend with a heading. More than
//!   [`MOST_LINES`] lines are drawn in several rows of panels.
//!
//! The alternative text is made from the numbers (`words`).

mod axes;
mod gather;
mod layout;
mod marks;
mod words;

use std::path::Path;

use polars::prelude::DataFrame;

use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::Style;
use super::{columns, phases};
use crate::Result;
use crate::metrics::Bound;

pub use super::columns::Value;

/// More lines than this are not told apart in one panel.
pub const MOST_LINES: usize = 12;

/// What a column of states says of a value that a bound is below.
pub const AT_LEAST: &str = Bound::AtLeast.name();
/// What a column of states says of a value that a bound is above.
pub const AT_MOST: &str = Bound::AtMost.name();
/// What a column of states says where a missing value is as it should be: not counted as absent.
pub const NOT_APPLICABLE: &str = "not applicable";

/// One line, or one row of panels.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its value in the frame.
    pub value: Value,
    /// What it is called.
    pub name: String,
}

impl Member {
    /// A member that is called `name`.
    pub fn new(value: impl Into<Value>, name: impl Into<String>) -> Self {
        Self { value: value.into(), name: name.into() }
    }
}

/// The horizontal axis.
#[derive(Debug, Clone, Copy)]
pub enum X<'a> {
    /// Progress of a training. Whole numbers up to 1,000 get ticks at whole numbers; others are linear, or logarithmic where
    /// the greatest is more than 8 times the least.
    Curve {
        /// Column of numbers: `epoch`, `examples_seen`.
        column: &'a str,
        /// Title of the axis, with its unit.
        title: &'a str,
    },
    /// Values of an ordered axis of a study, with ticks at the values. Logarithmic where they span more than 8 times the least
    /// one above zero; zero has a place then, too.
    Numbers {
        /// Column of numbers.
        column: &'a str,
        /// Title of the axis, with its unit.
        title: &'a str,
        /// How a value is written.
        show: fn(f64) -> String,
    },
    /// Values without an order: points with whiskers at labelled places, without lines between them.
    Names {
        /// Column of text, or of numbers that count `names` from 0.
        column: &'a str,
        /// The names in order.
        names: &'a [String],
        /// Title of the axis.
        title: &'a str,
    },
}

impl X<'_> {
    fn column(&self) -> &str {
        match self {
            Self::Curve { column, .. } | Self::Numbers { column, .. } | Self::Names { column, .. } => column,
        }
    }
}

/// What tells the lines apart.
#[derive(Debug, Clone, Default)]
pub struct Lines<'a> {
    /// The column; null for one line alone.
    pub column: Option<&'a str>,
    /// The lines in order. Rows with other values are not drawn. A line without data keeps its colour for figures in which
    /// it has some.
    pub members: Vec<Member>,
    /// What a line stands for, with its unit: `noise level`.
    pub heading: &'a str,
    /// Whether the lines have an order: shades of one ramp, instead of hues.
    pub ordered: bool,
}

impl<'a> Lines<'a> {
    /// One line.
    pub fn single() -> Self {
        Self { column: None, members: Vec::new(), heading: "", ordered: true }
    }

    /// Lines for numbers in ascending order.
    pub fn levels(column: &'a str, values: &[f64], show: fn(f64) -> String, heading: &'a str) -> Self {
        let members = values.iter().map(|value| Member::new(*value, show(*value))).collect();
        Self { column: Some(column), members, heading, ordered: true }
    }

    /// Lines for names without an order, in a column of text.
    pub fn names(column: &'a str, names: &[String], heading: &'a str) -> Self {
        let members = names.iter().map(|name| Member::new(name.as_str(), name)).collect();
        Self { column: Some(column), members, heading, ordered: false }
    }

    /// Lines for names without an order, in a column of numbers that count them from 0.
    pub fn numbered(column: &'a str, names: &[String], heading: &'a str) -> Self {
        let members = names.iter().enumerate().map(|(number, name)| Member::new(number as f64, name)).collect();
        Self { column: Some(column), members, heading, ordered: false }
    }

    /// Number of lines, at least 1.
    fn len(&self) -> usize {
        self.members.len().max(1)
    }

    fn name(&self, line: usize) -> &str {
        self.members.get(line).map_or("", |member| &member.name)
    }
}

/// Small multiples: a row of panels for each value of a column.
#[derive(Debug, Clone)]
pub struct Facet<'a> {
    /// The column.
    pub column: &'a str,
    /// The rows of panels in order; a member's name is a heading: `10 % noise`. Rows with other values are not drawn.
    pub members: Vec<Member>,
}

impl<'a> Facet<'a> {
    /// A row of panels for each number.
    pub fn levels(column: &'a str, values: &[f64], heading: impl Fn(f64) -> String) -> Self {
        Self { column, members: values.iter().map(|value| Member::new(*value, heading(*value))).collect() }
    }

    /// A row of panels for each name.
    pub fn names(column: &'a str, names: &[String]) -> Self {
        Self { column, members: names.iter().map(|name| Member::new(name.as_str(), name)).collect() }
    }
}

/// The vertical axis of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum YAxis {
    /// Scores: from 0 to 1, or to a round number above the greatest if that is much less.
    #[default]
    Score,
    /// As `Score`, in percent.
    Percent,
    /// Numbers: from 0, or from below the least if that is negative, to the greatest.
    Number,
    /// Numbers of epochs or of steps: from 0 to the greatest.
    Epochs,
    /// Positive numbers on a logarithmic axis; others have no place.
    Log,
    /// Shares in percent, logarithmic down to a power of ten and even from there to zero.
    PercentLog {
        /// Where the even part ends, for example 0.001.
        even_below: f64,
    },
}

/// A horizontal line for comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference<'a> {
    /// Where it is.
    pub value: f64,
    /// What it is.
    pub name: &'a str,
}

/// One panel, or a column of panels where there are rows of them.
#[derive(Debug, Clone, Default)]
pub struct PanelSpec<'a> {
    /// Stands above the panel.
    pub heading: &'a str,
    /// Column of the values.
    pub column: &'a str,
    /// Kind of the vertical axis.
    pub axis: YAxis,
    /// Title of the vertical axis, with its unit. Panels with the same title and kind of axis have equal scales.
    pub title: &'a str,
    /// The values do not depend on what tells lines apart (of the encoder, where lines are noise levels): one line for all.
    pub ignores_lines: bool,
    /// Marks the best place of each line with a diamond.
    pub mark_best: bool,
    /// Column of the values' states: [`AT_LEAST`] or [`AT_MOST`] where the value is a bound, [`NOT_APPLICABLE`] where a missing
    /// value is not counted as absent, null for an exact value.
    pub states: Option<&'a str>,
    /// Name of the row for runs without a value (`not seen`); null if they are not shown. Not on a logarithmic axis.
    pub absent: Option<&'a str>,
    /// A line for comparison.
    pub reference: Option<Reference<'a>>,
    /// Why there may be no data: `no noisy tokens`. By default `no data`.
    pub if_empty: Option<&'a str>,
}

impl PanelSpec<'_> {
    fn if_empty(&self) -> &str {
        self.if_empty.unwrap_or("no data")
    }
}

/// A figure of line panels.
#[derive(Debug, Clone)]
pub struct Panels<'a> {
    /// What the figure shows: a noun phrase.
    pub title: &'a str,
    /// What is measured and how: begins the caption. What lines, bands and markers mean is added.
    pub description: &'a str,
    /// Horizontal axis.
    pub x: X<'a>,
    /// What tells the lines apart.
    pub lines: Lines<'a>,
    /// Rows of panels.
    pub rows: Option<Facet<'a>>,
    /// The panels from left to right.
    pub panels: Vec<PanelSpec<'a>>,
    /// Phases of the lines, for a figure without rows over `epoch` or `examples_seen`: see [`phases::read`].
    pub phases: Option<&'a DataFrame>,
}

/// Draws a figure and writes its files. The table has the columns that were drawn; a second one the phases.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing or holds the wrong type, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(frame: &DataFrame, panels: &Panels<'_>, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let plan = gather::plan(frame, panels)?;
    let phases = match (panels.phases, &panels.rows, plan.is_chunked) {
        (Some(phases), None, false) => phases::read(phases, panels.lines.column.unwrap_or("line"), panels.x.column())?,
        _ => Vec::new(),
    };
    let words = Words {
        title: panels.title.to_owned(),
        caption: words::caption(panels, &plan, &phases),
        alt: words::alternative(panels, &plan),
    };
    let mut sheet = Sheet::new(words, style);
    layout::draw(&mut sheet, panels, &plan, &phases);

    let wanted =
        [panels.rows.as_ref().map(|rows| rows.column), panels.lines.column, Some("seed"), Some(panels.x.column())];
    let values = panels.panels.iter().flat_map(|panel| [Some(panel.column), panel.states]);
    let mut drawn: Vec<&str> = Vec::new();
    for name in wanted.into_iter().chain(values).flatten() {
        if columns::has(frame, name) && !drawn.contains(&name) {
            drawn.push(name);
        }
    }
    let drawn = frame.select(drawn)?;
    let mut tables = vec![("values", &drawn)];
    tables.extend(panels.phases.map(|phases| ("phases", phases)));
    sheet.save(stem, &tables)
}

#[cfg(test)]
mod tests;
