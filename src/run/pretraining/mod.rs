//! A pretraining's folder: models saved along the way, and the promise that what is finished is not done again.
//!
//! ```text
//! my-encoder/
//!   manifest.json               what is pretrained on what: settings, SHA-256 of the text; written before the first step
//!   step=000000/                the weights as they were drawn, in transformers' layout, with pretraining.json
//!   step=000300/                the model after 300 steps
//!   config.json, model.safetensors, ..., pretraining.json    the finished model, where it is asked for
//!   state.safetensors           weights, optimiser and position, to go on from; gone once the last step is taken
//!   .lease                      says which process writes here; gone when none does
//! ```
//!
//! **Identity.** What a pretraining is follows from its settings and its text. Which models are saved is not part of
//! it: every number is drawn for its step ([`crate::random`]), so that a checkpoint has the same bytes whenever it is
//! made. More may be asked for later; those behind the last state are reached by going on from it, one before it by
//! starting anew, and finished ones are left alone either way.
//!
//! **Order of writing.** A folder `step=N` gets its name when it is whole. The finished model's `pretraining.json` is
//! written last: a folder that has one is whole. The state may lie behind the last model; what is between them is then
//! done again, to the same bytes.

mod manifest;

use std::path::{Path, PathBuf};

use candle_core::Device;
use fs_err as fs;

use super::{Lease, Monitor, StopFlag};
use crate::error::{Error, Problem, Result};
use crate::files::{remove_leftovers, write_folder_atomically, write_text};
use crate::train::pretrain::{PretrainReport, PretrainSettings, Pretrainer};

/// Steps between two savings of the state: what a kill can cost.
const STEPS_BETWEEN_STATES: u64 = 500;

/// A pretraining to be done, or what is left of it.
#[derive(Debug, Clone, Copy)]
pub struct Pretraining<'a> {
    /// What is pretrained on what.
    pub settings: &'a PretrainSettings,
    /// The folder it is written to.
    pub folder: &'a Path,
    /// Steps after which the model is saved, each in a folder of its own; 0 are the weights as they were drawn.
    pub checkpoints: &'a [u64],
    /// Go on to the last step, and write the finished model into the folder itself.
    pub finish: bool,
}

/// What there is once a pretraining is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Pretrained {
    /// Of each checkpoint asked for, in rising order.
    pub checkpoints: Vec<PretrainReport>,
    /// Of the finished model, if it was asked for.
    pub finished: Option<PretrainReport>,
}

impl Pretraining<'_> {
    /// The folder of the model after so many steps.
    ///
    /// ```
    /// use memoscope::run::Pretraining;
    /// let folder = Pretraining::checkpoint_in("my-encoder".as_ref(), 300);
    /// assert_eq!(folder, std::path::Path::new("my-encoder/step=000300"));
    /// ```
    pub fn checkpoint_in(folder: &Path, step: u64) -> PathBuf {
        folder.join(format!("step={step:06}"))
    }

    /// Does the pretraining, or what is left of it.
    ///
    /// # Errors
    /// [`Error::Config`] if the folder holds another pretraining or something else, or a checkpoint lies behind the
    /// last step; [`Error::Interrupted`] if `stop` was raised, [`Error::Diverged`], [`Error::Data`] and [`Error::Io`],
    /// all with what is finished on disk.
    pub fn execute(&self, device: &Device, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Pretrained> {
        self.settings.validate()?;
        let text = self.settings.read_text()?;
        let manifest = self.manifest(&text);
        let is_fresh = self.inspect(&manifest)?;
        if !is_fresh && let (done, None) = self.done()? {
            return Ok(done);
        }
        monitor.working("pretraining: learning the vocabulary");
        let mut pretrainer = Pretrainer::new(&text, self.settings, device)?;
        self.require_within(pretrainer.steps())?;

        fs::create_dir_all(self.folder).map_err(Error::io(self.folder))?;
        let lease = Lease::take(self.folder, monitor, stop)?;
        remove_leftovers(self.folder);
        // Only now: another process may have been here.
        if self.inspect(&manifest)? {
            let text = serde_json::to_string_pretty(&manifest)
                .map_err(|e| Error::Internal(format!("a pretraining's manifest as JSON: {e}")))?;
            write_text(&self.manifest_path(), &format!("{text}\n"))?;
        }
        if let (_, Some(first_missing)) = self.done()? {
            let state = self.state_path();
            if let Some(step) = Pretrainer::step_of_state(&state)?.filter(|step| *step <= first_missing && *step > 0) {
                pretrainer.load_state(&state)?;
                monitor.working(&format!("pretraining resumed after step {step} of {}", pretrainer.steps()));
            }
            let result = self.train(&mut pretrainer, &lease, monitor, stop);
            monitor.pretraining_ended();
            result?;
        }
        match self.done()? {
            (done, None) => Ok(done),
            (_, Some(step)) => Err(Error::Internal(format!("the pretraining ended without its model of step {step}"))),
        }
    }

    fn train(
        &self,
        pretrainer: &mut Pretrainer,
        lease: &Lease,
        monitor: &mut dyn Monitor,
        stop: &StopFlag,
    ) -> Result<()> {
        let (steps, state) = (pretrainer.steps(), self.state_path());
        while let Some(target) = self.next_missing(pretrainer.step(), steps)? {
            let halt = target.min((pretrainer.step() / STEPS_BETWEEN_STATES + 1) * STEPS_BETWEEN_STATES);
            let taken = pretrainer.train(halt, &mut |progress| {
                monitor.pretraining(&progress);
                if stop.requested() { Err(Error::Interrupted) } else { Ok(()) }
            });
            lease.require_held()?;
            match taken {
                Err(Error::Interrupted) => {
                    pretrainer.save_state(&state)?;
                    return Err(Error::Interrupted);
                }
                taken => taken?,
            }
            if pretrainer.step() == target {
                let folder = Self::checkpoint_in(self.folder, target);
                if self.checkpoints.contains(&target) && PretrainReport::read(&folder)?.is_none() {
                    monitor.checkpoint(&write_folder_atomically(&folder, |unfinished| pretrainer.save(unfinished))?);
                }
                if target == steps && self.finish && PretrainReport::read(self.folder)?.is_none() {
                    monitor.checkpoint(&pretrainer.save(self.folder)?);
                }
            }
            if (1..steps).contains(&pretrainer.step()) {
                pretrainer.save_state(&state)?;
            }
        }
        if pretrainer.step() == steps && state.is_file() {
            fs::remove_file(&state).map_err(Error::io(&state))?;
        }
        Ok(())
    }

    /// The next step, not before `from`, at which a model is to be saved that is not there yet.
    fn next_missing(&self, from: u64, steps: u64) -> Result<Option<u64>> {
        let mut missing = Vec::new();
        for &step in self.checkpoints.iter().filter(|step| **step >= from) {
            if PretrainReport::read(&Self::checkpoint_in(self.folder, step))?.is_none() {
                missing.push(step);
            }
        }
        if self.finish && PretrainReport::read(self.folder)?.is_none() {
            missing.push(steps);
        }
        Ok(missing.into_iter().min())
    }

    /// What is finished of what is asked for, and the first step of which the model is missing; the last step counts as
    /// `u64::MAX`.
    fn done(&self) -> Result<(Pretrained, Option<u64>)> {
        let mut checkpoints = Vec::new();
        for step in self.wanted() {
            checkpoints.extend(PretrainReport::read(&Self::checkpoint_in(self.folder, step))?);
        }
        let finished = if self.finish { PretrainReport::read(self.folder)? } else { None };
        Ok((Pretrained { checkpoints, finished }, self.missing()?.first().copied()))
    }

    /// The steps of which a model is asked for, in rising order.
    fn wanted(&self) -> Vec<u64> {
        let mut wanted = self.checkpoints.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// The steps, in rising order, of which a model is asked for that is not there yet; the last step counts as
    /// `u64::MAX` where the finished model is asked for.
    ///
    /// # Errors
    /// [`Error::Data`] if what is there is damaged.
    pub(crate) fn missing(&self) -> Result<Vec<u64>> {
        let mut missing = Vec::new();
        for step in self.wanted() {
            if PretrainReport::read(&Self::checkpoint_in(self.folder, step))?.is_none() {
                missing.push(step);
            }
        }
        if self.finish && PretrainReport::read(self.folder)?.is_none() {
            missing.push(u64::MAX);
        }
        Ok(missing)
    }

    /// The step that it can be resumed from; `None` if it cannot.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn begun_at(&self) -> Result<Option<u64>> {
        Pretrainer::step_of_state(&self.state_path())
    }

    pub(crate) fn require_within(&self, steps: u64) -> Result<()> {
        let Some(beyond) = self.checkpoints.iter().find(|step| **step > steps) else { return Ok(()) };
        Err(Error::Config(
            Problem::new(format!("a checkpoint after {beyond} steps, and the pretraining has {steps}"))
                .hint(format!("choose steps from 0, the weights as drawn, to {steps}, the finished model")),
        ))
    }

    fn manifest_path(&self) -> PathBuf {
        self.folder.join("manifest.json")
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("state.safetensors")
    }
}

#[cfg(test)]
mod tests;
