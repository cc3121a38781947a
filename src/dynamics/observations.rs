//! Reading `dynamics/epoch=NNNN.parquet`.

use std::path::Path;

use super::column::{Columns, Range};
use super::labels::LabelList;
use super::{EpochObservations, Observations, TokenTable};
use crate::Result;
use crate::error::{Error, Problem};

/// The observations of an epoch's file, by pass.
///
/// # Errors
/// [`Error::Data`] with file and row, as [`super::Log::epoch`] says.
pub(super) fn read(columns: &Columns<'_>, tokens: &TokenTable, labels: &LabelList) -> Result<EpochObservations> {
    let passes = if columns.has("pass") { Some(columns.text("pass")?) } else { None };
    let all = read_rows(columns, labels)?;
    let mut rows: [Vec<usize>; 2] = Default::default();
    match passes {
        None => rows[0].extend(0..all.len()),
        Some(names) => {
            for (row, name) in names.iter().enumerate() {
                match name.as_str() {
                    "train" => rows[0].push(row),
                    "eval" => rows[1].push(row),
                    other => {
                        return Err(Error::Data(
                            Problem::new(format!("column `pass`, row {}: `{other}`", row + 1))
                                .at(columns.path)
                                .hint("the pass is `train` or `eval`"),
                        ));
                    }
                }
            }
        }
    }
    let [train, eval] = rows;
    Ok(EpochObservations {
        train: align(&all, train, tokens, columns.path)?,
        eval: align(&all, eval, tokens, columns.path)?,
    })
}

/// All rows of a file as they come. `given` is not in the file, so `correct` is checked later, in [`align`].
fn read_rows(columns: &Columns<'_>, labels: &LabelList) -> Result<Observations> {
    let optional = |name: &str, range| if columns.has(name) { columns.within(name, range) } else { Ok(Vec::new()) };
    let loss = columns.within("loss", Range::LOSS)?;
    // exp(−loss) is the definition of p_given, no guess.
    let p_given = match columns.has("p_given") {
        true => columns.within("p_given", Range::PROBABILITY)?,
        false => loss.iter().map(|&l| f64::from(-l).exp() as f32).collect(),
    };
    Ok(Observations {
        sentence: columns.whole("sentence", u64::from(u32::MAX))?.into_iter().map(|v| v as u32).collect(),
        token: columns.whole("token", u64::from(u16::MAX))?.into_iter().map(|v| v as u16).collect(),
        predicted: columns.labels("predicted", labels)?,
        correct: if columns.has("correct") { columns.flags("correct")? } else { Vec::new() },
        loss,
        p_given,
        margin: optional("margin", Range::ANY)?,
        entropy: optional("entropy", Range::entropy(labels.largest_entropy()))?,
    })
}

/// The given rows as one pass: sorted, each token known and there once, `correct` filled in or checked.
fn align(all: &Observations, mut rows: Vec<usize>, tokens: &TokenTable, path: &Path) -> Result<Option<Observations>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let key = |row: usize| (all.sentence[row], all.token[row]);
    if !rows.is_sorted_by_key(|&row| key(row)) {
        rows.sort_by_key(|&row| key(row));
    }
    let refuse = |row: usize, what: &str, hint: &str| {
        let (sentence, token) = key(row);
        Err(Error::Data(
            Problem::new(format!("row {}: sentence {sentence}, token {token} {what}", row + 1)).at(path).hint(hint),
        ))
    };
    let mut correct = Vec::with_capacity(rows.len());
    let mut at = 0;
    for (i, &row) in rows.iter().enumerate() {
        if i > 0 && key(rows[i - 1]) == key(row) {
            return refuse(row, "is there twice in one pass", "write each token once per pass; a resumed epoch anew");
        }
        while at < tokens.len() && (tokens.sentence[at], tokens.token[at]) < key(row) {
            at += 1;
        }
        if at == tokens.len() || (tokens.sentence[at], tokens.token[at]) != key(row) {
            return refuse(
                row,
                "is not in tokens.parquet",
                "the epoch belongs to other data: delete it, or the folder",
            );
        }
        let is_correct = all.predicted[row] == tokens.given[at];
        if all.correct.get(row).is_some_and(|&logged| logged != is_correct) {
            return refuse(row, "has `correct` against `predicted`", "correct means predicted = given, not gold");
        }
        correct.push(is_correct);
    }
    /// One column, gathered; an empty (unknown) column stays empty.
    fn gather<T: Copy>(column: &[T], rows: &[usize]) -> Vec<T> {
        rows.iter().filter_map(|&row| column.get(row).copied()).collect()
    }
    Ok(Some(Observations {
        sentence: gather(&all.sentence, &rows),
        token: gather(&all.token, &rows),
        predicted: gather(&all.predicted, &rows),
        correct,
        loss: gather(&all.loss, &rows),
        p_given: gather(&all.p_given, &rows),
        margin: gather(&all.margin, &rows),
        entropy: gather(&all.entropy, &rows),
    }))
}
