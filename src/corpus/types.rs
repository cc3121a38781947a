//! The corpus in memory.

use std::fmt;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Gold, Sentence};

/// How spans are written as tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scheme {
    /// `B-` only where two spans of one type touch.
    Iob1,
    /// `B-` opens every span.
    Iob2,
    /// `B-`, `I-`, `E-`, and `S-` for spans of one token.
    Bioes,
    /// Types without a prefix: adjacent tokens of one type are one span.
    Io,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iob1 => "IOB1",
            Self::Iob2 => "IOB2",
            Self::Bioes => "BIOES",
            Self::Io => "IO",
        })
    }
}

/// The tag inventory: index is the label's id, `O` is always 0, the others are sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSet {
    names: Vec<String>,
}

impl LabelSet {
    /// The inventory of `tags`: `O` first, then the rest sorted, duplicates removed.
    pub fn new<S: AsRef<str>>(tags: impl IntoIterator<Item = S>) -> Self {
        let mut names: Vec<String> = tags.into_iter().map(|t| t.as_ref().to_owned()).filter(|t| t != "O").collect();
        names.sort();
        names.dedup();
        names.insert(0, "O".into());
        Self { names }
    }

    /// Number of labels K, `O` included.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: `O` is always there.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All names, by id.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The name of label `id`.
    ///
    /// # Panics
    /// If `id` is not in the inventory.
    pub fn name(&self, id: u8) -> &str {
        &self.names[id as usize]
    }

    /// The id of a tag, if it is in the inventory.
    pub fn id(&self, tag: &str) -> Option<u8> {
        self.names.iter().position(|n| n == tag).map(|i| i as u8)
    }
}

/// Where the sentences of a split were read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The file.
    pub path: PathBuf,
    /// One-based line of each sentence's first word.
    pub lines: Vec<usize>,
}

/// A corpus with its three splits, tags converted to IOB2. Its labels are taken to be right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Corpus {
    /// `embedded`, the folder's name, or the name on the hub.
    pub name: String,
    /// True if the text was generated: said wherever its results appear.
    pub synthetic: bool,
    /// The tag inventory over all splits.
    pub labels: LabelSet,
    /// The scheme the files were written in.
    pub scheme: Scheme,
    /// Training sentences.
    pub train: Vec<Sentence<Gold>>,
    /// Development sentences.
    pub dev: Vec<Sentence<Gold>>,
    /// Test sentences; may be empty.
    pub test: Vec<Sentence<Gold>>,
    /// Where `train` was read; absent for generated text.
    pub train_origin: Option<Origin>,
    /// SHA-256 (hex) of the words and labels of all splits.
    pub fingerprint: String,
    /// The hub's commit; absent for what did not come from there.
    pub revision: Option<String>,
    /// What is odd about the data but no reason to refuse it, one sentence each; to be shown to the user once.
    pub warnings: Vec<String>,
}
