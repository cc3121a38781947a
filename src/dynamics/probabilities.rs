//! `probabilities/epoch=NNNN.parquet`: the probability of every label, where a run keeps it.

use std::path::{Path, PathBuf};

use polars::prelude::*;

use super::column::{Columns, Range};
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
    /// Writes one epoch's probabilities: `epoch`, `sentence`, `token`, and a column `p_<label>` for each label.
    ///
    /// # Errors
    /// [`Error::Internal`] if the table has another shape than tokens by labels; [`Error::Io`].
    pub fn probabilities(&mut self, epoch: u32, table: &Probabilities) -> Result<()> {
        let labels = self.labels();
        let number = frames::epoch_number(epoch)?;
        let n = table.sentence.len();
        if table.token.len() != n || table.values.len() != n * labels.len() {
            return Err(Error::Internal(format!(
                "{} probabilities are no table of {n} tokens by {} labels",
                table.values.len(),
                labels.len()
            )));
        }
        let mut columns = vec![
            Column::new("epoch".into(), vec![number; n]),
            Column::new("sentence".into(), &table.sentence),
            Column::new("token".into(), &table.token),
        ];
        for (k, label) in labels.iter().enumerate() {
            let values: Vec<f32> = table.values.iter().skip(k).step_by(labels.len()).copied().collect();
            columns.push(Column::new(column(label).into(), values));
        }
        let metadata = self.epoch_metadata(epoch);
        self.write(&path(self.folder(), epoch), &mut frames::frame(columns)?, &metadata)
    }
}

impl Log {
    /// Reads one epoch's probabilities.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is missing, damaged, changed since it was written or another epoch's, or a value is no
    /// probability.
    pub fn probabilities(&self, epoch: u32) -> Result<Probabilities> {
        let path = path(self.folder(), epoch);
        let remedy = "remove the run's folder and do it again: its other files are of no use without this one";
        if !path.is_file() {
            return Err(Error::Data(Problem::new("the probabilities of this epoch are missing").at(path).hint(remedy)));
        }
        let names: Vec<String> = self.labels().iter().map(|label| column(label)).collect();
        let wanted: Vec<&str> =
            ["epoch", "sentence", "token"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let (frame, metadata) = parquet::read(&path, &wanted, self.digests(), remedy)?;
        let columns = Columns { frame: &frame, path: &path };
        columns.require_epoch(epoch, &metadata)?;
        let sentence = columns.whole("sentence", u64::from(u32::MAX))?.into_iter().map(|s| s as u32).collect();
        let token = columns.whole("token", u64::from(u16::MAX))?.into_iter().map(|t| t as u16).collect();
        let mut values = vec![0.0; frame.height() * names.len()];
        for (k, name) in names.iter().enumerate() {
            for (row, value) in columns.within(name, Range::PROBABILITY)?.into_iter().enumerate() {
                values[row * names.len() + k] = value;
            }
        }
        Ok(Probabilities { sentence, token, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamics::TokenTable;

    fn table() -> Probabilities {
        Probabilities { sentence: vec![0, 0, 7], token: vec![0, 3, 1], values: vec![0.25, 0.75, 0.0, 1.0, 0.5, 0.5] }
    }

    /// A log of one epoch with these probabilities.
    fn written(table: &Probabilities) -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let labels = ["O".to_owned(), "B-A".to_owned()];
        let mut writer = LogWriter::new(folder.path(), "run", &labels).unwrap();
        let tokens = TokenTable {
            sentence: vec![0],
            token: vec![0],
            word: vec!["a".into()],
            given: vec![0],
            gold: None,
            labels: labels.to_vec(),
        };
        let seen = crate::dynamics::Observations {
            sentence: vec![0],
            token: vec![0],
            predicted: vec![0],
            correct: vec![true],
            loss: vec![0.5],
            p_given: vec![0.6],
            margin: vec![1.0],
            entropy: vec![0.1],
        };
        writer.tokens(&tokens).unwrap();
        writer.epoch(1, Some(&seen), None).unwrap();
        writer.probabilities(1, table).unwrap();
        let log = Log::open(folder.path()).unwrap();
        (folder, log)
    }

    fn refusal(log: &Log, epoch: u32) -> String {
        let error = log.probabilities(epoch).unwrap_err();
        assert!(matches!(error, Error::Data(_)) && error.hint().is_some(), "{error}");
        error.to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(written(&table()).1.probabilities(1).unwrap(), table());
        let nothing = Probabilities::default();
        assert_eq!(written(&nothing).1.probabilities(1).unwrap(), nothing);
    }

    #[test]
    fn a_missing_or_truncated_file_is_refused() {
        let (folder, log) = written(&table());
        assert!(refusal(&log, 2).ends_with("epoch=0002.parquet: the probabilities of this epoch are missing"));
        let path = path(folder.path(), 1);
        let bytes = fs_err::read(&path).unwrap();
        for keep in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            fs_err::write(&path, &bytes[..keep]).unwrap();
            assert!(refusal(&log, 1).contains("no whole Parquet file"), "{keep} bytes");
        }
    }

    #[test]
    fn what_is_no_probability_is_refused_by_its_row() {
        for (value, what) in
            [(1.5, "1.5 is not a prob"), (-0.25, "-0.25 is not a prob"), (f32::NAN, "NaN is not a prob")]
        {
            let mut odd = table();
            odd.values[3] = value;
            let said = refusal(&written(&odd).1, 1);
            assert!(said.contains("column `p_B-A`, row 2") && said.contains(what), "{said}");
        }
        // The last digit of a softmax in 32 bits.
        let mut over = table();
        over.values[3] = 1.0 + f32::EPSILON;
        assert_eq!(written(&over).1.probabilities(1).unwrap().values[3], 1.0);
    }

    #[test]
    fn a_table_of_another_shape_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = LogWriter::new(folder.path(), "run", &["O".to_owned(), "B-A".to_owned()]).unwrap();
        let short = Probabilities { values: vec![0.5; 5], ..table() };
        assert!(matches!(writer.probabilities(1, &short), Err(Error::Internal(_))));
        assert!(!path(folder.path(), 1).exists());
    }
}
