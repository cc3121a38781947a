//! Weights in and out: safetensors, in one file or several, and what PyTorch pickles.
//!
//! Elements of the types f16, bf16, f32 and f64 are read, and become f32. Names are those of today's transformers
//! (`tensor_names`). A tensor with elements that are not finite is an error only if the model needs it. Files are
//! written as safetensors with the metadata `{"format": "pt"}`, without which transformers refuses them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err as fs;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::pickle::{self, ReadTensor};
use super::tensor_names;
use crate::Result;
use crate::error::{Error, Problem, printable};
use crate::files::write_atomically;
use crate::hub::select;

/// A tensor to be written: its name, shape and elements in row-major order.
pub type NamedTensor = (String, Vec<usize>, Vec<f32>);

/// The tensors of a checkpoint by their names, each until it is taken.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Tensors whose elements are not floating point, with the name of their type.
    other_types: BTreeMap<String, String>,
    set_aside: Vec<String>,
    digest: [u8; 32],
}

impl Checkpoint {
    /// Reads a safetensors file whole.
    ///
    /// # Errors
    /// [`Error::Model`] if it is missing, truncated or not safetensors.
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
        let tensors = file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec(), single(&view)));
        Ok(Self::of(tensors, path, Sha256::digest(bytes).into()))
    }

    /// Reads a `pytorch_model.bin` whole, executing nothing of it.
    ///
    /// # Errors
    /// [`Error::Model`] for what [`pickle::read`] refuses; [`Error::Io`].
    pub fn read_pickle(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        Ok(Self::of(pickle::read(&bytes, path)?, path, Sha256::digest(&bytes).into()))
    }

    /// Reads the safetensors files, all beside it, that an index names.
    ///
    /// # Errors
    /// As [`Checkpoint::read`]; [`Error::Model`] for an index that cannot be understood, and two tensors of one name.
    pub fn read_shards(index: &Path) -> Result<Self> {
        let mut whole = Self::empty(index.to_owned(), [0; 32]);
        let mut digest = Sha256::new();
        for name in select::shards(index)? {
            let path = index.with_file_name(name);
            let shard = Self::read(&path)?;
            digest.update(shard.digest);
            whole.other_types.extend(shard.other_types);
            for (name, tensor) in shard.tensors {
                if whole.tensors.insert(name.clone(), tensor).is_some() {
                    return Err(Error::Model(
                        Problem::new(format!("the tensor `{}` is in another file of weights, too", printable(&name)))
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

    fn of(tensors: impl IntoIterator<Item = ReadTensor>, path: &Path, digest: [u8; 32]) -> Self {
        let mut checkpoint = Self::empty(path.to_owned(), digest);
        for (name, shape, values) in tensors {
            let name = tensor_names::today(&name);
            match values {
                Ok(values) => _ = checkpoint.tensors.insert(name, (shape, values)),
                Err(element_type) => _ = checkpoint.other_types.insert(name, element_type),
            }
        }
        checkpoint
    }

    /// A checkpoint without tensors: of a model that is not there yet.
    pub fn empty(path: PathBuf, digest: [u8; 32]) -> Self {
        Self { path, tensors: BTreeMap::new(), other_types: BTreeMap::new(), set_aside: Vec::new(), digest }
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// True if the tensor is there, and can be taken in this shape.
    ///
    /// # Errors
    /// [`Error::Model`] if it has another shape, or elements that are not floating point.
    pub fn has(&self, name: &str, shape: &[usize]) -> Result<bool> {
        let refuse = |what: String| {
            Err(Error::Model(Problem::new(what).at(&self.path).hint("the weights do not belong to this config.json")))
        };
        let shown = printable(name);
        match (self.tensors.get(name), self.other_types.get(name)) {
            (Some((found, _)), _) if found == shape => Ok(true),
            (Some((found, _)), _) => {
                refuse(format!("the tensor `{shown}` has shape {found:?}, config.json asks for {shape:?}"))
            }
            (None, Some(element_type)) => Err(Error::Model(
                Problem::new(format!("the tensor `{shown}` has elements of type {element_type}"))
                    .at(&self.path)
                    .hint("elements of type F16, BF16, F32 and F64 are read: use the weights before quantisation"),
            )),
            (None, None) => Ok(false),
        }
    }

    /// Takes a tensor out, or `None` if it is not there.
    ///
    /// # Errors
    /// As [`Checkpoint::has`], and [`Error::Model`] if an element is not finite.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>> {
        if !self.has(name, shape)? {
            return Ok(None);
        }
        let values = self.tensors.remove(name).map(|(_, values)| values);
        if let Some(i) = values.iter().flatten().position(|v| !v.is_finite()) {
            return Err(Error::Model(
                Problem::new(format!("the tensor `{}` is not finite at element {i}", printable(name)))
                    .at(&self.path)
                    .hint("fetch or copy the file once more"),
            ));
        }
        Ok(values)
    }

    /// The shape of a tensor that is still there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(shape, _)| shape.as_slice())
    }

    /// Gives all tensors the names that they have in the encoder alone: without what precedes the encoder's names, `prefix`
    /// or the name of a wrapper (`tensor_names`).
    ///
    /// # Errors
    /// [`Error::Model`] if the file holds several encoders, or two tensors get one name.
    pub fn with_plain_names(mut self, prefix: &str) -> Result<Self> {
        let names: Vec<&str> = self.tensors.keys().chain(self.other_types.keys()).map(String::as_str).collect();
        let refuse = |what: String, hint: &str| Error::Model(Problem::new(what).at(&self.path).hint(hint));
        let plain = tensor_names::plain(&names, prefix).map_err(|roots| {
            let roots: Vec<String> = roots.iter().map(|root| format!("`{}`", printable(root))).collect();
            refuse(
                format!("it holds several encoders, under {}", roots.join(" and ")),
                "save the weights of one of them to a file of their own",
            )
        })?;
        let mut sources: HashMap<&str, &str> = HashMap::new();
        for (name, plain) in names.iter().zip(&plain) {
            if let Some(other) = sources.insert(plain, name) {
                let (name, other) = (printable(name), printable(other));
                return Err(refuse(
                    format!("`{other}` and `{name}` are the same parameter of the encoder"),
                    "remove one of the two tensors from the file",
                ));
            }
        }
        let mut plain = plain.into_iter();
        self.tensors = std::mem::take(&mut self.tensors)
            .into_iter()
            .zip(&mut plain)
            .map(|((_, tensor), name)| (name, tensor))
            .collect();
        self.other_types = std::mem::take(&mut self.other_types)
            .into_iter()
            .zip(plain)
            .map(|((_, kind), name)| (name, kind))
            .collect();
        Ok(self)
    }

    /// Puts tensors aside: they can no longer be taken, and are among the [`Checkpoint::rest`].
    pub fn set_aside(&mut self, which: impl Fn(&str) -> bool) {
        let names: Vec<String> = self.tensors.keys().filter(|name| which(name)).cloned().collect();
        self.tensors.retain(|name, _| !which(name));
        self.set_aside.extend(names);
    }

    /// Names of the tensors that nobody took, and of those that are not floating point.
    pub fn rest(&self) -> Vec<String> {
        let others = self.set_aside.iter().chain(self.other_types.keys());
        let mut names: Vec<String> = self.tensors.keys().chain(others).cloned().collect();
        names.sort();
        names
    }

    /// Names of the tensors that nobody took and that have an element that is not finite.
    pub fn rest_not_finite(&self) -> Vec<String> {
        let broken = self.tensors.iter().filter(|(_, (_, values))| values.iter().any(|v| !v.is_finite()));
        broken.map(|(name, _)| name.clone()).collect()
    }
}

/// The elements in single precision; the name of their type if they are not floating point.
fn single(view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = view.data();
    Ok(match view.dtype() {
        Dtype::F64 => data.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect(),
        Dtype::F32 => data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|&b| half::f16::from_le_bytes(b).to_f32()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|&b| half::bf16::from_le_bytes(b).to_f32()).collect(),
        other => return Err(format!("{other:?}")),
    })
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
    fn double_precision_is_read_and_other_types_are_named() {
        let (double, long) = ([0.5_f64, -2.0].map(f64::to_le_bytes).concat(), 7_i64.to_le_bytes());
        let views = [
            ("w", TensorView::new(Dtype::F64, vec![2], &double).unwrap()),
            ("n", TensorView::new(Dtype::I64, vec![1], &long).unwrap()),
        ];
        let bytes = safetensors::serialize(views, None).unwrap();
        let mut read = Checkpoint::parse(&bytes, Path::new("model.safetensors")).unwrap();
        assert_eq!(read.take("w", &[2]).unwrap().unwrap(), [0.5, -2.0]);
        assert_eq!(read.rest(), ["n"]);
        let error = read.take("n", &[1]).unwrap_err();
        assert!(error.to_string().contains("`n` has elements of type I64") && error.hint().is_some(), "{error}");
    }

    #[test]
    fn what_is_not_finite_is_refused_where_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensors = [("a", f32::NAN), ("b", f32::INFINITY), ("c", 1.0)];
        let tensors = tensors.map(|(name, value)| (name.to_owned(), vec![1], vec![value]));
        write(&path, &tensors, Precision::Single, &[]).unwrap();
        let mut read = Checkpoint::read(&path).unwrap();
        assert_eq!(read.take("c", &[1]).unwrap().unwrap(), [1.0]);
        assert_eq!(read.rest_not_finite(), ["a", "b"]);
        let error = read.take("b", &[1]).unwrap_err();
        assert!(error.to_string().contains("`b` is not finite at element 0"), "{error}");
    }

    #[test]
    fn two_tensors_of_one_parameter_are_refused() {
        let tensors = |names: [&str; 2]| {
            let tensors = names.map(|name| (name.to_owned(), vec![1], Ok(vec![1.0])));
            Checkpoint::of(tensors, Path::new("model.safetensors"), [0; 32]).with_plain_names("bert")
        };
        let words = "embeddings.word_embeddings.weight";
        let error = tensors([&format!("student.{words}"), &format!("teacher.{words}")]).unwrap_err();
        assert!(error.to_string().contains("several encoders") && error.hint().is_some(), "{error}");
        let error = tensors(["bert.a", "bert._orig_mod.a"]).unwrap_err();
        assert!(error.to_string().contains("the same parameter") && error.hint().is_some(), "{error}");
        assert_eq!(tensors(["bert.a", "b"]).unwrap().rest(), ["a", "b"]);
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
