//! Which runs do the same work.

use crate::error::Result;
use crate::model::ModelSettings;
use crate::perturb::{CapSettings, PerturbSettings, perturb};
use crate::run::{Coordinates, Fold, PretrainedEncoder, RunConfig, RunRequest};
use crate::train::TrainSettings;

/// A configuration without what leaves the seconds of a step and the bytes of a row as they are: two runs with equal keys, on
/// one corpus, have one shape.
pub(crate) fn key(config: &RunConfig) -> RunConfig {
    let defaults = TrainSettings::default();
    // All fields are named, so that a new one is not forgotten here.
    let RunConfig { id: _, coordinates: _, seed: _, data, model, perturb: _, train, device, fold, pretrained } = config;
    let source = if pretrained.is_some() { String::new() } else { model.source.clone() };
    RunConfig {
        id: String::new(),
        coordinates: Coordinates::default(),
        seed: 0,
        data: data.clone(),
        model: ModelSettings { source, random_init: false, ..model.clone() },
        perturb: PerturbSettings::default(),
        train: TrainSettings {
            epochs: defaults.epochs,
            learning_rate: defaults.learning_rate,
            schedule: defaults.schedule,
            warmup: defaults.warmup,
            weight_decay: defaults.weight_decay,
            beta1: defaults.beta1,
            beta2: defaults.beta2,
            epsilon: defaults.epsilon,
            shuffle: defaults.shuffle,
            evaluations_per_epoch: defaults.evaluations_per_epoch,
            checkpoint_minutes: defaults.checkpoint_minutes,
            save_model: defaults.save_model,
            test: defaults.test,
            ..train.clone()
        },
        device: *device,
        fold: fold.map(|fold| Fold { index: 0, ..fold }),
        pretrained: pretrained.as_ref().map(|encoder| PretrainedEncoder { steps: 0, ..encoder.clone() }),
    }
}

/// Training sentences of runs, before any fold is held out.
pub(super) struct Sizes(Vec<usize>);

impl Sizes {
    /// Those that the class cap of each leaves.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if a cap cannot be applied.
    pub(super) fn of(requests: &[RunRequest<'_>]) -> Result<Self> {
        // How many are left hardly depends on the seed, and not on the noise.
        let mut known: Vec<((&CapSettings, &str), usize)> = Vec::new();
        let mut sizes = Vec::new();
        for request in requests {
            let corpus = request.corpus;
            let Some(cap) = &request.config.perturb.cap else {
                sizes.push(corpus.train.len());
                continue;
            };
            let key = (cap, corpus.fingerprint.as_str());
            let size = match known.iter().find(|(of, _)| *of == key) {
                Some((_, size)) => *size,
                None => {
                    let clean = PerturbSettings { cap: Some(cap.clone()), ..PerturbSettings::default() };
                    let size = perturb(&corpus.train, &corpus.labels, &clean, request.config.seed)?.sentences.len();
                    known.push((key, size));
                    size
                }
            };
            sizes.push(size);
        }
        Ok(Self(sizes))
    }

    /// Of a run, by its place.
    pub(super) fn sentences(&self, run: usize) -> usize {
        self.0[run]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::config;

    #[test]
    fn seeds_noise_and_lengths_share_a_shape_and_batch_sizes_do_not() {
        let mut other = config();
        (other.id, other.seed, other.perturb.rate) = ("another".into(), 7, 0.9);
        (other.train.epochs, other.train.learning_rate) = (30, 0.1);
        other.model.random_init = true;
        other.perturb.cap = Some(CapSettings { class: "LOC".into(), sentences: Some(5) });
        assert_eq!(key(&other), key(&config()));
        other.train.batch_size += 1;
        assert_ne!(key(&other), key(&config()));
        let mut held_out = config();
        held_out.fold = Some(Fold { folds: 5, index: 3 });
        let first = RunConfig { fold: Some(Fold { folds: 5, index: 0 }), ..config() };
        assert_eq!(key(&held_out), key(&first));
        assert_ne!(key(&held_out), key(&config()));
    }
}
