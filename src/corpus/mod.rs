//! Annotated text: read and written, its tag scheme recognised, its splits held together.
//!
//! A corpus comes from a folder of files, from the hub, or from the generator in [`embedded`]; [`load()`] takes each by
//! its name ([`locate()`]). Files are in CoNLL columns or in JSON lines ([`json`]). A file passes through six steps, each a
//! module:
//!
//! 1. [`layout`] finds the files of the splits in the folder;
//! 2. [`decode`] recognises encoding and line ends;
//! 3. [`read`] takes lines apart into columns and refuses damage, naming file and line; [`columns`] finds files whose first
//!    column is not the token;
//! 4. [`tags`] cleans the tags and decides whether they have prefixes;
//! 5. [`scheme`] recognises IOB1, IOB2, BIOES or IO and converts to IOB2, without ever repairing a sequence;
//! 6. [`files`] holds the splits together and turns tags into label ids.
//!
//! Text without labels is read by [`unlabelled`].
//!
//! In memory a [`Sentence`] is words and label ids, gold or given by its type, and a [`LabelSet`] names the ids. [`SpanReader`] reads entities off
//! the ids, [`write_conll`] writes sentences back, [`edit`] changes labels in a file and leaves the rest of its bytes, and
//! [`describe`] counts what a corpus holds.

pub mod columns;
pub mod decode;
pub mod describe;
pub mod edit;
pub mod embedded;
pub mod files;
pub mod json;
pub mod layout;
mod load;
mod locate;
pub mod read;
pub mod scheme;
mod sentence;
mod spans;
pub mod tags;
mod types;
pub mod unlabelled;
mod write;

pub use columns::Columns;
pub use edit::EditableFile;
pub use layout::Split;
pub use load::{fingerprint, load, load_train};
pub use locate::{Located, NAMED, locate, open};
pub use read::{ConllFile, RawSentence, read_file};
pub use sentence::{Given, Gold, Labels, Sentence, TokenPosition};
pub use spans::{Span, SpanMode, SpanReader};
pub use types::{Corpus, LabelSet, Origin, Scheme};
pub use write::{NOISE_FILE, write_conll};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataSettings {
    /// `embedded` (synthetic, generated); a folder with `train`, `dev` and `test` files in CoNLL columns or JSON lines; or a
    /// data set of the hub: `conll03`, `jnlpba`, `wnut17`, `org/name`, each optionally with `@revision`.
    pub source: String,
    /// Column names of files in CoNLL columns, for example `["id", "token", "_", "tag"]`, with `_` for a column to skip; null
    /// means that the first column is the token and the last column the tag.
    pub columns: Option<Columns>,
    /// Number of training sentences to keep, selected by `data.seed`; null keeps all.
    pub train_sentences: Option<usize>,
    /// Number of dev sentences to keep; null keeps all.
    pub dev_sentences: Option<usize>,
    /// Seed of the embedded generator and of the selection of sentences.
    pub seed: u64,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self { source: "embedded".into(), columns: None, train_sentences: None, dev_sentences: None, seed: 1 }
    }
}
