//! The numbers of the study: of each run, of each number of steps and noise level over its seeds, and how they go with the
//! steps.

use polars::prelude::*;

use crate::analysis::phases::Phases;
use crate::error::Result;
use crate::metrics::{Estimate, Measurement, Trend, trend};
use crate::random::Streams;
use crate::run::Manifest;
use crate::study::noise_sweep::summary::RunNumbers;
use crate::train::pretrain::PretrainReport;

/// An encoder that was fine-tuned.
#[derive(Debug, Clone)]
pub(super) struct Checkpoint {
    /// Steps it was pretrained for.
    pub steps: u64,
    /// SHA-256 (hex) of it.
    pub fingerprint: String,
    /// How well it predicts masked pieces; `None` if its folder is gone.
    pub report: Option<PretrainReport>,
}

/// What is shown of one run.
#[derive(Debug, Clone)]
pub(super) struct RunPoint {
    /// Steps its encoder was pretrained for.
    pub steps: u64,
    /// SHA-256 (hex) of its encoder.
    pub fingerprint: String,
    /// Epochs trained.
    pub epochs: u32,
    /// Epochs from the end of fitting to the onset: [`settling_length`].
    pub settling: Option<Measurement>,
    /// Epoch in which memorisation begins; `None` if that was not seen.
    pub onset: Option<f64>,
    /// All other numbers.
    pub numbers: RunNumbers,
}

impl RunPoint {
    /// The point of a run.
    pub(super) fn new(steps: u64, manifest: &Manifest, numbers: RunNumbers) -> Self {
        let phases = &numbers.phases;
        Self {
            steps,
            fingerprint: manifest.model.fingerprint.clone(),
            epochs: manifest.epochs_finished,
            settling: settling_length(phases),
            onset: phases.memorisation_onset.as_ref().map(|onset| onset.epoch),
            numbers,
        }
    }
}

/// How long a run settles, in epochs.
///
/// 0 where the onset comes no later than the end of fitting. Where no onset was seen, settling lasts to the end of the
/// training, and longer for all one knows. `None` where no end of fitting was found: what comes before an onset is then
/// not known to be settling.
pub(super) fn settling_length(phases: &Phases) -> Option<Measurement> {
    phases.fitting_end.as_ref()?;
    let length = phases.settling.as_ref().map_or(0.0, |settling| settling.end.epoch - settling.start.epoch);
    Some(match phases.memorisation_onset {
        Some(_) => Measurement::Exact(length),
        None => Measurement::AtLeast(length),
    })
}

/// The numbers of one encoder at one noise level over its seeds.
#[derive(Debug, Clone)]
pub(super) struct Point {
    /// Steps of pretraining.
    pub steps: u64,
    /// Requested noise.
    pub noise: f64,
    /// Runs.
    pub n: usize,
    /// Settling in epochs, of the runs in which an end of fitting was found; lower bounds count as they are.
    pub settling: Option<Estimate>,
    /// How many of these are lower bounds.
    pub open: usize,
    /// Epoch of the onset, of the runs in which it was seen.
    pub onset: Option<Estimate>,
    /// F1 of finding the noise by its loss, at the best epoch.
    pub detection: Option<Estimate>,
    /// Share of forgettable tokens, by the original convention.
    pub forgettable: Option<Estimate>,
    /// Dev F1 at its peak.
    pub dev_peak: Option<Estimate>,
    /// Dev F1 after the last epoch.
    pub dev_last: Option<Estimate>,
}

/// One point each noise level and number of steps, in rising order of both.
pub(super) fn points(runs: &[RunPoint]) -> Vec<Point> {
    let mut keys: Vec<(f64, u64)> = runs.iter().map(|run| (run.numbers.noise, run.steps)).collect();
    keys.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keys.dedup();
    keys.into_iter().map(|(noise, steps)| point(noise, steps, runs)).collect()
}

fn point(noise: f64, steps: u64, runs: &[RunPoint]) -> Point {
    let runs: Vec<&RunPoint> = runs.iter().filter(|run| run.steps == steps && run.numbers.noise == noise).collect();
    let estimate = |get: fn(&RunPoint) -> Option<f64>| Estimate::of(runs.iter().map(|run| get(run)));
    Point {
        steps,
        noise,
        n: runs.len(),
        settling: estimate(|run| run.settling.map(Measurement::bound)),
        open: runs.iter().filter(|run| matches!(run.settling, Some(Measurement::AtLeast(_)))).count(),
        onset: estimate(|run| run.onset),
        detection: estimate(|run| run.numbers.detection.map(|best| best.value)),
        forgettable: estimate(|run| run.numbers.forgettable),
        dev_peak: estimate(|run| run.numbers.dev_peak.map(|peak| peak.value)),
        dev_last: estimate(|run| run.numbers.dev_last),
    }
}

/// What is asked to rise or fall with pretraining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Settling length.
    Settling,
    /// Onset of memorisation; a run in which it was not seen counts as beyond its last epoch.
    Onset,
    /// Noise-detection F1.
    Detection,
    /// Share of forgettable tokens.
    Forgettable,
    /// Dev F1 at its peak.
    DevPeak,
}

impl Measure {
    /// All of them, as they are shown.
    pub(super) const ALL: [Self; 5] = [Self::Settling, Self::Onset, Self::Detection, Self::Forgettable, Self::DevPeak];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Settling => "settling length",
            Self::Onset => "onset of memorisation",
            Self::Detection => "noise-detection F1",
            Self::Forgettable => "forgettable share",
            Self::DevPeak => "dev F1, peak",
        }
    }

    fn of(self, run: &RunPoint) -> Option<Measurement> {
        let numbers = &run.numbers;
        match self {
            Self::Settling => run.settling,
            Self::Onset => match run.onset {
                Some(epoch) => Some(Measurement::Exact(epoch)),
                // Not seen up to the last epoch; without noise there is nothing to see.
                None if numbers.noise > 0.0 => Some(Measurement::AtLeast(f64::from(run.epochs))),
                None => None,
            },
            Self::Detection => numbers.detection.map(|best| Measurement::Exact(best.value)),
            Self::Forgettable => numbers.forgettable.map(Measurement::Exact),
            Self::DevPeak => numbers.dev_peak.map(|peak| Measurement::Exact(peak.value)),
        }
    }
}

/// How a measure goes with the steps at one noise level.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeasureTrend {
    /// Requested noise.
    pub noise: f64,
    /// The measure.
    pub measure: Measure,
    /// Over all runs of the level.
    pub trend: Trend,
}

/// The trends there are, by noise level and measure.
pub(super) fn trends(runs: &[RunPoint], seed: u64) -> Vec<MeasureTrend> {
    let mut levels: Vec<f64> = runs.iter().map(|run| run.numbers.noise).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let streams = Streams::new(seed);
    let of = |noise: f64, measure: Measure| {
        let of_level = runs.iter().filter(|run| run.numbers.noise == noise);
        let pairs: Vec<(f64, Measurement)> =
            of_level.filter_map(|run| Some((run.steps as f64, measure.of(run)?))).collect();
        trend(&pairs, &streams).map(|trend| MeasureTrend { noise, measure, trend })
    };
    let of = &of;
    levels
        .into_iter()
        .flat_map(|noise| Measure::ALL.into_iter().filter_map(move |measure| of(noise, measure)))
        .collect()
}

/// One row a run: `steps, noise, seed, settling (epochs), settling_open (a lower bound), onset (epoch), detection_f1,
/// forgettable, dev_score (peak), dev_score_end`; null where there is none.
pub(super) fn frame(runs: &[RunPoint]) -> Result<DataFrame> {
    let column = |get: fn(&RunPoint) -> Option<f64>| runs.iter().map(get).collect::<Vec<_>>();
    Ok(df!(
        "steps" => runs.iter().map(|run| run.steps).collect::<Vec<_>>(),
        "noise" => runs.iter().map(|run| run.numbers.noise).collect::<Vec<_>>(),
        "seed" => runs.iter().map(|run| run.numbers.seed).collect::<Vec<_>>(),
        "settling" => column(|run| run.settling.map(Measurement::bound)),
        "settling_open" => runs.iter().map(|run| run.settling.map(|seen| matches!(seen, Measurement::AtLeast(_)))).collect::<Vec<_>>(),
        "onset" => column(|run| run.onset),
        "detection_f1" => column(|run| run.numbers.detection.map(|best| best.value)),
        "forgettable" => column(|run| run.numbers.forgettable),
        "dev_score" => column(|run| run.numbers.dev_peak.map(|peak| peak.value)),
        "dev_score_end" => column(|run| run.numbers.dev_last),
    )?)
}

/// One row an encoder: `steps, masked_accuracy, masked_loss, learning_rate, encoder` (fingerprint).
pub(super) fn checkpoint_frame(checkpoints: &[Checkpoint]) -> Result<DataFrame> {
    let column = |get: fn(&PretrainReport) -> f64| {
        checkpoints.iter().map(|checkpoint| checkpoint.report.as_ref().map(get)).collect::<Vec<_>>()
    };
    Ok(df!(
        "steps" => checkpoints.iter().map(|checkpoint| checkpoint.steps).collect::<Vec<_>>(),
        "masked_accuracy" => column(|report| report.held_out_masked_accuracy),
        "masked_loss" => column(|report| report.held_out_masked_loss),
        "learning_rate" => column(|report| report.learning_rate),
        "encoder" => checkpoints.iter().map(|c| c.fingerprint.chars().take(12).collect()).collect::<Vec<String>>(),
    )?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::analysis::phases::{Evidence, PhasePoint, PhaseScores, Settling};
    use crate::study::noise_sweep::summary::Extreme;

    fn at(epoch: f64) -> PhasePoint {
        PhasePoint {
            epoch,
            epoch_low: epoch,
            epoch_high: epoch,
            step: None,
            examples_seen: None,
            learning_rate: None,
            support: 1.0,
            scores: PhaseScores::default(),
        }
    }

    /// Phases of a training of twelve epochs, as the detector puts them together.
    fn phases(fitting_end: Option<f64>, onset: Option<f64>) -> Phases {
        let (start, end) = (fitting_end.unwrap_or(1.0), onset.unwrap_or(12.0));
        let known = fitting_end.is_some() || onset.is_some();
        Phases {
            fitting_end: fitting_end.map(at),
            settling: (known && start < end).then(|| Settling {
                epoch: start,
                epoch_low: start,
                epoch_high: start,
                start: at(start),
                end: at(end),
            }),
            memorisation_onset: onset.map(at),
            evidence: Evidence::NoisyAccuracy,
        }
    }

    /// A run with these phases, whose noise is found with this F1.
    pub(in crate::study::pretraining) fn run(
        steps: u64,
        noise: f64,
        seed: u64,
        (fitting_end, onset): (Option<f64>, Option<f64>),
        detection: f64,
    ) -> RunPoint {
        let phases = phases(fitting_end, onset);
        RunPoint {
            steps,
            fingerprint: steps.to_string(),
            epochs: 12,
            settling: settling_length(&phases),
            onset,
            numbers: RunNumbers {
                noise,
                seed,
                realised: noise,
                dev_peak: Some(Extreme { epoch: 5.0, value: 0.7 }),
                dev_last: Some(0.6),
                noisy_low: None,
                noisy_last: None,
                detection: (noise > 0.0).then_some(Extreme { epoch: 3.0, value: detection }),
                forgettable: Some(0.1),
                phases,
            },
        }
    }

    #[test]
    fn a_settling_length_is_a_number_a_bound_or_unknown() {
        let length = |fitting_end, onset| settling_length(&phases(fitting_end, onset));
        assert_eq!(length(Some(2.0), Some(5.0)), Some(Measurement::Exact(3.0)));
        assert_eq!(length(Some(2.0), None), Some(Measurement::AtLeast(10.0)));
        assert_eq!(length(Some(4.0), Some(3.0)), Some(Measurement::Exact(0.0)), "memorising before fitting was over");
        assert_eq!(length(None, Some(4.0)), None, "it never fitted: what comes before is not settling");
        assert_eq!(length(None, None), None);
    }

    #[test]
    fn points_count_what_is_open_and_what_was_not_seen() {
        let runs = [
            run(300, 0.3, 1, (Some(2.0), None), 0.9),
            run(0, 0.3, 1, (None, Some(3.0)), 0.5),
            run(300, 0.3, 2, (Some(2.0), Some(6.0)), 0.8),
            run(0, 0.3, 2, (Some(4.0), Some(3.0)), 0.6),
        ];
        let points = points(&runs);
        assert_eq!(points.iter().map(|point| (point.steps, point.n)).collect::<Vec<_>>(), [(0, 2), (300, 2)]);
        let (random, pretrained) = (&points[0], &points[1]);
        assert_eq!((random.settling.unwrap().mean, random.settling.unwrap().n, random.open), (0.0, 1, 0));
        assert_eq!((pretrained.settling.unwrap().mean, pretrained.open), (7.0, 1));
        assert_eq!((pretrained.onset.unwrap().mean, pretrained.onset.unwrap().n), (6.0, 1));
        assert!((pretrained.detection.unwrap().mean - 0.85).abs() < 1e-12);
    }

    #[test]
    fn an_onset_that_was_not_seen_is_late_in_a_trend() {
        let onsets = [(0, Some(3.0)), (0, Some(3.0)), (10, Some(4.0)), (10, Some(5.0)), (99, None), (99, None)];
        let runs: Vec<RunPoint> = onsets
            .iter()
            .enumerate()
            .map(|(i, (steps, onset))| run(*steps, 0.3, i as u64, (Some(2.0), *onset), 0.5))
            .collect();
        let trends = trends(&runs, 1);
        let onset = trends.iter().find(|trend| trend.measure == Measure::Onset).unwrap();
        assert_eq!(onset.trend.n, 6);
        // Of the twelve pairs of different steps all are in order; 4 and 5 at ten steps are one more untied pair of onsets.
        assert!((onset.trend.tau - 12.0 / (12f64 * 13.0).sqrt()).abs() < 1e-12, "{onset:?}");
        assert!(!trends.iter().any(|trend| trend.measure == Measure::Detection), "it is constant");
    }
}
