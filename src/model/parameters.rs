//! The trainable numbers of a model, by name and in a fixed order.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use rand::Rng;

use super::checkpoint::Checkpoint;
use crate::Result;
use crate::error::{Error, Problem};
use crate::nn::{Linear, Norm, Parameter};
use crate::random::Streams;

/// Variables by name, in the order in which the model was built.
#[derive(Debug, Default)]
pub struct Parameters {
    entries: Vec<(String, Var)>,
    index: BTreeMap<String, usize>,
}

impl Parameters {
    /// Adds a variable.
    pub fn push(&mut self, name: String, var: Var) {
        self.index.insert(name.clone(), self.entries.len());
        self.entries.push((name, var));
    }

    /// Replaces the variable of that name.
    pub fn replace(&mut self, name: &str, var: Var) -> Result<()> {
        let at = self.position(name)?;
        self.entries[at].1 = var;
        Ok(())
    }

    /// The variable of that name.
    pub fn get(&self, name: &str) -> Result<&Var> {
        Ok(&self.entries[self.position(name)?].1)
    }

    /// The parameter of that name, for operations; its number is its place.
    pub fn handle(&self, name: &str) -> Result<Parameter> {
        let index = self.position(name)?;
        Ok(Parameter::new(index, self.entries[index].1.clone()))
    }

    /// The linear layer of that name.
    pub fn linear(&self, name: &str) -> Result<Linear> {
        Ok(Linear { weight: self.handle(&format!("{name}.weight"))?, bias: self.handle(&format!("{name}.bias"))? })
    }

    /// The layer norm of that name.
    pub fn norm(&self, name: &str, epsilon: f64) -> Result<Norm> {
        let (weight, bias) = (self.handle(&format!("{name}.weight"))?, self.handle(&format!("{name}.bias"))?);
        Ok(Norm { weight, bias, epsilon })
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.index.get(name).copied().ok_or_else(|| Error::Internal(format!("no parameter {name}")))
    }

    /// All names and variables, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.entries.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// How many trainable numbers there are.
    pub fn count(&self) -> usize {
        self.entries.iter().map(|(_, var)| var.elem_count()).sum()
    }
}

/// How a parameter that the checkpoint lacks is drawn.
#[derive(Debug, Clone, Copy)]
pub enum Init {
    /// Normal around 0 with this standard deviation.
    Normal(f64),
    /// Uniform between minus this and this.
    Uniform(f64),
    /// All the same.
    Constant(f32),
    /// The bias of an LSTM's gates: 1 for those of the second quarter, which forget, and 0 for the others.
    Gates,
}

/// Most parameters of a model that is drawn: an encoder of this size needs 4 GB, and four times as much to be trained.
pub const MOST_DRAWN: usize = 1_000_000_000;

/// Most names of missing tensors that are counted.
const MOST_MISSING: usize = 1000;

/// Where a builder takes parameters from.
enum Source<'a> {
    /// They are drawn.
    Draw,
    /// They are taken from the checkpoint, and drawn where it lacks them.
    Take(&'a mut Checkpoint),
    /// None is made: names and shapes are compared with the checkpoint, or counted where there is none.
    Compare(Option<&'a Checkpoint>),
}

/// Fills [`Parameters`] from a checkpoint, and draws what it lacks.
pub struct Builder<'a> {
    source: Source<'a>,
    streams: Streams,
    device: Device,
    n_compared: usize,
    /// What was built so far.
    pub parameters: Parameters,
    /// Names that the checkpoint lacked.
    pub missing: Vec<String>,
}

impl<'a> Builder<'a> {
    /// A builder that takes from `checkpoint`, where there is one, and draws the rest from `seed`.
    pub fn new(checkpoint: Option<&'a mut Checkpoint>, seed: u64, device: &Device) -> Self {
        Self::of(checkpoint.map_or(Source::Draw, Source::Take), seed, device)
    }

    /// A builder that makes no parameter, but compares those that a configuration asks for with the tensors of
    /// `checkpoint`; without one, with [`MOST_DRAWN`].
    pub fn comparing(checkpoint: Option<&'a Checkpoint>) -> Self {
        Self::of(Source::Compare(checkpoint), 0, &Device::Cpu)
    }

    fn of(source: Source<'a>, seed: u64, device: &Device) -> Self {
        Self {
            source,
            streams: Streams::new(seed),
            device: device.clone(),
            n_compared: 0,
            parameters: Parameters::default(),
            missing: Vec::new(),
        }
    }

    /// Adds the parameter `name` of `shape`.
    ///
    /// # Errors
    /// [`Error::Model`] if the checkpoint has it in another shape, of another type or with elements that are not finite;
    /// when comparing, also if [`MOST_DRAWN`] or the number of missing tensors that are counted is exceeded.
    pub fn add(&mut self, name: &str, shape: &[usize], init: Init) -> Result<()> {
        let taken = match &mut self.source {
            Source::Draw => None,
            Source::Take(checkpoint) => checkpoint.take(name, shape)?,
            Source::Compare(checkpoint) => {
                let checkpoint = *checkpoint;
                return self.compare(checkpoint, name, shape);
            }
        };
        if taken.is_none() && matches!(self.source, Source::Take(_)) {
            self.missing.push(name.to_owned());
        }
        let values = taken.unwrap_or_else(|| draw(&self.streams, name, shape.iter().product(), init));
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, &self.device)?)?;
        self.parameters.push(name.to_owned(), var);
        Ok(())
    }

    fn compare(&mut self, checkpoint: Option<&Checkpoint>, name: &str, shape: &[usize]) -> Result<()> {
        match checkpoint {
            Some(checkpoint) => {
                if !checkpoint.has(name, shape)? {
                    self.missing.push(name.to_owned());
                    if self.missing.len() > MOST_MISSING {
                        return self.require_complete();
                    }
                }
            }
            None => {
                let n = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
                self.n_compared = n.map_or(usize::MAX, |n| self.n_compared.saturating_add(n));
                if self.n_compared > MOST_DRAWN {
                    return Err(Error::Model(
                        Problem::new(format!("the configuration asks for more than {MOST_DRAWN} parameters")).hint(
                            "an encoder that is initialised at random may have as many at most: choose smaller sizes",
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Refuses a checkpoint that lacks part of the encoder itself.
    pub fn require_complete(&self) -> Result<()> {
        let checkpoint = match &self.source {
            Source::Draw | Source::Compare(None) => return Ok(()),
            Source::Take(checkpoint) => &**checkpoint,
            Source::Compare(Some(checkpoint)) => checkpoint,
        };
        let Some(first) = self.missing.first() else { return Ok(()) };
        let n = match self.missing.len() {
            n if n > MOST_MISSING => format!("more than {MOST_MISSING}"),
            n => n.to_string(),
        };
        let hint = match checkpoint.rest().iter().any(|name| name.contains(".lora_")) {
            true => "the file holds LoRA weights: merge them into the model (`merge_and_unload` in PEFT) and save it",
            false => "the weights do not belong to this config.json, or the file is of another architecture",
        };
        Err(Error::Model(
            Problem::new(format!("the tensor `{first}` is missing ({n} in all)")).at(checkpoint.path()).hint(hint),
        ))
    }
}

fn draw(streams: &Streams, name: &str, n: usize, init: Init) -> Vec<f32> {
    match init {
        Init::Constant(value) => vec![value; n],
        Init::Gates => (0..n).map(|i| if i * 4 / n == 1 { 1.0 } else { 0.0 }).collect(),
        Init::Uniform(bound) => {
            let mut stream = streams.stream(&format!("initial {name}"), &[]);
            (0..n).map(|_| ((2.0 * stream.r#gen::<f64>() - 1.0) * bound) as f32).collect()
        }
        Init::Normal(deviation) => {
            let mut stream = streams.stream(&format!("initial {name}"), &[]);
            // Box–Muller: two uniform numbers give two normal ones.
            let mut values = Vec::with_capacity(n + 1);
            while values.len() < n {
                let (u, v): (f64, f64) = (1.0 - stream.r#gen::<f64>(), stream.r#gen());
                let radius = (-2.0 * u.ln()).sqrt() * deviation;
                let (sin, cos) = (std::f64::consts::TAU * v).sin_cos();
                values.extend([(radius * cos) as f32, (radius * sin) as f32]);
            }
            values.truncate(n);
            values
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_counts_and_makes_nothing() {
        let mut builder = Builder::comparing(None);
        builder.add("a", &[1000, 1000, 999], Init::Constant(0.0)).unwrap();
        let error = builder.add("b", &[1000, 1001], Init::Constant(0.0)).unwrap_err();
        assert!(error.to_string().contains("1000000000 parameters") && error.hint().is_some(), "{error}");
        assert!(Builder::comparing(None).add("a", &[usize::MAX, 3], Init::Constant(0.0)).is_err());
        assert_eq!(builder.parameters.count(), 0);

        let checkpoint = Checkpoint::empty("model.safetensors".into(), [0; 32]);
        let mut builder = Builder::comparing(Some(&checkpoint));
        let error = (0..100_000).find_map(|i| builder.add(&format!("layer.{i}"), &[1], Init::Constant(0.0)).err());
        let error = error.unwrap().to_string();
        assert!(error.contains("`layer.0` is missing (more than 1000 in all)"), "{error}");
    }

    #[test]
    fn new_weights_are_normal_with_the_deviation_asked_for() {
        let values = draw(&Streams::new(5), "w", 20_001, Init::Normal(0.02));
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / 20_001.0;
        let deviation = (values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 20_001.0).sqrt();
        assert!(mean.abs() < 5e-4, "{mean}");
        assert!((deviation - 0.02).abs() < 4e-4, "{deviation}");
        assert_eq!(values, draw(&Streams::new(5), "w", 20_001, Init::Normal(0.02)));
        assert_ne!(values, draw(&Streams::new(6), "w", 20_001, Init::Normal(0.02)));
    }

    #[test]
    fn uniform_weights_fill_their_interval_and_gates_remember() {
        let values = draw(&Streams::new(5), "w", 10_000, Init::Uniform(0.5));
        assert!(values.iter().all(|x| x.abs() <= 0.5));
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e4;
        let square = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.01 && (square - 0.25 / 3.0).abs() < 0.003, "{mean} {square}");
        assert_eq!(draw(&Streams::new(5), "b", 8, Init::Gates), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
