//! How far the runs of a study have come, from their folders alone: no corpus is read, nothing is written, no lease waited for.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::dynamics::Log;
use crate::run::{Lease, Manifest, Owner, Process, RunConfig, RunFolder, Status};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Its folder is not there, or empty.
    NotBegun,
    /// A process is at work on it.
    Running,
    /// It was begun, and stopped by a user or broken off; it goes on where it was.
    Broken,
    /// It was stopped by an error; it is tried again.
    Failed,
    /// All epochs are done.
    Finished,
    /// Its folder holds another run, a manifest that cannot be read, or something else than a run.
    Unusable,
}

impl RunState {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotBegun => "not begun",
            Self::Running => "running",
            Self::Broken => "broken off",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Unusable => "unusable",
        }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunStatus {
    /// Its name in the study.
    pub id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its state.
    pub state: RunState,
    /// Who is at work on it, or why it is not finished; null where there is nothing to say.
    pub detail: Option<String>,
    /// The owner of its folder's lease, if there is a live one.
    pub owner: Option<Owner>,
    /// Finished epochs.
    pub epochs_finished: u32,
    /// Planned epochs.
    pub epochs: u32,
    /// The last evaluation's score on dev, 0 to 1; null before the first.
    pub dev_score: Option<f64>,
    /// Wall time spent on it, seconds, up to the last finished epoch.
    pub wall_seconds: Option<f64>,
    /// When its manifest was last written, RFC 3339, UTC.
    pub updated: Option<String>,
}

/// Looks at a run's folder. Whatever it finds is a status, damage too.
pub fn status(config: &RunConfig, folder: &Path) -> RunStatus {
    let holder = Lease::holder(folder).filter(|(_, process)| *process != Process::Ended);
    let mut status = RunStatus {
        id: config.id.clone(),
        folder: folder.to_owned(),
        state: RunState::NotBegun,
        detail: None,
        owner: holder.map(|(owner, _)| owner),
        epochs_finished: 0,
        epochs: config.train.epochs,
        dev_score: None,
        wall_seconds: None,
        updated: None,
    };
    if Manifest::path(folder).is_file() {
        match Manifest::read(folder) {
            Ok(manifest) => {
                status.epochs_finished = manifest.epochs_finished;
                status.wall_seconds = Some(manifest.wall_seconds);
                status.updated = Some(manifest.updated.clone());
                status.dev_score =
                    Log::open(folder).and_then(|log| log.curve()).ok().and_then(|c| Some(c.last()?.dev_score));
                (status.state, status.detail) = of(&manifest);
                let is_same = manifest.is_of(config).unwrap_or(false);
                if !is_same {
                    let difference = config.first_difference(&manifest.config);
                    status.state = RunState::Unusable;
                    status.detail =
                        Some(format!("another run: {}", difference.unwrap_or_else(|| "its settings differ".into())));
                }
            }
            Err(error) => (status.state, status.detail) = (RunState::Unusable, Some(error.to_string())),
        }
    } else if status.owner.is_none()
        && let Err(error) = RunFolder::require_unused(folder)
    {
        (status.state, status.detail) = (RunState::Unusable, Some(error.to_string()));
    }
    if let (Some(owner), true) = (&status.owner, status.state != RunState::Finished) {
        status.state = RunState::Running;
        let leaves = if owner.leaving { ", about to stop" } else { "" };
        status.detail = Some(format!("{owner}, since {}{leaves}", owner.since));
    }
    status
}

/// What a manifest says of a run on which nobody works.
fn of(manifest: &Manifest) -> (RunState, Option<String>) {
    match manifest.status {
        Status::Finished => (RunState::Finished, None),
        Status::Running => (RunState::Broken, Some("its process ended without a word".into())),
        Status::Interrupted => (RunState::Broken, Some("interrupted".into())),
        Status::Failed => (RunState::Failed, manifest.error.clone()),
    }
}
