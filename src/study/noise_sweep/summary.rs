//! The numbers of a noise sweep: first of each run, then of each noise level over its seeds.

use polars::prelude::*;

use crate::analysis::phases::{Phases, combine};
use crate::error::Result;
use crate::metrics::Estimate;
use crate::run::Manifest;
use crate::study::frames::numbers;

/// A score where it is best (or worst), and the epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::study) struct Extreme {
    /// One-based epoch.
    pub epoch: f64,
    /// The score there.
    pub value: f64,
}

/// The numbers of one run. What a run without noise does not have is `None`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::study) struct RunNumbers {
    /// Requested noise.
    pub noise: f64,
    /// Seed.
    pub seed: u64,
    /// Realised noise.
    pub realised: f64,
    /// Dev F1 at its peak.
    pub dev_peak: Option<Extreme>,
    /// Dev F1 after the last epoch.
    pub dev_last: Option<f64>,
    /// Accuracy on noisy tokens against their noisy label at its lowest.
    pub noisy_low: Option<Extreme>,
    /// The same after the last epoch.
    pub noisy_last: Option<f64>,
    /// F1 of finding the noise by loss at its best epoch.
    pub detection: Option<Extreme>,
    /// Share of forgettable tokens, by the original convention.
    pub forgettable: Option<f64>,
    /// Phases.
    pub phases: Phases,
}

/// The numbers of one noise level over its seeds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LevelNumbers {
    /// Requested noise.
    pub noise: f64,
    /// Runs.
    pub n: usize,
    /// Realised noise.
    pub realised: Option<Estimate>,
    /// Dev F1 at its peak.
    pub dev_peak: Option<Estimate>,
    /// The epoch of the peak.
    pub dev_peak_epoch: Option<Estimate>,
    /// Dev F1 after the last epoch.
    pub dev_last: Option<Estimate>,
    /// Accuracy on noisy tokens against their noisy label at its lowest.
    pub noisy_low: Option<Estimate>,
    /// The same after the last epoch.
    pub noisy_last: Option<Estimate>,
    /// F1 of finding the noise by loss at its best epoch.
    pub detection: Option<Estimate>,
    /// That epoch.
    pub detection_epoch: Option<Estimate>,
    /// Share of forgettable tokens.
    pub forgettable: Option<Estimate>,
    /// Phases combined.
    pub phases: Phases,
}

impl RunNumbers {
    /// The numbers of a run from its manifest, its epochs and its shares.
    pub(in crate::study) fn of(
        manifest: &Manifest,
        epochs: &DataFrame,
        shares: &DataFrame,
        phases: Phases,
    ) -> Result<Self> {
        let at = numbers(epochs, "epoch")?;
        let column = |name: &str| -> Result<Vec<Extreme>> {
            let values = numbers(epochs, name)?;
            Ok(at
                .iter()
                .zip(values)
                .filter_map(|(epoch, value)| Some(Extreme { epoch: (*epoch)?, value: value? }))
                .collect())
        };
        // Of equal values the first: the earliest epoch that reaches the peak.
        let highest = |values: &[Extreme]| values.iter().copied().reduce(|a, b| if b.value > a.value { b } else { a });
        let lowest = |values: &[Extreme]| values.iter().copied().reduce(|a, b| if b.value < a.value { b } else { a });
        let last = |values: &[Extreme]| values.last().map(|extreme| extreme.value);
        let (dev, noisy) = (column("dev_score")?, column("noisy_accuracy")?);
        let all_tokens = shares.column("group")?.str()?.iter().position(|group| group == Some("all"));
        let forgettable = match all_tokens {
            Some(row) => numbers(shares, "forgettable")?[row],
            None => None,
        };
        Ok(Self {
            noise: manifest.config.perturb.rate,
            seed: manifest.config.seed,
            realised: manifest.noise.realised_rate,
            dev_peak: highest(&dev),
            dev_last: last(&dev),
            noisy_low: lowest(&noisy),
            noisy_last: last(&noisy),
            detection: highest(&column("noise_f1")?),
            forgettable,
            phases,
        })
    }
}

/// One entry a noise level, in rising order.
pub(super) fn levels(runs: &[RunNumbers]) -> Vec<LevelNumbers> {
    let mut noises: Vec<f64> = runs.iter().map(|run| run.noise).collect();
    noises.sort_by(f64::total_cmp);
    noises.dedup();
    noises.into_iter().map(|noise| level(noise, runs)).collect()
}

fn level(noise: f64, runs: &[RunNumbers]) -> LevelNumbers {
    let runs: Vec<&RunNumbers> = runs.iter().filter(|run| run.noise == noise).collect();
    let estimate = |get: fn(&RunNumbers) -> Option<f64>| Estimate::of(runs.iter().map(|run| get(run)));
    let phases: Vec<Phases> = runs.iter().map(|run| run.phases.clone()).collect();
    LevelNumbers {
        noise,
        n: runs.len(),
        realised: estimate(|run| Some(run.realised)),
        dev_peak: estimate(|run| run.dev_peak.map(|peak| peak.value)),
        dev_peak_epoch: estimate(|run| run.dev_peak.map(|peak| peak.epoch)),
        dev_last: estimate(|run| run.dev_last),
        noisy_low: estimate(|run| run.noisy_low.map(|low| low.value)),
        noisy_last: estimate(|run| run.noisy_last),
        detection: estimate(|run| run.detection.map(|best| best.value)),
        detection_epoch: estimate(|run| run.detection.map(|best| best.epoch)),
        forgettable: estimate(|run| run.forgettable),
        phases: combine(&phases),
    }
}
