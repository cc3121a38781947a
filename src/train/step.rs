//! One optimiser step: on batches, or on the episodes of a prototypical head.

use std::time::Instant;

use super::Trainer;
use super::counts;
use super::data::EncodedSplit;
use super::divergence::Position;
use super::evaluate::observe_batch;
use super::optimizer::{StepSize, clip_factor};
use crate::corpus::{Gold, Labels};
use crate::dynamics::{Observed, StepCounts, StepRecord};
use crate::encode::Batch;
use crate::error::{Error, Result};
use crate::model::{CentroidRule, DropoutPlan};

impl Trainer {
    /// One optimiser step on `sentences`, in parts of the batch size; the loss is the mean over all their tokens.
    pub(super) fn batch_step(&mut self, sentences: &[u32]) -> Result<StepRecord> {
        let mut step = self.begin_step();
        let words = sentences.iter().map(|&s| self.train.sentences[s as usize].words.len()).sum::<usize>() as f64;
        for part in sentences.chunks(self.settings.batch_size) {
            let batch = Batch::pack(part.iter().map(|&i| (i, &self.train.sentences[i as usize])));
            let labels: Vec<u32> = batch.tokens.iter().map(|&token| u32::from(self.train.target(token))).collect();
            let plan = self.dropout_plan();
            let output = self.tagger.train_step(&batch, &labels, words, Some(&plan), &mut self.gradients)?;
            self.unfinished.batches += 1;
            step.add(output.loss, batch.ids.len())?;
            let seen = observe_batch(&output.logits, output.decoded.as_deref(), &self.train, &batch)?;
            step.position.require_observed("model output in the train pass", &seen)?;
            step.count(&self.train, self.gold.as_deref(), &batch, &seen);
            if let Some(log) = &mut self.unfinished.log {
                log.record(&self.train, &batch, &output.logits, &seen);
            }
        }
        let before = (step.position.step - 1) % self.report.steps_per_epoch * self.sentences_a_step();
        let seen = u64::from(self.epoch) * self.report.train_sentences as u64 + before + sentences.len() as u64;
        self.end_step(step, seen)
    }

    /// One optimiser step on an episode, or on `train.accumulation` of them; the loss is the mean over an episode's
    /// queries, and over the episodes.
    pub(super) fn episode_step(&mut self) -> Result<StepRecord> {
        let mut step = self.begin_step();
        let parts = self.settings.accumulation as u64;
        let mut sentences = 0;
        for part in 0..parts {
            let Some(episodes) = &self.episodes else {
                return Err(Error::Internal("no episodes to learn from".into()));
            };
            let drawn = episodes.draw(&self.streams, step.position.step, part);
            sentences += (drawn.support.len() + drawn.query.len()) as u64;
            let episode = drawn.encode(&self.train, self.tagger.classes());
            let (plan, words) = (self.dropout_plan(), (episode.queries.len() as u64 * parts) as f64);
            let (output, means) = self.tagger.train_episode(&episode, words, Some(&plan), &mut self.gradients)?;
            self.unfinished.batches += 1;
            step.add(output.loss, episode.batch.ids.len())?;
            if self.tagger.head().centroids == CentroidRule::Running {
                self.tagger.average_centroids(&means);
            }
        }
        // Every episode has the same number of sentences.
        self.end_step(step, sentences * step.position.step)
    }

    fn begin_step(&mut self) -> Step {
        self.gradients.clear();
        let position = Position { step: self.optimizer.steps() + 1, epoch: self.epoch + 1 };
        Step { start: Instant::now(), position, loss: 0.0, subwords: 0, counts: None }
    }

    /// Updates the parameters with the gradients that were gathered.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the gradient or an updated parameter is not finite.
    fn end_step(&mut self, step: Step, examples_seen: u64) -> Result<StepRecord> {
        let gradient_norm = self.gradients.norm()?;
        step.position.require("gradient norm", gradient_norm)?;
        let learning_rate = self.rate.at(step.position.step - 1);
        let gradient_scale = clip_factor(gradient_norm, self.settings.max_gradient_norm);
        let size = StepSize { learning_rate, gradient_scale };
        if !self.optimizer.step(self.tagger.parameters(), &self.gradients, size)? {
            return Err(step.position.diverged("parameter update"));
        }
        self.missed_decay *= self.optimizer.untouched_factor(learning_rate);
        self.tagger.set_missed_decay(self.missed_decay);
        Ok(StepRecord {
            step: step.position.step,
            epoch: step.position.epoch,
            examples_seen,
            loss: step.loss,
            gradient_norm,
            learning_rate,
            subwords: step.subwords,
            counts: step.counts,
            seconds: step.start.elapsed().as_secs_f32(),
        })
    }

    pub(super) fn sentences_a_step(&self) -> u64 {
        (self.settings.batch_size * self.settings.accumulation) as u64
    }

    /// The dropout of the next batch.
    fn dropout_plan(&self) -> DropoutPlan {
        let position = [u64::from(self.epoch) + 1, self.unfinished.batches];
        let plan = DropoutPlan::of_config(self.tagger.config(), self.streams, position);
        match self.settings.dropout {
            Some(p) => DropoutPlan { hidden: p, attention: p, head: p, ..plan },
            None => plan,
        }
    }
}

/// An optimiser step that is not finished.
#[derive(Clone, Copy)]
struct Step {
    start: Instant,
    position: Position,
    loss: f64,
    subwords: u32,
    counts: Option<StepCounts>,
}

impl Step {
    /// Adds what a batch cost.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss is not finite.
    fn add(&mut self, loss: f64, subwords: usize) -> Result<()> {
        self.loss += loss;
        self.subwords += subwords as u32;
        self.position.require("loss", self.loss)
    }

    /// Counts what the train pass saw of a batch.
    fn count(&mut self, train: &EncodedSplit, gold: Option<&[Labels<Gold>]>, batch: &Batch, seen: &Observed) {
        counts::add(self.counts.get_or_insert_default(), train, gold, batch, seen);
    }
}
