//! A table as CSV: every digit, no units, nothing for a missing value.

use super::table::{Cell, Table};
use crate::{Error, Result};

/// The table with its columns' keys as header; a mean over seeds is two columns, `KEY` and `KEY_sd`.
pub(super) fn table(table: &Table) -> Result<String> {
    let failed = |what: String| Error::Internal(format!("cannot write CSV: {what}"));
    let is_mean: Vec<bool> = table
        .columns
        .iter()
        .map(|column| matches!(column.format, super::Format::Mean(_) | super::Format::MeanPercent(_)))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = Vec::new();
    for (column, is_mean) in table.columns.iter().zip(&is_mean) {
        header.push(column.key.clone());
        if *is_mean {
            header.push(format!("{}_sd", column.key));
        }
    }
    writer.write_record(&header).map_err(|error| failed(error.to_string()))?;
    for row in &table.rows {
        let mut record = Vec::new();
        for (cell, is_mean) in row.iter().zip(&is_mean) {
            let mut second = String::new();
            record.push(match cell {
                Cell::Missing => String::new(),
                Cell::Text(text) => text.clone(),
                Cell::Integer(value) => value.to_string(),
                Cell::Number(value) => value.to_string(),
                Cell::Mean { mean, deviation } => {
                    second = deviation.map(|deviation| deviation.to_string()).unwrap_or_default();
                    mean.to_string()
                }
            });
            if *is_mean {
                record.push(second);
            }
        }
        writer.write_record(&record).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.error().to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Format};
    use super::*;

    #[test]
    fn hostile_words_are_quoted_and_means_are_two_columns() {
        let hostile = Table {
            name: "t".into(),
            title: String::new(),
            caption: String::new(),
            columns: vec![Column::new("word", "word", Format::Text), Column::new("f1", "F1", Format::Mean(2))],
            rows: vec![
                vec![Cell::Text("a,\"b\"\nc".into()), Cell::Mean { mean: 0.5, deviation: Some(0.25) }],
                vec![Cell::Missing, Cell::Missing],
            ],
        };
        assert_eq!(table(&hostile).expect("CSV"), "word,f1,f1_sd\n\"a,\"\"b\"\"\nc\",0.5,0.25\n,,\n");
    }
}
