//! The report as one HTML file.
//!
//! The template escapes whatever it is given; only what this program wrote itself (style, script, drawings) goes in as
//! it is. A drawing is SVG from [`crate::figures::files`], which escapes its words.

use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use super::{SYNTHETIC_NOTE, StudyReport};
use crate::figures::with_suffix;
use crate::{Error, Result};

const TEMPLATE: &str = include_str!("templates/index.html.j2");
const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/sort.js");

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
struct CellView {
    text: String,
    /// What the column is sorted by: the value with all its digits; none where it is missing.
    key: Option<String>,
    is_number: bool,
}

#[derive(Serialize)]
struct TableView<'a> {
    name: &'a str,
    title: &'a str,
    caption: &'a str,
    headings: Vec<HeadingView<'a>>,
    rows: Vec<Vec<CellView>>,
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
            configuration => study.configuration,
            style => STYLE,
            script => SCRIPT,
        })
        .map_err(failed)
}

/// What a column is sorted by; a bound sorts as its number.
fn key(cell: &super::Cell) -> Option<String> {
    match cell {
        super::Cell::Missing | super::Cell::Absent { .. } => None,
        super::Cell::Censored { value, .. } => key(value),
        super::Cell::Text(text) => Some(text.clone()),
        super::Cell::Integer(value) => Some(value.to_string()),
        super::Cell::Number(value)
        | super::Cell::Mean { mean: value, .. }
        | super::Cell::Interval { mean: value, .. } => Some(value.to_string()),
    }
}

fn table(table: &super::Table) -> TableView<'_> {
    let cell = |(cell, column): (&super::Cell, &super::Column)| CellView {
        text: column.format.show(cell),
        key: key(cell),
        is_number: column.is_number(),
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
    }
}
