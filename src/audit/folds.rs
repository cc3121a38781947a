//! The trainings of an audit: one run a seed and fold.

use std::path::{Path, PathBuf};

use super::{AuditSettings, Text};
use crate::corpus::DataSettings;
use crate::error::Result;
use crate::model::{Tagger, Words};
use crate::perturb::PerturbSettings;
use crate::run::{self, Fold, Monitor, Outcome, RunConfig, RunRequest, StopFlag};

/// The folder of a run in an audit's folder.
pub fn run_folder(audit: &Path, seed: u64, fold: u32) -> PathBuf {
    audit.join("runs").join(run_id(seed, fold))
}

fn run_id(seed: u64, fold: u32) -> String {
    format!("seed={seed},fold={fold}")
}

/// Does all runs that are not finished yet, each resumed where it was broken off. Returns the seconds of wall time that they
/// took, of this and earlier attempts.
///
/// # Errors
/// As [`run::execute`]; finished epochs stay on disk.
pub fn train(
    text: &Text,
    settings: &AuditSettings,
    audit: &Path,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<f64> {
    settings.validate()?;
    text.require_folds(settings.folds)?;
    let corpus = text.corpus();
    let model = settings.model();
    let (hidden_size, positions) = {
        let device = settings.device.open()?;
        let (tagger, _) = Tagger::load(&model, &Words::new(&corpus.train, []), corpus.labels.names(), 0, &device)?;
        (tagger.config().hidden_size, tagger.config().max_pieces)
    };
    let n_runs = settings.seeds.len() * settings.folds as usize;
    let mut wall_seconds = 0.0;
    for (s, &seed) in settings.seeds.iter().enumerate() {
        for index in 0..settings.folds {
            let config = RunConfig {
                id: run_id(seed, index),
                seed,
                // Its bytes are in the corpus's fingerprint; how its path was typed is nobody's business.
                data: DataSettings {
                    source: corpus.name.clone(),
                    columns: text.columns.clone(),
                    ..DataSettings::default()
                },
                model: model.clone(),
                perturb: PerturbSettings::default(),
                train: settings.train(hidden_size, positions),
                device: settings.device,
                fold: Some(Fold { folds: settings.folds, index }),
                pretrained: None,
            };
            let folder = run_folder(audit, seed, index);
            let position = (s * settings.folds as usize + index as usize + 1, n_runs);
            let request = RunRequest { config: &config, folder: &folder, corpus: &corpus, position };
            let manifest = match run::execute(&request, monitor, stop)? {
                Outcome::Trained(manifest) | Outcome::Skipped(manifest) => manifest,
            };
            wall_seconds += manifest.wall_seconds;
        }
    }
    Ok(wall_seconds)
}
