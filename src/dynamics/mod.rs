//! What was observed of every token in every epoch: the schema, the writer and the reader.
//!
//! A training that is to be understood afterwards has to leave more than its final score behind. This log keeps, for
//! each training token and epoch, what the model predicted and how sure it was of the label it was given: enough to
//! count forgetting events, to see noisy labels being resisted and then memorised, to draw a data map, without the
//! model and without training again. Everything in [`crate::analysis`] is computed from these files alone.
//!
//! ```text
//! tokens.parquet              once a run: every training token, its word, given and (where known) gold label
//! dynamics/epoch=0007.parquet once an epoch: one row per token and pass
//! steps.parquet               one row per optimiser step
//! curve.parquet               one row per evaluation on dev and on the probe
//! types.parquet               one row per evaluation and entity type on dev
//! probabilities/epoch=0007.parquet   where asked for: the probability of every label, of tokens that were not trained on
//! ```
//!
//! The columns are a contract with a version ([`SCHEMA_VERSION`]), written down in `docs/log-format.md`; any training
//! loop may write it. [`LogWriter`] writes it, whole files only, the same bytes for the same content. [`Log`] reads
//! this version and the earlier one, is kind about types (an `int64` where a `uint8` is meant) and strict about content, and also reads the JSON
//! lines of dataset cartography (arXiv 2009.10795). [`observe()`] turns logits into the logged quantities.

mod cartography;
mod column;
mod dev_score;
mod digests;
mod export;
mod frames;
mod labels;
mod observations;
mod observe;
mod pages;
mod parquet;
mod probabilities;
mod reader;
mod series;
mod tokens;
mod types;
mod unwind;
mod writer;

pub use dev_score::DevScore;
pub use digests::digests_until;
pub use export::{CsvText, guarded, unguarded, write_csv, write_csv_as, write_parquet};
pub(crate) use frames::is_column;
pub use observe::{Observed, observe};
pub use reader::{EpochObservations, Log};
pub use types::{
    CurvePoint, NoiseCounts, Observations, Pass, Probabilities, StepCounts, StepRecord, TokenTable, TypePoint,
};
pub use writer::LogWriter;

/// Version of the log's columns and their meaning; in every file's metadata.
pub const SCHEMA_VERSION: u32 = 2;
