//! Passes without gradients: over the training tokens, over dev, over the probe.

use super::data::{EncodedSplit, Probe};
use crate::Result;
use crate::dynamics::{CurvePoint, Observations, Observed, observe};
use crate::encode::{Batch, EncodedSentence};
use crate::metrics::entity::{self, Mode, TypeScores};
use crate::model::{CentroidSums, Centroids, Tagger};

/// Observations of a split's scored words in their order, filled batch by batch in any order.
pub(super) struct Log {
    rows: Observations,
}

impl Log {
    /// Room for all scored words of `split`.
    pub fn new(split: &EncodedSplit) -> Self {
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
        Self { rows }
    }

    /// Puts what was seen of a batch into its places.
    pub fn record(&mut self, split: &EncodedSplit, batch: &Batch, seen: &Observed) {
        let mut previous = None;
        let mut row = 0;
        for (i, &(sentence, _)) in batch.tokens.iter().enumerate() {
            row = if previous == Some(sentence) { row + 1 } else { split.first_row[sentence as usize] };
            previous = Some(sentence);
            self.rows.predicted[row] = seen.predicted[i];
            self.rows.correct[row] = seen.correct[i];
            self.rows.loss[row] = seen.loss[i];
            self.rows.p_given[row] = seen.p_given[i];
            self.rows.margin[row] = seen.margin[i];
            self.rows.entropy[row] = seen.entropy[i];
        }
    }

    /// All observations.
    pub fn finish(self) -> Observations {
        self.rows
    }
}

/// What is seen of a batch, given its logits `[scored, labels]`.
pub(super) fn observe_batch(logits: &[f32], split: &EncodedSplit, batch: &Batch) -> Result<Observed> {
    let given: Vec<u8> = batch.tokens.iter().map(|&token| split.label(token)).collect();
    observe(logits, &given)
}

/// Calls `each` with every batch of the chosen sentences and what was seen of it, dropout off.
fn pass(
    tagger: &Tagger,
    split: &EncodedSplit,
    sentences: impl Iterator<Item = u32>,
    batch_size: usize,
    mut each: impl FnMut(&Batch, &Observed),
) -> Result<()> {
    let sentences: Vec<u32> = sentences.collect();
    for part in sentences.chunks(batch_size) {
        let batch = Batch::pack(part.iter().map(|&i| (i, &split.sentences[i as usize])));
        let seen = observe_batch(&tagger.evaluate(&batch)?, split, &batch)?;
        each(&batch, &seen);
    }
    Ok(())
}

/// The eval pass: every training token, dropout off.
pub(super) fn eval_pass(tagger: &Tagger, split: &EncodedSplit, batch_size: usize) -> Result<Observations> {
    let mut log = Log::new(split);
    pass(tagger, split, 0..split.sentences.len() as u32, batch_size, |batch, seen| log.record(split, batch, seen))?;
    Ok(log.finish())
}

/// The centroids of a prototypical head over a whole split, dropout off.
pub(super) fn centroids(tagger: &Tagger, split: &EncodedSplit, batch_size: usize) -> Result<Centroids> {
    let mut sums = CentroidSums::new(tagger.classes(), tagger.head().dimensions);
    let sentences: Vec<(u32, EncodedSentence)> = (0..split.sentences.len() as u32)
        .map(|i| (i, split.in_entities(i)))
        .filter(|(_, sentence)| !sentence.words.is_empty())
        .collect();
    for part in sentences.chunks(batch_size) {
        let batch = Batch::pack(part.iter().map(|(i, sentence)| (*i, sentence)));
        let labels: Vec<u32> = batch.tokens.iter().map(|&token| u32::from(split.label(token))).collect();
        sums.add(&tagger.place(&batch)?, &labels);
    }
    Ok(sums.means())
}

/// Scores on dev, those of each type beside, and on the probe; the position in the training is left to the caller.
pub(super) fn curve_point(
    tagger: &Tagger,
    train: &EncodedSplit,
    gold: Option<&[Vec<u8>]>,
    dev: &EncodedSplit,
    probe: &Probe,
    batch_size: usize,
) -> Result<(CurvePoint, Vec<TypeScores>)> {
    let mut point = CurvePoint::default();
    // Words that were lost to truncation stay at O.
    let mut predicted: Vec<Vec<u8>> = dev.labels.iter().map(|labels| vec![0; labels.len()]).collect();
    let (mut loss, mut correct) = (0.0, 0);
    pass(tagger, dev, 0..dev.sentences.len() as u32, batch_size, |batch, seen| {
        for (i, &(sentence, token)) in batch.tokens.iter().enumerate() {
            predicted[sentence as usize][usize::from(token)] = seen.predicted[i];
            loss += f64::from(seen.loss[i]);
            correct += usize::from(seen.correct[i]);
        }
    })?;
    let entities = entity::score(&dev.labels, &predicted, tagger.labels(), Mode::Default);
    let scores = entities.micro;
    (point.dev_f1, point.dev_precision, point.dev_recall) = (scores.f1, scores.precision, scores.recall);
    let n = dev.rows().max(1) as f64;
    (point.dev_loss, point.dev_accuracy) = (loss / n, correct as f64 / n);

    let (mut clean, mut noisy) = (Tally::default(), Tally::default());
    let mut predicted: Vec<Vec<u8>> =
        probe.sentences.iter().map(|&s| vec![0; train.labels[s as usize].len()]).collect();
    pass(tagger, train, probe.sentences.iter().copied(), batch_size, |batch, seen| {
        for (i, &(sentence, token)) in batch.tokens.iter().enumerate() {
            let place = probe.sentences.partition_point(|&s| s < sentence);
            predicted[place][usize::from(token)] = seen.predicted[i];
            let gold_label = gold.map(|gold| gold[sentence as usize][usize::from(token)]);
            if probe.clean.contains(&(sentence, token)) {
                clean.add(seen, i, gold_label);
            } else if probe.noisy.contains(&(sentence, token)) {
                noisy.add(seen, i, gold_label);
            }
        }
    })?;
    let given: Vec<Vec<u8>> = probe.sentences.iter().map(|&s| train.labels[s as usize].clone()).collect();
    point.probe_f1 = entity::score(&given, &predicted, tagger.labels(), Mode::Default).micro.f1;
    point.probe_clean_accuracy = clean.mean(clean.given);
    point.probe_clean_loss = clean.mean(clean.loss);
    point.probe_noisy_accuracy = noisy.mean(noisy.given);
    point.probe_noisy_accuracy_gold = noisy.mean(noisy.gold);
    point.probe_noisy_loss = noisy.mean(noisy.loss);
    Ok((point, entities.per_type))
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
