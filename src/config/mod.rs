//! The configuration of an experiment: one typed value, put together from layers, each setting of which knows where
//! it came from.
//!
//! An [`Experiment`] is composed of the settings of the modules that use them ([`crate::corpus::DataSettings`],
//! [`crate::train::TrainSettings`], ...): a module that gains a setting gains a key, a flag (`--set table.key=value`), a
//! place in the JSON schema and a line in the manifest, without a change here. Defaults stand in the modules, so an
//! experiment file is the difference against them.
//!
//! Three layers, later ones win: the experiment file (TOML), the named flags, and `--set`. All are laid over the
//! defaults by [`Layers`], which
//!
//! * refuses a key that does not exist and names the nearest one that does,
//! * remembers for each key the line or the flag that set it, so that an error found later, by a module's own
//!   validation, still points at the place to mend,
//! * gives the result as an [`Experiment`], which prints as TOML ([`Experiment::to_toml`]) that loads again.
//!
//! What is *not* here: the grid of runs that follows from an experiment ([`crate::study`]) and the configuration of one
//! run, which is what makes a run itself ([`crate::run::RunConfig`]).

mod experiment;
mod former;
mod grid;
mod keys;
mod kind;
mod layers;
mod origins;
mod seeds;
mod study;
mod value;

pub use experiment::Experiment;
pub use grid::{Grid, GridAxis, NamedPoint};
pub(crate) use grid::{INIT, NOISE};
pub(crate) use keys::WITHOUT_EFFECT;
pub use keys::{Shorthand, shorthand, shorthands};
pub(crate) use kind::ENCODER;
pub use kind::{CapGrid, CheckpointGrid, StudyKind};
pub use layers::Layers;
pub use seeds::Seeds;
pub use study::StudySettings;

/// The JSON schema of an experiment file, generated from the types; committed as `docs/configuration.schema.json`.
///
/// Editors that know TOML schemas (through Taplo, for one) complete and check experiment files with it.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Experiment).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), "Memoscope experiment".into());
    }
    schema
}

#[cfg(test)]
mod tests;
