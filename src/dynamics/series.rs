//! The short tables of a log: evaluations, steps, scores by entity type.

use std::path::Path;

use super::column::{Columns, Range};
use super::digests::Digests;
use super::reader::REMAKE_FILE;
use super::{CurvePoint, DevScore, NoiseCounts, StepCounts, StepRecord, TypePoint, frames, parquet};
use crate::Result;
use crate::error::{Error, Problem};

/// The rows of `curve.parquet`, and what its score on dev is.
pub(super) fn curve(path: &Path, digests: &Digests) -> Result<(Vec<CurvePoint>, DevScore)> {
    if !path.is_file() {
        return Ok((Vec::new(), DevScore::UNNAMED));
    }
    let wanted = [frames::CURVE, &[frames::DEV_F1]].concat();
    let (frame, metadata) = parquet::read(path, &wanted, digests, REMAKE_FILE)?;
    let columns = Columns { frame: &frame, path };
    let (dev_column, dev_score) = match columns.has("dev_score") || !columns.has(frames::DEV_F1) {
        true => ("dev_score", DevScore::of(&metadata, path)?),
        false => (frames::DEV_F1, DevScore::F1),
    };
    let epoch = epochs(&columns)?;
    let step = count_or_zero(&columns, "step")?;
    let examples_seen = count_or_zero(&columns, "examples_seen")?;
    let mut numbers = Vec::new();
    for name in &frames::CURVE[3..] {
        let range = match *name {
            "learning_rate" => Range::POSITIVE,
            name if name.ends_with("_loss") => Range::LOSS,
            _ => Range::SCORE,
        };
        let column = if *name == "dev_score" { dev_column } else { name };
        numbers.push(columns.known(column, range)?);
    }
    let number = |column: usize, row: usize| numbers[column][row];
    let sure = |column: usize, row: usize| number(column, row).unwrap_or(f64::NAN);
    let mut points = Vec::with_capacity(frame.height());
    for row in 0..frame.height() {
        points.push(CurvePoint {
            step: step[row],
            epoch: epoch[row],
            examples_seen: examples_seen[row],
            learning_rate: sure(0, row),
            dev_score: sure(1, row),
            dev_precision: sure(2, row),
            dev_recall: sure(3, row),
            dev_loss: sure(4, row),
            dev_accuracy: sure(5, row),
            probe_f1: sure(6, row),
            probe_clean_accuracy: number(7, row),
            probe_noisy_accuracy: number(8, row),
            probe_noisy_accuracy_gold: number(9, row),
            probe_clean_loss: number(10, row),
            probe_noisy_loss: number(11, row),
        });
    }
    Ok((points, dev_score))
}

/// The rows of `steps.parquet`.
pub(super) fn steps(path: &Path, digests: &Digests) -> Result<Vec<StepRecord>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let wanted = [frames::STEPS, &[frames::PIECES]].concat();
    let (frame, _) = parquet::read(path, &wanted, digests, REMAKE_FILE)?;
    let columns = Columns { frame: &frame, path };
    let step = columns.whole("step", u64::MAX)?;
    let epoch = columns.whole("epoch", u64::from(u32::MAX))?;
    let examples_seen = count_or_zero(&columns, "examples_seen")?;
    let subwords = if columns.has("subwords") { "subwords" } else { frames::PIECES };
    let subwords = count_or_zero(&columns, subwords)?;
    let loss = columns.known("loss", Range::LOSS)?;
    let [gradient_norm, learning_rate, seconds] =
        ["gradient_norm", "learning_rate", "seconds"].map(|name| columns.known(name, Range::POSITIVE));
    let (gradient_norm, learning_rate, seconds) = (gradient_norm?, learning_rate?, seconds?);
    let counts = counts(&columns)?;
    let sure = |value: Option<f64>| value.unwrap_or(f64::NAN);
    Ok((0..frame.height())
        .map(|row| StepRecord {
            step: step[row],
            epoch: epoch[row] as u32,
            examples_seen: examples_seen[row],
            loss: sure(loss[row]),
            gradient_norm: sure(gradient_norm[row]),
            learning_rate: sure(learning_rate[row]),
            subwords: subwords[row] as u32,
            counts: counts[row],
            seconds: sure(seconds[row]) as f32,
        })
        .collect())
}

/// The counts of each step, which files of version 1 lack.
fn counts(columns: &Columns<'_>) -> Result<Vec<Option<StepCounts>>> {
    let count = |name: &str| columns.known_whole(name, u64::from(u32::MAX));
    let (tokens, as_given) = (count("tokens")?, count("as_given")?);
    let (clean, clean_as_given) = (count("clean")?, count("clean_as_given")?);
    let (noisy, noisy_as_given, noisy_as_gold) = (count("noisy")?, count("noisy_as_given")?, count("noisy_as_gold")?);
    let at = |column: &[Option<u64>], row: usize| column[row].map(|count| count as u32);
    let by_noise = |row: usize| {
        Some(NoiseCounts {
            clean: at(&clean, row)?,
            clean_as_given: at(&clean_as_given, row)?,
            noisy: at(&noisy, row)?,
            noisy_as_given: at(&noisy_as_given, row)?,
            noisy_as_gold: at(&noisy_as_gold, row)?,
        })
    };
    let of = |row: usize| {
        Some(StepCounts { tokens: at(&tokens, row)?, as_given: at(&as_given, row)?, by_noise: by_noise(row) })
    };
    Ok((0..columns.frame.height()).map(of).collect())
}

/// The rows of `types.parquet`.
pub(super) fn types(path: &Path, digests: &Digests) -> Result<Vec<TypePoint>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let (frame, _) = parquet::read(path, frames::TYPES, digests, REMAKE_FILE)?;
    let columns = Columns { frame: &frame, path };
    let epoch = epochs(&columns)?;
    let name = columns.text("type")?;
    let step = count_or_zero(&columns, "step")?;
    let (predicted, support) = (columns.whole("predicted", u64::MAX)?, columns.whole("support", u64::MAX)?);
    let [precision, recall, f1] = ["precision", "recall", "f1"].map(|name| columns.known(name, Range::SCORE));
    let (precision, recall, f1) = (precision?, recall?, f1?);
    Ok((0..frame.height())
        .map(|row| TypePoint {
            step: step[row],
            epoch: epoch[row],
            name: name[row].clone(),
            precision: precision[row],
            recall: recall[row],
            f1: f1[row],
            predicted: predicted[row],
            support: support[row],
        })
        .collect())
}

/// Epochs trained, with every digit: a resumed run writes again what it has read.
fn epochs(columns: &Columns<'_>) -> Result<Vec<f64>> {
    let known = columns.known("epoch", Range::POSITIVE)?;
    let missing =
        |row: usize| Problem::new(format!("column `epoch`, row {}: the value is missing", row + 1)).at(columns.path);
    known.into_iter().enumerate().map(|(row, epoch)| epoch.ok_or_else(|| Error::Data(missing(row)))).collect()
}

/// A count that a log made elsewhere may lack: 0 then, which analysis takes for "unknown".
fn count_or_zero(columns: &Columns<'_>, name: &str) -> Result<Vec<u64>> {
    if columns.has(name) { columns.whole(name, u64::MAX) } else { Ok(vec![0; columns.frame.height()]) }
}
