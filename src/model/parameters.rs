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

/// Fills [`Parameters`] from a checkpoint, and draws what it lacks.
pub struct Builder<'a> {
    checkpoint: Option<&'a mut Checkpoint>,
    streams: Streams,
    device: Device,
    /// What was built so far.
    pub parameters: Parameters,
    /// Names that the checkpoint lacked.
    pub missing: Vec<String>,
}

impl<'a> Builder<'a> {
    /// A builder that takes from `checkpoint`, where there is one, and draws the rest from `seed`.
    pub fn new(checkpoint: Option<&'a mut Checkpoint>, seed: u64, device: &Device) -> Self {
        Self {
            checkpoint,
            streams: Streams::new(seed),
            device: device.clone(),
            parameters: Parameters::default(),
            missing: Vec::new(),
        }
    }

    /// Adds the parameter `name` of `shape`.
    ///
    /// # Errors
    /// [`Error::Model`] if the checkpoint has it in another shape.
    pub fn add(&mut self, name: &str, shape: &[usize], init: Init) -> Result<()> {
        let taken = match &mut self.checkpoint {
            Some(checkpoint) => checkpoint.take(name, shape)?,
            None => None,
        };
        let found = taken.is_some();
        let values = taken.unwrap_or_else(|| draw(&self.streams, name, shape.iter().product(), init));
        if !found && self.checkpoint.is_some() {
            self.missing.push(name.to_owned());
        }
        let var = Var::from_tensor(&Tensor::from_vec(values, shape, &self.device)?)?;
        self.parameters.push(name.to_owned(), var);
        Ok(())
    }

    /// Refuses a checkpoint that lacks part of the encoder itself.
    pub fn require_complete(&self) -> Result<()> {
        let Some((checkpoint, first)) = self.checkpoint.as_ref().zip(self.missing.first()) else { return Ok(()) };
        Err(Error::Model(
            Problem::new(format!("the tensor `{first}` is missing ({} in all)", self.missing.len()))
                .at(checkpoint.path())
                .hint("the weights do not belong to this config.json, or the file is of another architecture"),
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
