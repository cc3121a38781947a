//! `memoscope runs adopt`: runs of earlier versions or of an experiment with other axes, moved to where a study has its own.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::output::{errln, json, outln};
use crate::error::printable;
use crate::study;
use crate::words::counted;

const EXAMPLES: &str = "\
Examples:
  memoscope runs adopt runs/noise-sweep --dry-run
      What would be moved where, and what would be left
  memoscope runs adopt out/
      The study that `memoscope sweep --out out/` did
Runs that are not adopted are found and read where they are, too.";

/// Move finished runs of earlier versions (noise=0.30,seed=1), or of an experiment with other axes, into the folders of the
/// study's own (noise=0.30/seed=1)
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct AdoptArgs {
    /// A study's folder: the one with its experiment.toml
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the result as JSON
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
    errln!("{} {verb}, {} left", counted(n, "run"), adoption.left.len());
    Ok(())
}
