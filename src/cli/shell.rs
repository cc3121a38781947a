//! `memoscope completions` and `memoscope man`: the command line, described for shells and readers.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;
use fs_err as fs;

use super::output::{data, outln};
use crate::error::Error;
use crate::files::write_atomically;

const COMPLETION_EXAMPLES: &str = "\
Examples:
  memoscope completions bash > ~/.local/share/bash-completion/completions/memoscope
  memoscope completions zsh > ~/.zfunc/_memoscope
  memoscope completions fish > ~/.config/fish/completions/memoscope.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  memoscope man ~/.local/share/man/man1";

/// Print a shell completion script
#[derive(Debug, Args)]
#[command(after_help = COMPLETION_EXAMPLES)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write manual pages
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct ManArgs {
    /// Output folder for `memoscope.1`, `memoscope-sweep.1`, ...
    dir: PathBuf,
}

/// Prints a completion script.
pub(super) fn completions(args: &CompletionsArgs, command: &mut Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "memoscope", &mut script);
    data(&String::from_utf8_lossy(&script))?;
    Ok(())
}

/// Writes one manual page a verb, and prints their paths.
pub(super) fn man(args: &ManArgs, command: Command) -> anyhow::Result<()> {
    fs::create_dir_all(&args.dir).map_err(Error::io(&args.dir))?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    pages(&command, args)
}

fn pages(command: &Command, args: &ManArgs) -> anyhow::Result<()> {
    let page = clap_mangen::Man::new(command.clone());
    let path = args.dir.join(page.get_filename());
    write_atomically(&path, |file| page.render(file).map_err(Error::io(&path)))?;
    outln!("{}", path.display());
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        pages(verb, args)?;
    }
    Ok(())
}
