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
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Tensor, Var};
use rayon::prelude::*;

use super::TrainSettings;
use super::divergence::all_finite;
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

    /// One step with gradients of global norm `norm` ([`Gradients::norm`]). Returns whether all updated parameters, and
    /// the means of their squared gradients, are finite numbers.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Gradients,
        norm: f64,
        learning_rate: f64,
    ) -> Result<bool> {
        self.step += 1;
        let decay = self.decay(learning_rate);
        let update = self.update(norm, learning_rate);
        let parameters: Vec<_> = parameters.iter().collect();
        let updates = parameters.into_par_iter().zip(&mut self.moments).enumerate();
        let updates = updates.map(|(i, ((name, var), moments))| match gradients.get(i) {
            Some(gradient) => update.apply(var, gradient, if is_decayed(name) { decay } else { 1.0 }, moments),
            None => Ok(Finite::Known(true)),
        });
        Finite::all(&updates.collect::<Result<Vec<_>>>()?)
    }

    /// The numbers of the current step.
    fn update(&self, norm: f64, learning_rate: f64) -> Update {
        let clip = if self.max_norm > 0.0 { (self.max_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
        let t = self.step as f64;
        Update {
            scale: clip,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            rate: learning_rate / (1.0 - self.beta1.powf(t)),
            correction: (1.0 - self.beta2.powf(t)).sqrt(),
        }
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

/// Whether an updated parameter consists of finite numbers.
enum Finite {
    /// Seen while it was updated.
    Known(bool),
    /// A scalar on the parameter's device: 0 if so, NaN if not.
    Pending(Tensor),
}

impl Finite {
    /// Whether all of them do. Devices are asked once.
    fn all(parameters: &[Self]) -> Result<bool> {
        let mut pending: Option<Tensor> = None;
        for parameter in parameters {
            match parameter {
                Self::Known(true) => {}
                Self::Known(false) => return Ok(false),
                Self::Pending(zero) => pending = Some(pending.map_or(Ok(zero.clone()), |sum| sum + zero)?),
            }
        }
        Ok(match pending {
            Some(sum) => sum.to_dtype(DType::F32)?.to_scalar::<f32>()? == 0.0,
            None => true,
        })
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
    fn apply(&self, var: &Var, gradient: &Gradient, decay: f64, moments: &mut Moments) -> Result<Finite> {
        Ok(match (moments, gradient) {
            (Moments::Host(first, second), Gradient::Dense(_) | Gradient::Rows(..)) => {
                let moments = RefCell::new((first, second));
                let op = Fused { numbers: self.numbers(decay), gradient, moments, is_finite: AtomicBool::new(true) };
                var.as_tensor().inplace_op1(&op)?;
                Finite::Known(op.is_finite.into_inner())
            }
            (Moments::Host(first, second), Gradient::Tensor(tensor)) => {
                let shape = var.shape();
                let mut moments = [&*first, &*second].map(|m| Tensor::from_slice(m, shape, var.device()));
                let [Ok(m), Ok(v)] = &mut moments else { return Err(Error::Internal("moments without shape".into())) };
                let finite = self.compose(var, tensor, decay, m, v)?;
                (*first, *second) = (m.flatten_all()?.to_vec1()?, v.flatten_all()?.to_vec1()?);
                finite
            }
            (Moments::Device(first, second), Gradient::Tensor(tensor)) => {
                self.compose(var, tensor, decay, first, second)?
            }
            (Moments::Device(..), _) => return Err(Error::Internal("a gradient of another device".into())),
        })
    }

    /// The update composed of candle operations.
    fn compose(
        &self,
        var: &Var,
        gradient: &Tensor,
        decay: f64,
        first: &mut Tensor,
        second: &mut Tensor,
    ) -> Result<Finite> {
        let g = (gradient * self.scale)?;
        *first = ((&*first * self.beta1)? + (&g * (1.0 - self.beta1))?)?;
        *second = ((&*second * self.beta2)? + (g.sqr()? * (1.0 - self.beta2))?)?;
        let denominator = ((second.sqrt()? * (1.0 / self.correction))? + self.epsilon)?;
        let stepped = ((var.as_tensor() * decay)? - ((&*first / denominator)? * self.rate)?)?;
        var.set(&stepped.detach())?;
        // 0 times a number is 0, 0 times infinity or NaN is NaN.
        let zeros = ((&stepped.detach() * 0.0)? + (&*second * 0.0)?)?;
        Ok(Finite::Pending(zeros.sum_all()?))
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
    /// Set to false where an updated parameter, or the mean of its squared gradients, is infinite or NaN.
    is_finite: AtomicBool,
}

/// Looks at elements that were just updated, while they are still in the cache.
fn check(p: &[f32], v: &[f32], is_finite: &AtomicBool) {
    if !all_finite(p) || !all_finite(v) {
        is_finite.store(false, Ordering::Relaxed);
    }
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
        let (numbers, is_finite) = (self.numbers, &self.is_finite);
        let fits = p.len() == m.len() && p.len() == v.len();
        match self.gradient {
            Gradient::Dense(g) if fits && p.len() == g.len() => {
                let chunks = p.par_chunks_mut(CHUNK).zip(m.par_chunks_mut(CHUNK)).zip(v.par_chunks_mut(CHUNK));
                chunks.zip(g.par_chunks(CHUNK)).for_each(|(((p, m), v), g)| {
                    update(numbers, p, m, v, g);
                    check(p, v, is_finite);
                });
            }
            Gradient::Rows(rows, g) if fits && rows.len() * layout.dims().last().map_or(0, |&w| w) == g.len() => {
                let width = layout.dims().last().map_or(1, |&width| width).max(1);
                let chunk = (CHUNK / width.max(1)).max(1);
                let chunks = p.par_chunks_mut(chunk * width).zip(m.par_chunks_mut(chunk * width));
                chunks.zip(v.par_chunks_mut(chunk * width)).enumerate().for_each(|(i, ((p, m), v))| {
                    update_rows(numbers, i * chunk, width, [&mut *p, m, &mut *v], rows, g);
                    check(p, v, is_finite);
                });
            }
            _ => candle_core::bail!("adamw: {} parameters, {} moments, another gradient", p.len(), m.len()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::Pool;

    /// The first step of a parameter of three numbers; whether it is finite, and what the parameter is afterwards.
    fn update(gradient: &Gradient, learning_rate: f64, max_gradient_norm: f64) -> (bool, Vec<f32>) {
        let weights = Tensor::new(&[[1f32, -2.0, 0.5]], &Device::Cpu).unwrap();
        let var = Var::from_tensor(&weights).unwrap();
        let mut parameters = Parameters::default();
        parameters.push("weight".into(), var.clone());
        let settings = TrainSettings { max_gradient_norm, ..TrainSettings::default() };
        let mut optimizer = AdamW::new(&parameters, &settings).unwrap();
        optimizer.step = 1;
        let update = optimizer.update(1.0, learning_rate);
        let finite = update.apply(&var, gradient, 1.0, &mut optimizer.moments[0]).unwrap();
        (Finite::all(&[finite]).unwrap(), var.as_tensor().flatten_all().unwrap().to_vec1().unwrap())
    }

    /// The same gradient in each form.
    fn forms(values: [f32; 3]) -> [Gradient; 3] {
        let buffer = || {
            let mut buffer = Pool::default().zeros(3);
            buffer.copy_from_slice(&values);
            buffer
        };
        let tensor = Tensor::new(&[values], &Device::Cpu).unwrap();
        [Gradient::Dense(buffer()), Gradient::Rows(vec![0], buffer()), Gradient::Tensor(tensor)]
    }

    #[test]
    fn an_update_that_is_not_finite_is_reported() {
        for gradient in forms([0.1, 0.2, -0.3]) {
            assert!(update(&gradient, 1e30, 1.0).0, "huge, and still a number");
            let (is_finite, weights) = update(&gradient, 1e39, 1.0);
            assert!(!is_finite && weights.iter().any(|w| !w.is_finite()), "{weights:?}");
        }
    }

    #[test]
    fn squared_gradients_that_overflow_are_reported() {
        // Without clipping. The parameter itself stays finite: it would never move again.
        for gradient in forms([1e25, 0.2, -0.3]) {
            let (is_finite, weights) = update(&gradient, 1e-3, 0.0);
            assert!(!is_finite && weights.iter().all(|w| w.is_finite()), "{weights:?}");
        }
    }
}
