use clap::Parser;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: memoscope::cli::model::ModelCommand,
}
fn main() -> anyhow::Result<()> {
    memoscope::cli::model::run(Cli::parse().command)
}
