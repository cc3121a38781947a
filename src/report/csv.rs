//! A table as CSV: every digit, no units, nothing for a missing value.

use super::table::{Cell, Table};
use crate::dynamics::CsvText;
use crate::{Error, Result};

/// The table with its columns' keys as header; a mean over seeds is two columns, `KEY` and `KEY_sd`, one with an interval
/// three, `KEY`, `KEY_low` and `KEY_high`. Text is written in the given style.
pub(super) fn table(table: &Table, style: CsvText) -> Result<String> {
    let failed = |what: String| Error::Internal(format!("cannot write CSV: {what}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = Vec::new();
    for column in &table.columns {
        header.push(column.key.clone());
        header.extend(column.format.companions().iter().map(|name| format!("{}_{name}", column.key)));
    }
    writer.write_record(&header).map_err(|error| failed(error.to_string()))?;
    for row in &table.rows {
        let mut record = Vec::new();
        for (cell, column) in row.iter().zip(&table.columns) {
            let end = record.len() + 1 + column.format.companions().len();
            match cell {
                Cell::Missing => {}
                Cell::Text(text) => record.push(style.cell(text).into_owned()),
                Cell::Integer(value) => record.push(value.to_string()),
                Cell::Number(value) => record.push(value.to_string()),
                Cell::Mean { mean, deviation } => {
                    record.extend([Some(mean), deviation.as_ref()].into_iter().flatten().map(f64::to_string));
                }
                Cell::Interval { mean, interval } => {
                    record.push(mean.to_string());
                    record.extend(interval.iter().flat_map(|i| [i.low.to_string(), i.high.to_string()]));
                }
            }
            record.resize(end, String::new());
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
        assert_eq!(table(&hostile, CsvText::Exact).expect("CSV"), "word,f1,f1_sd\n\"a,\"\"b\"\"\nc\",0.5,0.25\n,,\n");
    }

    #[test]
    fn text_can_be_guarded_against_spreadsheets_and_numbers_stay() {
        let formula = Table {
            name: "t".into(),
            title: String::new(),
            caption: String::new(),
            columns: vec![Column::new("word", "word", Format::Text), Column::new("x", "x", Format::Decimal(2))],
            rows: vec![vec![Cell::Text("=1+1".into()), Cell::Number(-0.5)]],
        };
        assert_eq!(table(&formula, CsvText::Exact).expect("CSV"), "word,x\n=1+1,-0.5\n");
        assert_eq!(table(&formula, CsvText::Safe).expect("CSV"), "word,x\n'=1+1,-0.5\n");
    }

    #[test]
    fn an_interval_has_its_ends_beside_it() {
        let interval = Some(crate::metrics::Interval { low: 0.25, high: 0.75 });
        let shares = Table {
            name: "t".into(),
            title: String::new(),
            caption: String::new(),
            columns: vec![
                Column::new("share", "Share", Format::IntervalPercent(1)),
                Column::new("n", "n", Format::Integer),
            ],
            rows: vec![
                vec![Cell::Interval { mean: 0.5, interval }, Cell::Integer(3)],
                vec![Cell::Interval { mean: 0.5, interval: None }, Cell::Integer(1)],
                vec![Cell::Missing, Cell::Integer(0)],
            ],
        };
        assert_eq!(
            table(&shares, CsvText::Exact).expect("CSV"),
            "share,share_low,share_high,n\n0.5,0.25,0.75,3\n0.5,,,1\n,,,0\n"
        );
    }
}
