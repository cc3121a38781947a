//! Post-norm transformer blocks (arXiv 1706.03762) on packed subwords, with learned positions: BERT, and what shares
//! its blocks.
//!
//! ```text
//! e  = dropout(norm(word[id] + position[place] + type[0]))                       [n, e]
//! x₀ = e, or W·e + b where embeddings are narrower                               [n, h]
//! a  = norm(x + dropout(W_o·attention(W_q·x, W_k·x, W_v·x)))                     [n, h]
//! x' = norm(a + dropout(W_2·gelu(W_1·a)))                                        [n, h], W_1 [i, h], W_2 [h, i]
//! ```
//!
//! A head reads some of the rows only. In the last block all rows are attended to, but only those attend: the outputs
//! of the others are never computed.

use super::{Encoder, EncoderConfig, WORDS, add_linear, add_norm};
use crate::Result;
use crate::encode::Batch;
use crate::model::DropoutPlan;
use crate::model::parameters::{Builder, Init, Parameters};
use crate::nn::{self, Activation, Dropout, Linear, Norm, Packing, Sentences, Tables, Tape, Value};

pub(super) const POSITIONS: &str = "embeddings.position_embeddings.weight";
pub(super) const TYPES: &str = "embeddings.token_type_embeddings.weight";
pub(super) const EMBEDDING_NORM: &str = "embeddings.LayerNorm";
const PROJECTION: &str = "embeddings_project";

/// What an architecture calls the parts of its blocks, and where its dropout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// A block is `{block}.{number}`, and its parts are below.
    pub block: &'static str,
    /// W_q, W_k, W_v.
    pub attention: [&'static str; 3],
    /// W_o.
    pub attention_output: &'static str,
    /// The norm after attention.
    pub attention_norm: &'static str,
    /// W_1.
    pub intermediate: &'static str,
    /// W_2.
    pub output: &'static str,
    /// The norm after the feed-forward layer.
    pub output_norm: &'static str,
    /// Whether there is dropout between W_o and the norm.
    pub attention_output_dropout: bool,
}

impl Layout {
    /// BERT's.
    pub const BERT: Self = Self {
        block: "encoder.layer",
        attention: ["attention.self.query", "attention.self.key", "attention.self.value"],
        attention_output: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        intermediate: "intermediate.dense",
        output: "output.dense",
        output_norm: "output.LayerNorm",
        attention_output_dropout: true,
    };

    /// The name of a part of a block.
    pub fn name(&self, layer: usize, part: &str) -> String {
        format!("{}.{layer}.{part}", self.block)
    }
}

/// Adds the encoder's parameters, in the order of transformers' modules.
///
/// # Errors
/// [`crate::Error::Model`] for a tensor of another shape.
pub fn build(builder: &mut Builder<'_>, config: &EncoderConfig, layout: &Layout) -> Result<()> {
    let (e, h) = (config.embedding_size, config.hidden_size);
    let normal = Init::Normal(config.initializer_range);
    builder.add(WORDS, &[config.vocab_size, e], normal)?;
    builder.add(POSITIONS, &[config.first_position + config.max_subwords, e], normal)?;
    if config.token_types > 0 {
        builder.add(TYPES, &[config.token_types, e], normal)?;
    }
    add_norm(builder, EMBEDDING_NORM, e)?;
    if e != h {
        add_linear(builder, PROJECTION, h, e, normal)?;
    }
    (0..config.layers).try_for_each(|layer| build_block(builder, config, layout, layer))
}

/// Adds the parameters of one block.
pub(super) fn build_block(
    builder: &mut Builder<'_>,
    config: &EncoderConfig,
    layout: &Layout,
    layer: usize,
) -> Result<()> {
    let (h, i, normal) = (config.hidden_size, config.intermediate_size, Init::Normal(config.initializer_range));
    let at = |part: &str| layout.name(layer, part);
    for part in layout.attention {
        add_linear(builder, &at(part), h, h, normal)?;
    }
    add_linear(builder, &at(layout.attention_output), h, h, normal)?;
    add_norm(builder, &at(layout.attention_norm), h)?;
    add_linear(builder, &at(layout.intermediate), i, h, normal)?;
    add_linear(builder, &at(layout.output), h, i, normal)?;
    add_norm(builder, &at(layout.output_norm), h)
}

/// The matrix products of a forward pass: see [`super::Architecture::products`].
pub fn products(config: &EncoderConfig, n: usize, scored: usize) -> Vec<[usize; 3]> {
    let (e, h, i) = (config.embedding_size, config.hidden_size, config.intermediate_size);
    let mut products = Vec::new();
    if e != h {
        products.push([n, e, h]);
    }
    for layer in 1..=config.layers {
        let rows = if layer == config.layers { scored } else { n };
        products.extend([[rows, h, h], [rows, h, h], [n, h, h], [n, h, h], [rows, h, i], [rows, i, h]]);
    }
    products
}

/// A block: attention of any kind, and the feed-forward layer.
pub(super) struct Block {
    /// W_q, W_k, W_v.
    pub attention: [Linear; 3],
    attention_output: Linear,
    attention_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
    activation: Activation,
    attention_output_dropout: bool,
    layer: u64,
}

impl Block {
    /// Views the parameters.
    pub fn new(parameters: &Parameters, config: &EncoderConfig, layout: &Layout, layer: usize) -> Result<Self> {
        let linear = |part: &str| parameters.linear(&layout.name(layer, part));
        let norm = |part: &str| parameters.norm(&layout.name(layer, part), config.layer_norm_eps);
        let [query, key, value] = layout.attention;
        Ok(Self {
            attention: [linear(query)?, linear(key)?, linear(value)?],
            attention_output: linear(layout.attention_output)?,
            attention_norm: norm(layout.attention_norm)?,
            intermediate: linear(layout.intermediate)?,
            output: linear(layout.output)?,
            output_norm: norm(layout.output_norm)?,
            activation: config.activation,
            attention_output_dropout: layout.attention_output_dropout,
            layer: layer as u64,
        })
    }

    /// The rows of `x` attend to the rows of `context`, by `attend` of q, k and v with dropout of its weights.
    pub fn compute(
        &self,
        tape: &Tape,
        [x, context]: [&Value; 2],
        plan: Option<&DropoutPlan>,
        attend: impl FnOnce([&Value; 3], Option<&Dropout>) -> candle_core::Result<Value>,
    ) -> candle_core::Result<Value> {
        let dropout = |purpose, p: fn(&DropoutPlan) -> f64| DropoutPlan::at(plan, purpose, p, self.layer);
        let [query, key, value] = &self.attention;
        let q = nn::linear(tape, x, query)?;
        let k = nn::linear(tape, context, key)?;
        let v = nn::linear(tape, context, value)?;
        let attended = attend([&q, &k, &v], dropout("attention dropout", |p| p.attention).as_ref())?;
        let on_output = dropout("attention output dropout", |p| p.hidden).filter(|_| self.attention_output_dropout);
        let (layer, norm) = (&self.attention_output, &self.attention_norm);
        let a = nn::linear_add_norm(tape, &attended, layer, x, on_output.as_ref(), norm)?;
        let wide = nn::linear_activate(tape, &a, &self.intermediate, self.activation)?;
        let on_output = dropout("output dropout", |p| p.hidden);
        nn::linear_add_norm(tape, &wide, &self.output, &a, on_output.as_ref(), &self.output_norm)
    }
}

/// The encoder, ready to compute.
pub struct PostNorm {
    tables: Tables,
    norm: Norm,
    projection: Option<Linear>,
    blocks: Vec<Block>,
    heads: usize,
    first_position: u32,
}

impl PostNorm {
    /// Views the parameters.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] for one that was not built.
    pub fn new(parameters: &Parameters, config: &EncoderConfig, layout: &Layout) -> Result<Self> {
        let norm = |name: &str| parameters.norm(name, config.layer_norm_eps);
        let narrow = config.embedding_size != config.hidden_size;
        Ok(Self {
            tables: Tables {
                words: parameters.handle(WORDS)?,
                positions: Some(parameters.handle(POSITIONS)?),
                types: (config.token_types > 0).then(|| parameters.handle(TYPES)).transpose()?,
            },
            norm: norm(EMBEDDING_NORM)?,
            projection: narrow.then(|| parameters.linear(PROJECTION)).transpose()?,
            blocks: (0..config.layers)
                .map(|layer| Block::new(parameters, config, layout, layer))
                .collect::<Result<_>>()?,
            heads: config.heads,
            first_position: config.first_position as u32,
        })
    }
}

impl Encoder for PostNorm {
    fn forward(&self, tape: &Tape, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let places: Vec<u32> = batch.places.iter().map(|place| place + self.first_position).collect();
        let x = nn::embed(tape, &self.tables, ids, &places)?;
        let x = nn::layer_norm(tape, &x, &self.norm)?;
        let mut x = nn::dropout(tape, &x, DropoutPlan::at(plan, "embedding dropout", |p| p.hidden, 0).as_ref())?;
        if let Some(projection) = &self.projection {
            x = nn::linear(tape, &x, projection)?;
        }
        let Some((last, blocks)) = self.blocks.split_last() else { return Ok(nn::select(tape, &x, &batch.scored)?) };
        let packing = &batch.packing;
        let compute = |block: &Block, rows: [&Value; 2], queries: &Packing| {
            let sentences = Sentences { queries, keys: packing };
            let attend =
                |qkv: [&Value; 3], dropout: Option<&Dropout>| nn::attention(tape, qkv, sentences, self.heads, dropout);
            block.compute(tape, rows, plan, attend)
        };
        for block in blocks {
            x = compute(block, [&x, &x], packing)?;
        }
        let scored = nn::select(tape, &x, &batch.scored)?;
        Ok(compute(last, [&scored, &x], &packing.select(&batch.scored))?)
    }
}
