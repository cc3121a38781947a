//! One entity type alone: how well it is found, when its tokens are learned, and whether they look like wrong labels.
//!
//! The tokens of a type are the clean training tokens whose gold label is of that type (their given label, where the
//! gold label is unknown). A rare type and a wrong label have in common that the model gives them a high loss: what
//! tells them apart, if anything, is asked of every measure that the log has. For each measure the area under the ROC
//! curve is the probability that a noisy token looks more like noise by it than a token of the type does: 0.5 is no
//! difference, 1 perfect separation, and below 0.5 the class looks more like noise than the noise.

use polars::prelude::*;

use super::AnalysisSettings;
use super::rows::{by_sentence, rows_of};
use super::run::RunAnalysis;
use crate::corpus::SpanReader;
use crate::dynamics::{Log, Observations, TokenTable};
use crate::error::Result;
use crate::metrics::detection::roc_auc;
use crate::metrics::entity::{self, Mode, TypeScores};

/// What a run says of one entity type.
#[derive(Debug, Clone)]
pub struct ClassAnalysis {
    /// One row an epoch: `epoch u32, train_f1 f64? (against the given labels, after the epoch), dev_f1 f64?,
    /// dev_predicted u64?, dev_support u64?, first_learned f64?` (share of the type's tokens first learned in it).
    pub epochs: DataFrame,
    /// Tokens of the type among the clean training tokens.
    pub n_words: usize,
    /// Training sentences with such a token.
    pub n_sentences: usize,
    /// Share of them that are never right, 0 to 1; null without such tokens.
    pub never_learned: Option<f64>,
    /// Median of their first-learning epoch, a token that is never right counted as later than all; null where that
    /// falls on the median, and without any token.
    pub first_learning: Option<f64>,
    /// Who falls into the noise cluster; null without known noise.
    pub cluster: Option<ClusterShares>,
    /// How well each measure tells noisy tokens from the type's tokens; empty without both.
    pub separation: Vec<Separation>,
}

/// Shares of tokens whose loss is above the cut-off between the two clusters, after the epoch whose losses find the
/// noise best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterShares {
    /// That epoch.
    pub epoch: u32,
    /// Of the type's tokens; null without any.
    pub class: Option<f64>,
    /// Of all other clean tokens in entities; null without any.
    pub other_entities: Option<f64>,
    /// Of the noisy tokens; null without any.
    pub noisy: Option<f64>,
}

/// How well one measure tells noisy tokens from the tokens of the type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Separation {
    /// `mean loss` is the mean over epochs, `last loss` the last epoch's.
    pub measure: &'static str,
    /// Area under the ROC curve, 0 to 1.
    pub auc: f64,
}

/// Analyses one entity type of a run whose log has been analysed as a whole.
///
/// # Errors
/// [`crate::Error::Data`] for a log that cannot be used.
pub fn analyse_class(
    log: &Log,
    whole: &RunAnalysis,
    settings: &AnalysisSettings,
    class: &str,
) -> Result<ClassAnalysis> {
    let tokens = log.tokens();
    let members = Members::of(tokens, class);
    let first = FirstLearning::read(whole, tokens, &members)?;
    let cutoff = cutoff(whole)?;
    let mut measures = Measures::new(&members);
    let mut cluster = None;
    let (mut train_f1, mut first_learned) = (Vec::new(), Vec::new());
    for &epoch in log.epochs() {
        let observed = log.epoch(epoch)?;
        let Some((_, scores)) = observed.prefer(settings.scores_pass) else { continue };
        let rows = rows_of(tokens, scores);
        train_f1.push(class_f1(tokens, scores, &rows, class));
        first_learned.push(first.share_in(epoch));
        measures.observe(scores, &rows);
        if let Some((at, cutoff)) = cutoff
            && at == epoch
        {
            cluster = Some(members.shares_above(cutoff, epoch, scores, &rows));
        }
    }
    let dev = dev_scores(log, class)?;
    let count = |get: fn(&(u32, f64, u64, u64)) -> u64| -> Vec<Option<u64>> {
        log.epochs().iter().map(|epoch| dev.iter().find(|row| row.0 == *epoch).map(get)).collect()
    };
    let dev_f1: Vec<Option<f64>> =
        log.epochs().iter().map(|epoch| dev.iter().find(|row| row.0 == *epoch).map(|row| row.1)).collect();
    Ok(ClassAnalysis {
        epochs: df!(
            "epoch" => log.epochs(),
            "train_f1" => train_f1,
            "dev_f1" => dev_f1,
            "dev_predicted" => count(|row| row.2),
            "dev_support" => count(|row| row.3),
            "first_learned" => first_learned,
        )?,
        n_words: members.class.len(),
        n_sentences: members.class.chunk_by(|&a, &b| tokens.sentence[a] == tokens.sentence[b]).count(),
        never_learned: first.never(),
        first_learning: first.median(),
        cluster,
        separation: measures.separation(&first.events),
    })
}

/// The token rows that are compared.
struct Members {
    /// Clean tokens of the type.
    class: Vec<usize>,
    /// Clean tokens of other classes.
    other_entities: Vec<usize>,
    /// Tokens whose given label is wrong.
    noisy: Vec<usize>,
}

impl Members {
    fn of(tokens: &TokenTable, class: &str) -> Self {
        let noisy = tokens.noisy();
        let truth = tokens.gold.as_ref().unwrap_or(&tokens.given);
        let reader = SpanReader::new(&tokens.labels);
        let entity_type = |row: usize| reader.entity_type(truth[row]);
        let is_noisy = |row: usize| noisy.as_ref().is_some_and(|noisy| noisy[row]);
        let in_class = |row: usize| entity_type(row) == Some(class);
        let clean = || (0..tokens.len()).filter(|&row| !is_noisy(row));
        Self {
            class: clean().filter(|&row| in_class(row)).collect(),
            other_entities: clean().filter(|&row| entity_type(row).is_some() && !in_class(row)).collect(),
            noisy: (0..tokens.len()).filter(|&row| is_noisy(row)).collect(),
        }
    }

    fn shares_above(&self, cutoff: f64, epoch: u32, scores: &Observations, rows: &[usize]) -> ClusterShares {
        let share = |members: &[usize]| {
            let (mut n, mut above) = (0usize, 0usize);
            for (i, row) in rows.iter().enumerate() {
                if members.binary_search(row).is_ok() {
                    n += 1;
                    above += usize::from(f64::from(scores.loss[i]) > cutoff);
                }
            }
            (n > 0).then(|| above as f64 / n as f64)
        };
        ClusterShares {
            epoch,
            class: share(&self.class),
            other_entities: share(&self.other_entities),
            noisy: share(&self.noisy),
        }
    }
}

/// The epoch whose losses find the noise best, and the cut-off there.
fn cutoff(whole: &RunAnalysis) -> Result<Option<(u32, f64)>> {
    let Some(epoch) = whole.best_detection_epoch else { return Ok(None) };
    let row = whole.epochs.column("epoch")?.u32()?.iter().position(|at| at == Some(epoch));
    let cutoff = whole.epochs.column("noise_cutoff")?.f64()?;
    Ok(row.and_then(|row| cutoff.get(row)).map(|cutoff| (epoch, cutoff)))
}

/// Entity F1 of the type against the given labels; null where they have none.
fn class_f1(tokens: &TokenTable, scores: &Observations, rows: &[usize], class: &str) -> Option<f64> {
    let (given, predicted) = by_sentence(tokens, scores, rows);
    let all = entity::score(&given, &predicted, &tokens.labels, Mode::Default);
    let of_class = |entry: &&TypeScores| entry.name == class && entry.support > 0;
    all.per_type.iter().find(of_class).map(|entry| entry.scores.f1)
}

/// Of each whole epoch with an evaluation on dev: the epoch, the type's F1, its predicted and its gold spans.
fn dev_scores(log: &Log, class: &str) -> Result<Vec<(u32, f64, u64, u64)>> {
    let types = log.types()?;
    let whole = |epoch: f64| (epoch - epoch.round()).abs() < 1e-6;
    Ok(types
        .iter()
        .filter(|point| point.name == class && whole(point.epoch))
        .filter_map(|point| Some((point.epoch.round() as u32, point.f1?, point.predicted, point.support)))
        .collect())
}

/// Events of the type's tokens and of the noisy tokens.
struct FirstLearning {
    /// First-learning epoch of each token of the type that was observed; `None` if it is never right.
    class: Vec<Option<u32>>,
    /// By token row: first-learning epoch (+∞ for never) and forgetting events, both measures of noise.
    events: Vec<[f64; 2]>,
}

impl FirstLearning {
    fn read(whole: &RunAnalysis, tokens: &TokenTable, members: &Members) -> Result<Self> {
        let frame = &whole.events;
        let (sentence, token) = (frame.column("sentence")?.u32()?, frame.column("token")?.u16()?);
        let (first, forgetting) = (frame.column("first_learning")?.u32()?, frame.column("forgetting")?.u32()?);
        let mut events = vec![[f64::NAN; 2]; tokens.len()];
        let mut class = Vec::new();
        let mut row = 0;
        for i in 0..frame.height() {
            let key = (sentence.get(i).unwrap_or_default(), token.get(i).unwrap_or_default());
            // Both are sorted, and every event has its token.
            while row < tokens.len() && (tokens.sentence[row], tokens.token[row]) != key {
                row += 1;
            }
            if row == tokens.len() {
                break;
            }
            let epoch = first.get(i);
            events[row] = [epoch.map_or(f64::INFINITY, f64::from), f64::from(forgetting.get(i).unwrap_or_default())];
            if members.class.binary_search(&row).is_ok() {
                class.push(epoch);
            }
        }
        Ok(Self { class, events })
    }

    fn share_in(&self, epoch: u32) -> Option<f64> {
        self.share(|first| first == Some(epoch))
    }

    fn never(&self) -> Option<f64> {
        self.share(|first| first.is_none())
    }

    fn share(&self, which: impl Fn(Option<u32>) -> bool) -> Option<f64> {
        let n = self.class.iter().filter(|first| which(**first)).count();
        (!self.class.is_empty()).then(|| n as f64 / self.class.len() as f64)
    }

    fn median(&self) -> Option<f64> {
        let mut epochs: Vec<u32> = self.class.iter().map(|first| first.unwrap_or(u32::MAX)).collect();
        epochs.sort_unstable();
        let upper = *epochs.get(epochs.len() / 2)?;
        let lower = epochs[(epochs.len() - 1) / 2];
        (upper < u32::MAX).then(|| f64::from(lower + upper) / 2.0)
    }
}

/// What is gathered of the type's tokens and the noisy tokens over the epochs, each value the higher the more like
/// noise.
struct Measures {
    /// Token rows, ascending; true where noisy.
    rows: Vec<(usize, bool)>,
    /// Loss, −margin, entropy, −probability: sums over epochs.
    sums: Vec<[f64; 4]>,
    /// Squares of the probability.
    squares: Vec<f64>,
    /// Epochs in which the token was right.
    right: Vec<f64>,
    /// The last epoch's.
    last: Vec<[f64; 4]>,
    /// Epochs in which the token was seen.
    n: Vec<f64>,
}

impl Measures {
    fn new(members: &Members) -> Self {
        // Without both there is nothing to compare, and nothing is gathered.
        let mut rows: Vec<(usize, bool)> = match members.class.is_empty() || members.noisy.is_empty() {
            true => Vec::new(),
            false => {
                let class = members.class.iter().map(|&row| (row, false));
                class.chain(members.noisy.iter().map(|&row| (row, true))).collect()
            }
        };
        rows.sort_unstable();
        let n = rows.len();
        Self {
            rows,
            sums: vec![[0.0; 4]; n],
            squares: vec![0.0; n],
            right: vec![0.0; n],
            last: vec![[f64::NAN; 4]; n],
            n: vec![0.0; n],
        }
    }

    fn observe(&mut self, scores: &Observations, rows: &[usize]) {
        for (i, row) in rows.iter().enumerate() {
            let Ok(at) = self.rows.binary_search_by_key(row, |(row, _)| *row) else { continue };
            let p = f64::from(scores.p_given[i]);
            let values = [f64::from(scores.loss[i]), -f64::from(scores.margin[i]), f64::from(scores.entropy[i]), -p];
            for (sum, value) in self.sums[at].iter_mut().zip(values) {
                *sum += value;
            }
            self.squares[at] += p * p;
            self.right[at] += f64::from(u8::from(scores.correct[i]));
            self.last[at] = values;
            self.n[at] += 1.0;
        }
    }

    fn separation(&self, events: &[[f64; 2]]) -> Vec<Separation> {
        let noisy: Vec<bool> = self.rows.iter().map(|(_, noisy)| *noisy).collect();
        let of = |measure: &'static str, value: &dyn Fn(usize) -> f64| {
            let values: Vec<f64> = (0..self.rows.len()).map(value).collect();
            roc_auc(&values, &noisy).map(|auc| Separation { measure, auc })
        };
        let mean = |which: usize| move |at: usize| self.sums[at][which] / self.n[at].max(1.0);
        let last = |which: usize| move |at: usize| self.last[at][which];
        let variance = |at: usize| self.squares[at] / self.n[at].max(1.0) - mean(3)(at).powi(2);
        [
            of("mean loss", &mean(0)),
            of("last loss", &last(0)),
            of("mean margin", &mean(1)),
            of("last margin", &last(1)),
            of("mean entropy", &mean(2)),
            of("last entropy", &last(2)),
            of("confidence", &mean(3)),
            of("variability", &variance),
            of("correctness", &|at| -self.right[at] / self.n[at].max(1.0)),
            of("first learning", &|at| events[self.rows[at].0][0]),
            of("forgetting", &|at| events[self.rows[at].0][1]),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
