//! `memoscope schema`: what an experiment file may say.

use anyhow::Context;

use super::output::outln;
use crate::config::json_schema;

pub(super) const EXAMPLES: &str = "\
Examples:
  memoscope schema > configuration.schema.json";

/// Prints the JSON schema of experiment files.
pub(super) fn run() -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&json_schema()).context("the schema cannot be printed")?;
    outln!("{text}");
    Ok(())
}
