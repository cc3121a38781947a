//! Annotated text in the form that data sets of named entities have on the hub (`tner/conll2003`): one JSON object a
//! line with `tokens` and the ids of their `tags`, and `label.json` with the id of each tag's name.
//!
//! ```text
//! dataset/label.json   {"O": 0, "B-ORG": 1, "I-ORG": 2}
//! dataset/train.json   {"tokens": ["EU", "rejects"], "tags": [1, 0]}
//! ```
//!
//! `dataset/valid.json` is the dev split, `dataset/test.json` may be missing. The files may as well stand in the folder
//! itself. What is read is what a file in CoNLL columns gives, word and tag, with the same checks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::Deserialize;

use super::layout::{Split, find_json_splits};
use super::read::{ConllFile, MAX_WORDS, RawSentence, read_bytes};
use super::scheme::Tag;
use crate::Result;
use crate::error::{Error, Problem, printable};

/// The folder with `label.json`, if `folder` is a data set of this form.
pub fn find(folder: &Path) -> Option<PathBuf> {
    let candidates = [folder.join("dataset"), folder.to_owned()];
    candidates.into_iter().find(|folder| folder.join("label.json").is_file() && folder.join("train.json").is_file())
}

/// Reads the splits of a folder that [`find`] found, in the order of [`Split::ALL`].
///
/// # Errors
/// [`Error::Data`] with file and line: a line that is no such object, as many tags as tokens are not there, an id without
/// a name, an empty token or one with a tab or line break in it, a name that is no tag, a sentence that is too long.
pub fn read(folder: &Path) -> Result<Vec<(Split, ConllFile)>> {
    let names = read_labels(&folder.join("label.json"))?;
    let splits = find_json_splits(folder)?;
    splits.into_iter().map(|(split, path)| Ok((split, read_file(&path, &names)?))).collect()
}

fn read_labels(path: &Path) -> Result<BTreeMap<u64, String>> {
    let refuse = |what: String, line: usize| {
        let hint = "it gives each tag a number: {\"O\": 0, \"B-PER\": 1, \"I-PER\": 2}";
        Error::Data(Problem::new(what).at(path).line(line).hint(hint))
    };
    let ids: BTreeMap<String, u64> = serde_json::from_slice(&fs::read(path).map_err(Error::io(path))?)
        .map_err(|e| refuse(format!("no list of tags: {e}"), e.line().max(1)))?;
    let mut names = BTreeMap::new();
    for (name, id) in ids {
        if Tag::parse(&name).is_err() {
            return Err(refuse(format!("`{}` is not a tag", printable(&name)), 1));
        }
        if let Some(other) = names.insert(id, name.clone()) {
            return Err(refuse(format!("`{other}` and `{name}` have the same number {id}"), 1));
        }
    }
    Ok(names)
}

fn read_file(path: &Path, names: &BTreeMap<u64, String>) -> Result<ConllFile> {
    parse(path, &read_bytes(path)?, names)
}

fn parse(path: &Path, bytes: &[u8], names: &BTreeMap<u64, String>) -> Result<ConllFile> {
    #[derive(Deserialize)]
    struct Line {
        tokens: Vec<String>,
        tags: Vec<u64>,
    }
    let mut file = ConllFile { path: path.to_owned(), n_columns: 0, sentences: Vec::new() };
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let refuse = |what: String, hint: &str| {
            Err(Error::Data(Problem::new(what).at(path).line(index + 1).hint(hint.to_owned())))
        };
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line: Line = match serde_json::from_slice(line) {
            Ok(line) => line,
            Err(e) => {
                // The message counts lines within what it was given, which is one.
                let why = e.to_string();
                let why = why.split(" at line ").next().unwrap_or_default().to_owned();
                return refuse(
                    format!("no sentence: {why} (column {})", e.column()),
                    "a line is an object with `tokens` and as many numbers of `tags`",
                );
            }
        };
        let (n_tokens, n_tags) = (line.tokens.len(), line.tags.len());
        if n_tokens != n_tags {
            return refuse(format!("{n_tokens} tokens and {n_tags} tags"), "give each token one tag");
        }
        if n_tokens > MAX_WORDS {
            return refuse(format!("the sentence has more than {MAX_WORDS} words"), "cut it into sentences");
        }
        let mut rows = Vec::with_capacity(n_tokens);
        for (position, (token, id)) in line.tokens.into_iter().zip(line.tags).enumerate() {
            if token.is_empty() || token.contains(['\t', '\n', '\r']) {
                return refuse(
                    format!(
                        "token {} is `{}`: it is empty, or has a tab or line break",
                        position + 1,
                        printable(&token)
                    ),
                    "remove the token and its tag, or write it without",
                );
            }
            let Some(name) = names.get(&id) else {
                return refuse(format!("the tag {id} of token {} is not in label.json", position + 1), "name it there");
            };
            rows.push(vec![token, name.clone()]);
        }
        if !rows.is_empty() {
            file.n_columns = 2;
            file.sentences.push(RawSentence { first_line: index + 1, rows, on_one_line: true });
        }
    }
    Ok(file)
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
            let corpus = files::read(folder.path()).unwrap().corpus().unwrap();
            assert_eq!(corpus.labels.names(), ["O", "B-ORG", "I-ORG"]);
            assert_eq!(corpus.train[0].words, ["EU", "rejects"]);
            assert_eq!(corpus.train[0].labels, [1, 0]);
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
            (r#"{"tokens": ["a"], "tags": [-1]}"#, "no sentence: invalid value"),
            (r#"{"tokens": ["a"]}"#, "missing field `tags`"),
            (r#"{"tokens": ["a"], "tags": [0]"#, "no sentence: EOF"),
            (r#"{"tokens": [""], "tags": [0]}"#, "token 1 is ``"),
            (r#"{"tokens": ["a\tb"], "tags": [0]}"#, "token 1 is `a\\u{9}b`"),
            ("\u{1}", "no sentence"),
        ] {
            let folder = data_set("dataset", &format!("{good}\n{line}\n"), LABELS);
            let Err(Error::Data(problem)) = files::read(folder.path()) else { panic!("{line}") };
            assert!(problem.what.contains(why), "{problem}");
            assert_eq!(problem.line, Some(2), "{problem}");
            assert!(problem.path.as_ref().unwrap().ends_with("train.json") && problem.hint.is_some());
        }
    }

    #[test]
    fn labels_must_be_tags_with_numbers_of_their_own() {
        for (labels, why) in [
            (r#"{"O": 0, "B-ORG": 0}"#, "the same number 0"),
            (r#"{"O": 0, "ORG": 1}"#, "`ORG` is not a tag"),
            (r#"["O"]"#, "no list of tags"),
            (r#"{"O": -1}"#, "no list of tags"),
        ] {
            let folder = data_set("", TRAIN, labels);
            let error = files::read(folder.path()).unwrap_err();
            assert!(error.to_string().contains("label.json") && error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn invalid_transitions_point_to_the_sentence() {
        let train = format!("{TRAIN}\n{}", r#"{"tokens": ["a", "b", "c"], "tags": [0, 0, 5]}"#);
        let folder = data_set("dataset", &train, LABELS);
        let warnings = files::read(folder.path()).unwrap().corpus().unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains("the first at line 5 (O → I-ORG)")), "{warnings:?}");
    }
}
