//! BERT (arXiv 1810.04805).

use serde::Deserialize;
use serde_json::json;

use super::config::activation;
use super::post_norm::{Layout, PostNorm, build};
use super::{Architecture, Encoder, EncoderConfig, Names};
use crate::Result;
use crate::model::parameters::{Builder, Parameters};
use crate::nn::Activation;

/// The architecture.
pub struct Bert;

/// The keys of `config.json`, which RoBERTa and ELECTRA have, too.
#[derive(Deserialize)]
pub(super) struct Keys {
    vocab_size: usize,
    hidden_size: usize,
    /// ELECTRA's width of the embeddings.
    pub embedding_size: Option<usize>,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu", deserialize_with = "activation")]
    hidden_act: Activation,
    #[serde(default = "tenth")]
    hidden_dropout_prob: f64,
    #[serde(default = "tenth")]
    attention_probs_dropout_prob: f64,
    #[serde(default)]
    classifier_dropout: Option<f64>,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "fiftieth")]
    initializer_range: f64,
    #[serde(default = "epsilon")]
    layer_norm_eps: f64,
    #[serde(default)]
    pub pad_token_id: Option<usize>,
}

fn gelu() -> Activation {
    Activation::Gelu
}
fn tenth() -> f64 {
    0.1
}
fn two() -> usize {
    2
}
fn fiftieth() -> f64 {
    0.02
}
fn epsilon() -> f64 {
    1e-12
}

impl Keys {
    /// The same in the words of all architectures.
    pub fn config(&self, architecture: &'static dyn Architecture) -> EncoderConfig {
        EncoderConfig {
            architecture,
            vocab_size: self.vocab_size,
            embedding_size: self.hidden_size,
            hidden_size: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            activation: self.hidden_act,
            max_subwords: self.max_position_embeddings,
            first_position: 0,
            token_types: self.type_vocab_size,
            hidden_dropout: self.hidden_dropout_prob,
            attention_dropout: self.attention_probs_dropout_prob,
            head_dropout: self.classifier_dropout.unwrap_or(self.hidden_dropout_prob),
            initializer_range: self.initializer_range,
            layer_norm_eps: self.layer_norm_eps,
            id2label: None,
            head: None,
            json: serde_json::Map::new(),
        }
    }
}

impl Architecture for Bert {
    fn names(&self) -> Names {
        Names { model_types: &[("bert", "Bert")], prefix: "bert", layers_key: "num_hidden_layers" }
    }

    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig> {
        Ok(serde_json::from_slice::<Keys>(json)?.config(self))
    }

    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()> {
        build(builder, config, &Layout::BERT)
    }

    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(PostNorm::new(parameters, config, &Layout::BERT)?))
    }
}

/// The sizes of a BERT that is pretrained from scratch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BertShape {
    /// Rows of the word embedding.
    pub vocabulary: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Attention heads a block.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub intermediate: usize,
    /// Most subwords a sentence.
    pub max_subwords: usize,
}

/// The configuration of a new BERT.
///
/// # Errors
/// [`crate::Error::Model`] for sizes that do not fit together.
pub fn bert(shape: BertShape) -> Result<EncoderConfig> {
    let json = json!({
        "model_type": "bert", "vocab_size": shape.vocabulary, "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "intermediate_size": shape.intermediate,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "classifier_dropout": null, "max_position_embeddings": shape.max_subwords, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "architectures": ["BertForMaskedLM"],
        "position_embedding_type": "absolute",
    });
    EncoderConfig::parse(json.to_string().as_bytes(), "the new encoder's configuration".as_ref())
}
