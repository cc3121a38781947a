//! The runs of an experiment: every combination of the points of its axes, with every seed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::axis::{self, Axis, Point};
use super::of;
use crate::config::{Experiment, StudySettings};
use crate::error::{Error, Problem, Result};
use crate::run::{Coordinate, Coordinates, RunConfig};

/// The runs of an experiment, in the order in which they are done: seeds are the outer loop, so that an interrupted sweep has
/// one seed at all points rather than all seeds at one; the last axis is the inner one. At one seed all points start from the
/// same new weights and see the sentences in the same order: what differs is what the axes set.
///
/// # Errors
/// [`Error::Config`] if the experiment makes no grid, or a combination of settings cannot be trained with.
pub fn grid(experiment: &Experiment) -> Result<Vec<RunConfig>> {
    let study = of(experiment.kind());
    let own = study.axes(experiment)?;
    let axes = all_axes(experiment, &own)?;
    let plain = experiment.without_grid();
    let mut points = Vec::new();
    for combination in combinations(&axes) {
        let settings: Vec<_> = combination.iter().flat_map(|point| point.settings.iter().cloned()).collect();
        require_own_settings(&settings)?;
        let coordinates: Vec<Coordinate> =
            combination.iter().flat_map(|point| point.coordinates.iter().cloned()).collect();
        let resolved = plain.with(&settings).and_then(|of_point| of_point.validate_run().map(|()| of_point));
        points.push((resolved.map_err(|error| at(error, &coordinates))?, coordinates));
    }
    let mut runs = Vec::with_capacity(points.len());
    for seed in experiment.study.seeds.list() {
        for (of_point, coordinates) in &points {
            let mut run = RunConfig::new(of_point, Coordinates::new(coordinates.iter().cloned(), seed), seed);
            study.complete(experiment, &mut run);
            runs.push(run);
        }
    }
    require_distinct(&runs)?;
    Ok(runs)
}

/// The study's own axes and the others of `[grid]` behind them.
fn all_axes(experiment: &Experiment, own: &[Axis]) -> Result<Vec<Axis>> {
    let names = own.iter().flat_map(|axis| axis.points.first()).flat_map(|point| &point.coordinates);
    let taken: BTreeSet<String> = names.map(|coordinate| coordinate.axis.clone()).collect();
    let further = axis::of_grid(experiment, own, taken)?;
    Ok(own.iter().cloned().chain(further).collect())
}

/// The points of the axes that are not the study's own: where each is, and the experiment there; one without coordinates if
/// there are no such axes.
pub(super) fn further_points(experiment: &Experiment) -> Result<Vec<(Coordinates, Experiment)>> {
    let own = of(experiment.kind()).axes(experiment)?;
    let axes = all_axes(experiment, &own)?;
    let plain = Experiment {
        study: StudySettings { kind: Some(experiment.kind()), ..experiment.study.clone() },
        grid: experiment.grid.only(|axis| axis::is_own(experiment, &own, axis)),
        ..experiment.clone()
    };
    let point = |combination: Vec<&Point>| {
        let settings: Vec<_> = combination.iter().flat_map(|point| point.settings.iter().cloned()).collect();
        let coordinates = combination.iter().flat_map(|point| point.coordinates.iter().cloned());
        Ok((Coordinates::of(coordinates), plain.with(&settings)?))
    };
    combinations(&axes[own.len()..]).into_iter().map(point).collect()
}

/// Every choice of one point an axis; the last axis changes fastest.
fn combinations(axes: &[Axis]) -> Vec<Vec<&Point>> {
    let mut chosen = vec![Vec::new()];
    for axis in axes {
        let mut longer = Vec::with_capacity(chosen.len() * axis.points.len());
        for before in &chosen {
            for point in &axis.points {
                longer.push([&before[..], &[point]].concat());
            }
        }
        chosen = longer;
    }
    chosen
}

/// Refuses a combination of which two points set the same: one of them would be without effect.
fn require_own_settings(settings: &[(String, Value)]) -> Result<()> {
    let is_within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    let overlaps = |a: &str, b: &str| a == b || is_within(a, b) || is_within(b, a);
    let twice = |(number, (key, _)): &(usize, &(String, Value))| {
        settings[..*number].iter().any(|(other, _)| overlaps(key, other))
    };
    match settings.iter().enumerate().find(twice) {
        None => Ok(()),
        Some((_, (key, _))) => Err(Error::Config(
            Problem::new(format!("two axes of the grid set {key}"))
                .hint("leave it out of one of them, or make one axis of both, with named points"),
        )),
    }
}

/// The error with the point that it is about.
fn at(error: Error, coordinates: &[Coordinate]) -> Error {
    match error {
        Error::Config(problem) => {
            let place = Coordinates::of(coordinates.iter().cloned()).id();
            Error::Config(Problem { what: format!("{} (at {place})", problem.what), ..problem })
        }
        error => error,
    }
}

/// Refuses two runs of the same name or folder.
fn require_distinct(runs: &[RunConfig]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match runs.iter().find(|run| !seen.insert(run.coordinates.folder())) {
        None => Ok(()),
        Some(run) => Err(Error::Config(
            Problem::new(format!("two runs of the grid have the name {}", run.id))
                .hint("two axes set the same, or two values have the same label: leave one out"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::testing::{experiment, ids};

    #[test]
    fn seeds_are_the_outer_loop_and_noise_an_axis_of_every_grid() {
        let text = "[study]\nseeds = [1, 106]\n[grid]\n\"train.learning_rate\" = [1e-4, 5e-4]\n";
        assert_eq!(
            ids(text),
            [
                "noise=0.00,train.learning_rate=0.0001,seed=1",
                "noise=0.00,train.learning_rate=0.0005,seed=1",
                "noise=0.00,train.learning_rate=0.0001,seed=106",
                "noise=0.00,train.learning_rate=0.0005,seed=106"
            ]
        );
        let text = "[grid]\n\"train.learning_rate\" = [1e-4]\nnoise = [0, 0.3]\n";
        assert_eq!(
            ids(text),
            ["train.learning_rate=0.0001,noise=0.00,seed=1", "train.learning_rate=0.0001,noise=0.30,seed=1"]
        );
        let runs = grid(&experiment(text)).unwrap();
        assert_eq!((runs[1].perturb.rate, runs[1].train.learning_rate), (0.3, 1e-4));
        assert_eq!(runs[1].coordinates.folder().to_str(), Some("train.learning_rate=0.0001/noise=0.30/seed=1"));
    }

    #[test]
    fn further_axes_stand_behind_those_of_a_study() {
        let text = "[study]\nkind = \"noise-sweep\"\nnoise = [0.0, 0.3]\n[grid]\n\"train.batch_size\" = [16]\n";
        assert_eq!(ids(text), ["noise=0.00,batch_size=16,seed=1", "noise=0.30,batch_size=16,seed=1"]);
        let further = further_points(&experiment(text)).unwrap();
        assert_eq!((further.len(), further[0].0.id(), further[0].1.train.batch_size), (1, "batch_size=16".into(), 16));
    }

    #[test]
    fn sources_are_called_by_the_last_part_of_their_path() {
        let text = "[grid]\n\"model.source\" = [\"a/tiny\", \"b/mini/\"]\n";
        assert_eq!(ids(text), ["noise=0.00,model=tiny,seed=1", "noise=0.00,model=mini,seed=1"]);
        let same = "[grid]\n\"model.source\" = [\"a/tiny\", \"b/tiny\"]\n";
        assert_eq!(ids(same), ["noise=0.00,model=a/tiny,seed=1", "noise=0.00,model=b/tiny,seed=1"]);
    }

    #[test]
    fn a_combination_that_cannot_be_trained_is_named() {
        let text = "[grid]\n\"train.eval_pass\" = [true, false]\n\"model.head.kind\" = [\"linear\", \"prototypes\"]\n";
        let error = grid(&experiment(text)).unwrap_err().to_string();
        assert!(error.ends_with("(at noise=0.00,eval_pass=false,head=prototypes)"), "{error}");
    }

    #[test]
    fn an_axis_with_the_name_of_one_of_the_study_has_its_whole_key() {
        let text = "[study]\nkind = \"class-caps\"\n[study.caps]\nclasses = [\"LOC\"]\nsentences = [5]\n[grid]\n\"train.episodes.class\" = [\"LOC\"]\n";
        let ids = ids(text);
        assert!(ids[0].contains("class=LOC,") && ids[0].contains("train.episodes.class=LOC"), "{ids:?}");
    }
}
