//! Where and with what a run was made.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

/// Versions of what computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// This crate.
    pub memoscope: String,
    /// The tensor library, from the lock file this program was built with.
    pub candle: String,
}

impl Versions {
    /// Those of this build.
    pub fn current() -> Self {
        Self {
            memoscope: env!("CARGO_PKG_VERSION").into(),
            candle: locked_version(include_str!("../../Cargo.lock"), "candle-core").unwrap_or_default(),
        }
    }
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")))?;
    let version = entry.lines().find_map(|line| line.strip_prefix("version = \""))?;
    Some(version.trim_end_matches('"').to_owned())
}

/// State of the repository around the working directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitState {
    /// The commit checked out.
    pub commit: String,
    /// True if tracked files differ from it.
    pub modified: bool,
}

impl GitState {
    /// Asks `git`; `None` outside a repository, or without git.
    pub fn current() -> Option<Self> {
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).stdin(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let commit = git(&["rev-parse", "HEAD"])?;
        let modified = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
        Some(Self { commit, modified })
    }
}

/// The machine's name.
pub(super) fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Operating system and processor family: `linux x86_64`.
pub(super) fn platform() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The time now, in RFC 3339, UTC, to the second.
pub(super) fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tensor_library_has_a_version() {
        assert!(Versions::current().candle.starts_with("0."));
    }

    #[test]
    fn an_unknown_package_has_none() {
        assert_eq!(locked_version("[[package]]\nname = \"a\"\nversion = \"1.2.3\"\n", "b"), None);
    }

    #[test]
    fn times_are_rfc_3339() {
        let now = now();
        assert!(now.len() == 20 && now.ends_with('Z'), "{now}");
    }
}
