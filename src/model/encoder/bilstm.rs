//! A bidirectional LSTM over words and their characters (arXiv 1603.01360, section 4), which with a CRF on it is the
//! contrast of arXiv 2105.00828: an encoder without pretraining and without subwords.
//!
//! ```text
//! c  = the last state of an LSTM over the word's characters, beside the first state of one that reads them from behind
//! x₀ = word[id] beside c                                                            [n, w + 2·c]
//! x' = forward LSTM of dropout(x) beside backward LSTM of dropout(x)                 [n, 2·h], for each layer
//! ```
//!
//! In training, a word that occurs once in the text it was made for is taken for the unknown one with a given
//! probability, so that the unknown word has a vector that means something. The characters of a spelling are read once
//! a batch.
//!
//! The layout of its `config.json` and its parameters is ours: transformers has no such model.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{Architecture, Encoder, EncoderConfig, Names, WORDS};
use crate::Result;
use crate::encode::{Batch, UNKNOWN};
use crate::error::Error;
use crate::model::DropoutPlan;
use crate::model::parameters::{Builder, Init, Parameters};
use crate::nn::{self, Activation, Direction, Linear, Packing, Parameter, Tables, Tape, Value};

/// The architecture.
pub struct Bilstm;

/// `model_type`, and the name under which one is made anew.
pub const BILSTM: &str = "bilstm";

const CHARACTERS: &str = "embeddings.character_embeddings.weight";

/// The keys of `config.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::model) struct Keys {
    /// Rows of the word embedding, that of the unknown word included.
    pub vocab_size: usize,
    /// Rows of the character embedding, that of the unknown character included.
    pub character_vocab_size: usize,
    pub word_dimensions: usize,
    pub character_dimensions: usize,
    /// States of the character LSTM in one direction.
    pub character_hidden: usize,
    /// States of a layer in one direction.
    pub hidden: usize,
    pub num_hidden_layers: usize,
    pub dropout: f64,
    pub word_dropout: f64,
    /// The first word that occurs once in the text, and the one behind the last.
    pub singletons: [u32; 2],
}

/// Most words a sentence: they are counted in 16 bits.
const MOST_WORDS: usize = u16::MAX as usize;

impl Keys {
    /// Those of a configuration of this architecture.
    pub fn of(config: &EncoderConfig) -> Result<Self> {
        let json = serde_json::Value::Object(config.json.clone());
        serde_json::from_value(json).map_err(|e| Error::Internal(format!("a checked configuration: {e}")))
    }

    /// What a layer reads.
    fn inputs(&self, layer: usize) -> usize {
        if layer == 0 { self.word_dimensions + 2 * self.character_hidden } else { 2 * self.hidden }
    }
}

impl Architecture for Bilstm {
    fn names(&self) -> Names {
        Names { model_types: &[(BILSTM, "Bilstm")], prefix: BILSTM, layers_key: "num_hidden_layers" }
    }

    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig> {
        let keys: Keys = serde_json::from_slice(json)?;
        let refuse = |what: &str| Err(serde::de::Error::custom(what));
        if keys.character_vocab_size == 0 || keys.character_dimensions == 0 || keys.character_hidden == 0 {
            return refuse("a size of the character LSTM is zero");
        }
        if ![keys.dropout, keys.word_dropout].iter().all(|p| (0.0..1.0).contains(p)) {
            return refuse("dropout must be at least 0 and below 1");
        }
        let [first, end] = keys.singletons;
        if first > end || end as usize > keys.vocab_size {
            return refuse("the singletons are not among the words");
        }
        Ok(EncoderConfig {
            architecture: self,
            vocab_size: keys.vocab_size,
            embedding_size: keys.word_dimensions,
            hidden_size: 2 * keys.hidden,
            layers: keys.num_hidden_layers,
            heads: 1,
            intermediate_size: keys.hidden,
            activation: Activation::Relu,
            max_subwords: MOST_WORDS,
            first_position: 0,
            token_types: 0,
            hidden_dropout: keys.dropout,
            attention_dropout: 0.0,
            head_dropout: keys.dropout,
            initializer_range: (1.0 / keys.hidden as f64).sqrt(),
            layer_norm_eps: 0.0,
            id2label: None,
            head: None,
            json: serde_json::Map::new(),
        })
    }

    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()> {
        let keys = Keys::of(config)?;
        // Unit variance in each row: √(3/d), as in arXiv 1603.01360's implementation.
        let rows = |dimensions: usize| Init::Uniform((3.0 / dimensions as f64).sqrt());
        builder.add(WORDS, &[config.vocab_size, keys.word_dimensions], rows(keys.word_dimensions))?;
        let characters = [keys.character_vocab_size, keys.character_dimensions];
        builder.add(CHARACTERS, &characters, rows(keys.character_dimensions))?;
        add_both(builder, "character_lstm", keys.character_dimensions, keys.character_hidden)?;
        for layer in 0..config.layers {
            add_both(builder, &format!("lstm.{layer}"), keys.inputs(layer), keys.hidden)?;
        }
        Ok(())
    }

    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
        let keys = Keys::of(config)?;
        let table = |name: &str| -> Result<Tables> {
            Ok(Tables { words: parameters.handle(name)?, positions: None, types: None })
        };
        Ok(Box::new(Network {
            words: table(WORDS)?,
            characters: table(CHARACTERS)?,
            character_lstm: Both::open(parameters, "character_lstm")?,
            layers: (0..config.layers)
                .map(|layer| Both::open(parameters, &format!("lstm.{layer}")))
                .collect::<Result<_>>()?,
            word_dropout: keys.word_dropout,
            singletons: keys.singletons,
        }))
    }

    fn reads_words(&self) -> bool {
        true
    }

    fn shape(&self, config: &EncoderConfig) -> String {
        let Ok(keys) = Keys::of(config) else { return String::new() };
        format!(
            "{} layers, {} states in each direction, words {} × {}, characters {} × {} (2 × {} states)",
            config.layers,
            keys.hidden,
            keys.vocab_size,
            keys.word_dimensions,
            keys.character_vocab_size,
            keys.character_dimensions,
            keys.character_hidden
        )
    }

    /// Those of the layers; how many characters a batch has is not known here.
    fn products(&self, config: &EncoderConfig, n: usize, _scored: usize, _longest: usize) -> Vec<[usize; 3]> {
        let Ok(keys) = Keys::of(config) else { return Vec::new() };
        let layer = |layer| {
            let (from_below, recurrent) = ([n, keys.inputs(layer), 4 * keys.hidden], [n, keys.hidden, 4 * keys.hidden]);
            [from_below, from_below, recurrent, recurrent]
        };
        (0..config.layers).flat_map(layer).collect()
    }
}

/// Adds the parameters of an LSTM layer in both directions.
fn add_both(builder: &mut Builder<'_>, name: &str, inputs: usize, hidden: usize) -> Result<()> {
    let weights = Init::Uniform((1.0 / hidden as f64).sqrt());
    for direction in ["forward", "backward"] {
        builder.add(&format!("{name}.{direction}.input.weight"), &[4 * hidden, inputs], weights)?;
        builder.add(&format!("{name}.{direction}.input.bias"), &[4 * hidden], Init::Gates)?;
        builder.add(&format!("{name}.{direction}.recurrent.weight"), &[4 * hidden, hidden], weights)?;
    }
    Ok(())
}

/// One direction of a layer.
struct One {
    input: Linear,
    recurrent: Parameter,
    direction: Direction,
}

impl One {
    fn states(&self, tape: &Tape, x: &Value, packing: &Packing) -> Result<Value> {
        let gates = nn::linear(tape, x, &self.input)?;
        Ok(nn::lstm(tape, &gates, &self.recurrent, packing, self.direction)?)
    }
}

/// A layer in both directions.
struct Both {
    forward: One,
    backward: One,
}

impl Both {
    fn open(parameters: &Parameters, name: &str) -> Result<Self> {
        let one = |part: &str, direction: Direction| -> Result<One> {
            Ok(One {
                input: parameters.linear(&format!("{name}.{part}.input"))?,
                recurrent: parameters.handle(&format!("{name}.{part}.recurrent.weight"))?,
                direction,
            })
        };
        Ok(Self { forward: one("forward", Direction::Forward)?, backward: one("backward", Direction::Backward)? })
    }

    fn states(&self, tape: &Tape, x: &Value, packing: &Packing) -> Result<[Value; 2]> {
        Ok([self.forward.states(tape, x, packing)?, self.backward.states(tape, x, packing)?])
    }
}

/// The encoder, ready to compute.
struct Network {
    words: Tables,
    characters: Tables,
    character_lstm: Both,
    layers: Vec<Both>,
    word_dropout: f64,
    singletons: [u32; 2],
}

impl Network {
    /// `ids`, some of those that stand for a word that occurs once replaced by the unknown word's.
    fn with_unknown(&self, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Vec<u32> {
        let Some(plan) = plan.filter(|_| self.word_dropout > 0.0) else { return ids.to_vec() };
        let mut stream = plan.streams.stream("word dropout", &plan.position);
        let [first, end] = self.singletons;
        let replace = |(&row, &word): (&u32, &u32)| {
            let once = (first..end).contains(&word);
            // The unknown word is the first of the words, and so of those in use.
            if once && stream.r#gen::<f64>() < self.word_dropout { UNKNOWN } else { row }
        };
        ids.iter().zip(&batch.ids).map(replace).collect()
    }

    /// What the characters of each word say `[n, 2·c]`, in two parts.
    fn spelled(&self, tape: &Tape, batch: &Batch) -> Result<[Value; 2]> {
        let spellings = &batch.spellings;
        let x = nn::embed(tape, &self.characters, &spellings.ids, &spellings.ids)?;
        let [forward, backward] = self.character_lstm.states(tape, &x, &spellings.packing)?;
        let row = |of: fn(std::ops::Range<usize>) -> usize| -> Vec<u32> {
            spellings.of_subword.iter().map(|&number| of(spellings.packing.sentence(number as usize)) as u32).collect()
        };
        let (last, first) = (row(|spelling| spelling.end - 1), row(|spelling| spelling.start));
        Ok([nn::select(tape, &forward, &last)?, nn::select(tape, &backward, &first)?])
    }
}

impl Encoder for Network {
    fn forward(&self, tape: &Tape, ids: &[u32], batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        if batch.spellings.of_subword.len() != ids.len() {
            return Err(Error::Internal("a bi-LSTM was given words without their characters".into()));
        }
        let ids = self.with_unknown(ids, batch, plan);
        let words = nn::embed(tape, &self.words, &ids, &batch.places)?;
        let [forward, backward] = self.spelled(tape, batch)?;
        let mut x = nn::concat(tape, &[&words, &forward, &backward])?;
        for (number, layer) in (0..).zip(&self.layers) {
            let dropout = DropoutPlan::at(plan, "LSTM dropout", |p| p.hidden, number);
            let dropped = nn::dropout(tape, &x, dropout.as_ref())?;
            let [forward, backward] = layer.states(tape, &dropped, &batch.packing)?;
            x = nn::concat(tape, &[&forward, &backward])?;
        }
        Ok(nn::select(tape, &x, &batch.scored)?)
    }
}
