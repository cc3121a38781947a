//! An audit: collect, score, find suspects.

use std::path::Path;

use super::collect::{TokenEvidence, mean_of, train};
use super::score::{TokenMeasure, TokenScores, measures, score};
use super::suspects::{Suspect, TypeSummary, by_type, suspects};
use super::{AuditSettings, Text, f1_warning};
use crate::error::Result;
use crate::exec::Execution;
use crate::run::{Monitor, StopFlag};

/// The results of one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedAudit {
    /// The seed.
    pub seed: u64,
    /// What the models say of each token.
    pub evidence: TokenEvidence,
    /// The scores.
    pub scores: TokenScores,
    /// The single measures.
    pub measures: Vec<TokenMeasure>,
    /// What cleanlab's default filter flags; `None` with one fold.
    pub flagged: Option<Vec<bool>>,
}

/// A finished audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// One entry a seed.
    pub seeds: Vec<SeedAudit>,
    /// Means over seeds.
    pub evidence: TokenEvidence,
    /// Means over seeds.
    pub scores: TokenScores,
    /// The single measures, means over seeds.
    pub measures: Vec<TokenMeasure>,
    /// What cleanlab's default filter flags with more than half of the seeds.
    pub flagged: Option<Vec<bool>>,
    /// The suspects, most suspect first.
    pub suspects: Vec<Suspect>,
    /// The label suggested for each token, the given one where no suspect changes it.
    pub suggested: Vec<u8>,
    /// How suspect each sentence is: the highest score of its tokens.
    pub sentence_scores: Vec<f64>,
    /// One entry an entity type.
    pub types: Vec<TypeSummary>,
    /// Tokens without a model prediction: the tokenizer leaves no subword of them, or they are beyond the encoder's
    /// maximum length.
    pub unjudged: usize,
    /// Seconds of wall time that training took, earlier attempts included.
    pub trained: f64,
}

/// Audits a text in a folder of its own; finished trainings in it are not repeated.
///
/// # Errors
/// As [`train`]; [`crate::Error::Data`] if a log of it is damaged.
pub fn perform(
    text: &Text,
    settings: &AuditSettings,
    folder: &Path,
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Audit> {
    let trained = train(text, settings, folder, how, monitor, stop)?;
    let mut seeds = Vec::new();
    for &seed in &settings.seeds {
        monitor.working(&format!("scoring seed {seed}"));
        let evidence = TokenEvidence::collect(text, settings, folder, seed)?;
        let scores = score(text, &evidence);
        let (measures, flagged) = measures(text, &evidence, &scores, seed)?;
        seeds.push(SeedAudit { seed, evidence, scores, measures, flagged });
    }
    monitor.working("looking for suspects");
    let evidence = TokenEvidence::mean(&seeds.iter().map(|seed| &seed.evidence).collect::<Vec<_>>());
    let scores = TokenScores::mean(&seeds.iter().map(|seed| &seed.scores).collect::<Vec<_>>());
    let suspects = suspects(text, &evidence, &scores);
    let judged = evidence.judged.clone();
    Ok(Audit {
        suggested: suggested(text, &suspects),
        sentence_scores: sentence_scores(text, &scores.score),
        types: by_type(text, &evidence, &suspects),
        measures: mean_measures(&seeds),
        flagged: majority(&seeds),
        seeds,
        evidence,
        scores,
        suspects,
        unjudged: (0..text.n_tokens()).filter(|&token| !judged[token]).count(),
        trained,
    })
}

/// The labels with all suspects' suggestions put in.
pub(super) fn suggested(text: &Text, suspects: &[Suspect]) -> Vec<u8> {
    let mut labels = text.given();
    for suspect in suspects {
        let first = text.offsets[suspect.sentence as usize] + usize::from(suspect.start);
        for (label, name) in labels[first..].iter_mut().zip(&suspect.suggested) {
            *label = text.labels.id(name).unwrap_or(*label);
        }
    }
    labels
}

/// The highest score in each sentence; −∞ where no token was judged.
pub(super) fn sentence_scores(text: &Text, score: &[f64]) -> Vec<f64> {
    let highest = |i: usize| score[text.tokens(i)].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (0..text.sentences.len()).map(highest).collect()
}

fn mean_measures(seeds: &[SeedAudit]) -> Vec<TokenMeasure> {
    let Some(first) = seeds.first() else { return Vec::new() };
    let mean = |i: usize| mean_of(&seeds.iter().map(|seed| &seed.measures[i].values[..]).collect::<Vec<_>>());
    (0..first.measures.len()).map(|i| TokenMeasure { values: mean(i), ..first.measures[i].clone() }).collect()
}

fn majority(seeds: &[SeedAudit]) -> Option<Vec<bool>> {
    let flags: Vec<&Vec<bool>> = seeds.iter().map(|seed| seed.flagged.as_ref()).collect::<Option<_>>()?;
    let often = |token: usize| 2 * flags.iter().filter(|flags| flags[token]).count() > flags.len();
    Some((0..flags.first()?.len()).map(often).collect())
}

impl Audit {
    /// Entity F1 of the models against the given labels after the last epoch, mean over seeds: of held-out text, or
    /// with one fold of their training text. `None` without an epoch.
    pub fn f1(&self) -> Option<f64> {
        self.evidence.f1.last().copied()
    }

    /// A warning about the whole audit, one sentence; `None` if the models have learned enough.
    pub fn warning(&self) -> Option<String> {
        self.f1().and_then(f1_warning)
    }
}
