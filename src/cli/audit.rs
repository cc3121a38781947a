//! `memoscope audit`: find wrong labels and put them right.

mod apply;

use clap::Subcommand;

/// What to do about wrong labels.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Put decisions about wrong labels into the annotated file
    Apply(apply::ApplyArgs),
}

/// Does what the verb promises.
pub(super) fn run(command: &AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::Apply(args) => apply::run(args),
    }
}
