//! Loss, optimiser, schedule, random streams, checkpoint and resume.

mod observer;
mod settings;

use std::path::Path;

pub use observer::{EpochEnd, Observer};
pub use settings::{Schedule, TrainSettings};

use crate::Result;
use crate::corpus::Sentence;
use crate::model::Tagger;

/// What a tagger is trained and judged on.
#[derive(Debug, Clone)]
pub struct TrainingData {
    /// Training sentences; `labels` are the given ones.
    pub train: Vec<Sentence>,
    /// True labels of the training sentences, where known; same shape as the given ones.
    pub gold: Option<Vec<Vec<u8>>>,
    /// Development sentences, clean.
    pub dev: Vec<Sentence>,
    /// Label names by id.
    pub labels: Vec<String>,
}

/// Fine-tunes a [`Tagger`].
pub struct Trainer {}

/// What encoding the data found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EncodingReport {
    /// Training sentences.
    pub train_sentences: usize,
    /// Training tokens that are scored and logged.
    pub train_tokens: usize,
    /// Training tokens lost because their sentence is longer than `train.max_pieces`.
    pub train_tokens_truncated: usize,
    /// Dev tokens lost likewise (they count as predicted `O`).
    pub dev_tokens_truncated: usize,
    /// Optimiser steps an epoch.
    pub steps_per_epoch: u64,
}

impl Trainer {
    /// Encodes the data and prepares the first step.
    pub fn new(_tagger: Tagger, _data: &TrainingData, _settings: &TrainSettings, _seed: u64) -> Result<Self> {
        todo!()
    }
    /// What encoding the data found out.
    pub fn encoding(&self) -> EncodingReport {
        todo!()
    }
    /// Finished epochs: 0 before the first.
    pub fn epoch(&self) -> u32 {
        todo!()
    }
    /// Writes weights, optimiser state and position, atomically, to the folder `dir`.
    pub fn save_checkpoint(&self, _dir: &Path) -> Result<()> {
        todo!()
    }
    /// Continues from a checkpoint of the same data, model, settings and seed.
    pub fn load_checkpoint(&mut self, _dir: &Path) -> Result<()> {
        todo!()
    }
    /// Trains from where it stands to the last epoch.
    pub fn run(&mut self, _observer: &mut dyn Observer) -> Result<()> {
        todo!()
    }
    /// The tagger as trained so far.
    pub fn tagger(&self) -> &Tagger {
        todo!()
    }
}
