//! One shape measured: its pace, and what its files take.

use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;
use rand::Rng;

use crate::corpus::{Corpus, SpanReader};
use crate::dynamics::{CurvePoint, LogWriter, StepRecord, TypePoint};
use crate::error::{Error, Result};
use crate::model::checkpoint::{self, Precision};
use crate::random::Streams;
use crate::run::{self, RunConfig, RunRequest};
use crate::train::{Pace, TrainSettings};

/// Numbers of a checkpoint that are written to be timed, at most: 32 MiB.
const TIMED_NUMBERS: usize = 8 << 20;
/// Rows of the steps that are written, at most.
const TIMED_STEPS: u64 = 20_000;
/// Manifest and lock.
const MANIFEST_BYTES: f64 = 8000.0;

/// What was measured of a shape, for the run that stands for it.
pub(super) struct Measured {
    pace: Pace,
    /// Training sentences, those held out not among them.
    sentences: f64,
    /// Seconds before the first step.
    preparation: f64,
    /// Seconds of writing an epoch's log, and of a number of a checkpoint.
    log_seconds: f64,
    number_seconds: f64,
    /// Bytes of the token table, of an epoch's observations and probabilities, of a step's record and of an
    /// evaluation's.
    tokens: f64,
    epoch: f64,
    step: f64,
    evaluation: f64,
    /// Numbers of the saved model.
    parameters: f64,
}

/// What a run consists of.
pub(super) struct Parts {
    /// Seconds before the first epoch and after the last.
    pub(super) around: f64,
    /// Seconds an epoch.
    pub(super) epoch: f64,
    /// Bytes of the folder when it is finished.
    pub(super) bytes: u64,
    /// Bytes more while it runs.
    pub(super) bytes_running: u64,
}

/// Prepares a run, times its parts, and writes what stands for its log to a temporary folder.
pub(super) fn measure(request: &RunRequest<'_>, encoder: Option<&Path>, effort: Duration) -> Result<Measured> {
    let RunRequest { config, corpus, folder, .. } = *request;
    let mut settings = config.model_beside(folder);
    if let (Some(_), Some(encoder), false) = (&config.pretrained, encoder, Path::new(&settings.source).is_dir()) {
        settings.source = encoder.to_string_lossy().into_owned();
    }
    let scratch = tempfile::Builder::new().prefix("memoscope-").tempdir();
    let scratch = scratch.map_err(Error::io(std::env::temp_dir()))?;
    let mut writer = LogWriter::new(scratch.path(), &config.id, corpus.labels.names())?;

    let start = Instant::now();
    let prepared = run::prepare(config, corpus, &settings, |_| Ok(()))?;
    let table = run::token_table(&prepared.data, &prepared.trainer.scored_tokens());
    writer.tokens(&table)?;
    let preparation = start.elapsed().as_secs_f64();
    let sentences = prepared.data.train.len() as f64;
    let parameters = prepared.model.n_parameters as f64;
    let pace = prepared.trainer.pace(effort, config.fold.map(|fold| fold.judges()))?;

    let train = &config.train;
    let steps = (u64::from(train.epochs) * pace.steps_per_epoch).clamp(1, TIMED_STEPS);
    let evaluations = u64::from(train.epochs) * evaluations(train, pace.steps_per_epoch);
    let mut stand_in = StandIn::new(&pace.record);
    let steps: Vec<StepRecord> = (1..=steps).map(|step| stand_in.step(step)).collect();
    let curve: Vec<CurvePoint> = (1..=evaluations).map(|step| stand_in.point(step)).collect();
    let types = SpanReader::new(corpus.labels.names()).types().to_vec();
    let types: Vec<TypePoint> = curve.iter().flat_map(|point| stand_in.types(point, &types)).collect();
    let start = Instant::now();
    writer.steps(&steps)?;
    writer.curve(&curve)?;
    writer.types(&types)?;
    writer.epoch(1, pace.train_rows.as_ref(), pace.eval_rows.as_ref())?;
    if let Some(table) = &pace.probabilities {
        writer.probabilities(1, table)?;
    }
    let log_seconds = start.elapsed().as_secs_f64();
    let bytes = |name: &str| size(&scratch.path().join(name));

    let n = pace.checkpoint_numbers.min(TIMED_NUMBERS);
    let numbers = vec![("x".to_owned(), vec![n], vec![0.5; n])];
    let start = Instant::now();
    checkpoint::write(&scratch.path().join("checkpoint"), &numbers, Precision::Single, &[])?;
    let number_seconds = start.elapsed().as_secs_f64() / n.max(1) as f64;
    Ok(Measured {
        sentences,
        preparation,
        log_seconds,
        number_seconds,
        tokens: bytes("tokens.parquet")?,
        epoch: bytes("dynamics")? + if pace.probabilities.is_some() { bytes("probabilities")? } else { 0.0 },
        step: bytes("steps.parquet")? / steps.len() as f64,
        evaluation: (bytes("curve.parquet")? + bytes("types.parquet")?) / curve.len().max(1) as f64,
        parameters,
        pace,
    })
}

impl Measured {
    /// What a run of this shape consists of, `share` being its number of training sentences by that of the measured
    /// one.
    pub(super) fn parts(&self, config: &RunConfig, corpus: &Corpus, share: f64) -> Parts {
        let (pace, train) = (&self.pace, &config.train);
        let epochs = f64::from(train.epochs);
        // An epoch of episodes has as many as are planned, however many sentences there are.
        let (steps, step) = match pace.train_rows {
            Some(_) => {
                let a_step = (train.batch_size * train.accumulation) as f64;
                let steps = (share * self.sentences / a_step).ceil().max(1.0);
                (steps, pace.step * pace.steps_per_epoch as f64 * share / steps)
            }
            None => ((train.episodes.steps as f64 / epochs).ceil(), pace.step),
        };
        let evaluations = evaluations(train, steps as u64) as f64;
        let checkpoint = self.number_seconds * pace.checkpoint_numbers as f64;
        let steps_seconds = steps * step;
        let within =
            train.checkpoint_interval().map_or(0.0, |interval| (steps_seconds / interval.as_secs_f64()).floor());
        let test_tokens: usize = corpus.test.iter().map(|sentence| sentence.words.len()).sum();
        let test = if train.test { test_tokens as f64 * pace.judged_token } else { 0.0 };
        let model = if train.save_model { self.parameters } else { 0.0 };
        let log = epochs * (share * self.epoch + steps * self.step + evaluations * self.evaluation);
        Parts {
            around: self.preparation + test + model * self.number_seconds,
            epoch: steps_seconds
                + evaluations * (pace.evaluation + (share - 1.0) * pace.centroids)
                + share * (pace.eval_pass + self.log_seconds)
                + (1.0 + within) * checkpoint,
            bytes: (share * self.tokens + log + 4.0 * model + MANIFEST_BYTES) as u64,
            // The one that is written stands beside the one before.
            bytes_running: 2 * 4 * pace.checkpoint_numbers as u64,
        }
    }
}

/// Evaluations an epoch.
fn evaluations(train: &TrainSettings, steps: u64) -> u64 {
    u64::from(train.evaluations_per_epoch).min(steps)
}

/// Bytes of a file, or of the files in a folder.
fn size(path: &Path) -> Result<f64> {
    let metadata = fs::metadata(path).map_err(Error::io(path))?;
    if !metadata.is_dir() {
        return Ok(metadata.len() as f64);
    }
    let mut bytes = 0.0;
    for entry in fs::read_dir(path).map_err(Error::io(path))? {
        bytes += size(&entry.map_err(Error::io(path))?.path())?;
    }
    Ok(bytes)
}

/// Makes rows that take as many bytes as real ones: floats that differ.
struct StandIn {
    record: StepRecord,
    stream: rand_chacha::ChaCha8Rng,
}

impl StandIn {
    fn new(record: &StepRecord) -> Self {
        Self { record: *record, stream: Streams::new(0).stream("stand-in series", &[]) }
    }

    fn number(&mut self) -> f64 {
        self.stream.gen_range(0.1..1.0)
    }

    fn step(&mut self, step: u64) -> StepRecord {
        StepRecord {
            step,
            loss: self.number(),
            gradient_norm: self.number(),
            learning_rate: self.number(),
            seconds: self.number() as f32,
            subwords: self.record.subwords + self.stream.gen_range(0..self.record.subwords.max(1)),
            ..self.record
        }
    }

    fn point(&mut self, step: u64) -> CurvePoint {
        let known = |stand_in: &mut Self| Some(stand_in.number());
        CurvePoint {
            step,
            epoch: step as f64,
            examples_seen: step,
            learning_rate: self.number(),
            dev_score: self.number(),
            dev_precision: self.number(),
            dev_recall: self.number(),
            dev_loss: self.number(),
            dev_accuracy: self.number(),
            probe_f1: self.number(),
            probe_clean_accuracy: known(self),
            probe_noisy_accuracy: known(self),
            probe_noisy_accuracy_gold: known(self),
            probe_clean_loss: known(self),
            probe_noisy_loss: known(self),
        }
    }

    fn types(&mut self, point: &CurvePoint, names: &[String]) -> Vec<TypePoint> {
        let row = |name: &String| TypePoint {
            step: point.step,
            epoch: point.epoch,
            name: name.clone(),
            precision: Some(self.number()),
            recall: Some(self.number()),
            f1: Some(self.number()),
            predicted: 10,
            support: 10,
        };
        names.iter().map(row).collect()
    }
}
