//! `memoscope runs clean`: removes what studies have no more use for.

use clap::Args;
use indicatif::HumanBytes;

use super::runs::{Which, status_of};
use crate::cli::options::Loudness;
use crate::cli::output::{Table, ask, can_ask, errln, json, outln};
use crate::cli::{interrupt, progress};
use crate::error::{Error, Problem};
use crate::exec::{Cleaned, Leftover, What, clean, leftovers};

const EXAMPLES: &str = "\
Examples:
  memoscope runs clean experiments/noise-sweep.toml --checkpoints --broken
      List files that can be removed, with sizes, and ask for confirmation
  memoscope runs clean --out out/ --dynamics --yes
      Remove without asking
  memoscope runs clean --checkpoints --json
      Print the list as JSON; with --yes, also remove
A run that a process is working on is never removed.";

/// Remove checkpoints, unfinished runs, or the dynamics of finished runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CleanArgs {
    #[command(flatten)]
    which: Which,
    /// Remove checkpoints of unfinished runs; these runs start from the beginning
    #[arg(long)]
    checkpoints: bool,
    /// Remove unfinished runs, including failed ones
    #[arg(long)]
    broken: bool,
    /// Remove the token logs of finished runs. Existing reports stay but cannot be redrawn; `analyse` and sweeps of the study no
    /// longer work with these runs
    #[arg(long)]
    dynamics: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
    /// Print the list as JSON without asking
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    loudness: Loudness,
}

/// Runs the command.
pub(super) fn run(args: &CleanArgs) -> anyhow::Result<()> {
    let wanted = [(args.checkpoints, What::Checkpoint), (args.broken, What::Broken), (args.dynamics, What::Dynamics)];
    let wanted: Vec<What> = wanted.into_iter().filter_map(|(asked, what)| asked.then_some(what)).collect();
    if wanted.is_empty() {
        let problem = Problem::new("what is to be removed?").hint("give --checkpoints, --broken or --dynamics");
        return Err(Error::Config(problem).into());
    }
    let (mut found, mut live) = (Vec::new(), 0);
    for experiment in &args.which.experiments()? {
        let study = status_of(experiment)?;
        live += study.runs.iter().filter(|run| run.owner.is_some()).count();
        found.extend(leftovers(&study.runs, &wanted).into_iter().map(|leftover| (leftover, study.folder.clone())));
    }
    let list: Vec<&Leftover> = found.iter().map(|(leftover, _)| leftover).collect();
    let bytes = list.iter().map(|leftover| leftover.bytes).sum();
    match args.json {
        true => json(&list)?,
        false => {
            if !list.is_empty() {
                outln!("{}", table(&list));
            }
            outln!("{} in {} {}", HumanBytes(bytes), list.len(), if list.len() == 1 { "folder" } else { "folders" });
        }
    }
    if live > 0 && !args.loudness.quiet {
        errln!("{live} of the runs are being worked on: they are left alone");
    }
    if list.is_empty() || (args.json && !args.yes) {
        return Ok(());
    }
    if args.dynamics && !args.loudness.quiet {
        errln!(
            "without their dynamics, finished runs keep scores, curves and models; reports, events, clusters and data maps can \
             no longer be made of them"
        );
    }
    if !args.yes {
        if !can_ask() {
            let problem =
                Problem::new("nothing was removed: there is no terminal to ask on").hint("give --yes to remove");
            return Err(Error::Config(problem).into());
        }
        if !ask("Remove them?")? {
            errln!("nothing was removed");
            return Ok(());
        }
    }
    let stop = interrupt::stop_flag()?;
    let mut monitor = progress::monitor(args.loudness);
    let mut freed = 0;
    for (leftover, root) in &found {
        match clean(leftover, root, monitor.as_mut(), &stop)? {
            Cleaned::Removed => freed += leftover.bytes,
            Cleaned::InUse => {
                monitor.warning(&format!("{}: a process is at work on it now: left alone", leftover.run.display()));
            }
        }
        if stop.requested() {
            return Err(Error::Interrupted.into());
        }
    }
    if !args.loudness.quiet {
        errln!("{} removed", HumanBytes(freed));
    }
    Ok(())
}

fn table(list: &[&Leftover]) -> Table {
    let mut table = Table::ruled(["folder", "what", "size"]);
    for leftover in list {
        let what = match leftover.what {
            What::Checkpoint => "checkpoint",
            What::Broken => "run, not finished",
            What::Dynamics => "dynamics",
        };
        table.row([leftover.path.display().to_string(), what.to_owned(), HumanBytes(leftover.bytes).to_string()]);
    }
    table
}
