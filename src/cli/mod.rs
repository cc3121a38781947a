//! The command line: one file per command, and the only module that prints.
//!
//! Results go to stdout, everything else (progress, warnings, errors) to stderr, so that `memoscope ... --json | jq`
//! works. An error is said in one line with its place, followed by a hint where there is a remedy; the exit code says
//! its kind ([`crate::error::ErrorKind`]): 1 a defect of ours, 2 configuration, 3 data or model, 4 a training that
//! diverged, 5 the file system, 6 the hub or the way to it, 130 an interrupt.

mod adopt;
mod analyse;
mod audit;
mod bench;
mod clean;
pub mod corpus;
mod download;
mod estimate;
mod exec_run;
mod failure;
mod figures;
mod interrupt;
mod model;
mod options;
mod output;
mod phases;
mod progress;
mod runs;
mod schema;
mod shell;
mod sweep;
mod table;
mod train;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

const ABOUT: &str = "Shows how a pretrained language model learns, settles and memorises while it is fine-tuned";

const EXAMPLES: &str = "\
Examples:
  memoscope sweep experiments/noise-sweep.toml
      Fine-tune the embedded encoder on the embedded corpus at four noise levels and write a report
  memoscope sweep experiments/noise-sweep.toml --data conll2003/ --model bert-tiny/ --out out/
      The same with your own data and model
  memoscope figures
      Redraw all reports from finished runs

Exit codes: 0 success, 1 internal error, 2 configuration, 3 data or model, 4 training diverged,
5 file system, 6 hub, 130 interrupted";

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(name = "memoscope", bin_name = "memoscope", version, about = ABOUT, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Do all runs of an experiment, analyse them and write the report
    Sweep(sweep::SweepArgs),
    /// Do one run
    Train(train::TrainArgs),
    /// Show the status of the runs of a study, or remove files that are no longer needed
    Runs(Box<runs::RunsArgs>),
    /// Analyse a run's log: events, clusters, data map, phases
    Analyse(analyse::AnalyseArgs),
    /// Find fitting, settling and memorisation in a curve from another tool
    Phases(phases::PhasesArgs),
    /// Redraw reports from finished runs
    Figures(figures::FiguresArgs),
    /// Describe a corpus, add label noise to it, or generate a synthetic one
    #[command(subcommand)]
    Corpus(corpus::CorpusCommand),
    /// Find wrong labels in annotated text and correct them
    Audit(Box<audit::AuditArgs>),
    /// Pretrain an encoder, describe a model, or label text
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Measure the speed of training or evaluation on this machine
    Bench(bench::BenchArgs),
    /// Print the JSON schema of experiment files
    #[command(after_help = schema::EXAMPLES)]
    Schema,
    /// Do one run for another process of this program
    #[command(hide = true)]
    ExecRun,
    /// Print a shell completion script
    Completions(shell::CompletionsArgs),
    /// Write manual pages
    Man(shell::ManArgs),
}

/// Parses the command line, does what it says, and says what went wrong.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return failure::usage::<Cli>(&error),
    };
    download::show(false);
    let result = options::require_few_threads().map_err(anyhow::Error::from).and_then(|()| run(command));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Sweep(args) => sweep::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::ExecRun => exec_run::run(),
        Command::Analyse(args) => analyse::run(&args),
        Command::Phases(args) => phases::run(&args),
        Command::Figures(args) => figures::run(&args),
        Command::Corpus(command) => corpus::run(command),
        Command::Audit(args) => audit::run(&args),
        Command::Model(command) => model::run(command),
        Command::Bench(args) => bench::run(&args),
        Command::Schema => schema::run(),
        Command::Completions(args) => shell::completions(&args, &mut Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
