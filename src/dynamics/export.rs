//! Frames as files for other programs: CSV and Parquet.

use std::path::Path;

use polars::prelude::*;

use super::parquet::{self, Metadata};
use crate::error::{Error, Result};
use crate::run::write_atomically;

/// Writes a frame as Parquet: zstd, one row group, the same bytes for the same frame.
pub fn write_parquet(path: &Path, frame: &DataFrame) -> Result<()> {
    parquet::write(path, &mut frame.clone(), &Metadata::new())
}

/// Writes a frame as CSV with a header; null is an empty cell, numbers are written so that they read back exactly.
pub fn write_csv(path: &Path, frame: &DataFrame) -> Result<()> {
    write_atomically(path, |file| {
        let failed = |e: csv::Error| Error::Io { path: path.to_owned(), source: e.into() };
        let mut writer = csv::Writer::from_writer(std::io::BufWriter::new(file));
        writer.write_record(frame.get_column_names().iter().map(|name| name.as_str())).map_err(failed)?;
        let mut cells = vec![String::new(); frame.width()];
        for row in 0..frame.height() {
            for (cell, column) in cells.iter_mut().zip(frame.columns()) {
                *cell = cell_text(&column.get(row)?);
            }
            writer.write_record(&cells).map_err(failed)?;
        }
        writer.flush().map_err(Error::io(path))
    })
}

fn cell_text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => String::new(),
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Float64(number) => number.to_string(),
        AnyValue::Float32(number) => number.to_string(),
        other => other.to_string(),
    }
}
