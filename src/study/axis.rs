//! The axes of a grid, from those of a study and those of `[grid]`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::config::{Experiment, GridAxis, NOISE};
use crate::error::{Error, Problem, Result};
use crate::run::Coordinate;

/// An axis of a grid: the points among which a run has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its points, in order.
    pub points: Vec<Point>,
}

/// A point on an axis: what it is called, and what it sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// One coordinate as a rule; a class cap has two, the class and the number of its sentences. All points of an axis name
    /// the same.
    pub coordinates: Vec<Coordinate>,
    /// Dotted settings and their values.
    pub settings: Vec<(String, Value)>,
}

impl Axis {
    /// An axis of one setting.
    pub fn of_setting(key: &str, points: impl IntoIterator<Item = (Coordinate, Value)>) -> Self {
        let point =
            |(coordinate, value)| Point { coordinates: vec![coordinate], settings: vec![(key.to_owned(), value)] };
        Self { points: points.into_iter().map(point).collect() }
    }

    /// The noise levels of `study.noise`.
    pub fn noise(experiment: &Experiment) -> Self {
        Self::of_setting(NOISE, experiment.study.noise.iter().map(|&level| (Coordinate::noise(level), level.into())))
    }
}

/// An axis of `[grid]` that is one of the study's own, by its name; `default` in its absence.
///
/// # Errors
/// [`Error::Config`] if a value has another type than its setting.
pub(super) fn own(experiment: &Experiment, name: &str, default: &GridAxis) -> Result<Axis> {
    of_axis(&experiment.without_grid(), experiment.grid.axis(name).unwrap_or(default), &BTreeSet::new())
}

/// The axes of `[grid]` that are none of the study's `own`, as axes of runs. `taken` are the names of those.
///
/// # Errors
/// [`Error::Config`] if an axis has the name of one of the study's.
pub(super) fn of_grid(experiment: &Experiment, own: &[Axis], mut taken: BTreeSet<String>) -> Result<Vec<Axis>> {
    let plain = experiment.without_grid();
    let mut axes = Vec::new();
    for axis in experiment.grid.axes().iter().filter(|axis| !is_own(experiment, own, axis)) {
        let made = of_axis(&plain, axis, &taken)?;
        let first = made.points.first().into_iter().flat_map(|point| &point.coordinates);
        taken.extend(first.map(|coordinate| coordinate.axis.clone()));
        axes.push(made);
    }
    Ok(axes)
}

/// True for an axis of `[grid]` that is one of the study's own.
pub(super) fn is_own(experiment: &Experiment, own: &[Axis], axis: &GridAxis) -> bool {
    of_axis(&experiment.without_grid(), axis, &BTreeSet::new()).is_ok_and(|axis| own.contains(&axis))
}

fn of_axis(experiment: &Experiment, axis: &GridAxis, taken: &BTreeSet<String>) -> Result<Axis> {
    match axis {
        GridAxis::Named { name, points } => {
            if taken.contains(name) {
                return Err(Error::Config(
                    Problem::new(format!("grid.{name} has the name of another axis")).hint("give it another name"),
                ));
            }
            let point = |point: &crate::config::NamedPoint| Point {
                coordinates: vec![Coordinate::new(name, point.name.as_str())],
                settings: point.settings.clone(),
            };
            Ok(Axis { points: points.iter().map(point).collect() })
        }
        GridAxis::Setting { key, values } => {
            let name = if taken.contains(axis.name()) { key.as_str() } else { axis.name() };
            // As the settings hold it: `1` and `1.0` are one learning rate.
            let values: Vec<Value> = values
                .iter()
                .map(|value| Ok(experiment.with(&[(key.clone(), value.clone())])?.value_of(key)))
                .collect::<Result<_>>()?;
            let labels = labels(key, &values);
            let point = |(value, label): (Value, Option<String>)| {
                let coordinate = match (&label, value.as_f64()) {
                    _ if key == NOISE => Coordinate::noise(value.as_f64().unwrap_or_default()),
                    (Some(label), _) => Coordinate::new(name, value.clone()).labelled(label.clone()),
                    (None, _) => Coordinate::new(name, value.clone()),
                };
                (coordinate, value)
            };
            Ok(Axis::of_setting(key, values.into_iter().zip(labels).map(point)))
        }
    }
}

/// What the values of a source are called: the last parts of their paths, where these tell them apart.
fn labels(key: &str, values: &[Value]) -> Vec<Option<String>> {
    if !key.ends_with(".source") {
        return vec![None; values.len()];
    }
    let last = |value: &Value| {
        let name = Path::new(value.as_str()?).file_name()?;
        Some(name.to_string_lossy().into_owned())
    };
    let names: Vec<Option<String>> = values.iter().map(last).collect();
    let distinct: BTreeSet<&Option<String>> = names.iter().collect();
    if distinct.len() == names.len() { names } else { vec![None; values.len()] }
}
