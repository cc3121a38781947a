//! The grid of a forgetting study, and which encoder a run has.

use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::perturb::PerturbSettings;
use crate::run::{RunConfig, run_id};

/// The runs of an experiment. Seeds are the outer loop, encoders the inner one: an interrupted sweep has what is to be
/// compared.
pub(super) fn grid(experiment: &Experiment) -> Result<Vec<RunConfig>> {
    let mut grid = Vec::new();
    for seed in experiment.study.seeds.list() {
        for &noise in &experiment.study.noise {
            let perturb = PerturbSettings { rate: noise, ..experiment.perturb.clone() };
            crate::perturb::validate(&perturb)?;
            for encoder in &experiment.study.encoders {
                grid.push(RunConfig {
                    id: format!("{}{}", prefix(&encoder.name), run_id(noise, seed)),
                    seed,
                    data: experiment.data.clone(),
                    model: encoder.model(&experiment.model),
                    perturb: perturb.clone(),
                    train: encoder.train(&experiment.train),
                    device: experiment.device,
                    fold: None,
                    pretrained: None,
                });
            }
        }
    }
    Ok(grid)
}

/// The number of a run's encoder in `study.encoders`.
pub(super) fn encoder_of(experiment: &Experiment, config: &RunConfig) -> Result<usize> {
    let encoders = &experiment.study.encoders;
    // Names hold no comma: none is the beginning of another up to it.
    encoders
        .iter()
        .position(|encoder| config.id.starts_with(&prefix(&encoder.name)))
        .ok_or_else(|| Error::Internal(format!("no encoder of the study made the run {}", config.id)))
}

fn prefix(name: &str) -> String {
    format!("encoder={name},")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EncoderSettings, Seeds, StudySettings};
    use crate::model::HeadKind;

    fn experiment() -> Experiment {
        let named = |name: &str| EncoderSettings { name: name.into(), ..EncoderSettings::default() };
        let encoders = vec![
            named("tiny"),
            EncoderSettings { random_init: Some(true), ..named("tiny-random") },
            EncoderSettings {
                source: Some("other".into()),
                head: Some(HeadKind::Prototypes),
                learning_rate: Some(0.5),
                batch_size: Some(3),
                layers: Some(1),
                ..named("other")
            },
        ];
        let study = StudySettings {
            noise: vec![0.0, 0.3],
            seeds: Seeds::List(vec![7, 8]),
            encoders,
            ..StudySettings::default()
        };
        Experiment { study, ..Experiment::default() }
    }

    #[test]
    fn what_is_compared_is_trained_together() {
        let experiment = experiment();
        let grid = grid(&experiment).unwrap();
        let ids: Vec<&str> = grid.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(grid.len(), 12);
        assert_eq!(
            ids[..4],
            [
                "encoder=tiny,noise=0.00,seed=7",
                "encoder=tiny-random,noise=0.00,seed=7",
                "encoder=other,noise=0.00,seed=7",
                "encoder=tiny,noise=0.30,seed=7"
            ]
        );
        assert_eq!(encoder_of(&experiment, &grid[1]).unwrap(), 1);
    }

    #[test]
    fn an_encoder_has_what_is_its_own_and_the_rest_from_the_experiment() {
        let experiment = experiment();
        let grid = grid(&experiment).unwrap();
        let (plain, other) = (&grid[0], &grid[5]);
        assert_eq!((&plain.model, &plain.train), (&experiment.model, &experiment.train));
        assert_eq!(
            (other.model.source.as_str(), other.model.layers, other.model.random_init),
            ("other", Some(1), false)
        );
        assert_eq!(other.model.head.kind, HeadKind::Prototypes);
        assert_eq!((other.train.learning_rate, other.train.batch_size), (0.5, 3));
        assert_eq!((other.train.epochs, other.perturb.rate), (experiment.train.epochs, 0.3));
    }
}
