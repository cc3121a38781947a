//! Writing the log of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;

use super::parquet::{self, Metadata};
use super::{CurvePoint, DevScore, Observations, StepRecord, TokenTable, TypePoint, digests, frames};
use crate::error::{Error, Result};

/// Units and directions of the logged quantities, in the files' metadata.
const UNITS: &str = r#"{"loss":"nats, against the given label","p_given":"probability","margin":"logits","entropy":"nats","correct":"predicted = given","seconds":"seconds of wall time"}"#;

/// Writes the log of one run into its folder; every file is whole or absent, and rewritten whole.
///
/// The same content gives the same bytes: one row group, fixed compression, no clock. Only `steps.parquet` holds wall
/// times, in its column `seconds`. The writer remembers the SHA-256 of each file that it wrote.
#[derive(Debug, Clone)]
pub struct LogWriter {
    folder: PathBuf,
    labels: Vec<String>,
    metadata: Metadata,
    digests: BTreeMap<String, String>,
}

impl LogWriter {
    /// A writer into `folder` (made when first written to); `labels` are the label names by id.
    pub fn new(folder: impl Into<PathBuf>, run_id: &str, labels: &[String]) -> Result<Self> {
        let names = serde_json::to_string(labels).map_err(|e| Error::Internal(format!("labels as JSON: {e}")))?;
        let metadata = Metadata::from([
            ("run_id".to_owned(), run_id.to_owned()),
            ("labels".to_owned(), names),
            ("units".to_owned(), UNITS.to_owned()),
        ]);
        Ok(Self { folder: folder.into(), labels: labels.to_vec(), metadata, digests: BTreeMap::new() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The metadata of an epoch's file.
    pub(super) fn epoch_metadata(&self, epoch: u32) -> Metadata {
        let mut metadata = self.metadata.clone();
        metadata.insert("epoch".into(), epoch.to_string());
        metadata
    }

    /// Writes a file and remembers its digest.
    pub(super) fn write(&mut self, path: &Path, frame: &mut DataFrame, metadata: &Metadata) -> Result<()> {
        let digest = parquet::write(path, frame, metadata)?;
        if let Some(name) = digests::name_of(&self.folder, path) {
            self.digests.insert(name, digest);
        }
        Ok(())
    }

    /// The SHA-256 of each file of the log, in hexadecimal, by its path in the folder: those that this writer wrote, and
    /// those of the epochs before ([`LogWriter::resume`]).
    pub fn digests(&self) -> &BTreeMap<String, String> {
        &self.digests
    }

    /// Takes over the digests of the epochs until `epoch` from an earlier part of the run; where `files` lacks one, it is
    /// that of the file as it is.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn resume(&mut self, files: &BTreeMap<String, String>, epoch: u32) -> Result<()> {
        self.digests.extend(digests::digests_until(files, epoch));
        digests::complete(&self.folder, &mut self.digests, epoch)
    }

    /// Where the epoch's file is, whether it exists or not: `dynamics/epoch=0007.parquet` under `folder`.
    pub fn epoch_path(folder: &Path, epoch: u32) -> PathBuf {
        folder.join("dynamics").join(format!("epoch={epoch:04}.parquet"))
    }

    /// Writes `tokens.parquet`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the table is not sorted by sentence and token; [`Error::Io`].
    pub fn tokens(&mut self, table: &TokenTable) -> Result<()> {
        let key = |i: usize| (table.sentence[i], table.token[i]);
        if (1..table.len()).any(|i| key(i - 1) >= key(i)) {
            return Err(Error::Internal("the token table is not sorted by sentence and token".into()));
        }
        self.write_at("tokens.parquet", frames::tokens(table)?)
    }

    /// Writes one epoch (one-based), either pass or both; rows may come in any order.
    ///
    /// # Errors
    /// [`Error::Internal`] if columns differ in length or a token was observed twice in a pass; [`Error::Io`].
    pub fn epoch(&mut self, epoch: u32, train: Option<&Observations>, eval: Option<&Observations>) -> Result<()> {
        let mut frame = frames::epoch(frames::epoch_number(epoch)?, train, eval)?;
        let metadata = self.epoch_metadata(epoch);
        self.write(&Self::epoch_path(&self.folder, epoch), &mut frame, &metadata)
    }

    /// Writes `steps.parquet`: all steps so far.
    pub fn steps(&mut self, records: &[StepRecord]) -> Result<()> {
        self.write_at("steps.parquet", frames::steps(records)?)
    }

    /// Writes `types.parquet`: the scores of each entity type in all evaluations so far.
    pub fn types(&mut self, points: &[TypePoint]) -> Result<()> {
        self.write_at("types.parquet", frames::types(points)?)
    }

    /// Writes `curve.parquet`: all evaluations so far, with F1 as the score on dev.
    pub fn curve(&mut self, points: &[CurvePoint]) -> Result<()> {
        let mut metadata = self.metadata.clone();
        DevScore::F1.describe(&mut metadata);
        self.write(&self.folder.join("curve.parquet"), &mut frames::curve(points)?, &metadata)
    }

    fn write_at(&mut self, name: &str, mut frame: DataFrame) -> Result<()> {
        let metadata = self.metadata.clone();
        self.write(&self.folder.join(name), &mut frame, &metadata)
    }
}
