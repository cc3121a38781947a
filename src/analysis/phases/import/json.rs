//! Records in JSON: one object a line, an array of objects, or an object with transformers' `log_history`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::table::{Field, Place, Row, Table, is_unknown, number};
use crate::Result;
use crate::error::{Error, Problem};

/// The key under which transformers' `trainer_state.json` holds its records.
const HISTORY: &str = "log_history";

/// Reads the records. Objects within a record are flattened: `{"eval": {"f1": 0.5}}` has the column `eval/f1`.
pub(super) fn read(text: &str, path: &Path) -> Result<Table> {
    let text = quote_non_finite(text);
    let mut table = Table::default();
    // A file whose first line is an object by itself has one a line, and a mistake is in the line that has it.
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if serde_json::from_str::<Map<String, Value>>(first).is_ok() {
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            add(&mut table, parse(line, index, path)?, Place::Line(index + 1), path)?;
        }
        return Ok(table);
    }
    match parse(&text, 0, path)? {
        Value::Array(records) => add_all(&mut table, records, path)?,
        other => add(&mut table, other, Place::Line(1), path)?,
    }
    Ok(table)
}

/// Parses text that starts behind `lines_before` lines of the file.
fn parse(text: &str, lines_before: usize, path: &Path) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        // serde_json counts lines within the text that it was given.
        let what = error.to_string();
        let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
        Error::Data(
            Problem::new(format!("the text is not valid JSON: {what}"))
                .at(path)
                .line(lines_before + error.line().max(1))
                .hint(
                    "write one JSON object per line and evaluation, an array of such objects, or transformers' \
                     trainer_state.json",
                ),
        )
    })
}

fn add_all(table: &mut Table, records: Vec<Value>, path: &Path) -> Result<()> {
    records.into_iter().enumerate().try_for_each(|(i, record)| add(table, record, Place::Record(i + 1), path))
}

fn add(table: &mut Table, record: Value, place: Place, path: &Path) -> Result<()> {
    let Value::Object(mut object) = record else {
        let what = match place {
            Place::Line(_) => "the line is not a JSON object".to_owned(),
            Place::Record(_) => format!("{place} is not a JSON object"),
        };
        let mut problem = Problem::new(what).at(path).hint("write one JSON object per evaluation");
        if let Place::Line(line) = place {
            problem = problem.line(line);
        }
        return Err(Error::Data(problem));
    };
    if let Some(Value::Array(records)) = object.get_mut(HISTORY).map(Value::take) {
        return add_all(table, records, path);
    }
    let mut cells = BTreeMap::new();
    flatten("", object, table, &mut cells);
    table.push(Row { place, cells });
    Ok(())
}

/// Puts an object's values into `cells`; the table learns of all columns in their order.
fn flatten(prefix: &str, object: Map<String, Value>, table: &mut Table, cells: &mut BTreeMap<String, Field>) {
    for (key, value) in object {
        let column = if prefix.is_empty() { key } else { format!("{prefix}/{key}") };
        let cell = match value {
            Value::Object(inner) => {
                flatten(&column, inner, table, cells);
                continue;
            }
            Value::Null => None,
            Value::String(text) if is_unknown(&text) => None,
            Value::String(text) => Some(number(&text, false).map_or(Field::Text(text), Field::Number)),
            Value::Number(number) => number.as_f64().map(Field::Number),
            other @ (Value::Bool(_) | Value::Array(_)) => Some(Field::Text(other.to_string())),
        };
        table.add_column(&column);
        cells.extend(cell.map(|cell| (column, cell)));
    }
}

/// Puts `NaN`, `Infinity` and `-Infinity`, which Python writes and JSON does not have, into quotation marks.
fn quote_non_finite(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !text.contains("NaN") && !text.contains("Infinity") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let (mut rest, mut in_string) = (text, false);
    while let Some(c) = rest.chars().next() {
        let word = WORDS.into_iter().find(|word| !in_string && rest.starts_with(word));
        let taken = match word {
            Some(word) => {
                out.push('"');
                out.push_str(word);
                out.push('"');
                word.len()
            }
            None => {
                // An escaped character does not end a string.
                let escaped = (in_string && c == '\\').then(|| rest[1..].chars().next()).flatten();
                let length = c.len_utf8() + escaped.map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                in_string ^= c == '"';
                length
            }
        };
        rest = &rest[taken..];
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_string_is_quoted() {
        let quoted = quote_non_finite(r#"{"NaN": NaN, "a\"NaN\\": [-Infinity, Infinity], "ü": 1}"#);
        assert_eq!(quoted, r#"{"NaN": "NaN", "a\"NaN\\": ["-Infinity", "Infinity"], "ü": 1}"#);
    }
}
