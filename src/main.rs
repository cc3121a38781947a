//! The `memoscope` command: see [`memoscope::cli`].

/// Training makes and drops many tensors of the same sizes: this allocator reuses their pages, the system's returns
/// them to the kernel and faults them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // candle keeps a thread pool of its own beside rayon's, whose idle workers spin: in a profile of a training
    // two fifths of the samples were theirs. What Memoscope computes in parallel, it computes on rayon's pool.
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", "1") };
    #[cfg(unix)]
    // A file that reaches the limit on its size (`ulimit -f`) is then an error of the write, not the end of the process.
    // SAFETY: no other thread runs yet, and no handler of ours is replaced.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
    memoscope::cli::main()
}
