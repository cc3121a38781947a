//! Axes as the command line changes them.

use serde_json::Value;

use super::{Grid, GridAxis, INIT, NamedPoint, form, seeds_as_axis, setting};
use crate::config::{ENCODER, former, keys, value};
use crate::error::Problem;

impl Grid {
    /// The axis and the point that `AXIS.POINT.SETTING` names, and the dotted setting; `None` if it does not begin with an axis
    /// of named points. Names may have dots.
    pub(in crate::config) fn point(&mut self, key: &str) -> Result<Option<(String, &mut NamedPoint, String)>, Problem> {
        let after = |name: &str, text: &str| text.strip_prefix(name)?.strip_prefix('.').map(str::to_owned);
        for axis in &mut self.axes {
            let GridAxis::Named { name, points } = axis else { continue };
            let Some(rest) = after(name, key) else { continue };
            let found = points.iter().enumerate().filter_map(|(i, point)| Some((i, after(&point.name, &rest)?)));
            // Of `v1` and `v1.5` the longer one.
            let found = found.min_by_key(|(_, rest)| rest.len());
            let Some((point, rest)) = found else {
                return Err(no_point(name, rest.split('.').next().unwrap_or(key), points));
            };
            return Ok(Some((name.clone(), &mut points[point], setting(&rest).to_owned())));
        }
        Ok(None)
    }

    /// The same with an axis as it was typed, and the key of that axis. `fits` says whether a setting takes a value.
    pub(in crate::config) fn varied(
        mut self,
        name: &str,
        text: &str,
        fits: impl Fn(&str, &Value) -> bool,
    ) -> Result<(Self, String), Problem> {
        let items = match text.trim_start().starts_with('[').then(|| text.parse::<toml::Value>()) {
            Some(Ok(list @ toml::Value::Array(_))) => value::from_toml(list).map_err(Problem::new)?,
            _ => Value::Null,
        };
        let items = items.as_array();
        let place = self.axis(name).map(|axis| axis.key().to_owned());
        let place = place.and_then(|key| self.axes.iter().position(|axis| axis.key() == key));
        let key = place.map_or(setting(name), |place| self.axes[place].key()).to_owned();
        if let Some(problem) = seeds_as_axis(name, &key) {
            return Err(problem);
        }
        if items.is_some_and(Vec::is_empty) {
            if let Some(place) = place {
                self.axes.remove(place);
            }
            return Ok((self, key));
        }
        let axis = match (items, place.map(|place| &self.axes[place])) {
            (Some(items), _) if items.iter().all(Value::is_object) => {
                let items = if name == ENCODER { former::encoders(items.clone()) } else { items.clone() };
                form::axis(name, items).map_err(Problem::new)?
            }
            (_, Some(GridAxis::Named { name, points })) => {
                let names = names(items, text);
                let of = |wanted: &String| {
                    let there = points.iter().find(|point| point.name == *wanted).cloned();
                    let known = || if name == INIT { NamedPoint::init(wanted) } else { None };
                    there.or_else(known).ok_or_else(|| no_point(name, wanted, points))
                };
                GridAxis::Named { name: name.clone(), points: names.iter().map(of).collect::<Result<_, _>>()? }
            }
            (_, None) if name == INIT => {
                let names = names(items, text).into_iter().map(Value::from).collect();
                form::axis(name, names).map_err(Problem::new)?
            }
            _ => GridAxis::Setting { values: values(&key, items, text, fits)?, key: key.clone() },
        };
        let key = axis.key().to_owned();
        match place {
            Some(place) => self.axes[place] = axis,
            None => self.axes.push(axis),
        }
        Ok((self, key))
    }
}

/// The values of a setting: a TOML list, words separated by commas, or a list without its brackets.
fn values(
    key: &str,
    items: Option<&Vec<Value>>,
    text: &str,
    fits: impl Fn(&str, &Value) -> bool,
) -> Result<Vec<Value>, Problem> {
    let default = keys::default_of(key).ok_or_else(|| seeds_as_axis(key, key).unwrap_or_else(|| keys::unknown(key)))?;
    if let Some(items) = items.filter(|items| !default.is_array() && items.iter().all(|value| fits(key, value))) {
        return Ok(items.clone());
    }
    let list = value::list_from_command_line(text, default).map_err(Problem::new)?;
    let are_words = default.is_null() && !list.iter().all(|value| fits(key, value));
    Ok(if are_words { value::words(text) } else { list })
}

fn names(items: Option<&Vec<Value>>, text: &str) -> Vec<String> {
    match items {
        Some(items) => items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect(),
        None => text.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect(),
    }
}

fn no_point(axis: &str, wanted: &str, points: &[NamedPoint]) -> Problem {
    let names: Vec<&str> = points.iter().map(|point| point.name.as_str()).collect();
    Problem::new(format!("the axis `{axis}` has no point `{wanted}`")).hint(format!("it has {}", names.join(", ")))
}
