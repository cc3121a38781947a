//! Tables with a header, as other programs write them, and their rows joined with the tokens of an annotated file.
//!
//! Fields are separated by tabs, semicolons or commas, whichever the header has; [`read_text`] removes a byte order
//! mark. `audit apply` and `audit --with` both read tables through [`join()`], so that both find the same token for a
//! row.

mod join;
mod tokens;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::Result;
use crate::corpus::decode::decode;
use crate::corpus::tags;
use crate::error::{Error, Problem, printable};

pub(in crate::audit) use join::join;
pub(in crate::audit) use tokens::{FileToken, FileTokens};

/// A table read whole.
///
/// Between tabs a field is what stands there. Between commas or semicolons it may be quoted, as the csv module of
/// Python does and pandas with it. Names of columns are compared without case and surrounding spaces.
#[derive(Debug)]
pub(in crate::audit) struct Table {
    path: PathBuf,
    separator: Separator,
    columns: Vec<String>,
    /// Each row with its one-based line.
    rows: Vec<(usize, Vec<String>)>,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(in crate::audit) struct Row<'a> {
    table: &'a Table,
    /// One-based line in the file.
    pub(in crate::audit) line: usize,
    fields: &'a [String],
}

/// What separates the fields of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Tab,
    Semicolon,
    Comma,
}

impl Separator {
    /// Taken from the header: a tab if it has one, else a semicolon if it has more of these than commas, those between
    /// quotes not counted.
    fn of(text: &str) -> Self {
        let header = text.lines().next().unwrap_or_default();
        // Behind an odd number of quotes is what stands between two of them.
        let unquoted = || header.split('"').step_by(2);
        let count = |separator: char| unquoted().map(|part| part.matches(separator).count()).sum::<usize>();
        match (count('\t'), count(';') > count(',')) {
            (1.., _) => Self::Tab,
            (0, true) => Self::Semicolon,
            (0, false) => Self::Comma,
        }
    }
}

impl Table {
    /// Takes a text apart; `path` is where it was read from.
    ///
    /// # Errors
    /// [`Error::Data`] with the line: a row with another number of fields than the header.
    pub(in crate::audit) fn read(path: &Path, text: &str) -> Result<Self> {
        // A table whose lines end with carriage returns alone has the same lines.
        let text = &match text.contains('\n') {
            true => Cow::Borrowed(text),
            false => Cow::Owned(text.replace('\r', "\n")),
        };
        let separator = Separator::of(text);
        let records = match separator {
            Separator::Tab => by_tabs(text),
            Separator::Semicolon => quoted(path, text, b';')?,
            Separator::Comma => quoted(path, text, b',')?,
        };
        let mut records = records.into_iter();
        let header = records.next().map(|(_, header)| header).unwrap_or_default();
        let columns: Vec<String> = header.iter().map(|name| tags::clean(name).into_owned()).collect();
        let rows: Vec<(usize, Vec<String>)> = records.collect();
        if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != columns.len()) {
            let what = format!("{} fields, but the header has {}", row.len(), columns.len());
            let hint = "give every row as many fields as the header; in a table with tabs, no field may hold one";
            return Err(Error::Data(Problem::new(what).at(path).line(*line).hint(hint)));
        }
        Ok(Self { path: path.to_owned(), separator, columns, rows })
    }

    /// Where a column stands.
    pub(in crate::audit) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    /// Where a column stands that must be there.
    ///
    /// # Errors
    /// [`Error::Data`] that names the columns that are there.
    pub(in crate::audit) fn require(&self, name: &str) -> Result<usize> {
        self.column(name).ok_or_else(|| {
            let columns: Vec<String> = self.columns.iter().map(|column| printable(column)).collect();
            let problem = Problem::new(format!("there is no column `{name}`")).at(&self.path).line(1);
            Error::Data(problem.hint(format!("the columns are: {}", columns.join(", "))))
        })
    }

    /// The file it was read from.
    pub(in crate::audit) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of rows.
    pub(in crate::audit) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows in order.
    pub(in crate::audit) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, fields)| Row { table: self, line: *line, fields })
    }

    /// The name of a column as messages show it.
    fn name(&self, column: usize) -> String {
        self.columns.get(column).map_or_else(String::new, |name| printable(name))
    }
}

impl<'a> Row<'a> {
    /// A field as it stands.
    pub(in crate::audit) fn text(&self, column: usize) -> &'a str {
        // Every row has as many fields as the header, as `Table::read` has seen, and a column is one of these.
        self.fields.get(column).map_or("", String::as_str)
    }

    /// A field that holds a tag, cleaned as the tags of annotated files are.
    pub(in crate::audit) fn tag(&self, column: usize) -> Cow<'a, str> {
        tags::clean(self.text(column))
    }

    /// A field that must be a whole number from 0. pandas writes whole numbers with `.0` where a column once had a gap.
    pub(in crate::audit) fn count(&self, column: usize) -> Result<usize> {
        let text = self.text(column).trim();
        let digits = text.strip_suffix(".0").unwrap_or(text);
        digits.parse().map_err(|_| self.not_a(column, "a whole number from 0"))
    }

    /// A field that must be a finite number. Between semicolons it may have a decimal comma, as spreadsheets write it.
    pub(in crate::audit) fn number(&self, column: usize) -> Result<f64> {
        let text = self.text(column).trim();
        let text = match self.table.separator {
            Separator::Semicolon => Cow::Owned(text.replace(',', ".")),
            Separator::Tab | Separator::Comma => Cow::Borrowed(text),
        };
        let parsed = text.parse().ok().filter(|number: &f64| number.is_finite());
        parsed.ok_or_else(|| self.not_a(column, "a finite number"))
    }

    /// A field that must be a number from 0 to 1.
    pub(in crate::audit) fn share(&self, column: usize) -> Result<f64> {
        let number = self.number(column)?;
        if (0.0..=1.0).contains(&number) {
            return Ok(number);
        }
        let what = format!("{number} in the column `{}` is not between 0 and 1", self.table.name(column));
        Err(Error::Data(
            self.problem(what).hint("write shares of 1: divide percentages by 100, and shift other scales"),
        ))
    }

    /// A field that must be `True` or `False`, or 1 or 0.
    pub(in crate::audit) fn truth(&self, column: usize) -> Result<bool> {
        match self.text(column).trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(self.not_a(column, "True or False")),
        }
    }

    /// A finding about this row.
    pub(in crate::audit) fn problem(&self, what: String) -> Problem {
        Problem::new(what).at(&self.table.path).line(self.line)
    }

    fn not_a(&self, column: usize, wanted: &str) -> Error {
        let what =
            format!("`{}` in the column `{}` is not {wanted}", printable(self.text(column)), self.table.name(column));
        let hint = match self.text(column).trim().is_empty() {
            true => "fill the cell: every row needs a value",
            false => "check that the columns have the names they should have",
        };
        Error::Data(self.problem(what).hint(hint))
    }
}

/// A line feed ends a row, and nothing else: words of real corpora hold what other readers split at.
fn by_tabs(text: &str) -> Vec<(usize, Vec<String>)> {
    let lines = (1..).zip(text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)));
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
    lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| (number, fields(line))).collect()
}

fn quoted(path: &Path, text: &str, separator: u8) -> Result<Vec<(usize, Vec<String>)>> {
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
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

/// The text of a file, UTF-8 or UTF-16 with a byte order mark, which is taken off.
pub(in crate::audit) fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::Data(Problem::new("there is no such file").at(path).hint("check the path"))
        }
        _ => Error::io(path)(error),
    })?;
    Ok(decode(path, &bytes)?.1)
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
    fn the_header_says_what_separates_the_fields() {
        let semicolons = table("A ;\u{200b}b\n\"x;y\";0,25\n");
        let row = semicolons.rows().next().unwrap();
        assert_eq!((row.text(0), row.number(1).unwrap()), ("x;y", 0.25));
        assert_eq!((semicolons.column("a"), semicolons.column("B"), semicolons.column("c")), (Some(0), Some(1), None));
        let commas = table("a,\"b;c;d\"\n1.0,\" 2\"\n");
        let row = commas.rows().next().unwrap();
        assert_eq!((row.count(0).unwrap(), row.count(1).unwrap()), (1, 2));
    }

    #[test]
    fn shares_are_between_0_and_1() {
        let table = table("p\n1\n98.7\n-0.5\nnan\n");
        let said: Vec<String> = table.rows().filter_map(|row| Some(row.share(0).err()?.to_string())).collect();
        let expected = [
            "t:3: 98.7 in the column `p` is not between 0 and 1",
            "t:4: -0.5 in the column `p` is not between 0 and 1",
            "t:5: `nan` in the column `p` is not a finite number",
        ];
        assert_eq!(said, expected);
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
