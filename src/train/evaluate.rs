//! Passes without gradients: over the training tokens, over dev, over the probe.

use std::ops::Range;

use rand::Rng;

use super::data::{EncodedSplit, Probe};
use super::divergence::Position;
use crate::Result;
use crate::corpus::{Gold, Labels, TokenPosition};
use crate::dynamics::{CurvePoint, Observations, Observed, Probabilities, observe};
use crate::encode::{Batch, EncodedSentence};
use crate::metrics::entity::{self, Mode, TypeScores};
use crate::model::checkpoint::NamedTensor;
use crate::model::{BatchPrediction, CentroidSums, Centroids, Tagger};
use crate::nn;
use crate::random::Streams;

/// Observations of a split's scored tokens in their order, filled batch by batch in any order.
pub(super) struct Log {
    rows: Observations,
    probabilities: Option<Vec<f32>>,
}

impl Log {
    /// Room for all scored tokens of `split`.
    /// With a number of labels, the probabilities of all of them are kept, too.
    pub fn new(split: &EncodedSplit, n_labels: Option<usize>) -> Self {
        let n = split.rows();
        let mut rows = Observations {
            sentence: Vec::with_capacity(n),
            token: Vec::with_capacity(n),
            predicted: vec![0; n],
            correct: vec![false; n],
            loss: vec![0.0; n],
            p_given: vec![0.0; n],
            margin: vec![0.0; n],
            entropy: vec![0.0; n],
        };
        for (i, sentence) in split.sentences.iter().enumerate() {
            rows.sentence.extend(std::iter::repeat_n(split.numbers[i], sentence.words.len()));
            rows.token.extend(sentence.words.iter().map(|&(token, _)| token));
        }
        Self { rows, probabilities: n_labels.map(|k| vec![0.0; n * k]) }
    }

    /// Puts what was seen of a batch, given its logits `[scored, labels]`, into its places.
    pub fn record(&mut self, split: &EncodedSplit, batch: &Batch, logits: &[f32], seen: &Observed) {
        let n_labels = logits.len() / batch.tokens.len().max(1);
        let mut previous = None;
        let mut row = 0;
        for (i, &TokenPosition { sentence, .. }) in batch.tokens.iter().enumerate() {
            row = if previous == Some(sentence) { row + 1 } else { split.first_row[sentence as usize] };
            previous = Some(sentence);
            self.rows.predicted[row] = seen.predicted[i];
            self.rows.correct[row] = seen.correct[i];
            self.rows.loss[row] = seen.loss[i];
            self.rows.p_given[row] = seen.p_given[i];
            self.rows.margin[row] = seen.margin[i];
            self.rows.entropy[row] = seen.entropy[i];
            if let Some(kept) = &mut self.probabilities {
                let of = |row: usize| row * n_labels..(row + 1) * n_labels;
                nn::math::softmax(&logits[of(i)], &mut kept[of(row)]);
            }
        }
    }

    /// The columns and the kept probabilities as tensors of a checkpoint, each under `prefix`.
    pub fn tensors(&self, prefix: &str) -> Vec<NamedTensor> {
        let Observations { predicted, correct, loss, p_given, margin, entropy, .. } = &self.rows;
        let n = loss.len();
        let column = |name: &str, values: Vec<f32>| (format!("{prefix}.{name}"), vec![n], values);
        let mut tensors = vec![
            column("predicted", predicted.iter().map(|&label| f32::from(label)).collect()),
            column("correct", correct.iter().map(|&correct| f32::from(u8::from(correct))).collect()),
            column("loss", loss.clone()),
            column("p_given", p_given.clone()),
            column("margin", margin.clone()),
            column("entropy", entropy.clone()),
        ];
        if let Some(kept) = &self.probabilities {
            tensors.push((format!("{prefix}.probabilities"), vec![kept.len()], kept.clone()));
        }
        tensors
    }

    /// The log of `split` that [`Log::tensors`] wrote: `take` gives a tensor of a name and shape. Probabilities of
    /// `n_labels` labels are there if they were kept.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn restore(
        split: &EncodedSplit,
        n_labels: Option<usize>,
        mut take: impl FnMut(&str, usize) -> Result<Vec<f32>>,
    ) -> Result<Self> {
        let mut log = Self::new(split, n_labels);
        let n = log.rows.loss.len();
        log.rows.predicted = take("predicted", n)?.into_iter().map(|label| label as u8).collect();
        log.rows.correct = take("correct", n)?.into_iter().map(|correct| correct > 0.0).collect();
        log.rows.loss = take("loss", n)?;
        log.rows.p_given = take("p_given", n)?;
        log.rows.margin = take("margin", n)?;
        log.rows.entropy = take("entropy", n)?;
        if let Some(kept) = &mut log.probabilities {
            *kept = take("probabilities", n * n_labels.unwrap_or_default())?;
        }
        Ok(log)
    }

    /// The log with numbers for the tokens that were not seen, made from those that were: for what a whole epoch takes
    /// on disk, and nothing else.
    pub fn filled(mut self, streams: &Streams) -> Self {
        let seen: Vec<usize> = (0..self.rows.loss.len()).filter(|&row| self.rows.p_given[row] > 0.0).collect();
        let mut stream = streams.stream("stand-in observations", &[]);
        for row in 0..self.rows.loss.len() {
            if seen.is_empty() || self.rows.p_given[row] > 0.0 {
                continue;
            }
            let from = seen[stream.gen_range(0..seen.len())];
            let factor = stream.gen_range(0.9..1.1f32);
            self.rows.predicted[row] = self.rows.predicted[from];
            self.rows.correct[row] = self.rows.correct[from];
            self.rows.loss[row] = factor * self.rows.loss[from];
            self.rows.p_given[row] = (-self.rows.loss[row]).exp().max(f32::MIN_POSITIVE);
            self.rows.margin[row] = factor * self.rows.margin[from];
            self.rows.entropy[row] = factor * self.rows.entropy[from];
            if let Some(kept) = &mut self.probabilities {
                let k = kept.len() / self.rows.loss.len();
                for label in 0..k {
                    kept[row * k + label] = factor * kept[from * k + label];
                }
            }
        }
        self
    }

    /// All observations, and the probabilities if they were kept.
    pub fn finish(self) -> (Observations, Option<Probabilities>) {
        let (sentence, token) = (&self.rows.sentence, &self.rows.token);
        let table = |values| Probabilities { sentence: sentence.clone(), token: token.clone(), values };
        let probabilities = self.probabilities.map(table);
        (self.rows, probabilities)
    }
}

/// What is seen of a batch, given its logits `[scored, labels]`, and the labels that were decided on if they are not
/// the ones with the highest logits.
pub(super) fn observe_batch(
    logits: &[f32],
    decoded: Option<&[u8]>,
    split: &EncodedSplit,
    batch: &Batch,
) -> Result<Observed> {
    let given: Vec<u8> = batch.tokens.iter().map(|&token| split.target(token)).collect();
    let seen = observe(logits, &given)?;
    match decoded {
        Some(decoded) => seen.decided(decoded, &given),
        None => Ok(seen),
    }
}

/// A tagger without gradients, at a point of its training.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a> {
    pub tagger: &'a Tagger,
    /// Sentences a batch.
    pub batch_size: usize,
    /// The point, for messages.
    pub position: Position,
}

impl Forward<'_> {
    /// Calls `each` with every batch of the chosen sentences and what was seen of it, dropout off. Sentences without a
    /// subword are in no batch. `what` is the output in messages.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] if the output is not finite.
    pub fn pass(
        self,
        what: &'static str,
        split: &EncodedSplit,
        sentences: impl Iterator<Item = u32>,
        mut each: impl FnMut(&Batch, &[f32], &Observed),
    ) -> Result<()> {
        let sentences: Vec<u32> = sentences.filter(|&i| !split.sentences[i as usize].words.is_empty()).collect();
        for part in sentences.chunks(self.batch_size) {
            let batch = Batch::pack(part.iter().map(|&i| (i, &split.sentences[i as usize])));
            let BatchPrediction { logits, decoded } = self.tagger.predict_batch(&batch)?;
            let seen = observe_batch(&logits, decoded.as_deref(), split, &batch)?;
            self.position.require_observed(what, &seen)?;
            each(&batch, &logits, &seen);
        }
        Ok(())
    }

    /// The eval pass: every training token, dropout off.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] if the model's output is not finite.
    pub fn eval_pass(self, split: &EncodedSplit) -> Result<Observations> {
        let mut log = Log::new(split, None);
        let all = 0..split.sentences.len() as u32;
        self.pass("model output in the eval pass", split, all, |batch, logits, seen| {
            log.record(split, batch, logits, seen);
        })?;
        Ok(log.finish().0)
    }

    /// The centroids of a prototypical head over a whole split, dropout off.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] if they are not finite.
    pub fn centroids(self, split: &EncodedSplit) -> Result<Centroids> {
        self.centroids_of(split, 0..split.sentences.len() as u32)
    }

    /// The same over some of the sentences.
    pub fn centroids_of(self, split: &EncodedSplit, sentences: Range<u32>) -> Result<Centroids> {
        let mut sums = CentroidSums::new(self.tagger.classes(), self.tagger.head().dimensions);
        let end = sentences.end.min(split.sentences.len() as u32);
        let sentences: Vec<(u32, EncodedSentence)> = (sentences.start..end)
            .map(|i| (i, split.in_entities(i)))
            .filter(|(_, sentence)| !sentence.words.is_empty())
            .collect();
        for part in sentences.chunks(self.batch_size) {
            let batch = Batch::pack(part.iter().map(|(i, sentence)| (*i, sentence)));
            let labels: Vec<u32> = batch.tokens.iter().map(|&token| u32::from(split.target(token))).collect();
            sums.add(&self.tagger.embed(&batch)?, &labels);
        }
        let centroids = sums.means();
        self.position.require_all("centroids", &centroids.values)?;
        Ok(centroids)
    }
}

/// What an evaluation found.
pub(super) struct Evaluation {
    /// Scores on dev and on the probe; the position in the training is left to the caller.
    pub point: CurvePoint,
    /// The scores of each entity type on dev.
    pub types: Vec<TypeScores>,
    /// The probabilities of dev's tokens, if they are to be kept.
    pub probabilities: Option<Probabilities>,
}

/// What is evaluated, and on what.
pub(super) struct Evaluator<'a> {
    pub forward: Forward<'a>,
    pub train: &'a EncodedSplit,
    /// Labels of the training sentences, where known.
    pub gold: Option<&'a [Labels<Gold>]>,
    pub dev: &'a EncodedSplit,
    pub probe: &'a Probe,
    /// Whether the probabilities of dev's tokens are kept.
    pub keep_probabilities: bool,
}

impl Evaluator<'_> {
    /// Scores on dev and on the probe.
    ///
    /// # Errors
    /// [`crate::Error::Diverged`] if the model's output is not finite.
    pub fn evaluate(&self) -> Result<Evaluation> {
        let Self { forward, train, gold, dev, probe, keep_probabilities } = *self;
        let labels = forward.tagger.labels();
        let mut point = CurvePoint::default();
        // Tokens that were lost to truncation, and those without a subword, stay at O.
        let outside = forward.tagger.outside();
        let mut predicted: Vec<Vec<u8>> = dev.targets.iter().map(|labels| vec![outside; labels.len()]).collect();
        let (mut loss, mut correct) = (0.0, 0);
        let mut kept = keep_probabilities.then(|| Log::new(dev, Some(labels.len())));
        forward.pass("model output on dev", dev, 0..dev.sentences.len() as u32, |batch, logits, seen| {
            if let Some(log) = &mut kept {
                log.record(dev, batch, logits, seen);
            }
            for (i, at) in batch.tokens.iter().enumerate() {
                predicted[at.sentence as usize][usize::from(at.token)] = seen.predicted[i];
                loss += f64::from(seen.loss[i]);
                correct += usize::from(seen.correct[i]);
            }
        })?;
        let entities = entity::score(&dev.targets, &predicted, labels, Mode::Default);
        let scores = entities.micro;
        (point.dev_score, point.dev_precision, point.dev_recall) = (scores.f1, scores.precision, scores.recall);
        let n = dev.rows().max(1) as f64;
        (point.dev_loss, point.dev_accuracy) = (loss / n, correct as f64 / n);

        let (mut clean, mut noisy) = (Tally::default(), Tally::default());
        let mut predicted: Vec<Vec<u8>> =
            probe.sentences.iter().map(|&s| vec![outside; train.targets[s as usize].len()]).collect();
        let sampled = probe.sentences.iter().copied();
        forward.pass("model output on the probe", train, sampled, |batch, _, seen| {
            for (i, at) in batch.tokens.iter().enumerate() {
                let place = probe.sentences.partition_point(|&sentence| sentence < at.sentence);
                predicted[place][usize::from(at.token)] = seen.predicted[i];
                let gold_label = gold.map(|gold| at.label(gold));
                if probe.clean.contains(at) {
                    clean.add(seen, i, gold_label);
                } else if probe.noisy.contains(at) {
                    noisy.add(seen, i, gold_label);
                }
            }
        })?;
        let given: Vec<Vec<u8>> = probe.sentences.iter().map(|&s| train.targets[s as usize].clone()).collect();
        point.probe_f1 = entity::score(&given, &predicted, labels, Mode::Default).micro.f1;
        point.probe_clean_accuracy = clean.mean(clean.given);
        point.probe_clean_loss = clean.mean(clean.loss);
        point.probe_noisy_accuracy = noisy.mean(noisy.given);
        point.probe_noisy_accuracy_gold = noisy.mean(noisy.gold);
        point.probe_noisy_loss = noisy.mean(noisy.loss);
        let probabilities = kept.and_then(|log| log.finish().1);
        Ok(Evaluation { point, types: entities.per_type, probabilities })
    }
}

/// Sums over the sampled tokens of one kind.
#[derive(Default)]
struct Tally {
    n: f64,
    given: f64,
    gold: f64,
    loss: f64,
}

impl Tally {
    fn add(&mut self, seen: &Observed, i: usize, gold: Option<u8>) {
        self.n += 1.0;
        self.given += f64::from(u8::from(seen.correct[i]));
        self.gold += f64::from(u8::from(gold == Some(seen.predicted[i])));
        self.loss += f64::from(seen.loss[i]);
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.n > 0.0).then(|| sum / self.n)
    }
}
