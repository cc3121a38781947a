//! Which dropout is used where.

use super::encoder::EncoderConfig;
use crate::nn::Dropout;
use crate::random::Streams;

/// Which dropout is used where, in one forward pass of training.
#[derive(Debug, Clone, Copy)]
pub struct DropoutPlan {
    /// After embeddings and sub-layers.
    pub hidden: f64,
    /// On attention weights.
    pub attention: f64,
    /// Before the head.
    pub head: f64,
    /// The run's streams.
    pub streams: Streams,
    /// One-based epoch and zero-based batch of the epoch.
    pub position: [u64; 2],
}

impl DropoutPlan {
    /// The probabilities of `config.json`.
    pub fn of_config(config: &EncoderConfig, streams: Streams, position: [u64; 2]) -> Self {
        Self {
            hidden: config.hidden_dropout,
            attention: config.attention_dropout,
            head: config.head_dropout,
            streams,
            position,
        }
    }

    /// The dropout for one purpose in one layer; `None` without a plan (evaluation) or with probability 0.
    pub fn at(plan: Option<&Self>, purpose: &str, p: impl Fn(&Self) -> f64, layer: u64) -> Option<Dropout> {
        let plan = plan?;
        let [epoch, batch] = plan.position;
        Dropout::new(p(plan), plan.streams.stream(purpose, &[epoch, batch, layer]))
    }
}
