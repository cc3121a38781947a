//! `tokenizer_config.json` as it travels with a saved model.
//!
//! From it transformers learns which class opens the folder. Version 5 takes only subwords and merges out of
//! `tokenizer.json` where it knows the class, and puts the rest together as that class does; so that a saved model
//! gives the same subwords there as here, whatever is not exactly such a class is saved as the one that uses the file
//! as it is.

use serde_json::{Map, Value, json};
use tokenizers::Tokenizer as Pretrained;

use super::files::Files;
use super::special;
use crate::Result;
use crate::error::Error;

const NAME: &str = "tokenizer_config.json";

/// transformers' class that uses `tokenizer.json` as it is.
const GENERIC: &str = "PreTrainedTokenizerFast";

/// Brings the settings in line with `tokenizer.json`; BERT's stay as they are.
pub(super) fn complete(files: &mut Files, pretrained: &Pretrained) -> Result<()> {
    let content = files.json("tokenizer.json")?;
    let model = &content["model"];
    let merges = model.get("merges").is_some();
    if !merges && !model["vocab"].is_array() {
        return Ok(());
    }
    let byte_level = merges && content["pre_tokenizer"]["type"] == "ByteLevel";
    let roberta = byte_level && content["normalizer"].is_null();
    let before = files.settings().as_object().cloned();
    let mut settings = before.clone().unwrap_or_default();
    if byte_level {
        settings.insert("add_prefix_space".into(), json!(true));
    }
    if !roberta || before.is_none() {
        make_generic(&mut settings, files, pretrained);
    }
    if before.as_ref() != Some(&settings) {
        let text = serde_json::to_vec_pretty(&settings).map_err(|e| Error::Internal(e.to_string()))?;
        files.put(NAME, text);
    }
    Ok(())
}

/// The generic class, and by name what the specific one knew.
fn make_generic(settings: &mut Map<String, Value>, files: &Files, pretrained: &Pretrained) {
    settings.insert("tokenizer_class".into(), json!(GENERIC));
    let special = special::present(pretrained, files);
    let fairseq = special.iter().any(|(key, subword)| *key == "cls_token" && subword == "<s>");
    for (key, subword) in special {
        if files.special(key).is_none() {
            settings.insert(key.into(), json!(subword));
        }
    }
    if fairseq && !settings.contains_key("model_input_names") {
        settings.insert("model_input_names".into(), json!(["input_ids", "attention_mask"]));
    }
}
