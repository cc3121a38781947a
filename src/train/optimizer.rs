//! AdamW (arXiv 1711.05101) as PyTorch computes it, with gradient clipping folded in.
//!
//! With g the gradient times min(1, c/(‖g‖ + 10⁻⁶)), t the step counted from 1:
//!
//! ```text
//! p ← p·(1 − η·λ)            λ is 0 for biases and layer norms
//! m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²
//! p ← p − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε)
//! ```

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor, Var};
use rayon::prelude::*;

use super::TrainSettings;
use crate::Result;
use crate::error::Error;
use crate::model::parameters::Parameters;
use crate::nn::{Gradient, Gradients, kernel};

/// Elements a parallel task.
const CHUNK: usize = 1 << 14;

/// The optimiser's state: two moments for each parameter, in the order of [`Parameters`].
pub struct AdamW {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
    max_norm: f64,
    moments: Vec<Moments>,
    step: u64,
}

/// Running means of a parameter's gradient and of its square.
enum Moments {
    /// On the CPU, updated in place.
    Host(Vec<f32>, Vec<f32>),
    /// On another device, composed of candle operations.
    Device(Tensor, Tensor),
}

/// What is not decayed: biases and the weights of layer norms, by their names (DistilBERT's norms are `sa_layer_norm` and
/// `output_layer_norm`).
fn is_decayed(name: &str) -> bool {
    !["bias", "LayerNorm.weight", "layer_norm.weight"].iter().any(|end| name.ends_with(end))
}

impl AdamW {
    /// Zero moments for each parameter.
    pub fn new(parameters: &Parameters, settings: &TrainSettings) -> Result<Self> {
        let moments = parameters
            .iter()
            .map(|(_, var)| {
                Ok(if var.device().is_cpu() {
                    Moments::Host(vec![0.0; var.elem_count()], vec![0.0; var.elem_count()])
                } else {
                    Moments::Device(var.as_tensor().zeros_like()?.detach(), var.as_tensor().zeros_like()?.detach())
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            beta1: settings.beta1,
            beta2: settings.beta2,
            epsilon: settings.epsilon,
            weight_decay: settings.weight_decay,
            max_norm: settings.max_gradient_norm,
            moments,
            step: 0,
        })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The factor 1 − η·λ by which a decayed parameter without gradient changes in a step.
    pub fn decay(&self, learning_rate: f64) -> f64 {
        1.0 - learning_rate * self.weight_decay
    }

    /// One step with gradients of global norm `norm` ([`Gradients::norm`]).
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Gradients,
        norm: f64,
        learning_rate: f64,
    ) -> Result<()> {
        self.step += 1;
        let clip = if self.max_norm > 0.0 { (self.max_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
        let t = self.step as f64;
        let decay = self.decay(learning_rate);
        let update = Update {
            scale: clip,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            rate: learning_rate / (1.0 - self.beta1.powf(t)),
            correction: (1.0 - self.beta2.powf(t)).sqrt(),
        };
        let parameters: Vec<_> = parameters.iter().collect();
        parameters.into_par_iter().zip(&mut self.moments).enumerate().try_for_each(|(i, ((name, var), moments))| {
            let Some(gradient) = gradients.get(i) else { return Ok(()) };
            let decay = if is_decayed(name) { decay } else { 1.0 };
            update.apply(var, gradient, decay, moments)
        })
    }

    /// The moments as (first, second), to be saved.
    pub fn state(&self) -> Result<Vec<(Vec<f32>, Vec<f32>)>> {
        let flat = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
        self.moments
            .iter()
            .map(|moments| {
                Ok(match moments {
                    Moments::Host(first, second) => (first.clone(), second.clone()),
                    Moments::Device(first, second) => (flat(first)?, flat(second)?),
                })
            })
            .collect()
    }

    /// Puts saved moments and the number of steps back.
    pub fn restore(&mut self, state: Vec<(Vec<f32>, Vec<f32>)>, step: u64) -> Result<()> {
        for (moments, (first, second)) in self.moments.iter_mut().zip(state) {
            match moments {
                Moments::Host(m, v) => (*m, *v) = (first, second),
                Moments::Device(m, v) => {
                    *m = Tensor::from_vec(first, m.shape(), m.device())?;
                    *v = Tensor::from_vec(second, v.shape(), v.device())?;
                }
            }
        }
        self.step = step;
        Ok(())
    }
}

/// The numbers of one step that all parameters share.
#[derive(Clone, Copy)]
struct Update {
    scale: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    rate: f64,
    correction: f64,
}

impl Update {
    fn apply(&self, var: &Var, gradient: &Gradient, decay: f64, moments: &mut Moments) -> Result<()> {
        match (moments, gradient) {
            (Moments::Host(first, second), Gradient::Dense(_) | Gradient::Rows(..)) => {
                let op = Fused { numbers: self.numbers(decay), gradient, moments: RefCell::new((first, second)) };
                var.as_tensor().inplace_op1(&op)?;
            }
            (Moments::Host(first, second), Gradient::Tensor(tensor)) => {
                let shape = var.shape();
                let mut moments = [&*first, &*second].map(|m| Tensor::from_slice(m, shape, var.device()));
                let [Ok(m), Ok(v)] = &mut moments else { return Err(Error::Internal("moments without shape".into())) };
                self.compose(var, tensor, decay, m, v)?;
                (*first, *second) = (m.flatten_all()?.to_vec1()?, v.flatten_all()?.to_vec1()?);
            }
            (Moments::Device(first, second), Gradient::Tensor(tensor)) => {
                self.compose(var, tensor, decay, first, second)?;
            }
            (Moments::Device(..), _) => return Err(Error::Internal("a gradient of another device".into())),
        }
        Ok(())
    }

    /// The update composed of candle operations.
    fn compose(&self, var: &Var, gradient: &Tensor, decay: f64, first: &mut Tensor, second: &mut Tensor) -> Result<()> {
        let g = (gradient * self.scale)?;
        *first = ((&*first * self.beta1)? + (&g * (1.0 - self.beta1))?)?;
        *second = ((&*second * self.beta2)? + (g.sqr()? * (1.0 - self.beta2))?)?;
        let denominator = ((second.sqrt()? * (1.0 / self.correction))? + self.epsilon)?;
        let stepped = ((var.as_tensor() * decay)? - ((&*first / denominator)? * self.rate)?)?;
        Ok(var.set(&stepped.detach())?)
    }

    fn numbers(&self, decay: f64) -> Numbers {
        Numbers {
            scale: self.scale as f32,
            decay: decay as f32,
            beta1: self.beta1 as f32,
            rest1: (1.0 - self.beta1) as f32,
            beta2: self.beta2 as f32,
            rest2: (1.0 - self.beta2) as f32,
            rate: self.rate as f32,
            correction: self.correction as f32,
            epsilon: self.epsilon as f32,
        }
    }
}

/// The same numbers as `f32`, for one parameter.
#[derive(Clone, Copy)]
struct Numbers {
    scale: f32,
    decay: f32,
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    rate: f32,
    correction: f32,
    epsilon: f32,
}

impl Numbers {
    /// The update of some elements, in one pass over their memory.
    #[inline(always)]
    fn update(&self, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: impl Iterator<Item = f32>) {
        for (((p, m), v), g) in p.iter_mut().zip(m).zip(v).zip(g) {
            let g = g * self.scale;
            *m = *m * self.beta1 + g * self.rest1;
            *v = *v * self.beta2 + g * g * self.rest2;
            *p = *p * self.decay - self.rate * *m / (v.sqrt() / self.correction + self.epsilon);
        }
    }

    /// Updates the rows of a table from `first` on, of which `rows` have a gradient.
    #[inline(always)]
    fn update_rows(&self, first: usize, width: usize, [p, m, v]: [&mut [f32]; 3], rows: &[u32], g: &[f32]) {
        let mut next = rows.partition_point(|&row| (row as usize) < first);
        let table = p.chunks_exact_mut(width).zip(m.chunks_exact_mut(width)).zip(v.chunks_exact_mut(width));
        for (row, ((p, m), v)) in (first..).zip(table) {
            if rows.get(next).is_some_and(|&r| r as usize == row) {
                self.update(p, m, v, g[next * width..][..width].iter().copied());
                next += 1;
            } else {
                self.update(p, m, v, std::iter::repeat_n(0.0, width));
            }
        }
    }
}

kernel! {
    fn update(numbers: Numbers, p: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32]) {
        numbers.update(p, m, v, g.iter().copied());
    }
}

kernel! {
    fn update_rows(numbers: Numbers, first: usize, width: usize, state: [&mut [f32]; 3], rows: &[u32], g: &[f32]) {
        numbers.update_rows(first, width, state, rows, g);
    }
}

/// The update of one parameter.
struct Fused<'a> {
    numbers: Numbers,
    gradient: &'a Gradient,
    moments: RefCell<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
}

impl InplaceOp1 for Fused<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, parameter: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(p), Some((start, end))) = (parameter, layout.contiguous_offsets()) else {
            candle_core::bail!("adamw: parameters must be f32 and contiguous");
        };
        let p = &mut p[start..end];
        let mut moments = self.moments.borrow_mut();
        let (m, v) = &mut *moments;
        let numbers = self.numbers;
        let fits = p.len() == m.len() && p.len() == v.len();
        match self.gradient {
            Gradient::Dense(g) if fits && p.len() == g.len() => {
                let chunks = p.par_chunks_mut(CHUNK).zip(m.par_chunks_mut(CHUNK)).zip(v.par_chunks_mut(CHUNK));
                chunks.zip(g.par_chunks(CHUNK)).for_each(|(((p, m), v), g)| {
                    update(numbers, p, m, v, g);
                });
            }
            Gradient::Rows(rows, g) if fits && rows.len() * layout.dims().last().map_or(0, |&w| w) == g.len() => {
                let width = layout.dims().last().map_or(1, |&width| width).max(1);
                let chunk = (CHUNK / width.max(1)).max(1);
                let chunks = p.par_chunks_mut(chunk * width).zip(m.par_chunks_mut(chunk * width));
                chunks.zip(v.par_chunks_mut(chunk * width)).enumerate().for_each(|(i, ((p, m), v))| {
                    update_rows(numbers, i * chunk, width, [p, m, v], rows, g);
                });
            }
            _ => candle_core::bail!("adamw: {} parameters, {} moments, another gradient", p.len(), m.len()),
        }
        Ok(())
    }
}

/// Refuses a norm that is not a number.
pub fn require_finite(what: &'static str, value: f64, step: u64, epoch: u32) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::Diverged { what, step, epoch }) }
}
