//! One writer a folder, on file systems without locks too.
//!
//! A lease is the file `.lease` in the folder: JSON that names its owner ([`Owner`]: host, process, since when), with a random
//! token that no other lease ever has. It needs of the file system that a hard link, an exclusive creation and a rename are
//! atomic, which NFS promises, and that a reader who opens a file sees what was flushed before.
//!
//! ```text
//! take      .lease-TOKEN is written whole, then linked to .lease: the link fails if there is one (without hard links:
//!           created exclusively, then written)
//! renew     every 5 s the owner rewrites the time in its file through a handle that it keeps open; never by name, so that
//!           a lease which has replaced it is not touched
//! release   .lease is removed, if it is still the owner's
//! ```
//!
//! **When a lease is stale.** On the owner's own machine (same host name, same boot, same space of process numbers) the process
//! decides: if there is none with this number and time of start, the lease is stale at once; if there is, it is live, and
//! refused after a watch of 2 s. Elsewhere nobody can ask for the process. The lease is then watched: it is live as soon as its
//! text changes, and stale if it has not changed for 60 s by the watcher's own clock. No two clocks are ever compared.
//!
//! **Leaving.** An owner that was asked to stop says so in its lease. Whoever wants the folder waits for it then, instead of
//! being refused: a sweep that is begun again at once does not trip over what is left of the one before.
//!
//! **Taking over.** Two processes may find the same lease stale. The right to replace the lease with token T is the file
//! `.lease-after-T`, taken as a lease is; so one has it. It reads `.lease` once more, and replaces it by a rename if the token is
//! still T; the right is then given up. Whoever takes the right to a lease that has been replaced meanwhile finds another token
//! and begins anew. The right of a process that died in the act is taken over in the same way.
//!
//! **Losing.** A process that was stopped for more than a minute (suspended, or cut off from its disk) may find its lease
//! replaced. It looks before it writes an epoch, and ends with an error. What it writes in the very moment in which it is
//! replaced is whole files by the same names and with the same bytes as the other's: a run is a function of its configuration.

mod owner;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fs_err as fs;
use sha2::{Digest, Sha256};

pub use owner::{Owner, Process};

use super::{Monitor, StopFlag};
use crate::error::{Error, Problem, Result};
use crate::files::hex;

/// The right to write to a folder; given up when dropped.
#[derive(Debug)]
pub struct Lease {
    folder: PathBuf,
    path: PathBuf,
    token: String,
    shared: Arc<Shared>,
    heart: Option<JoinHandle<()>>,
}

/// What the lease and its heartbeat share.
#[derive(Debug, Default)]
struct Shared {
    ended: Mutex<bool>,
    wake: Condvar,
    lost: Mutex<bool>,
}

/// The times of the protocol; tests have shorter ones.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// Between two renewals.
    beat: Duration,
    /// Without a renewal, after which the lease of a process that cannot be asked for is stale.
    stale: Duration,
    /// Before a live lease is refused.
    watch: Duration,
}

const TIMES: Times =
    Times { beat: Duration::from_secs(5), stale: Duration::from_secs(60), watch: Duration::from_secs(2) };

/// Between two looks at a lease or a flag.
const LOOK: Duration = Duration::from_millis(50);
/// Before the user is told what is waited for.
const TELL: Duration = Duration::from_secs(3);

/// What watching a lease has shown.
enum Seen {
    /// It was given up, or replaced.
    Gone,
    /// Its owner lives.
    Live(Option<Owner>),
    /// Its owner does not; the lease is known by this.
    Stale(String),
}

impl Lease {
    /// The lease's file name.
    pub const NAME: &'static str = ".lease";
    /// How the names of all files of the protocol begin.
    pub(super) const PREFIX: &'static str = ".lease";
    /// The lock file of earlier versions, which they leave behind.
    pub(super) const EARLIER: &'static str = ".lock";

    /// Takes the lease of `folder`, which must exist. Waits for a process that was asked to stop, and up to a minute for a sign
    /// of life from one that cannot be asked for; `monitor` is told of that.
    ///
    /// The lease says that its owner is about to leave once `stop` is raised.
    ///
    /// # Errors
    /// [`Error::Config`] if another process has it; [`Error::Interrupted`] if `stop` is raised while waiting; [`Error::Io`].
    pub fn take(folder: &Path, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Self> {
        Self::take_within(TIMES, folder, monitor, stop)
    }

    fn take_within(times: Times, folder: &Path, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Self> {
        let mut owner = Owner::current();
        let candidate = Candidate::new(folder, &owner);
        let path = folder.join(Self::NAME);
        let mut contest = Contest { times, candidate: &candidate, monitor, stop };
        while !candidate.place(&path)? {
            match contest.watch(&path)? {
                Seen::Gone => {}
                Seen::Live(other) => return Err(refused(folder, other.as_ref())),
                Seen::Stale(mark) => {
                    if contest.replace(&path, &mark)? {
                        break;
                    }
                }
            }
        }
        candidate.remove();
        remove_others(folder, &candidate.path);
        // By name this once; from here on the file that was opened is ours, whatever becomes of the name.
        let mut file = fs::OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io(&path))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(Error::io(&path))?;
        if Owner::parse(&text).is_none_or(|of| of.token != owner.token) {
            return Err(refused(folder, Owner::parse(&text).as_ref()));
        }
        let shared = Arc::new(Shared::default());
        let heart = {
            let (path, shared, stop, token) = (path.clone(), shared.clone(), stop.clone(), owner.token.clone());
            let beat = move || heart(&mut owner, file, &path, times, &shared, &stop);
            let thread = std::thread::Builder::new().name("lease".into()).spawn(beat).map_err(Error::io(folder))?;
            (thread, token)
        };
        Ok(Self { folder: folder.to_owned(), path, token: heart.1, shared, heart: Some(heart.0) })
    }

    /// Removes a lease whose owner is known to have ended; what lives, or may live, stays. Best effort.
    pub(super) fn remove_stale(folder: &Path) {
        if folder.join(Self::NAME).is_file() {
            // Nothing is waited for.
            let at_once = StopFlag::default();
            at_once.request();
            drop(Self::take(folder, &mut super::Silent, &at_once));
        }
    }

    /// Who has the lease of a folder, and whether it lives, without waiting; `None` without a lease. Needs no right to write.
    ///
    /// Of a process that cannot be asked for, the time of the file's last renewal decides: this is the one place where clocks
    /// of two machines are compared, and nothing is written on its account.
    pub fn holder(folder: &Path) -> Option<(Owner, Process)> {
        let path = folder.join(Self::NAME);
        let owner = Owner::parse(&read(&path).ok()??)?;
        let process = match owner.process() {
            Process::Unknown => {
                let renewed = fs::metadata(&path).and_then(|of| of.modified()).ok()?;
                match renewed.elapsed() {
                    Ok(age) if age > TIMES.stale => Process::Ended,
                    _ => Process::Unknown,
                }
            }
            known => known,
        };
        Some((owner, process))
    }

    /// Makes sure that the lease is still this process's.
    ///
    /// # Errors
    /// [`Error::Config`] if it was taken over or removed.
    pub fn require_held(&self) -> Result<()> {
        let lost = *self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner);
        // A disk that does not answer now is for the write to report.
        let text = read(&self.path).unwrap_or(None);
        let owner = text.as_deref().and_then(Owner::parse);
        match owner {
            Some(owner) if owner.token == self.token && !lost => Ok(()),
            None if !lost && self.path.exists() => Ok(()),
            other => {
                let by = other.filter(|other| other.token != self.token);
                let what = match by {
                    Some(other) => format!("the folder was taken over by {other}, while this process was stopped"),
                    None => format!("the folder's {} was removed while this process wrote there", Self::NAME),
                };
                Err(Error::Config(
                    Problem::new(what)
                        .at(&self.folder)
                        .hint("the finished epochs are kept; let one process write there"),
                ))
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake.notify_all();
        if let Some(heart) = self.heart.take() {
            let _ = heart.join();
        }
        if self.require_held().is_ok() {
            // What stays is found to be stale.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Renews the lease until it is given up or lost.
fn heart(owner: &mut Owner, mut file: fs::File, path: &Path, times: Times, shared: &Shared, stop: &StopFlag) {
    let mut beaten = Instant::now();
    let mut ended = shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
    while !*ended {
        (ended, _) = shared.wake.wait_timeout(ended, LOOK).unwrap_or_else(PoisonError::into_inner);
        let leaves = stop.requested() && !owner.leaving;
        if *ended || (beaten.elapsed() < times.beat && !leaves) {
            continue;
        }
        match read(path) {
            Ok(Some(text)) if Owner::parse(&text).is_none_or(|of| of.token == owner.token) => {
                owner.beat(leaves || owner.leaving);
                let text = owner.to_text();
                // What fails now is tried again: others wait for more than one beat.
                let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(text.as_bytes()));
                let _ = file.sync_data();
            }
            Ok(_) => {
                *shared.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
                return;
            }
            Err(_) => {}
        }
        beaten = Instant::now();
    }
}

/// A lease that is not placed yet: `.lease-TOKEN`.
struct Candidate {
    path: PathBuf,
    token: String,
    text: String,
}

impl Candidate {
    fn new(folder: &Path, owner: &Owner) -> Self {
        let path = folder.join(format!("{}-{}", Lease::PREFIX, owner.token));
        Self { path, token: owner.token.clone(), text: owner.to_text() }
    }

    /// Writes it, unless it is there.
    fn write(&self) -> Result<()> {
        let written = fs::OpenOptions::new().write(true).create_new(true).open(&self.path).and_then(|mut file| {
            file.write_all(self.text.as_bytes())?;
            file.sync_data()
        });
        match written {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(Error::Io { path: self.path.clone(), source: e }),
            _ => Ok(()),
        }
    }

    /// Gives it a name that nothing else has. False if something has.
    fn place(&self, at: &Path) -> Result<bool> {
        self.write()?;
        let is_ours = || -> Result<bool> {
            Ok(read(at).map_err(Error::io(at))?.is_some_and(|text| identity(&text) == self.token))
        };
        match fs::hard_link(&self.path, at) {
            Ok(()) => return Ok(true),
            // Over a network the first answer may be lost, and the second says that it is there already.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return is_ours(),
            // The new owner has tidied up.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            // No hard links here.
            Err(_) => {}
        }
        match fs::OpenOptions::new().write(true).create_new(true).open(at) {
            Ok(mut file) => {
                file.write_all(self.text.as_bytes()).and_then(|()| file.sync_data()).map_err(Error::io(at))?;
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => is_ours(),
            Err(source) => Err(Error::Io { path: at.to_owned(), source }),
        }
    }

    /// Puts it in the place of another. False if somebody else has the lease already, and has tidied up.
    fn put_over(&self, at: &Path) -> Result<bool> {
        self.write()?;
        match fs::rename(&self.path, at) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::Io { path: at.to_owned(), source }),
        }
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The way to a lease that something else has.
struct Contest<'a> {
    times: Times,
    candidate: &'a Candidate,
    monitor: &'a mut dyn Monitor,
    stop: &'a StopFlag,
}

impl Contest<'_> {
    /// Watches a lease until it is known whether its owner lives.
    fn watch(&mut self, path: &Path) -> Result<Seen> {
        let look = || read(path).map_err(Error::io(path));
        let Some(first) = look()? else { return Ok(Seen::Gone) };
        let (begun, mut changed, mut text, mut told) = (Instant::now(), Instant::now(), first.clone(), false);
        loop {
            let owner = Owner::parse(&text);
            let leaving = owner.as_ref().is_some_and(|owner| owner.leaving);
            match owner.as_ref().map_or(Process::Unknown, Owner::process) {
                Process::Ended => return Ok(Seen::Stale(identity(&text))),
                Process::Lives if !leaving && begun.elapsed() >= self.times.watch => return Ok(Seen::Live(owner)),
                Process::Unknown if !leaving && text != first => return Ok(Seen::Live(owner)),
                Process::Unknown if changed.elapsed() >= self.times.stale => return Ok(Seen::Stale(identity(&text))),
                _ => {}
            }
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            if !told && begun.elapsed() >= TELL.min(self.times.stale) {
                told = true;
                let of = owner.map_or_else(|| "another process".to_owned(), |owner| owner.to_string());
                let folder = path.parent().unwrap_or(path).display();
                self.monitor.working(&match leaving {
                    true => format!("{folder}: waiting for {of} to stop"),
                    false => format!(
                        "{folder}: waiting up to {} s for a sign of life from {of}, which was writing there",
                        self.times.stale.as_secs()
                    ),
                });
            }
            std::thread::sleep(LOOK);
            match look()? {
                Some(now) if identity(&now) == identity(&text) => {
                    if now != text {
                        (changed, text) = (Instant::now(), now);
                    }
                }
                _ => return Ok(Seen::Gone),
            }
        }
    }

    /// Puts the candidate in the place of a stale lease. False if another process was faster.
    fn replace(&mut self, path: &Path, stale: &str) -> Result<bool> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let right = folder.join(format!("{}-after-{}", Lease::PREFIX, short(stale)));
        if !self.candidate.place(&right)? {
            match self.watch(&right)? {
                Seen::Gone => return Ok(false),
                Seen::Live(other) => return Err(refused(folder, other.as_ref())),
                Seen::Stale(mark) => {
                    if !self.replace(&right, &mark)? {
                        return Ok(false);
                    }
                }
            }
        }
        let is_still = read(path).map_err(Error::io(path))?.is_some_and(|text| identity(&text) == stale);
        let replaced = if is_still { self.candidate.put_over(path) } else { Ok(false) };
        let _ = fs::remove_file(&right);
        replaced
    }
}

/// What a lease is known by: its token, or its text if it has none.
fn identity(text: &str) -> String {
    Owner::parse(text).map_or_else(|| text.to_owned(), |owner| owner.token)
}

/// A name for a file, of what a lease is known by.
fn short(identity: &str) -> String {
    hex(&Sha256::digest(identity)[..8])
}

/// The text of a lease; `None` if there is none.
fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        // Not text: a lease that nobody of ours wrote, or half of one.
        Err(e) if e.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(e) => Err(e),
    }
}

/// Removes what others left on their way to the lease. Who is still on it begins anew.
fn remove_others(folder: &Path, own: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(io::Result::ok) {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with(".lease-") && entry.path() != own {
            let _ = fs::remove_file(entry.path());
        }
    }
    // Of earlier versions.
    let _ = fs::remove_file(folder.join(Lease::EARLIER));
}

fn refused(folder: &Path, owner: Option<&Owner>) -> Error {
    let by = owner.map_or_else(|| "another process".to_owned(), |owner| format!("{owner}, since {}", owner.since));
    Error::Config(
        Problem::new(format!("the folder is being written to by {by}"))
            .at(folder)
            .hint("wait for it, or give this one another folder with --out"),
    )
}

#[cfg(test)]
mod tests;
