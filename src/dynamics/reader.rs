//! Reading a log: ours, one that another training loop wrote, or dataset cartography's.

use std::path::{Path, PathBuf};

use super::cartography::Cartography;
use super::column::Columns;
use super::digests::Digests;
use super::labels::LabelList;
use super::{
    CurvePoint, DevScore, LogWriter, Observations, Pass, StepRecord, TokenTable, TypePoint, frames, observations,
    parquet, series, tokens,
};
use crate::Result;
use crate::error::{Error, Problem};

/// What to do about a damaged epoch.
const REMAKE_EPOCH: &str = "the other epochs are unharmed: of a run that is not finished delete this file and resume, of a finished one remove the \
     folder and do the run again";
/// What to do about another damaged file.
pub(super) const REMAKE_FILE: &str = "restore the file from a copy, or train again";

/// A log on disk, its tokens in memory; epochs are read one at a time.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    tokens: TokenTable,
    epochs: Vec<u32>,
    notes: Vec<String>,
    digests: Digests,
    format: Format,
}

/// What a log is written in.
#[derive(Debug)]
enum Format {
    /// Parquet files, with these labels.
    Parquet(LabelList),
    /// Dataset cartography's JSON lines.
    Cartography(Cartography),
}

/// The files of a log's evaluations and steps.
pub(super) const SERIES: [&str; 3] = ["curve.parquet", "steps.parquet", "types.parquet"];

/// One epoch, each pass that was logged; rows sorted by sentence and token.
///
/// In a log made elsewhere `margin` and `entropy` are empty where the file lacks them; all other columns are complete.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EpochObservations {
    /// The train pass.
    pub train: Option<Observations>,
    /// The eval pass.
    pub eval: Option<Observations>,
}

impl EpochObservations {
    /// One pass, if it was logged.
    pub fn pass(&self, pass: Pass) -> Option<&Observations> {
        match pass {
            Pass::Train => self.train.as_ref(),
            Pass::Eval => self.eval.as_ref(),
        }
    }

    /// `preferred` if it was logged, else the other pass; with its name.
    pub fn prefer(&self, preferred: Pass) -> Option<(Pass, &Observations)> {
        let either = |pass| self.pass(pass).map(|observations| (pass, observations));
        either(preferred).or_else(|| either(preferred.other()))
    }
}

impl Log {
    /// Opens a folder with `tokens.parquet` and `dynamics/epoch=NNNN.parquet`, or with dataset cartography's
    /// `training_dynamics/dynamics_epoch_N.jsonl`.
    ///
    /// # Errors
    /// [`Error::Data`] naming file, column and row if the folder holds no log, the token table cannot be used or was
    /// changed since it was written, or no epoch is there; [`Error::Io`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        if let Some(cartography) = Cartography::find(folder)? {
            return Ok(Self {
                folder: folder.to_owned(),
                tokens: cartography.tokens(),
                epochs: cartography.epochs(),
                notes: Vec::new(),
                digests: Digests::default(),
                format: Format::Cartography(cartography),
            });
        }
        let path = folder.join("tokens.parquet");
        if !path.is_file() {
            return Err(Error::Data(
                Problem::new("the folder holds no log: tokens.parquet is missing").at(folder).hint(
                    "give a run's folder, or write the log as docs/log-format.md describes; \
                 dataset cartography's training_dynamics/*.jsonl is read as well",
                ),
            ));
        }
        let digests = Digests::read(folder)?;
        let (tokens, labels, notes) = tokens::read(folder, &path, &digests)?;
        let epochs = list_epochs(&folder.join("dynamics"))?;
        if epochs.is_empty() {
            return Err(Error::Data(
                Problem::new("no finished epoch: dynamics/epoch=NNNN.parquet is missing").at(folder).hint(
                    "a log begins with the first finished epoch; the run's manifest.json says how far it came, and why",
                ),
            ));
        }
        Ok(Self { folder: folder.to_owned(), tokens, epochs, notes, digests, format: Format::Parquet(labels) })
    }

    /// The digests that its files must have.
    pub(super) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// The folder it was opened from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Label names by id.
    pub fn labels(&self) -> &[String] {
        &self.tokens.labels
    }

    /// What the user should know of how the log was read: one sentence each, without a full stop.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The files of evaluations and steps that are missing. A log made elsewhere may lack them, a finished run of ours
    /// has all: what is computed from a missing one is unknown.
    pub fn missing_series(&self) -> Vec<PathBuf> {
        match self.format {
            Format::Cartography(_) => Vec::new(),
            Format::Parquet(_) => Self::missing_series_in(&self.folder),
        }
    }

    /// The same of a log that is not open.
    pub fn missing_series_in(folder: &Path) -> Vec<PathBuf> {
        SERIES.iter().map(|name| folder.join(name)).filter(|path| !path.is_file()).collect()
    }

    /// Refuses the log in `folder` if a file of it was changed since its manifest was written.
    ///
    /// # Errors
    /// [`Error::Data`] naming the file, with `remedy` in its hint; [`Error::Io`].
    pub(crate) fn verify(folder: &Path, remedy: &str) -> Result<()> {
        Digests::read(folder)?.check_all(remedy)
    }

    /// The rows of evaluations, steps and types in the folder of a log of ours, of which no epoch need be finished; empty
    /// where a file is missing.
    ///
    /// # Errors
    /// [`Error::Data`] if a file is damaged.
    pub(crate) fn series_in(folder: &Path) -> Result<(Vec<CurvePoint>, Vec<StepRecord>, Vec<TypePoint>)> {
        let digests = Digests::read(folder)?;
        let [curve, steps, types] = SERIES.map(|name| folder.join(name));
        let (points, _) = series::curve(&curve, &digests)?;
        Ok((points, series::steps(&steps, &digests)?, series::types(&types, &digests)?))
    }

    /// The training tokens, sorted by sentence and token.
    pub fn tokens(&self) -> &TokenTable {
        &self.tokens
    }

    /// The one-based epochs that are there, ascending.
    pub fn epochs(&self) -> &[u32] {
        &self.epochs
    }

    /// Epochs that are missing between the first and the last; events across such a gap are counted as if it were not.
    pub fn gaps(&self) -> Vec<u32> {
        let (first, last) = (self.epochs.first().copied().unwrap_or(1), self.epochs.last().copied().unwrap_or(0));
        (first..=last).filter(|epoch| self.epochs.binary_search(epoch).is_err()).collect()
    }

    /// Reads one epoch, both passes at once.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is missing, damaged or changed since it was written, is another epoch's, a column is
    /// missing or holds what it may not, a token is not in `tokens.parquet` or appears twice in a pass, or `correct`
    /// contradicts `predicted`.
    pub fn epoch(&self, epoch: u32) -> Result<EpochObservations> {
        match &self.format {
            Format::Cartography(log) => Ok(EpochObservations { train: None, eval: Some(log.epoch(epoch)?) }),
            Format::Parquet(labels) => {
                let path = epoch_file(&self.folder, epoch);
                let (frame, metadata) = parquet::read(&path, frames::EPOCH, &self.digests, REMAKE_EPOCH)?;
                let columns = Columns { frame: &frame, path: &path };
                columns.require_epoch(epoch, &metadata)?;
                observations::read(&columns, &self.tokens, labels)
            }
        }
    }

    /// The rows of `curve.parquet`, empty if there is none; numbers that the file does not know are NaN, so that
    /// writing the points again gives the same file.
    pub fn curve(&self) -> Result<Vec<CurvePoint>> {
        Ok(series::curve(&self.folder.join("curve.parquet"), &self.digests)?.0)
    }

    /// What `curve.parquet` has as the score on dev; [`DevScore::UNNAMED`] if there is no such file.
    pub fn dev_score(&self) -> Result<DevScore> {
        Ok(series::curve(&self.folder.join("curve.parquet"), &self.digests)?.1)
    }

    /// The rows of `steps.parquet`, empty if there is none; NaN where the file does not know a number.
    pub fn steps(&self) -> Result<Vec<StepRecord>> {
        series::steps(&self.folder.join("steps.parquet"), &self.digests)
    }

    /// The rows of `types.parquet`, empty if there is none.
    pub fn types(&self) -> Result<Vec<TypePoint>> {
        series::types(&self.folder.join("types.parquet"), &self.digests)
    }
}

/// The epoch's file; a log made elsewhere may number its files without leading zeros.
fn epoch_file(folder: &Path, epoch: u32) -> PathBuf {
    let path = LogWriter::epoch_path(folder, epoch);
    let short = folder.join("dynamics").join(format!("epoch={epoch}.parquet"));
    if !path.exists() && short.exists() { short } else { path }
}

fn list_epochs(folder: &Path) -> Result<Vec<u32>> {
    let mut epochs = Vec::new();
    if folder.is_dir() {
        for entry in fs_err::read_dir(folder).map_err(Error::io(folder))? {
            let name = entry.map_err(Error::io(folder))?.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix("epoch=")?.strip_suffix(".parquet"));
            epochs.extend(number.and_then(|n| n.parse::<u32>().ok()).filter(|&epoch| epoch > 0));
        }
    }
    epochs.sort_unstable();
    epochs.dedup();
    Ok(epochs)
}
