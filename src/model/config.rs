//! `config.json` of a BERT-like encoder, as transformers writes it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::HeadSettings;
use crate::Result;
use crate::error::{Error, Problem};
use crate::nn::Activation;

/// The shape of a BERT encoder. Keys that we do not use are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// `bert`.
    #[serde(default = "bert")]
    pub model_type: String,
    /// Rows of the word embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub num_hidden_layers: usize,
    /// Attention heads a block; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// `gelu`, `gelu_new`, `gelu_pytorch_tanh` or `relu`.
    #[serde(default = "gelu")]
    pub hidden_act: String,
    /// Dropout after embeddings and sub-layers.
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f64,
    /// Dropout of attention weights.
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f64,
    /// Dropout before the head; null means `hidden_dropout_prob`.
    #[serde(default)]
    pub classifier_dropout: Option<f64>,
    /// Most pieces a sentence.
    pub max_position_embeddings: usize,
    /// Rows of the token type embedding.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// Standard deviation of new weights.
    #[serde(default = "fiftieth")]
    pub initializer_range: f64,
    /// ε of the layer norms.
    #[serde(default = "epsilon")]
    pub layer_norm_eps: f64,
    /// Id of `[PAD]`.
    #[serde(default)]
    pub pad_token_id: u32,
    /// Label names by id, where the checkpoint has a head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id2label: Option<std::collections::BTreeMap<String, String>>,
    /// The head, where it is one that transformers does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memoscope_head: Option<HeadSettings>,
    /// Only `absolute` is known.
    #[serde(default, skip_serializing)]
    pub position_embedding_type: Option<String>,
}

fn bert() -> String {
    "bert".into()
}
fn gelu() -> String {
    "gelu".into()
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

impl BertConfig {
    /// Parses and checks `config.json`; `path` is named in errors.
    pub fn parse(json: &[u8], path: &Path) -> Result<Self> {
        let refuse = |what: String, hint: &str| Err(Error::Model(Problem::new(what).at(path).hint(hint)));
        let config: Self = match serde_json::from_slice(json) {
            Ok(config) => config,
            Err(e) => {
                return Err(Error::Model(
                    Problem::new(format!("not the configuration of a BERT encoder: {e}"))
                        .at(path)
                        .line(e.line())
                        .hint("use the config.json that came with the weights"),
                ));
            }
        };
        if config.model_type != "bert" {
            return refuse(
                format!("model_type `{}` is not supported", config.model_type),
                "use an encoder of model_type `bert`",
            );
        }
        if config.position_embedding_type.as_deref().is_some_and(|p| p != "absolute") {
            return refuse("only absolute position embeddings are supported".into(), "use another encoder");
        }
        if Activation::from_name(&config.hidden_act).is_none() {
            return refuse(
                format!("hidden_act `{}` is not supported", config.hidden_act),
                "known are gelu, gelu_new, gelu_pytorch_tanh and relu",
            );
        }
        let sizes = [
            config.vocab_size,
            config.hidden_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.intermediate_size,
            config.max_position_embeddings,
            config.type_vocab_size,
        ];
        if sizes.contains(&0) || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return refuse(
                "a size is zero, or the heads do not divide the hidden size".into(),
                "use the config.json that came with the weights",
            );
        }
        Ok(config)
    }

    /// The activation of the feed-forward blocks.
    pub fn activation(&self) -> Activation {
        Activation::from_name(&self.hidden_act).unwrap_or(Activation::Gelu)
    }

    /// For people: `2 layers, hidden 128, 2 heads, vocabulary 30522`.
    pub fn shape(&self) -> String {
        format!(
            "{} layers, hidden {}, {} heads, vocabulary {}",
            self.num_hidden_layers, self.hidden_size, self.num_attention_heads, self.vocab_size
        )
    }
}
