//! `probabilities/epoch=NNNN.parquet`: the probability of every label, where a run keeps it.

use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::column::Columns;
use super::{Log, LogWriter, Probabilities, frames, parquet};
use crate::error::{Error, Problem, Result};

/// The file of a one-based epoch, whether it exists or not.
fn path(folder: &Path, epoch: u32) -> PathBuf {
    folder.join("probabilities").join(format!("epoch={epoch:04}.parquet"))
}

/// The column of a label: `p_B-PER`.
fn column(label: &str) -> String {
    format!("p_{label}")
}

impl LogWriter {
    /// Writes one epoch's probabilities: `sentence`, `token`, and a column `p_<label>` for each label.
    ///
    /// # Errors
    /// [`Error::Internal`] if the table has another shape than tokens by labels; [`Error::Io`].
    pub fn probabilities(&self, epoch: u32, table: &Probabilities) -> Result<()> {
        let labels = self.labels();
        let n = table.sentence.len();
        if table.token.len() != n || table.values.len() != n * labels.len() {
            return Err(Error::Internal(format!(
                "{} probabilities are no table of {n} tokens by {} labels",
                table.values.len(),
                labels.len()
            )));
        }
        let mut columns =
            vec![Column::new("sentence".into(), &table.sentence), Column::new("token".into(), &table.token)];
        for (k, label) in labels.iter().enumerate() {
            let values: Vec<f32> = table.values.iter().skip(k).step_by(labels.len()).copied().collect();
            columns.push(Column::new(column(label).into(), values));
        }
        parquet::write(&path(self.folder(), epoch), &mut frames::frame(columns)?, self.metadata())
    }
}

impl Log {
    /// Reads one epoch's probabilities.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is missing or damaged, or a value is no probability.
    pub fn probabilities(&self, epoch: u32) -> Result<Probabilities> {
        let path = path(self.folder(), epoch);
        let remedy = "remove the run's folder and do it again: its other files are of no use without this one";
        if !path.is_file() {
            return Err(Error::Data(Problem::new("the probabilities of this epoch are missing").at(path).hint(remedy)));
        }
        let names: Vec<String> = self.labels().iter().map(|label| column(label)).collect();
        let wanted: Vec<&str> = ["sentence", "token"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let (frame, _) = parquet::read(&path, &wanted, remedy)?;
        let columns = Columns { frame: &frame, path: &path };
        let sentence = columns.whole("sentence", u64::from(u32::MAX))?.into_iter().map(|s| s as u32).collect();
        let token = columns.whole("token", u64::from(u16::MAX))?.into_iter().map(|t| t as u16).collect();
        let mut values = vec![0.0; frame.height() * names.len()];
        for (k, name) in names.iter().enumerate() {
            for (row, value) in columns.finite(name)?.into_iter().enumerate() {
                if !(0.0..=1.0 + 1e-4).contains(&value) {
                    return Err(Error::Data(
                        Problem::new(format!("column `{name}`, row {}: {value} is no probability", row + 1))
                            .at(&path)
                            .hint(remedy),
                    ));
                }
                values[row * names.len() + k] = value;
            }
        }
        Ok(Probabilities { sentence, token, values })
    }
}
