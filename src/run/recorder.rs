//! The observer that writes a run's log, checkpoint and manifest while it trains.

use std::time::{Duration, Instant};

use super::{EpochSummary, Manifest, Monitor, RunFolder, StopFlag};
use crate::corpus::Split;
use crate::dynamics::{CurvePoint, Log, LogWriter, StepRecord, TokenTable, TypePoint};
use crate::error::Result;
use crate::metrics::entity::TypeScores;
use crate::train::{EpochEnd, Observer, Trainer};

/// Writes what a training shows. After each epoch, and where one is interrupted: log, checkpoint, manifest, in this order
/// (see [`crate::run`]).
pub(super) struct Recorder<'a> {
    folder: &'a RunFolder,
    /// The run's place in the study.
    run: usize,
    writer: LogWriter,
    manifest: Manifest,
    monitor: &'a mut dyn Monitor,
    stop: &'a StopFlag,
    steps: Vec<StepRecord>,
    curve: Vec<CurvePoint>,
    types: Vec<TypePoint>,
    /// Time between two checkpoints within an epoch.
    interval: Option<Duration>,
    /// When the epoch was begun, or resumed.
    epoch_started: Instant,
    /// Steps of the epoch that were taken before.
    steps_before: u64,
    /// When the last checkpoint was written; the manifest counts the seconds up to here.
    kept: Instant,
}

impl<'a> Recorder<'a> {
    /// A recorder, which writes the table of the training tokens at once.
    pub(super) fn new(
        folder: &'a RunFolder,
        run: usize,
        manifest: Manifest,
        tokens: &TokenTable,
        monitor: &'a mut dyn Monitor,
        stop: &'a StopFlag,
    ) -> Result<Self> {
        let mut writer = LogWriter::new(folder.path(), &manifest.config.id, &manifest.data.labels)?;
        writer.tokens(tokens)?;
        let interval = manifest.config.train.checkpoint_interval();
        Ok(Self {
            folder,
            run,
            writer,
            manifest,
            monitor,
            stop,
            steps: Vec::new(),
            curve: Vec::new(),
            types: Vec::new(),
            interval,
            epoch_started: Instant::now(),
            steps_before: 0,
            kept: Instant::now(),
        })
    }

    /// Takes up the log as it stood after `step` and the epochs that the manifest counts; whatever is beyond is dropped.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if the log up to there is damaged.
    pub(super) fn rewind(&mut self, step: u64) -> Result<()> {
        self.folder.drop_epochs_after(self.manifest.epochs_finished)?;
        self.writer.resume(&self.manifest.files, self.manifest.epochs_finished)?;
        if step > 0 {
            (self.curve, self.steps, self.types) = Log::series_in(self.folder.path())?;
            self.curve.retain(|point| point.step <= step);
            self.steps.retain(|record| record.step <= step);
            self.types.retain(|point| point.step <= step);
        }
        self.steps_before = self.manifest.steps_finished;
        Ok(())
    }

    /// Writes the steps and evaluations so far; of an epoch that was not finished, too: where did it stop, and why?
    pub(super) fn flush(&mut self) -> Result<()> {
        self.writer.steps(&self.steps)?;
        self.writer.curve(&self.curve)?;
        self.writer.types(&self.types)
    }

    /// The clock starts now.
    pub(super) fn start_clock(&mut self) {
        self.epoch_started = Instant::now();
        self.kept = self.epoch_started;
    }

    /// Writes the checkpoint, then the manifest, which counts what the checkpoint has. The log has it already.
    fn keep(&mut self, trainer: &Trainer) -> Result<()> {
        trainer.save_checkpoint(&self.folder.checkpoint())?;
        self.manifest.files.clone_from(self.writer.digests());
        let now = Instant::now();
        self.manifest.epochs_finished = trainer.epoch();
        self.manifest.steps_finished = trainer.steps_in_epoch();
        self.manifest.wall_seconds += (now - self.kept).as_secs_f64();
        self.manifest.updated = super::environment::now();
        self.kept = now;
        self.manifest.write(self.folder.path())
    }

    /// The manifest as it stands, and the monitor back.
    pub(super) fn finish(mut self) -> (Manifest, &'a mut dyn Monitor) {
        self.manifest.files.clone_from(self.writer.digests());
        (self.manifest, self.monitor)
    }

    fn summary(&self, epoch: u32, seconds: f64) -> EpochSummary {
        let losses: Vec<f64> = self.steps.iter().rev().take_while(|s| s.epoch == epoch).map(|s| s.loss).collect();
        let encoding = &self.manifest.encoding;
        let before = self.steps_before as f64 / encoding.steps_per_epoch.max(1) as f64;
        let tokens = encoding.train_tokens as f64 * (1.0 - before);
        EpochSummary {
            epoch,
            epochs: self.manifest.config.train.epochs,
            loss: losses.iter().sum::<f64>() / losses.len().max(1) as f64,
            evaluation: self.curve.last().filter(|point| point.epoch == f64::from(epoch)).copied(),
            seconds,
            tokens_per_second: if seconds > 0.0 { tokens / seconds } else { 0.0 },
        }
    }
}

impl Observer for Recorder<'_> {
    fn step(&mut self, record: &StepRecord) -> Result<()> {
        self.steps.push(*record);
        self.monitor.step(self.run, record);
        Ok(())
    }

    fn evaluation(&mut self, point: &CurvePoint, types: &[TypeScores]) -> Result<()> {
        self.curve.push(*point);
        self.types.extend(TypePoint::of(point, types));
        self.monitor.evaluated(self.run, point);
        Ok(())
    }

    fn epoch(&mut self, end: EpochEnd<'_>) -> Result<()> {
        self.folder.require_held()?;
        self.flush()?;
        self.writer.epoch(end.epoch, end.train.as_ref(), end.eval.as_ref())?;
        if let Some(probabilities) = &end.probabilities {
            self.writer.probabilities(end.epoch, probabilities)?;
        }
        self.keep(end.trainer)?;
        let seconds = (self.kept - self.epoch_started).as_secs_f64();
        self.monitor.epoch(self.run, &self.summary(end.epoch, seconds));
        (self.epoch_started, self.steps_before) = (self.kept, 0);
        Ok(())
    }

    fn keep_probabilities(&self) -> Option<Split> {
        self.manifest.config.fold.map(|fold| fold.judges())
    }

    fn stop_requested(&self) -> bool {
        self.stop.requested()
    }

    fn checkpoint_due(&self) -> bool {
        self.interval.is_some_and(|interval| self.kept.elapsed() >= interval)
    }

    fn checkpoint(&mut self, trainer: &Trainer) -> Result<()> {
        self.folder.require_held()?;
        self.flush()?;
        self.keep(trainer)
    }
}
