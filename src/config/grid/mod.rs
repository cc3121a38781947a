//! `[grid]`: any setting as an axis.
//!
//! ```toml
//! [grid]
//! "train.learning_rate" = [1e-4, 5e-4]     # a setting and its values
//! init = ["pretrained", "random"]          # or `model.random_init` by the names of its values
//!
//! [[grid.start]]                           # or an axis of named points, each of which sets any number of settings
//! name = "pretrained"
//! [[grid.start]]
//! name = "random"
//! "model.random_init" = true
//! "train.learning_rate" = 1e-3
//! ```

mod change;
mod form;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::experiment::{first_duplicate, is_plain_name, refuse};
use super::{Experiment, keys};
use crate::error::{Error, Problem, Result};

/// The table's key.
pub(super) const GRID: &str = "grid";
/// The noise level's key in a run's settings; in an experiment the grid sets it.
pub(crate) const NOISE: &str = "perturb.rate";
/// The axis of initial weights, whose points have names.
pub(crate) const INIT: &str = "init";
/// Tables whose settings make a run.
const OF_RUNS: [&str; 4] = ["data", "model", "perturb", "train"];
/// Columns of tables of runs and points: no axis is called so, nor like a column of the log.
const COLUMNS: [&str; 22] = [
    "detection_epoch",
    "detection_f1",
    "dev_score_end",
    "dev_score_peak",
    "dev_score_peak_epoch",
    "epochs_finished",
    "epochs_planned",
    "folder",
    "forgettable",
    "id",
    "noisy_accuracy_end",
    "noisy_accuracy_low",
    "number",
    "onset",
    "point",
    "run",
    "runs",
    "seed",
    "started",
    "status",
    "updated",
    "wall_seconds",
];

/// True for the name of a column that a query over the runs would find beside the axis.
fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name) || crate::dynamics::is_column(name)
}

/// The axes of `[grid]`, in the order written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    axes: Vec<GridAxis>,
}

/// An axis of `[grid]`.
#[derive(Debug, Clone, PartialEq)]
pub enum GridAxis {
    /// A setting.
    Setting {
        /// Its dotted key.
        key: String,
        /// Its values.
        values: Vec<Value>,
    },
    /// A choice of several settings at once.
    Named {
        /// The axis.
        name: String,
        /// What is chosen from.
        points: Vec<NamedPoint>,
    },
}

/// A point of a named axis.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPoint {
    /// What it is called: in the names of runs, in folders, legends and tables.
    pub name: String,
    /// Dotted keys and their values.
    pub settings: Vec<(String, Value)>,
}

impl GridAxis {
    /// What the axis is called: `noise`, `batch_size`, the last part of a dotted key, or the whole key where a column of
    /// the log has that name.
    pub fn name(&self) -> &str {
        match self {
            Self::Named { name, .. } => name,
            Self::Setting { key, .. } if key == NOISE => "noise",
            Self::Setting { key, .. } => {
                let last = key.rsplit('.').next().unwrap_or(key);
                let last = if key == "model.head.kind" { "head" } else { last };
                let last = if last == "source" { key.split('.').next().unwrap_or(key) } else { last };
                if is_column(last) { key } else { last }
            }
        }
    }

    /// How it is written in an experiment file.
    pub fn key(&self) -> &str {
        match self {
            Self::Named { name, .. } => name,
            Self::Setting { key, .. } => key,
        }
    }

    /// The settings that any of its points has, dotted.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let (of_points, own) = match self {
            Self::Named { points, .. } => (points.as_slice(), None),
            Self::Setting { key, .. } => (&[][..], Some(key.as_str())),
        };
        of_points.iter().flat_map(|point| &point.settings).map(|(key, _)| key.as_str()).chain(own)
    }

    /// The number of its points.
    pub fn n_points(&self) -> usize {
        match self {
            Self::Named { points, .. } => points.len(),
            Self::Setting { values, .. } => values.len(),
        }
    }

    /// The settings that every one of its points has: the experiment's own values are without effect.
    pub(super) fn overridden(&self) -> Vec<String> {
        let of_points = self.settings();
        let is_everywhere = |key: &&str| of_points.iter().all(|of| of.iter().any(|(other, _)| other == *key));
        self.keys().filter(is_everywhere).map(str::to_owned).collect()
    }

    /// The settings of each point.
    fn settings(&self) -> Vec<Cow<'_, [(String, Value)]>> {
        match self {
            Self::Named { points, .. } => points.iter().map(|point| Cow::Borrowed(&point.settings[..])).collect(),
            Self::Setting { key, values } => {
                values.iter().map(|value| Cow::Owned(vec![(key.clone(), value.clone())])).collect()
            }
        }
    }

    /// A point in words: its name, or its value.
    fn shown(&self, point: usize) -> String {
        match self {
            Self::Named { points, .. } => points.get(point).map(|point| point.name.clone()).unwrap_or_default(),
            Self::Setting { values, .. } => values.get(point).map(ToString::to_string).unwrap_or_default(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Setting { values, .. } => values.iter().map(written).collect::<Vec<Value>>().into(),
            Self::Named { name, points } => {
                let shown =
                    |point: &NamedPoint| match name == INIT && NamedPoint::init(&point.name).as_ref() == Some(point) {
                        true => point.name.as_str().into(),
                        false => point.value(),
                    };
                points.iter().map(shown).collect::<Vec<Value>>().into()
            }
        }
    }
}

impl NamedPoint {
    /// A point of the axis `init`: `pretrained` or `random`.
    pub fn init(name: &str) -> Option<Self> {
        let is_random = match name {
            "pretrained" => false,
            "random" => true,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), settings: vec![("model.random_init".to_owned(), is_random.into())] })
    }

    fn value(&self) -> Value {
        let mut object = Map::from_iter([("name".to_owned(), Value::from(self.name.as_str()))]);
        object.extend(self.settings.iter().map(|(key, value)| (key.clone(), written(value))));
        object.into()
    }
}

impl Grid {
    /// The axes, in order.
    pub fn axes(&self) -> &[GridAxis] {
        &self.axes
    }

    /// True without an axis.
    pub fn is_empty(&self) -> bool {
        self.axes.is_empty()
    }

    /// The number of combinations.
    pub fn n_points(&self) -> usize {
        self.axes.iter().fold(1, |product, axis| product.saturating_mul(axis.n_points()))
    }

    /// The axis of a setting, or of that name.
    pub fn axis(&self, key: &str) -> Option<&GridAxis> {
        let is_it = |axis: &&GridAxis| axis.key() == key || axis.key() == setting(key);
        self.axes.iter().find(is_it)
    }

    /// The same with some of the axes alone.
    pub(crate) fn only(&self, is_kept: impl Fn(&GridAxis) -> bool) -> Self {
        Self { axes: self.axes.iter().filter(|axis| is_kept(axis)).cloned().collect() }
    }

    /// Refuses axes of which no runs could be made.
    ///
    /// # Errors
    /// [`Error::Config`] whose words begin with the axis's key.
    pub(super) fn validate(&self, experiment: &Experiment) -> Result<()> {
        let experiment = &experiment.without_grid();
        for axis in &self.axes {
            let key = format!("{GRID}.{}", axis.key());
            if axis.n_points() == 0 {
                return refuse(format!("{key} has no value"), "give at least one, or leave the axis out");
            }
            if let GridAxis::Named { name, points } = axis {
                let names: Vec<&str> = points.iter().map(|point| point.name.as_str()).chain([name.as_str()]).collect();
                if let Some(name) = names.iter().find(|name| !is_plain_name(name)) {
                    return refuse(
                        format!("{key} has the name `{name}`, which is not plain"),
                        "use letters, digits, `-`, `_` and `.`",
                    );
                }
                if let Some(name) = first_duplicate(&names[..points.len()]) {
                    return refuse(format!("{key} has `{name}` twice"), "give each point a name of its own");
                }
                if let Some(problem) = seeds_as_axis(&key, name) {
                    return Err(Error::Config(problem));
                }
                if is_column(name) {
                    return refuse(
                        format!("{key} is a column of the log or of tables"),
                        "choose another name for the axis",
                    );
                }
            }
            let mut resolved: Vec<Experiment> = Vec::new();
            for (number, settings) in axis.settings().iter().enumerate() {
                let shown = axis.shown(number);
                for (setting, _) in settings.iter() {
                    check_key(&key, setting)?;
                }
                let point = experiment.with(settings).and_then(|point| point.validate_run().map(|()| point));
                let point = point.map_err(|error| match error {
                    Error::Config(problem) => {
                        let what = format!("{key} has `{shown}`: {}", problem.what);
                        Error::Config(Problem { what, ..problem })
                    }
                    error => error,
                })?;
                if let Some(same) = resolved.iter().position(|other| *other == point) {
                    return refuse(
                        format!("{key} has `{}` and `{shown}`, which are the same run", axis.shown(same)),
                        "let them differ in what they set, or leave one out",
                    );
                }
                resolved.push(point);
            }
        }
        Ok(())
    }
}

/// A value as it stands in a file: TOML has no null, which is the word there.
fn written(value: &Value) -> Value {
    if value.is_null() { NULL.into() } else { value.clone() }
}

/// The value that stands in a file for a setting: of an option, the word `null` is its absence.
fn meant(key: &str, value: Value) -> Value {
    let is_option = keys::default_of(key).is_some_and(Value::is_null);
    if is_option && value == NULL { Value::Null } else { value }
}

/// What stands for null in a file.
const NULL: &str = "null";

/// The dotted key of an axis: `noise` and other short names stand for theirs.
pub(super) fn setting(name: &str) -> &str {
    if name == "noise" { NOISE } else { keys::shorthand(name) }
}

/// True for a name under which somebody may look for the seeds among the axes.
fn is_seed(name: &str) -> bool {
    ["seed", "seeds", "study.seed", "study.seeds", "train.seed"].contains(&name)
}

/// What is said of an axis that names the seeds; `None` of any other.
fn seeds_as_axis(axis: &str, key: &str) -> Option<Problem> {
    is_seed(key).then(|| {
        Problem::new(format!("{axis} names the seeds, which are an axis of every grid"))
            .hint("set them with study.seeds: a number of seeds or a list (--seeds 1,2,3 on the command line)")
    })
}

/// Refuses a setting that makes no difference between runs; `axis` is for the message.
fn check_key(axis: &str, key: &str) -> Result<()> {
    let refuse = |what: String, hint: String| refuse(format!("{axis} {what}"), &hint);
    if let Some(problem) = seeds_as_axis(axis, key) {
        return Err(Error::Config(problem));
    }
    let section = key.split('.').next().unwrap_or(key);
    match keys::default_of(key) {
        None => {
            let nearest = keys::nearest(key).map(|nearest| format!("did you mean `{nearest}`?"));
            refuse(
                format!("names `{key}`, which is no setting"),
                nearest.unwrap_or_else(|| {
                    "an axis is a dotted setting with values, or a list of points, each with a `name`".into()
                }),
            )
        }
        Some(default) if default.is_object() => {
            refuse(format!("names `{key}`, which is a table and not a setting"), "name one of its settings".into())
        }
        Some(_) if keys::WITHOUT_EFFECT.contains(&key) => {
            refuse(format!("names `{key}`, which changes nothing in a run"), "leave it out of the grid".into())
        }
        Some(_) if OF_RUNS.contains(&section) || key == "device" => Ok(()),
        Some(_) => refuse(
            format!("names `{key}`, which does not belong to a run"),
            format!("an axis is a setting of {}, or device", OF_RUNS.join(", ")),
        ),
    }
}

impl Experiment {
    /// The experiment as it is at every point of its grid.
    pub fn without_grid(&self) -> Self {
        Self { grid: Grid::default(), ..self.clone() }
    }

    /// The experiment with other values for some settings, by dotted keys. Nothing is validated.
    ///
    /// # Errors
    /// [`Error::Config`] if a value has another type than its setting.
    pub fn with(&self, settings: &[(String, Value)]) -> Result<Self> {
        let hint = "`memoscope schema` prints what each key takes";
        let wrong = |e: serde_json::Error| Error::Config(Problem::new(e.to_string()).hint(hint));
        let mut value = serde_json::to_value(self).map_err(wrong)?;
        for (key, of) in settings {
            let mut place = &mut value;
            for part in key.split('.') {
                if !(place.is_object() || place.is_null()) {
                    return Err(Error::Config(Problem::new(format!("there is no setting `{key}`"))));
                }
                place = &mut place[part];
            }
            *place = of.clone();
        }
        serde_json::from_value(value).map_err(wrong)
    }

    /// The value of a setting, by its dotted key; null for an option without one and for what does not exist.
    pub fn value_of(&self, key: &str) -> Value {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.pointer(&format!("/{}", key.replace('.', "/"))).cloned().unwrap_or_default()
    }
}
