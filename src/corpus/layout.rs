//! Which file of a folder holds which split.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::{Error, Problem};

/// The part a sentence plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trained on.
    Train,
    /// Judged on while training.
    Dev,
    /// Judged on at the end.
    Test,
}

impl Split {
    /// All splits, in the order they are listed.
    pub const ALL: [Self; 3] = [Self::Train, Self::Dev, Self::Test];

    /// `train`, `dev` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }

    /// File names, without extension, that mean this split.
    fn stems(self) -> &'static [&'static str] {
        match self {
            Self::Train => &["train"],
            Self::Dev => &["dev", "valid", "validation", "testa"],
            Self::Test => &["test", "testb"],
        }
    }
}

/// Extensions of files in CoNLL columns; a file without one counts too.
const COLUMN_EXTENSIONS: [&str; 6] = ["txt", "conll", "tsv", "bio", "iob", "iob2"];

/// Extensions of files of JSON lines.
const JSON_EXTENSIONS: [&str; 3] = ["json", "jsonl", "ndjson"];

/// Whether a file's name says that it holds JSON lines.
pub(super) fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| JSON_EXTENSIONS.iter().any(|json| extension == *json))
}

/// Finds the files of the splits in `folder` or, as on the hub, in the folder `dataset` in it, in the order of
/// [`Split::ALL`]. At least one is there; which ones a command needs is its own question.
///
/// # Errors
/// [`Error::Data`] if there is no such folder or no such file in it, if two files could be the same split, and if the
/// files are in two formats.
pub fn find_splits(folder: &Path) -> Result<Vec<(Split, PathBuf)>> {
    let inner = folder.join("dataset");
    let mut found = splits_of(folder)?;
    if inner.is_dir() {
        let deeper = splits_of(&inner)?;
        if let ([(_, here), ..], [(_, there), ..]) = (&found[..], &deeper[..]) {
            return Err(Error::Data(
                Problem::new(format!("both `{}` and `{}` are annotated files", file_name(here), there.display()))
                    .at(folder)
                    .hint("rename or move the ones that are not meant"),
            ));
        }
        found.extend(deeper);
    }
    let json = found.iter().find(|(_, path)| is_json(path));
    let columns = found.iter().find(|(_, path)| !is_json(path));
    if let (Some((_, json)), Some((_, columns))) = (json, columns) {
        let what = format!("`{}` is in JSON lines, `{}` in columns", file_name(json), file_name(columns));
        return Err(Error::Data(Problem::new(what).at(folder).hint("give all splits in one format")));
    }
    match found.is_empty() {
        true => Err(missing(folder, Split::Train)),
        false => Ok(found),
    }
}

/// The error for a split that a command needs and a folder lacks.
pub(super) fn missing(folder: &Path, split: Split) -> Error {
    Error::Data(Problem::new(format!("there is no {} file in this folder", split.name())).at(folder).hint(format!(
        "name it {}, with the extension .{} (columns), .{} (JSON lines) or none",
        split.stems().join(" or "),
        COLUMN_EXTENSIONS.join(", ."),
        JSON_EXTENSIONS.join(", ."),
    )))
}

fn splits_of(folder: &Path) -> Result<Vec<(Split, PathBuf)>> {
    let names = file_names(folder)?;
    let mut found = Vec::new();
    for split in Split::ALL {
        let candidates: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_split(name, split)).collect();
        match candidates[..] {
            [] => {}
            [name] => found.push((split, folder.join(name))),
            [first, second, ..] => {
                return Err(Error::Data(
                    Problem::new(format!("both `{first}` and `{second}` could be the {} split", split.name()))
                        .at(folder)
                        .hint("rename or move the one that is not meant"),
                ));
            }
        }
    }
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The names of the folder's files, sorted.
fn file_names(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Err(Error::Data(
            Problem::new("there is no such folder")
                .at(folder)
                .hint("give a folder with train and dev files in CoNLL columns, or `embedded`"),
        ));
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let entry = entry.map_err(Error::io(folder))?;
        if entry.path().is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn is_split(name: &str, split: Split) -> bool {
    let path = Path::new(name);
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let known = path.extension().is_none_or(|extension| {
        COLUMN_EXTENSIONS.iter().chain(&JSON_EXTENSIONS).any(|known| extension.eq_ignore_ascii_case(known))
    });
    known && stem.is_some_and(|stem| split.stems().contains(&stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    #[test]
    fn splits_go_by_many_names() {
        for (dev, test) in [("dev.txt", "test.txt"), ("valid", "test"), ("testa.conll", "testb.conll")] {
            let folder = folder(&["train.bio", dev, test, "README.md", "train.csv"]);
            let found = find_splits(folder.path()).unwrap();
            let names: Vec<_> = found.iter().map(|(split, path)| (*split, path.file_name().unwrap())).collect();
            assert_eq!(names[0], (Split::Train, "train.bio".as_ref()));
            assert_eq!(names[1], (Split::Dev, dev.as_ref()));
            assert_eq!(names[2], (Split::Test, test.as_ref()));
        }
    }

    #[test]
    fn splits_may_be_missing_but_not_all() {
        assert_eq!(find_splits(folder(&["train.txt", "dev.txt"]).path()).unwrap().len(), 2);
        assert_eq!(find_splits(folder(&["train.jsonl"]).path()).unwrap().len(), 1);
        let error = find_splits(folder(&["notes.txt"]).path()).unwrap_err();
        assert!(error.to_string().ends_with("there is no train file in this folder"));
        assert!(missing(Path::new("x"), Split::Dev).hint().unwrap().contains("validation"));
    }

    #[test]
    fn two_formats_are_refused() {
        let error = find_splits(folder(&["train.txt", "dev.jsonl"]).path()).unwrap_err();
        assert!(error.to_string().ends_with("`dev.jsonl` is in JSON lines, `train.txt` in columns"), "{error}");
        let error = find_splits(folder(&["train.txt", "train.json"]).path()).unwrap_err();
        assert!(error.to_string().ends_with("both `train.json` and `train.txt` could be the train split"), "{error}");
        let folder = folder(&["train.txt"]);
        fs::create_dir(folder.path().join("dataset")).unwrap();
        fs::write(folder.path().join("dataset/train.json"), "").unwrap();
        assert!(find_splits(folder.path()).unwrap_err().to_string().contains("are annotated files"));
    }

    #[test]
    fn two_candidates_are_named() {
        let error = find_splits(folder(&["train.txt", "dev.txt", "valid.txt"]).path()).unwrap_err();
        assert!(error.to_string().ends_with("both `dev.txt` and `valid.txt` could be the dev split"));
    }
}
