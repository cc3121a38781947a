//! The tagger: an encoder, and a head on each token's first subword.
//!
//! What it is and how it is saved stands here, how it comes from files in [`load`], what it computes in [`compute`].

mod compute;
mod load;

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::{Tensor, Var};

use super::checkpoint::{self, NamedTensor, Precision};
use super::encoder::{Encoder, EncoderConfig, WORDS};
use super::engine::Engine;
use super::head::{self, Head};
use super::parameters::Parameters;
use super::vocabulary::RowsInUse;
use super::{Centroids, HeadKind, HeadSettings, LoadReport};
use crate::Result;
use crate::encode::{Batch, UNKNOWN, Vocabulary};
use crate::error::Error;
use crate::nn;

/// An encoder with a head that gives each token one label, its tokenizer included.
pub struct Tagger {
    config: EncoderConfig,
    head: HeadSettings,
    /// What a prototypical head judges with; `None` before they are set, and for a linear head.
    centroids: Option<Centroids>,
    parameters: Parameters,
    tokenizer: Vocabulary,
    labels: Vec<String>,
    /// The id of `O`.
    outside: u8,
    rows_in_use: Option<RowsInUse>,
    /// Product of the weight decay factors that the rows not in use have missed.
    missed_decay: f64,
    network: Network,
    engine: Engine,
}

/// The parameters put together.
struct Network {
    encoder: Box<dyn Encoder>,
    head: Head,
}

impl Network {
    fn new(parameters: &Parameters, config: &EncoderConfig, head: &HeadSettings) -> Result<Self> {
        Ok(Self { encoder: config.architecture.open(parameters, config)?, head: Head::new(parameters, head)? })
    }
}

/// What a source holds ([`Tagger::inspect`]).
pub struct Inspected {
    /// The tagger; an encoder is under a head that was drawn.
    pub tagger: Tagger,
    /// What loading it found.
    pub report: LoadReport,
    /// True for a saved tagger, which can label text.
    pub is_tagger: bool,
    /// Why a model that names labels cannot label text.
    pub fault: Option<Error>,
}

/// The predicted label of a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenPrediction {
    /// The label's id.
    pub label: u8,
    /// Its probability, 0 to 1 (a CRF's marginal); null for a token that cannot be judged, because it is beyond the
    /// encoder's maximum length or has no subword. Such a token has the label `O`.
    pub probability: Option<f32>,
}

/// The predicted labels of sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct TextPrediction {
    /// One prediction a token.
    pub sentences: Vec<Vec<TokenPrediction>>,
    /// Tokens beyond the encoder's maximum length.
    pub truncated: usize,
    /// Tokens without a subword.
    pub without_subword: usize,
}

/// An episode of a prototypical head: tokens whose means are the centroids, and tokens that are judged with them.
#[derive(Debug, Clone)]
pub struct Episode {
    /// The sentences of both.
    pub batch: Batch,
    /// Of each class (label − 1) the tokens that support it, by their place among the batch's scored tokens.
    pub support: Vec<Vec<u32>>,
    /// The tokens that are judged, likewise.
    pub queries: Vec<u32>,
    /// Their labels.
    pub labels: Vec<u32>,
}

/// What a training step on a batch or an episode computed.
#[derive(Debug, Clone)]
pub struct TrainOutput {
    /// Logits of the scored tokens as the batch was seen, dropout on: `[scored, labels]`, row by row.
    pub logits: Vec<f32>,
    /// The predicted labels, where they are not those with the highest logits: a CRF's best path.
    pub decoded: Option<Vec<u8>>,
    /// The loss in nats.
    pub loss: f64,
}

/// The prediction for a batch's scored tokens.
#[derive(Debug, Clone)]
pub struct BatchPrediction {
    /// Logits `[scored, labels]`, row by row; of a CRF, the marginals' logarithms.
    pub logits: Vec<f32>,
    /// The predicted labels, where they are not those with the highest logits: a CRF's best path.
    pub decoded: Option<Vec<u8>>,
}

impl BatchPrediction {
    /// The label of each token, of `n_labels`, with its probability.
    pub fn tokens(self, n_labels: usize) -> Vec<TokenPrediction> {
        let rows = self.logits.chunks_exact(n_labels);
        let decide = |(i, row): (usize, &[f32])| {
            let label = self.decoded.as_ref().map_or_else(|| nn::math::argmax(row) as u8, |decoded| decoded[i]);
            TokenPrediction { label, probability: Some(nn::math::softmax_at(row, usize::from(label))) }
        };
        rows.enumerate().map(decide).collect()
    }
}

impl Tagger {
    /// The encoder's shape.
    pub fn config(&self) -> &EncoderConfig {
        &self.config
    }

    /// What makes ids of words.
    pub fn tokenizer(&self) -> &Vocabulary {
        &self.tokenizer
    }

    /// Label names by id.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The id of `O`, the label of tokens that belong to no entity, and of those that cannot be judged.
    pub fn outside(&self) -> u8 {
        self.outside
    }

    /// The head.
    pub fn head(&self) -> &HeadSettings {
        &self.head
    }

    /// What a prototypical head judges with, if it was set.
    pub fn centroids(&self) -> Option<&Centroids> {
        self.centroids.as_ref()
    }

    /// Leaves a prototypical head without centroids.
    pub fn forget_centroids(&mut self) {
        self.centroids = None;
    }

    /// Sets what a prototypical head judges with.
    pub fn set_centroids(&mut self, centroids: Centroids) {
        self.centroids = Some(centroids);
    }

    /// Adds an episode's centroids to the running ones.
    pub fn average_centroids(&mut self, episode: &Centroids) {
        let none = || Centroids::none(episode.support.len(), self.head.dimensions);
        self.centroids.get_or_insert_with(none).average(episode, self.head.running_weight);
    }

    /// Classes of a prototypical head: all labels but `O`.
    pub fn classes(&self) -> usize {
        self.labels.len() - 1
    }

    /// The trainable numbers.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Cuts the word embedding down to the subwords that training and evaluation will meet (see [`super::vocabulary`]).
    pub fn use_rows(&mut self, ids: &BTreeSet<u32>) -> Result<()> {
        let mut ids = ids.clone();
        if let Vocabulary::Words(_) = self.tokenizer {
            // Word dropout puts it in the place of others.
            ids.insert(UNKNOWN);
        }
        self.rows_in_use = Some(RowsInUse::select(&mut self.parameters, &ids)?);
        self.network = Network::new(&self.parameters, &self.config, &self.head)?;
        Ok(())
    }

    /// Makes the word embedding whole again, the rows that were not in use times `missed_decay`.
    pub fn restore_rows(&mut self, missed_decay: f64) -> Result<()> {
        let Some(rows) = self.rows_in_use.take() else { return Ok(()) };
        let var = self.parameters.get(WORDS)?;
        let whole = rows.whole(&var.as_tensor().flatten_all()?.to_vec1::<f32>()?, missed_decay);
        let shape = (self.config.vocab_size, self.config.embedding_size);
        let whole = Var::from_tensor(&Tensor::from_vec(whole, shape, var.device())?)?;
        self.parameters.replace(WORDS, whole)?;
        self.network = Network::new(&self.parameters, &self.config, &self.head)?;
        Ok(())
    }

    /// Tells how much weight decay the rows not in use have missed so far: a product of factors, 1 at the start.
    pub fn set_missed_decay(&mut self, product: f64) {
        self.missed_decay = product;
    }

    /// Computes with candle's operations where it has its own: what other devices do, and the reference in tests.
    pub fn compose(&mut self) {
        self.engine.compose();
    }

    /// True if the fused operations compute.
    pub fn is_on_cpu(&self) -> bool {
        self.engine.is_on_cpu()
    }

    /// All parameters by transformers' names, the word embedding whole.
    fn tensors(&self) -> Result<Vec<NamedTensor>> {
        let prefix = self.config.architecture.names().prefix;
        let mut tensors = Vec::new();
        for (name, var) in self.parameters.iter() {
            let mut values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            let mut shape = var.dims().to_vec();
            if let (WORDS, Some(rows)) = (name, &self.rows_in_use) {
                values = rows.whole(&values, self.missed_decay);
                shape[0] = self.config.vocab_size;
            }
            let name = if head::owns(name) { name.to_owned() } else { format!("{prefix}.{name}") };
            tensors.push((name, shape, values));
        }
        tensors.extend(self.centroids.iter().flat_map(|centroids| centroids.tensors()));
        Ok(tensors)
    }

    /// Writes `config.json`, `model.safetensors` and the tokenizer's files so that transformers' `from_pretrained`
    /// opens the folder: as a token classifier, or, with a head that transformers does not know, as an encoder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let linear = self.head.kind == HeadKind::Linear;
        let mut config = self.config.clone();
        config.head = (!linear).then(|| self.head.clone());
        let architecture = config.class(if linear { "ForTokenClassification" } else { "Model" });
        super::save::write_folder(folder, &config, &architecture, Some(&self.labels), self.tokenizer.files(), || {
            checkpoint::write(&folder.join("model.safetensors"), &self.tensors()?, Precision::Single, &[])
        })
    }
}
