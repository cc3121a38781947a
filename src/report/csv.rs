//! A table as CSV: every digit, no units, nothing for a missing value.

use super::table::{Cell, Column, Table};
use crate::dynamics::CsvText;
use crate::{Error, Result};

/// The table with its columns' keys as header; a mean over seeds is two columns, `KEY` and `KEY_sd`, one with an interval
/// three, `KEY`, `KEY_low` and `KEY_high`. A column whose values may be bounds has `KEY_censored` beside it (`at least`,
/// `at most`, or nothing for an exact value), one whose values may be absent for a reason `KEY_absent`. Text is written in
/// the given style.
pub(super) fn table(table: &Table, style: CsvText) -> Result<String> {
    let failed = |what: String| Error::Internal(format!("cannot write CSV: {what}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = Vec::new();
    for column in &table.columns {
        header.push(column.key.clone());
        header.extend(companions(column).map(|name| format!("{}_{name}", column.key)));
    }
    writer.write_record(&header).map_err(|error| failed(error.to_string()))?;
    for row in &table.rows {
        let mut record = Vec::new();
        for (cell, column) in row.iter().zip(&table.columns) {
            let end = record.len() + 1 + column.format.companions().len();
            let (value, bound, reason) = match cell {
                Cell::Censored { bound, value } => (value.as_ref(), bound.name(), ""),
                Cell::Absent { reason } => (cell, "", reason.as_str()),
                cell => (cell, "", ""),
            };
            match value {
                Cell::Missing | Cell::Absent { .. } | Cell::Censored { .. } => {}
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
            record.extend(column.censored.then(|| bound.to_owned()));
            record.extend(column.absent.then(|| style.cell(reason).into_owned()));
        }
        writer.write_record(&record).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.error().to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

/// What the columns beside a column's own are called.
fn companions(column: &Column) -> impl Iterator<Item = &'static str> {
    let names = column.format.companions().iter().copied();
    names.chain(column.censored.then_some("censored")).chain(column.absent.then_some("absent"))
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;
    use crate::metrics::Bound;

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

    #[test]
    fn bounds_and_reasons_have_columns_of_their_own() {
        let mut length = Column::new("length", "Length", Format::Mean(1));
        (length.censored, length.absent) = (true, true);
        let settling = Table {
            name: "t".into(),
            title: String::new(),
            caption: String::new(),
            columns: vec![length, Column::new("n", "n", Format::Integer)],
            rows: vec![
                vec![Cell::Mean { mean: 4.0, deviation: None }.bounded(Bound::AtLeast), Cell::Integer(3)],
                vec![Cell::Absent { reason: "no onset".into() }, Cell::Integer(1)],
                vec![Cell::Mean { mean: 2.0, deviation: Some(0.5) }, Cell::Integer(3)],
            ],
        };
        assert_eq!(
            table(&settling, CsvText::Exact).expect("CSV"),
            "length,length_sd,length_censored,length_absent,n\n4,,at least,,3\n,,,no onset,1\n2,0.5,,,3\n"
        );
    }
}
