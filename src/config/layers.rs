//! Defaults, file, flags and `--set`, laid over one another.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::grid::{self, GRID};
use super::origins::{Origin, Origins};
use super::{Experiment, Grid, GridAxis, former, keys, value};
use crate::error::{Error, Problem, Result};
use crate::files::text;

/// An experiment in the making. Each layer is checked as it is laid, so that an error belongs to the layer that
/// made it.
///
/// ```
/// use memoscope::config::Layers;
/// let mut layers = Layers::new();
/// layers.set("train.learning_rate", "5e-4", "--set train.learning_rate=5e-4")?;
/// layers.set("study.noise", "0,0.3", "--noise 0,0.3")?;
/// let experiment = layers.finish()?;
/// assert_eq!(experiment.train.learning_rate, 5e-4);
/// assert_eq!(experiment.study.noise, [0.0, 0.3]);
/// # Ok::<(), memoscope::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Layers {
    values: Value,
    origins: Origins,
}

impl Default for Layers {
    fn default() -> Self {
        Self { values: Value::Object(serde_json::Map::new()), origins: Origins::default() }
    }
}

impl Layers {
    /// The defaults alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays an experiment file over what is there.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Config`] with file and line for broken TOML, an unknown key (with
    /// the nearest one that exists) and a value of the wrong type.
    pub fn file(&mut self, path: &Path) -> Result<()> {
        if !path.is_file() {
            return Err(Error::Config(
                Problem::new("there is no such experiment file").at(path).hint("the ones shipped are in experiments/"),
            ));
        }
        self.text(&text::read(path, Error::Config)?, path)
    }

    /// Lays the text of an experiment file over what is there; `path` is for errors.
    ///
    /// # Errors
    /// As [`Layers::file`].
    pub fn text(&mut self, text: &str, path: &Path) -> Result<()> {
        let line_at =
            |offset: usize| 1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count();
        let problem = |error: &toml::de::Error| {
            let mut problem = Problem::new(error.message().trim().replace('\n', ": ")).at(path);
            problem.line = error.span().map(|span| line_at(span.start));
            problem
        };
        let broken = |e: toml::de::Error| Error::Config(problem(&e).hint("an experiment file is TOML"));

        let mut document = DeTable::parse(text).map_err(broken)?;
        let mut found = Vec::new();
        collect_keys(document.get_ref(), "", &mut found);
        for (key, offset) in &found {
            let origin = Origin::File(path.to_owned(), line_at(*offset));
            self.origins.note(key, origin.clone());
            let key = former::renamed(key);
            // Axes are named by settings or freely: they are checked when all layers are there.
            if let Some(axis) = in_grid(key) {
                self.origins.note(&format!("{GRID}.{}", grid::setting(axis)), origin);
                continue;
            }
            if keys::default_of(key).is_none() {
                return Err(origin.refuse(keys::unknown(key)));
            }
            self.origins.note(key, origin);
        }
        // Typed once on its own, for the line of a value of the wrong type.
        former::strip(document.get_mut());
        Experiment::deserialize(toml::Deserializer::from(document))
            .map_err(|e| Error::Config(problem(&e).hint("`memoscope schema` prints what each key takes")))?;
        let table: toml::Table = toml::from_str(text).map_err(broken)?;
        let mut layer = value::from_toml(toml::Value::Table(table))
            .map_err(|what| Error::Config(Problem::new(what).at(path).hint("give a finite number")))?;
        former::translate(&mut layer).map_err(|problem| self.origins.locate(Error::Config(problem)))?;
        keys::overlay(&mut self.values, layer);
        Ok(())
    }

    /// Lays one setting over what is there. `key` is a dotted key or a short name; `text` the value as it was typed;
    /// `typed` the whole flag, for errors. Axes of the grid have keys, too: `grid.encoder=small,large` is as
    /// [`Layers::vary`], and `grid.encoder.small.model.layers=2` changes one of the named points that are there.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown key (with the nearest one that exists) and a value of the wrong type.
    pub fn set(&mut self, key: &str, text: &str, typed: &str) -> Result<()> {
        let of_encoder = former::of_encoder(key);
        let key = of_encoder.as_deref().unwrap_or_else(|| keys::shorthand(key));
        let origin = Origin::CommandLine(format!("`{typed}`"));
        if let Some(rest) = in_grid(key) {
            let mut grid = self.grid().map_err(|problem| origin.refuse(problem))?;
            let Some((axis, point, setting)) = grid.point(rest).map_err(|problem| origin.refuse(problem))? else {
                return self.vary(rest, text, typed);
            };
            point.settings.retain(|(key, _)| *key != setting);
            if text != "null" {
                let value = self.read(&setting, text, &origin)?;
                point.settings.push((setting, value));
            }
            return self.lay_grid(grid, &axis, origin);
        }
        let value = self.read(key, text, &origin)?;
        keys::overlay(&mut self.values, keys::nested(key, value));
        self.origins.note(key, origin);
        Ok(())
    }

    /// Makes a setting an axis of the grid, or gives an axis that is there other values; `values` are separated by commas, or a
    /// TOML list. Of an axis of named points they are names, which choose among them, or tables, which replace them. An empty
    /// list, `[]`, removes the axis. `typed` is the whole flag, for errors.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown key or name and for a value of the wrong type.
    pub fn vary(&mut self, key: &str, values: &str, typed: &str) -> Result<()> {
        let origin = Origin::CommandLine(format!("`{typed}`"));
        let grid = self.grid().map_err(|problem| origin.refuse(problem))?;
        let fits = |key: &str, value: &Value| self.with(key, value.clone()).is_ok();
        // `heads` and `encoders` are short for axes.
        let key = in_grid(keys::shorthand(key)).unwrap_or(key);
        let (grid, key) = grid.varied(key, values, fits).map_err(|problem| origin.refuse(problem))?;
        self.lay_grid(grid, &key, origin)
    }

    /// The axes so far.
    fn grid(&self) -> std::result::Result<Grid, Problem> {
        let grid = self.values.get(GRID).cloned().map(serde_json::from_value::<Grid>);
        grid.transpose().map(Option::unwrap_or_default).map_err(|e| Problem::new(e.to_string()))
    }

    /// Puts another grid in the place of the one that is there; `key` is the axis that has changed.
    fn lay_grid(&mut self, grid: Grid, key: &str, origin: Origin) -> Result<()> {
        let grid = serde_json::to_value(grid).map_err(|e| origin.refuse(Problem::new(e.to_string())))?;
        if let Some(values) = self.values.as_object_mut() {
            values.insert(GRID.to_owned(), grid);
        }
        self.origins.note(&format!("{GRID}.{key}"), origin);
        Ok(())
    }

    /// What a text means for a setting.
    fn read(&self, key: &str, text: &str, origin: &Origin) -> Result<Value> {
        let Some(default) = keys::default_of(key) else {
            return Err(origin.refuse(keys::unknown(key)));
        };
        if default.is_object() {
            let example = keys::leaves().into_iter().find(|leaf| leaf.starts_with(key)).unwrap_or_default();
            let problem = Problem::new(format!("`{key}` is a table, not a setting"));
            return Err(origin.refuse(problem.hint(format!("name one of its keys, like `{example}`"))));
        }
        let refuse = |what: String| {
            let unhelpful = default.is_null() || default.as_array().is_some_and(Vec::is_empty);
            let like = if unhelpful { String::new() } else { format!(", like {default}") };
            origin.refuse(Problem::new(what).hint(format!("give `{key}` a value of its type{like}")))
        };
        let value = value::from_command_line(text, default).map_err(refuse)?;
        match self.with(key, value.clone()) {
            Ok(_) => Ok(value),
            // The default of an option does not tell whether it takes text: `out=2024` may be a folder.
            Err(_) if default.is_null() && !value.is_string() => {
                self.with(key, text.into()).map(|_| text.into()).map_err(|e| refuse(e.to_string()))
            }
            Err(e) => Err(refuse(e.to_string())),
        }
    }

    /// The values with one more setting, if they still make an experiment.
    fn with(&self, key: &str, value: Value) -> serde_json::Result<Value> {
        let mut values = self.values.clone();
        keys::overlay(&mut values, keys::nested(key, value));
        serde_json::from_value::<Experiment>(values.clone())?;
        Ok(values)
    }

    /// The experiment, validated.
    ///
    /// # Errors
    /// [`Error::Config`] with the line or flag that set the value concerned.
    pub fn finish(self) -> Result<Experiment> {
        if let Some(origin) = self.origins.of("perturb.rate") {
            let problem =
                Problem::new("perturb.rate is set by the study's grid").hint("set study.noise, a list of rates");
            return Err(Error::Config(origin.put_on(problem)));
        }
        let experiment: Experiment = serde_json::from_value(self.values)
            .map_err(|e| Error::Internal(format!("the layers of the configuration do not fit together: {e}")))?;
        experiment.validate().map_err(|e| self.origins.locate(e))?;
        for axis in experiment.grid.axes() {
            let overridden = axis.overridden().into_iter().find_map(|key| {
                let origin = self.origins.of(&key).filter(|origin| matches!(origin, Origin::CommandLine(_)))?;
                Some((key, origin))
            });
            let Some((key, origin)) = overridden else { continue };
            return Err(origin.refuse(match axis {
                GridAxis::Setting { .. } => Problem::new(format!("{key} is an axis of the grid"))
                    .hint(format!("set its values: --vary {key}=...")),
                GridAxis::Named { name, .. } => Problem::new(format!(
                    "{key} has no effect: every point of the axis `{name}` sets it"
                ))
                .hint(format!(
                    "change one point: grid.{name}.POINT.{key}=..., choose others: --vary {name}=POINT, or remove the axis: \
                     grid.{name}=[]"
                )),
            }));
        }
        Ok(experiment)
    }
}

/// What is behind the table's name in the key of an axis.
fn in_grid(key: &str) -> Option<&str> {
    key.strip_prefix(GRID)?.strip_prefix('.')
}

/// All keys of a document with the byte offset at which each stands.
fn collect_keys(table: &DeTable<'_>, prefix: &str, found: &mut Vec<(String, usize)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        found.push((key.clone(), name.span().start));
        // The keys of a free table, such as the noise matrix, are data: its type checks them.
        if let DeValue::Table(inner) = value.get_ref()
            && keys::default_of(&key).is_none_or(Value::is_object)
        {
            collect_keys(inner, &key, found);
        }
    }
}
