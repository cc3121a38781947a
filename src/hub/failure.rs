//! Why something did not come, and whether to try again.

use std::time::{Duration, Instant};

use super::Listener;
use crate::error::{Error, Problem};

/// Failures in a row before an attempt is given up.
const ATTEMPTS: u32 = 5;

/// The longest pause that is waited out, ours or one that the server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Try again: at once the server was busy or the connection broke. The pause is the server's wish.
    Again(Option<Duration>),
    /// The hub is out of reach; the cache may have what is needed.
    Cache,
    /// None: the hub said no, or said something that cannot be trusted.
    None,
}

/// Why something did not come.
#[derive(Debug)]
pub(super) struct Failure {
    /// What to report.
    pub error: Error,
    /// What to do.
    pub remedy: Remedy,
}

impl Failure {
    /// A refusal that is final.
    pub fn refused(problem: Problem) -> Self {
        Self { error: Error::Hub(problem), remedy: Remedy::None }
    }

    /// Something passing.
    pub fn passing(what: impl Into<String>, pause: Option<Duration>) -> Self {
        let problem = Problem::new(what).hint("try again later; what was fetched is kept and taken up again");
        Self { error: Error::Hub(problem), remedy: Remedy::Again(pause) }
    }

    /// No way to the hub.
    pub fn unreachable(what: impl Into<String>) -> Self {
        let problem = Problem::new(what).hint(
            "check the network, a proxy (HTTPS_PROXY) and HF_ENDPOINT; or name a local folder, or fill the cache on \
             another machine",
        );
        Self { error: Error::Hub(problem), remedy: Remedy::Cache }
    }
}

/// Errors that have nothing to do with the network, such as a full disk, are final.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, remedy: Remedy::None }
    }
}

/// How often something failed in a row.
pub(super) struct Patience<'a> {
    backoff: Duration,
    listener: &'a dyn Listener,
    failures: u32,
    /// Whether a hub out of reach is waited for: in the middle of a download, but not before the first word.
    pub stubborn: bool,
}

impl<'a> Patience<'a> {
    pub fn new(backoff: Duration, listener: &'a dyn Listener) -> Self {
        Self { backoff, listener, failures: 0, stubborn: false }
    }

    /// Something was achieved: the count begins anew.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits until the next attempt is due; or returns the failure if there should be none.
    pub fn after(&mut self, failure: Failure) -> Result<(), Failure> {
        let wish = match failure.remedy {
            Remedy::Again(wish) => wish,
            Remedy::Cache if self.stubborn => None,
            Remedy::Cache | Remedy::None => return Err(failure),
        };
        self.failures += 1;
        let given_up = Failure { remedy: Remedy::Cache, error: failure.error };
        // Doubled each time; a thirty-second shift is far above the limit already.
        let pause = wish.unwrap_or_else(|| self.backoff * 2_u32.pow(self.failures.min(30) - 1));
        if self.failures >= ATTEMPTS || pause > LONGEST_PAUSE {
            return Err(given_up);
        }
        self.listener.waiting(&format!("{}; again in {:.0} s", given_up.error, pause.as_secs_f64().ceil()));
        wait(pause, self.listener)
    }
}

/// Sleeps, and wakes if the user wants to stop.
pub(super) fn wait(pause: Duration, listener: &dyn Listener) -> Result<(), Failure> {
    let end = Instant::now() + pause;
    loop {
        if listener.stop_requested() {
            return Err(Error::Interrupted.into());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Silent;

    #[test]
    fn patience_ends_after_five_failures_in_a_row() {
        let mut patience = Patience::new(Duration::ZERO, &Silent);
        for _ in 0..3 {
            for _ in 0..ATTEMPTS - 1 {
                assert!(patience.after(Failure::passing("busy", None)).is_ok());
            }
            patience.reset();
        }
        for _ in 0..ATTEMPTS - 1 {
            assert!(patience.after(Failure::passing("busy", None)).is_ok());
        }
        let end = patience.after(Failure::passing("busy", None)).unwrap_err();
        assert_eq!(end.remedy, Remedy::Cache);
    }

    #[test]
    fn what_is_final_or_takes_too_long_is_not_waited_for() {
        let mut patience = Patience::new(Duration::ZERO, &Silent);
        assert!(patience.after(Failure::refused(Problem::new("no"))).is_err());
        assert!(patience.after(Failure::unreachable("gone")).is_err());
        assert!(patience.after(Failure::passing("busy", Some(LONGEST_PAUSE * 2))).is_err());
        patience.stubborn = true;
        assert!(patience.after(Failure::unreachable("gone")).is_ok());
    }
}
