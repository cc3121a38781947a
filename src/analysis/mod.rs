//! From a run's log to what it says about learning, settling and memorising.
//!
//! Nothing here trains, draws or prints. Each part is a small algorithm over plain columns, with its definition and an
//! example done by hand in its module:
//!
//! * [`events`]: forgetting, learning and first learning events, per token, entity and sentence, by both conventions;
//! * [`phases`]: the end of fitting, settling, the onset of memorisation, with their uncertainty;
//! * [`clusters`]: noise detection by clustering losses;
//! * [`datamap`]: confidence, variability, correctness;
//! * [`confident`]: confident learning, the reference among the ways to find wrong labels;
//! * [`classes`]: one entity type alone: its scores, when it is learned, whether it looks like noise.
//!
//! [`analyse_run`] reads each epoch of a [`crate::dynamics::Log`] once, feeds all of them, and returns their tables as
//! frames with fixed columns ([`RunAnalysis`]). Time is linear in tokens × epochs; memory is linear in the tokens, plus
//! one f32 a token and epoch for the loss trajectories.

pub mod channel;
pub mod classes;
pub mod clusters;
pub mod confident;
pub mod datamap;
pub mod events;
pub mod forgetting;
pub mod phases;

mod epoch_row;
mod history;
mod losses;
mod rows;
mod run;
mod settings;
mod tables;
mod units;
mod write;

pub use classes::{ClassAnalysis, ClusterShares, Separation, analyse_class};
pub use history::{TokenHistory, token_histories};
pub(crate) use rows::rows_of;
pub use run::{RunAnalysis, analyse_run};
pub use settings::AnalysisSettings;
pub use units::Units;
pub use write::write_analysis;
