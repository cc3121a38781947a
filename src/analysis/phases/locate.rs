//! The two phase boundaries of one curve, as continuous positions in epochs.

use super::OnsetEvidence;
use super::curve::{PhaseCurve, Series};
use super::rise::{exceeds_white_noise, rise};
use super::valley::valley;

/// Share of its plateau at which a score counts as fitted.
const FITTED: f64 = 0.95;
/// Smallest visible climb of the fitted score, as a share of its plateau.
const MATERIAL_CLIMB: f64 = 0.01;
/// Smallest rise of noisy-token accuracy, as a share of the highest accuracy: one noisy token in twenty.
const MATERIAL_NOISY: f64 = 0.05;
/// Smallest fall of the dev score after its peak, as a share of the peak.
const MATERIAL_DEV: f64 = 0.03;
/// Smallest rise of train F1 after the onset, as a share of its highest value.
const MATERIAL_TRAIN: f64 = 0.03;
/// Smallest share of all first learning events that happen after the onset, where the dev score falls.
const MATERIAL_LATE_LEARNING: f64 = 0.02;
/// Smallest revival of the first-learning rate, as a share of its highest value, where there is no dev curve.
const MATERIAL_REVIVAL: f64 = 0.05;

/// The series a decision is made from; a bootstrap replicate is another set of the same.
#[derive(Debug, Clone)]
pub(super) struct CurveSeries {
    pub(super) dev: Series,
    pub(super) train: Series,
    pub(super) clean: Series,
    pub(super) noisy: Series,
    pub(super) noisy_gold: Series,
    pub(super) first_learned: Series,
}

impl CurveSeries {
    pub(super) fn of(curve: &PhaseCurve) -> Self {
        Self {
            dev: curve.series(|p| p.dev_score),
            train: curve.series(|p| p.train_f1),
            clean: curve.series(|p| p.clean_accuracy),
            noisy: curve.series(|p| p.noisy_accuracy),
            noisy_gold: curve.series(|p| p.noisy_accuracy_gold),
            first_learned: curve.series(|p| p.first_learned),
        }
    }
}

/// Where the phases change, in epochs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Located {
    pub(super) fitting_end: Option<f64>,
    pub(super) onset: Option<f64>,
    pub(super) evidence: OnsetEvidence,
}

/// Both boundaries.
pub(super) fn locate(scores: &CurveSeries) -> Located {
    let (onset, evidence) = onset(scores);
    Located { fitting_end: fitting_end(scores), onset, evidence }
}

/// Where the score of fitting has made 95 % of its way. F1 starts from 0, since an untrained tagger finds no entity;
/// an accuracy starts from its first value, since predicting `O` everywhere is right most of the time.
fn fitting_end(scores: &CurveSeries) -> Option<f64> {
    let (series, from_zero) = [(&scores.dev, true), (&scores.clean, false), (&scores.train, true)]
        .into_iter()
        .find(|(series, _)| !series.is_empty())?;
    let falling: Vec<f64> = series.y.iter().map(|v| -v).collect();
    let peak = valley(&falling);
    let fit: Vec<f64> = peak.fit.iter().map(|v| -v).collect();
    let (first, plateau) = (*fit.first()?, -peak.floor());
    let climb = plateau - first;
    if plateau <= 0.0 || climb < MATERIAL_CLIMB * plateau {
        return None;
    }
    let base = if from_zero { 0.0 } else { first };
    let level = base + FITTED * (plateau - base);
    let reached = fit.iter().position(|&v| v >= level)?;
    if !exceeds_white_noise(&series.y, climb) {
        return None;
    }
    if reached == 0 {
        return series.x.first().copied();
    }
    let (before, after) = (fit[reached - 1], fit[reached]);
    let part = (level - before) / (after - before);
    Some(series.x[reached - 1] + part * (series.x[reached] - series.x[reached - 1]))
}

fn onset(scores: &CurveSeries) -> (Option<f64>, OnsetEvidence) {
    if !scores.noisy.is_empty() {
        let accuracies = [&scores.noisy, &scores.noisy_gold, &scores.clean];
        let f1 = [&scores.noisy, &scores.dev, &scores.train];
        // Noisy-token accuracy alone may stay tiny: another score says how much is much.
        let alone = scores.noisy_gold.is_empty() && scores.clean.is_empty();
        let reference = if alone { f1 } else { accuracies }.into_iter().filter_map(Series::largest).fold(0.0, f64::max);
        let found = rise(&scores.noisy.x, &scores.noisy.y, MATERIAL_NOISY * reference);
        return (found.map(|rise| rise.begin), OnsetEvidence::NoisyAccuracy);
    }
    if !scores.dev.is_empty() {
        return (dev_decline(scores), OnsetEvidence::DevDecline);
    }
    if !scores.first_learned.is_empty() {
        let s = &scores.first_learned;
        let found = rise(&s.x, &s.y, MATERIAL_REVIVAL * s.largest().unwrap_or(0.0));
        return (found.map(|rise| rise.begin), OnsetEvidence::FirstLearning);
    }
    (None, OnsetEvidence::Nothing)
}

/// Dev F1 falls for good while the training data are still being learned.
fn dev_decline(scores: &CurveSeries) -> Option<f64> {
    let falling: Vec<f64> = scores.dev.y.iter().map(|v| -v).collect();
    let peak = scores.dev.largest().unwrap_or(0.0);
    let begin = rise(&scores.dev.x, &falling, MATERIAL_DEV * peak).filter(|_| peak > 0.0)?.begin;
    if let Some(top) = scores.train.largest() {
        let fit = valley(&scores.train.y).fit;
        let at = scores.train.x.iter().rposition(|&x| x <= begin).unwrap_or(0);
        let gained = fit.last()? - fit[at];
        if gained < MATERIAL_TRAIN * top {
            return None;
        }
    }
    let all: f64 = scores.first_learned.y.iter().sum();
    if all > 0.0 {
        let s = &scores.first_learned;
        let late: f64 = s.x.iter().zip(&s.y).filter(|(x, _)| **x > begin).map(|(_, y)| y).sum();
        if late < MATERIAL_LATE_LEARNING * all {
            return None;
        }
    }
    Some(begin)
}
