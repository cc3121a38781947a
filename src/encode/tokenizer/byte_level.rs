//! Byte-level BPE (GPT-2's, RoBERTa's): from `vocab.json` and `merges.txt`, and with a space before each word.
//!
//! Such a vocabulary writes the space before a word into the word's first subword (`Ġthe`). Words given beforehand have
//! lost their spaces, and the tokenizer has to put one before each of them (`add_prefix_space`), which is off in
//! RoBERTa's files; transformers refuses to encode words with it off.

use serde_json::{Value, json};
use tokenizers::Tokenizer as Pretrained;

use super::files::Files;
use super::special::{self, Default};
use crate::Result;

/// The file of the vocabulary.
pub(super) const NAME: &str = "vocab.json";

/// RoBERTa's special subwords, as transformers declares them.
const SPECIAL: [Default; 5] = [
    Default { key: "cls_token", content: "<s>", lstrip: false, normalized: true },
    Default { key: "pad_token", content: "<pad>", lstrip: false, normalized: true },
    Default { key: "sep_token", content: "</s>", lstrip: false, normalized: true },
    Default { key: "unk_token", content: "<unk>", lstrip: false, normalized: true },
    Default { key: "mask_token", content: "<mask>", lstrip: true, normalized: false },
];

/// RoBERTa's tokenizer from its vocabulary and its merges.
///
/// # Errors
/// [`Error::Model`](crate::error::Error::Model) if the files are none, or do not belong together.
pub(super) fn read(files: &Files) -> Result<Pretrained> {
    let vocabulary = files.json(NAME)?;
    let subwords = vocabulary.as_object().into_iter().flatten();
    for (subword, id) in subwords {
        if id.as_u64().is_none_or(|id| id > u64::from(u32::MAX)) {
            return Err(files.problem(NAME, format!("no id: the subword {subword:?} has {id}")));
        }
    }
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "vocab": vocabulary, "merges": merges(files)? },
    });
    let problem = |e: tokenizers::Error| files.problem("merges.txt", format!("it does not fit vocab.json: {e}"));
    let mut pretrained = Pretrained::from_bytes(tokenizer.to_string()).map_err(problem)?;
    let known: Vec<Default> = SPECIAL
        .into_iter()
        .filter(|d| files.special(d.key).is_some() || pretrained.token_to_id(d.content).is_some())
        .collect();
    special::add(&mut pretrained, files, NAME, Vec::new(), &known)?;
    let named = special::present(&pretrained, files);
    let subword = |key: &str| {
        let (_, subword) = named.iter().find(|(k, _)| *k == key)?;
        Some(json!([subword, pretrained.token_to_id(subword)?]))
    };
    let processor = subword("cls_token").zip(subword("sep_token")).map(|(cls, sep)| {
        json!({ "type": "RobertaProcessing", "sep": sep, "cls": cls, "trim_offsets": true, "add_prefix_space": true })
    });
    super::assemble(&mut pretrained, Value::Null, processor.unwrap_or_default(), Value::Null)?;
    Ok(pretrained)
}

/// The pairs of `merges.txt`, first to last: two subwords a line, after a line with the version.
fn merges(files: &Files) -> Result<Vec<[&str; 2]>> {
    let problem = |what: String| files.problem("merges.txt", what);
    let text = std::str::from_utf8(files.get("merges.txt").unwrap_or_default());
    let text = text.map_err(|e| problem(format!("not UTF-8: {e}")))?;
    let mut merges = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with("#version") {
            continue;
        }
        match line.split_once(' ') {
            Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(' ') => {
                merges.push([left, right]);
            }
            _ => return Err(problem(format!("line {} is not two subwords: {line:?}", index + 1))),
        }
    }
    Ok(merges)
}

/// What has to be added to a text where a word's space cannot be left to the byte-level pre-tokenizer.
const SPACE: &str = " ";

/// Changes a `tokenizer.json` so that each word gets its leading space; whether there was something to change.
///
/// The first pre-tokenizer does so itself. One that comes after others would put a space before each of their parts, in
/// the middle of words: there the normaliser does it, once a word.
pub(super) fn lead_with_space(tokenizer: &mut Value) -> bool {
    let mut changed = false;
    let mut late = false;
    if let Some(pre_tokenizer) = tokenizer.get_mut("pre_tokenizer") {
        switch_on(pre_tokenizer, &mut true, &mut changed, &mut late);
    }
    if late {
        let prepend = json!({ "type": "Prepend", "prepend": SPACE });
        let normalizer = &mut tokenizer["normalizer"];
        let parts = match (normalizer.get("normalizers").and_then(Value::as_array), &*normalizer) {
            (Some(parts), _) => parts.clone(),
            (None, Value::Null) => Vec::new(),
            (None, one) => vec![one.clone()],
        };
        if parts.last() != Some(&prepend) {
            let parts: Vec<Value> = parts.into_iter().chain([prepend]).collect();
            *normalizer = json!({ "type": "Sequence", "normalizers": parts });
            changed = true;
        }
    }
    if changed
        && let Some(processor) = tokenizer.get_mut("post_processor")
        && let Some(switch @ Value::Bool(false)) = processor.get_mut("add_prefix_space")
    {
        *switch = Value::Bool(true);
    }
    changed
}

/// Goes through the pre-tokenizers in their order; `first` as long as none has split anything.
fn switch_on(pre_tokenizer: &mut Value, first: &mut bool, changed: &mut bool, late: &mut bool) {
    match pre_tokenizer.get("type").and_then(Value::as_str) {
        Some("Sequence") => {
            for part in pre_tokenizer.get_mut("pretokenizers").and_then(Value::as_array_mut).into_iter().flatten() {
                switch_on(part, first, changed, late);
            }
        }
        Some("ByteLevel") => {
            let off = pre_tokenizer.get("add_prefix_space") == Some(&Value::Bool(false));
            if off && *first {
                pre_tokenizer["add_prefix_space"] = Value::Bool(true);
                *changed = true;
            } else if off {
                *late = true;
            }
        }
        _ => {}
    }
    *first = false;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_level(on: bool) -> Value {
        json!({ "type": "ByteLevel", "add_prefix_space": on, "trim_offsets": true, "use_regex": false })
    }

    fn sequence(parts: &[Value]) -> Value {
        json!({ "type": "Sequence", "pretokenizers": parts })
    }

    #[test]
    fn the_first_pre_tokenizer_puts_the_space_itself_however_deep_it_is_nested() {
        for nest in [|v| v, |v| sequence(&[v]), |v| sequence(&[sequence(&[v]), json!({ "type": "Digits" })])] {
            let mut tokenizer = json!({ "normalizer": null, "pre_tokenizer": nest(byte_level(false)) });
            assert!(lead_with_space(&mut tokenizer));
            assert_eq!(tokenizer, json!({ "normalizer": null, "pre_tokenizer": nest(byte_level(true)) }));
            assert!(!lead_with_space(&mut tokenizer));
        }
    }

    #[test]
    fn behind_a_splitter_the_normaliser_puts_the_space_once_a_word() {
        let pre_tokenizer = sequence(&[json!({ "type": "Digits", "individual_digits": true }), byte_level(false)]);
        for (before, count) in [(json!(null), 1), (json!({ "type": "NFC" }), 2)] {
            let mut tokenizer = json!({ "normalizer": before, "pre_tokenizer": pre_tokenizer });
            assert!(lead_with_space(&mut tokenizer));
            assert_eq!(tokenizer["pre_tokenizer"], pre_tokenizer);
            let normalizers = tokenizer["normalizer"]["normalizers"].as_array().unwrap();
            assert_eq!(normalizers.len(), count);
            assert_eq!(normalizers[count - 1], json!({ "type": "Prepend", "prepend": " " }));
            assert!(!lead_with_space(&mut tokenizer), "a second time changes nothing");
        }
    }

    #[test]
    fn other_tokenizers_stay_as_they_are() {
        for pre_tokenizer in [json!(null), json!({ "type": "BertPreTokenizer" }), byte_level(true)] {
            assert!(!lead_with_space(&mut json!({ "pre_tokenizer": pre_tokenizer })));
        }
    }
}
