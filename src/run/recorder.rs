//! The observer that writes a run's log, checkpoint and manifest while it trains.

use std::time::Instant;

use super::{EpochSummary, Manifest, Monitor, RunFolder, StopFlag};
use crate::corpus::Split;
use crate::dynamics::{CurvePoint, Log, LogWriter, StepRecord, TokenTable, TypePoint};
use crate::error::Result;
use crate::metrics::entity::TypeScores;
use crate::train::{EpochEnd, Observer};

/// Writes what a training shows. After each epoch: log, checkpoint, manifest, in this order (see [`crate::run`]).
pub(super) struct Recorder<'a> {
    folder: &'a RunFolder,
    writer: LogWriter,
    manifest: Manifest,
    monitor: &'a mut dyn Monitor,
    stop: &'a StopFlag,
    steps: Vec<StepRecord>,
    curve: Vec<CurvePoint>,
    types: Vec<TypePoint>,
    epoch_started: Instant,
}

impl<'a> Recorder<'a> {
    /// A recorder, which writes the table of the training tokens at once.
    pub(super) fn new(
        folder: &'a RunFolder,
        manifest: Manifest,
        tokens: &TokenTable,
        monitor: &'a mut dyn Monitor,
        stop: &'a StopFlag,
    ) -> Result<Self> {
        let writer = LogWriter::new(folder.path(), &manifest.config.id, &manifest.data.labels)?;
        writer.tokens(tokens)?;
        Ok(Self {
            folder,
            writer,
            manifest,
            monitor,
            stop,
            steps: Vec::new(),
            curve: Vec::new(),
            types: Vec::new(),
            epoch_started: Instant::now(),
        })
    }

    /// Takes up the log as it stood after `epoch`; whatever is beyond it is dropped.
    ///
    /// # Errors
    /// [`crate::Error::Data`] if the log of the finished epochs is damaged.
    pub(super) fn rewind(&mut self, epoch: u32) -> Result<()> {
        self.folder.drop_epochs_after(epoch)?;
        self.manifest.epochs_finished = epoch;
        if epoch > 0 {
            let log = Log::open(self.folder.path())?;
            self.steps = log.steps()?;
            self.steps.retain(|step| step.epoch <= epoch);
            self.curve = log.curve()?;
            self.curve.retain(|point| point.epoch <= f64::from(epoch));
            self.types = log.types()?;
            self.types.retain(|point| point.epoch <= f64::from(epoch));
        }
        Ok(())
    }

    /// Writes the steps and evaluations so far; of an epoch that was not finished, too: where did it stop, and why?
    pub(super) fn flush(&self) -> Result<()> {
        self.writer.steps(&self.steps)?;
        self.writer.curve(&self.curve)?;
        self.writer.types(&self.types)
    }

    /// The clock of the epoch to come starts now.
    pub(super) fn start_clock(&mut self) {
        self.epoch_started = Instant::now();
    }

    /// The manifest as it stands, and the monitor back.
    pub(super) fn finish(self) -> (Manifest, &'a mut dyn Monitor) {
        (self.manifest, self.monitor)
    }

    fn summary(&self, epoch: u32, seconds: f64) -> EpochSummary {
        let losses: Vec<f64> = self.steps.iter().rev().take_while(|s| s.epoch == epoch).map(|s| s.loss).collect();
        let tokens = self.manifest.encoding.train_tokens as f64;
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
        self.monitor.step(record);
        Ok(())
    }

    fn evaluation(&mut self, point: &CurvePoint, types: &[TypeScores]) -> Result<()> {
        self.curve.push(*point);
        self.types.extend(TypePoint::of(point, types));
        self.monitor.evaluated(point);
        Ok(())
    }

    fn epoch(&mut self, end: EpochEnd<'_>) -> Result<()> {
        self.flush()?;
        self.writer.epoch(end.epoch, end.train.as_ref(), end.eval.as_ref())?;
        if let Some(probabilities) = &end.probabilities {
            self.writer.probabilities(end.epoch, probabilities)?;
        }
        end.trainer.save_checkpoint(&self.folder.checkpoint())?;

        let seconds = self.epoch_started.elapsed().as_secs_f64();
        self.start_clock();
        self.manifest.epochs_finished = end.epoch;
        self.manifest.wall_seconds += seconds;
        self.manifest.updated = super::environment::now();
        self.manifest.write(self.folder.path())?;
        self.monitor.epoch(&self.summary(end.epoch, seconds));
        Ok(())
    }

    fn keep_probabilities(&self) -> Option<Split> {
        self.manifest.config.fold.map(|fold| fold.judges())
    }

    fn stop_requested(&self) -> bool {
        self.stop.requested()
    }
}
