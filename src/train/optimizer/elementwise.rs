//! Optimisers that update each element of a parameter by itself, from its gradient and `N` numbers of state.
//!
//! An optimiser says what happens to an element ([`Rule`]); here are the state, the loops over it, one pass over the memory
//! in parallel, compiled for each instruction set, and the search for what is not finite. The loops are generic
//! over the rule, so that none of this costs a call within them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Tensor, Var};
use rayon::prelude::*;

use super::TakeTensor;
use crate::Result;
use crate::error::Error;
use crate::model::checkpoint::NamedTensor;
use crate::model::parameters::Parameters;
use crate::nn::pulp::{Arch, Simd, WithSimd};
use crate::nn::{Gradient, Gradients};
use crate::train::divergence::all_finite;

/// Elements a parallel task.
const CHUNK: usize = 1 << 14;

/// One step of one parameter. Where there is state, its last number is the one that is looked at for what is not finite: it
/// must be the one that overflows first.
pub(super) trait Rule<const N: usize>: Copy + Send + Sync {
    /// Updates some elements and their state, given their gradients. Must be `#[inline(always)]`, to be compiled
    /// for each instruction set.
    fn update(&self, p: &mut [f32], state: [&mut [f32]; N], g: impl Iterator<Item = f32>);

    /// The same composed of candle operations: what other devices do, and the reference in tests.
    fn compose(&self, p: &Tensor, state: [&Tensor; N], g: &Tensor) -> Result<(Tensor, [Tensor; N])>;
}

/// The state of all parameters, zero before the first step.
pub(super) struct Elementwise<const N: usize> {
    states: Vec<State<N>>,
}

/// The state of a parameter.
enum State<const N: usize> {
    /// On the CPU, updated in place.
    Host([Vec<f32>; N]),
    /// On another device, composed of candle operations.
    Device([Tensor; N]),
}

impl<const N: usize> Elementwise<N> {
    /// # Errors
    /// [`Error::Tensor`] if the device has no memory for it.
    pub(super) fn new(parameters: &Parameters) -> Result<Self> {
        let state = |var: &Var| {
            if var.device().is_cpu() {
                return Ok(State::Host(std::array::from_fn(|_| vec![0.0; var.elem_count()])));
            }
            let zeros = var.as_tensor().zeros_like()?.detach();
            // Never written to: a step puts others in their place.
            Ok(State::Device(std::array::from_fn(|_| zeros.clone())))
        };
        Ok(Self { states: parameters.iter().map(|(_, var)| state(var)).collect::<Result<_>>()? })
    }

    /// Updates the parameters that have a gradient by the rule that `rule` gives for their names. Returns whether all of them,
    /// and the last numbers of their state, are finite.
    pub(super) fn step<R: Rule<N>>(
        &mut self,
        parameters: &Parameters,
        gradients: &Gradients,
        rule: impl Fn(&str) -> R + Sync,
    ) -> Result<bool> {
        let parameters: Vec<_> = parameters.iter().collect();
        let updates = parameters.into_par_iter().zip(&mut self.states).enumerate();
        let updates = updates.map(|(i, ((name, var), state))| match gradients.get(i) {
            Some(gradient) => apply(rule(name), var, gradient, state),
            None => Ok(Finite::Known(true)),
        });
        Finite::all(&updates.collect::<Result<Vec<_>>>()?)
    }

    /// Updates the parameter with this number alone.
    #[cfg(test)]
    pub(super) fn step_of(&mut self, i: usize, var: &Var, gradient: &Gradient, rule: impl Rule<N>) -> Result<bool> {
        Finite::all(&[apply(rule, var, gradient, &mut self.states[i])?])
    }

    /// The state, each number by the name it has in `names`, a dot, and the parameter's name.
    pub(super) fn tensors(&self, parameters: &Parameters, names: [&str; N]) -> Result<Vec<NamedTensor>> {
        let mut tensors = Vec::new();
        for ((parameter, var), state) in parameters.iter().zip(&self.states) {
            for (i, name) in names.iter().enumerate() {
                let values = match state {
                    State::Host(numbers) => numbers[i].clone(),
                    State::Device(numbers) => numbers[i].flatten_all()?.to_vec1()?,
                };
                tensors.push((format!("{name}.{parameter}"), var.dims().to_vec(), values));
            }
        }
        Ok(tensors)
    }

    /// Puts a state back that [`Elementwise::tensors`] gave.
    pub(super) fn restore(&mut self, parameters: &Parameters, names: [&str; N], take: TakeTensor<'_>) -> Result<()> {
        let mut states = Vec::with_capacity(self.states.len());
        for (parameter, var) in parameters.iter() {
            let mut numbers: [Vec<f32>; N] = std::array::from_fn(|_| Vec::new());
            for (numbers, name) in numbers.iter_mut().zip(names) {
                *numbers = take(&format!("{name}.{parameter}"), var.dims())?;
            }
            states.push(if var.device().is_cpu() {
                State::Host(numbers)
            } else {
                let mut tensors: [Tensor; N] = std::array::from_fn(|_| var.as_tensor().clone());
                for (tensor, values) in tensors.iter_mut().zip(numbers) {
                    *tensor = Tensor::from_vec(values, var.shape(), var.device())?;
                }
                State::Device(tensors)
            });
        }
        self.states = states;
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

/// Updates one parameter.
fn apply<const N: usize, R: Rule<N>>(rule: R, var: &Var, gradient: &Gradient, state: &mut State<N>) -> Result<Finite> {
    match (state, gradient) {
        (State::Host(state), Gradient::Dense(_) | Gradient::Rows(..)) => {
            let op = Fused { rule, gradient, state: RefCell::new(state), is_finite: AtomicBool::new(true) };
            var.as_tensor().inplace_op1(&op)?;
            Ok(Finite::Known(op.is_finite.into_inner()))
        }
        (State::Host(state), Gradient::Tensor(gradient)) => {
            let mut tensors: [Tensor; N] = std::array::from_fn(|_| var.as_tensor().clone());
            for (tensor, values) in tensors.iter_mut().zip(&*state) {
                *tensor = Tensor::from_slice(values, var.shape(), var.device())?;
            }
            let finite = compose(rule, var, gradient, &mut tensors)?;
            for (values, tensor) in state.iter_mut().zip(tensors) {
                *values = tensor.flatten_all()?.to_vec1()?;
            }
            Ok(finite)
        }
        (State::Device(state), Gradient::Tensor(gradient)) => compose(rule, var, gradient, state),
        (State::Device(_), _) => Err(Error::Internal("a gradient of another device".into())),
    }
}

/// The update composed of candle operations.
fn compose<const N: usize, R: Rule<N>>(
    rule: R,
    var: &Var,
    gradient: &Tensor,
    state: &mut [Tensor; N],
) -> Result<Finite> {
    let (stepped, next) = rule.compose(var.as_tensor(), state.each_ref(), gradient)?;
    let stepped = stepped.detach();
    *state = next;
    var.set(&stepped)?;
    // 0 times a number is 0, 0 times infinity or NaN is NaN.
    let mut zeros = (stepped * 0.0)?;
    if let Some(last) = state.last() {
        zeros = (zeros + (last * 0.0)?)?;
    }
    Ok(Finite::Pending(zeros.sum_all()?))
}

/// The update of one parameter on the CPU.
struct Fused<'a, R, const N: usize> {
    rule: R,
    gradient: &'a Gradient,
    state: RefCell<&'a mut [Vec<f32>; N]>,
    /// Set to false where an updated parameter, or the last number of its state, is infinite or NaN.
    is_finite: AtomicBool,
}

impl<R: Rule<N>, const N: usize> InplaceOp1 for Fused<'_, R, N> {
    fn name(&self) -> &'static str {
        "optimiser"
    }

    fn cpu_fwd(&self, parameter: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(p), Some((start, end))) = (parameter, layout.contiguous_offsets()) else {
            candle_core::bail!("optimiser: parameters must be f32 and contiguous");
        };
        let p = &mut p[start..end];
        let mut state = self.state.borrow_mut();
        let (rule, is_finite) = (self.rule, &self.is_finite);
        let fits = state.iter().all(|numbers| numbers.len() == p.len());
        let width = layout.dims().last().map_or(1, |&width| width).max(1);
        match self.gradient {
            Gradient::Dense(g) if fits && p.len() == g.len() => {
                let tasks: Vec<_> = tasks(p, &mut state, CHUNK).into_iter().zip(g.chunks(CHUNK)).collect();
                tasks.into_par_iter().for_each(|((p, state), g)| {
                    Arch::new().dispatch(Dense { rule, p, state, g, is_finite });
                });
            }
            Gradient::Rows(rows, g) if fits && rows.len() * width == g.len() => {
                let rows_a_task = (CHUNK / width).max(1);
                let tasks = tasks(p, &mut state, rows_a_task * width);
                tasks.into_par_iter().enumerate().for_each(|(i, (p, state))| {
                    let first = i * rows_a_task;
                    Arch::new().dispatch(Rows { rule, first, width, p, state, rows, g, is_finite });
                });
            }
            _ => candle_core::bail!("optimiser: {} parameters, and state or gradient of another shape", p.len()),
        }
        Ok(())
    }
}

/// A parameter and its state in parts of `size` elements.
fn tasks<'a, const N: usize>(
    p: &'a mut [f32],
    state: &'a mut [Vec<f32>; N],
    size: usize,
) -> Vec<(&'a mut [f32], [&'a mut [f32]; N])> {
    let mut parts = state.each_mut().map(|numbers| numbers.chunks_mut(size));
    // All are of the same length, so that none runs out of parts before another.
    p.chunks_mut(size).map(|p| (p, parts.each_mut().map(|parts| parts.next().unwrap_or_default()))).collect()
}

/// Elements that all have a gradient.
struct Dense<'a, R, const N: usize> {
    rule: R,
    p: &'a mut [f32],
    state: [&'a mut [f32]; N],
    g: &'a [f32],
    is_finite: &'a AtomicBool,
}

impl<R: Rule<N>, const N: usize> WithSimd for Dense<'_, R, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        self.rule.update(self.p, self.state.each_mut().map(|numbers| &mut **numbers), self.g.iter().copied());
        check(self.p, &self.state, self.is_finite);
    }
}

/// The rows of a table from `first` on, of which `rows` have a gradient.
struct Rows<'a, R, const N: usize> {
    rule: R,
    first: usize,
    width: usize,
    p: &'a mut [f32],
    state: [&'a mut [f32]; N],
    rows: &'a [u32],
    g: &'a [f32],
    is_finite: &'a AtomicBool,
}

impl<R: Rule<N>, const N: usize> WithSimd for Rows<'_, R, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let width = self.width;
        let mut next = self.rows.partition_point(|&row| (row as usize) < self.first);
        for (i, p) in self.p.chunks_exact_mut(width).enumerate() {
            let state = self.state.each_mut().map(|numbers| &mut numbers[i * width..][..width]);
            if self.rows.get(next).is_some_and(|&row| row as usize == self.first + i) {
                self.rule.update(p, state, self.g[next * width..][..width].iter().copied());
                next += 1;
            } else {
                self.rule.update(p, state, std::iter::repeat_n(0.0, width));
            }
        }
        check(self.p, &self.state, self.is_finite);
    }
}

/// Looks at elements that were just updated, while they are still in the cache.
#[inline(always)]
fn check<const N: usize>(p: &[f32], state: &[&mut [f32]; N], is_finite: &AtomicBool) {
    if !all_finite(p) || !state.last().is_none_or(|last| all_finite(last)) {
        is_finite.store(false, Ordering::Relaxed);
    }
}
