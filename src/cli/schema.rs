//! `memoscope schema`: what an experiment file may say.

use super::output::json;
use crate::config::json_schema;

pub(super) const EXAMPLES: &str = "\
Examples:
  memoscope schema > configuration.schema.json";

/// Prints the JSON schema of experiment files.
pub(super) fn run() -> anyhow::Result<()> {
    json(&json_schema())?;
    Ok(())
}
