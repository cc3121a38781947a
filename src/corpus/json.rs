//! Annotated text as JSON lines: one object a line with the tokens of a sentence and their tags.
//!
//! ```text
//! {"tokens": ["EU", "rejects"], "ner_tags": ["B-ORG", "O"]}
//! {"tokens": ["EU", "rejects"], "tags": [3, 0]}          with label.json: {"O": 0, "B-ORG": 3}
//! ```
//!
//! The tokens are under `tokens` or `words`, the tags under `ner_tags`, `tags` or `labels`; other keys are not read.
//! Tags are names, or numbers that `label.json` beside the file names: an object from name to number (as data sets on the
//! hub have it, `tner/conll2003`), an object from number to name, or a list of names. Files are called `train.json`,
//! `.jsonl` or `.ndjson` and stand in the folder itself or in its folder `dataset`. What is read is what a file in columns
//! gives: tokens and tags, with the same checks. A token `-DOCSTART-` marks a document and is left out.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use serde_json::{Map, Value};

use super::decode::Decoded;
use super::layout;
use super::read::{ConllFile, MAX_WORDS, RawSentence, cleaned_note};
use super::tags::clean;
use crate::Result;
use crate::error::{Error, Problem, printable};

const TOKENS: [&str; 2] = ["tokens", "words"];
const TAGS: [&str; 3] = ["ner_tags", "tags", "labels"];

/// Whether a file holds JSON lines: by its name, or because its first line is an object.
pub(super) fn is_json(decoded: &Decoded) -> bool {
    let first = decoded.lines().map(|line| line.text.trim()).find(|line| !line.is_empty()).unwrap_or_default();
    layout::is_json(&decoded.path)
        || first.starts_with("{\"") && serde_json::from_str::<Map<String, Value>>(first).is_ok()
}

/// Reads a file of JSON lines, and `label.json` beside it if the tags are numbers.
///
/// # Errors
/// [`Error::Data`] with file and line: a line that is no object with tokens and as many tags, a number without a name, a
/// token that is no text, is empty or has a tab or line break in it, a sentence that is too long.
pub(super) fn parse(decoded: &Decoded) -> Result<ConllFile> {
    let path = decoded.path.as_path();
    let mut labels = LabelFile { beside: path.with_file_name("label.json"), names: None };
    let mut file = ConllFile { path: path.to_owned(), n_columns: 0, sentences: Vec::new(), notes: decoded.notes() };
    let (mut n_marks, mut n_cleaned, mut first_cleaned) = (0_usize, 0_usize, 0);
    for line in decoded.lines() {
        if line.text.trim().is_empty() {
            continue;
        }
        let place = Place { path, line: line.number };
        let (tokens, tags) = place.sentence(line.text)?;
        let mut sentence =
            RawSentence { first_line: line.number, tokens: Vec::new(), tags: Vec::new(), on_one_line: true };
        for (position, (token, tag)) in tokens.iter().zip(&tags).enumerate() {
            let token = place.token(token, position)?;
            let written = labels.name(place, tag, position)?;
            if token == "-DOCSTART-" {
                n_marks += 1;
                continue;
            }
            let tag = clean(&written);
            if tag != written {
                n_cleaned += 1;
                first_cleaned = if n_cleaned == 1 { line.number } else { first_cleaned };
            }
            sentence.tokens.push(token.to_owned());
            sentence.tags.push(tag.into_owned());
        }
        if sentence.tokens.len() > MAX_WORDS {
            return place.refuse(format!("the sentence has more than {MAX_WORDS} tokens"), "cut it into sentences");
        }
        if !sentence.tokens.is_empty() {
            file.n_columns = 2;
            file.sentences.push(sentence);
        }
    }
    if n_marks > 0 {
        file.notes.push(format!("{}: {n_marks} `-DOCSTART-` marks are left out: they are no tokens", path.display()));
    }
    if n_cleaned > 0 {
        file.notes.push(cleaned_note(path, n_cleaned, first_cleaned));
    }
    Ok(file)
}

/// A line of a file.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    line: usize,
}

impl Place<'_> {
    fn refuse<T>(self, what: impl Into<String>, hint: &str) -> Result<T> {
        Err(Error::Data(Problem::new(what).at(self.path).line(self.line).hint(hint)))
    }

    /// The tokens and tags of the object on a line.
    fn sentence(self, text: &str) -> Result<(Vec<Value>, Vec<Value>)> {
        let form =
            "a line is an object with `tokens` and as many `tags`: {\"tokens\": [\"EU\"], \"tags\": [\"B-ORG\"]}";
        let mut object: Map<String, Value> = match serde_json::from_str(text) {
            Ok(Value::Object(object)) => object,
            Ok(Value::Array(_)) => {
                return self.refuse(
                    "a JSON array, not JSON lines",
                    "write one object a line, for instance with `jq -c '.[]'`",
                );
            }
            Ok(_) => return self.refuse("not a JSON object", form),
            Err(_) if text.trim_start().starts_with('[') => {
                return self.refuse(
                    "a JSON array, not JSON lines",
                    "write one object a line, for instance with `jq -c '.[]'`",
                );
            }
            Err(e) => {
                // The message counts lines within what it was given, which is one.
                let why = e.to_string();
                let why = why.split(" at line ").next().unwrap_or_default();
                return self.refuse(format!("not a JSON object on one line: {why} (column {})", e.column()), form);
            }
        };
        let tokens = self.list(&mut object, &TOKENS, form)?;
        let tags = self.list(&mut object, &TAGS, form)?;
        if tokens.len() != tags.len() {
            return self.refuse(format!("{} tokens and {} tags", tokens.len(), tags.len()), "give each token one tag");
        }
        Ok((tokens, tags))
    }

    /// The list under one of several keys.
    fn list(self, object: &mut Map<String, Value>, keys: &[&str], form: &str) -> Result<Vec<Value>> {
        let present: Vec<&str> =
            keys.iter().copied().filter(|key| object.get(*key).is_some_and(Value::is_array)).collect();
        match present[..] {
            [key] => match object.remove(key) {
                Some(Value::Array(list)) => Ok(list),
                _ => self.refuse(format!("`{key}` is no list"), form),
            },
            [] => {
                let found: Vec<String> = object.keys().map(|key| format!("`{}`", printable(key))).collect();
                let wanted: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                let what = format!("no list under {}; the keys are {}", wanted.join(" or "), found.join(", "));
                self.refuse(what, form)
            }
            [first, second, ..] => {
                self.refuse(format!("lists under both `{first}` and `{second}`"), "remove the one that is not meant")
            }
        }
    }

    fn token(self, token: &Value, position: usize) -> Result<&str> {
        let n = position + 1;
        let hint = "remove the token and its tag, or write it as text without tab and line break";
        match token {
            Value::String(token) if token.is_empty() => self.refuse(format!("token {n} is empty"), hint),
            Value::String(token) if token.contains(['\t', '\n', '\r', '\0']) => {
                self.refuse(format!("token {n} is `{}`: it has a tab, line break or NUL", printable(token)), hint)
            }
            Value::String(token) => Ok(token),
            other => self.refuse(format!("token {n} is {other}, not text"), hint),
        }
    }
}

/// The names of numbered tags, read when the first number is met.
struct LabelFile {
    beside: std::path::PathBuf,
    names: Option<BTreeMap<u64, String>>,
}

impl LabelFile {
    /// The name of a tag.
    fn name<'a>(&'a mut self, place: Place<'_>, tag: &'a Value, position: usize) -> Result<std::borrow::Cow<'a, str>> {
        let n = position + 1;
        if let Value::String(name) = tag {
            return Ok(name.into());
        }
        if tag.as_i64() == Some(-100) {
            return place.refuse(
                format!("the tag of token {n} is -100, which marks positions of a batch that are not scored"),
                "write one tag a token, before subwords are made",
            );
        }
        let Some(id) = tag.as_u64() else {
            return place
                .refuse(format!("the tag of token {n} is {tag}, neither a name nor a number"), "write its name");
        };
        if self.names.is_none() {
            if !self.beside.is_file() {
                let hint = "write the names of the tags, or put label.json beside the file: {\"O\": 0, \"B-PER\": 1}";
                return place
                    .refuse(format!("the tag of token {n} is the number {id}, and there is no label.json"), hint);
            }
            self.names = Some(read_labels(&self.beside)?);
        }
        match self.names.as_ref().and_then(|names| names.get(&id)) {
            Some(name) => Ok(name.into()),
            None => place.refuse(format!("the tag {id} of token {n} is not in label.json"), "name it there"),
        }
    }
}

/// The names of tags by number. Several numbers may have the same name once it is cleaned.
fn read_labels(path: &Path) -> Result<BTreeMap<u64, String>> {
    let refuse = |what: String, line: usize| {
        let hint = "it gives each tag a number: {\"O\": 0, \"B-PER\": 1, \"I-PER\": 2}";
        Error::Data(Problem::new(what).at(path).line(line).hint(hint))
    };
    let decoded = Decoded::new(path, &fs::read(path).map_err(Error::io(path))?)?;
    let value: Value =
        serde_json::from_str(&decoded.text).map_err(|e| refuse(format!("not a list of tags: {e}"), e.line().max(1)))?;
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    let mut add = |id: u64, name: &str| match names.insert(id, name.to_owned()) {
        Some(other) if other != name => {
            Err(refuse(format!("`{}` and `{}` have the same number {id}", printable(&other), printable(name)), 1))
        }
        _ => Ok(()),
    };
    match &value {
        Value::Object(object) => {
            for (key, value) in object {
                match (value.as_u64(), key.parse::<u64>(), value.as_str()) {
                    (Some(id), _, _) => add(id, key)?,
                    (None, Ok(id), Some(name)) => add(id, name)?,
                    _ => return Err(refuse(format!("not a list of tags: `{}` has no number", printable(key)), 1)),
                }
            }
        }
        Value::Array(list) => {
            for (id, name) in (0..).zip(list) {
                let name = name.as_str().ok_or_else(|| refuse(format!("not a list of tags: {name} is no name"), 1))?;
                add(id, name)?;
            }
        }
        _ => return Err(refuse("not a list of tags".into(), 1)),
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::files;

    const LABELS: &str = r#"{"O": 0, "B-ORG": 1, "I-ORG": 5}"#;
    const TRAIN: &str = "{\"tokens\": [\"EU\", \"rejects\"], \"tags\": [1, 0]}\r\n\n{\"tags\": [], \"tokens\": []}\n\
                         {\"tokens\": [\"Zürich 1\", \"AG\"], \"tags\": [1, 5], \"id\": 7}";

    fn data_set(below: &str, train: &str, labels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join(below);
        fs::create_dir_all(&inner).unwrap();
        for (name, text) in [("label.json", labels), ("train.json", train), ("valid.json", TRAIN)] {
            fs::write(inner.join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn words_and_tags_are_read_from_both_layouts() {
        for below in ["dataset", ""] {
            let folder = data_set(below, TRAIN, LABELS);
            let corpus = files::read(folder.path(), None).unwrap().corpus().unwrap();
            assert_eq!(corpus.labels.names(), ["O", "B-ORG", "I-ORG"]);
            assert_eq!(corpus.train[0].words, ["EU", "rejects"]);
            assert_eq!(corpus.train[0].labels[..], [1, 0]);
            assert_eq!(corpus.train[1].words, ["Zürich 1", "AG"]);
            assert_eq!((corpus.train.len(), corpus.dev.len(), corpus.test.len()), (2, 2, 0));
            assert_eq!(corpus.train_origin.unwrap().lines, [1, 4]);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        let good = r#"{"tokens": ["a"], "tags": [0]}"#;
        for (line, why) in [
            (r#"{"tokens": ["a"], "tags": [0, 0]}"#, "1 tokens and 2 tags"),
            (r#"{"tokens": ["a"], "tags": [2]}"#, "the tag 2 of token 1 is not in label.json"),
            (r#"{"tokens": ["a"], "tags": [-1]}"#, "the tag of token 1 is -1, neither a name nor a number"),
            (r#"{"tokens": ["a"], "tags": [-100]}"#, "marks positions of a batch"),
            (r#"{"tokens": ["a"], "tags": [1.5]}"#, "neither a name nor a number"),
            (r#"{"tokens": ["a"]}"#, "no list under `ner_tags` or `tags` or `labels`; the keys are"),
            (
                r#"{"text": "a b", "label": [[0, 1, "X"]]}"#,
                "no list under `tokens` or `words`; the keys are `text`, `label`",
            ),
            (r#"{"tokens": ["a"], "tags": [0], "labels": [0]}"#, "lists under both `tags` and `labels`"),
            (r#"{"tokens": ["a"], "tags": [0]"#, "not a JSON object on one line: EOF"),
            (r#"[{"tokens": ["a"], "tags": [0]},"#, "a JSON array"),
            (r#"{"tokens": [""], "tags": [0]}"#, "token 1 is empty"),
            (r#"{"tokens": [null], "tags": [0]}"#, "token 1 is null, not text"),
            (r#"{"tokens": ["a\tb"], "tags": [0]}"#, "token 1 is `a\\u{9}b`"),
            ("\u{1}", "not a JSON object"),
        ] {
            let folder = data_set("dataset", &format!("{good}\n{line}\n"), LABELS);
            let Err(Error::Data(problem)) = files::read(folder.path(), None) else { panic!("{line}") };
            assert!(problem.what.contains(why), "{problem}");
            assert_eq!(problem.line, Some(2), "{problem}");
            assert!(problem.path.as_ref().unwrap().ends_with("train.json") && problem.hint.is_some());
        }
    }

    #[test]
    fn labels_must_be_tags_with_numbers_of_their_own() {
        for (labels, why) in [
            (r#"{"O": 0, "B-ORG": 0}"#, "the same number 0"),
            (r#"{"O": -1}"#, "not a list of tags: `O` has no number"),
            (r#"[1]"#, "not a list of tags: 1 is no name"),
            ("{", "not a list of tags: EOF"),
        ] {
            let folder = data_set("", TRAIN, labels);
            let error = files::read(folder.path(), None).unwrap_err();
            assert!(error.to_string().contains("label.json") && error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn invalid_transitions_point_to_the_sentence() {
        let train = format!("{TRAIN}\n{}", r#"{"tokens": ["a", "b", "c"], "tags": [0, 0, 5]}"#);
        let folder = data_set("dataset", &train, LABELS);
        let warnings = files::read(folder.path(), None).unwrap().corpus().unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains("the first at line 5 (O → I-ORG)")), "{warnings:?}");
    }

    #[test]
    fn usual_keys_and_ways_of_naming_tags_read_alike() {
        let numbers = r#"{"tokens": ["EU", "rejects"], "tags": [1, 0]}"#;
        for (labels, line) in [
            (r#"{"O": 0, "B-ORG": 1, "[PAD]": 2}"#, numbers),
            (r#"{"0": "O", "1": "B-ORG"}"#, numbers),
            (r#"["O", "B-ORG"]"#, numbers),
            ("\u{feff}{\"O\": 0, \"B-ORG \": 1, \"B-ORG\": 2}", numbers),
            ("", r#"{"words": ["EU", "rejects"], "ner_tags": ["B-ORG", "O"], "id": "0"}"#),
            ("", r#"{"tokens": ["EU", "-DOCSTART-", "rejects"], "labels": ["B-ORG ", "O", "O"], "tags": null}"#),
        ] {
            for name in ["train.json", "train.jsonl", "train.ndjson", "lines.txt"] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join(name);
                fs::write(&path, line).unwrap();
                if !labels.is_empty() {
                    fs::write(folder.path().join("label.json"), labels).unwrap();
                }
                let files = files::read(&path, None).unwrap();
                let (labels, sentences) = files.labelled().unwrap();
                assert_eq!(labels.names(), ["O", "B-ORG"], "{line}");
                assert_eq!(
                    (sentences[0][0].words.join(" "), &sentences[0][0].labels[..]),
                    ("EU rejects".into(), &[1, 0][..])
                );
            }
        }
    }

    #[test]
    fn numbers_need_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        fs::write(&path, r#"{"tokens": ["a"], "tags": [0]}"#).unwrap();
        let error = files::read(&path, None).unwrap_err();
        assert!(
            error.to_string().ends_with("x.jsonl:1: the tag of token 1 is the number 0, and there is no label.json")
        );
    }
}
