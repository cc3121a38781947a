//! The `memoscope` command: see [`memoscope::cli`].

/// Training makes and drops many tensors of the same sizes: this allocator reuses their pages, the system's returns
/// them to the kernel and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    memoscope::cli::main()
}
