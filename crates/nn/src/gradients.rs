//! The gradients of a model's parameters.

use candle_core::{DType, Result, Tensor};
use rayon::prelude::*;

use super::host::kernel;
use super::pool::{Buffer, Pool};
use super::select::add_rows as add_to_rows;

/// Elements whose squares are summed in one go, in `f64`; the sums are added up in order.
const CHUNK: usize = 1 << 14;

/// The gradient of one parameter.
#[derive(Debug)]
pub enum Gradient {
    /// One number for each of the parameter, in row-major order.
    Dense(Buffer),
    /// A table of which only some rows have a gradient: their numbers, ascending, and their values row by row. The
    /// others' is zero.
    Rows(Vec<u32>, Buffer),
    /// On a device other than the CPU, or from composed operations.
    Tensor(Tensor),
}

impl Gradient {
    /// The numbers that are not zero by construction; `None` for a tensor.
    fn values(&self) -> Option<&[f32]> {
        match self {
            Self::Dense(values) | Self::Rows(_, values) => Some(values),
            Self::Tensor(_) => None,
        }
    }

    /// All numbers of the parameter, `len` of them, in row-major order.
    pub fn to_vec(&self, len: usize) -> Result<Vec<f32>> {
        match self {
            Self::Dense(values) => Ok(values.to_vec()),
            Self::Rows(rows, values) => {
                let mut all = vec![0f32; len];
                add_rows(&mut all, rows, values);
                Ok(all)
            }
            Self::Tensor(tensor) => tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1(),
        }
    }
}

fn add_rows(table: &mut [f32], rows: &[u32], values: &[f32]) {
    let width = values.len() / rows.len().max(1);
    if width > 0 {
        add_to_rows(values, width, rows, table);
    }
}

/// Gradients by parameter, summed over the parts of a batch.
#[derive(Debug, Default)]
pub struct Gradients {
    slots: Vec<Option<Gradient>>,
}

impl Gradients {
    /// Forgets all gradients.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// The gradient of the parameter of that index, if it has one.
    pub fn get(&self, index: usize) -> Option<&Gradient> {
        self.slots.get(index)?.as_ref()
    }

    /// True if there are gradients of the other kind: of composed tapes (tensors) for a fused one, and the reverse.
    pub(super) fn clash_with(&self, composed: bool) -> bool {
        self.slots.iter().flatten().any(|gradient| matches!(gradient, Gradient::Tensor(_)) != composed)
    }

    fn slot(&mut self, index: usize) -> &mut Option<Gradient> {
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        &mut self.slots[index]
    }

    /// The dense gradient of a parameter of `len` numbers, to be written (false) or added to (true).
    pub(super) fn dense(&mut self, index: usize, len: usize, pool: &Pool) -> (&mut [f32], bool) {
        let slot = self.slot(index);
        let (dense, filled) = match slot.take() {
            Some(Gradient::Dense(values)) => (values, true),
            Some(Gradient::Rows(rows, values)) => {
                let mut dense = pool.zeros(len);
                add_rows(&mut dense, &rows, &values);
                (dense, true)
            }
            // The tape has refused tensors among the gradients of a fused pass.
            Some(Gradient::Tensor(_)) | None => (pool.take(len), false),
        };
        let Gradient::Dense(values) = slot.insert(Gradient::Dense(dense)) else { unreachable!("just inserted") };
        (values, filled)
    }

    /// Adds a gradient of some rows, ascending; the parameter has `len` numbers.
    pub(super) fn add_rows(&mut self, index: usize, len: usize, rows: Vec<u32>, values: Buffer, pool: &Pool) {
        if rows.is_empty() {
            return;
        }
        if self.get(index).is_none() {
            *self.slot(index) = Some(Gradient::Rows(rows, values));
            return;
        }
        let width = values.len() / rows.len().max(1);
        if let Some(Gradient::Rows(old, sums)) = self.slot(index) {
            let mut union: Vec<u32> = old.iter().chain(&rows).copied().collect();
            union.sort_unstable();
            union.dedup();
            let mut merged = pool.zeros(union.len() * width);
            for (rows, values) in [(&*old, &**sums), (&rows, &*values)] {
                let places: Vec<u32> = rows.iter().map(|r| union.partition_point(|u| u < r) as u32).collect();
                add_rows(&mut merged, &places, values);
            }
            *self.slot(index) = Some(Gradient::Rows(union, merged));
        } else {
            add_rows(self.dense(index, len, pool).0, &rows, &values);
        }
    }

    /// Adds a tensor.
    pub(super) fn add_tensor(&mut self, index: usize, gradient: Tensor) -> Result<()> {
        let slot = self.slot(index);
        let sum = match slot.take() {
            Some(Gradient::Tensor(sum)) => (sum + gradient)?,
            _ => gradient,
        };
        *slot = Some(Gradient::Tensor(sum));
        Ok(())
    }

    /// The global norm: √ of the sum of all squares.
    pub fn norm(&self) -> Result<f64> {
        let chunks: Vec<&[f32]> =
            self.slots.iter().flatten().filter_map(Gradient::values).flat_map(|values| values.chunks(CHUNK)).collect();
        let squares: Vec<f64> = chunks.into_par_iter().map(sum_of_squares).collect();
        let mut total: f64 = squares.iter().sum();
        for gradient in self.slots.iter().flatten() {
            if let Gradient::Tensor(tensor) = gradient {
                total += f64::from(tensor.sqr()?.sum_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()?);
            }
        }
        Ok(total.sqrt())
    }
}

kernel! {
    fn sum_of_squares(values: &[f32]) -> f64 {
        let mut lanes = [0f64; 16];
        let chunks = values.chunks_exact(16);
        let rest = chunks.remainder();
        for chunk in chunks {
            for (lane, &x) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(x) * f64::from(x);
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(pool: &Pool, values: &[f32]) -> Buffer {
        let mut buffer = pool.take(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    #[test]
    fn rows_add_up_with_rows_and_with_a_whole_table() {
        let (pool, mut gradients) = (Pool::default(), Gradients::default());
        gradients.add_rows(2, 8, vec![0, 3], buffer(&pool, &[1.0, 2.0, 3.0, 4.0]), &pool);
        gradients.add_rows(2, 8, vec![1, 3], buffer(&pool, &[10.0, 20.0, 30.0, 40.0]), &pool);
        let Some(Gradient::Rows(rows, _)) = gradients.get(2) else { panic!("still rows") };
        assert_eq!(rows, &[0, 1, 3]);
        let expected = [1.0, 2.0, 10.0, 20.0, 0.0, 0.0, 33.0, 44.0];
        assert_eq!(gradients.get(2).unwrap().to_vec(8).unwrap(), expected);
        let (dense, filled) = gradients.dense(2, 8, &pool);
        assert!(filled && dense == expected);
        gradients.add_rows(2, 8, vec![2], buffer(&pool, &[5.0, 6.0]), &pool);
        assert_eq!(gradients.get(2).unwrap().to_vec(8).unwrap()[4..6], [5.0, 6.0]);
        assert!(gradients.get(0).is_none());
    }

    #[test]
    fn the_norm_is_over_all_parameters() {
        let (pool, mut gradients) = (Pool::default(), Gradients::default());
        gradients.dense(0, 2, &pool).0.copy_from_slice(&[1.0, 2.0]);
        gradients.add_rows(1, 100, vec![7], buffer(&pool, &[4.0]), &pool);
        gradients.add_tensor(3, Tensor::new(&[2f32], &candle_core::Device::Cpu).unwrap()).unwrap();
        assert!((gradients.norm().unwrap() - 5.0).abs() < 1e-12);
    }
}
