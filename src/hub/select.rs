//! Which files of a repository are needed, and whether a folder has them.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use fs_err as fs;
use serde::Deserialize;

use super::Kind;
use crate::error::{Error, Problem, Result};

/// The one file of weights that is preferred.
pub const SAFETENSORS: &str = "model.safetensors";
/// Names the files of weights that were saved in several.
pub const SHARDS: &str = "model.safetensors.index.json";
/// Weights as PyTorch pickles them.
pub const PICKLE: &str = "pytorch_model.bin";

/// What every model has.
const CONFIG: &str = "config.json";

/// The files of a tokenizer, of which a model has some: those that are fetched with it, and that travel with a saved one.
pub const TOKENIZER_FILES: [&str; 10] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spm.model",
    "sentencepiece.bpe.model",
    "spiece.model",
    "added_tokens.json",
];

/// The labels and splits of a data set; `test` may be missing.
const DATA_FILES: [&str; 4] = ["dataset/label.json", "dataset/train.json", "dataset/valid.json", "dataset/test.json"];

/// Most bytes of a list of shards, and most shards.
const MAX_INDEX: u64 = 32 << 20;
const MAX_SHARDS: usize = 1000;

/// The files to fetch of those that a repository has, weights last: what has weights has all.
///
/// # Errors
/// [`Error::Hub`] if a file is missing without which nothing can be done.
pub fn wanted(kind: Kind, repository: &str, listed: &[String]) -> Result<Vec<&'static str>> {
    let has = |name: &str| listed.iter().any(|listed| listed == name);
    let missing = |what: String, hint: &str| Err(Error::Hub(Problem::new(what).hint(hint)));
    match kind {
        Kind::Model => {
            if !has(CONFIG) {
                return missing(
                    format!("{repository} has no {CONFIG}: it is no model in transformers' layout"),
                    "name another repository",
                );
            }
            let Some(weights) = [SAFETENSORS, SHARDS, PICKLE].into_iter().find(|name| has(name)) else {
                return missing(
                    format!("{repository} has neither {SAFETENSORS} nor {PICKLE}"),
                    "name a repository with PyTorch weights; other formats are not read",
                );
            };
            let tokenizer = TOKENIZER_FILES.into_iter().filter(|name| has(name));
            Ok([CONFIG].into_iter().chain(tokenizer).chain([weights]).collect())
        }
        Kind::Data => match DATA_FILES[..3].iter().find(|name| !has(name)) {
            Some(name) => missing(
                format!("{repository} has no {name}"),
                "data sets are read that have dataset/{train,valid,test}.json and dataset/label.json, as tner/conll2003",
            ),
            None => Ok(DATA_FILES.into_iter().filter(|name| has(name)).collect()),
        },
    }
}

/// The first file without which nothing can be done that a folder lacks.
pub fn first_missing(kind: Kind, folder: &Path) -> Result<Option<String>> {
    let has = |name: &str| folder.join(name).is_file();
    Ok(match kind {
        Kind::Data => DATA_FILES[..3].iter().find(|name| !has(name)).map(|name| (*name).to_owned()),
        Kind::Model if !has("config.json") => Some("config.json".into()),
        Kind::Model if has(SAFETENSORS) => None,
        Kind::Model if has(SHARDS) => shards(&folder.join(SHARDS))?.into_iter().find(|name| !has(name)),
        Kind::Model if has(PICKLE) => None,
        Kind::Model => Some(SAFETENSORS.into()),
    })
}

/// The names of the files that hold the weights which `model.safetensors.index.json` lists, sorted.
///
/// # Errors
/// [`Error::Model`] if it cannot be understood or names a file outside its folder; [`Error::Io`].
pub fn shards(index: &Path) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let refuse = |what: String| Error::Model(Problem::new(what).at(index).hint("fetch or copy the file once more"));
    if fs::metadata(index).map_err(Error::io(index))?.len() > MAX_INDEX {
        return Err(refuse(format!("longer than {MAX_INDEX} bytes")));
    }
    let text = fs::read(index).map_err(Error::io(index))?;
    let parsed: Index = serde_json::from_slice(&text).map_err(|e| refuse(format!("no list of weights: {e}")))?;
    let mut names: Vec<String> = parsed.weight_map.into_values().collect();
    names.sort();
    names.dedup();
    if names.is_empty() || names.len() > MAX_SHARDS {
        return Err(refuse(format!("it names {} files, and 1 to {MAX_SHARDS} can be read", names.len())));
    }
    match names.iter().find(|name| !is_safe(name) || name.contains('/') || !name.ends_with(".safetensors")) {
        Some(name) => Err(refuse(format!("`{}` is no safetensors file beside it", crate::error::printable(name)))),
        None => Ok(names),
    }
}

/// Whether a file name stays below the folder it is joined to, on any system.
pub(super) fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 1024
        && !name.contains(['\\', ':', '\0'])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn safetensors_come_before_shards_and_these_before_a_pickle() {
        let select = |weights: &[&str]| {
            let mut listed = names(&["README.md", "config.json", "vocab.txt", "tf_model.h5", "onnx/model.onnx"]);
            listed.extend(names(weights));
            wanted(Kind::Model, "m", &listed)
        };
        assert_eq!(select(&[PICKLE, SHARDS, SAFETENSORS]).unwrap(), ["config.json", "vocab.txt", SAFETENSORS]);
        assert_eq!(select(&[PICKLE, SHARDS]).unwrap(), ["config.json", "vocab.txt", SHARDS]);
        assert_eq!(select(&[PICKLE]).unwrap(), ["config.json", "vocab.txt", PICKLE]);
        assert!(matches!(select(&[]), Err(Error::Hub(_))));
        assert!(wanted(Kind::Model, "m", &names(&[SAFETENSORS])).unwrap_err().to_string().contains("config.json"));
    }

    #[test]
    fn a_data_set_may_lack_its_test_split_alone() {
        assert_eq!(wanted(Kind::Data, "d", &names(&DATA_FILES)).unwrap(), DATA_FILES);
        assert_eq!(wanted(Kind::Data, "d", &names(&DATA_FILES[..3])).unwrap(), DATA_FILES[..3]);
        for missing in &DATA_FILES[..3] {
            let rest = names(&DATA_FILES).into_iter().filter(|name| name != missing).collect::<Vec<_>>();
            assert!(wanted(Kind::Data, "d", &rest).unwrap_err().to_string().contains(missing));
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in
            ["", "..", "../evil", "a/../../evil", "/etc/passwd", "a//b", "./a", "C:\\a", "C:a", "a\\..\\b", "a\0"]
        {
            assert!(!is_safe(name), "{name:?}");
        }
        assert!(is_safe("dataset/train.json") && is_safe("..a") && is_safe("model-00001-of-00002.safetensors"));
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join(SHARDS);
        for name in ["../evil.safetensors", "/evil.safetensors", "sub/evil.safetensors", "evil.bin"] {
            fs::write(&index, format!(r#"{{"weight_map": {{"w": "{name}"}}}}"#)).unwrap();
            assert!(matches!(shards(&index), Err(Error::Model(_))), "{name}");
        }
        fs::write(
            &index,
            r#"{"metadata": {}, "weight_map": {"a": "y.safetensors", "b": "x.safetensors", "c": "x.safetensors"}}"#,
        )
        .unwrap();
        assert_eq!(shards(&index).unwrap(), ["x.safetensors", "y.safetensors"]);
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        fs::write(folder.path().join("x.safetensors"), "").unwrap();
        assert_eq!(first_missing(Kind::Model, folder.path()).unwrap().as_deref(), Some("y.safetensors"));
    }
}
