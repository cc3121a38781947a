//! The data of a training, encoded.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;

use crate::Result;
use crate::corpus::{Given, Gold, Labels, Origin, Sentence, TokenPosition};
use crate::encode::{EncodedSentence, Vocabulary};
use crate::error::{Error, Problem};
use crate::format::percent_fixed;
use crate::random::Streams;

/// What a tagger is trained and judged on.
#[derive(Debug, Clone, Default)]
pub struct TrainingData {
    /// Training sentences, each with a subword ([`TrainingData::leave_out_invisible`]), with their given labels.
    pub train: Vec<Sentence<Given>>,
    /// The number of each training sentence in its split, under which it is logged; empty for 0, 1, 2, …
    pub train_numbers: Vec<u32>,
    /// Gold labels of the training sentences, where known; same shape as the given ones.
    pub gold: Option<Vec<Labels<Gold>>>,
    /// Development sentences, with gold labels.
    pub dev: Vec<Sentence<Gold>>,
    /// The number of each development sentence, under which its probabilities are kept; empty for 0, 1, 2, …
    pub dev_numbers: Vec<u32>,
    /// Label names by id.
    pub labels: Vec<String>,
    /// Where the training sentences were read, to be named in errors; absent for generated text.
    pub train_origin: Option<Origin>,
}

impl TrainingData {
    /// Leaves out the training sentences of whose tokens the tokenizer leaves no subword, and returns their number:
    /// they can be neither learned nor logged. The others keep their numbers. Such dev sentences stay: their entities
    /// count as missed.
    ///
    /// # Errors
    /// [`Error::Data`] if no sentence is left.
    pub fn leave_out_invisible(&mut self, tokenizer: &Vocabulary) -> Result<usize> {
        let encoded = tokenizer.encode(self.train.iter().map(|sentence| sentence.words.as_slice()), usize::MAX)?;
        let seen: Vec<bool> = encoded.iter().map(|sentence| !sentence.words.is_empty()).collect();
        let n_left_out = seen.iter().filter(|seen| !**seen).count();
        if n_left_out == 0 {
            return Ok(0);
        }
        if n_left_out == seen.len() {
            let mut problem = Problem::new("the tokenizer leaves no subword of any training sentence")
                .hint("check that the tokens are in the column that is read");
            problem.path = self.train_origin.as_ref().map(|origin| origin.path.clone());
            return Err(Error::Data(problem));
        }
        if self.train_numbers.is_empty() {
            self.train_numbers = (0..self.train.len() as u32).collect();
        }
        retain(&mut self.train, &seen);
        retain(&mut self.train_numbers, &seen);
        if let Some(gold) = &mut self.gold {
            retain(gold, &seen);
        }
        Ok(n_left_out)
    }
}

/// Keeps the elements whose entry in `kept` is true.
fn retain<T>(elements: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    elements.retain(|_| kept.next().copied().unwrap_or(false));
}

/// What encoding the data found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EncodingReport {
    /// Training sentences.
    pub train_sentences: usize,
    /// Training sentences that were left out because the tokenizer leaves no subword of their tokens.
    #[serde(default)]
    pub train_sentences_left_out: usize,
    /// Training tokens that are scored and logged.
    pub train_tokens: usize,
    /// Training tokens lost because their sentence is longer than `train.max_subwords`.
    pub train_tokens_truncated: usize,
    /// Training tokens of which the tokenizer leaves no subword.
    #[serde(alias = "train_tokens_without_piece")]
    pub train_tokens_without_subword: usize,
    /// Dev tokens beyond the encoder's last position (dev is not cut to `train.max_subwords`) or without subword: they
    /// count as predicted `O`.
    pub dev_tokens_lost: usize,
    /// Optimiser steps an epoch.
    pub steps_per_epoch: u64,
}

impl EncodingReport {
    /// What a user should know, one sentence each: sentences that were left out, and a large share of tokens lost to
    /// `max_subwords`.
    pub fn warnings(&self, max_subwords: usize) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.train_sentences_left_out > 0 {
            warnings.push(format!(
                "{} training sentences are left out: the tokenizer leaves no subword of their tokens",
                self.train_sentences_left_out
            ));
        }
        let (lost, all) = (self.train_tokens_truncated, self.train_tokens + self.train_tokens_truncated);
        if lost as f64 >= MUCH_TRUNCATED * all as f64 && lost > 0 {
            warnings.push(format!(
                "{} of the training tokens ({lost} of {all}) are not trained on: their sentences are longer than \
                 train.max_subwords = {max_subwords}",
                percent_fixed(lost as f64 / all as f64, 0)
            ));
        }
        warnings
    }
}

/// The share of training tokens lost to `train.max_subwords` from which on a warning says so. CoNLL-2003 loses 1.0 % at
/// the paper's 50.
const MUCH_TRUNCATED: f64 = 0.05;

/// A split as subwords, with the labels that are learned or scored.
pub(super) struct EncodedSplit {
    pub sentences: Vec<EncodedSentence>,
    /// One label a token, lost tokens included: the given ones of the training split, the gold ones of dev.
    pub targets: Vec<Vec<u8>>,
    /// Row of each sentence's first scored token when all scored tokens of the split are put one after the other.
    pub first_row: Vec<usize>,
    /// The number under which each sentence is logged.
    pub numbers: Vec<u32>,
}

impl EncodedSplit {
    pub fn new<K>(
        name: &str,
        sentences: &[Sentence<K>],
        numbers: &[u32],
        tokenizer: &Vocabulary,
        max_subwords: usize,
    ) -> Result<Self> {
        let numbers: Vec<u32> = match numbers {
            [] => (0..sentences.len() as u32).collect(),
            given if given.len() == sentences.len() => given.to_vec(),
            given => {
                return Err(Error::Internal(format!("{} numbers for {} sentences", given.len(), sentences.len())));
            }
        };
        if sentences.is_empty() {
            return Err(Error::Data(
                Problem::new(format!("the {name} split is empty"))
                    .hint("train and dev need at least one sentence each"),
            ));
        }
        let encoded = tokenizer.encode(sentences.iter().map(|s| s.words.as_slice()), max_subwords)?;
        let mut first_row = Vec::with_capacity(encoded.len() + 1);
        let mut rows = 0;
        for sentence in &encoded {
            first_row.push(rows);
            rows += sentence.words.len();
        }
        first_row.push(rows);
        Ok(Self {
            sentences: encoded,
            targets: sentences.iter().map(|s| s.labels.to_vec()).collect(),
            first_row,
            numbers,
        })
    }

    /// Number of scored tokens.
    pub fn rows(&self) -> usize {
        self.first_row[self.sentences.len()]
    }

    /// A sentence with the tokens of entities alone scored, by their labels: for a prototypical head, whose `O` is
    /// label 0.
    pub fn in_entities(&self, sentence: u32) -> EncodedSentence {
        let mut encoded = self.sentences[sentence as usize].clone();
        encoded.words.retain(|&(token, _)| self.target(TokenPosition { sentence, token }) != 0);
        encoded
    }

    /// The label of a token.
    pub fn target(&self, position: TokenPosition) -> u8 {
        position.label(&self.targets)
    }

    /// Adds all subwords that occur.
    pub fn collect_subwords(&self, subwords: &mut BTreeSet<u32>) {
        subwords.extend(self.sentences.iter().flat_map(|s| s.subwords.iter().copied()));
    }
}

/// A fixed sample of training tokens that is evaluated several times an epoch.
pub(super) struct Probe {
    /// Sentences that hold the sampled tokens, ascending.
    pub sentences: Vec<u32>,
    /// Sampled tokens whose given label is right; empty without gold labels.
    pub clean: BTreeSet<TokenPosition>,
    /// Sampled tokens whose given label is wrong.
    pub noisy: BTreeSet<TokenPosition>,
}

impl Probe {
    /// Samples up to `n` clean and `n` noisy tokens; without gold labels, `n` of all tokens.
    pub fn sample(train: &EncodedSplit, gold: Option<&[Labels<Gold>]>, n: usize, streams: &Streams) -> Self {
        let scored = |(sentence, encoded): (u32, &EncodedSentence)| {
            encoded.words.iter().map(move |&(token, _)| TokenPosition { sentence, token }).collect::<Vec<_>>()
        };
        let all: Vec<TokenPosition> = (0u32..).zip(&train.sentences).flat_map(scored).collect();
        let choose = |tokens: Vec<TokenPosition>, what: u64| -> BTreeSet<TokenPosition> {
            tokens.choose_multiple(&mut streams.stream("probe", &[what]), n).copied().collect()
        };
        let (clean, noisy, other) = match gold {
            Some(gold) => {
                let is_clean = |at: &TokenPosition| at.label(gold) == train.target(*at);
                let (clean, noisy) = all.into_iter().partition(is_clean);
                (choose(clean, 0), choose(noisy, 1), BTreeSet::new())
            }
            None => (BTreeSet::new(), BTreeSet::new(), choose(all, 2)),
        };
        let sentences: BTreeSet<u32> = clean.iter().chain(&noisy).chain(&other).map(|at| at.sentence).collect();
        Self { sentences: sentences.into_iter().collect(), clean, noisy }
    }
}
