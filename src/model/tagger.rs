//! The tagger: BERT, and a head on each word's first piece.

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::{Device, Tensor, Var};

use super::bert::{self, Bert, DropoutPlan, WORDS};
use super::checkpoint::{self, NamedTensor, Precision};
use super::config::BertConfig;
use super::engine::Engine;
use super::files::Files;
use super::head::{self, Head};
use super::parameters::{Builder, Parameters};
use super::vocabulary::RowsInUse;
use super::{Centroids, HeadKind, HeadSettings, LoadReport, ModelSettings};
use crate::Result;
use crate::encode::{Batch, Tokenizer};
use crate::error::{Error, Problem};
use crate::nn::{self, Gradients, Tape, Value};

/// An encoder with a head that gives each word one label, its tokenizer included.
pub struct Tagger {
    config: BertConfig,
    head: HeadSettings,
    /// What a prototypical head judges with; `None` before they are set, and for a linear head.
    centroids: Option<Centroids>,
    parameters: Parameters,
    tokenizer: Tokenizer,
    labels: Vec<String>,
    rows_in_use: Option<RowsInUse>,
    /// Product of the weight decay factors that the rows not in use have missed.
    missed_decay: f64,
    network: Network,
    engine: Engine,
}

/// The parameters put together.
struct Network {
    bert: Bert,
    head: Head,
}

impl Network {
    fn new(parameters: &Parameters, config: &BertConfig, head: &HeadSettings) -> Result<Self> {
        Ok(Self { bert: Bert::new(parameters, config)?, head: Head::new(parameters, head)? })
    }
}

/// An episode of a prototypical head: words whose means are the centroids, and words that are judged with them.
#[derive(Debug, Clone)]
pub struct Episode {
    /// The sentences of both.
    pub batch: Batch,
    /// Of each class (label − 1) the words that support it, by their place among the batch's scored words.
    pub support: Vec<Vec<u32>>,
    /// The words that are judged, likewise.
    pub queries: Vec<u32>,
    /// Their labels.
    pub labels: Vec<u32>,
}

/// What a batch taught.
#[derive(Debug, Clone)]
pub struct Learned {
    /// Logits of the scored words as the batch was seen, dropout on: `[scored, labels]`, row by row.
    pub logits: Vec<f32>,
    /// The loss in nats.
    pub loss: f64,
}

impl Tagger {
    /// Loads (or draws, with `random_init`) the encoder and puts a head for `labels` on it; new weights come from
    /// `seed`.
    ///
    /// A `classifier` in the checkpoint is used if its shape fits and its label names, where it has names of its own,
    /// are ours; its rows are then put into our order. The same holds for a prototypical head, whose centroids are used if
    /// the labels are the same in the same order.
    ///
    /// # Errors
    /// [`Error::Model`] if files are missing or broken, a tensor of the encoder is missing or has another shape, or
    /// the tokenizer has more pieces than the embedding has rows; [`Error::Config`] for a number of layers that the
    /// encoder does not have, or a head that cannot be made.
    pub fn load(settings: &ModelSettings, labels: &[String], seed: u64, device: &Device) -> Result<(Self, LoadReport)> {
        Self::from_files(Files::open(&settings.source)?, settings, labels, seed, device)
    }

    /// Opens a tagger that was saved, its head and its labels included: to predict with.
    ///
    /// # Errors
    /// [`Error::Model`] as for [`Tagger::load`], and if the folder holds an encoder without a head.
    pub fn open(source: &str, device: &Device) -> Result<(Self, LoadReport)> {
        let files = Files::open(source)?;
        let labels = files.labels()?;
        let head = files.config.memoscope_head.clone().unwrap_or_default();
        let settings = ModelSettings { source: source.to_owned(), head, ..ModelSettings::default() };
        let origin = files.origin.clone();
        let (tagger, report) = Self::from_files(files, &settings, &labels, 0, device)?;
        if report.missing.is_empty() && tagger.head.kind == HeadKind::Prototypes && tagger.centroids.is_none() {
            return Err(Error::Model(
                Problem::new("the centroids of its prototypical head are missing")
                    .at(origin.join("model.safetensors"))
                    .hint("save the model again from a finished run: words cannot be judged without them"),
            ));
        }
        if !report.missing.is_empty() {
            return Err(Error::Model(
                Problem::new("the weights of its head are missing: this is an encoder, not a tagger")
                    .at(origin)
                    .hint("give the `model` folder of a finished run, or train one with `memoscope train`"),
            ));
        }
        Ok((tagger, report))
    }

    fn from_files(
        mut files: Files,
        settings: &ModelSettings,
        labels: &[String],
        seed: u64,
        device: &Device,
    ) -> Result<(Self, LoadReport)> {
        settings.head.validate()?;
        let mut config = files.config.clone();
        if let Some(layers) = settings.layers {
            if layers == 0 || layers > config.num_hidden_layers {
                return Err(Error::Config(
                    Problem::new(format!("model.layers is {layers}, the encoder has {}", config.num_hidden_layers))
                        .hint(format!("choose between 1 and {}", config.num_hidden_layers)),
                ));
            }
            config.num_hidden_layers = layers;
        }
        let tokenizer = files.tokenizer()?;
        if tokenizer.vocabulary_size() > config.vocab_size {
            return Err(Error::Model(
                Problem::new(format!(
                    "the tokenizer knows {} pieces, the word embedding has {} rows",
                    tokenizer.vocabulary_size(),
                    config.vocab_size
                ))
                .at(files.origin.join("tokenizer.json"))
                .hint("use the tokenizer that the encoder was pretrained with"),
            ));
        }
        let fingerprint = files.fingerprint(&tokenizer);
        let order = (!settings.random_init).then(|| files.label_order(labels)).flatten();
        let checkpoint = if settings.random_init { None } else { Some(&mut files.checkpoint) };
        let mut builder = Builder::new(checkpoint, seed, device);
        bert::build(&mut builder, &config)?;
        builder.require_complete()?;
        head::build(&mut builder, &settings.head, labels.len(), config.hidden_size, config.initializer_range)?;
        let (parameters, missing) = (std::mem::take(&mut builder.parameters), std::mem::take(&mut builder.missing));
        if let (HeadKind::Linear, Some(order)) = (settings.head.kind, order) {
            put_rows_in_order(&parameters, order)?;
        }
        let centroids = match settings.head.kind == HeadKind::Prototypes && !settings.random_init {
            true => files.centroids(labels, settings.head.dimensions)?,
            false => None,
        };
        let report = LoadReport {
            source: settings.source.clone(),
            fingerprint,
            missing,
            unexpected: if settings.random_init { Vec::new() } else { files.checkpoint.rest() },
            n_parameters: parameters.count(),
            shape: config.shape(),
        };
        config.id2label = None;
        config.memoscope_head = None;
        let network = Network::new(&parameters, &config, &settings.head)?;
        let tagger = Self {
            config,
            head: settings.head.clone(),
            centroids,
            parameters,
            tokenizer,
            labels: labels.to_vec(),
            rows_in_use: None,
            missed_decay: 1.0,
            network,
            engine: Engine::new(device),
        };
        Ok((tagger, report))
    }

    /// The encoder's shape.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Label names by id.
    pub fn labels(&self) -> &[String] {
        &self.labels
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

    /// Cuts the word embedding down to the pieces that training and evaluation will meet (see [`super::vocabulary`]).
    pub fn use_rows(&mut self, ids: &BTreeSet<u32>) -> Result<()> {
        self.rows_in_use = Some(RowsInUse::select(&mut self.parameters, ids)?);
        self.network = Network::new(&self.parameters, &self.config, &self.head)?;
        Ok(())
    }

    /// Makes the word embedding whole again, the rows that were not in use times `missed_decay`.
    pub fn restore_rows(&mut self, missed_decay: f64) -> Result<()> {
        let Some(rows) = self.rows_in_use.take() else { return Ok(()) };
        let var = self.parameters.get(WORDS)?;
        let whole = rows.whole(&var.as_tensor().flatten_all()?.to_vec1::<f32>()?, missed_decay);
        let shape = (self.config.vocab_size, self.config.hidden_size);
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

    /// Adds the gradients of the batch's loss to `gradients`: Σ −log p(label) / `denominator` over the scored words.
    /// `plan` is absent for no dropout.
    ///
    /// # Errors
    /// [`Error::Internal`] for a prototypical head, which learns from episodes.
    pub fn learn(
        &self,
        batch: &Batch,
        labels: &[u32],
        denominator: f64,
        plan: Option<&DropoutPlan>,
        gradients: &mut Gradients,
    ) -> Result<Learned> {
        let Head::Linear(classifier) = &self.network.head else {
            return Err(Error::Internal("a prototypical head was to learn from a batch".into()));
        };
        nn::on_pool(|| {
            let tape = self.engine.training();
            let hidden = self.hidden(&tape, batch, plan)?;
            let logits = nn::linear(&tape, &hidden, classifier)?;
            let loss = nn::cross_entropy(&tape, &logits, labels, denominator)?;
            let learned = Learned { logits: logits.to_vec()?, loss: loss.value };
            tape.backward(loss, gradients)?;
            Ok(learned)
        })
    }

    /// The same for a prototypical head and an episode: the loss is that of the queries, and gradients go through the
    /// centroids, too. The episode's centroids are returned beside what was learned.
    ///
    /// # Errors
    /// [`Error::Internal`] for a linear head.
    pub fn learn_episode(
        &self,
        episode: &Episode,
        denominator: f64,
        plan: Option<&DropoutPlan>,
        gradients: &mut Gradients,
    ) -> Result<(Learned, Centroids)> {
        let Head::Prototypes { map, outside } = &self.network.head else {
            return Err(Error::Internal("a linear head was to learn from an episode".into()));
        };
        nn::on_pool(|| {
            let tape = self.engine.training();
            let hidden = self.hidden(&tape, &episode.batch, plan)?;
            let f = nn::linear(&tape, &hidden, map)?;
            let means = nn::group_means(&tape, &f, &episode.support)?;
            let support = episode.support.iter().map(|rows| rows.len() as u64).collect();
            let centroids = Centroids { values: means.to_vec()?, support };
            let queries = nn::select(&tape, &f, &episode.queries)?;
            let logits = nn::prototype_logits(&tape, &queries, &means, &centroids.present(), outside)?;
            let loss = nn::cross_entropy(&tape, &logits, &episode.labels, denominator)?;
            let learned = Learned { logits: logits.to_vec()?, loss: loss.value };
            tape.backward(loss, gradients)?;
            Ok((learned, centroids))
        })
    }

    /// Logits of the batch's scored words, dropout off: `[scored, labels]`, row by row.
    ///
    /// # Errors
    /// [`Error::Internal`] for a prototypical head without centroids.
    pub fn evaluate(&self, batch: &Batch) -> Result<Vec<f32>> {
        nn::on_pool(|| {
            let tape = self.engine.inference();
            let hidden = self.hidden(&tape, batch, None)?;
            let logits = match &self.network.head {
                Head::Linear(classifier) => nn::linear(&tape, &hidden, classifier)?,
                Head::Prototypes { map, outside } => {
                    let centroids = self
                        .centroids
                        .as_ref()
                        .ok_or_else(|| Error::Internal("a prototypical head was to judge without centroids".into()))?;
                    let f = nn::linear(&tape, &hidden, map)?;
                    let values = tape.constant(&centroids.values, self.head.dimensions)?;
                    nn::prototype_logits(&tape, &f, &values, &centroids.present(), outside)?
                }
            };
            Ok(logits.to_vec()?)
        })
    }

    /// Where a prototypical head puts the batch's scored words, dropout off: `[scored, dimensions]`, row by row.
    ///
    /// # Errors
    /// [`Error::Internal`] for a linear head.
    pub fn place(&self, batch: &Batch) -> Result<Vec<f32>> {
        let Head::Prototypes { map, .. } = &self.network.head else {
            return Err(Error::Internal("a linear head has no space to put words in".into()));
        };
        nn::on_pool(|| {
            let tape = self.engine.inference();
            Ok(nn::linear(&tape, &self.hidden(&tape, batch, None)?, map)?.to_vec()?)
        })
    }

    /// What the head reads: the scored words' hidden states, after dropout.
    fn hidden(&self, tape: &Tape, batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let mapped = match &self.rows_in_use {
            Some(rows) => Some(rows.rows(&batch.ids).ok_or_else(|| {
                Error::Internal("a piece outside the rows in use was asked for during training".into())
            })?),
            None => None,
        };
        let ids = mapped.as_deref().unwrap_or(&batch.ids);
        let scored = self.network.bert.forward(tape, ids, batch, plan)?;
        let dropout = DropoutPlan::at(plan, "head dropout", |p| p.head, 0);
        Ok(nn::dropout(tape, &scored, dropout.as_ref())?)
    }

    /// Label ids for each word of each sentence, dropout off; words beyond `max_pieces` get `O`.
    pub fn predict(&self, sentences: &[Vec<String>], max_pieces: usize, batch_size: usize) -> Result<Vec<Vec<u8>>> {
        let max_pieces = max_pieces.min(self.config.max_position_embeddings);
        let encoded = self.tokenizer.encode(sentences.iter().map(Vec::as_slice), max_pieces)?;
        let mut predicted: Vec<Vec<u8>> = sentences.iter().map(|s| vec![0; s.len()]).collect();
        let numbered: Vec<_> = (0u32..).zip(&encoded).filter(|(_, s)| !s.words.is_empty()).collect();
        for part in numbered.chunks(batch_size.max(1)) {
            let batch = Batch::pack(part.iter().copied());
            let logits = self.evaluate(&batch)?;
            for (&(sentence, token), row) in batch.tokens.iter().zip(logits.chunks_exact(self.labels.len())) {
                predicted[sentence as usize][usize::from(token)] = nn::math::argmax(row) as u8;
            }
        }
        Ok(predicted)
    }

    /// All parameters by transformers' names, the word embedding whole.
    fn tensors(&self) -> Result<Vec<NamedTensor>> {
        let mut tensors = Vec::new();
        for (name, var) in self.parameters.iter() {
            let mut values = var.as_tensor().flatten_all()?.to_vec1::<f32>()?;
            let mut shape = var.dims().to_vec();
            if let (WORDS, Some(rows)) = (name, &self.rows_in_use) {
                values = rows.whole(&values, self.missed_decay);
                shape[0] = self.config.vocab_size;
            }
            let of_head = [head::LINEAR, head::MAP].iter().any(|prefix| name.starts_with(prefix));
            let name = if of_head { name.to_owned() } else { format!("bert.{name}") };
            tensors.push((name, shape, values));
        }
        tensors.extend(self.centroids.iter().flat_map(|centroids| centroids.tensors()));
        Ok(tensors)
    }

    /// Writes `config.json`, `model.safetensors` and the tokenizer's files so that transformers' `from_pretrained`
    /// opens the folder: as a token classifier, or, with a prototypical head, which transformers does not know, as an
    /// encoder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let prototypes = self.head.kind == HeadKind::Prototypes;
        let mut config = self.config.clone();
        config.memoscope_head = prototypes.then(|| self.head.clone());
        let architecture = if prototypes { "BertModel" } else { "BertForTokenClassification" };
        super::save::write_folder(folder, &config, architecture, Some(&self.labels), &self.tokenizer, || {
            checkpoint::write(&folder.join("model.safetensors"), &self.tensors()?, Precision::Single, &[])
        })
    }
}

/// Puts the rows of a linear head that came from a checkpoint into the order of our labels.
fn put_rows_in_order(parameters: &Parameters, order: Vec<usize>) -> Result<()> {
    let order = Tensor::from_iter(order.into_iter().map(|i| i as u32), &Device::Cpu)?;
    for name in ["weight", "bias"] {
        let var = parameters.get(&format!("{}.{name}", head::LINEAR))?;
        var.set(&var.as_tensor().index_select(&order.to_device(var.device())?, 0)?)?;
    }
    Ok(())
}
