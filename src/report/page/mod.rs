//! The report as one HTML file.
//!
//! The template escapes whatever it is given; only what this program wrote itself (style, script, drawings) goes in as
//! it is. A drawing is SVG from [`crate::figures::svg`], which escapes its words. The content security policy is that of
//! `crate::markup`. Without its script the page shows all but the views with an epoch slider.
//!
//! The script finds what a drawing answers to by attributes of its SVG elements:
//!
//! * `data-line`: on all marks of one line, in all panels, and on its legend entry. A click shows the line alone. Elements of
//!   the classes `line` and `key` can be reached with the keyboard.
//! * `data-label`: the numbers of a mark as they are shown beside the pointer, facts apart by `; `.
//! * `data-sample`: the [`super::Sample`] of the figure that lists the tokens behind a mark.
//! * `data-box` (`x y width height` in the units of the view box) on a `g` of class `panel`: a part of the figure that small
//!   screens show below the others.

use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use super::table::{Cell, Column, Table, mark};
use super::{Interactive, SYNTHETIC_NOTE, Sample, StudyReport};
use crate::figures::with_suffix;
use crate::{Error, Result, markup};

const TEMPLATE: &str = include_str!("page.html.j2");
const STYLES: [&str; 2] = [include_str!("page.css"), include_str!("figures.css")];

/// The script, one subject a file. They are put together in this order; the last one starts the page.
const SCRIPTS: [&str; 8] = [
    markup::TEXT_SCRIPT,
    include_str!("sort.js"),
    include_str!("points.js"),
    include_str!("lines.js"),
    include_str!("panels.js"),
    include_str!("samples.js"),
    include_str!("views.js"),
    include_str!("start.js"),
];

/// What the script reads.
#[derive(Serialize)]
struct PageData<'a> {
    /// By figure.
    samples: Vec<&'a [Sample]>,
    views: &'a [Interactive],
}

#[derive(Serialize)]
struct FigureView<'a> {
    title: &'a str,
    caption: &'a str,
    svg: &'a str,
    svg_file: String,
    png_file: String,
}

#[derive(Serialize)]
struct HeadingView<'a> {
    text: &'a str,
    is_number: bool,
}

#[derive(Serialize)]
struct CellView<'a> {
    text: String,
    /// What the column is sorted by: the value with all its digits; none where it is missing.
    key: Option<String>,
    is_number: bool,
    /// Why there is no value, and the mark of the note that says so.
    reason: Option<&'a str>,
    mark: Option<String>,
}

#[derive(Serialize)]
struct NoteView<'a> {
    mark: String,
    text: &'a str,
}

#[derive(Serialize)]
struct TableView<'a> {
    name: &'a str,
    title: &'a str,
    caption: &'a str,
    headings: Vec<HeadingView<'a>>,
    rows: Vec<Vec<CellView<'a>>>,
    notes: Vec<NoteView<'a>>,
}

/// The page with `drawings[i]` as figure i.
pub(super) fn page(study: &StudyReport, drawings: &[String]) -> Result<String> {
    let figures: Vec<FigureView<'_>> = study
        .figures
        .iter()
        .zip(drawings)
        .map(|(figure, svg)| FigureView {
            title: &figure.title,
            caption: &figure.caption,
            svg,
            svg_file: with_suffix(&figure.stem, ".svg").to_string_lossy().into_owned(),
            png_file: with_suffix(&figure.stem, ".png").to_string_lossy().into_owned(),
        })
        .collect();
    let tables: Vec<TableView<'_>> = study.tables.iter().map(table).collect();
    let views: Vec<Interactive> = study
        .interactive
        .iter()
        .filter(|view| !view.is_empty())
        .map(|view| if study.embed_text { view.clone() } else { view.without_text() })
        .collect();
    let samples = study.figures.iter().map(|figure| if study.embed_text { &figure.samples[..] } else { &[] }).collect();
    let data = markup::json(&PageData { samples, views: &views })?;
    let (script, style) = (markup::script(&SCRIPTS), markup::lines(&STYLES));
    let failed = |error: minijinja::Error| Error::Internal(format!("cannot render the report: {error:#}"));
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template("index.html", TEMPLATE).map_err(failed)?;
    let template = environment.get_template("index.html").map_err(failed)?;
    template
        .render(context! {
            title => study.title,
            findings => study.findings,
            synthetic => study.synthetic.then_some(SYNTHETIC_NOTE),
            figures,
            notes => study.foreign().notes(),
            tables,
            views,
            configuration => study.configuration,
            data,
            script_hash => markup::hash(&script),
            style_hash => markup::hash(&style),
            script,
            style,
        })
        .map_err(failed)
}

/// What a column is sorted by; a bound sorts as its number.
fn key(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Missing | Cell::Absent { .. } => None,
        Cell::Censored { value, .. } => key(value),
        Cell::Text(text) => Some(text.clone()),
        Cell::Integer(value) => Some(value.to_string()),
        Cell::Number(value) | Cell::Mean { mean: value, .. } | Cell::Interval { mean: value, .. } => {
            Some(value.to_string())
        }
    }
}

/// A number that is broken, if it has to be, before its interval alone.
fn held(number: &str) -> String {
    let parts: Vec<String> = number.split(" (").map(|part| part.replace(' ', "\u{a0}")).collect();
    parts.join(" (")
}

fn table(table: &Table) -> TableView<'_> {
    let notes = table.notes();
    let cell = |(cell, column): (&'_ Cell, &Column)| {
        let reason = match cell {
            Cell::Absent { reason } => notes.iter().position(|note| note == reason),
            _ => None,
        };
        CellView {
            text: if column.is_number() { held(&column.format.show(cell)) } else { column.format.show(cell) },
            key: key(cell),
            is_number: column.is_number(),
            reason: reason.map(|i| notes[i]),
            mark: reason.map(mark),
        }
    };
    TableView {
        name: &table.name,
        title: &table.title,
        caption: &table.caption,
        headings: table
            .columns
            .iter()
            .map(|column| HeadingView { text: &column.heading, is_number: column.is_number() })
            .collect(),
        rows: table.rows.iter().map(|row| row.iter().zip(&table.columns).map(cell).collect()).collect(),
        notes: notes.iter().enumerate().map(|(i, text)| NoteView { mark: mark(i), text }).collect(),
    }
}
