//! The table of a study's runs.

use polars::prelude::*;

use super::StudyInput;
use crate::error::Result;
use crate::report::{Column as Shown, Format, Table};

/// One row a run: what it was made from, and how long it took.
pub(super) fn table(input: &StudyInput<'_>) -> Result<Table> {
    let manifests = || input.runs.iter().map(|run| &run.manifest);
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    let mut frame = df!(
        "run" => manifests().map(|m| m.config.id.clone()).collect::<Vec<String>>(),
        "data" => manifests().map(|m| short(&m.data.fingerprint)).collect::<Vec<String>>(),
        "model" => manifests().map(|m| short(&m.model.fingerprint)).collect::<Vec<String>>(),
        "configuration" => manifests().map(|m| short(&m.config_hash)).collect::<Vec<String>>(),
        "epochs" => manifests().map(|m| m.epochs_finished).collect::<Vec<u32>>(),
        "truncated" => manifests().map(|m| m.encoding.train_tokens_truncated as u64).collect::<Vec<u64>>(),
        "seconds" => manifests().map(|m| m.wall_seconds).collect::<Vec<f64>>(),
    )?;
    let sentences: Vec<u64> = manifests().map(|m| m.encoding.train_sentences as u64).collect();
    frame.insert_column(1, Column::new("sentences".into(), sentences))?;
    Table::from_frame(
        &frame,
        "runs",
        "Runs",
        "The first twelve digits of the SHA-256 of data, model and configuration; the manifests have all. Truncated: \
         training tokens beyond train.max_subwords, neither trained on nor scored.",
        vec![
            Shown::new("run", "Run", Format::Text),
            Shown::new("sentences", "Sentences", Format::Integer),
            Shown::new("truncated", "Truncated", Format::Integer),
            Shown::new("epochs", "Epochs", Format::Integer),
            Shown::new("seconds", "Training, s", Format::Decimal(1)),
            Shown::new("data", "Data", Format::Text),
            Shown::new("model", "Model", Format::Text),
            Shown::new("configuration", "Configuration", Format::Text),
        ],
    )
}
