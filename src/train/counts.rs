//! How many tokens of a step were predicted as given and as gold.

use super::data::EncodedSplit;
use crate::corpus::{Gold, Labels};
use crate::dynamics::{Observed, StepCounts};
use crate::encode::Batch;

/// Adds the scored tokens of a batch. `gold` has the shape of the split's labels, and is `None` where it is unknown.
pub(super) fn add(
    counts: &mut StepCounts,
    train: &EncodedSplit,
    gold: Option<&[Labels<Gold>]>,
    batch: &Batch,
    seen: &Observed,
) {
    counts.tokens += batch.tokens.len() as u32;
    counts.as_given += seen.correct.iter().filter(|&&correct| correct).count() as u32;
    let Some(gold) = gold else { return };
    let by_noise = counts.by_noise.get_or_insert_default();
    for (i, &at) in batch.tokens.iter().enumerate() {
        let gold = at.label(gold);
        let as_given = u32::from(seen.correct[i]);
        if train.target(at) == gold {
            by_noise.clean += 1;
            by_noise.clean_as_given += as_given;
        } else {
            by_noise.noisy += 1;
            by_noise.noisy_as_given += as_given;
            by_noise.noisy_as_gold += u32::from(seen.predicted[i] == gold);
        }
    }
}
