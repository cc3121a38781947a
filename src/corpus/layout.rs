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

/// Extensions of annotated files; a file without one counts too.
const EXTENSIONS: [&str; 4] = ["txt", "conll", "tsv", "bio"];

/// Finds the files of the splits in `folder`, in the order of [`Split::ALL`]. `train` and `dev` must be there.
///
/// # Errors
/// [`Error::Data`] if the folder or a required file is missing, or two files could be the same split.
pub fn find_splits(folder: &Path) -> Result<Vec<(Split, PathBuf)>> {
    find(folder, is_split, "with the extension .txt, .conll, .tsv or .bio or none")
}

/// The same for files of JSON lines, whose extension is `.json`.
///
/// # Errors
/// As [`find_splits`].
pub fn find_json_splits(folder: &Path) -> Result<Vec<(Split, PathBuf)>> {
    find(folder, is_json_split, "with the extension .json")
}

fn find(folder: &Path, is_split: fn(&str, Split) -> bool, extensions: &str) -> Result<Vec<(Split, PathBuf)>> {
    let names = file_names(folder)?;
    let mut found = Vec::new();
    for split in Split::ALL {
        let candidates: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_split(name, split)).collect();
        match candidates[..] {
            [] if split == Split::Test => {}
            [] => {
                let names = split.stems().join(", ");
                return Err(Error::Data(
                    Problem::new(format!("there is no {} file in this folder", split.name()))
                        .at(folder)
                        .hint(format!("name it {names}, {extensions}")),
                ));
            }
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

fn is_json_split(name: &str, split: Split) -> bool {
    name.strip_suffix(".json").is_some_and(|stem| split.stems().contains(&stem))
}

fn is_split(name: &str, split: Split) -> bool {
    let path = Path::new(name);
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let known = path.extension().is_none_or(|extension| EXTENSIONS.iter().any(|known| extension == *known));
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
            let folder = folder(&["train.bio", dev, test, "README.md", "train.json"]);
            let found = find_splits(folder.path()).unwrap();
            let names: Vec<_> = found.iter().map(|(split, path)| (*split, path.file_name().unwrap())).collect();
            assert_eq!(names[0], (Split::Train, "train.bio".as_ref()));
            assert_eq!(names[1], (Split::Dev, dev.as_ref()));
            assert_eq!(names[2], (Split::Test, test.as_ref()));
        }
    }

    #[test]
    fn the_test_split_may_be_missing_but_not_dev() {
        assert_eq!(find_splits(folder(&["train.txt", "dev.txt"]).path()).unwrap().len(), 2);
        let error = find_splits(folder(&["train.txt"]).path()).unwrap_err();
        assert!(error.to_string().ends_with("there is no dev file in this folder"));
        assert!(error.hint().unwrap().contains("validation"));
    }

    #[test]
    fn two_candidates_are_named() {
        let error = find_splits(folder(&["train.txt", "dev.txt", "valid.txt"]).path()).unwrap_err();
        assert!(error.to_string().ends_with("both `dev.txt` and `valid.txt` could be the dev split"));
    }
}
