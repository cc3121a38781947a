//! DeBERTa (arXiv 2006.03654) in its second and third version (arXiv 2111.09543), transformers' `DebertaV2`: BERT's
//! blocks with disentangled attention ([`crate::nn::disentangled`]).
//!
//! ```text
//! x₀ = dropout(norm(word[id] (+ position[place]) (+ type[0])))        [n, h]; narrower embeddings go through W·e first
//! P  = dropout(norm(relative[b]))                                     [r, h], in each block anew
//! κ, ρ = W_k·P, W_q·P, or projections of their own                    in each block
//! ```
//!
//! Of the table of relative positions the batch reads only the rows of distances in its longest sentence; normalised
//! and projected are these r alone.

use serde::Deserialize;
use serde::de::Error;
use serde_json::{Map, Value as Json};

use super::post_norm::{self, Block, EMBEDDING_NORM, Layout, POSITIONS, TYPES, build_block};
use super::{Architecture, Encoder, EncoderConfig, Names, WORDS, add_linear, add_norm, bert};
use crate::Result;
use crate::encode::Batch;
use crate::model::DropoutPlan;
use crate::model::parameters::{Builder, Init, Parameters};
use crate::nn::{self, Buckets, Dropout, Linear, Norm, Packing, Parameter, Relative, Sentences, Tables, Tape, Value};

/// The architecture.
pub struct Deberta;

const LAYOUT: Layout = Layout {
    attention: ["attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"],
    ..Layout::BERT
};
const OWN_KEY: &str = "attention.self.pos_key_proj";
const OWN_QUERY: &str = "attention.self.pos_query_proj";
const PROJECTION: &str = "embeddings.embed_proj.weight";
const RELATIVE: &str = "encoder.rel_embeddings.weight";
const RELATIVE_NORM: &str = "encoder.LayerNorm";

/// What `config.json` has beside BERT's keys, with transformers' defaults.
#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    type_vocab_size: usize,
    #[serde(default = "epsilon")]
    layer_norm_eps: f64,
    hidden_size: usize,
    num_attention_heads: usize,
    max_position_embeddings: usize,
    #[serde(default)]
    relative_attention: bool,
    #[serde(default = "none")]
    max_relative_positions: i64,
    #[serde(default = "none")]
    position_buckets: i64,
    #[serde(default = "yes")]
    position_biased_input: bool,
    #[serde(default)]
    pos_att_type: Option<Terms>,
    #[serde(default)]
    share_att_key: bool,
    #[serde(default)]
    norm_rel_ebd: Option<String>,
    #[serde(default)]
    attention_head_size: Option<usize>,
    #[serde(default)]
    conv_kernel_size: usize,
}

/// `["p2c", "c2p"]`, or `p2c|c2p`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Terms {
    One(String),
    Many(Vec<String>),
}

fn epsilon() -> f64 {
    1e-7
}
fn none() -> i64 {
    -1
}
fn yes() -> bool {
    true
}

/// How relative positions are used.
#[derive(Debug, Clone, PartialEq)]
struct Positions {
    buckets: Buckets,
    /// Whether content attends to position.
    by_content: bool,
    /// Whether position attends to content.
    by_position: bool,
    /// Whether positions are projected as content is.
    shared: bool,
    /// Whether their embeddings are normalised.
    normalised: bool,
    /// Whether absolute positions are added to the words.
    absolute: bool,
}

impl Keys {
    fn positions(&self) -> serde_json::Result<Positions> {
        let refuse = |what: String| Err(serde_json::Error::custom(what));
        if self.conv_kernel_size > 0 {
            return refuse(format!(
                "conv_kernel_size is {}, the convolution of the largest DeBERTas is not supported",
                self.conv_kernel_size
            ));
        }
        if self
            .attention_head_size
            .is_some_and(|size| size.checked_mul(self.num_attention_heads) != Some(self.hidden_size))
        {
            return refuse(
                "attention_head_size times num_attention_heads is not hidden_size: this is not supported".into(),
            );
        }
        let terms: Vec<String> = match &self.pos_att_type {
            None => Vec::new(),
            Some(Terms::One(terms)) => terms.split('|').map(|term| term.trim().to_lowercase()).collect(),
            Some(Terms::Many(terms)) => terms.clone(),
        };
        if !self.relative_attention || terms.is_empty() {
            return refuse("without relative_attention and pos_att_type there is no disentangled attention".into());
        }
        if let Some(term) = terms.iter().find(|term| !["c2p", "p2c"].contains(&term.as_str())) {
            return refuse(format!("`{term}` in pos_att_type is not supported; known are c2p and p2c"));
        }
        let largest = usize::try_from(self.max_relative_positions).ok().filter(|&n| n > 0);
        let largest = largest.unwrap_or(self.max_position_embeddings);
        let buckets = usize::try_from(self.position_buckets).ok().filter(|&n| n > 0);
        let Some(buckets) = Buckets::new(buckets, largest).filter(|buckets| buckets.span() <= 1 << 23) else {
            return refuse(format!("{} position_buckets do not fit distances up to {largest}", self.position_buckets));
        };
        let has = |term: &str| terms.iter().any(|t| t == term);
        let norms = self.norm_rel_ebd.as_deref().unwrap_or("none").to_lowercase();
        Ok(Positions {
            buckets,
            by_content: has("c2p"),
            by_position: has("p2c"),
            shared: self.share_att_key,
            normalised: norms.split('|').any(|norm| norm.trim() == "layer_norm"),
            absolute: self.position_biased_input,
        })
    }
}

impl Positions {
    /// Those of a configuration that was read before.
    fn of(config: &EncoderConfig) -> Result<Self> {
        let keys = |json: &Map<String, Json>| Keys::deserialize(&Json::Object(json.clone()))?.positions();
        keys(&config.json).map_err(|e| crate::Error::Internal(format!("a DeBERTa's configuration: {e}")))
    }

    /// Own projections of positions, those that there are.
    fn own(&self) -> impl Iterator<Item = &'static str> {
        let parts = [(self.by_content, OWN_KEY), (self.by_position, OWN_QUERY)];
        let shared = self.shared;
        parts.into_iter().filter(move |&(used, _)| used && !shared).map(|(_, part)| part)
    }
}

impl Architecture for Deberta {
    fn names(&self) -> Names {
        Names { model_types: &[("deberta-v2", "DebertaV2")], prefix: "deberta", layers_key: "num_hidden_layers" }
    }

    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig> {
        let keys: Keys = serde_json::from_slice(json)?;
        keys.positions()?;
        let common: bert::Keys = serde_json::from_slice(json)?;
        let mut config = common.config(self);
        config.embedding_size = common.embedding_size.unwrap_or(config.hidden_size);
        config.token_types = keys.type_vocab_size;
        config.layer_norm_eps = keys.layer_norm_eps;
        config.head_dropout = config.hidden_dropout;
        Ok(config)
    }

    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()> {
        let positions = Positions::of(config)?;
        let (e, h, normal) = (config.embedding_size, config.hidden_size, Init::Normal(config.initializer_range));
        builder.add(WORDS, &[config.vocab_size, e], normal)?;
        if positions.absolute {
            builder.add(POSITIONS, &[config.max_subwords, e], normal)?;
        }
        if config.token_types > 0 {
            builder.add(TYPES, &[config.token_types, e], normal)?;
        }
        if e != h {
            builder.add(PROJECTION, &[h, e], normal)?;
        }
        add_norm(builder, EMBEDDING_NORM, h)?;
        for layer in 0..config.layers {
            build_block(builder, config, &LAYOUT, layer)?;
            for part in positions.own() {
                add_linear(builder, &LAYOUT.name(layer, part), h, h, normal)?;
            }
        }
        builder.add(RELATIVE, &[2 * positions.buckets.span(), h], normal)?;
        if positions.normalised {
            add_norm(builder, RELATIVE_NORM, h)?;
        }
        Ok(())
    }

    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(Disentangled::new(parameters, config)?))
    }

    fn products(&self, config: &EncoderConfig, n: usize, scored: usize, longest: usize) -> Vec<[usize; 3]> {
        let mut products = post_norm::products(config, n, scored);
        if let Ok(positions) = Positions::of(config) {
            let rows = positions.buckets.distances(longest).table_rows().len();
            let tables = usize::from(positions.by_content) + usize::from(positions.by_position);
            products.extend(vec![[rows, config.hidden_size, config.hidden_size]; config.layers * tables]);
        }
        products
    }
}

/// A block, and how relative positions are projected in it.
struct DisentangledBlock {
    block: Block,
    /// κ's and ρ's projections, where they are used.
    positions: [Option<Linear>; 2],
    layer: u64,
}

/// The encoder, ready to compute.
struct Disentangled {
    tables: Tables,
    projection: Option<Parameter>,
    norm: Norm,
    blocks: Vec<DisentangledBlock>,
    relative: Tables,
    relative_norm: Option<Norm>,
    buckets: Buckets,
    heads: usize,
}

impl Disentangled {
    fn new(parameters: &Parameters, config: &EncoderConfig) -> Result<Self> {
        let positions = Positions::of(config)?;
        let norm = |name: &str| parameters.norm(name, config.layer_norm_eps);
        let handle = |used: bool, name: &str| used.then(|| parameters.handle(name)).transpose();
        let block = |layer: usize| {
            let block = Block::new(parameters, config, &LAYOUT, layer)?;
            let own = |used: bool, part: &str, shared: &Linear| match (used, positions.shared) {
                (false, _) => Ok(None),
                (true, true) => Ok(Some(shared.clone())),
                (true, false) => parameters.linear(&LAYOUT.name(layer, part)).map(Some),
            };
            let [query, key, _] = &block.attention;
            let projections = [own(positions.by_content, OWN_KEY, key)?, own(positions.by_position, OWN_QUERY, query)?];
            Ok(DisentangledBlock { positions: projections, layer: layer as u64, block })
        };
        Ok(Self {
            tables: Tables {
                words: parameters.handle(WORDS)?,
                positions: handle(positions.absolute, POSITIONS)?,
                types: handle(config.token_types > 0, TYPES)?,
            },
            projection: handle(config.embedding_size != config.hidden_size, PROJECTION)?,
            norm: norm(EMBEDDING_NORM)?,
            blocks: (0..config.layers).map(block).collect::<Result<_>>()?,
            relative: Tables { words: parameters.handle(RELATIVE)?, positions: None, types: None },
            relative_norm: positions.normalised.then(|| norm(RELATIVE_NORM)).transpose()?,
            buckets: positions.buckets,
            heads: config.heads,
        })
    }
}

impl Encoder for Disentangled {
    fn forward(&self, tape: &Tape, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let dropout = |purpose, layer| DropoutPlan::at(plan, purpose, |p| p.hidden, layer);
        let mut x = nn::embed(tape, &self.tables, ids, &batch.places)?;
        if let Some(projection) = &self.projection {
            x = nn::project(tape, &x, projection)?;
        }
        let x = nn::layer_norm(tape, &x, &self.norm)?;
        let mut x = nn::dropout(tape, &x, dropout("embedding dropout", 0).as_ref())?;
        let Some((last, blocks)) = self.blocks.split_last() else { return Ok(nn::select(tape, &x, &batch.scored)?) };

        let packing = &batch.packing;
        let longest = packing.sentences().map(|sentence| sentence.len()).max().unwrap_or(0);
        let distances = self.buckets.distances(longest);
        let rows: Vec<u32> = distances.table_rows().map(|row| row as u32).collect();
        let mut relative = nn::embed(tape, &self.relative, &rows, &rows)?;
        if let Some(norm) = &self.relative_norm {
            relative = nn::layer_norm(tape, &relative, norm)?;
        }
        let compute = |DisentangledBlock { block, positions, layer }: &DisentangledBlock,
                       rows: [&Value; 2],
                       queries: &Packing,
                       places: &[u32]| {
            let relative = nn::dropout(tape, &relative, dropout("position dropout", *layer).as_ref())?;
            let project = |layer: &Option<Linear>| layer.as_ref().map(|l| nn::linear(tape, &relative, l)).transpose();
            let [keys, at_queries] = [project(&positions[0])?, project(&positions[1])?];
            let relative =
                Relative { keys: keys.as_ref(), queries: at_queries.as_ref(), distances: &distances, places };
            let sentences = Sentences { queries, keys: packing };
            let attend = |qkv: [&Value; 3], dropout: Option<&Dropout>| {
                nn::disentangled_attention(tape, qkv, relative, sentences, self.heads, dropout)
            };
            block.compute(tape, rows, plan, attend)
        };
        for block in blocks {
            x = compute(block, [&x, &x], packing, &batch.places)?;
        }
        let scored = nn::select(tape, &x, &batch.scored)?;
        let places: Vec<u32> = batch.scored.iter().map(|&row| batch.places[row as usize]).collect();
        Ok(compute(last, [&scored, &x], &packing.select(&batch.scored), &places)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V3: &str = r#"{"model_type": "deberta-v2", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 64, "relative_attention": true,
        "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": true, "pos_att_type": "p2c|c2p",
        "position_biased_input": false"#;

    fn parse(more: &str) -> Result<EncoderConfig> {
        EncoderConfig::parse(format!("{V3}{more}}}").as_bytes(), "config.json".as_ref())
    }

    #[test]
    fn the_configuration_is_transformers() {
        let config = parse("").unwrap();
        assert_eq!((config.token_types, config.layer_norm_eps, config.embedding_size), (0, 1e-7, 8));
        assert_eq!(config.class("ForTokenClassification"), "DebertaV2ForTokenClassification");
        let positions = Positions::of(&config).unwrap();
        let expected = Positions {
            buckets: Buckets::new(Some(16), 64).unwrap(),
            by_content: true,
            by_position: true,
            shared: true,
            normalised: true,
            absolute: false,
        };
        assert_eq!(positions, expected);
        let defaults = V3.replace(r#""p2c|c2p""#, r#"["c2p"]"#).replace(r#""share_att_key": true, "#, "");
        let config = EncoderConfig::parse(format!("{defaults}}}").as_bytes(), "config.json".as_ref()).unwrap();
        assert_eq!(Positions::of(&config).unwrap().own().collect::<Vec<_>>(), [OWN_KEY]);
    }

    #[test]
    fn positions_are_projected_once_a_block() {
        let config = parse("").unwrap();
        let without = post_norm::products(&config, 100, 60);
        let products = config.architecture.products(&config, 100, 60, 5);
        assert_eq!(products[..without.len()], without);
        assert_eq!(products[without.len()..], [[9, 8, 8]; 4]);
    }

    #[test]
    fn what_cannot_be_computed_is_refused() {
        let convolution = parse(r#", "conv_kernel_size": 3"#).unwrap_err();
        assert!(convolution.to_string().contains("convolution"), "{convolution}");
        for (from, to, what) in [
            (r#""p2c|c2p""#, r#""p2p|c2p""#, "p2p"),
            (r#""p2c|c2p""#, "[]", "disentangled"),
            (r#""relative_attention": true"#, r#""relative_attention": false"#, "disentangled"),
            (r#""position_buckets": 16"#, r#""position_buckets": 160"#, "160 position_buckets"),
            (r#""vocab_size": 9"#, r#""vocab_size": 9, "attention_head_size": 3"#, "attention_head_size"),
        ] {
            let json = format!("{}}}", V3.replace(from, to));
            let error = EncoderConfig::parse(json.as_bytes(), "config.json".as_ref()).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
