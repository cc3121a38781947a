//! The parent's side of one child.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;
use std::time::Duration;

use super::Task;
use super::protocol::{Event, assign};

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

/// A child at work.
pub(super) struct Child {
    /// Held open while the child is to work.
    input: Arc<Mutex<Option<Box<dyn Write + Send>>>>,
}

impl Child {
    /// Starts `program` for a task, with so many threads, and has its events sent.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        program: &Path,
        (index, task): (usize, &'scope Task<'scope>),
        of: usize,
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
        let input: Arc<Mutex<Option<Box<dyn Write + Send>>>> = Arc::new(Mutex::new(Some(Box::new(stdin))));
        let kept = input.clone();
        let errors = scope.spawn(move || last_words(stderr));
        scope.spawn(move || {
            if let Some(input) = kept.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                // A child that does not read it says why by its end.
                let _ = assign(task, (index + 1, of), &mut BufWriter::with_capacity(1 << 16, input));
            }
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // What is not an event of ours is left out.
                if let Ok(event) = serde_json::from_str(&line) {
                    let _ = events.send((index, Message::Event(event)));
                }
            }
            let status = loop {
                // Once it has been waited for, its number may be another process's.
                let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
                match child.try_wait() {
                    Ok(None) => {}
                    ended => {
                        children.remove(&child.id());
                        break ended.transpose();
                    }
                }
                drop(children);
                std::thread::sleep(LOOK);
            };
            let words = errors.join().unwrap_or_default();
            if let Some(status) = status {
                let _ = events.send((index, Message::Over(status, words)));
            }
        });
        Ok(Self { input })
    }

    /// Has the child stop after its step. While its assignment is being written nothing is done: ask again.
    pub(super) fn stop(&self) {
        if let Ok(mut input) = self.input.try_lock() {
            drop(input.take());
        }
    }
}

/// How a process ended, in words; `None` if it ended well.
pub(super) fn ending(status: &Result<ExitStatus, io::Error>, words: &str) -> Option<String> {
    let last = words.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.starts_with("note: "));
    let said = last.map_or_else(String::new, |line| format!(": {line}"));
    match status {
        Ok(status) if status.success() => None,
        Ok(status) => {
            #[cfg(unix)]
            if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(status) {
                let why = match signal {
                    libc::SIGKILL => " (SIGKILL), by a user or because the system was out of memory",
                    libc::SIGSEGV => " (SIGSEGV)",
                    libc::SIGABRT => " (SIGABRT)",
                    libc::SIGBUS => " (SIGBUS)",
                    _ => "",
                };
                return Some(format!("its process was ended by signal {signal}{why}{said}"));
            }
            Some(format!("its process ended with {status}{said}"))
        }
        Err(error) => Some(format!("its process was lost: {error}")),
    }
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
