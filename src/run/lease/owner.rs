//! Who has a lease: a process, told apart from all others.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use serde::{Deserialize, Serialize};

use crate::run::environment::{host, now};

/// The owner of a lease, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine's name.
    pub host: String,
    /// The process's number there.
    pub process: u32,
    /// What makes process numbers comparable, beside the host's name: boot and space of process numbers. Empty where the system
    /// does not tell.
    pub machine: String,
    /// When the process was started, in the system's ticks; null where it does not tell. Numbers of processes are used again.
    pub process_started: Option<u64>,
    /// Random: no other lease has it.
    pub token: String,
    /// When the lease was taken, RFC 3339, UTC, by the owner's clock.
    pub since: String,
    /// When it was last renewed, likewise.
    pub renewed: String,
    /// How often it was renewed.
    pub beats: u64,
    /// True once the owner was asked to stop.
    pub leaving: bool,
}

/// What is known of the process that owns a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// It runs.
    Lives,
    /// It does not.
    Ended,
    /// It runs elsewhere, or this system cannot tell it from another one.
    Unknown,
}

/// Bytes of a lease: more than any of ours needs, so that a renewal covers what was there.
const WIDTH: usize = 1024;

impl Owner {
    /// This process, with a token of its own.
    pub(super) fn current() -> Self {
        let process = std::process::id();
        let now = now();
        // The standard library's hash maps are keyed by the system's random numbers.
        let token = [(); 2].map(|()| format!("{:016x}", RandomState::new().build_hasher().finish())).concat();
        Self {
            host: host(),
            process,
            machine: system::machine(),
            process_started: system::started(process).and_then(Result::ok),
            token,
            since: now.clone(),
            renewed: now,
            beats: 0,
            leaving: false,
        }
    }

    /// The owner in a lease's text; `None` if there is none in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text of a lease.
    pub(super) fn to_text(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{json:<WIDTH$}\n")
    }

    /// Renews it.
    pub(super) fn beat(&mut self, leaving: bool) {
        self.renewed = now();
        self.beats += 1;
        self.leaving = leaving;
    }

    /// Whether the owner lives, as far as this process can tell.
    pub fn process(&self) -> Process {
        if self.host != host() || self.machine != system::machine() {
            return Process::Unknown;
        }
        system::process(self.process, self.process_started)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::sync::LazyLock;

    use fs_err as fs;

    use super::Process;

    /// The boot, and the space of process numbers: containers have their own.
    static MACHINE: LazyLock<String> = LazyLock::new(|| {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        match boot.trim() {
            "" => String::new(),
            boot => format!("{boot} {}", space.display()),
        }
    });

    pub(super) fn machine() -> String {
        MACHINE.clone()
    }

    /// When a process was started, in ticks since the boot; `Err` if it has ended and only its entry is left, `None` if nothing
    /// is known of it.
    pub(super) fn started(process: u32) -> Option<Result<u64, ()>> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // Its name, in brackets, may hold anything.
        let mut fields = text.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        let started = fields.nth(18)?.parse().ok()?;
        Some(if matches!(state, "Z" | "X" | "x") { Err(()) } else { Ok(started) })
    }

    pub(super) fn process(process: u32, at: Option<u64>) -> Process {
        if machine().is_empty() {
            return Process::Unknown;
        }
        match (super::is_there(process), started(process), at) {
            (false, _, _) | (_, Some(Err(())), _) => Process::Ended,
            (true, Some(Ok(now)), Some(at)) => {
                if now == at {
                    Process::Lives
                } else {
                    Process::Ended
                }
            }
            _ => Process::Unknown,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Process;

    pub(super) fn machine() -> String {
        String::new()
    }

    pub(super) fn started(_process: u32) -> Option<Result<u64, ()>> {
        None
    }

    /// A number that is used again cannot be told from the same process.
    pub(super) fn process(process: u32, _at: Option<u64>) -> Process {
        if cfg!(unix) && !super::is_there(process) { Process::Ended } else { Process::Unknown }
    }
}

/// True if there is a process with this number, or one cannot know.
#[cfg(unix)]
fn is_there(process: u32) -> bool {
    let Ok(process) = libc::pid_t::try_from(process) else { return false };
    // SAFETY: signal 0 is sent to nobody, it only asks.
    let answer = unsafe { libc::kill(process, 0) };
    answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

#[cfg(not(unix))]
fn is_there(_process: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_covers_the_text_before_it() {
        let mut owner = Owner::current();
        let before = owner.to_text();
        owner.beat(true);
        owner.beats = u64::MAX;
        assert_eq!(owner.to_text().len(), before.len());
        assert_eq!(Owner::parse(&owner.to_text()), Some(owner));
        assert_eq!(Owner::parse("12345\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn processes_are_told_apart() {
        let own = Owner::current();
        assert_eq!(own.process(), Process::Lives);
        assert_eq!(
            Owner { process_started: own.process_started.map(|at| at + 1), ..own.clone() }.process(),
            Process::Ended
        );
        assert_eq!(Owner { process: i32::MAX as u32, ..own.clone() }.process(), Process::Ended);
        assert_eq!(Owner { process_started: None, ..own.clone() }.process(), Process::Unknown);
        assert_eq!(Owner { host: "elsewhere".into(), ..own.clone() }.process(), Process::Unknown);
        assert_eq!(Owner { machine: "before".into(), ..own }.process(), Process::Unknown);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        // Ended and not waited for: only its entry is left.
        let ended = || matches!(system::started(child.id()), Some(Err(())));
        while !ended() {
            std::thread::yield_now();
        }
        assert_eq!(Owner { process: child.id(), ..Owner::current() }.process(), Process::Ended);
        child.wait().unwrap();
    }
}
