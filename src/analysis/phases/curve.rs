//! What the detector looks at: scores by training time.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::{Error, Problem};

/// One evaluation. `None` where a score was not measured; scores may be in any unit, F1 and accuracy each in its own.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct PhaseCurvePoint {
    /// Epochs trained, fractional within an epoch.
    pub epoch: f64,
    /// Optimiser steps taken.
    pub step: Option<u64>,
    /// Training sentences seen.
    pub examples_seen: Option<u64>,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// The score on dev.
    #[serde(alias = "dev_f1")]
    pub dev_score: Option<f64>,
    /// F1 on the training data against the given labels.
    pub train_f1: Option<f64>,
    /// Accuracy on clean training tokens.
    pub clean_accuracy: Option<f64>,
    /// Accuracy on noisy training tokens against their given (wrong) label.
    pub noisy_accuracy: Option<f64>,
    /// Accuracy on noisy training tokens against their gold label.
    pub noisy_accuracy_gold: Option<f64>,
    /// Share of the training tokens first predicted as given since the evaluation before.
    pub first_learned: Option<f64>,
}

/// A run's scores by training time; at least one point, epochs strictly ascending, all numbers finite.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseCurve {
    points: Vec<PhaseCurvePoint>,
}

/// The epochs at which a score is known, and its values there.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Series {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
}

impl Series {
    pub(super) fn largest(&self) -> Option<f64> {
        self.y.iter().copied().max_by(f64::total_cmp)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.y.is_empty()
    }
}

impl PhaseCurve {
    /// Checks the points.
    ///
    /// # Errors
    /// [`Error::Data`] if there is none, an epoch does not follow the one before, or a number is not finite.
    pub fn new(points: Vec<PhaseCurvePoint>) -> Result<Self> {
        if points.is_empty() {
            return Err(Error::Data(Problem::new("the curve has no point").hint("one line per evaluation is needed")));
        }
        for (index, point) in points.iter().enumerate() {
            let numbers = [
                Some(point.epoch),
                point.dev_score,
                point.train_f1,
                point.clean_accuracy,
                point.noisy_accuracy,
                point.noisy_accuracy_gold,
                point.first_learned,
            ];
            if numbers.iter().flatten().any(|number| !number.is_finite()) {
                return Err(Error::Data(
                    Problem::new(format!("point {} of the curve has a number that is not finite", index + 1))
                        .hint("leave unknown scores empty or null"),
                ));
            }
            if index > 0 && points[index - 1].epoch >= point.epoch {
                return Err(Error::Data(
                    Problem::new(format!(
                        "point {} of the curve: epoch {} does not come after {}",
                        index + 1,
                        point.epoch,
                        points[index - 1].epoch
                    ))
                    .hint("give one run's evaluations, in order, each epoch once"),
                ));
            }
        }
        Ok(Self { points })
    }

    /// The evaluations, epochs ascending.
    pub fn points(&self) -> &[PhaseCurvePoint] {
        &self.points
    }

    pub(super) fn series(&self, score: fn(&PhaseCurvePoint) -> Option<f64>) -> Series {
        let (x, y) = self.points.iter().filter_map(|point| Some((point.epoch, score(point)?))).unzip();
        Series { x, y }
    }
}
