//! Writing the log of a run.

use std::path::{Path, PathBuf};

use super::parquet::{self, Metadata};
use super::{CurvePoint, Observations, StepRecord, TokenTable, TypePoint, frames};
use crate::error::{Error, Result};

/// Units and directions of the logged quantities, in the files' metadata.
const UNITS: &str = r#"{"loss":"nats, against the given label","p_given":"probability","margin":"logits","entropy":"nats","correct":"predicted = given","seconds":"seconds of wall time"}"#;

/// Writes the log of one run into its folder; every file is whole or absent, and rewritten whole.
///
/// The same content gives the same bytes: one row group, fixed compression, no clock. Only `steps.parquet` holds wall
/// times, in its column `seconds`.
#[derive(Debug, Clone)]
pub struct LogWriter {
    folder: PathBuf,
    labels: Vec<String>,
    metadata: Metadata,
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
        Ok(Self { folder: folder.into(), labels: labels.to_vec(), metadata })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Where the epoch's file is, whether it exists or not: `dynamics/epoch=0007.parquet` under `folder`.
    pub fn epoch_path(folder: &Path, epoch: u32) -> PathBuf {
        folder.join("dynamics").join(format!("epoch={epoch:04}.parquet"))
    }

    /// Writes `tokens.parquet`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the table is not sorted by sentence and token; [`Error::Io`].
    pub fn tokens(&self, table: &TokenTable) -> Result<()> {
        let key = |i: usize| (table.sentence[i], table.token[i]);
        if (1..table.len()).any(|i| key(i - 1) >= key(i)) {
            return Err(Error::Internal("the token table is not sorted by sentence and token".into()));
        }
        parquet::write(&self.folder.join("tokens.parquet"), &mut frames::tokens(table)?, &self.metadata)
    }

    /// Writes one epoch (one-based), either pass or both; rows may come in any order.
    ///
    /// # Errors
    /// [`Error::Internal`] if columns differ in length or a token was observed twice in a pass; [`Error::Io`].
    pub fn epoch(&self, epoch: u32, train: Option<&Observations>, eval: Option<&Observations>) -> Result<()> {
        let mut metadata = self.metadata.clone();
        metadata.insert("epoch".into(), epoch.to_string());
        let mut frame = frames::epoch(train, eval)?;
        parquet::write(&Self::epoch_path(&self.folder, epoch), &mut frame, &metadata)
    }

    /// Writes `steps.parquet`: all steps so far.
    pub fn steps(&self, records: &[StepRecord]) -> Result<()> {
        parquet::write(&self.folder.join("steps.parquet"), &mut frames::steps(records)?, &self.metadata)
    }

    /// Writes `types.parquet`: the scores of each entity type in all evaluations so far.
    pub fn types(&self, points: &[TypePoint]) -> Result<()> {
        parquet::write(&self.folder.join("types.parquet"), &mut frames::types(points)?, &self.metadata)
    }

    /// Writes `curve.parquet`: all evaluations so far.
    pub fn curve(&self, points: &[CurvePoint]) -> Result<()> {
        parquet::write(&self.folder.join("curve.parquet"), &mut frames::curve(points)?, &self.metadata)
    }
}
