//! The encoders: from packed subwords to a hidden state for each.
//!
//! An architecture is what transformers calls a `model_type`: how its `config.json` is read, what its parameters are
//! called, and how it computes. Each is one file that implements [`Architecture`], and one line in [`ARCHITECTURES`];
//! everything else (heads, training, saving, resuming, the log) knows them through this trait alone.
//!
//! Encoders that differ in names, embeddings and little more share their blocks: see [`post_norm`].

mod bert;
mod bilstm;
mod config;
mod deberta;
mod distilbert;
mod electra;
pub mod post_norm;
mod roberta;

pub use bert::{BertShape, bert};
pub use bilstm::BILSTM;
pub(super) use bilstm::Keys as BilstmKeys;
pub use config::EncoderConfig;

use super::DropoutPlan;
use super::parameters::{Builder, Init, Parameters};
use crate::Result;
use crate::encode::Batch;
use crate::nn::{Tape, Value};

/// All architectures that are known.
pub static ARCHITECTURES: &[&dyn Architecture] =
    &[&bert::Bert, &roberta::Roberta, &distilbert::DistilBert, &electra::Electra, &deberta::Deberta, &bilstm::Bilstm];

/// The name of the word embedding, whatever the architecture: its rows are one a subword.
pub const WORDS: &str = "embeddings.word_embeddings.weight";

/// What an architecture is called where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// `model_type` in `config.json`, and what the names of transformers' classes begin with: `bert` and `Bert`. The
    /// first is what is written where none was read.
    pub model_types: &'static [(&'static str, &'static str)],
    /// What parameters of the encoder begin with in the checkpoint of a task's model, a dot behind: `bert`.
    pub prefix: &'static str,
    /// The key of the number of layers in `config.json`.
    pub layers_key: &'static str,
}

/// A kind of encoder.
pub trait Architecture: Send + Sync {
    /// What it is called where.
    fn names(&self) -> Names;

    /// Reads its `config.json`: the fields that [`EncoderConfig`] has for all. Sizes are checked by the caller; what
    /// this program cannot compute is an error here.
    ///
    /// # Errors
    /// Those of parsing, and one made with `serde::de::Error::custom` for a setting that is not supported.
    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig>;

    /// Adds its parameters under the checkpoint's names without prefix, in the order of transformers' modules.
    ///
    /// # Errors
    /// [`crate::Error::Model`] for a tensor of another shape.
    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()>;

    /// Puts the parameters together.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] for a parameter that [`Architecture::build`] did not add.
    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>>;

    /// Whether it reads whole words and their characters, by a [`crate::encode::Lexicon`], and not a tokenizer's
    /// subwords.
    fn reads_words(&self) -> bool {
        false
    }

    /// Its sizes, for people: `2 layers, hidden 128, 2 heads, vocabulary 30522`.
    fn shape(&self, config: &EncoderConfig) -> String {
        let (layers, hidden, heads) = (config.layers, config.hidden_size, config.heads);
        format!("{layers} layers, hidden {hidden}, {heads} heads, vocabulary {}", config.vocab_size)
    }

    /// The matrix products of a forward pass over `n` subwords of which `scored` reach the head, in sentences of up to
    /// `longest`, as (rows, inputs, outputs): what a speed is compared with.
    fn products(&self, config: &EncoderConfig, n: usize, scored: usize, _longest: usize) -> Vec<[usize; 3]> {
        post_norm::products(config, n, scored)
    }
}

/// An encoder that is ready to compute.
pub trait Encoder: Send + Sync {
    /// The last layer's hidden states of the batch's scored rows `[scored, hidden]`; `plan` is absent in evaluation.
    ///
    /// `ids` are rows of the word embedding as it stands, one for each subword of the batch.
    fn forward(&self, tape: &Tape, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value>;
}

/// Adds the parameters of a linear layer.
pub fn add_linear(builder: &mut Builder<'_>, name: &str, outputs: usize, inputs: usize, init: Init) -> Result<()> {
    builder.add(&format!("{name}.weight"), &[outputs, inputs], init)?;
    builder.add(&format!("{name}.bias"), &[outputs], Init::Constant(0.0))
}

/// Adds the parameters of a layer norm.
pub fn add_norm(builder: &mut Builder<'_>, name: &str, width: usize) -> Result<()> {
    builder.add(&format!("{name}.weight"), &[width], Init::Constant(1.0))?;
    builder.add(&format!("{name}.bias"), &[width], Init::Constant(0.0))
}
