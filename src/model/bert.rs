//! BERT (arXiv 1810.04805): embeddings and post-norm transformer blocks, on packed pieces.
//!
//! ```text
//! x₀ = dropout(norm(word[id] + position[place] + type[0]))                       [n, h]
//! a  = norm(x + dropout(W_o·attention(W_q·x, W_k·x, W_v·x)))                     [n, h]
//! x' = norm(a + dropout(W_2·gelu(W_1·a)))                                        [n, h], W_1 [i, h], W_2 [h, i]
//! ```
//!
//! Parameters have the names that transformers gives them, without the `bert.` prefix.

use candle_core::{Tensor, Var};

use super::config::BertConfig;
use super::parameters::{Builder, Init, Parameters};
use crate::Result;
use crate::encode::Batch;
use crate::nn::{self, Activation, Dropout, Packing};
use crate::random::Streams;

/// The name of the word embedding.
pub const WORDS: &str = "embeddings.word_embeddings.weight";
const POSITIONS: &str = "embeddings.position_embeddings.weight";
const TYPES: &str = "embeddings.token_type_embeddings.weight";

/// Adds the encoder's parameters, in the order of transformers' modules.
pub fn build(builder: &mut Builder<'_>, config: &BertConfig) -> Result<()> {
    let (h, i) = (config.hidden_size, config.intermediate_size);
    let normal = Init::Normal(config.initializer_range);
    builder.add(WORDS, &[config.vocab_size, h], normal)?;
    builder.add(POSITIONS, &[config.max_position_embeddings, h], normal)?;
    builder.add(TYPES, &[config.type_vocab_size, h], normal)?;
    add_norm(builder, "embeddings.LayerNorm", h)?;
    for layer in 0..config.num_hidden_layers {
        let at = format!("encoder.layer.{layer}");
        for part in ["query", "key", "value"] {
            add_linear(builder, &format!("{at}.attention.self.{part}"), h, h, normal)?;
        }
        add_linear(builder, &format!("{at}.attention.output.dense"), h, h, normal)?;
        add_norm(builder, &format!("{at}.attention.output.LayerNorm"), h)?;
        add_linear(builder, &format!("{at}.intermediate.dense"), i, h, normal)?;
        add_linear(builder, &format!("{at}.output.dense"), h, i, normal)?;
        add_norm(builder, &format!("{at}.output.LayerNorm"), h)?;
    }
    Ok(())
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
    /// The dropout for one purpose in one layer; `None` without a plan (evaluation) or with probability 0.
    pub fn at(plan: Option<&Self>, purpose: &str, p: impl Fn(&Self) -> f64, layer: u64) -> Option<Dropout> {
        let plan = plan?;
        let [epoch, batch] = plan.position;
        Dropout::new(p(plan), plan.streams.stream(purpose, &[epoch, batch, layer]))
    }
}

/// A linear layer's weight `[out, in]` and bias `[out]`, or a layer norm's γ and β.
#[derive(Debug, Clone)]
pub struct Affine {
    /// Weight or γ.
    pub weight: Tensor,
    /// Bias or β.
    pub bias: Tensor,
}

impl Affine {
    /// The pair of that name; `track` decides whether gradients reach it.
    pub fn new(parameters: &Parameters, name: &str, track: bool) -> Result<Self> {
        Ok(Self {
            weight: tensor(parameters.get(&format!("{name}.weight"))?, track),
            bias: tensor(parameters.get(&format!("{name}.bias"))?, track),
        })
    }

    /// x·Wᵀ + b.
    pub fn linear(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        nn::linear(x, &self.weight, &self.bias)
    }

    /// Layer norm.
    pub fn norm(&self, x: &Tensor, epsilon: f64) -> candle_core::Result<Tensor> {
        nn::layer_norm(x, &self.weight, &self.bias, epsilon)
    }
}

/// A variable as a tensor that shares its storage.
fn tensor(var: &Var, track: bool) -> Tensor {
    if track { var.as_tensor().clone() } else { var.as_detached_tensor() }
}

struct Block {
    query: Affine,
    key: Affine,
    value: Affine,
    attention_output: Affine,
    attention_norm: Affine,
    intermediate: Affine,
    output: Affine,
    output_norm: Affine,
}

/// The encoder as tensors, ready to compute.
pub struct Bert {
    words: Tensor,
    positions: Tensor,
    types: Tensor,
    norm: Affine,
    blocks: Vec<Block>,
    heads: usize,
    activation: Activation,
    epsilon: f64,
}

impl Bert {
    /// Views the parameters; with `track`, gradients reach them.
    pub fn new(parameters: &Parameters, config: &BertConfig, track: bool) -> Result<Self> {
        let affine = |name: String| Affine::new(parameters, &name, track);
        let block = |layer: usize| {
            let at = format!("encoder.layer.{layer}");
            Ok(Block {
                query: affine(format!("{at}.attention.self.query"))?,
                key: affine(format!("{at}.attention.self.key"))?,
                value: affine(format!("{at}.attention.self.value"))?,
                attention_output: affine(format!("{at}.attention.output.dense"))?,
                attention_norm: affine(format!("{at}.attention.output.LayerNorm"))?,
                intermediate: affine(format!("{at}.intermediate.dense"))?,
                output: affine(format!("{at}.output.dense"))?,
                output_norm: affine(format!("{at}.output.LayerNorm"))?,
            })
        };
        Ok(Self {
            words: tensor(parameters.get(WORDS)?, track),
            positions: tensor(parameters.get(POSITIONS)?, track),
            types: tensor(parameters.get(TYPES)?, track),
            norm: affine("embeddings.LayerNorm".into())?,
            blocks: (0..config.num_hidden_layers).map(block).collect::<Result<_>>()?,
            heads: config.num_attention_heads,
            activation: config.activation(),
            epsilon: config.layer_norm_eps,
        })
    }

    /// The last layer's hidden states `[n, h]`; `plan` is absent in evaluation.
    ///
    /// `ids` are rows of the word embedding as it stands, one for each piece of the batch.
    pub fn forward(&self, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Tensor> {
        let hidden = |purpose: &str, layer: usize| DropoutPlan::at(plan, purpose, |p| p.hidden, layer as u64);
        let x = nn::embed(&self.words, &self.positions, &self.types, ids, &batch.places)?;
        let mut x = nn::dropout(&self.norm.norm(&x, self.epsilon)?, hidden("embedding dropout", 0).as_ref())?;
        for (i, block) in self.blocks.iter().enumerate() {
            let attention = DropoutPlan::at(plan, "attention dropout", |p| p.attention, i as u64);
            let outputs = (hidden("attention output dropout", i), hidden("output dropout", i));
            x = self.block(block, &x, &batch.packing, attention.as_ref(), outputs)?;
        }
        Ok(x)
    }

    fn block(
        &self,
        block: &Block,
        x: &Tensor,
        packing: &Packing,
        attention: Option<&Dropout>,
        (first, second): (Option<Dropout>, Option<Dropout>),
    ) -> candle_core::Result<Tensor> {
        let (q, k, v) = (block.query.linear(x)?, block.key.linear(x)?, block.value.linear(x)?);
        let attended = block.attention_output.linear(&nn::attention(&q, &k, &v, packing, self.heads, attention)?)?;
        let a = block.attention_norm.norm(&nn::dropout_add(&attended, x, first.as_ref())?, self.epsilon)?;
        let wide = nn::activate(&block.intermediate.linear(&a)?, self.activation)?;
        let narrow = block.output.linear(&wide)?;
        block.output_norm.norm(&nn::dropout_add(&narrow, &a, second.as_ref())?, self.epsilon)
    }
}
