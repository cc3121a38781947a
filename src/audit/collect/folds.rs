//! The trainings of an audit: one run a seed and fold.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audit::{AuditSettings, Text};
use crate::corpus::{Corpus, DataSettings};
use crate::error::Result;
use crate::estimate::Estimate;
use crate::exec::{self, Execution, Task};
use crate::model::{Tagger, Words};
use crate::perturb::PerturbSettings;
use crate::run::{self, Coordinate, Coordinates, Fold, Manifest, Monitor, RunConfig, RunRequest, StopFlag};

/// The folder of a run in an audit's folder.
pub fn run_folder(audit: &Path, seed: u64, fold: u32) -> PathBuf {
    let place = place(seed, fold);
    run::folder_in(&audit.join("runs"), &place, &place.id())
}

fn place(seed: u64, fold: u32) -> Coordinates {
    Coordinates::of([Coordinate::new("seed", seed), Coordinate::new("fold", fold)])
}

/// Does all runs that are not finished yet, `jobs` at a time, each resumed where it was broken off. Returns the seconds
/// of wall time that they took, of this and earlier attempts.
///
/// # Errors
/// As [`exec::execute_all`], and the error of the first run that fails: an audit needs all. Finished epochs stay on
/// disk.
pub fn train(
    text: &Text,
    settings: &AuditSettings,
    audit: &Path,
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<f64> {
    let corpus = text.corpus();
    let runs = runs(text, settings, &corpus, audit)?;
    let task = |(config, folder): (RunConfig, PathBuf)| Task { config, folder, corpus: &corpus };
    let tasks: Vec<Task<'_>> = runs.into_iter().map(task).collect();
    let how = Execution { fail_fast: true, ..how.clone() };
    if let Some(failure) = exec::execute_all(&tasks, &how, monitor, stop)?.into_iter().next() {
        return Err(failure.into());
    }
    tasks.iter().map(|task| Ok(Manifest::read(&task.folder)?.wall_seconds)).sum()
}

/// What the trainings that are not finished will take, from a few timed steps: `effort` says about for how long.
///
/// # Errors
/// Those of [`train`] before its first step.
pub fn estimate(text: &Text, settings: &AuditSettings, audit: &Path, effort: Duration) -> Result<Estimate> {
    let corpus = text.corpus();
    let runs = runs(text, settings, &corpus, audit)?;
    crate::estimate::estimate(&requests(&runs, &corpus), None, effort)
}

fn requests<'a>(runs: &'a [(RunConfig, PathBuf)], corpus: &'a Corpus) -> Vec<RunRequest<'a>> {
    let request = |(i, (config, folder)): (usize, &'a (RunConfig, PathBuf))| RunRequest {
        config,
        folder,
        corpus,
        position: (i + 1, runs.len()),
    };
    runs.iter().enumerate().map(request).collect()
}

/// The runs, each with its folder.
fn runs(text: &Text, settings: &AuditSettings, corpus: &Corpus, audit: &Path) -> Result<Vec<(RunConfig, PathBuf)>> {
    settings.validate()?;
    text.require_folds(settings.folds)?;
    let model = settings.model();
    let (hidden_size, positions) = {
        let device = settings.device.open()?;
        let (tagger, _) = Tagger::load(&model, &Words::to_learn(&corpus.train), corpus.labels.names(), 0, &device)?;
        (tagger.config().hidden_size, tagger.config().max_subwords)
    };
    let mut runs = Vec::new();
    for &seed in &settings.seeds {
        for index in 0..settings.folds {
            let config = RunConfig {
                id: place(seed, index).id(),
                coordinates: place(seed, index),
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
            runs.push((config, run_folder(audit, seed, index)));
        }
    }
    Ok(runs)
}
