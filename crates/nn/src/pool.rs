//! Buffers that go round.
//!
//! A training step makes and drops the same few dozen matrices again and again. Fresh memory for each would have to be
//! zeroed and its pages faulted in; a [`Pool`] hands out what was dropped before, as it is.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Where dropped buffers wait; a clone shares them.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    free: Arc<Mutex<BTreeMap<usize, Vec<Vec<f32>>>>>,
}

impl Pool {
    /// A buffer of `len` numbers with arbitrary content: whoever takes it writes all of it.
    ///
    /// One that is up to twice as large will do, for batches differ in size. Where there is none, a new one takes the
    /// place of the next smaller: buffers grow to what the largest batch needs, their number does not.
    pub fn take(&self, len: usize) -> Buffer {
        let size = size_class(len);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = free.range(size..=2 * size).next().map(|(&size, _)| size);
        let found = fitting.and_then(|size| pop(&mut free, size));
        let smaller = free.range(..size).next_back().map(|(&size, _)| size);
        let outgrown = smaller.filter(|_| found.is_none()).and_then(|size| pop(&mut free, size));
        drop(free);
        drop(outgrown);
        Buffer { values: found.unwrap_or_else(|| vec![0.0; size]), len, pool: self.clone() }
    }

    /// A buffer of `len` zeros.
    pub fn zeros(&self, len: usize) -> Buffer {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }
}

/// Takes out a buffer of that size.
fn pop(free: &mut BTreeMap<usize, Vec<Vec<f32>>>, size: usize) -> Option<Vec<f32>> {
    let buffers = free.get_mut(&size)?;
    let buffer = buffers.pop();
    if buffers.is_empty() {
        free.remove(&size);
    }
    buffer
}

/// Rounded up to one of eight sizes an octave, so that buffers of similar length can take each other's place.
fn size_class(len: usize) -> usize {
    let step = (len.max(64).next_power_of_two() / 16).max(8);
    len.max(64).next_multiple_of(step)
}

/// `f32`s on loan from a [`Pool`], to which they return when dropped.
#[derive(Debug)]
pub struct Buffer {
    values: Vec<f32>,
    len: usize,
    pool: Pool,
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.entry(values.len()).or_default().push(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_handed_out_again() {
        let pool = Pool::default();
        let mut first = pool.take(1000);
        first[999] = 3.0;
        let address = first.as_ptr();
        drop(first);
        let second = pool.take(990);
        assert_eq!((second.len(), second.as_ptr()), (990, address));
        assert_ne!(pool.take(990).as_ptr(), address);
        assert!(pool.zeros(1000).iter().all(|&x| x == 0.0));
    }

    #[test]
    fn growing_batches_do_not_leave_their_smaller_buffers_behind() {
        let pool = Pool::default();
        for len in [1000, 3000, 9000, 5000] {
            drop([pool.take(len), pool.take(len)]);
        }
        let free = pool.free.lock().unwrap();
        assert_eq!(free.values().map(Vec::len).sum::<usize>(), 2);
    }

    #[test]
    fn sizes_waste_an_eighth_at_most() {
        for len in [1, 64, 65, 1000, 4096, 1_000_000, 1_048_577] {
            let size = size_class(len);
            assert!(size >= len && (size <= 72 || size <= len + len / 8 + 8), "{len}: {size}");
        }
    }
}
