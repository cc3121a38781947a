//! Columns of other people's files, cast kindly and checked strictly.
//!
//! A log made with pandas has `int64` label ids, `float64` losses and strings that may be tags; all of that is fine as
//! long as every value means something. What is refused is refused with file, column and row.

use std::path::Path;

use polars::prelude::*;

use crate::Result;
use crate::error::{Error, Problem};

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
                Some(v) => return Err(self.refuse(name, row, &format!("{v} is no whole number from 0 to {most}"))),
                None => return Err(self.refuse(name, row, "the value is missing")),
            }
        }
        Ok(out)
    }

    /// Finite numbers; nulls, infinities and NaN are refused.
    pub(super) fn finite(&self, name: &str) -> Result<Vec<f32>> {
        let mut out = Vec::with_capacity(self.frame.height());
        let column = self.cast(name, &DataType::Float32)?;
        for (row, value) in column.f32()?.iter().enumerate() {
            match value {
                Some(v) if v.is_finite() => out.push(v),
                Some(v) => return Err(self.refuse(name, row, &format!("{v} is no finite number"))),
                None => return Err(self.refuse(name, row, "the value is missing")),
            }
        }
        Ok(out)
    }

    /// Numbers where known; absent columns, nulls and NaN give `None`.
    pub(super) fn known(&self, name: &str) -> Result<Vec<Option<f64>>> {
        if self.column(name).is_err() {
            return Ok(vec![None; self.frame.height()]);
        }
        let column = self.cast(name, &DataType::Float64)?;
        Ok(column.f64()?.iter().map(|v| v.filter(|v| v.is_finite())).collect())
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

    /// Label ids: whole numbers, or tags that are looked up in `labels`.
    pub(super) fn labels(&self, name: &str, labels: &[String]) -> Result<Vec<u8>> {
        if !self.is_text(name) {
            let most = labels.len().clamp(1, 256) as u64 - 1;
            let most = if labels.is_empty() { u64::from(u8::MAX) } else { most };
            return Ok(self.whole(name, most)?.into_iter().map(|id| id as u8).collect());
        }
        let ids: std::collections::HashMap<&str, u8> =
            labels.iter().take(256).enumerate().map(|(id, tag)| (tag.as_str(), id as u8)).collect();
        let mut out = Vec::with_capacity(self.frame.height());
        for (row, tag) in self.text(name)?.iter().enumerate() {
            let id = ids.get(tag.as_str()).copied();
            out.push(id.ok_or_else(|| self.refuse(name, row, &format!("tag `{tag}` is in no label list")))?);
        }
        Ok(out)
    }
}
