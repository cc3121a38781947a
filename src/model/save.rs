//! A model folder that transformers' `from_pretrained` opens.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::encoder::EncoderConfig;
use crate::Result;
use crate::encode::LEXICON_FILE;
use crate::error::Error;
use crate::files::write_atomically;

/// Writes `config.json` and the files of its `vocabulary` into `folder`, and calls `weights` for the rest.
///
/// `architecture` is transformers' name of the class that opens it; `labels` are those of a tagger.
pub fn write_folder(
    folder: &Path,
    config: &EncoderConfig,
    architecture: &str,
    labels: Option<&[String]>,
    vocabulary: &[(String, Vec<u8>)],
    weights: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let internal = |e: serde_json::Error| Error::Internal(e.to_string());
    let mut json = serde_json::Value::Object(config.to_json().map_err(internal)?);
    json["architectures"] = json!([architecture]);
    if let Some(labels) = labels {
        let id2label: BTreeMap<usize, &String> = labels.iter().enumerate().collect();
        let label2id: BTreeMap<&String, usize> = labels.iter().zip(0..).collect();
        json["id2label"] = id2label.iter().map(|(id, label)| (id.to_string(), json!(label))).collect();
        json["label2id"] = json!(label2id);
    }
    let text = serde_json::to_string_pretty(&json).map_err(internal)?;
    let mut files = vec![("config.json".to_owned(), text.into_bytes())];
    files.extend(vocabulary.iter().cloned());
    if !files.iter().any(|(name, _)| name == "tokenizer_config.json" || name == LEXICON_FILE) {
        let text = json!({ "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": config.max_subwords,
            "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]" });
        files.push((
            "tokenizer_config.json".into(),
            serde_json::to_string_pretty(&text).map_err(internal)?.into_bytes(),
        ));
    }
    for (name, content) in &files {
        let path = folder.join(name);
        write_atomically(&path, |file| file.write_all(content).map_err(Error::io(&path)))?;
    }
    weights()
}
