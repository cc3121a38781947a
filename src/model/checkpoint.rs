//! Weights in and out: safetensors, in one file or several, and what PyTorch pickles.
//!
//! The old `gamma` and `beta` of layer norms are read under today's names; f16 and bf16 are widened to f32. Files
//! are written as safetensors with the metadata `{"format": "pt"}`, without which transformers refuses them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::pickle::{self, ReadTensor};
use crate::Result;
use crate::error::{Error, Problem};
use crate::hub::select;
use crate::run::write_atomically;

/// A tensor to be written: its name, shape and elements in row-major order.
pub type NamedTensor = (String, Vec<usize>, Vec<f32>);

/// The tensors of a checkpoint by their names, each until it is taken.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    ignored: Vec<String>,
    digest: [u8; 32],
}

impl Checkpoint {
    /// Reads a safetensors file whole.
    ///
    /// # Errors
    /// [`Error::Model`] if it is missing, truncated, not safetensors, or holds numbers that are not finite.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::Model(
                Problem::new("there is no such file")
                    .at(path)
                    .hint("name a folder that holds config.json, model.safetensors and the tokenizer's files"),
            ));
        }
        Self::parse(&fs::read(path).map_err(Error::io(path))?, path)
    }

    /// The same from bytes; `path` is named in errors.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let refuse = |what: String| Error::Model(Problem::new(what).at(path).hint("fetch or copy the file once more"));
        let file = SafeTensors::deserialize(bytes)
            .map_err(|e| refuse(format!("not a whole safetensors file ({} bytes): {e}", bytes.len())))?;
        let tensors = file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec(), widen(&view)));
        Self::of(tensors, path, Sha256::digest(bytes).into())
    }

    /// Reads a `pytorch_model.bin` whole, executing nothing of it.
    ///
    /// # Errors
    /// [`Error::Model`] for what [`pickle::read`] refuses, and numbers that are not finite; [`Error::Io`].
    pub fn read_pickle(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        Self::of(pickle::read(&bytes, path)?, path, Sha256::digest(&bytes).into())
    }

    /// Reads the safetensors files, all beside it, that an index names.
    ///
    /// # Errors
    /// As [`Checkpoint::read`]; [`Error::Model`] for an index that cannot be understood, and two tensors of one name.
    pub fn read_shards(index: &Path) -> Result<Self> {
        let mut whole = Self { path: index.to_owned(), tensors: BTreeMap::new(), ignored: Vec::new(), digest: [0; 32] };
        let mut digest = Sha256::new();
        for name in select::shards(index)? {
            let path = index.with_file_name(name);
            let shard = Self::read(&path)?;
            digest.update(shard.digest);
            whole.ignored.extend(shard.ignored);
            for (name, tensor) in shard.tensors {
                if whole.tensors.insert(name.clone(), tensor).is_some() {
                    return Err(Error::Model(
                        Problem::new(format!("the tensor `{name}` is in another file of weights, too"))
                            .at(path)
                            .hint("fetch or copy the files once more"),
                    ));
                }
            }
        }
        whole.digest = digest.finalize().into();
        Ok(whole)
    }

    /// The weights of a folder: `model.safetensors`, else those that its index names, else `pytorch_model.bin`.
    ///
    /// # Errors
    /// As the one of these that is there; [`Error::Model`] if none is.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let [safetensors, index, pickle] =
            [select::SAFETENSORS, select::SHARDS, select::PICKLE].map(|n| folder.join(n));
        if !safetensors.is_file() && index.is_file() {
            Self::read_shards(&index)
        } else if !safetensors.is_file() && pickle.is_file() {
            Self::read_pickle(&pickle)
        } else {
            Self::read(&safetensors)
        }
    }

    fn of(tensors: impl IntoIterator<Item = ReadTensor>, path: &Path, digest: [u8; 32]) -> Result<Self> {
        let mut checkpoint = Self { path: path.to_owned(), tensors: BTreeMap::new(), ignored: Vec::new(), digest };
        for (name, shape, values) in tensors {
            let Some(values) = values else {
                checkpoint.ignored.push(name);
                continue;
            };
            if let Some(i) = values.iter().position(|v| !v.is_finite()) {
                return Err(Error::Model(
                    Problem::new(format!("the tensor `{name}` is not finite at element {i}"))
                        .at(path)
                        .hint("fetch or copy the file once more"),
                ));
            }
            checkpoint.tensors.insert(plain_name(&name), (shape, values));
        }
        Ok(checkpoint)
    }

    /// A checkpoint without tensors: of a model that is not there yet.
    pub fn empty(path: PathBuf, digest: [u8; 32]) -> Self {
        Self { path, tensors: BTreeMap::new(), ignored: Vec::new(), digest }
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Takes a tensor out, or `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Model`] if it has another shape.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>> {
        let Some((found, values)) = self.tensors.remove(name) else { return Ok(None) };
        if found != shape {
            return Err(Error::Model(
                Problem::new(format!("the tensor `{name}` has shape {found:?}, config.json asks for {shape:?}"))
                    .at(&self.path)
                    .hint("the weights do not belong to this config.json"),
            ));
        }
        Ok(Some(values))
    }

    /// The shape of a tensor that is still there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(shape, _)| shape.as_slice())
    }

    /// Leaves the prefix (a dot behind it) out of the names that begin with it: checkpoints of a task's model have it,
    /// those of the encoder alone have not.
    pub fn without_prefix(mut self, prefix: &str) -> Self {
        let plain = |name: String| match name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) {
            Some(rest) => rest.to_owned(),
            None => name,
        };
        self.tensors = self.tensors.into_iter().map(|(name, tensor)| (plain(name), tensor)).collect();
        self
    }

    /// Puts tensors aside: they can no longer be taken, and are among the [`Checkpoint::rest`].
    pub fn set_aside(&mut self, which: impl Fn(&str) -> bool) {
        let names: Vec<String> = self.tensors.keys().filter(|name| which(name)).cloned().collect();
        self.tensors.retain(|name, _| !which(name));
        self.ignored.extend(names);
    }

    /// Names of the tensors that nobody took, and of those that are not floating point.
    pub fn rest(&self) -> Vec<String> {
        let mut names: Vec<String> = self.tensors.keys().cloned().chain(self.ignored.iter().cloned()).collect();
        names.sort();
        names
    }
}

/// Layer norms with today's names.
fn plain_name(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((layer, "gamma")) => format!("{layer}.weight"),
        Some((layer, "beta")) => format!("{layer}.bias"),
        _ => name.to_owned(),
    }
}

fn widen(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let data = view.data();
    match view.dtype() {
        Dtype::F32 => Some(data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
        Dtype::F16 => Some(data.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
        Dtype::BF16 => Some(data.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()),
        _ => None,
    }
}

/// The number format of a file that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    Single,
    /// 16 bits (IEEE half).
    Half,
}

/// Writes named tensors, atomically and with the same bytes each time. The metadata is `{"format": "pt"}`; or, for files
/// of our own that transformers need not open, `extra`.
pub fn write(path: &Path, tensors: &[NamedTensor], precision: Precision, extra: &[(&str, String)]) -> Result<()> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| match precision {
            Precision::Single => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Precision::Half => values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect(),
        })
        .collect();
    let dtype = if precision == Precision::Single { Dtype::F32 } else { Dtype::F16 };
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| Ok((name.as_str(), TensorView::new(dtype, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| Error::Internal(format!("cannot lay out {}: {e}", path.display())))?;
    // A single entry: the order of a hash map with more would change the bytes from one writing to the next.
    let metadata = if extra.is_empty() {
        HashMap::from([("format".to_owned(), "pt".to_owned())])
    } else {
        let extra: BTreeMap<_, _> = extra.iter().cloned().collect();
        let json = serde_json::to_string(&extra).map_err(|e| Error::Internal(e.to_string()))?;
        HashMap::from([(EXTRA.to_owned(), json)])
    };
    let serialised = safetensors::serialize(views, Some(metadata)).map_err(|e| Error::Internal(e.to_string()))?;
    write_atomically(path, |file| file.write_all(&serialised).map_err(Error::io(path)))
}

const EXTRA: &str = "memoscope";

/// The `extra` metadata of a file written by [`write()`].
pub fn extra(bytes: &[u8]) -> BTreeMap<String, String> {
    SafeTensors::read_metadata(bytes)
        .ok()
        .and_then(|(_, metadata)| metadata.metadata().as_ref()?.get(EXTRA).cloned())
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_are_the_same_parameters() {
        assert_eq!(plain_name("embeddings.LayerNorm.gamma"), "embeddings.LayerNorm.weight");
        assert_eq!(plain_name("encoder.layer.0.output.LayerNorm.beta"), "encoder.layer.0.output.LayerNorm.bias");
        assert_eq!(plain_name("classifier.weight"), "classifier.weight");
    }

    #[test]
    fn what_is_written_is_read_and_the_bytes_do_not_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensors =
            vec![("b".to_owned(), vec![2, 2], vec![1.0, -0.5, 0.25, 3.0]), ("a".to_owned(), vec![1], vec![7.0])];
        for precision in [Precision::Single, Precision::Half] {
            write(&path, &tensors, precision, &[("step", "3".into())]).unwrap();
            let first = fs::read(&path).unwrap();
            write(&path, &tensors, precision, &[("step", "3".into())]).unwrap();
            assert_eq!(first, fs::read(&path).unwrap());
            let mut read = Checkpoint::read(&path).unwrap();
            assert_eq!(read.take("b", &[2, 2]).unwrap().unwrap(), [1.0, -0.5, 0.25, 3.0]);
            assert_eq!(read.rest(), ["a"]);
            assert_eq!(extra(&first)["step"], "3");
        }
    }

    #[test]
    fn shards_and_pickles_are_read_where_there_is_no_single_file() {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pickle/metadata.bin");
        fs::copy(fixture, folder.path().join("pytorch_model.bin")).unwrap();
        let mut pickled = Checkpoint::of_folder(folder.path()).unwrap();
        assert_eq!(pickled.take("scale", &[2]).unwrap().unwrap(), [0.5, 2.0]);
        assert_eq!(pickled.shape("dense.weight"), Some(&[3, 2][..]));

        let shard = |name: &str, tensor: &str, value: f32| {
            let tensors = [(tensor.to_owned(), vec![1], vec![value])];
            write(&folder.path().join(name), &tensors, Precision::Single, &[]).unwrap();
        };
        shard("model-1.safetensors", "a", 1.0);
        shard("model-2.safetensors", "b", 2.0);
        let index = r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
        fs::write(folder.path().join(select::SHARDS), index).unwrap();
        let mut sharded = Checkpoint::of_folder(folder.path()).unwrap();
        let digest = *sharded.digest();
        assert_eq!(sharded.take("a", &[1]).unwrap().unwrap(), [1.0]);
        assert_eq!(sharded.take("b", &[1]).unwrap().unwrap(), [2.0]);
        shard("model-2.safetensors", "b", 3.0);
        assert_ne!(Checkpoint::of_folder(folder.path()).unwrap().digest(), &digest);
        shard("model-2.safetensors", "a", 3.0);
        assert!(Checkpoint::of_folder(folder.path()).unwrap_err().to_string().contains("another file"));
    }

    #[test]
    fn a_truncated_file_and_a_wrong_shape_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write(&path, &[("a".to_owned(), vec![3], vec![1.0, 2.0, 3.0])], Precision::Single, &[]).unwrap();
        let bytes = fs::read(&path).unwrap();
        for cut in [0, 4, 20, bytes.len() - 1] {
            let error = Checkpoint::parse(&bytes[..cut], &path).unwrap_err();
            assert!(matches!(error, Error::Model(_)) && error.hint().is_some(), "{error}");
        }
        let error = Checkpoint::parse(&bytes, &path).unwrap().take("a", &[2]).unwrap_err();
        assert!(error.to_string().contains("[3]") && error.to_string().contains("[2]"), "{error}");
    }
}
