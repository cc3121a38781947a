//! `memoscope runs adopt`: runs of earlier versions, moved to where this one looks for them.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::{errln, json, outln};
use crate::error::printable;
use crate::study;

const EXAMPLES: &str = "\
Examples:
  memoscope runs adopt runs/noise-sweep --dry-run
      Show which runs would be moved
  memoscope runs adopt out/
      Move the runs of `memoscope sweep --out out/`
Runs that are not moved are still found in their old folders.";

/// Move finished runs of earlier versions (noise=0.30,seed=1) to the current layout (noise=0.30/seed=1)
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AdoptArgs {
    /// Folder of the study, which contains experiment.toml
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Print the plan without moving anything
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The result as JSON.
#[derive(Debug, Serialize)]
struct Adopted {
    /// Old and new folder of each run.
    adopted: Vec<[PathBuf; 2]>,
    /// Folders that were left, and why.
    left: Vec<Left>,
}

#[derive(Debug, Serialize)]
struct Left {
    folder: PathBuf,
    reason: String,
}

/// Does what `memoscope runs adopt` promises.
pub(super) fn run(args: &AdoptArgs) -> anyhow::Result<()> {
    let experiment = study::experiment_in(&args.folder)?;
    // A study that was told where to go has its runs in a folder of their own.
    let apart = args.folder.join("runs");
    let runs = if apart.is_dir() { apart } else { args.folder.clone() };
    let adoption = study::adopt(&experiment, &runs, args.dry_run)?;
    if args.json {
        let left = adoption.left.into_iter().map(|(folder, reason)| Left { folder, reason });
        let adopted = adoption.adopted.into_iter().map(|(from, to)| [from, to]).collect();
        json(&Adopted { adopted, left: left.collect() })?;
        return Ok(());
    }
    for (from, to) in &adoption.adopted {
        outln!("{} -> {}", from.display(), to.display());
    }
    for (folder, reason) in &adoption.left {
        errln!("left: {}: {}", printable(&folder.to_string_lossy()), printable(reason));
    }
    let (n, verb) = (adoption.adopted.len(), if args.dry_run { "would be adopted" } else { "adopted" });
    errln!("{n} {} {verb}, {} left", if n == 1 { "run" } else { "runs" }, adoption.left.len());
    Ok(())
}
