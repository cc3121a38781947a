//! From records to evaluations.

use std::collections::BTreeMap;
use std::path::Path;

use super::columns::{self, ColumnNames, listed};
use super::table::{Field, Place, Row, Table};
use super::{ImportedCurve, PhaseCurve};
use crate::Result;
use crate::analysis::phases::PhaseCurvePoint;
use crate::dynamics::DevScore;
use crate::error::{Error, Problem};

/// The quantities of which an evaluation has at least one.
const SCORES: [&str; 7] =
    ["dev_score", "train_f1", "clean_accuracy", "noisy_accuracy", "noisy_accuracy_gold", "first_learned", "learned"];
/// The largest score: 100 %. Numbers of tokens learned have no largest.
const LARGEST_SCORE: f64 = 100.0;
/// Keys that only transformers' trainer writes.
const OF_TRAINER: [&str; 2] = ["eval_runtime", "train_runtime"];

/// Makes a curve of a table's records.
pub(super) fn read(table: &Table, path: &Path, names: &ColumnNames) -> Result<ImportedCurve> {
    let columns = names.find(table, path)?;
    let mut notes = Vec::new();
    let position = position(table, &columns, path, &mut notes)?;
    require_score(table, &columns, path)?;
    let reader = Reader { columns: &columns, path };
    let mut evaluations: Vec<Evaluation> = Vec::new();
    let mut learning_rate = None;
    let mut missing: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in &table.rows {
        let Some(epoch) = reader.number(row, position)?.filter(|epoch| epoch.is_finite()) else { continue };
        let next = reader.evaluation(row, epoch, &mut missing)?;
        learning_rate = next.point.learning_rate.or(learning_rate);
        if next.scores().next().is_none() {
            continue;
        }
        match evaluations.last_mut() {
            Some(last) if last.point.epoch == epoch && !last.overlaps(&next) => last.merge(&next),
            Some(last) if last.point.epoch == epoch && is_final(table, row, &columns) => {
                notes.push(format!(
                    "{} evaluates epoch {epoch} again at the end of the training: it is left out",
                    next.place
                ));
            }
            Some(last) if last.point.epoch >= epoch => {
                let (before, after) = (last.point.epoch, epoch);
                return Err(reader.refuse(
                    row.place,
                    format!("epoch {after} does not come after epoch {before}"),
                    "one run a file, in order; several evaluations an epoch need fractional epochs (3.25)",
                ));
            }
            _ => {
                let mut next = next;
                next.point.learning_rate = learning_rate;
                evaluations.push(next);
            }
        }
    }
    for (column, epochs) in missing {
        let n = epochs.len();
        let (evaluations, epoch) = if n == 1 { ("evaluation", "epoch") } else { ("evaluations", "epochs") };
        let epochs: Vec<String> = epochs.iter().take(5).map(f64::to_string).collect();
        let more = if n > 5 { ", ..." } else { "" };
        notes.push(format!(
            "`{column}` is not a finite number in {n} {evaluations} ({epoch} {}{more}): read as missing",
            epochs.join(", ")
        ));
    }
    if evaluations.is_empty() {
        return Err(Error::Data(
            Problem::new("no record has both an epoch and a score")
                .at(path)
                .hint("write one record per evaluation, with its epoch and scores"),
        ));
    }
    derive_first_learned(&mut evaluations);
    let curve = PhaseCurve::new(evaluations.into_iter().map(|evaluation| evaluation.point).collect())?;
    let dev_score = columns.get("dev_score").map_or(DevScore::UNNAMED, |column| columns::dev_score(column));
    Ok(ImportedCurve { curve, dev_score, notes })
}

/// The column that orders the evaluations: the epochs, else the steps.
fn position<'a>(
    table: &Table,
    columns: &'a BTreeMap<&str, String>,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<&'a str> {
    if let Some(column) = columns.get("epoch") {
        return Ok(column);
    }
    let Some(column) = columns.get("step") else {
        return Err(Error::Data(
            Problem::new("there is no column `epoch`")
                .at(path)
                .hint(format!("the columns are {}; choose one with --column epoch=COLUMN", listed(table))),
        ));
    };
    notes.push(format!("the file has no epochs: `{column}` is used instead, and every epoch named is a step"));
    Ok(column)
}

fn require_score(table: &Table, columns: &BTreeMap<&str, String>, path: &Path) -> Result<()> {
    if SCORES.iter().any(|score| columns.contains_key(score)) {
        return Ok(());
    }
    Err(Error::Data(Problem::new("no score was found").at(path).hint(format!(
        "the columns are {}; choose one with --column dev_score=COLUMN, train_f1=COLUMN or noisy_accuracy=COLUMN",
        listed(table)
    ))))
}

/// True of an evaluation that transformers' trainer appends at the end, when it has loaded its best model again.
fn is_final(table: &Table, row: &Row, columns: &BTreeMap<&str, String>) -> bool {
    let is_later = |other: &&Row| other.place != row.place;
    let has_score = |row: &Row| SCORES.iter().filter_map(|score| columns.get(score)).any(|c| row.cells.contains_key(c));
    let is_last = table.rows.iter().rev().take_while(is_later).all(|later| !has_score(later));
    is_last && OF_TRAINER.iter().any(|key| table.columns.iter().any(|column| column == key))
}

/// An evaluation as it is gathered.
struct Evaluation {
    place: Place,
    point: PhaseCurvePoint,
    /// Tokens learned so far, number or share.
    learned: Option<f64>,
}

impl Evaluation {
    /// The scores that are known, with their places among all.
    fn scores(&self) -> impl Iterator<Item = usize> {
        let point = &self.point;
        let all = [
            point.dev_score,
            point.train_f1,
            point.clean_accuracy,
            point.noisy_accuracy,
            point.noisy_accuracy_gold,
            point.first_learned,
            self.learned,
        ];
        all.into_iter().enumerate().filter_map(|(i, score)| score.map(|_| i))
    }

    /// True if both know the same score.
    fn overlaps(&self, other: &Self) -> bool {
        self.scores().any(|score| other.scores().any(|theirs| theirs == score))
    }

    /// Takes over what only the other knows.
    fn merge(&mut self, other: &Self) {
        let (ours, theirs) = (&mut self.point, &other.point);
        ours.step = ours.step.or(theirs.step);
        ours.examples_seen = ours.examples_seen.or(theirs.examples_seen);
        ours.learning_rate = ours.learning_rate.or(theirs.learning_rate);
        ours.dev_score = ours.dev_score.or(theirs.dev_score);
        ours.train_f1 = ours.train_f1.or(theirs.train_f1);
        ours.clean_accuracy = ours.clean_accuracy.or(theirs.clean_accuracy);
        ours.noisy_accuracy = ours.noisy_accuracy.or(theirs.noisy_accuracy);
        ours.noisy_accuracy_gold = ours.noisy_accuracy_gold.or(theirs.noisy_accuracy_gold);
        ours.first_learned = ours.first_learned.or(theirs.first_learned);
        self.learned = self.learned.or(other.learned);
    }
}

/// Reads the quantities of a record.
struct Reader<'a> {
    columns: &'a BTreeMap<&'static str, String>,
    path: &'a Path,
}

impl Reader<'_> {
    /// The evaluation in a record; `missing` gathers the epochs at which a score is NaN or infinite.
    fn evaluation<'a>(
        &'a self,
        row: &Row,
        epoch: f64,
        missing: &mut BTreeMap<&'a str, Vec<f64>>,
    ) -> Result<Evaluation> {
        let mut score = |quantity: &str| self.score(row, quantity, epoch, missing);
        let count = |quantity: &str| -> Result<Option<u64>> {
            let number = self.quantity(row, quantity)?;
            Ok(number.filter(|number| number.is_finite() && *number >= 0.0).map(|number| number.round() as u64))
        };
        let point = PhaseCurvePoint {
            epoch,
            step: count("step")?,
            examples_seen: count("examples_seen")?,
            learning_rate: self.quantity(row, "learning_rate")?.filter(|rate| rate.is_finite()),
            dev_score: score("dev_score")?,
            train_f1: score("train_f1")?,
            clean_accuracy: score("clean_accuracy")?,
            noisy_accuracy: score("noisy_accuracy")?,
            noisy_accuracy_gold: score("noisy_accuracy_gold")?,
            first_learned: score("first_learned")?,
        };
        Ok(Evaluation { place: row.place, point, learned: score("learned")? })
    }

    /// A score, where it is a finite number.
    fn score<'a>(
        &'a self,
        row: &Row,
        quantity: &str,
        epoch: f64,
        missing: &mut BTreeMap<&'a str, Vec<f64>>,
    ) -> Result<Option<f64>> {
        let Some(column) = self.columns.get(quantity) else { return Ok(None) };
        let Some(value) = self.number(row, column)? else { return Ok(None) };
        if !value.is_finite() {
            missing.entry(column).or_default().push(epoch);
            return Ok(None);
        }
        let largest = if quantity == "learned" { f64::INFINITY } else { LARGEST_SCORE };
        if !(0.0..=largest).contains(&value) {
            let range = if quantity == "learned" { "0 or more" } else { "0 to 1, or a percentage" };
            return Err(self.refuse(
                row.place,
                format!("`{column}` is {value}, which no score can be"),
                &format!("{quantity} is {range}; choose another column with --column {quantity}=COLUMN"),
            ));
        }
        Ok(Some(value))
    }

    fn quantity(&self, row: &Row, quantity: &str) -> Result<Option<f64>> {
        self.columns.get(quantity).map_or(Ok(None), |column| self.number(row, column))
    }

    /// The number in a column, NaN and infinities included.
    fn number(&self, row: &Row, column: &str) -> Result<Option<f64>> {
        match row.cells.get(column) {
            None => Ok(None),
            Some(Field::Number(number)) => Ok(Some(*number)),
            Some(Field::Text(text)) => Err(self.refuse(
                row.place,
                format!("`{column}` is `{text}`, not a number"),
                "leave unknown scores empty",
            )),
        }
    }

    fn refuse(&self, place: Place, what: String, hint: &str) -> Error {
        let problem = match place {
            Place::Line(line) => Problem::new(what).line(line),
            Place::Record(_) => Problem::new(format!("{place}: {what}")),
        };
        Error::Data(problem.at(self.path).hint(hint))
    }
}

/// Turns numbers of tokens learned so far into the share of all that was learned since the evaluation before.
fn derive_first_learned(evaluations: &mut [Evaluation]) {
    let most = evaluations.iter().filter_map(|evaluation| evaluation.learned).fold(0.0, f64::max);
    if most <= 0.0 || evaluations.iter().any(|evaluation| evaluation.point.first_learned.is_some()) {
        return;
    }
    let mut before = 0.0;
    for evaluation in evaluations {
        if let Some(now) = evaluation.learned {
            evaluation.point.first_learned = Some((now - before) / most);
            before = now;
        }
    }
}
