//! Experiments from their text, and rows of invented runs, for tests.

use std::path::Path;

use polars::prelude::*;

use super::gather::Row;
use super::grid;
use crate::analysis::events::Shares;
use crate::analysis::forgetting::{Distribution, Forgetting, TokenSet};
use crate::analysis::phases::{OnsetEvidence, PhasePoint, PhaseScores, Phases, Settling};
use crate::config::{Experiment, Layers};
use crate::dynamics::Pass;
use crate::run::{Coordinate, Coordinates, Manifest};

/// The experiment of a text.
pub(super) fn experiment(text: &str) -> Experiment {
    let mut layers = Layers::new();
    layers.text(text, Path::new("e.toml")).unwrap_or_else(|error| panic!("{text}: {error}"));
    layers.finish().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The names of its runs.
pub(super) fn ids(text: &str) -> Vec<String> {
    grid(&experiment(text)).expect("a grid").into_iter().map(|run| run.id).collect()
}

/// Epochs of every run.
const EPOCHS: u32 = 12;

fn point(epoch: f64) -> PhasePoint {
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

/// Phases as the detector puts them together: settling from the end of fitting to the onset, or to the last epoch.
pub(super) fn phases(fitting_end: Option<f64>, onset: Option<f64>) -> Phases {
    let end = onset.unwrap_or(f64::from(EPOCHS));
    let settling = fitting_end.filter(|start| *start < end).map(|start| Settling {
        epoch: start,
        epoch_low: start,
        epoch_high: start,
        start: point(start),
        end: point(end),
    });
    Phases {
        fitting_end: fitting_end.map(point),
        settling,
        memorisation_onset: onset.map(point),
        evidence: OnsetEvidence::NoisyAccuracy,
    }
}

/// A run at some coordinates, whose dev score is `dev` after both epochs, with phases and with a forgettable token or none.
pub(super) fn row(coordinates: &[Coordinate], seed: u64, dev: f64, phases: Phases) -> Row {
    let manifest = include_str!("../../tests/fixtures/flat-study/runs/noise=0.30,seed=1/manifest.json");
    let mut manifest: Manifest = serde_json::from_str(manifest).expect("the fixture's manifest");
    let noise = coordinates.iter().find(|of| of.axis == "noise").and_then(|of| of.value.as_f64()).unwrap_or(0.0);
    (manifest.config.seed, manifest.config.perturb.rate, manifest.epochs_finished) = (seed, noise, EPOCHS);
    manifest.noise.n_noisy = if noise > 0.0 { 10 } else { 0 };
    let epochs = df!("epoch" => [1u32, 2], "dev_score" => [dev, dev], "noise_f1" => [None::<f64>, None]);
    let shares = df!("group" => ["all"], "n" => [10u64], "forgettable" => [0.1]);
    Row {
        coordinates: Coordinates::of(coordinates.iter().cloned()),
        seed,
        manifest,
        epochs: epochs.expect("epochs"),
        curve: df!("epoch" => [1.0, 2.0, 3.0, 4.0]).expect("a curve"),
        shares: shares.expect("shares"),
        phases,
        forgetting: vec![Forgetting {
            pass: Pass::Train,
            groups: vec![("all", Shares { n: 10, forgettable: 0.1, ..Shares::default() })],
            distribution: Distribution::default(),
            with_first_learning: None,
            with_margin: None,
            forgettable: TokenSet::new([(0, 0, true), (0, 1, false)]),
        }],
        class: None,
    }
}
