//! A run's analysis as files.

use std::path::Path;

use super::RunAnalysis;
use crate::dynamics::{CsvText, write_csv_as, write_parquet};
use crate::error::{Error, Result};
use crate::files::write_text;

/// Tables that have a row a token: written as Parquet, the others as CSV.
const LARGE: [&str; 4] = ["events", "datamap", "losses", "assignments"];

/// Writes all tables of an analysis, and `phases.json` and `phases.parquet`, to a folder; CSV files have their text written as `text` says.
///
/// # Errors
/// [`Error::Io`].
pub fn write_analysis(folder: &Path, analysis: &RunAnalysis, text: CsvText) -> Result<()> {
    for (name, frame) in analysis.tables() {
        match LARGE.contains(&name) {
            true => write_parquet(&folder.join(format!("{name}.parquet")), frame)?,
            false => write_csv_as(&folder.join(format!("{name}.csv")), frame, text)?,
        }
    }
    write_parquet(&folder.join("phases.parquet"), &analysis.phases.frame()?)?;
    let phases = serde_json::to_string_pretty(&analysis.phases)
        .map_err(|e| Error::Internal(format!("the phases cannot be written as JSON: {e}")))?;
    write_text(&folder.join("phases.json"), &format!("{phases}\n"))
}
