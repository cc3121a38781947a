//! BERT (arXiv 1810.04805): embeddings and post-norm transformer blocks, on packed pieces.
//!
//! ```text
//! x₀ = dropout(norm(word[id] + position[place] + type[0]))                       [n, h]
//! a  = norm(x + dropout(W_o·attention(W_q·x, W_k·x, W_v·x)))                     [n, h]
//! x' = norm(a + dropout(W_2·gelu(W_1·a)))                                        [n, h], W_1 [i, h], W_2 [h, i]
//! ```
//!
//! A head reads some of the rows only. In the last block all rows are attended to, but only those attend: the outputs
//! of the others are never computed.
//!
//! Parameters have the names that transformers gives them, without the `bert.` prefix.

use super::config::BertConfig;
use super::parameters::{Builder, Init, Parameters};
use crate::Result;
use crate::encode::Batch;
use crate::nn::{self, Activation, Dropout, Linear, Norm, Sentences, Tables, Tape, Value};
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
    /// The probabilities of `config.json`.
    pub fn of_config(config: &BertConfig, streams: Streams, position: [u64; 2]) -> Self {
        Self {
            hidden: config.hidden_dropout_prob,
            attention: config.attention_probs_dropout_prob,
            head: config.classifier_dropout.unwrap_or(config.hidden_dropout_prob),
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

struct Block {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
}

/// The encoder, ready to compute.
pub struct Bert {
    tables: Tables,
    norm: Norm,
    blocks: Vec<Block>,
    heads: usize,
    activation: Activation,
}

impl Bert {
    /// Views the parameters.
    pub fn new(parameters: &Parameters, config: &BertConfig) -> Result<Self> {
        let linear = |name: String| parameters.linear(&name);
        let norm = |name: String| parameters.norm(&name, config.layer_norm_eps);
        let block = |layer: usize| {
            let at = format!("encoder.layer.{layer}");
            Ok(Block {
                query: linear(format!("{at}.attention.self.query"))?,
                key: linear(format!("{at}.attention.self.key"))?,
                value: linear(format!("{at}.attention.self.value"))?,
                attention_output: linear(format!("{at}.attention.output.dense"))?,
                attention_norm: norm(format!("{at}.attention.output.LayerNorm"))?,
                intermediate: linear(format!("{at}.intermediate.dense"))?,
                output: linear(format!("{at}.output.dense"))?,
                output_norm: norm(format!("{at}.output.LayerNorm"))?,
            })
        };
        Ok(Self {
            tables: Tables {
                words: parameters.handle(WORDS)?,
                positions: parameters.handle(POSITIONS)?,
                types: parameters.handle(TYPES)?,
            },
            norm: norm("embeddings.LayerNorm".into())?,
            blocks: (0..config.num_hidden_layers).map(block).collect::<Result<_>>()?,
            heads: config.num_attention_heads,
            activation: config.activation(),
        })
    }

    /// The last layer's hidden states of the batch's scored rows `[scored, h]`; `plan` is absent in evaluation.
    ///
    /// `ids` are rows of the word embedding as it stands, one for each piece of the batch.
    pub fn forward(&self, tape: &Tape, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let x = nn::embed(tape, &self.tables, ids, &batch.places)?;
        let x = nn::layer_norm(tape, &x, &self.norm)?;
        let mut x = nn::dropout(tape, &x, DropoutPlan::at(plan, "embedding dropout", |p| p.hidden, 0).as_ref())?;
        let Some((last, blocks)) = self.blocks.split_last() else { return Ok(nn::select(tape, &x, &batch.scored)?) };
        let packing = &batch.packing;
        for (i, block) in blocks.iter().enumerate() {
            x = self.block(tape, block, i, [&x, &x], Sentences { queries: packing, keys: packing }, plan)?;
        }
        let scored = nn::select(tape, &x, &batch.scored)?;
        let sentences = Sentences { queries: &packing.select(&batch.scored), keys: packing };
        Ok(self.block(tape, last, blocks.len(), [&scored, &x], sentences, plan)?)
    }

    /// One block: the rows of `x` attend to the rows of `context`.
    fn block(
        &self,
        tape: &Tape,
        block: &Block,
        layer: usize,
        [x, context]: [&Value; 2],
        sentences: Sentences<'_>,
        plan: Option<&DropoutPlan>,
    ) -> candle_core::Result<Value> {
        let dropout = |purpose, p: fn(&DropoutPlan) -> f64| DropoutPlan::at(plan, purpose, p, layer as u64);
        let q = nn::linear(tape, x, &block.query)?;
        let k = nn::linear(tape, context, &block.key)?;
        let v = nn::linear(tape, context, &block.value)?;
        let on_weights = dropout("attention dropout", |p| p.attention);
        let attended = nn::attention(tape, [&q, &k, &v], sentences, self.heads, on_weights.as_ref())?;
        let on_output = dropout("attention output dropout", |p| p.hidden);
        let (layer, norm) = (&block.attention_output, &block.attention_norm);
        let a = nn::linear_add_norm(tape, &attended, layer, x, on_output.as_ref(), norm)?;
        let wide = nn::linear_activate(tape, &a, &block.intermediate, self.activation)?;
        let on_output = dropout("output dropout", |p| p.hidden);
        nn::linear_add_norm(tape, &wide, &block.output, &a, on_output.as_ref(), &block.output_norm)
    }
}
