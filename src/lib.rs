//! Memoscope shows how a pretrained language model learns, settles and memorises while it is fine-tuned.
//!
//! Data flows one way; each room knows only the rooms above it (see ARCHITECTURE.md):
//! [`corpus`] → [`perturb`] → [`encode`] → [`nn`] → [`model`] → [`train`] → [`dynamics`] → [`metrics`] →
//! [`analysis`] → [`study`] → [`figures`] → [`report`], with [`run`] for run directories, [`exec`] for doing many runs,
//! [`estimate`] for what they take, and [`cli`] on top.

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
pub mod hub;
pub mod metrics;
pub mod model;
pub mod perturb;
pub mod report;
pub mod run;
pub mod study;
pub mod text;
pub mod train;
pub mod words;

pub use error::{Error, Result};
/// The numerical engine, a package of its own: differentiable operations on a tape.
pub use memoscope_nn as nn;
pub use memoscope_nn::random;
