//! How long a training's parts take here, measured on some of its steps and batches.
//!
//! Steps are real ones, on batches in the order of the first epoch (or on the first episodes), the optimiser's update
//! included; the weights that come out of them are thrown away. Passes without gradients are measured on whole batches
//! spread evenly over their split. What was measured is scaled by subwords: a step costs what its subwords cost, and of
//! the optimiser's update, which does not depend on them, a batch of average size gets its share.
//!
//! The observations made on the way stand in for those of a whole epoch: tokens that were not reached get the numbers
//! of one that was, scaled at random, because floats of equal bytes would compress better than real ones do.

use std::time::{Duration, Instant};

use rand::Rng;

use super::Trainer;
use super::data::EncodedSplit;
use super::evaluate::Log;
use crate::Result;
use crate::corpus::Split;
use crate::dynamics::{Observations, Probabilities, StepRecord};
use crate::metrics::entity::{self, Mode};
use crate::model::CentroidRule;
use crate::random::Streams;

/// Steps and batches before the clock starts, unless one alone takes longer than is meant for all.
const WARM_UP: usize = 2;
/// Fewest that are measured.
const FEWEST: usize = 2;

/// Seconds that the parts of a training take, and what stands for an epoch's log.
#[derive(Debug, Clone)]
pub struct Pace {
    /// An optimiser step of average size.
    pub step: f64,
    /// Optimiser steps an epoch.
    pub steps_per_epoch: u64,
    /// An evaluation on dev and the probe, centroids included.
    pub evaluation: f64,
    /// Centroids over the training split, of an evaluation; 0 where none are needed. They grow with the split.
    pub centroids: f64,
    /// The pass over the training tokens after an epoch; 0 where it is off.
    pub eval_pass: f64,
    /// Labels for one token of a text, as on dev.
    pub judged_token: f64,
    /// An epoch's train pass; `None` of a prototypical head.
    pub train_rows: Option<Observations>,
    /// An epoch's eval pass; `None` where it is off.
    pub eval_rows: Option<Observations>,
    /// An epoch's probabilities, where they are kept.
    pub probabilities: Option<Probabilities>,
    /// A step's record.
    pub record: StepRecord,
    /// Numbers in a checkpoint: weights, the optimiser's state, and the log of the epoch at hand.
    pub checkpoint_numbers: usize,
}

impl Trainer {
    /// Measures the pace of this training, for about as long as `effort` says: at least two steps and four batches are
    /// taken, however long they take. `keep` is the split of which probabilities are kept.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] if the model's numbers are not finite; [`crate::Error::Tensor`].
    pub fn pace(mut self, effort: Duration, keep: Option<Split>) -> Result<Pace> {
        let n_labels = self.tagger.labels().len();
        let of_train = (keep == Some(Split::Train)).then_some(n_labels);
        self.unfinished.log = self.episodes.is_none().then(|| Log::new(&self.train, of_train));
        let (step, record) = self.time_steps(effort / 2)?;

        let dev = self.time_pass(effort / 8, true, None)?;
        let judged_token = dev / self.dev.rows().max(1) as f64;
        // The eval pass, the probe and the centroids go over training sentences.
        let mut seen = Log::new(&self.train, None);
        let on_train = self.time_pass(effort / 8, false, Some(&mut seen))?;
        let subwords = |split: &EncodedSplit, sentences: &mut dyn Iterator<Item = u32>| {
            sentences.map(|i| split.sentences[i as usize].subwords.len()).sum::<usize>() as f64
        };
        let all = subwords(&self.train, &mut (0..self.train.sentences.len() as u32)).max(1.0);
        let probe = on_train * subwords(&self.train, &mut self.probe.sentences.iter().copied()) / all;
        let whole_split = self.episodes.is_some() && self.tagger.head().centroids != CentroidRule::Running;
        let centroids = match whole_split {
            true => {
                let in_entities = |&i: &u32| !self.train.in_entities(i).words.is_empty();
                let n = self.train.sentences.len() as u32;
                on_train * subwords(&self.train, &mut (0..n).filter(in_entities)) / all
            }
            false => 0.0,
        };
        let evaluation = dev + probe + centroids + self.time_scores();

        let log = self.unfinished.log.take();
        let log_numbers = log.as_ref().map_or(0, |log| log.tensors("").iter().map(|(_, _, v)| v.len()).sum());
        let weights: usize = self.tagger.parameters().iter().map(|(_, var)| var.elem_count()).sum();
        let (train_rows, of_train) = log.map(|log| log.filled(&self.streams).finish()).unzip();
        let (eval_rows, _) = seen.filled(&self.streams).finish();
        let of_dev = (keep == Some(Split::Dev)).then(|| even_probabilities(&self.dev, n_labels, &self.streams));
        Ok(Pace {
            step,
            steps_per_epoch: self.report.steps_per_epoch,
            evaluation,
            centroids,
            eval_pass: if self.settings.eval_pass { on_train } else { 0.0 },
            judged_token,
            train_rows,
            eval_rows: self.settings.eval_pass.then_some(eval_rows),
            probabilities: of_train.flatten().or(of_dev),
            record,
            checkpoint_numbers: 3 * weights + log_numbers,
        })
    }

    /// Seconds of a step, and the record of the last one.
    fn time_steps(&mut self, effort: Duration) -> Result<(f64, StepRecord)> {
        let order = self.order();
        let mut batches = order.chunks(self.sentences_a_step() as usize).cycle();
        let mean_subwords = order.iter().map(|&i| self.train.sentences[i as usize].subwords.len()).sum::<usize>()
            as f64
            / self.report.steps_per_epoch.max(1) as f64;
        let mut timed = Timed::new(effort);
        loop {
            let start = Instant::now();
            let record = match self.episodes {
                None => self.batch_step(batches.next().unwrap_or_default())?,
                Some(_) => self.episode_step()?,
            };
            if timed.add(start.elapsed(), record.subwords as usize) {
                let step = match self.episodes {
                    None => timed.seconds_for(mean_subwords),
                    Some(_) => timed.mean(),
                };
                return Ok((step, record));
            }
        }
    }

    /// Seconds of a pass without gradients over dev or over the training split; what is seen of training tokens goes to
    /// `log`.
    fn time_pass(&mut self, effort: Duration, dev: bool, mut log: Option<&mut Log>) -> Result<f64> {
        // A prototypical head judges with centroids; those of a batch cost as much as those of the split.
        if self.episodes.is_some() && self.tagger.centroids().is_none() {
            let some = self.forward().centroids_of(&self.train, 0..self.settings.eval_batch_size as u32)?;
            self.tagger.set_centroids(some);
        }
        let split = if dev { &self.dev } else { &self.train };
        let size = self.settings.eval_batch_size;
        let n_batches = split.sentences.len().div_ceil(size);
        let total: usize = split.sentences.iter().map(|sentence| sentence.subwords.len()).sum();
        let mut timed = Timed::new(effort);
        for i in 0.. {
            // Spread over the split: its sentences may be in an order.
            let number = spread(i % n_batches, n_batches);
            let sentences = (number * size) as u32..((number + 1) * size).min(split.sentences.len()) as u32;
            let subwords = sentences.clone().map(|i| split.sentences[i as usize].subwords.len()).sum();
            let start = Instant::now();
            self.forward().pass("model output", split, sentences, |batch, logits, seen| {
                if let Some(log) = &mut log {
                    log.record(split, batch, logits, seen);
                }
            })?;
            // With a second round there is nothing new to be seen.
            if timed.add(start.elapsed(), subwords) || (i + 1 >= 2 * n_batches && timed.n >= FEWEST) {
                break;
            }
        }
        Ok(timed.seconds_for(total as f64))
    }

    /// Seconds of scoring dev's entities.
    fn time_scores(&self) -> f64 {
        let start = Instant::now();
        let _ = entity::score(&self.dev.targets, &self.dev.targets, self.tagger.labels(), Mode::Default);
        start.elapsed().as_secs_f64()
    }
}

/// The `i`-th of `n` places in an order in which any few that follow each other are far apart.
fn spread(i: usize, n: usize) -> usize {
    let stride = (1..n).rev().find(|stride| *stride as f64 <= 0.618 * n as f64 && gcd(*stride, n) == 1).unwrap_or(1);
    i * stride % n
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Times of pieces of work of different size.
struct Timed {
    effort: Duration,
    spent: Duration,
    warm_up: usize,
    n: usize,
    seconds: f64,
    size: f64,
}

impl Timed {
    fn new(effort: Duration) -> Self {
        Self { effort, spent: Duration::ZERO, warm_up: WARM_UP, n: 0, seconds: 0.0, size: 0.0 }
    }

    /// Adds one; true once it is enough.
    fn add(&mut self, took: Duration, size: usize) -> bool {
        self.spent += took;
        if self.warm_up > 0 {
            self.warm_up = if self.spent > self.effort { 0 } else { self.warm_up - 1 };
            return false;
        }
        self.n += 1;
        self.seconds += took.as_secs_f64();
        self.size += size as f64;
        self.n >= FEWEST && self.spent >= self.effort
    }

    /// The mean of what was measured.
    fn mean(&self) -> f64 {
        self.seconds / self.n.max(1) as f64
    }

    /// What work of this size takes.
    fn seconds_for(&self, size: f64) -> f64 {
        if self.size > 0.0 { self.seconds / self.size * size } else { self.mean() }
    }
}

/// Probabilities that stand for those of a split's tokens.
fn even_probabilities(split: &EncodedSplit, n_labels: usize, streams: &Streams) -> Probabilities {
    let (words, _) = Log::new(split, None).finish();
    let mut stream = streams.stream("stand-in probabilities", &[]);
    let values = (0..split.rows() * n_labels).map(|_| stream.gen_range(0.0..1.0f32)).collect();
    Probabilities { sentence: words.sentence, token: words.token, values }
}
