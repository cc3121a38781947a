//! Curves made elsewhere: CSV with a header, or one JSON object a line.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{PhaseCurve, PhaseCurvePoint};
use crate::Result;
use crate::error::{Error, Problem};

/// What we call a quantity, and the names it may have in a file, ours first.
const QUANTITIES: &[(&str, &[&str])] = &[
    ("epoch", &["epoch"]),
    ("step", &["step", "global_step", "steps"]),
    ("examples_seen", &["examples_seen", "examples"]),
    ("learning_rate", &["learning_rate", "lr"]),
    ("dev_f1", &["dev_f1", "eval_f1", "valid_f1", "val_f1"]),
    ("train_f1", &["train_f1", "train_f1_noisy", "probe_f1"]),
    ("clean_accuracy", &["clean_accuracy", "clean_acc", "probe_clean_accuracy"]),
    ("noisy_accuracy", &["noisy_accuracy", "noisy_acc", "probe_noisy_accuracy"]),
    ("noisy_accuracy_gold", &["noisy_accuracy_gold", "noisy_acc_gold", "probe_noisy_accuracy_gold"]),
    ("first_learned", &["first_learned"]),
    ("learned", &["learned"]),
];

/// Which column holds which quantity, where the file's names are not ours nor a usual alias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    renamed: BTreeMap<&'static str, String>,
}

impl ColumnNames {
    /// Says that `quantity` is in the column `column`.
    ///
    /// # Errors
    /// [`Error::Config`] if `quantity` is none of ours.
    pub fn set(&mut self, quantity: &str, column: &str) -> Result<()> {
        let Some((ours, _)) = QUANTITIES.iter().find(|(ours, _)| *ours == quantity) else {
            let all: Vec<_> = QUANTITIES.iter().map(|(ours, _)| *ours).collect();
            return Err(Error::Config(
                Problem::new(format!("`{quantity}` is no quantity of a curve"))
                    .hint(format!("one of {}", all.join(", "))),
            ));
        };
        self.renamed.insert(ours, column.to_owned());
        Ok(())
    }

    /// The column of `quantity` among `columns`.
    fn find<'a>(&self, quantity: &str, columns: &'a [String]) -> Option<&'a str> {
        let find = |name: &str| columns.iter().map(String::as_str).find(|column| *column == name);
        if let Some(column) = self.renamed.get(quantity) {
            return find(column);
        }
        let (_, aliases) = QUANTITIES.iter().find(|(ours, _)| *ours == quantity)?;
        aliases.iter().find_map(|alias| find(alias))
    }
}

/// A line's numbers by column, with its one-based number.
struct Row {
    line: usize,
    cells: BTreeMap<String, f64>,
}

/// Reads a curve from the text of a CSV file or of JSON lines; `path` is for messages.
///
/// Lines without an epoch (a header record, comments of a trainer) are skipped; empty cells, `null` and NaN are
/// unknown. `learned`, the number or share of tokens learned so far, is turned into the first-learning rate.
///
/// # Errors
/// [`Error::Data`] with file and line if a line cannot be parsed, a score is no number, epochs do not ascend, a named
/// column is missing, or nothing is left.
pub fn parse_curve(text: &str, path: &Path, names: &ColumnNames) -> Result<PhaseCurve> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (columns, rows) = match text.trim_start().starts_with('{') {
        true => json_lines(text, path)?,
        false => csv(text, path)?,
    };
    for (quantity, column) in &names.renamed {
        if !columns.contains(column) {
            return Err(Error::Data(
                Problem::new(format!("there is no column `{column}` for {quantity}"))
                    .at(path)
                    .hint(format!("the file has {}", columns.join(", "))),
            ));
        }
    }
    let Some(epoch_column) = names.find("epoch", &columns) else {
        return Err(Error::Data(
            Problem::new("there is no column `epoch`")
                .at(path)
                .hint(format!("the file has {}; name it with --column epoch=COLUMN", columns.join(", "))),
        ));
    };
    let column = |quantity| names.find(quantity, &columns);
    let mut points: Vec<PhaseCurvePoint> = Vec::new();
    let mut learned: Vec<Option<f64>> = Vec::new();
    for row in &rows {
        let value = |quantity| column(quantity).and_then(|name| row.cells.get(name)).copied();
        let count = |quantity| value(quantity).filter(|v| *v >= 0.0).map(|v| v.round() as u64);
        let Some(epoch) = row.cells.get(epoch_column).copied() else { continue };
        if points.last().is_some_and(|last| last.epoch >= epoch) {
            return Err(Error::Data(
                Problem::new(format!("epoch {epoch} does not come after the one before"))
                    .at(path)
                    .line(row.line)
                    .hint("one run a file, in order; several evaluations an epoch need fractional epochs (3.25)"),
            ));
        }
        learned.push(value("learned"));
        points.push(PhaseCurvePoint {
            epoch,
            step: count("step"),
            examples_seen: count("examples_seen"),
            learning_rate: value("learning_rate"),
            dev_f1: value("dev_f1"),
            train_f1: value("train_f1"),
            clean_accuracy: value("clean_accuracy"),
            noisy_accuracy: value("noisy_accuracy"),
            noisy_accuracy_gold: value("noisy_accuracy_gold"),
            first_learned: value("first_learned"),
        });
    }
    if points.is_empty() {
        return Err(Error::Data(
            Problem::new("no line has an epoch").at(path).hint("one line per evaluation, with its epoch and scores"),
        ));
    }
    let most = learned.iter().flatten().copied().fold(0.0, f64::max);
    if most > 0.0 && points.iter().all(|point| point.first_learned.is_none()) {
        let mut before = 0.0;
        for (point, now) in points.iter_mut().zip(learned) {
            if let Some(now) = now {
                point.first_learned = Some((now - before) / most);
                before = now;
            }
        }
    }
    PhaseCurve::new(points)
}

fn json_lines(text: &str, path: &Path) -> Result<(Vec<String>, Vec<Row>)> {
    let mut columns: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        if raw.trim().is_empty() {
            continue;
        }
        let refuse = |what: String| {
            Error::Data(Problem::new(what).at(path).line(line).hint("each line is one JSON object, numbers or null"))
        };
        let value: Value = serde_json::from_str(raw).map_err(|e| refuse(format!("no JSON: {e}")))?;
        let Value::Object(object) = value else { return Err(refuse("the line is no JSON object".into())) };
        let mut cells = BTreeMap::new();
        for (key, value) in object {
            if let Some(number) = value.as_f64().filter(|number| number.is_finite()) {
                cells.insert(key.clone(), number);
            } else if is_ours(&key) && value.as_str().is_some_and(|text| number(text).is_err()) {
                return Err(refuse(format!("`{key}` is {value}, no number")));
            } else if let Some(Ok(Some(number))) = value.as_str().map(number) {
                cells.insert(key.clone(), number);
            }
            if !columns.contains(&key) {
                columns.push(key);
            }
        }
        rows.push(Row { line, cells });
    }
    Ok((columns, rows))
}

fn csv(text: &str, path: &Path) -> Result<(Vec<String>, Vec<Row>)> {
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b'\t', b';'].into_iter().max_by_key(|d| header.bytes().filter(|b| b == d).count());
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    let refuse = |error: csv::Error| {
        let line = error.position().map(|p| p.line() as usize);
        let mut problem =
            Problem::new(format!("no CSV: {error}")).at(path).hint("a header line, then one line per evaluation");
        problem.line = line;
        Error::Data(problem)
    };
    let columns: Vec<String> = reader.headers().map_err(refuse)?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(refuse)?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        let mut cells = BTreeMap::new();
        for (column, cell) in columns.iter().zip(&record) {
            match number(cell) {
                Ok(Some(value)) => {
                    cells.insert(column.clone(), value);
                }
                Ok(None) => {}
                Err(()) if is_ours(column) => {
                    return Err(Error::Data(
                        Problem::new(format!("`{column}` is `{cell}`, no number"))
                            .at(path)
                            .line(line)
                            .hint("leave unknown scores empty"),
                    ));
                }
                Err(()) => {}
            }
        }
        rows.push(Row { line, cells });
    }
    Ok((columns, rows))
}

fn is_ours(column: &str) -> bool {
    QUANTITIES.iter().any(|(_, aliases)| aliases.contains(&column))
}

/// A number, `None` for what stands for "unknown".
fn number(cell: &str) -> Result<Option<f64>, ()> {
    match cell.trim() {
        "" | "null" | "None" | "NA" | "N/A" | "-" => Ok(None),
        text => text.parse::<f64>().map(|v| v.is_finite().then_some(v)).map_err(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PhaseCurve> {
        parse_curve(text, Path::new("curve.csv"), &ColumnNames::default())
    }

    #[test]
    fn csv_and_json_lines_agree() {
        let csv = parse("epoch,dev_f1,noisy_acc,lr\n1,0.5,,1e-4\n2,0.6,0.1,5e-5\n").unwrap();
        let json = "{\"noise\": 0.3}\n{\"epoch\": 1, \"dev_f1\": 0.5, \"noisy_acc\": null, \"lr\": 1e-4}\n\
                    {\"epoch\": 2, \"dev_f1\": 0.6, \"noisy_acc\": 0.1, \"lr\": 5e-5}\n";
        assert_eq!(csv, parse(json).unwrap());
        assert_eq!(csv.points()[1].noisy_accuracy, Some(0.1));
        assert_eq!(csv.points()[0].noisy_accuracy, None);
    }

    #[test]
    fn cumulative_counts_become_rates() {
        let curve = parse("epoch,learned\n1,50\n2,80\n3,100\n").unwrap();
        let rates: Vec<_> = curve.points().iter().filter_map(|p| p.first_learned).collect();
        assert!(rates.iter().zip([0.5, 0.3, 0.2]).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn other_names_can_be_given() {
        let mut names = ColumnNames::default();
        names.set("dev_f1", "validation").unwrap();
        let curve = parse_curve("epoch;validation\n1;0.5\n", Path::new("c"), &names).unwrap();
        assert_eq!(curve.points()[0].dev_f1, Some(0.5));
        assert!(names.set("nonsense", "x").is_err());
        names.set("train_f1", "absent").unwrap();
        assert!(parse_curve("epoch;validation\n1;0.5\n", Path::new("c"), &names).is_err());
    }

    #[test]
    fn mistakes_name_file_and_line() {
        for (text, line) in [
            ("epoch,dev_f1\n1,0.5\n2,abc\n", 3),
            ("epoch,dev_f1\n1,0.5\n2\n", 3),
            ("{\"epoch\": 1}\n{\"epoch\": }\n", 2),
            ("{\"epoch\": 1}\n[1]\n", 2),
            ("{\"epoch\": 2}\n{\"epoch\": 1}\n", 2),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("curve.csv:{line}: ")), "{message}");
        }
        assert!(parse("").is_err());
        assert!(parse("dev_f1\n0.5\n").is_err());
    }
}
