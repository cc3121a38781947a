//! Columns of other people's files, cast kindly and checked strictly.
//!
//! A log made with pandas has `int64` label ids, `float64` losses and strings that may be tags; all of that is fine as
//! long as every value means something. What is refused is refused with file, column and row.

use std::path::Path;

use polars::prelude::*;

use super::labels::LabelList;
use super::parquet::Metadata;
use crate::Result;
use crate::error::{Error, Problem, printable};

/// How far a number may be outside its range: rounding of 16-bit arithmetic. It is then put back to the bound.
const ROUNDING: f64 = 1e-3;

/// What a number may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    low: f64,
    high: f64,
    /// In words, for messages.
    meaning: &'static str,
}

impl Range {
    /// Any finite number.
    pub const ANY: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY, meaning: "a finite number" };
    /// A cross-entropy, in nats.
    pub const LOSS: Self = Self { low: 0.0, high: f64::INFINITY, meaning: "a loss (finite, 0 or more)" };
    /// Another number that is not negative: a learning rate, a norm, a time.
    pub const POSITIVE: Self = Self { low: 0.0, high: f64::INFINITY, meaning: "a finite number, 0 or more" };
    /// A probability.
    pub const PROBABILITY: Self = Self { low: 0.0, high: 1.0, meaning: "a probability (0 to 1)" };
    /// An F1, precision, recall or accuracy.
    pub const SCORE: Self = Self { low: 0.0, high: 1.0, meaning: "a score (0 to 1; divide percentages by 100)" };

    /// The entropy of a distribution in nats, of which the largest is known or not.
    pub fn entropy(largest: Option<f32>) -> Self {
        let high = largest.map_or(f64::INFINITY, f64::from);
        Self { low: 0.0, high, meaning: "an entropy (in nats, from 0 to that of the uniform distribution)" }
    }

    /// The number, put back into the range where rounding has led out of it; `None` if it cannot be.
    fn admit(&self, value: f64) -> Option<f64> {
        let is_near = value.is_finite() && value >= self.low - ROUNDING && value <= self.high + ROUNDING;
        is_near.then(|| value.clamp(self.low, self.high))
    }
}

/// The columns of one file.
pub(super) struct Columns<'a> {
    pub(super) frame: &'a DataFrame,
    pub(super) path: &'a Path,
}

impl Columns<'_> {
    pub(super) fn has(&self, name: &str) -> bool {
        self.frame.column(name).is_ok_and(|c| c.null_count() < c.len() || c.is_empty())
    }

    /// True if the column holds text rather than numbers.
    pub(super) fn is_text(&self, name: &str) -> bool {
        self.frame.column(name).is_ok_and(|c| c.dtype() == &DataType::String)
    }

    fn column(&self, name: &str) -> Result<&Column> {
        self.frame.column(name).map_err(|_| {
            let there: Vec<_> = self.frame.get_column_names().iter().map(|n| n.as_str()).collect();
            Error::Data(
                Problem::new(format!("column `{name}` is missing"))
                    .at(self.path)
                    .hint(format!("the file has {}; docs/log-format.md lists what it needs", there.join(", "))),
            )
        })
    }

    fn refuse(&self, name: &str, row: usize, what: &str) -> Error {
        Error::Data(
            Problem::new(format!("column `{name}`, row {}: {what}", row + 1))
                .at(self.path)
                .hint("rows are counted from 1; docs/log-format.md says what the column may hold"),
        )
    }

    fn cast(&self, name: &str, dtype: &DataType) -> Result<Column> {
        let column = self.column(name)?;
        column.cast(dtype).map_err(|_| {
            Error::Data(Problem::new(format!("column `{name}` holds {}, not {dtype}", column.dtype())).at(self.path))
        })
    }

    /// Whole numbers from 0 to `most`; nulls, fractions, negatives and NaN are refused.
    pub(super) fn whole(&self, name: &str, most: u64) -> Result<Vec<u64>> {
        let mut out = Vec::with_capacity(self.frame.height());
        let column = self.cast(name, &DataType::Float64)?;
        for (row, value) in column.f64()?.iter().enumerate() {
            match value {
                Some(v) if v >= 0.0 && v <= most as f64 && v.fract() == 0.0 => out.push(v as u64),
                Some(v) => return Err(self.refuse(name, row, &format!("{v} is not a whole number from 0 to {most}"))),
                None => return Err(self.refuse(name, row, "the value is missing")),
            }
        }
        Ok(out)
    }

    /// Whole numbers from 0 to `most` where known; absent columns, nulls and NaN give `None`.
    pub(super) fn known_whole(&self, name: &str, most: u64) -> Result<Vec<Option<u64>>> {
        let mut out = Vec::with_capacity(self.frame.height());
        for (row, value) in self.known(name, Range::POSITIVE)?.into_iter().enumerate() {
            out.push(match value {
                Some(v) if v > most as f64 || v.fract() != 0.0 => {
                    return Err(self.refuse(name, row, &format!("{v} is not a whole number from 0 to {most}")));
                }
                value => value.map(|v| v as u64),
            });
        }
        Ok(out)
    }

    /// Refuses the rows of another epoch than that of the file's name. Files of version 1 and files made elsewhere may
    /// lack the column `epoch`.
    pub(super) fn require_epoch(&self, epoch: u32, metadata: &Metadata) -> Result<()> {
        // The name meant nothing then: whoever wrote such a column may have counted from 0.
        if !self.has("epoch") || metadata.get("schema_version").is_some_and(|version| version == "1") {
            return Ok(());
        }
        let epochs = self.whole("epoch", u64::from(u16::MAX))?;
        match epochs.iter().position(|&at| at != u64::from(epoch)) {
            None => Ok(()),
            Some(row) => Err(Error::Data(
                Problem::new(format!(
                    "column `epoch`, row {}: epoch {} in the file of epoch {epoch}",
                    row + 1,
                    epochs[row]
                ))
                .at(self.path)
                .hint("write one file an epoch, named after it and counted from 1; or leave the column out"),
            )),
        }
    }

    /// Numbers within a range; nulls, infinities and NaN are refused.
    pub(super) fn within(&self, name: &str, range: Range) -> Result<Vec<f32>> {
        let mut out = Vec::with_capacity(self.frame.height());
        let column = self.cast(name, &DataType::Float32)?;
        for (row, value) in column.f32()?.iter().enumerate() {
            let Some(value) = value else { return Err(self.refuse(name, row, "the value is missing")) };
            let admitted = range.admit(f64::from(value));
            out.push(
                admitted.ok_or_else(|| self.refuse(name, row, &format!("{value} is not {}", range.meaning)))? as f32
            );
        }
        Ok(out)
    }

    /// Numbers within a range where known; absent columns, nulls and NaN give `None`, infinities are refused.
    pub(super) fn known(&self, name: &str, range: Range) -> Result<Vec<Option<f64>>> {
        if self.column(name).is_err() {
            return Ok(vec![None; self.frame.height()]);
        }
        let mut out = Vec::with_capacity(self.frame.height());
        let column = self.cast(name, &DataType::Float64)?;
        for (row, value) in column.f64()?.iter().enumerate() {
            out.push(match value.filter(|value| !value.is_nan()) {
                None => None,
                Some(value) => Some(
                    range
                        .admit(value)
                        .ok_or_else(|| self.refuse(name, row, &format!("{value} is not {}", range.meaning)))?,
                ),
            });
        }
        Ok(out)
    }

    /// Booleans, or numbers that are 0 or 1.
    pub(super) fn flags(&self, name: &str) -> Result<Vec<bool>> {
        let mut out = Vec::with_capacity(self.frame.height());
        let column = self.cast(name, &DataType::Boolean)?;
        for (row, value) in column.bool()?.iter().enumerate() {
            out.push(value.ok_or_else(|| self.refuse(name, row, "the value is missing"))?);
        }
        Ok(out)
    }

    /// Text; nulls are refused.
    pub(super) fn text(&self, name: &str) -> Result<Vec<String>> {
        let mut out = Vec::with_capacity(self.frame.height());
        let column = self.cast(name, &DataType::String)?;
        for (row, value) in column.str()?.iter().enumerate() {
            out.push(value.ok_or_else(|| self.refuse(name, row, "the value is missing"))?.to_owned());
        }
        Ok(out)
    }

    /// Label ids: whole numbers, or tags.
    pub(super) fn labels(&self, name: &str, labels: &LabelList) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(self.frame.height());
        if self.is_text(name) {
            for (row, tag) in self.text(name)?.iter().enumerate() {
                out.push(labels.of_tag(tag).ok_or_else(|| {
                    let what = format!("the tag `{}` is not in the label list", printable(tag));
                    self.refuse(name, row, &what)
                })?);
            }
            return Ok(out);
        }
        let column = self.cast(name, &DataType::Float64)?;
        for (row, value) in column.f64()?.iter().enumerate() {
            let Some(value) = value else { return Err(self.refuse(name, row, "the value is missing")) };
            let id = (value >= 0.0 && value.fract() == 0.0).then_some(value as u64);
            out.push(id.and_then(|id| labels.of_id(id)).ok_or_else(|| self.refuse_label(name, row, value, labels))?);
        }
        Ok(out)
    }

    fn refuse_label(&self, name: &str, row: usize, value: f64, labels: &LabelList) -> Error {
        let most = labels.n_ids().saturating_sub(1);
        let hint = match value == f64::from(IGNORED_LABEL) {
            true => {
                "-100 stands for what is not scored: write one row a word, no special tokens and no further subwords"
            }
            false => "labels.json, or the metadata of tokens.parquet, names all labels in the order of their ids",
        };
        Error::Data(
            Problem::new(format!("column `{name}`, row {}: {value} is not a label id (0 to {most})", row + 1))
                .at(self.path)
                .hint(hint),
        )
    }
}

/// What transformers' data collators put where no label is scored.
const IGNORED_LABEL: i16 = -100;
