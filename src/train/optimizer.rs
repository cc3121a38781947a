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

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, InplaceOp2, Layout, Tensor, Var};
use rayon::prelude::*;

use super::TrainSettings;
use crate::Result;
use crate::error::Error;
use crate::model::parameters::Parameters;
use crate::nn::host;

/// Elements a parallel task; sums of squares are taken per chunk, in `f64`, and added in order.
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

/// What is not decayed: parameters whose name ends in `bias` or `LayerNorm.weight`.
fn is_decayed(name: &str) -> bool {
    !name.ends_with("bias") && !name.ends_with("LayerNorm.weight")
}

/// Gradients of all parameters, summed over the parts of a batch.
#[derive(Default)]
pub struct Gradients {
    sums: Vec<Option<Tensor>>,
}

impl Gradients {
    /// Takes the gradients of one part.
    pub fn add(&mut self, parameters: &Parameters, store: &mut GradStore) -> Result<()> {
        self.sums.resize(parameters.iter().count(), None);
        for (sum, (_, var)) in self.sums.iter_mut().zip(parameters.iter()) {
            let Some(gradient) = store.remove(var.as_tensor()) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            });
        }
        Ok(())
    }

    /// The gradient of the parameter at that place, if it has one.
    pub fn get(&self, index: usize) -> Option<&Tensor> {
        self.sums.get(index)?.as_ref()
    }

    /// The global norm: √ of the sum of all squares.
    pub fn norm(&self) -> Result<f64> {
        let mut total = 0.0;
        for gradient in self.sums.iter().flatten() {
            total += sum_of_squares(gradient)?;
        }
        Ok(total.sqrt())
    }
}

fn sum_of_squares(tensor: &Tensor) -> Result<f64> {
    if !tensor.device().is_cpu() {
        return Ok(f64::from(tensor.sqr()?.sum_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()?));
    }
    let tensor = tensor.contiguous()?;
    let values = host(&tensor)?;
    let parts: Vec<f64> = values
        .par_chunks(CHUNK)
        .map(|part| {
            let mut lanes = [0f64; 8];
            for (i, &x) in part.iter().enumerate() {
                lanes[i % 8] += f64::from(x) * f64::from(x);
            }
            lanes.iter().sum::<f64>()
        })
        .collect();
    Ok(parts.iter().sum())
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
        let update = Update {
            scale: clip,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            rate: learning_rate / (1.0 - self.beta1.powf(t)),
            correction: (1.0 - self.beta2.powf(t)).sqrt(),
        };
        for (i, (name, var)) in parameters.iter().enumerate() {
            let Some(gradient) = gradients.get(i) else { continue };
            let decay = if is_decayed(name) { self.decay(learning_rate) } else { 1.0 };
            update.apply(var, gradient, decay, &mut self.moments[i])?;
        }
        Ok(())
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
    fn apply(&self, var: &Var, gradient: &Tensor, decay: f64, moments: &mut Moments) -> Result<()> {
        match moments {
            Moments::Host(first, second) => {
                let op = Fused { update: *self, decay, moments: RefCell::new((first, second)) };
                var.as_tensor().inplace_op2(&gradient.contiguous()?, &op)?;
            }
            Moments::Device(first, second) => {
                let g = (gradient * self.scale)?;
                *first = ((&*first * self.beta1)? + (&g * (1.0 - self.beta1))?)?;
                *second = ((&*second * self.beta2)? + (g.sqr()? * (1.0 - self.beta2))?)?;
                let denominator = ((second.sqrt()? * (1.0 / self.correction))? + self.epsilon)?;
                let stepped = ((var.as_tensor() * decay)? - ((&*first / denominator)? * self.rate)?)?;
                var.set(&stepped.detach())?;
            }
        }
        Ok(())
    }
}

/// The update of one parameter in one pass over its memory.
struct Fused<'a> {
    update: Update,
    decay: f64,
    moments: RefCell<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
}

impl InplaceOp2 for Fused<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (CpuStorage::F32(p), CpuStorage::F32(g)) = (parameter, gradient) else {
            candle_core::bail!("adamw: parameters and gradients must be f32");
        };
        let (Some(p_range), Some(g_range)) = (layout.contiguous_offsets(), gradient_layout.contiguous_offsets()) else {
            candle_core::bail!("adamw: parameters and gradients must be contiguous");
        };
        let (p, g) = (&mut p[p_range.0..p_range.1], &g[g_range.0..g_range.1]);
        let mut moments = self.moments.borrow_mut();
        let (m, v) = &mut *moments;
        if p.len() != g.len() || p.len() != m.len() {
            candle_core::bail!("adamw: {} parameters, {} gradients, {} moments", p.len(), g.len(), m.len());
        }
        let u = &self.update;
        let (scale, decay, rate, epsilon) = (u.scale as f32, self.decay as f32, u.rate as f32, u.epsilon as f32);
        let (beta1, beta2) = (u.beta1 as f32, u.beta2 as f32);
        let (rest1, rest2) = ((1.0 - u.beta1) as f32, (1.0 - u.beta2) as f32);
        let correction = u.correction as f32;
        p.par_chunks_mut(CHUNK)
            .zip(g.par_chunks(CHUNK))
            .zip(m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK)))
            .for_each(|((p, g), (m, v))| {
                crate::nn::vectorised(|| {
                    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m.iter_mut()).zip(v.iter_mut()) {
                        let g = g * scale;
                        *m = *m * beta1 + g * rest1;
                        *v = *v * beta2 + g * g * rest2;
                        *p = *p * decay - rate * *m / (v.sqrt() / correction + epsilon);
                    }
                });
            });
        Ok(())
    }
}

/// Refuses a norm that is not a number.
pub fn require_finite(what: &'static str, value: f64, step: u64, epoch: u32) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::Diverged { what, step, epoch }) }
}
