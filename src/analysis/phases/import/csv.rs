//! Records in CSV: a header, then one line a record; separated by commas, semicolons or tabs.

use std::collections::BTreeMap;
use std::path::Path;

use super::table::{Field, Place, Row, Table, is_unknown, number};
use crate::Result;
use crate::error::{Error, Problem};

/// Reads the records of a text with LF line ends. Lines that start with `#` are comments.
pub(super) fn read(text: &str, path: &Path) -> Result<Table> {
    let (delimiter, body) = delimiter(text);
    let lines_before = text[..text.len() - body.len()].matches('\n').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(body.as_bytes());
    let mut lines = Lines { text: body, at: 0, line: lines_before + 1 };
    let refuse = |error: csv::Error, lines: &mut Lines<'_>| {
        let what = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("the line has {len} columns, the header has {expected_len}")
            }
            _ => format!("the line cannot be read as CSV: {error}"),
        };
        let mut problem = Problem::new(what).at(path).hint("write a header line, then one line per evaluation");
        problem.line = error.position().map(|position| lines.of(position.byte() as usize));
        Error::Data(problem)
    };
    let header = reader.headers().map_err(|error| refuse(error, &mut lines))?.clone();
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| refuse(error, &mut lines))?;
        let line = lines.of(record.position().map_or(0, |position| position.byte() as usize));
        records.push((line, record));
    }
    let decimal_comma = has_decimal_commas(delimiter, records.iter().flat_map(|(_, record)| record));
    let mut table = Table::default();
    header.iter().for_each(|column| table.add_column(column));
    for (line, record) in records {
        let known = header.iter().zip(&record).filter(|(_, cell)| !is_unknown(cell));
        let cell = |text: &str| number(text, decimal_comma).map_or_else(|| Field::Text(text.to_owned()), Field::Number);
        let cells: BTreeMap<String, Field> = known.map(|(column, text)| (column.to_owned(), cell(text))).collect();
        table.push(Row { place: Place::Line(line), cells });
    }
    Ok(table)
}

/// The separator, and the text from the header on: Excel's first line `sep=;` names it, else the header shows it.
fn delimiter(text: &str) -> (u8, &str) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Some([separator]) = first.trim().strip_prefix("sep=").map(str::as_bytes) {
        return (*separator, rest);
    }
    let header = text.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    (b",;\t".iter().copied().max_by_key(count).unwrap_or(b','), text)
}

/// True if numbers are written with a decimal comma. Where commas separate columns, `"1,000"` may be a thousand, so
/// another number of decimals has to show it.
fn has_decimal_commas<'a>(delimiter: u8, mut cells: impl Iterator<Item = &'a str>) -> bool {
    cells.any(|cell| {
        let number = cell.trim_end_matches('%').trim_end();
        number.split_once(',').is_some_and(|(whole, decimals)| {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let whole = whole.trim_start_matches('-').replace('.', "");
            digits(&whole) && digits(decimals) && (delimiter != b',' || decimals.len() != 3)
        })
    })
}

/// Counts lines. The csv crate says where the space before a record begins: blank lines and comments come first.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    /// One-based number of the line at `at`.
    line: usize,
}

impl Lines<'_> {
    /// The one-based line of the record that follows on byte `position`; positions ascend.
    fn of(&mut self, position: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut start = position.min(bytes.len());
        loop {
            match bytes.get(start) {
                Some(b'\n') => start += 1,
                Some(b'#') => start += bytes[start..].iter().position(|&b| b == b'\n').unwrap_or(bytes.len() - start),
                _ => break,
            }
        }
        self.line += bytes[self.at.min(start)..start].iter().filter(|&&b| b == b'\n').count();
        self.at = self.at.max(start);
        self.line
    }
}
