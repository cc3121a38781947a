//! The loop.

use std::path::Path;

use candle_core::Device;
use rand::seq::SliceRandom;

use super::evaluate::evaluate;
use super::masking::Masking;
use super::{PretrainReport, PretrainSettings, WeightFormat, text_digest};
use crate::Result;
use crate::encode::{EncodedSentence, Tokenizer, learn_vocabulary};
use crate::error::{Error, Problem};
use crate::model::DropoutPlan;
use crate::model::encoder::{BertShape, bert};
use crate::model::masked::MaskedModel;
use crate::nn::Gradients;
use crate::random::Streams;
use crate::train::divergence::Position;
use crate::train::optimizer::{Optimizer, StepSize, clip_factor};
use crate::train::schedule::LearningRate;
use crate::train::{Schedule, TrainSettings};

/// Fewest lines of text: with less there is nothing to hold out.
const FEWEST_LINES: usize = 20;

/// How far the pretraining has come, told after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the step, nats a predicted subword.
    pub loss: f64,
    /// Subwords processed in the step.
    pub subwords: usize,
}

/// An encoder on its way from drawn weights to a finished model.
pub struct Pretrainer {
    settings: PretrainSettings,
    text_sha256: String,
    tokenizer: Tokenizer,
    sentences: Vec<EncodedSentence>,
    held_out: Vec<EncodedSentence>,
    masking: Masking,
    streams: Streams,
    rate: LearningRate,
    max_gradient_norm: f64,
    pub(super) model: MaskedModel,
    pub(super) optimizer: Box<dyn Optimizer>,
    /// Batches seen. The optimiser has taken a step for each but those, on tiny text, in which no subword was masked.
    pub(super) step: u64,
}

impl Pretrainer {
    /// Learns the vocabulary of `text`, one sentence a line, and draws the weights.
    ///
    /// # Errors
    /// [`Error::Config`] for settings that cannot be trained with, [`Error::Data`] for too little text.
    pub fn new(text: &[String], settings: &PretrainSettings, device: &Device) -> Result<Self> {
        settings.validate()?;
        let text_sha256 = text_digest(text);
        let text: Vec<String> = text.iter().filter(|line| !line.trim().is_empty()).cloned().collect();
        let n_held_out = ((text.len() as f64 * settings.held_out) as usize).max(1);
        if text.len() < FEWEST_LINES {
            return Err(Error::Data(
                Problem::new(format!("{} lines of text are too few to pretrain on", text.len()))
                    .hint("give a file with one sentence a line, thousands of them"),
            ));
        }
        let tokenizer = learn_vocabulary(&text, settings.vocabulary, settings.lowercase)?;
        let lines: Vec<Vec<&str>> = text.iter().map(|line| line.split_whitespace().collect()).collect();
        let mut sentences = tokenizer.encode(lines.iter().map(Vec::as_slice), settings.max_subwords)?;
        sentences.retain(|s| !s.words.is_empty());
        let streams = Streams::new(settings.seed);
        sentences.shuffle(&mut streams.stream("held out", &[]));
        let held_out = sentences.split_off(sentences.len().saturating_sub(n_held_out));
        let masking = Masking::new(&tokenizer)?;

        let shape = bert(BertShape {
            vocabulary: tokenizer.vocabulary_size(),
            layers: settings.layers,
            hidden: settings.hidden,
            heads: settings.heads,
            intermediate: settings.intermediate,
            max_subwords: settings.max_subwords,
        })?;
        let model = MaskedModel::new(shape, settings.seed, device)?;
        let training = TrainSettings {
            learning_rate: settings.learning_rate,
            schedule: Schedule::Linear,
            warmup: 0.1,
            beta2: 0.98,
            ..TrainSettings::default()
        };
        let steps = sentences.len().div_ceil(settings.batch_size) as u64 * u64::from(settings.epochs);
        let rate = LearningRate::new(&training, steps);
        let optimizer = training.optimizer.build(model.parameters(), &training)?;
        let settings = settings.without_places();
        Ok(Self {
            settings,
            text_sha256,
            tokenizer,
            sentences,
            held_out,
            masking,
            streams,
            rate,
            max_gradient_norm: training.max_gradient_norm,
            model,
            optimizer,
            step: 0,
        })
    }

    /// Steps of the whole pretraining.
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch() * u64::from(self.settings.epochs)
    }

    /// Steps taken.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Goes on to step `until`, or to the end if that comes first.
    ///
    /// # Errors
    /// [`Error::Diverged`] where a loss, a gradient or an updated parameter is not finite, and whatever `progress`
    /// returns: the step it was told of is taken.
    pub fn train(&mut self, until: u64, progress: &mut dyn FnMut(Progress) -> Result<()>) -> Result<()> {
        let (steps, per_epoch) = (self.steps(), self.steps_per_epoch());
        let mut gradients = Gradients::default();
        let mut order: Vec<usize> = Vec::new();
        while self.step < until.min(steps) {
            let (epoch, number) = (self.step / per_epoch + 1, self.step % per_epoch);
            if order.is_empty() || number == 0 {
                order = (0..self.sentences.len()).collect();
                order.shuffle(&mut self.streams.stream("shuffle", &[epoch]));
            }
            let first = number as usize * self.settings.batch_size;
            let part = &order[first..order.len().min(first + self.settings.batch_size)];
            let taken = self.train_step(part, [epoch, number], &mut gradients)?;
            self.step += 1;
            if let Some((loss, subwords)) = taken {
                progress(Progress { step: self.step, steps, loss, subwords })?;
            }
        }
        Ok(())
    }

    /// One step on these sentences: loss and subwords, or `None` if no subword of them was masked.
    fn train_step(
        &mut self,
        part: &[usize],
        position: [u64; 2],
        gradients: &mut Gradients,
    ) -> Result<Option<(f64, usize)>> {
        let mut stream = self.streams.stream("mask", &position);
        let (batch, targets) = self.masking.batch(part.iter().map(|&i| &self.sentences[i]), &mut stream);
        if targets.is_empty() {
            return Ok(None);
        }
        let p = self.settings.dropout;
        let plan = DropoutPlan { hidden: p, attention: p, head: p, streams: self.streams, position };
        let here = Position { step: self.step + 1, epoch: position[0] as u32 };
        gradients.clear();
        let loss = self.model.train_step(&batch, &targets, &plan, gradients)?;
        here.require("loss", loss)?;
        let norm = gradients.norm()?;
        here.require("gradient norm", norm)?;
        let learning_rate = self.rate.at(self.optimizer.steps());
        let size = StepSize { learning_rate, gradient_scale: clip_factor(norm, self.max_gradient_norm) };
        if !self.optimizer.step(self.model.parameters(), gradients, size)? {
            return Err(here.diverged("parameter update"));
        }
        Ok(Some((loss, batch.ids.len())))
    }

    /// Scores the model as it is on the held-out sentences.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the model's output is not finite, [`Error::Tensor`].
    pub fn report(&self) -> Result<PretrainReport> {
        let held = evaluate(&self.model, &self.held_out, &self.masking, &self.streams, self.settings.batch_size)?;
        self.position().require("loss on held-out sentences", held.loss)?;
        Ok(PretrainReport {
            settings: self.settings.clone(),
            text_sha256: self.text_sha256.clone(),
            sentences: self.sentences.len(),
            held_out_sentences: self.held_out.len(),
            vocabulary: self.tokenizer.vocabulary_size(),
            steps: self.step,
            planned_steps: self.steps(),
            learning_rate: self.rate.at(self.optimizer.steps()),
            held_out_masked_accuracy: held.accuracy,
            held_out_masked_loss: held.loss,
            most_frequent_subword_accuracy: held.most_frequent,
            n_parameters: self.model.parameters().count(),
        })
    }

    /// Writes the model as it is into a folder in transformers' layout, and last its [`PretrainReport`]: a folder that
    /// has one is whole.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the model's output is not finite: nothing is written then. [`Error::Io`],
    /// [`Error::Tensor`].
    pub fn save(&self, folder: &Path) -> Result<PretrainReport> {
        let report = self.report()?;
        if self.settings.precision == WeightFormat::F16 {
            self.require_fit_for_f16()?;
        }
        self.model.save(folder, &self.tokenizer, self.settings.precision.into())?;
        report.write(folder)?;
        Ok(report)
    }

    /// The model and its tokenizer.
    pub fn into_parts(self) -> (MaskedModel, Tokenizer) {
        (self.model, self.tokenizer)
    }

    /// Refuses weights that are infinite in 16 bits.
    fn require_fit_for_f16(&self) -> Result<()> {
        for (_, var) in self.model.parameters().iter() {
            let values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            let values: Vec<f32> = values.into_iter().map(|value| half::f16::from_f32(value).to_f32()).collect();
            self.position().require_all("model in 16 bits", &values)?;
        }
        Ok(())
    }

    /// Where the pretraining stands.
    fn position(&self) -> Position {
        Position { step: self.step, epoch: self.step.div_ceil(self.steps_per_epoch().max(1)) as u32 }
    }

    fn steps_per_epoch(&self) -> u64 {
        self.sentences.len().div_ceil(self.settings.batch_size) as u64
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::pretrain;
    use super::*;

    /// Sentences in which the last word follows from the first: what a model can learn, and a frequency cannot.
    pub(in crate::train::pretrain) fn text() -> Vec<String> {
        let pairs = [("cats", "meow"), ("dogs", "bark"), ("cows", "low"), ("birds", "sing")];
        (0..400).map(|i| format!("{} often {} at night {}", pairs[i % 4].0, pairs[i % 4].1, (i * 7) % 10)).collect()
    }

    pub(in crate::train::pretrain) fn settings() -> PretrainSettings {
        PretrainSettings {
            vocabulary: 120,
            hidden: 32,
            heads: 2,
            intermediate: 64,
            epochs: 30,
            batch_size: 16,
            learning_rate: 5e-3,
            max_subwords: 32,
            ..PretrainSettings::default()
        }
    }

    #[test]
    fn it_learns_more_than_the_most_frequent_subword_and_repeats_itself() {
        let run = || pretrain(&text(), &settings(), &Device::Cpu, |_| Ok(())).unwrap();
        let (_, tokenizer, report) = run();
        assert!(report.held_out_masked_accuracy > report.most_frequent_subword_accuracy + 0.2, "{report:?}");
        assert_eq!((report.steps, report.planned_steps, report.learning_rate), (720, 720, 0.0));
        let (_, again, second) = run();
        assert_eq!(report, second);
        assert_eq!(tokenizer.files(), again.files());
    }

    #[test]
    fn a_handful_of_lines_is_refused() {
        let error = Pretrainer::new(&text()[..5], &settings(), &Device::Cpu).err().unwrap();
        assert!(matches!(error, Error::Data(_)) && error.hint().is_some());
    }
}
