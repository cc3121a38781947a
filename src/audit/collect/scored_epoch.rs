//! The epoch up to which an audit scores: the last one before memorisation.

use crate::analysis::phases::{self, PhaseCurve, PhaseCurvePoint, Phases};
use crate::audit::AuditSettings;
use crate::dynamics::{Log, Pass};
use crate::error::{Error, Result};
use crate::metrics::entity::{self, Mode};
use crate::random::Streams;

/// Bootstrap replicates for the phases.
const REPLICATES: usize = 100;

/// The phases of the folds' mean curve, the held-out F1 by epoch, and the last epoch before memorisation.
pub(super) fn scored_epoch(logs: &[Log], settings: &AuditSettings, seed: u64) -> Result<(Phases, Vec<f64>, u32)> {
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
                f1[epoch - 1] += share * point.dev_score;
            }
        }
        let table = log.tokens();
        let rows = table.sentence_rows();
        let by_sentence = |labels: &[u8]| rows.iter().map(|rows| labels[rows.clone()].to_vec()).collect::<Vec<_>>();
        let given = by_sentence(&table.given);
        let mut learned = vec![false; table.len()];
        for (epoch, (newly, f1)) in (1..).zip(first_learned.iter_mut().zip(&mut train_f1)) {
            let seen = log.epoch(epoch)?;
            let Some((_, observations)) = seen.prefer(Pass::Train) else { continue };
            if observations.len() != table.len() {
                return Err(Error::Internal("an epoch of a fold has other tokens than its table".into()));
            }
            let predicted = by_sentence(&observations.predicted);
            *f1 += share * entity::score(&given, &predicted, log.labels(), Mode::Default).micro.f1;
            for (known, &right) in learned.iter_mut().zip(&observations.correct) {
                *newly += if right && !*known { share / table.len() as f64 } else { 0.0 };
                *known |= right;
            }
        }
    }
    for epoch in 0..epochs {
        points.push(PhaseCurvePoint {
            epoch: (epoch + 1) as f64,
            dev_score: Some(f1[epoch]),
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
