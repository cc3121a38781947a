//! The encoders of a forgetting study as an axis, and which of them a run has.

use crate::config::{EncoderSettings, Experiment};
use crate::error::{Error, Result};
use crate::run::{Coordinate, RunConfig};
use crate::study::{Axis, Point};

/// The axis's name.
const ENCODER: &str = "encoder";

/// The axis of encoders. It is the inner one: an interrupted sweep has what is to be compared.
pub(super) fn encoders(experiment: &Experiment) -> Axis {
    let point = |encoder: &EncoderSettings| Point {
        coordinates: vec![Coordinate::new(ENCODER, encoder.name.as_str())],
        settings: encoder.settings(),
    };
    Axis { points: experiment.study.encoders.iter().map(point).collect() }
}

/// The number of a run's encoder in `study.encoders`.
pub(super) fn encoder_of(experiment: &Experiment, config: &RunConfig) -> Result<usize> {
    let name = config.coordinates.get(ENCODER).map(|encoder| encoder.label.as_str());
    let place = experiment.study.encoders.iter().position(|encoder| Some(encoder.name.as_str()) == name);
    place.ok_or_else(|| Error::Internal(format!("no encoder of the study made the run {}", config.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Seeds, StudyKind, StudySettings};
    use crate::model::HeadKind;
    use crate::study::grid;

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
            kind: Some(StudyKind::Forgetting),
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
                "noise=0.00,encoder=tiny,seed=7",
                "noise=0.00,encoder=tiny-random,seed=7",
                "noise=0.00,encoder=other,seed=7",
                "noise=0.30,encoder=tiny,seed=7"
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
