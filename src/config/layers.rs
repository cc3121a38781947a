//! Defaults, file, flags and `--set`, laid over one another.

use std::path::Path;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::grid::{self, GRID};
use super::origins::{Origin, Origins};
use super::{Experiment, Grid, GridAxis, encoder, keys, named, value};
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

        let document = DeTable::parse(text).map_err(broken)?;
        let mut found = Vec::new();
        collect_keys(document.get_ref(), "", &mut found);
        for (key, offset) in &found {
            let line = line_at(*offset);
            // Axes are named by settings or freely: they are checked when all layers are there.
            if let Some(axis) = key.strip_prefix(GRID).and_then(|rest| rest.strip_prefix('.')) {
                self.origins.note(&format!("{GRID}.{}", grid::setting(axis)), Origin::File(path.to_owned(), line));
                continue;
            }
            let key = keys::renamed(key);
            if keys::default_of(key).is_none() {
                return Err(unknown_key(Problem::new(format!("unknown key `{key}`")).at(path).line(line), key));
            }
            self.origins.note(key, Origin::File(path.to_owned(), line));
        }
        // Typed once on its own, for the line of a value of the wrong type.
        toml::from_str::<Experiment>(text)
            .map_err(|e| Error::Config(problem(&e).hint("`memoscope schema` prints what each key takes")))?;
        let table: toml::Table = toml::from_str(text).map_err(broken)?;
        let mut layer = value::from_toml(toml::Value::Table(table))
            .map_err(|what| Error::Config(Problem::new(what).at(path).hint("give a finite number")))?;
        keys::rename(&mut layer);
        overlay(&mut self.values, layer);
        Ok(())
    }

    /// Lays one setting over what is there. `key` is a dotted key or a short name; `text` the value as it was typed;
    /// `typed` the whole flag, for errors. Encoders go by their names: `encoders=small,large` chooses among those that
    /// are there, and `study.encoders.small.layers=2` changes one of them.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown key (with the nearest one that exists) and a value of the wrong type.
    pub fn set(&mut self, key: &str, text: &str, typed: &str) -> Result<()> {
        let key = keys::shorthand(key);
        let origin = Origin::CommandLine(format!("`{typed}`"));
        if let Some(entry) = named::entry_key(key) {
            let changed = |as_text| named::changed(entry, text, as_text, &self.encoders());
            let lay = |encoders: Vec<Value>| self.with(named::ENCODERS, encoders.into());
            let refuse = |problem| Error::Config(origin.put_on(problem));
            let first = lay(changed(false).map_err(refuse)?);
            // As below: an option's default does not tell whether it takes text.
            let second = match first {
                Ok(values) => Ok(values),
                Err(e) => lay(changed(true).map_err(refuse)?).map_err(|_| e),
            };
            self.values = second.map_err(|e| refuse(Problem::new(e.to_string())))?;
            self.origins.note(named::ENCODERS, origin);
            return Ok(());
        }
        let Some(default) = keys::default_of(key) else {
            return Err(unknown_key(origin.put_on(Problem::new(format!("unknown key `{key}`"))), key));
        };
        if default.is_object() {
            let example = keys::leaves().into_iter().find(|leaf| leaf.starts_with(key)).unwrap_or_default();
            let problem = Problem::new(format!("`{key}` is a table, not a setting"));
            return Err(Error::Config(origin.put_on(problem).hint(format!("name one of its keys, like `{example}`"))));
        }
        let refuse = |what: String| {
            let unhelpful = default.is_null() || default.as_array().is_some_and(Vec::is_empty);
            let like = if unhelpful { String::new() } else { format!(", like {default}") };
            Error::Config(origin.put_on(Problem::new(what)).hint(format!("give `{key}` a value of its type{like}")))
        };
        let chosen = if key == named::ENCODERS { named::chosen(text, &self.encoders()) } else { None };
        let value = match chosen {
            Some(chosen) => chosen.map_err(|problem| Error::Config(origin.put_on(problem)))?.into(),
            None => value::from_command_line(text, default).map_err(refuse)?,
        };
        let is_text = value.is_string();
        self.values = match self.with(key, value) {
            Ok(values) => values,
            // The default of an option does not tell whether it takes text: `out=2024` may be a folder.
            Err(_) if default.is_null() && !is_text => {
                self.with(key, text.into()).map_err(|e| refuse(e.to_string()))?
            }
            Err(e) => return Err(refuse(e.to_string())),
        };
        self.origins.note(key, origin);
        Ok(())
    }

    /// Makes a setting an axis of the grid, or gives an axis that is there other values; `values` are separated by commas. Of
    /// an axis of named points they are names, which choose among them. `typed` is the whole flag, for errors.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown key or name and for a value of the wrong type.
    pub fn vary(&mut self, key: &str, values: &str, typed: &str) -> Result<()> {
        let origin = Origin::CommandLine(format!("`{typed}`"));
        let refuse = |problem: Problem| Error::Config(origin.put_on(problem));
        let grid = self.values.get(GRID).cloned().map(serde_json::from_value::<Grid>);
        let grid = grid.transpose().map_err(|e| refuse(Problem::new(e.to_string())))?.unwrap_or_default();
        let axis = match grid.axis(key) {
            Some(GridAxis::Named { name, points }) => {
                let chosen = values.split(',').map(|wanted| {
                    let wanted = wanted.trim();
                    points.iter().find(|point| point.name == wanted).cloned().ok_or_else(|| {
                        let names: Vec<&str> = points.iter().map(|point| point.name.as_str()).collect();
                        refuse(
                            Problem::new(format!("the axis `{name}` has no point `{wanted}`"))
                                .hint(format!("it has {}", names.join(", "))),
                        )
                    })
                });
                GridAxis::Named { name: name.clone(), points: chosen.collect::<Result<_>>()? }
            }
            _ => {
                let key = grid::setting(key);
                let Some(default) = keys::default_of(key) else {
                    return Err(unknown_key(origin.put_on(Problem::new(format!("unknown key `{key}`"))), key));
                };
                let list = value::list_from_command_line(values, default).map_err(|what| refuse(Problem::new(what)))?;
                let fits = |value: &Value| self.with(key, value.clone()).is_ok();
                let values = if default.is_null() && !list.iter().all(fits) { value::words(values) } else { list };
                GridAxis::Setting { key: key.to_owned(), values }
            }
        };
        let key = axis.key().to_owned();
        let grid = serde_json::to_value(grid.with(axis)).map_err(|e| refuse(Problem::new(e.to_string())))?;
        if let Some(values) = self.values.as_object_mut() {
            values.insert(GRID.to_owned(), grid);
        }
        self.origins.note(&format!("{GRID}.{key}"), origin);
        Ok(())
    }

    /// The encoders so far.
    fn encoders(&self) -> Vec<Value> {
        self.values.pointer("/study/encoders").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The values with one more setting, if they still make an experiment.
    fn with(&self, key: &str, value: Value) -> serde_json::Result<Value> {
        let mut layer = value;
        for part in key.rsplit('.') {
            layer = Value::Object([(part.to_owned(), layer)].into_iter().collect());
        }
        let mut values = self.values.clone();
        overlay(&mut values, layer);
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
            if let GridAxis::Setting { key, .. } = axis
                && let Some(origin @ Origin::CommandLine(_)) = self.origins.of(key)
            {
                let problem = Problem::new(format!("{key} is an axis of the grid"));
                return Err(Error::Config(origin.put_on(problem).hint(format!("set its values: --vary {key}=..."))));
            }
        }
        for key in encoder::overridden(&experiment) {
            if let Some(origin @ Origin::CommandLine(_)) = self.origins.of(&key) {
                let setting = key.rsplit('.').find(|part| *part != "kind").unwrap_or(&key);
                let problem = Problem::new(format!("{key} is used by none of the encoders: each has its own")).hint(
                    format!("choose another with encoders=NAME, or change one: study.encoders.NAME.{setting}=..."),
                );
                return Err(Error::Config(origin.put_on(problem)));
            }
        }
        Ok(experiment)
    }
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

fn unknown_key(problem: Problem, key: &str) -> Error {
    Error::Config(match keys::nearest(key) {
        Some(nearest) => problem.hint(format!("did you mean `{nearest}`?")),
        None => problem.hint("`memoscope schema` prints all keys"),
    })
}

/// Lays `layer` over `base`: tables are merged, everything else is replaced.
fn overlay(base: &mut Value, layer: Value) {
    match (base, layer) {
        (Value::Object(base), Value::Object(layer)) => {
            for (key, value) in layer {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, layer) => *base = layer,
    }
}
