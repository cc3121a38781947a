//! `pytorch_model.bin`: weights as `torch.save` writes them, read without executing anything.
//!
//! Such a file is a zip archive: `data.pkl` is a program for Python's pickle machine that builds a dictionary of tensors,
//! `data/0`, `data/1`, … are the numbers of their storages. Python's own machine calls whatever the program names, which
//! is why a downloaded file can run anything there. Ours knows the instructions that a dictionary of
//! tensors needs and the handful of names that PyTorch uses for it; any other name or instruction refuses the file. It
//! calls nothing: a tensor comes out as storage, offset, shape and strides.
//!
//! A hostile or broken file costs no more memory than a few times its own length: the program may be 4 MiB, a tensor
//! may not have more elements than its storage, and tensors may share storages only so far.
//!
//! candle's reader is not used: it skips what it does not understand (a tensor that is missing then looks like one that
//! the model never had), takes lengths from the file before it knows that the bytes are there, reads no strided tensors
//! and can panic on a short list of arguments.
//!
//! Format: <https://github.com/pytorch/pytorch/blob/main/torch/csrc/jit/docs/serialization.md>, and `pickletools` in
//! Python's library for the instructions.

mod archive;
mod machine;

use std::collections::BTreeMap;
use std::path::Path;

use archive::Archive;
use machine::{ElementType, TensorRecord};

use crate::Result;
use crate::error::{Error, Problem};

/// A tensor's name, shape, and elements in row-major order; the name of their type if they are not floating point.
pub type ReadTensor = (String, Vec<usize>, Result<Vec<f32>, String>);

/// Bytes that tensors may be read from, as a multiple of the file's length: tied weights are read twice.
const MAX_SHARING: u64 = 4;

/// The tensors of a file's content, sorted by name; `path` is named in errors.
///
/// # Errors
/// [`Error::Model`] if it is anything but a dictionary of whole tensors.
pub fn read(bytes: &[u8], path: &Path) -> Result<Vec<ReadTensor>> {
    read_inner(bytes).map_err(|fault| Error::Model(Problem::new(fault.what).at(path).hint(fault.hint)))
}

/// Why a file is refused.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    what: String,
    hint: &'static str,
}

impl Fault {
    /// It is damaged.
    fn damaged(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: "fetch or copy the file once more" }
    }

    /// It is something else than a dictionary of tensors.
    fn foreign(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: "only a dictionary of tensors is read: take the repository's model.safetensors if it has one, or another model",
        }
    }
}

fn read_inner(bytes: &[u8]) -> Result<Vec<ReadTensor>, Fault> {
    let mut archive = Archive::open(bytes)?;
    let records: BTreeMap<String, TensorRecord> = machine::run(&archive.program()?)?;
    let mut budget = MAX_SHARING * bytes.len() as u64;
    for (name, record) in &records {
        budget = record
            .bytes()
            .and_then(|bytes| budget.checked_sub(bytes))
            .ok_or_else(|| Fault::damaged(format!("the tensor `{name}` is larger than the file can hold")))?;
    }
    let mut by_storage: BTreeMap<&str, Vec<(&String, &TensorRecord)>> = BTreeMap::new();
    for (name, record) in &records {
        by_storage.entry(&record.storage.key).or_default().push((name, record));
    }
    let mut tensors = Vec::with_capacity(records.len());
    for (key, members) in by_storage {
        let storage = archive.storage(key)?;
        for (name, record) in members {
            tensors.push((name.clone(), record.shape.clone(), elements(name, record, &storage)?));
        }
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(tensors)
}

/// The elements of a tensor in row-major order.
fn elements(name: &str, record: &TensorRecord, storage: &[u8]) -> Result<Result<Vec<f32>, String>, Fault> {
    let size = record.storage.element.size();
    if record.storage.elements.checked_mul(size as u64) != Some(storage.len() as u64) {
        return Err(Fault::damaged(format!(
            "the storage `{}` has {} bytes, {} elements of {size} were announced",
            record.storage.key,
            storage.len(),
            record.storage.elements
        )));
    }
    let extent = record.extent().filter(|&end| end <= record.storage.elements);
    let n = record.elements().filter(|&n| n <= record.storage.elements);
    let (Some(_), Some(n)) = (extent, n) else {
        return Err(Fault::damaged(format!("the tensor `{name}` reaches beyond its storage")));
    };
    let read: fn(&[u8]) -> f32 = match record.storage.element {
        ElementType::Double => |b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32,
        ElementType::Single => |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        ElementType::Half => |b| half::f16::from_le_bytes([b[0], b[1]]).to_f32(),
        ElementType::Brain => |b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32(),
        ElementType::Other { name, .. } => return Ok(Err(name.to_owned())),
    };
    // Within the storage, as just seen: what is added up below is below its length, which fits the memory.
    let start = record.offset as usize;
    if record.is_contiguous() {
        let bytes = &storage[start * size..(start + n as usize) * size];
        return Ok(Ok(bytes.chunks_exact(size).map(read).collect()));
    }
    let mut values = Vec::with_capacity(n as usize);
    let mut index = vec![0_usize; record.shape.len()];
    for _ in 0..n {
        let at: usize = start + index.iter().zip(&record.strides).map(|(i, stride)| i * stride).sum::<usize>();
        values.push(read(&storage[at * size..(at + 1) * size]));
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < record.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Ok(Ok(values))
}

#[cfg(test)]
mod tests;
