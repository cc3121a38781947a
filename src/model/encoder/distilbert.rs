//! DistilBERT (arXiv 1910.01108): BERT's blocks under other names, without token types, and without dropout behind
//! attention.

use serde::Deserialize;

use super::config::activation;
use super::post_norm::{Layout, PostNorm, build};
use super::{Architecture, Encoder, EncoderConfig, Names};
use crate::Result;
use crate::model::parameters::{Builder, Parameters};
use crate::nn::Activation;

/// The architecture.
pub struct DistilBert;

const LAYOUT: Layout = Layout {
    block: "transformer.layer",
    attention: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    intermediate: "ffn.lin1",
    output: "ffn.lin2",
    output_norm: "output_layer_norm",
    attention_output_dropout: false,
};

/// The keys of `config.json`. transformers' defaults for what may be missing.
#[derive(Deserialize)]
struct Keys {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    #[serde(default = "gelu", deserialize_with = "activation")]
    activation: Activation,
    #[serde(default = "tenth")]
    dropout: f64,
    #[serde(default = "tenth")]
    attention_dropout: f64,
    max_position_embeddings: usize,
    #[serde(default = "fiftieth")]
    initializer_range: f64,
}

fn gelu() -> Activation {
    Activation::Gelu
}
fn tenth() -> f64 {
    0.1
}
fn fiftieth() -> f64 {
    0.02
}

impl Architecture for DistilBert {
    fn names(&self) -> Names {
        Names { model_types: &[("distilbert", "DistilBert")], prefix: "distilbert", layers_key: "n_layers" }
    }

    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig> {
        let keys: Keys = serde_json::from_slice(json)?;
        Ok(EncoderConfig {
            architecture: self,
            vocab_size: keys.vocab_size,
            embedding_size: keys.dim,
            hidden_size: keys.dim,
            layers: keys.n_layers,
            heads: keys.n_heads,
            intermediate_size: keys.hidden_dim,
            activation: keys.activation,
            max_subwords: keys.max_position_embeddings,
            first_position: 0,
            token_types: 0,
            hidden_dropout: keys.dropout,
            attention_dropout: keys.attention_dropout,
            head_dropout: keys.dropout,
            initializer_range: keys.initializer_range,
            layer_norm_eps: 1e-12,
            id2label: None,
            head: None,
            json: serde_json::Map::new(),
        })
    }

    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()> {
        build(builder, config, &LAYOUT)
    }

    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(PostNorm::new(parameters, config, &LAYOUT)?))
    }
}
