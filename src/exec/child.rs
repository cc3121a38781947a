//! The parent's side of one child.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::Duration;

use super::Task;
use super::protocol::{Event, assign};
use crate::error::ErrorKind;

/// The children that run, by process number.
static CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Bytes of a child's last words that are kept.
const LAST_WORDS: usize = 4096;
/// Between two looks whether a child has ended, once it has said all it had to say.
const LOOK: Duration = Duration::from_millis(5);

/// Ends all children of this process at once, for a user who does not want to wait for their steps. Their finished epochs are
/// on disk. Where the system has no signals they end after their steps.
pub fn kill_all() {
    let children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
    for &child in children.iter() {
        #[cfg(unix)]
        if let Ok(child) = libc::pid_t::try_from(child) {
            // SAFETY: takes no pointer; the child has not been waited for, so that the number is still its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        #[cfg(not(unix))]
        let _ = child;
    }
}

/// What comes from a child, with the index of its task.
pub(super) enum Message {
    Event(Event),
    /// It has ended; how, if it did not say how its run ended.
    Over(Result<ExitStatus, io::Error>, String),
}

/// A child at work. Dropped, it is stopped.
pub(super) struct Child {
    input: Arc<Input>,
}

/// A child's standard input, which is held open while it is to work.
struct Input {
    pipe: Mutex<Option<Box<dyn Write + Send>>>,
    /// True once the child is to stop: whoever has the pipe closes it.
    closed: AtomicBool,
}

impl Input {
    /// Writes the child's assignment.
    fn assign(&self, task: &Task<'_>, position: (usize, usize)) {
        if let Some(pipe) = self.pipe.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // A child that does not read it says why by its end.
            let _ = assign(task, position, &mut BufWriter::with_capacity(1 << 16, pipe));
        }
        if self.closed.load(Ordering::SeqCst) {
            self.close();
        }
    }

    /// Closes the pipe, without waiting for an assignment that is being written: whoever writes it closes the pipe then.
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Ok(mut pipe) = self.pipe.try_lock() {
            drop(pipe.take());
        }
    }
}

impl Child {
    /// Starts `program` for the task of this index among so many, with so many threads, and has its events sent.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        program: &Path,
        task: &'scope Task<'scope>,
        (index, of): (usize, usize),
        threads: usize,
        events: Sender<(usize, Message)>,
    ) -> io::Result<Self> {
        let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut command = Command::new(program);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, "memoscope");
        let mut child = command
            .arg("exec-run")
            .env("RAYON_NUM_THREADS", threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        children.insert(child.id());
        drop(children);
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("a child without pipes"));
        };
        let input = Arc::new(Input { pipe: Mutex::new(Some(Box::new(stdin))), closed: AtomicBool::new(false) });
        let kept = input.clone();
        let errors = scope.spawn(move || last_words(stderr));
        scope.spawn(move || {
            kept.assign(task, (index + 1, of));
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // What is not an event of ours is left out.
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = events.send((index, Message::Event(event)));
                }
            }
            let status = wait(child);
            let words = errors.join().unwrap_or_default();
            let _ = events.send((index, Message::Over(status, words)));
        });
        Ok(Self { input })
    }

    /// Has the child stop after its step.
    pub(super) fn stop(&self) {
        self.input.close();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits for the end of a child that has said all it had to say.
fn wait(mut child: process::Child) -> io::Result<ExitStatus> {
    loop {
        // Once it has been waited for, its number may be another process's.
        let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => {
                children.remove(&child.id());
                return Ok(status);
            }
            Err(error) => {
                children.remove(&child.id());
                return Err(error);
            }
        }
        drop(children);
        std::thread::sleep(LOOK);
    }
}

/// How a process ended that did not say how its run did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// In one sentence.
    pub reason: String,
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// What the user can do about it.
    pub hint: Option<String>,
}

/// How a process ended, one of so many at once, and what its last words were.
pub(super) fn ending(status: &Result<ExitStatus, io::Error>, words: &str, jobs: usize) -> Ending {
    let last = words.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("note: "));
    let said = last.map_or_else(String::new, |line| format!(": {line}"));
    let defect = |reason: String| Ending { reason, kind: ErrorKind::Internal, hint: None };
    match status {
        Ok(status) if status.success() => defect("its process ended before its run".into()),
        Ok(status) => {
            #[cfg(unix)]
            if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(status) {
                return of_signal(signal, &said, jobs);
            }
            let _ = jobs;
            defect(format!("its process ended with {status}{said}"))
        }
        Err(error) => defect(format!("its process was lost: {error}")),
    }
}

/// The end by a signal. Crashes are defects; the others come from outside, as a rule because memory is short.
#[cfg(unix)]
fn of_signal(signal: i32, said: &str, jobs: usize) -> Ending {
    let name = match signal {
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGTERM => " (SIGTERM)",
        libc::SIGHUP => " (SIGHUP)",
        libc::SIGINT => " (SIGINT)",
        libc::SIGXCPU => " (SIGXCPU: a limit on processor time)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGFPE => " (SIGFPE)",
        _ => "",
    };
    let crashes = [libc::SIGSEGV, libc::SIGABRT, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];
    // What the standard library says before it aborts.
    let lacks_memory = said.contains("memory allocation of");
    let why = match signal {
        libc::SIGKILL => ", by a user or because the system was out of memory",
        _ if lacks_memory => " because it was out of memory",
        _ => "",
    };
    let hint = (signal == libc::SIGKILL || lacks_memory).then(|| {
        let fewer = match jobs {
            ..=1 => String::new(),
            _ => format!("fewer runs at once (--jobs {}), or ", jobs - 1),
        };
        format!(
            "if memory was short, try {fewer}a smaller train.batch_size or train.max_pieces; the same command resumes the \
             run, and --jobs changes no result"
        )
    });
    let kind = if crashes.contains(&signal) && !lacks_memory { ErrorKind::Internal } else { ErrorKind::Killed };
    Ending { reason: format!("its process was ended by signal {signal}{name}{why}{said}"), kind, hint }
}

/// The end of what a child writes to stderr.
fn last_words(mut stderr: impl Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(n @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..n]);
        let more = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..more);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_signal_is_named_with_its_likely_cause() {
        let killed = ending(&Ok(ExitStatus::from_raw(libc::SIGKILL)), "a\nnote: run with\n", 4);
        assert_eq!(killed.kind, ErrorKind::Killed);
        assert_eq!(
            killed.reason,
            "its process was ended by signal 9 (SIGKILL), by a user or because the system was out of memory: a"
        );
        assert!(
            killed.hint.unwrap().starts_with("if memory was short, try fewer runs at once (--jobs 3), or a smaller")
        );
        let aborted = |words| ending(&Ok(ExitStatus::from_raw(libc::SIGABRT)), words, 1);
        let short = aborted("memory allocation of 8000000 bytes failed");
        assert_eq!(short.kind, ErrorKind::Killed);
        assert!(short.hint.unwrap().starts_with("if memory was short, try a smaller train.batch_size"));
        let crashed = aborted("free(): invalid pointer");
        assert_eq!((crashed.kind, crashed.hint), (ErrorKind::Internal, None));
        assert_eq!(crashed.reason, "its process was ended by signal 6 (SIGABRT): free(): invalid pointer");
        let ended = ending(&Ok(ExitStatus::from_raw(3 << 8)), "", 1);
        assert_eq!((ended.kind, &*ended.reason), (ErrorKind::Internal, "its process ended with exit status: 3"));
    }
}
