//! Masked-language-model pretraining of a small encoder on any text.
//!
//! The recipe of BERT (arXiv 1810.04805, section 3.1) without next-sentence prediction: of each sentence 15 % of the
//! pieces are to be predicted; of those 80 % are replaced by `[MASK]`, 10 % by a random piece, 10 % are left. Which, is
//! drawn anew each time a sentence is seen.

use std::collections::BTreeMap;

use candle_core::Device;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::optimizer::{AdamW, require_finite};
use super::schedule::LearningRate;
use super::{Schedule, TrainSettings};
use crate::Result;
use crate::encode::{Batch, EncodedSentence, Tokenizer, learn_vocabulary};
use crate::error::{Error, Problem};
use crate::model::DropoutPlan;
use crate::model::encoder::{BertShape, bert};
use crate::model::masked::MaskedModel;
use crate::nn::Gradients;
use crate::random::Streams;

/// How an encoder is pretrained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainSettings {
    /// Pieces in the WordPiece vocabulary, special ones included.
    pub vocabulary: usize,
    /// Fold words to lower case.
    pub lowercase: bool,
    /// Blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate: usize,
    /// Most pieces a sentence; also the number of positions.
    pub max_pieces: usize,
    /// Passes over the text.
    pub epochs: u32,
    /// Sentences a batch.
    pub batch_size: usize,
    /// Peak learning rate, after linear warm-up over 10 % of the steps; then linear decay to 0.
    pub learning_rate: f64,
    /// Dropout probability.
    pub dropout: f64,
    /// Share of the sentences held out to measure masked accuracy on, 0 to 1.
    pub held_out: f64,
    /// Seed of weights, order, masks and dropout.
    pub seed: u64,
}

impl Default for PretrainSettings {
    fn default() -> Self {
        Self {
            vocabulary: 5000,
            lowercase: false,
            layers: 2,
            hidden: 128,
            heads: 4,
            intermediate: 512,
            max_pieces: 128,
            epochs: 10,
            batch_size: 64,
            learning_rate: 1e-3,
            dropout: 0.1,
            held_out: 0.05,
            seed: 1,
        }
    }
}

impl PretrainSettings {
    /// Refuses values that cannot be trained with.
    pub fn validate(&self) -> Result<()> {
        let refuse = |what: &str| {
            Err(Error::Config(Problem::new(what.to_owned()).hint("see `memoscope model pretrain --help`")))
        };
        if [self.layers, self.hidden, self.heads, self.intermediate, self.batch_size, self.epochs as usize].contains(&0)
        {
            return refuse("sizes, batch and epochs must be at least 1");
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return refuse("the number of heads must divide the hidden size");
        }
        if self.vocabulary < 100 {
            return refuse("the vocabulary must have at least 100 pieces");
        }
        if self.max_pieces < 3 {
            return refuse("max-pieces must be at least 3");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("the learning rate must be a positive number");
        }
        if !((0.0..1.0).contains(&self.dropout) && self.held_out > 0.0 && self.held_out < 1.0) {
            return refuse("dropout must be at least 0 and below 1, held-out above 0 and below 1");
        }
        Ok(())
    }
}

/// How far the pretraining has come, told after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Steps taken and in all.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Loss of the step, nats a predicted piece.
    pub loss: f64,
    /// Pieces processed in the step.
    pub pieces: usize,
}

/// What came out of a pretraining; written beside the model as `pretraining.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PretrainReport {
    /// What was asked for.
    pub settings: PretrainSettings,
    /// Sentences trained on.
    pub sentences: usize,
    /// Sentences held out.
    pub held_out_sentences: usize,
    /// Pieces in the vocabulary.
    pub vocabulary: usize,
    /// Optimiser steps.
    pub steps: u64,
    /// Share of the held-out masked pieces predicted right, 0 to 1.
    pub held_out_masked_accuracy: f64,
    /// Mean cross-entropy of the held-out masked pieces, nats.
    pub held_out_masked_loss: f64,
    /// Masked accuracy of always saying the most frequent piece: what a model must beat.
    pub most_frequent_piece_accuracy: f64,
    /// Trainable numbers.
    pub n_parameters: usize,
}

/// Pretrains an encoder on `text`, one sentence a line.
///
/// # Errors
/// [`Error::Config`] for settings that cannot be trained with, [`Error::Data`] for too little text,
/// [`Error::Diverged`], and whatever `progress` returns.
pub fn pretrain(
    text: &[String],
    settings: &PretrainSettings,
    device: &Device,
    mut progress: impl FnMut(Progress) -> Result<()>,
) -> Result<(MaskedModel, Tokenizer, PretrainReport)> {
    settings.validate()?;
    let text: Vec<String> = text.iter().filter(|line| !line.trim().is_empty()).cloned().collect();
    let n_held_out = ((text.len() as f64 * settings.held_out) as usize).max(1);
    if text.len() < 20 {
        return Err(Error::Data(
            Problem::new(format!("{} lines of text are too few to pretrain on", text.len()))
                .hint("give a file with one sentence a line, thousands of them"),
        ));
    }
    let tokenizer = learn_vocabulary(&text, settings.vocabulary, settings.lowercase)?;
    let config = bert(BertShape {
        vocabulary: tokenizer.vocabulary_size(),
        layers: settings.layers,
        hidden: settings.hidden,
        heads: settings.heads,
        intermediate: settings.intermediate,
        max_pieces: settings.max_pieces,
    })?;
    let lines: Vec<Vec<&str>> = text.iter().map(|line| line.split_whitespace().collect()).collect();
    let mut sentences = tokenizer.encode(lines.iter().map(Vec::as_slice), settings.max_pieces)?;
    sentences.retain(|s| !s.words.is_empty());
    let streams = Streams::new(settings.seed);
    sentences.shuffle(&mut streams.stream("held out", &[]));
    let held_out = sentences.split_off(sentences.len().saturating_sub(n_held_out));
    let masking = Masking::new(&tokenizer)?;

    let model = MaskedModel::new(config, settings.seed, device)?;
    let training = TrainSettings {
        learning_rate: settings.learning_rate,
        schedule: Schedule::Linear,
        warmup: 0.1,
        beta2: 0.98,
        ..TrainSettings::default()
    };
    let steps = sentences.len().div_ceil(settings.batch_size) as u64 * u64::from(settings.epochs);
    let rate = LearningRate::new(&training, steps);
    let mut optimizer = AdamW::new(model.parameters(), &training)?;
    let mut gradients = Gradients::default();
    for epoch in 1..=settings.epochs {
        let mut order: Vec<usize> = (0..sentences.len()).collect();
        order.shuffle(&mut streams.stream("shuffle", &[u64::from(epoch)]));
        for (number, part) in order.chunks(settings.batch_size).enumerate() {
            let position = [u64::from(epoch), number as u64];
            let mut stream = streams.stream("mask", &position);
            let (batch, targets) = masking.batch(part.iter().map(|&i| &sentences[i]), &mut stream);
            if targets.is_empty() {
                continue;
            }
            let (hidden, attention, head) = (settings.dropout, settings.dropout, settings.dropout);
            let plan = DropoutPlan { hidden, attention, head, streams, position };
            let step = optimizer.steps() + 1;
            gradients.clear();
            let loss = model.learn(&batch, &targets, &plan, &mut gradients)?;
            require_finite("loss", loss, step, epoch)?;
            let norm = gradients.norm()?;
            require_finite("gradient norm", norm, step, epoch)?;
            optimizer.step(model.parameters(), &gradients, norm, rate.at(step - 1))?;
            progress(Progress { step, steps, loss, pieces: batch.ids.len() })?;
        }
    }
    let held = evaluate(&model, &held_out, &masking, &streams, settings.batch_size)?;
    let report = PretrainReport {
        settings: settings.clone(),
        sentences: sentences.len(),
        held_out_sentences: held_out.len(),
        vocabulary: tokenizer.vocabulary_size(),
        steps: optimizer.steps(),
        held_out_masked_accuracy: held.accuracy,
        held_out_masked_loss: held.loss,
        most_frequent_piece_accuracy: held.most_frequent,
        n_parameters: model.parameters().count(),
    };
    Ok((model, tokenizer, report))
}

struct HeldOut {
    accuracy: f64,
    loss: f64,
    most_frequent: f64,
}

fn evaluate(
    model: &MaskedModel,
    sentences: &[EncodedSentence],
    masking: &Masking,
    streams: &Streams,
    batch_size: usize,
) -> Result<HeldOut> {
    let (mut correct, mut loss, mut n) = (0usize, 0.0, 0usize);
    let mut frequencies: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, part) in sentences.chunks(batch_size).enumerate() {
        let mut stream = streams.stream("held-out mask", &[number as u64]);
        let (batch, targets) = masking.batch(part.iter(), &mut stream);
        if targets.is_empty() {
            continue;
        }
        let (batch_loss, best) = model.evaluate(&batch, &targets)?;
        loss += batch_loss;
        correct += best.iter().zip(&targets).filter(|(a, b)| a == b).count();
        n += targets.len();
        for target in targets {
            *frequencies.entry(target).or_default() += 1;
        }
    }
    let n = n.max(1) as f64;
    let most_frequent = frequencies.values().copied().max().unwrap_or(0) as f64 / n;
    Ok(HeldOut { accuracy: correct as f64 / n, loss: loss / n, most_frequent })
}

/// Chooses the pieces that are to be predicted.
struct Masking {
    mask: u32,
    vocabulary: u32,
    special: Vec<u32>,
}

impl Masking {
    fn new(tokenizer: &Tokenizer) -> Result<Self> {
        let mask = tokenizer.mask().ok_or_else(|| Error::Internal("the vocabulary has no [MASK]".into()))?;
        let mut special = tokenizer.special().to_vec();
        special.push(mask);
        Ok(Self { mask, vocabulary: tokenizer.vocabulary_size() as u32, special })
    }

    /// Packs sentences, hides 15 % of their pieces, and returns what was there.
    fn batch<'a>(
        &self,
        sentences: impl Iterator<Item = &'a EncodedSentence>,
        stream: &mut ChaCha8Rng,
    ) -> (Batch, Vec<u32>) {
        let mut batch = Batch::pack((0..).zip(sentences));
        let mut targets = Vec::new();
        batch.scored.clear();
        batch.tokens.clear();
        for (row, id) in batch.ids.iter_mut().enumerate() {
            if self.special.contains(id) || stream.r#gen::<f64>() >= 0.15 {
                continue;
            }
            batch.scored.push(row as u32);
            targets.push(*id);
            match stream.r#gen::<f64>() {
                u if u < 0.8 => *id = self.mask,
                u if u < 0.9 => *id = stream.gen_range(0..self.vocabulary),
                _ => {}
            }
        }
        (batch, targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sentences in which the last word follows from the first: what a model can learn, and a frequency cannot.
    fn text() -> Vec<String> {
        let pairs = [("cats", "meow"), ("dogs", "bark"), ("cows", "low"), ("birds", "sing")];
        (0..400).map(|i| format!("{} often {} at night {}", pairs[i % 4].0, pairs[i % 4].1, (i * 7) % 10)).collect()
    }

    fn settings() -> PretrainSettings {
        PretrainSettings {
            vocabulary: 120,
            hidden: 32,
            heads: 2,
            intermediate: 64,
            epochs: 30,
            batch_size: 16,
            learning_rate: 5e-3,
            max_pieces: 32,
            ..PretrainSettings::default()
        }
    }

    #[test]
    fn it_learns_more_than_the_most_frequent_piece_and_repeats_itself() {
        let run = || pretrain(&text(), &settings(), &Device::Cpu, |_| Ok(())).unwrap();
        let (_, tokenizer, report) = run();
        assert!(report.held_out_masked_accuracy > report.most_frequent_piece_accuracy + 0.2, "{report:?}");
        let (_, again, second) = run();
        assert_eq!(report, second);
        assert_eq!(tokenizer.files(), again.files());
    }

    #[test]
    fn a_handful_of_lines_is_refused() {
        let error = pretrain(&text()[..5], &settings(), &Device::Cpu, |_| Ok(())).err().unwrap();
        assert!(matches!(error, Error::Data(_)) && error.hint().is_some());
    }

    #[test]
    fn heads_that_do_not_divide_the_width_are_refused() {
        let settings = PretrainSettings { heads: 3, ..settings() };
        assert!(matches!(settings.validate(), Err(Error::Config(_))));
    }
}
