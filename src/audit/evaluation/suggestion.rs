//! Evaluation of the suggested tags, and the effect of applying them without review.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{AuditAndGold, EntityError};
use crate::audit::{Suspect, SuspectKind};
use crate::metrics::{Interval, wilson};

/// Thresholds on the probability of the suspects that are applied.
const THRESHOLDS: [f64; 2] = [0.5, 0.9];

/// Evaluation of the suggestions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestions {
    /// All suspects.
    pub all: SuggestionCounts,
    /// The suspects of each kind that occurs.
    pub by_kind: BTreeMap<SuspectKind, SuggestionCounts>,
    /// Tokens that are wrong.
    pub n_wrong_tokens: usize,
    /// Of these, those whose suggested label is the gold label.
    pub n_wrong_tokens_right: usize,
    /// Their share; null if no token is wrong.
    pub wrong_tokens_right: Option<f64>,
    /// Effect of applying suggestions without review, by threshold.
    pub applied: Vec<AppliedSuggestions>,
}

/// Suspects, hits and right suggestions. Here several suspects may hit one error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SuggestionCounts {
    /// Suspects.
    pub n_suspects: usize,
    /// Suspects that share a token with an error in entities.
    pub n_hits: usize,
    /// Of these, those whose suggested tags are the gold tags on all of their tokens.
    pub n_right: usize,
    /// Share of hits among the suspects, 0 to 1; null without suspects.
    pub precision: Option<f64>,
    /// Share of right suggestions among the hits, 0 to 1; null without hits.
    pub right: Option<f64>,
    /// Wilson's 95 % interval of that.
    pub right_interval: Option<Interval>,
}

/// The labels after the suggestions of all suspects with at least one probability are applied; of two suspects that
/// share a token the one with the higher score. Counts are of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AppliedSuggestions {
    /// The least probability, 0 to 1.
    pub threshold: f64,
    /// Suspects applied.
    pub n_applied: usize,
    /// Wrong ones made right.
    pub n_corrected: usize,
    /// Right ones made wrong.
    pub n_broken: usize,
    /// Wrong ones that were touched, and are still wrong.
    pub n_still_wrong: usize,
    /// Share of wrong tokens before, 0 to 1; 0 without tokens.
    pub wrong_before: f64,
    /// Share of wrong tokens after.
    pub wrong_after: f64,
}

impl SuggestionCounts {
    fn of<'a>(suspects: impl Iterator<Item = &'a Outcome>) -> Self {
        let (mut n_suspects, mut n_hits, mut n_right) = (0, 0, 0);
        for outcome in suspects {
            n_suspects += 1;
            n_hits += usize::from(outcome.is_hit);
            n_right += usize::from(outcome.is_hit && outcome.is_right);
        }
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            n_suspects,
            n_hits,
            n_right,
            precision: share(n_hits, n_suspects),
            right: share(n_right, n_hits),
            right_interval: wilson(n_right, n_hits),
        }
    }
}

/// The evaluation of one suspect.
struct Outcome {
    kind: SuspectKind,
    is_hit: bool,
    is_right: bool,
}

/// Judges all suspects; `tokens` gives the range of a suspect's tokens.
pub(super) fn judge(
    judged: &AuditAndGold<'_>,
    errors: &[EntityError],
    tokens: impl Fn(&Suspect) -> Range<usize>,
) -> Suggestions {
    let outcome = |suspect: &Suspect| {
        let (sentence, start, end) = (suspect.sentence, u32::from(suspect.start), u32::from(suspect.end));
        let next = errors.partition_point(|error| (error.sentence, error.end) <= (sentence, start));
        let is_hit = errors.get(next).is_some_and(|error| error.sentence == sentence && error.start < end);
        let gold = judged.gold[tokens(suspect)].iter().map(|&label| judged.labels.name(label));
        Outcome { kind: suspect.kind, is_hit, is_right: gold.eq(suspect.suggested.iter().map(String::as_str)) }
    };
    let outcomes: Vec<Outcome> = judged.suspects.iter().map(outcome).collect();
    let mut kinds: Vec<SuspectKind> = outcomes.iter().map(|outcome| outcome.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of_kind = |kind: SuspectKind| SuggestionCounts::of(outcomes.iter().filter(move |outcome| outcome.kind == kind));
    let wrong: Vec<usize> =
        (0..judged.given.len()).filter(|&token| judged.given[token] != judged.gold[token]).collect();
    let n_right = wrong.iter().filter(|&&token| judged.suggested[token] == judged.gold[token]).count();
    Suggestions {
        all: SuggestionCounts::of(outcomes.iter()),
        by_kind: kinds.into_iter().map(|kind| (kind, of_kind(kind))).collect(),
        n_wrong_tokens: wrong.len(),
        n_wrong_tokens_right: n_right,
        wrong_tokens_right: (!wrong.is_empty()).then(|| n_right as f64 / wrong.len() as f64),
        applied: THRESHOLDS.map(|threshold| apply(judged, threshold, wrong.len(), &tokens)).to_vec(),
    }
}

fn apply(
    judged: &AuditAndGold<'_>,
    threshold: f64,
    n_wrong: usize,
    tokens: &impl Fn(&Suspect) -> Range<usize>,
) -> AppliedSuggestions {
    let mut suspects: Vec<&Suspect> = judged.suspects.iter().filter(|s| s.probability >= threshold).collect();
    suspects.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.rank.cmp(&b.rank)));
    let mut touched = vec![false; judged.given.len()];
    let (mut n_applied, mut n_corrected, mut n_broken, mut n_still_wrong) = (0, 0, 0, 0);
    for suspect in suspects {
        let range = tokens(suspect);
        if touched[range.clone()].contains(&true) {
            continue;
        }
        touched[range.clone()].fill(true);
        n_applied += 1;
        for (token, tag) in range.zip(&suspect.suggested) {
            let was_right = judged.given[token] == judged.gold[token];
            match (was_right, judged.labels.name(judged.gold[token]) == tag) {
                (true, false) => n_broken += 1,
                (false, true) => n_corrected += 1,
                (false, false) => n_still_wrong += 1,
                (true, true) => {}
            }
        }
    }
    let share = |n: usize| if touched.is_empty() { 0.0 } else { n as f64 / touched.len() as f64 };
    AppliedSuggestions {
        threshold,
        n_applied,
        n_corrected,
        n_broken,
        n_still_wrong,
        wrong_before: share(n_wrong),
        wrong_after: share(n_wrong + n_broken - n_corrected),
    }
}
