//! The training loop.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;

use super::data::{EncodedSplit, EncodingReport, Probe, TrainingData};
use super::divergence::Position;
use super::episodes::Episodes;
use super::evaluate::{Evaluation, Evaluator, Forward, Log};
use super::optimizer::Optimizer;
use super::resume::Unfinished;
use super::schedule::LearningRate;
use super::{EpochEnd, Observer, TrainSettings};
use crate::corpus::{Gold, Labels, Split, TokenPosition};
use crate::dynamics::{Observations, Probabilities};
use crate::error::{Error, Problem, Result};
use crate::model::{CentroidRule, HeadKind, Tagger};
use crate::nn::Gradients;
use crate::random::Streams;

/// Fine-tunes a [`Tagger`].
pub struct Trainer {
    pub(super) tagger: Tagger,
    pub(super) optimizer: Box<dyn Optimizer>,
    /// Finished epochs.
    pub(super) epoch: u32,
    /// Where the epoch after them stands.
    pub(super) unfinished: Unfinished,
    /// Product of the decay factors so far (see [`crate::model::vocabulary`]).
    pub(super) missed_decay: f64,
    pub(super) gradients: Gradients,
    /// The episodes of a prototypical head; `None` for a linear one, which learns from batches.
    pub(super) episodes: Option<Episodes>,
    /// The step after which centroids were last taken over the whole training split.
    centroids_at: Option<u64>,
    pub(super) settings: TrainSettings,
    pub(super) streams: Streams,
    pub(super) rate: LearningRate,
    pub(super) train: EncodedSplit,
    pub(super) gold: Option<Vec<Labels<Gold>>>,
    pub(super) dev: EncodedSplit,
    pub(super) probe: Probe,
    pub(super) report: EncodingReport,
}

impl Trainer {
    /// Encodes the data and prepares the first step.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that cannot be trained with, [`Error::Data`] for data that cannot: an empty
    /// split, a sentence of which the tokenizer leaves nothing, a tag inventory of `O` alone, too few sentences for an
    /// episode.
    pub fn new(mut tagger: Tagger, data: &TrainingData, settings: &TrainSettings, seed: u64) -> Result<Self> {
        settings.validate()?;
        let longest = tagger.config().max_subwords;
        if settings.max_subwords > longest {
            return Err(Error::Config(
                Problem::new(format!(
                    "train.max_subwords is {}, the encoder has {longest} positions",
                    settings.max_subwords
                ))
                .hint(format!("set train.max_subwords to {longest} at most")),
            ));
        }
        if data.labels.len() < 2 {
            return Err(Error::Data(
                Problem::new("the data have no tag but `O`").hint("check that the last column holds the tags"),
            ));
        }
        let prototypes = tagger.head().kind == HeadKind::Prototypes;
        if prototypes && !settings.eval_pass {
            return Err(Error::Config(
                Problem::new(
                    "train.eval_pass is off, and a prototypical head has no train pass: nothing would be logged",
                )
                .hint("leave train.eval_pass on, or use model.head.kind = \"linear\""),
            ));
        }
        let tokenizer = tagger.tokenizer();
        let train = EncodedSplit::new("train", &data.train, &data.train_numbers, tokenizer, settings.max_subwords)?;
        // Dev is judged whole: a score that leaves out the ends of long sentences flatters, one that counts them as
        // missed depends on the setting.
        let dev = EncodedSplit::new("dev", &data.dev, &data.dev_numbers, tokenizer, longest)?;
        let episodes = match prototypes {
            true => Some(Episodes::new(&settings.episodes, &train, tagger.labels())?),
            false => None,
        };
        let lost = |split: &EncodedSplit, of: fn(&crate::encode::EncodedSentence) -> usize| {
            split.sentences.iter().map(of).sum::<usize>()
        };
        let sentences_a_step = settings.batch_size * settings.accumulation;
        let report = EncodingReport {
            train_sentences: train.sentences.len(),
            train_sentences_left_out: 0,
            train_tokens: train.rows(),
            train_tokens_truncated: lost(&train, |s| s.truncated),
            train_tokens_without_subword: lost(&train, |s| s.without_subword),
            dev_tokens_lost: lost(&dev, |s| s.truncated + s.without_subword),
            steps_per_epoch: match prototypes {
                true => settings.episodes.steps.div_ceil(u64::from(settings.epochs)),
                false => train.sentences.len().div_ceil(sentences_a_step) as u64,
            },
        };
        let mut subwords = BTreeSet::new();
        train.collect_subwords(&mut subwords);
        dev.collect_subwords(&mut subwords);
        if settings.optimizer.supports_rows_in_use() {
            tagger.use_rows(&subwords)?;
        }
        // A head that was trained before starts its centroids anew.
        tagger.forget_centroids();
        let streams = Streams::new(seed);
        Ok(Self {
            optimizer: settings.optimizer.build(tagger.parameters(), settings)?,
            rate: LearningRate::new(settings, report.steps_per_epoch * u64::from(settings.epochs)),
            probe: Probe::sample(&train, data.gold.as_deref(), settings.probe_tokens, &streams),
            gold: data.gold.clone(),
            gradients: Gradients::default(),
            episodes,
            centroids_at: None,
            settings: settings.clone(),
            epoch: 0,
            unfinished: Unfinished::default(),
            missed_decay: 1.0,
            tagger,
            streams,
            train,
            dev,
            report,
        })
    }

    /// What encoding the data found out.
    pub fn encoding(&self) -> EncodingReport {
        self.report
    }

    /// The training tokens that are scored and logged, sorted: tokens lost to truncation or without subword are not
    /// among them.
    pub fn scored_tokens(&self) -> Vec<TokenPosition> {
        let sentences = (0u32..).zip(&self.train.sentences);
        let position = |sentence| move |&(token, _): &(u16, u16)| TokenPosition { sentence, token };
        sentences.flat_map(|(i, encoded)| encoded.words.iter().map(position(i))).collect()
    }

    /// Finished epochs: 0 before the first.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Steps taken in the epoch after the finished ones; 0 between two epochs.
    pub fn steps_in_epoch(&self) -> u64 {
        self.unfinished.steps
    }

    /// Steps taken since the training began.
    pub fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    /// The tagger as trained so far. Until [`Trainer::finish`] it knows the subwords of train and dev only.
    pub fn tagger(&self) -> &Tagger {
        &self.tagger
    }

    /// The tagger, its word embedding whole again.
    ///
    /// # Errors
    /// [`Error::Diverged`] if a parameter is not finite.
    pub fn finish(mut self) -> Result<Tagger> {
        self.refresh_centroids()?;
        self.tagger.restore_rows(self.missed_decay)?;
        let end = Position { step: self.optimizer.steps(), epoch: self.epoch };
        for (_, var) in self.tagger.parameters().iter() {
            end.require_all("final model", &var.as_tensor().flatten_all()?.to_vec1::<f32>()?)?;
        }
        Ok(self.tagger)
    }

    /// Trains from where it stands to the last epoch.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after the step or epoch in which the observer asked to stop, once its checkpoint is
    /// written (after the last epoch there is nothing left to interrupt); [`Error::Diverged`] where a loss, a gradient,
    /// an updated parameter or the model's output in an evaluation is not finite (the observer is not told of that
    /// step, evaluation or epoch), and whatever the observer returns.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<()> {
        while self.epoch < self.settings.epochs {
            let (train, probabilities) = self.train_epoch(observer)?;
            self.refresh_centroids()?;
            let eval = match self.settings.eval_pass {
                true => Some(self.forward().eval_pass(&self.train)?),
                false => None,
            };
            self.epoch += 1;
            observer.epoch(EpochEnd { epoch: self.epoch, train, eval, probabilities, trainer: self })?;
            if self.epoch < self.settings.epochs && observer.stop_requested() {
                return Err(Error::Interrupted);
            }
        }
        Ok(())
    }

    /// The sentences in the order of this epoch.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.train.sentences.len() as u32).collect();
        if self.settings.shuffle {
            order.shuffle(&mut self.streams.stream("shuffle", &[u64::from(self.epoch) + 1]));
        }
        order
    }

    /// The steps and evaluations that are left of the epoch. Returns the train pass, and the probabilities the observer
    /// wants kept.
    fn train_epoch(&mut self, observer: &mut dyn Observer) -> Result<(Option<Observations>, Option<Probabilities>)> {
        let order = self.order();
        let steps = self.report.steps_per_epoch;
        let evaluations = u64::from(self.settings.evaluations_per_epoch).min(steps);
        let keep = observer.keep_probabilities();
        let taken = self.unfinished.steps;
        if taken == 0 && self.episodes.is_none() {
            let n_labels = (keep == Some(Split::Train)).then(|| self.tagger.labels().len());
            self.unfinished.log = Some(Log::new(&self.train, n_labels));
        }
        let mut batches = order.chunks(self.sentences_a_step() as usize).skip(taken as usize);
        for i in taken + 1..=steps {
            let record = match self.episodes {
                None => self.batch_step(batches.next().unwrap_or_default())?,
                Some(_) => self.episode_step()?,
            };
            self.unfinished.steps = i;
            observer.step(&record)?;
            // The evaluations of an epoch are spread evenly over its steps; the last one is at its end.
            if i * evaluations / steps > (i - 1) * evaluations / steps {
                let Evaluation { mut point, types, probabilities } =
                    self.evaluate(keep == Some(Split::Dev) && i == steps)?;
                self.unfinished.of_dev = probabilities;
                point.step = record.step;
                point.examples_seen = record.examples_seen;
                point.learning_rate = record.learning_rate;
                point.epoch = f64::from(self.epoch) + i as f64 / steps as f64;
                observer.evaluation(&point, &types)?;
            }
            let stop = observer.stop_requested();
            if stop || observer.checkpoint_due() {
                observer.checkpoint(self)?;
            }
            if stop {
                return Err(Error::Interrupted);
            }
        }
        let Unfinished { log, of_dev, .. } = std::mem::take(&mut self.unfinished);
        let (train, of_train) = log.map(Log::finish).unzip();
        Ok((train, of_train.flatten().or(of_dev)))
    }

    /// Takes the centroids of a prototypical head over the whole training split, unless that was done since the last
    /// step, or the head keeps running ones.
    fn refresh_centroids(&mut self) -> Result<()> {
        let now = Some(self.optimizer.steps());
        let running = self.tagger.head().centroids == CentroidRule::Running && self.tagger.centroids().is_some();
        if self.episodes.is_some() && !running && self.centroids_at != now {
            let centroids = self.forward().centroids(&self.train)?;
            self.tagger.set_centroids(centroids);
            self.centroids_at = now;
        }
        Ok(())
    }

    /// The tagger as it is, without gradients. Evaluations follow a step and precede the end of its epoch.
    pub(super) fn forward(&self) -> Forward<'_> {
        let steps = self.optimizer.steps();
        let epoch = steps.div_ceil(self.report.steps_per_epoch.max(1)) as u32;
        let position = Position { step: steps, epoch };
        Forward { tagger: &self.tagger, batch_size: self.settings.eval_batch_size, position }
    }

    /// Scores on dev and on the probe as the tagger stands.
    fn evaluate(&mut self, keep_probabilities: bool) -> Result<Evaluation> {
        self.refresh_centroids()?;
        let evaluator = Evaluator {
            forward: self.forward(),
            train: &self.train,
            gold: self.gold.as_deref(),
            dev: &self.dev,
            probe: &self.probe,
            keep_probabilities,
        };
        evaluator.evaluate()
    }
}
