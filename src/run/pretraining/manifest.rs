//! `manifest.json` of a pretraining: what it is, and whether a folder holds the same one.

use serde::{Deserialize, Serialize};

use super::Pretraining;
use crate::error::{Error, Problem, Result};
use crate::files::text;
use crate::run::Versions;
use crate::run::config::difference;
use crate::run::folder::is_unused;
use crate::train::pretrain::{PretrainSettings, text_digest};

/// `manifest.json` of a pretraining.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PretrainingManifest {
    /// Version of this file's layout.
    schema: u32,
    /// `pretraining`, which a run's manifest does not say.
    kind: String,
    /// What was asked for; of the text its name alone.
    settings: PretrainSettings,
    /// [`text_digest`].
    text_sha256: String,
    /// Versions of what computed when it was begun.
    versions: Versions,
}

const SCHEMA: u32 = 1;
const KIND: &str = "pretraining";

impl Pretraining<'_> {
    pub(super) fn manifest(&self, text: &[String]) -> PretrainingManifest {
        PretrainingManifest {
            schema: SCHEMA,
            kind: KIND.into(),
            settings: self.settings.without_places(),
            text_sha256: text_digest(text),
            versions: Versions::current(),
        }
    }

    /// True if nothing was begun here; an error if it was something else.
    pub(super) fn inspect(&self, ours: &PretrainingManifest) -> Result<bool> {
        let path = self.manifest_path();
        let refuse = |what: String| {
            Error::Config(
                Problem::new(what).at(self.folder).hint("choose another folder with --out, or remove this one"),
            )
        };
        if !path.is_file() {
            return match is_unused(self.folder)? {
                true => Ok(true),
                false => {
                    Err(refuse("the folder holds something else than a pretraining: it has no manifest.json".into()))
                }
            };
        }
        let theirs: PretrainingManifest = serde_json::from_str(&text::read(&path, Error::Data)?)
            .ok()
            .filter(|manifest: &PretrainingManifest| manifest.schema == SCHEMA && manifest.kind == KIND)
            .ok_or_else(|| refuse("its manifest.json is not that of a pretraining by this version".into()))?;
        let json = |settings: &PretrainSettings| {
            serde_json::to_value(settings).map_err(|e| Error::Internal(format!("a pretraining's settings: {e}")))
        };
        if let Some(difference) = difference(&json(&ours.settings)?, &json(&theirs.settings)?, "") {
            return Err(refuse(format!("the folder holds another pretraining: {difference}")));
        }
        if ours.text_sha256 != theirs.text_sha256 {
            return Err(refuse("the folder holds a pretraining on another text: it has changed since".into()));
        }
        Ok(false)
    }
}
