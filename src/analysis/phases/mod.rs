//! Fitting, settling, memorisation: where one phase ends and the next begins, found automatically.
//!
//! A pretrained tagger that is fine-tuned on partly wrong labels goes through three phases (Tänzer, Ruder, Rei, ACL
//! 2022, arXiv 2105.00828). While it is *fitting*, all scores rise and wrongly labelled tokens are still predicted as
//! what they truly are. While it is *settling*, nothing moves. When it starts *memorising*, wrongly labelled tokens
//! begin to be predicted as labelled, train F1 goes on rising and the dev score (F1 in our runs) falls. The paper shows this in pictures; here
//! is a rule that finds the boundaries and says how sure it is.
//!
//! # The end of fitting
//! The first evaluation at which the dev score, in its best rising-then-falling fit, has reached 95 % of that fit's peak.
//! Without a dev curve the accuracy on clean tokens serves, measured from its first value, then train F1. It is absent
//! where no climb is visible: less than 1 % of the plateau, or less than three standard deviations of white noise.
//!
//! # The onset of memorisation
//! *Where noise is known*, from the accuracy on noisy tokens against their given label, and from nothing else. It lies
//! on a floor while the model resists and leaves it for good at the onset. The module `rise` finds the floor by isotonic
//! regression, tests the rise, and bends a hinge where it begins, fitted to the floor and the first half of the rise;
//! the onset is the first evaluation after the bend. The rise must be *material*, a twentieth of the highest accuracy in
//! the curve, and *more than noise*, four and a half standard deviations of what the curve's own fluctuation, as white
//! noise and as a random walk, could do.
//!
//! *Where it is not*, the same rule is applied to the dev score upside down: it must fall, after its peak and for good, by 3 %
//! of the peak, and the fall must be memorisation rather than drift: train F1, if known, still gains 3 % of its top
//! after that point, and of all first learning events, if known, at least 2 % come after it. With clean labels a model
//! has learned nearly every token by the end of fitting, its dev score stays, and no onset is reported. Without a dev
//! curve a revival of the first-learning rate after its initial decay is the sign.
//!
//! # Settling
//! From the end of fitting to the onset, or to the end of the training where there is no onset; absent where the onset
//! comes no later than the end of fitting, as in a model without pretraining. Where fitting was over before the first
//! evaluation but an onset was found, settling starts at the first evaluation.
//!
//! # Uncertainty
//! The detector runs again on bootstrap replicates ([`SentenceCounts`] where a log is there, residuals of the curve
//! always). The interval holds the 5 % to 95 % quantiles and is widened to evaluated points: a boundary between two
//! evaluations is not known better than that. *Support* is the share of replicates in which the boundary was found at
//! all; below 0.9 or so, read the boundary as a suggestion.
//!
//! # What it does not depend on
//! Positions do not change when accuracies are multiplied by a constant, or F1 scores by another: every threshold is a
//! share of the same family's largest score or a multiple of the curve's own noise. None was tuned to a data set. All
//! are constants of this module, written down above, and not settings.
//!
//! # Limits
//! At least four evaluations are needed, and about six to be of use. An onset within the last one or two evaluations
//! is not material yet. A rise that begins very slowly (convex) has no sharp onset; the hinge puts it where the rise
//! would start if it were straight, a tenth of the rise's length late or so. The dev score may fall for other reasons than
//! wrong labels: without known noise the onset is that of harmful late learning, whatever its cause.

mod bootstrap;
mod combine;
mod curve;
mod frame;
mod import;
mod locate;
mod rise;
mod valley;

use serde::{Deserialize, Serialize};

pub use bootstrap::SentenceCounts;
pub use combine::combine;
pub use curve::{PhaseCurve, PhaseCurvePoint};
pub use import::{ColumnNames, ImportedCurve, parse_curve};

use crate::metrics::{Absent, Measured, Measurement, measured};
use crate::random::Streams;
use locate::{CurveSeries, locate};

/// With fewer evaluations than this nothing is reported: any rule would be certain of whatever it is shown.
const FEWEST_EVALUATIONS: usize = 4;

/// What the onset was looked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnsetEvidence {
    /// Accuracy on noisy tokens against their given label.
    NoisyAccuracy,
    /// The dev score after its peak, with train F1 and first learning as witnesses.
    DevDecline,
    /// The rate of first learning events.
    FirstLearning,
    /// The curve has none of these.
    #[default]
    Nothing,
}

/// The phases of a run; `None` (null in JSON) where a phase boundary is absent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Phases {
    /// The first evaluation after fitting.
    pub fitting_end: Option<PhasePoint>,
    /// The stretch in which nothing moves.
    pub settling: Option<Settling>,
    /// The first evaluation of memorisation.
    pub memorisation_onset: Option<PhasePoint>,
    /// What the onset was looked for in.
    pub evidence: OnsetEvidence,
}

/// A boundary between two phases, at an evaluated point of the curve (between two in the median over seeds).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhasePoint {
    /// Epochs trained.
    pub epoch: f64,
    /// Lower end of the interval, 90 % or wider, at an evaluated point.
    pub epoch_low: f64,
    /// Upper end of the interval.
    pub epoch_high: f64,
    /// Optimiser steps taken; null if the curve does not say.
    pub step: Option<u64>,
    /// Training sentences seen; null if the curve does not say.
    pub examples_seen: Option<u64>,
    /// Learning rate there; null if the curve does not say.
    pub learning_rate: Option<f64>,
    /// Share of bootstrap replicates in which the boundary was found, 0 to 1; 1 without a bootstrap.
    pub support: f64,
    /// The scores there.
    pub scores: PhaseScores,
}

/// Scores at a boundary, null where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PhaseScores {
    /// The score on dev.
    #[serde(alias = "dev_f1")]
    pub dev_score: Option<f64>,
    /// F1 on the training data against the given labels.
    pub train_f1: Option<f64>,
    /// Accuracy on clean training tokens.
    pub clean_accuracy: Option<f64>,
    /// Accuracy on noisy tokens against their given label.
    pub noisy_accuracy: Option<f64>,
    /// Accuracy on noisy tokens against their gold label.
    pub noisy_accuracy_gold: Option<f64>,
}

/// The stretch from the end of fitting to the onset of memorisation, or to the end of the training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settling {
    /// Its first epoch: that of `start`.
    pub epoch: f64,
    /// Lower end of the start's interval.
    pub epoch_low: f64,
    /// Upper end of the start's interval.
    pub epoch_high: f64,
    /// Its first evaluation.
    pub start: PhasePoint,
    /// Its last evaluation: the onset, or the end of the training.
    pub end: PhasePoint,
}

impl Settling {
    /// Settling from `start` to `end`; `None` unless it has a length.
    fn between(start: PhasePoint, end: PhasePoint) -> Option<Self> {
        let (epoch, epoch_low, epoch_high) = (start.epoch, start.epoch_low, start.epoch_high);
        (epoch < end.epoch).then_some(Self { epoch, epoch_low, epoch_high, start, end })
    }
}

impl Phases {
    /// The boundaries that are present, by the name they have in JSON and in tables.
    pub fn boundaries(&self) -> Vec<(&'static str, &PhasePoint)> {
        let named = [("fitting_end", &self.fitting_end), ("memorisation_onset", &self.memorisation_onset)];
        named.into_iter().filter_map(|(name, point)| Some((name, point.as_ref()?))).collect()
    }

    /// The epoch at which fitting ends.
    pub fn end_of_fitting(&self) -> Measured {
        measured(self.fitting_end.as_ref().map(|point| point.epoch), "no end of fitting found")
    }

    /// The epoch at which memorisation begins, of a run of `n_evaluations` evaluations and `epochs` epochs. Where accuracy on
    /// noisy tokens was looked at and no onset was found, it is censored: it comes after the last epoch, if at all. Without
    /// noise there is nothing to memorise, and an onset is only reported where the dev score tells one.
    pub fn onset(&self, n_evaluations: usize, epochs: u32) -> Measured {
        match (&self.memorisation_onset, self.evidence) {
            (Some(onset), _) => Ok(Measurement::Exact(onset.epoch)),
            (None, _) if n_evaluations < FEWEST_EVALUATIONS => Err(Absent("fewer than four evaluations")),
            (None, OnsetEvidence::NoisyAccuracy) => Ok(Measurement::AtLeast(f64::from(epochs))),
            (None, _) => Err(Absent("no label noise")),
        }
    }

    /// The length of settling in epochs: from the end of fitting to the onset of memorisation, 0 where the onset comes no
    /// later. Where accuracy on noisy tokens was looked at and no onset was found, it is censored: settling lasts at least to the
    /// end of the training. Without noise and without an onset there is nothing to memorise, and no length; without an end of
    /// fitting neither, because what precedes an onset is then not known to be settling.
    ///
    /// Fitting ends in epoch 2, memorisation begins in epoch 5: 3 epochs. Without an onset, in a training of 12 epochs: at
    /// least 10.
    pub fn settling_length(&self) -> Measured {
        if self.fitting_end.is_none() {
            return Err(Absent("no end of fitting found"));
        }
        let length = self.settling.as_ref().map_or(0.0, |settling| settling.end.epoch - settling.start.epoch);
        match (&self.memorisation_onset, self.evidence) {
            (Some(_), _) => Ok(Measurement::Exact(length)),
            (None, OnsetEvidence::NoisyAccuracy) => Ok(Measurement::AtLeast(length)),
            (None, _) => Err(Absent("no label noise")),
        }
    }
}

/// Finds the phases of a curve.
///
/// `sentences` adds the bootstrap over sentences to that over residuals; `samples` is the number of replicates, 0 for
/// none (the interval is then the two evaluations around the boundary).
///
/// ```
/// use memoscope::analysis::phases::{PhaseCurve, PhaseCurvePoint, detect};
/// use memoscope::random::Streams;
/// let points = (1..=12).map(|epoch| PhaseCurvePoint {
///     epoch: f64::from(epoch),
///     dev_score: Some([0.5, 0.8, 0.9][(epoch as usize - 1).min(2)]),
///     clean_accuracy: Some(0.95),
///     noisy_accuracy: Some(0.01 + 0.1 * f64::from(epoch - 6).max(0.0)),
///     ..PhaseCurvePoint::default()
/// });
/// let phases = detect(&PhaseCurve::new(points.collect()).unwrap(), None, 50, Streams::new(1));
/// assert_eq!(phases.fitting_end.unwrap().epoch, 3.0);
/// assert_eq!(phases.memorisation_onset.unwrap().epoch, 6.0);
/// ```
pub fn detect(curve: &PhaseCurve, sentences: Option<&SentenceCounts>, samples: usize, streams: Streams) -> Phases {
    let scores = CurveSeries::of(curve);
    let located = locate(&scores);
    if curve.points().len() < FEWEST_EVALUATIONS {
        let evidence = located.evidence;
        return Phases { fitting_end: None, settling: None, memorisation_onset: None, evidence };
    }
    let replicates = bootstrap::replicates(&scores, sentences, samples, streams);
    let spread = |boundary: fn(&locate::Located) -> Option<f64>| {
        let mut found: Vec<f64> = replicates.iter().filter_map(boundary).collect();
        found.sort_by(f64::total_cmp);
        found
    };
    let support = |found: &[f64]| if samples == 0 { 1.0 } else { found.len() as f64 / samples as f64 };

    let fitted = spread(|l| l.fitting_end);
    let onsets = spread(|l| l.onset);
    let fitting_end = located.fitting_end.map(|at| point(curve, at, first_from(curve, at), &fitted, support(&fitted)));
    let memorisation_onset = located.onset.map(|at| point(curve, at, first_from(curve, at), &onsets, support(&onsets)));

    let first = || point(curve, curve.points()[0].epoch, 0, &[], 1.0);
    let last = || {
        let index = curve.points().len() - 1;
        point(curve, curve.points()[index].epoch, index, &[], 1.0)
    };
    let settling = match (&fitting_end, &memorisation_onset) {
        (Some(start), Some(end)) => Settling::between(start.clone(), end.clone()),
        (Some(start), None) => Settling::between(start.clone(), last()),
        (None, Some(end)) => Settling::between(first(), end.clone()),
        (None, None) => None,
    };
    Phases { fitting_end, settling, memorisation_onset, evidence: located.evidence }
}

/// The first evaluation of the phase that begins at `epoch`. One that misses it by less than a quarter of the gap to the
/// next counts, as positions are not known better than that.
fn first_from(curve: &PhaseCurve, epoch: f64) -> usize {
    let points = curve.points();
    let after = points.iter().position(|p| p.epoch >= epoch).unwrap_or(points.len() - 1);
    match after.checked_sub(1) {
        Some(before) if epoch - points[before].epoch < 0.25 * (points[after].epoch - points[before].epoch) => before,
        _ => after,
    }
}

/// The boundary at `at`, reported at point `index`, with the quantiles of the sorted replicates.
fn point(curve: &PhaseCurve, at: f64, index: usize, replicates: &[f64], support: f64) -> PhasePoint {
    let p = &curve.points()[index];
    let quantile = |share: f64| match replicates.len() {
        0 => at,
        n => replicates[((n - 1) as f64 * share).round() as usize],
    };
    let (low, high) = (quantile(0.05).min(at), quantile(0.95).max(at));
    let epochs = || curve.points().iter().map(|p| p.epoch);
    PhasePoint {
        epoch: p.epoch,
        epoch_low: epochs().rfind(|&e| e <= low).unwrap_or(p.epoch).min(p.epoch),
        epoch_high: epochs().find(|&e| e >= high).unwrap_or(p.epoch).max(p.epoch),
        step: p.step,
        examples_seen: p.examples_seen,
        learning_rate: p.learning_rate,
        support,
        scores: PhaseScores {
            dev_score: p.dev_score,
            train_f1: p.train_f1,
            clean_accuracy: p.clean_accuracy,
            noisy_accuracy: p.noisy_accuracy,
            noisy_accuracy_gold: p.noisy_accuracy_gold,
        },
    }
}
