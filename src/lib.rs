//! Memoscope shows how a pretrained language model learns, settles and memorises while it is fine-tuned.
//!
//! Data flows one way, and a module uses those before it alone (ARCHITECTURE.md has the whole list): [`corpus`] →
//! [`perturb`] → [`encode`] → [`model`] → [`train`] → [`dynamics`] → [`analysis`] → [`figures`] → [`report`] → [`study`].
//! [`run`] is one run and its folder, [`exec`] does many, [`estimate`] says what they take, [`audit`] finds wrong labels, and
//! [`cli`] is the command line. [`nn`] is the numerical engine.

#![warn(missing_docs)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod analysis;
pub mod audit;
pub mod cli;
pub mod config;
pub mod corpus;
pub mod dynamics;
pub mod encode;
pub mod error;
pub mod estimate;
pub mod exec;
pub mod figures;
pub mod files;
pub mod format;
pub mod hub;
mod markup;
pub mod metrics;
pub mod model;
pub mod perturb;
pub mod report;
pub mod run;
pub mod study;
pub mod train;

pub use error::{Error, Result};
/// The numerical engine, a package of its own: differentiable operations on a tape.
pub use memoscope_nn as nn;
pub use memoscope_nn::random;
