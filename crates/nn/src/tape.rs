//! Reverse-mode differentiation: a tape on which operations leave what their backward pass needs.
//!
//! candle's own differentiation fills a new matrix with zeros for each gradient and adds to it, keeps all of them to the
//! end, and admits three arguments an operation. Here each operation, as it computes its output, records one closure.
//! [`Tape::backward`] calls them from the last to the first: a closure takes the gradient of its output, whole and its
//! own, and hands on those of its inputs. The first one for a matrix is moved or written into its place, further ones
//! are added, and what a closure held is free again when it returns.
//!
//! A tape is either **fused** (the CPU's default), or **composed**: then operations are composed of candle's on tensors
//! of any device, and candle differentiates. The model's code is the same.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{Device, Result, Storage, Tensor, Var, bail};

use super::gradients::Gradients;
use super::host::{Host, host, kernel};
use super::math::axpy;
use super::pool::{Buffer, Pool};
use super::product::View;
use super::tiles::{Cuts, Split, for_tiles};

/// A trainable tensor and its number, under which its gradient is found.
#[derive(Debug, Clone)]
pub struct Parameter {
    index: usize,
    var: Var,
}

impl Parameter {
    /// The parameter of that number.
    pub fn new(index: usize, var: Var) -> Self {
        Self { index, var }
    }

    /// Its number.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The tensor as it stands.
    pub fn tensor(&self) -> &Tensor {
        self.var.as_tensor()
    }

    /// Its elements, on the CPU.
    pub(super) fn host(&self) -> Result<Host<impl Deref<Target = Storage> + '_>> {
        host(self.var.as_tensor())
    }
}

/// A matrix that was computed on a [`Tape`].
#[derive(Debug, Clone)]
pub struct Value {
    data: Data,
    rows: usize,
    columns: usize,
    /// Where its gradient is collected; `None` if no gradient is wanted.
    node: Option<Node>,
}

/// A place on one of the tapes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    tape: u64,
    index: usize,
}

#[derive(Debug, Clone)]
enum Data {
    Host(Rc<Buffer>),
    Tensor(Tensor),
}

impl Value {
    /// Rows and columns.
    pub fn dims(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// All elements, row by row.
    pub fn to_vec(&self) -> Result<Vec<f32>> {
        match &self.data {
            Data::Host(buffer) => Ok(buffer.to_vec()),
            Data::Tensor(tensor) => tensor.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1(),
        }
    }

    /// The elements of a fused tape's value.
    pub(super) fn host(&self) -> Result<&[f32]> {
        match &self.data {
            Data::Host(buffer) => Ok(buffer),
            Data::Tensor(_) => bail!("a tensor of a composed tape was given to a fused one"),
        }
    }

    /// The tensor of a composed tape's value.
    pub(super) fn tensor(&self) -> Result<&Tensor> {
        match &self.data {
            Data::Tensor(tensor) => Ok(tensor),
            Data::Host(_) => bail!("a matrix of a fused tape was given to a composed one"),
        }
    }

    /// A fused value as a matrix.
    pub(super) fn view(&self) -> Result<View<'_>> {
        Ok(View::new(self.host()?, self.columns))
    }

    /// Its place on the tape.
    pub(super) fn node(&self) -> Option<Node> {
        self.node
    }
}

type Backward = Box<dyn FnOnce(Buffer, &mut Sink<'_>) -> Result<()>>;

/// Numbers the tapes, so that a value knows which one it was computed on.
static TAPES: AtomicU64 = AtomicU64::new(0);

/// One pass through a model. A value of another tape is a constant to this one.
pub struct Tape {
    id: u64,
    pool: Pool,
    device: Device,
    composed: bool,
    /// What was recorded; `None` if no gradients are wanted.
    records: Option<RefCell<Vec<Backward>>>,
    /// Parameters that a composed tape has met.
    met: RefCell<BTreeMap<usize, Var>>,
}

/// A loss, and the gradient with respect to what it was computed from.
pub struct Loss {
    /// The loss in nats.
    pub value: f64,
    seed: Seed,
}

enum Seed {
    Host(Option<Node>, Buffer),
    Tensor(Tensor),
}

impl Tape {
    /// A tape for training on `device`, with buffers from `pool`.
    pub fn training(device: &Device, pool: &Pool) -> Self {
        Self { records: Some(RefCell::default()), ..Self::inference(device, pool) }
    }

    /// A tape that records nothing.
    pub fn inference(device: &Device, pool: &Pool) -> Self {
        Self {
            id: TAPES.fetch_add(1, Ordering::Relaxed),
            pool: pool.clone(),
            device: device.clone(),
            composed: !device.is_cpu(),
            records: None,
            met: RefCell::default(),
        }
    }

    /// The same, computing with the composed operations on any device.
    pub fn composed(self) -> Self {
        Self { composed: true, ..self }
    }

    /// True if operations are to be composed of candle's.
    pub(super) fn is_composed(&self) -> bool {
        self.composed
    }

    /// Where tensors live.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// A matrix from outside, without gradient.
    pub fn constant(&self, values: &[f32], columns: usize) -> Result<Value> {
        let rows = values.len() / columns.max(1);
        if rows * columns != values.len() {
            bail!("{} numbers are no matrix of {columns} columns", values.len());
        }
        let data = if self.composed {
            Data::Tensor(Tensor::from_slice(values, (rows, columns), &self.device)?)
        } else {
            let mut buffer = self.buffer(values.len());
            buffer.copy_from_slice(values);
            Data::Host(Rc::new(buffer))
        };
        Ok(Value { data, rows, columns, node: None })
    }

    /// A parameter that is a matrix, as a value whose gradient is the parameter's.
    pub fn parameter(&self, parameter: &Parameter) -> Result<Value> {
        let (_, columns) = parameter.tensor().dims2()?;
        if self.composed {
            return self.tensor(self.parameter_tensor(parameter));
        }
        let mut buffer = self.buffer(parameter.tensor().elem_count());
        buffer.copy_from_slice(&parameter.host()?);
        let parameter = parameter.clone();
        Ok(self.output(buffer, columns, move |gradient, sink| {
            sink.parameter(&parameter, |out, accumulate| add_or_copy(out, &gradient, accumulate));
            Ok(())
        }))
    }

    /// A buffer with arbitrary content.
    pub(super) fn buffer(&self, len: usize) -> Buffer {
        self.pool.take(len)
    }

    /// A parameter as a tensor for a composed operation; its gradient is tracked if the tape records.
    pub(super) fn parameter_tensor(&self, parameter: &Parameter) -> Tensor {
        if self.records.is_none() {
            return parameter.var.as_detached_tensor();
        }
        self.met.borrow_mut().insert(parameter.index, parameter.var.clone());
        parameter.tensor().clone()
    }

    /// The output of a composed operation.
    pub(super) fn tensor(&self, tensor: Tensor) -> Result<Value> {
        let (rows, columns) = tensor.dims2()?;
        Ok(Value { data: Data::Tensor(tensor), rows, columns, node: None })
    }

    /// The output of a fused operation, and how to go back from its gradient to those of the inputs.
    pub(super) fn output(
        &self,
        buffer: Buffer,
        columns: usize,
        backward: impl FnOnce(Buffer, &mut Sink<'_>) -> Result<()> + 'static,
    ) -> Value {
        let node = self.records.as_ref().map(|records| {
            let mut records = records.borrow_mut();
            records.push(Box::new(backward));
            Node { tape: self.id, index: records.len() - 1 }
        });
        let rows = buffer.len() / columns.max(1);
        Value { data: Data::Host(Rc::new(buffer)), rows, columns, node }
    }

    /// The loss of a fused operation; `gradient` is that with respect to `input`.
    pub(super) fn loss(&self, value: f64, input: &Value, gradient: Buffer) -> Loss {
        Loss { value, seed: Seed::Host(input.node, gradient) }
    }

    /// The loss of a composed operation.
    pub(super) fn tensor_loss(&self, loss: Tensor) -> Result<Loss> {
        let value = f64::from(loss.to_dtype(candle_core::DType::F32)?.to_scalar::<f32>()?);
        Ok(Loss { value, seed: Seed::Tensor(loss) })
    }

    /// The sum of all elements of `x`, each times its weight: a loss whose gradient is `weights`, for gradient checks
    /// and benchmarks.
    pub fn weighted_sum(&self, x: &Value, weights: &[f32]) -> Result<Loss> {
        if x.rows * x.columns != weights.len() {
            bail!("{} weights for a matrix [{}, {}]", weights.len(), x.rows, x.columns);
        }
        if self.composed {
            let weights = Tensor::from_slice(weights, x.dims(), &self.device)?;
            return self.tensor_loss((x.tensor()? * weights)?.sum_all()?);
        }
        let mut gradient = self.buffer(weights.len());
        gradient.copy_from_slice(weights);
        let sum = x.host()?.iter().zip(weights).map(|(x, w)| f64::from(x * w)).sum();
        Ok(self.loss(sum, x, gradient))
    }

    /// Adds the gradients of `loss` with respect to all parameters to `gradients`.
    ///
    /// # Errors
    /// Those of candle on composed tapes; a tape for inference, a loss of another tape, `gradients` that hold some of a
    /// composed tape for a fused one or the reverse.
    pub fn backward(self, loss: Loss, gradients: &mut Gradients) -> Result<()> {
        let Some(records) = self.records else { bail!("a tape for inference has no gradients") };
        if gradients.clash_with(self.composed) {
            bail!("gradients of fused and of composed tapes do not add up");
        }
        match loss.seed {
            Seed::Host(node, gradient) => {
                if node.is_none_or(|node| node.tape != self.id) {
                    bail!("the loss was not computed on this tape, or from nothing that has a gradient");
                }
                let mut records = records.into_inner();
                let mut nodes: Vec<Option<Buffer>> = Vec::new();
                nodes.resize_with(records.len(), || None);
                let mut sink = Sink { tape: self.id, nodes, gradients, pool: &self.pool };
                sink.give(node, gradient);
                while let Some(backward) = records.pop() {
                    // What does not lead to the loss has no gradient to hand on.
                    if let Some(gradient) = sink.nodes.pop().flatten() {
                        backward(gradient, &mut sink)?;
                    }
                }
            }
            Seed::Tensor(_) if !self.composed => bail!("the loss was computed on a composed tape"),
            Seed::Tensor(loss) => {
                let mut store = loss.backward()?;
                for (index, var) in self.met.into_inner() {
                    if let Some(gradient) = store.remove(var.as_tensor()) {
                        gradients.add_tensor(index, gradient)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Where a backward pass leaves the gradients of its inputs.
pub(super) struct Sink<'a> {
    tape: u64,
    nodes: Vec<Option<Buffer>>,
    gradients: &'a mut Gradients,
    pool: &'a Pool,
}

impl Sink<'_> {
    /// A buffer with arbitrary content.
    pub fn buffer(&self, len: usize) -> Buffer {
        self.pool.take(len)
    }

    /// Where a value's gradient is collected, if it has a place on this tape.
    fn slot(&mut self, node: Option<Node>) -> Option<&mut Option<Buffer>> {
        let node = node.filter(|node| node.tape == self.tape)?;
        self.nodes.get_mut(node.index)
    }

    /// Lets `f` write (false) or add to (true) the gradient of a value of `len` elements.
    pub fn value(&mut self, node: Option<Node>, len: usize, f: impl FnOnce(&mut [f32], bool)) {
        let pool = self.pool;
        let Some(slot) = self.slot(node) else { return };
        let filled = slot.is_some();
        f(slot.get_or_insert_with(|| pool.take(len)), filled);
    }

    /// Hands over a gradient that was computed whole.
    pub fn give(&mut self, node: Option<Node>, gradient: Buffer) {
        let Some(slot) = self.slot(node) else { return };
        match slot {
            Some(sum) => add_or_copy(sum, &gradient, true),
            None => *slot = Some(gradient),
        }
    }

    /// Lets `f` write (false) or add to (true) the gradient of a parameter.
    pub fn parameter(&mut self, parameter: &Parameter, f: impl FnOnce(&mut [f32], bool)) {
        let (out, accumulate) = self.gradients.dense(parameter.index, parameter.tensor().elem_count(), self.pool);
        f(out, accumulate);
    }

    /// Adds the gradient of some rows of a parameter, ascending.
    pub fn parameter_rows(&mut self, parameter: &Parameter, rows: Vec<u32>, values: Buffer) {
        self.gradients.add_rows(parameter.index, parameter.tensor().elem_count(), rows, values, self.pool);
    }
}

/// out = x, or out += x.
pub(super) fn add_or_copy(out: &mut [f32], x: &[f32], accumulate: bool) {
    let (rows, columns) = (Cuts::every(1 << 14, out.len()), Cuts::whole(1));
    for_tiles([Split::new(out, &columns, &rows)], |place, [mut tile]| {
        let x = &x[place.columns];
        if accumulate { add(x, tile.row(0)) } else { tile.row(0).copy_from_slice(x) }
    });
}

kernel! {
    fn add(x: &[f32], out: &mut [f32]) {
        axpy(1.0, x, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{inference, parameter};

    #[test]
    fn what_does_not_lead_to_the_loss_gets_no_gradient() {
        let tape = Tape::training(&Device::Cpu, &Pool::default());
        let used = tape.parameter(&parameter(0, &[2, 2])).unwrap();
        tape.parameter(&parameter(1, &[2, 2])).unwrap();
        let loss = tape.weighted_sum(&used, &[1.0, 2.0, 3.0, 4.0]).unwrap();
        let mut gradients = Gradients::default();
        tape.backward(loss, &mut gradients).unwrap();
        assert_eq!(gradients.get(0).unwrap().to_vec(4).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert!(gradients.get(1).is_none());
    }

    #[test]
    fn the_tapes_are_not_mixed() {
        let composed = inference().composed();
        let x = inference().constant(&[1.0, 2.0], 2).unwrap();
        assert!(crate::select(&composed, &x, &[0]).is_err());
        assert!(inference().constant(&[1.0; 3], 2).is_err());
        let loss = || inference().weighted_sum(&x, &[1.0, 1.0]).unwrap();
        let training = || Tape::training(&Device::Cpu, &Pool::default());
        assert!(inference().backward(loss(), &mut Gradients::default()).is_err());
        assert!(training().backward(loss(), &mut Gradients::default()).is_err());

        let parameter = parameter(0, &[1, 2]);
        let on = |tape: &Tape| tape.weighted_sum(&tape.parameter(&parameter).unwrap(), &[1.0, 1.0]).unwrap();
        let other = on(&training());
        assert!(training().backward(other, &mut Gradients::default()).is_err());
        let mut gradients = Gradients::default();
        let (fused, composed) = (training(), training().composed());
        let (of_fused, of_composed) = (on(&fused), on(&composed));
        fused.backward(of_fused, &mut gradients).unwrap();
        assert!(composed.backward(of_composed, &mut gradients).is_err());
    }
}
