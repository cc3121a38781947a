//! Special subwords: which they are, and those that a vocabulary alone does not declare.

use serde_json::Value;
use tokenizers::{AddedToken, Tokenizer as Pretrained};

use super::files::Files;
use crate::Result;
use crate::error::{Error, Problem, printable};

/// The ids of the special subwords that we use.
pub(super) struct SpecialSubwords {
    pub cls: u32,
    pub sep: u32,
    pub unknown: Option<u32>,
    pub mask: Option<u32>,
}

/// A special subword that is looked for under its key, then under BERT's and RoBERTa's names.
const NAMES: [(&str, [&str; 2]); 5] = [
    ("cls_token", ["[CLS]", "<s>"]),
    ("sep_token", ["[SEP]", "</s>"]),
    ("unk_token", ["[UNK]", "<unk>"]),
    ("mask_token", ["[MASK]", "<mask>"]),
    ("pad_token", ["[PAD]", "<pad>"]),
];

impl SpecialSubwords {
    /// Looks them up, by the names the files give, else by the known ones; `source` is the file of the vocabulary.
    ///
    /// # Errors
    /// [`Error::Model`] if there is no subword to open or to close a sentence.
    pub fn find(pretrained: &Pretrained, files: &Files, source: &str) -> Result<Self> {
        let id = |key: &str| content(pretrained, files, key).and_then(|subword| pretrained.token_to_id(&subword));
        let require = |index: usize| {
            let (key, names) = NAMES[index];
            id(key).ok_or_else(|| missing(files, source, text(files.special(key)).unwrap_or(names[0])))
        };
        Ok(Self { cls: require(0)?, sep: require(1)?, unknown: id("unk_token"), mask: id("mask_token") })
    }
}

fn missing(files: &Files, source: &str, subword: &str) -> Error {
    Error::Model(
        Problem::new(format!("the tokenizer has no subword {}", printable(subword)))
            .at(files.origin().join(source))
            .hint("use the tokenizer that the encoder was pretrained with"),
    )
}

/// The special subwords that the tokenizer has, as (key, subword).
pub(super) fn present(pretrained: &Pretrained, files: &Files) -> Vec<(&'static str, String)> {
    NAMES.iter().filter_map(|(key, _)| Some((*key, content(pretrained, files, key)?))).collect()
}

/// The subword of a key: the named one, where it exists and whoever opens or closes sentences must, else a known one.
fn content(pretrained: &Pretrained, files: &Files, key: &str) -> Option<String> {
    let exists = |subword: &&str| pretrained.token_to_id(subword).is_some();
    let named = text(files.special(key));
    let known = NAMES.iter().find(|(k, _)| *k == key).map_or([""; 2], |(_, names)| *names);
    match named {
        Some(subword) if exists(&subword) => Some(subword.to_owned()),
        Some(_) if matches!(key, "cls_token" | "sep_token") => None,
        _ => known.into_iter().find(exists).map(String::from),
    }
}

/// A special subword as transformers declares it where the files say nothing else.
pub(super) struct Default {
    pub key: &'static str,
    pub content: &'static str,
    /// Takes the whitespace before it along.
    pub lstrip: bool,
    /// Is looked for in the normalised text.
    pub normalized: bool,
}

/// Adds the subwords that a bare vocabulary, read from the file `source`, does not declare: `vocabulary`'s own, those
/// of `added_tokens_decoder` and `added_tokens.json` in the order of their ids, and the special ones.
///
/// The hiding and the padding subword get the next row where they have none, as in transformers; those for opening,
/// closing and unknown are not invented, for no encoder has learned them.
///
/// # Errors
/// [`Error::Model`] if a subword would get another id than the files say, or one to open or close sentences is missing.
pub(super) fn add(
    pretrained: &mut Pretrained,
    files: &Files,
    source: &str,
    vocabulary: Vec<AddedToken>,
    defaults: &[Default],
) -> Result<()> {
    let failed = |e: tokenizers::Error| Error::Internal(format!("adding special subwords failed: {e}"));
    pretrained.add_tokens(vocabulary).map_err(failed)?;
    let numbered = numbered(files)?;
    pretrained.add_tokens(numbered.iter().map(|(_, token)| token.clone())).map_err(failed)?;
    for (id, token) in &numbered {
        let given = pretrained.token_to_id(&token.content);
        if given != Some(*id) {
            let file =
                if files.get("added_tokens.json").is_some() { "added_tokens.json" } else { "tokenizer_config.json" };
            let subword = &token.content;
            return Err(files.problem(
                file,
                format!("the subword {subword:?} should be {id}, but the vocabulary makes it {given:?}"),
            ));
        }
    }
    for default in defaults {
        let plain = AddedToken::from(default.content, true).lstrip(default.lstrip).normalized(default.normalized);
        let token = match files.special(default.key) {
            Some(Value::String(content)) => AddedToken { content: content.clone(), ..plain },
            Some(object) => declared(object, plain),
            None => plain,
        };
        let listed = numbered.iter().any(|(_, other)| other.content == token.content);
        let row = listed || pretrained.token_to_id(&token.content).is_some();
        if !row && matches!(default.key, "cls_token" | "sep_token") {
            return Err(missing(files, source, &token.content));
        }
        if !listed && (row || default.key != "unk_token") {
            pretrained.add_special_tokens([token]).map_err(failed)?;
        }
    }
    Ok(())
}

/// Subwords with the ids that files give them, ascending.
fn numbered(files: &Files) -> Result<Vec<(u32, AddedToken)>> {
    let mut numbered: Vec<(u32, AddedToken)> = Vec::new();
    if let Some(Value::Object(listed)) = files.settings().get("added_tokens_decoder") {
        for (id, object) in listed {
            let content = text(Some(object)).filter(|content| !content.is_empty());
            let (Ok(id), Some(content)) = (id.parse(), content) else {
                return Err(files.problem(
                    "tokenizer_config.json",
                    format!("no subword: added_tokens_decoder has {id:?}: {object}"),
                ));
            };
            let special = object.get("special").and_then(Value::as_bool).unwrap_or(true);
            numbered.push((id, declared(object, AddedToken::from(content, special))));
        }
    }
    if let Value::Object(listed) = files.json("added_tokens.json")? {
        for (content, id) in listed {
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|_| !content.is_empty());
            let Some(id) = id else {
                return Err(files.problem("added_tokens.json", format!("no id of a subword: {content:?}")));
            };
            if !numbered.iter().any(|(_, token)| token.content == content) {
                let special = NAMES.iter().any(|(key, known)| {
                    text(files.special(key)).map_or(known.contains(&content.as_str()), |named| named == content)
                });
                numbered.push((id, AddedToken::from(content, special)));
            }
        }
    }
    numbered.sort_by_key(|(id, _)| *id);
    Ok(numbered)
}

fn text(value: Option<&Value>) -> Option<&str> {
    let value = value?;
    value.as_str().or_else(|| value.get("content")?.as_str())
}

/// A subword with the properties that an object gives it.
fn declared(object: &Value, token: AddedToken) -> AddedToken {
    let flag = |key: &str, otherwise: bool| object.get(key).and_then(Value::as_bool).unwrap_or(otherwise);
    AddedToken {
        content: text(Some(object)).unwrap_or(&token.content).to_owned(),
        single_word: flag("single_word", token.single_word),
        lstrip: flag("lstrip", token.lstrip),
        rstrip: flag("rstrip", token.rstrip),
        normalized: flag("normalized", token.normalized),
        special: token.special,
    }
}
