//! The table of what class caps left of the training split.

use polars::prelude::*;

use super::StudyInput;
use crate::error::Result;
use crate::report::{Column as Shown, Format, Table};

/// One row a run with a cap: what it left; nothing where no run has one.
pub(super) fn table(input: &StudyInput<'_>) -> Result<Option<Table>> {
    let capped: Vec<_> = input.runs.iter().filter_map(|run| Some((run, run.manifest.cap.as_ref()?))).collect();
    if capped.is_empty() {
        return Ok(None);
    }
    let lost = |types: Vec<&str>| (!types.is_empty()).then(|| types.join(", "));
    let frame = df!(
        "run" => capped.iter().map(|(run, _)| run.manifest.config.id.as_str()).collect::<Vec<_>>(),
        "kept" => capped.iter().map(|(_, cap)| cap.kept.len() as u64).collect::<Vec<_>>(),
        "available" => capped.iter().map(|(_, cap)| cap.available as u64).collect::<Vec<_>>(),
        "sentences" => capped.iter().map(|(_, cap)| cap.sentences[1] as u64).collect::<Vec<_>>(),
        "sentences_before" => capped.iter().map(|(_, cap)| cap.sentences[0] as u64).collect::<Vec<_>>(),
        "tokens" => capped.iter().map(|(_, cap)| cap.tokens[1] as u64).collect::<Vec<_>>(),
        "lost" => capped.iter().map(|(_, cap)| lost(cap.types_lost())).collect::<Vec<_>>(),
    )?;
    Table::from_frame(
        &frame,
        "caps",
        "What the caps left of the training split",
        "The sentences that stay are nested: at one seed those of a smaller number are among those of a larger one; each \
         manifest lists them. Dev and test are untouched.",
        vec![
            Shown::new("run", "Run", Format::Text),
            Shown::new("kept", "With the class", Format::Integer),
            Shown::new("available", "of", Format::Integer),
            Shown::new("sentences", "All sentences", Format::Integer),
            Shown::new("sentences_before", "of", Format::Integer),
            Shown::new("tokens", "Tokens", Format::Integer),
            Shown::new("lost", "Other types lost", Format::Text),
        ],
    )
    .map(Some)
}
