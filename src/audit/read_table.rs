//! Tables with a header, as other programs write them.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::{Error, Problem, printable};

/// A table read whole: separated by tabs if its header has one, else by commas.
///
/// Between tabs a field is what stands there. Between commas it may be quoted, as the csv module of Python does and
/// pandas with it.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    columns: Vec<String>,
    /// Each row with its one-based line.
    rows: Vec<(usize, Vec<String>)>,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    /// One-based line in the file.
    pub(super) line: usize,
    fields: &'a [String],
}

impl Table {
    /// Takes a text apart; `path` is where it was read from.
    ///
    /// # Errors
    /// [`Error::Data`] with the line: a row with another number of fields than the header.
    pub(super) fn read(path: &Path, text: &str) -> Result<Self> {
        let tabs = text.lines().next().is_some_and(|header| header.contains('\t'));
        let records = if tabs { by_tabs(text) } else { by_commas(path, text)? };
        let mut records = records.into_iter();
        let columns = records.next().map(|(_, header)| header).unwrap_or_default();
        let rows: Vec<(usize, Vec<String>)> = records.collect();
        if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != columns.len()) {
            let what = format!("{} fields, but the header has {}", row.len(), columns.len());
            let hint = "give every row as many fields as the header; in a table with tabs, no field may hold one";
            return Err(Error::Data(Problem::new(what).at(path).line(*line).hint(hint)));
        }
        Ok(Self { path: path.to_owned(), columns, rows })
    }

    /// Where a column stands.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// Where a column stands that must be there.
    ///
    /// # Errors
    /// [`Error::Data`] that names the columns that are there.
    pub(super) fn require(&self, name: &str) -> Result<usize> {
        self.column(name).ok_or_else(|| {
            let columns: Vec<String> = self.columns.iter().map(|column| printable(column)).collect();
            let problem = Problem::new(format!("there is no column `{name}`")).at(&self.path).line(1);
            Error::Data(problem.hint(format!("the columns are: {}", columns.join(", "))))
        })
    }

    /// True if the first column has no name or is called `index`: pandas writes its index so.
    pub(super) fn has_index(&self) -> bool {
        self.columns.first().is_some_and(|name| name.is_empty() || name == "index")
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row { table: self, line: *line, fields })
    }
}

impl<'a> Row<'a> {
    /// A field.
    pub(super) fn text(&self, column: usize) -> &'a str {
        // Every row has as many fields as the header, as `Table::read` has seen, and a column is one of these.
        self.fields.get(column).map_or("", String::as_str)
    }

    /// A field that must be a whole number from 0.
    pub(super) fn count(&self, column: usize) -> Result<usize> {
        self.text(column).parse().map_err(|_| self.not_a(column, "a whole number from 0"))
    }

    /// A field that must be a finite number.
    pub(super) fn number(&self, column: usize) -> Result<f64> {
        let parsed = self.text(column).parse().ok().filter(|number: &f64| number.is_finite());
        parsed.ok_or_else(|| self.not_a(column, "a finite number"))
    }

    /// A field that must be `True` or `False`, or 1 or 0.
    pub(super) fn truth(&self, column: usize) -> Result<bool> {
        match self.text(column) {
            "True" | "true" | "TRUE" | "1" => Ok(true),
            "False" | "false" | "FALSE" | "0" => Ok(false),
            _ => Err(self.not_a(column, "True or False")),
        }
    }

    /// A finding about this row.
    pub(super) fn problem(&self, what: String) -> Problem {
        Problem::new(what).at(&self.table.path).line(self.line)
    }

    fn not_a(&self, column: usize, wanted: &str) -> Error {
        let name = self.table.columns.get(column).map_or("", String::as_str);
        let what = format!("`{}` in the column `{}` is not {wanted}", printable(self.text(column)), printable(name));
        Error::Data(self.problem(what).hint("check that the columns have the names they should have"))
    }
}

/// A line feed ends a row, and nothing else: words of real corpora hold what other readers split at.
fn by_tabs(text: &str) -> Vec<(usize, Vec<String>)> {
    let lines = (1..).zip(text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)));
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
    lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| (number, fields(line))).collect()
}

fn by_commas(path: &Path, text: &str) -> Result<Vec<(usize, Vec<String>)>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = record.map_err(|error| {
            let problem = Problem::new(format!("not CSV: {error}")).at(path);
            Error::Data(problem.hint("separate fields by commas and quote those that hold one"))
        })?;
        // The reader's own lines are one short where a carriage return stands before the line feed: count here.
        let start = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(counted);
        let between = text.as_bytes().get(counted..).unwrap_or_default();
        let start = start.saturating_sub(counted);
        let ends = between.iter().skip(start).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line += between.iter().take(start + ends).filter(|&&byte| byte == b'\n').count();
        counted += start + ends;
        rows.push((line, record.iter().map(str::to_owned).collect()));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::read(Path::new("t"), text).unwrap()
    }

    #[test]
    fn fields_between_commas_may_be_quoted_and_fields_between_tabs_are_as_they_stand() {
        let commas = table("a,b\r\n\"x,\"\"y\"\"\nz\",1\r\n,2\r\n");
        let fields: Vec<&str> = commas.rows().map(|row| row.text(0)).collect();
        assert_eq!(fields, ["x,\"y\"\nz", ""]);
        assert_eq!(commas.rows().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
        let tabs = table("a\tb\r\n\"x,\t1\r\n\n\u{85} y\r\t2\n");
        assert_eq!(tabs.rows().map(|row| row.text(0)).collect::<Vec<_>>(), ["\"x,", "\u{85} y\r"]);
        assert_eq!(tabs.rows().map(|row| row.count(1).unwrap()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(tabs.rows().map(|row| row.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_line() {
        let error = Table::read(Path::new("t"), "a,b\n1\n").unwrap_err();
        assert_eq!(error.to_string(), "t:2: 1 fields, but the header has 2");
        let table = table("a,b\nx,nan\n");
        assert_eq!(table.require("c").unwrap_err().hint(), Some("the columns are: a, b"));
        let row = table.rows().next().unwrap();
        assert_eq!(row.count(0).unwrap_err().to_string(), "t:2: `x` in the column `a` is not a whole number from 0");
        assert!(row.number(1).is_err() && row.truth(1).is_err());
    }
}
