//! One statement from several seeds.

use super::rise::median;
use super::{OnsetEvidence, PhasePoint, PhaseScores, Phases, Settling};

/// The phases of several runs that differ in their seed alone.
///
/// A boundary is present if at least half of the runs have it. Its position, learning rate and scores are medians over
/// those; its interval spans theirs, so that it holds both each run's own uncertainty and the differences between
/// seeds; its support is the mean over all runs, 0 where the boundary is absent. No run gives no phase.
pub fn combine(runs: &[Phases]) -> Phases {
    let settling_start = merge(runs, |p| p.settling.as_ref().map(|s| &s.start));
    let settling_end = merge(runs, |p| p.settling.as_ref().map(|s| &s.end));
    Phases {
        fitting_end: merge(runs, |p| p.fitting_end.as_ref()),
        settling: settling_start.zip(settling_end).and_then(|(start, end)| Settling::between(start, end)),
        memorisation_onset: merge(runs, |p| p.memorisation_onset.as_ref()),
        evidence: runs.first().map_or(OnsetEvidence::Nothing, |p| p.evidence),
    }
}

fn merge(runs: &[Phases], point: impl Fn(&Phases) -> Option<&PhasePoint>) -> Option<PhasePoint> {
    let points: Vec<&PhasePoint> = runs.iter().filter_map(point).collect();
    if points.is_empty() || 2 * points.len() < runs.len() {
        return None;
    }
    let middle = |value: &dyn Fn(&PhasePoint) -> Option<f64>| {
        let mut known: Vec<f64> = points.iter().filter_map(|p| value(p)).collect();
        (!known.is_empty()).then(|| median(&mut known))
    };
    let count =
        |value: &dyn Fn(&PhasePoint) -> Option<u64>| middle(&|p| value(p).map(|v| v as f64)).map(|v| v.round() as u64);
    Some(PhasePoint {
        epoch: middle(&|p| Some(p.epoch))?,
        epoch_low: points.iter().map(|p| p.epoch_low).fold(f64::INFINITY, f64::min),
        epoch_high: points.iter().map(|p| p.epoch_high).fold(f64::NEG_INFINITY, f64::max),
        step: count(&|p| p.step),
        examples_seen: count(&|p| p.examples_seen),
        learning_rate: middle(&|p| p.learning_rate),
        support: points.iter().map(|p| p.support).sum::<f64>() / runs.len() as f64,
        scores: PhaseScores {
            dev_score: middle(&|p| p.scores.dev_score),
            train_f1: middle(&|p| p.scores.train_f1),
            clean_accuracy: middle(&|p| p.scores.clean_accuracy),
            noisy_accuracy: middle(&|p| p.scores.noisy_accuracy),
            noisy_accuracy_gold: middle(&|p| p.scores.noisy_accuracy_gold),
        },
    })
}
