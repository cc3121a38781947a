//! Frames as files for other programs: CSV and Parquet.

use std::borrow::Cow;
use std::path::Path;

use polars::prelude::*;

use super::parquet::{self, Metadata};
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// Writes a frame as Parquet: zstd, one row group, the same bytes for the same frame.
pub fn write_parquet(path: &Path, frame: &DataFrame) -> Result<()> {
    parquet::write(path, &mut frame.clone(), &Metadata::new())?;
    Ok(())
}

/// How text is written into the cells of a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvText {
    /// As it is, for programs.
    #[default]
    Exact,
    /// With an apostrophe before text that spreadsheets take for a formula ([`guarded`]).
    Safe,
}

impl CsvText {
    /// Text as the cell holds it.
    pub fn cell(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => Cow::Borrowed(text),
            Self::Safe => guarded(text),
        }
    }
}

/// Text with an apostrophe before it if a spreadsheet could take it for a formula: if it begins with `=`, `+`, `-`, `@`, a
/// tab or a carriage return (OWASP, CSV injection).
///
/// ```
/// use memoscope::dynamics::{guarded, unguarded};
/// assert_eq!(guarded("=SUM(A1)"), "'=SUM(A1)");
/// assert_eq!(guarded("a=b"), "a=b");
/// assert_eq!(unguarded("'=SUM(A1)"), "=SUM(A1)");
/// assert_eq!(unguarded("'tis"), "'tis");
/// ```
pub fn guarded(text: &str) -> Cow<'_, str> {
    if is_formula(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// Text without the apostrophe that [`guarded`] puts before it.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_formula(text)).unwrap_or(cell)
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Writes a frame as CSV with a header; null is an empty cell, numbers are written so that they read back exactly.
pub fn write_csv(path: &Path, frame: &DataFrame) -> Result<()> {
    write_csv_as(path, frame, CsvText::Exact)
}

/// The same with text written in another way; numbers stay as they are.
pub fn write_csv_as(path: &Path, frame: &DataFrame, text: CsvText) -> Result<()> {
    write_atomically(path, |file| {
        let failed = |e: csv::Error| Error::Io { path: path.to_owned(), source: e.into() };
        let mut writer = csv::Writer::from_writer(std::io::BufWriter::new(file));
        writer
            .write_record(frame.get_column_names().iter().map(|name| text.cell(name).into_owned()))
            .map_err(failed)?;
        let mut cells = vec![String::new(); frame.width()];
        for row in 0..frame.height() {
            for (cell, column) in cells.iter_mut().zip(frame.columns()) {
                *cell = cell_text(&column.get(row)?, text);
            }
            writer.write_record(&cells).map_err(failed)?;
        }
        writer.flush().map_err(Error::io(path))
    })
}

fn cell_text(value: &AnyValue<'_>, text: CsvText) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::String(value) => text.cell(value).into_owned(),
        AnyValue::StringOwned(value) => text.cell(value).into_owned(),
        AnyValue::Float64(number) => number.to_string(),
        AnyValue::Float32(number) => number.to_string(),
        other => other.to_string(),
    }
}
