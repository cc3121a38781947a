//! The grid of a study of class caps, and where in it a run stands.

use serde_json::Value;

use crate::config::{Experiment, Initialization};
use crate::error::{Error, Result};
use crate::model::HeadKind;
use crate::perturb::CapSettings;
use crate::run::{Coordinate, RunConfig};
use crate::study::{Axis, Point};

/// Where in the grid a run stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// The capped class and the number of its sentences; `None` where all stay.
    pub cap: Option<(String, usize)>,
    /// Requested noise.
    pub noise: f64,
    /// The head.
    pub head: HeadKind,
    /// What the encoder starts from.
    pub start: Initialization,
    /// The seed.
    pub seed: u64,
}

impl Place {
    /// Of a run.
    pub fn of(config: &RunConfig) -> Self {
        let cap = config.perturb.cap.as_ref();
        Self {
            cap: cap.map(|cap| (cap.class.clone(), cap.sentences.unwrap_or_default())),
            noise: config.perturb.rate,
            head: config.model.head.kind,
            start: if config.model.random_init { Initialization::Random } else { Initialization::Pretrained },
            seed: config.seed,
        }
    }
}

/// The study's axes. The cap is the inner one, and what all classes share is trained once: the run on all sentences.
pub(super) fn axes(experiment: &Experiment) -> Result<Vec<Axis>> {
    let study = &experiment.study;
    let heads = match study.heads.as_slice() {
        [] => vec![experiment.model.head.kind],
        heads => heads.to_vec(),
    };
    let starts = match study.initializations.as_slice() {
        [] if experiment.model.random_init => vec![Initialization::Random],
        [] => vec![Initialization::Pretrained],
        starts => starts.to_vec(),
    };
    let start =
        |start: &Initialization| (Coordinate::new("init", start.name()), Value::from(*start == Initialization::Random));
    let head = |head: &HeadKind| (Coordinate::new("head", head.name()), head.name().into());
    Ok(vec![
        Axis::noise(experiment),
        Axis::of_setting("model.random_init", starts.iter().map(start)),
        Axis::of_setting("model.head.kind", heads.iter().map(head)),
        caps(experiment)?,
    ])
}

/// Each class with each number of sentences, then all sentences.
fn caps(experiment: &Experiment) -> Result<Axis> {
    let study = &experiment.study;
    let point = |class: Value, sentences: Value, cap: Value| Point {
        coordinates: vec![Coordinate::new("class", class), Coordinate::new("sentences", sentences)],
        settings: vec![("perturb.cap".to_owned(), cap)],
    };
    let mut points = Vec::new();
    for class in &study.classes {
        for &sentences in &study.sentences {
            let cap = CapSettings { class: class.clone(), sentences: Some(sentences) };
            let cap = serde_json::to_value(cap).map_err(|e| Error::Internal(format!("a cap as JSON: {e}")))?;
            points.push(point(class.as_str().into(), sentences.into(), cap));
        }
    }
    points.extend(study.uncapped.then(|| point(Value::Null, Value::Null, Value::Null)));
    Ok(Axis { points })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Seeds, StudyKind, StudySettings};
    use crate::study::grid;

    fn ids(study: StudySettings) -> Vec<String> {
        let grid = grid(&Experiment { study, ..Experiment::default() }).unwrap();
        grid.into_iter().map(|run| run.id).collect()
    }

    fn caps() -> StudySettings {
        let kind = Some(StudyKind::ClassCaps);
        StudySettings { kind, classes: vec!["LOC".into()], sentences: vec![5, 25], ..StudySettings::default() }
    }

    #[test]
    fn all_sentences_are_trained_on_once_for_all_classes() {
        let study = StudySettings { classes: vec!["LOC".into(), "a/b".into()], sentences: vec![5], ..caps() };
        assert_eq!(
            ids(study),
            [
                "noise=0.00,init=pretrained,head=linear,class=LOC,sentences=5,seed=1",
                "noise=0.00,init=pretrained,head=linear,class=a/b,sentences=5,seed=1",
                "noise=0.00,init=pretrained,head=linear,class=none,sentences=none,seed=1"
            ]
        );
    }

    #[test]
    fn the_grid_has_every_combination_once() {
        let study = StudySettings {
            noise: vec![0.0, 0.3],
            heads: vec![HeadKind::Linear, HeadKind::Prototypes],
            initializations: vec![Initialization::Pretrained, Initialization::Random],
            seeds: Seeds::Count(2),
            ..caps()
        };
        let mut all = ids(study);
        assert_eq!(all.len(), 3 * 2 * 2 * 2 * 2);
        assert!(all[..24].iter().all(|id| id.contains("seed=1")));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 48);
    }

    #[test]
    fn a_run_knows_its_place() {
        let experiment = Experiment { study: caps(), ..Experiment::default() };
        let grid = grid(&experiment).unwrap();
        assert_eq!(Place::of(&grid[1]).cap, Some(("LOC".into(), 25)));
        assert_eq!(Place::of(&grid[2]).cap, None);
    }
}
