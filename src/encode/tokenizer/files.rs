//! A tokenizer's files, by name, and their settings.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::Value;

use crate::Result;
use crate::error::{Error, Problem};
use crate::hub::TOKENIZER_FILES;

/// The model's configuration: read for its `model_type`, written by the model and not by us.
const CONFIG: &str = "config.json";

/// What some editors put before a text in UTF-8.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Files in memory, and what their settings say.
pub(super) struct Files {
    files: Vec<(String, Vec<u8>)>,
    origin: PathBuf,
    settings: Value,
    special: Value,
    model: Value,
}

impl Files {
    /// Those of a model folder that concern the tokenizer.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for name in TOKENIZER_FILES.into_iter().chain([CONFIG]) {
            let path = folder.join(name);
            if path.is_file() {
                files.push((name.to_owned(), fs::read(&path).map_err(Error::io(&path))?));
            }
        }
        Self::new(files, folder)
    }

    /// Files as (name, content), byte order marks of text dropped; `origin` is named in errors.
    pub fn new(mut files: Vec<(String, Vec<u8>)>, origin: &Path) -> Result<Self> {
        for (name, content) in &mut files {
            if (name.ends_with(".json") || name.ends_with(".txt")) && content.starts_with(BYTE_ORDER_MARK) {
                content.drain(..BYTE_ORDER_MARK.len());
            }
        }
        let mut read =
            Self { files, origin: origin.to_owned(), settings: Value::Null, special: Value::Null, model: Value::Null };
        read.settings = read.json("tokenizer_config.json")?;
        read.special = read.json("special_tokens_map.json")?;
        read.model = read.json(CONFIG)?;
        Ok(read)
    }

    /// The content of a file, if it is there.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes.as_slice())
    }

    /// Puts a file in the place of the one of that name, or adds it.
    pub fn put(&mut self, name: &str, content: Vec<u8>) {
        match self.files.iter_mut().find(|(n, _)| n == name) {
            Some((_, bytes)) => *bytes = content,
            None => {
                let front = if name == "tokenizer.json" { 0 } else { self.files.len() };
                self.files.insert(front, (name.to_owned(), content));
            }
        }
    }

    /// A JSON object; null where there is no such file.
    pub fn json(&self, name: &str) -> Result<Value> {
        let Some(bytes) = self.get(name) else { return Ok(Value::Null) };
        match serde_json::from_slice(bytes) {
            Ok(value @ Value::Object(_)) => Ok(value),
            Ok(_) => Err(self.problem(name, "not a JSON object")),
            Err(e) => Err(self.problem(name, format!("not JSON: {e}"))),
        }
    }

    /// `tokenizer_config.json`; null where it is missing.
    pub fn settings(&self) -> &Value {
        &self.settings
    }

    /// A switch in `tokenizer_config.json`.
    pub fn switch(&self, key: &str) -> Option<bool> {
        self.settings.get(key).and_then(Value::as_bool)
    }

    /// What `tokenizer_config.json`, or else `special_tokens_map.json`, says of a special subword (`cls_token`): its
    /// text, or an object with its text as `content`.
    pub fn special(&self, key: &str) -> Option<&Value> {
        let named = |v: &&Value| v.is_string() || v.get("content").is_some_and(Value::is_string);
        [&self.settings, &self.special].into_iter().find_map(|file| file.get(key).filter(named))
    }

    /// The name of transformers' tokenizer, without `Fast`, and the model's type.
    pub fn class(&self) -> (Option<&str>, Option<&str>) {
        let class = self.settings.get("tokenizer_class").and_then(Value::as_str);
        (
            class.map(|name| name.strip_suffix("Fast").unwrap_or(name)),
            self.model.get("model_type").and_then(Value::as_str),
        )
    }

    /// An error about one of the files.
    pub fn problem(&self, name: &str, what: impl Into<String>) -> Error {
        let hint = format!("copy {name} from the model's own folder once more");
        Error::Model(Problem::new(what).at(self.origin.join(name)).hint(hint))
    }

    /// Where the files are from.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// Those that travel with a saved model.
    pub fn into_companions(mut self) -> Vec<(String, Vec<u8>)> {
        self.files.retain(|(name, _)| name != CONFIG);
        self.files
    }
}
