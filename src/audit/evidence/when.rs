//! When to look: the phases, and the last epoch before memorisation.

use crate::analysis::phases::{self, PhaseCurve, PhaseCurvePoint, Phases};
use crate::audit::AuditSettings;
use crate::dynamics::{Log, Pass};
use crate::error::Result;
use crate::random::Streams;

/// Bootstrap replicates for the phases.
const REPLICATES: usize = 100;

/// The phases of the folds' mean curve, the held-out F1 by epoch, and the last epoch before memorisation.
pub(super) fn when(logs: &[Log], settings: &AuditSettings, seed: u64) -> Result<(Phases, Vec<f64>, u32)> {
    let epochs = settings.epochs as usize;
    let mut points: Vec<PhaseCurvePoint> = Vec::new();
    let mut f1 = vec![0.0; epochs];
    let mut train_f1 = vec![0.0; epochs];
    let mut first_learned = vec![0.0; epochs];
    let share = 1.0 / logs.len().max(1) as f64;
    for log in logs {
        for point in log.curve()? {
            let epoch = point.epoch.round() as usize;
            if point.epoch.fract() == 0.0 && (1..=epochs).contains(&epoch) {
                f1[epoch - 1] += share * point.dev_f1;
                train_f1[epoch - 1] += share * point.probe_f1;
            }
        }
        let mut learned = vec![false; log.tokens().len()];
        for (epoch, newly) in (1..).zip(&mut first_learned) {
            let seen = log.epoch(epoch)?;
            let Some((_, observations)) = seen.prefer(Pass::Train) else { continue };
            for (known, &right) in learned.iter_mut().zip(&observations.correct) {
                *newly += if right && !*known { share / log.tokens().len() as f64 } else { 0.0 };
                *known |= right;
            }
        }
    }
    for epoch in 0..epochs {
        points.push(PhaseCurvePoint {
            epoch: (epoch + 1) as f64,
            dev_f1: Some(f1[epoch]),
            train_f1: Some(train_f1[epoch]),
            first_learned: Some(first_learned[epoch]),
            ..PhaseCurvePoint::default()
        });
    }
    let phases = phases::detect(&PhaseCurve::new(points)?, None, REPLICATES, Streams::new(seed));
    // The onset is the first epoch of memorisation.
    let last =
        phases.memorisation_onset.as_ref().map_or(epochs, |onset| (onset.epoch.ceil() as usize).saturating_sub(1));
    Ok((phases, f1, last.clamp(1, epochs) as u32))
}
