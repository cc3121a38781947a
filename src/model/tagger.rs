//! The tagger: BERT, and a linear head on each word's first piece.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor, Var};
use fs_err as fs;
use sha2::{Digest, Sha256};

use super::bert::{self, Bert, DropoutPlan, WORDS};
use super::checkpoint::{self, Checkpoint, NamedTensor, Precision};
use super::config::BertConfig;
use super::engine::Engine;
use super::parameters::{Builder, Init, Parameters};
use super::vocabulary::RowsInUse;
use super::{LoadReport, ModelSettings, embedded};
use crate::Result;
use crate::encode::{Batch, Tokenizer};
use crate::error::{Error, Problem};
use crate::nn::{self, Gradients, Linear, Tape, Value};

/// An encoder with a linear head that gives each word one label, its tokenizer included.
pub struct Tagger {
    config: BertConfig,
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
    classifier: Linear,
}

impl Network {
    fn new(parameters: &Parameters, config: &BertConfig) -> Result<Self> {
        Ok(Self { bert: Bert::new(parameters, config)?, classifier: parameters.linear("classifier")? })
    }
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
    /// are ours; its rows are then put into our order.
    ///
    /// # Errors
    /// [`Error::Model`] if files are missing or broken, a tensor of the encoder is missing or has another shape, or
    /// the tokenizer has more pieces than the embedding has rows.
    pub fn load(settings: &ModelSettings, labels: &[String], seed: u64, device: &Device) -> Result<(Self, LoadReport)> {
        let mut files = Files::open(&settings.source)?;
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
        let head = [labels.len(), config.hidden_size];
        let parameters = add_head(&mut builder, head, config.initializer_range, order)?;
        let missing = builder.missing;
        let report = LoadReport {
            source: settings.source.clone(),
            fingerprint,
            missing,
            unexpected: if settings.random_init { Vec::new() } else { files.checkpoint.rest() },
            n_parameters: parameters.count(),
            shape: config.shape(),
        };
        config.id2label = None;
        let network = Network::new(&parameters, &config)?;
        let tagger = Self {
            config,
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

    /// The trainable numbers.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Cuts the word embedding down to the pieces that training and evaluation will meet (see [`super::vocabulary`]).
    pub fn use_rows(&mut self, ids: &BTreeSet<u32>) -> Result<()> {
        self.rows_in_use = Some(RowsInUse::select(&mut self.parameters, ids)?);
        self.network = Network::new(&self.parameters, &self.config)?;
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
        self.network = Network::new(&self.parameters, &self.config)?;
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
    pub fn learn(
        &self,
        batch: &Batch,
        labels: &[u32],
        denominator: f64,
        plan: Option<&DropoutPlan>,
        gradients: &mut Gradients,
    ) -> Result<Learned> {
        nn::on_pool(|| {
            let tape = self.engine.training();
            let logits = self.logits(&tape, batch, plan)?;
            let loss = nn::cross_entropy(&tape, &logits, labels, denominator)?;
            let learned = Learned { logits: logits.to_vec()?, loss: loss.value };
            tape.backward(loss, gradients)?;
            Ok(learned)
        })
    }

    /// Logits of the batch's scored words, dropout off: `[scored, labels]`, row by row.
    pub fn evaluate(&self, batch: &Batch) -> Result<Vec<f32>> {
        nn::on_pool(|| Ok(self.logits(&self.engine.inference(), batch, None)?.to_vec()?))
    }

    fn logits(&self, tape: &Tape, batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let mapped = match &self.rows_in_use {
            Some(rows) => Some(rows.rows(&batch.ids).ok_or_else(|| {
                Error::Internal("a piece outside the rows in use was asked for during training".into())
            })?),
            None => None,
        };
        let ids = mapped.as_deref().unwrap_or(&batch.ids);
        let scored = self.network.bert.forward(tape, ids, batch, plan)?;
        let dropout = DropoutPlan::at(plan, "head dropout", |p| p.head, 0);
        Ok(nn::linear(tape, &nn::dropout(tape, &scored, dropout.as_ref())?, &self.network.classifier)?)
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
            let name = if name.starts_with("classifier.") { name.to_owned() } else { format!("bert.{name}") };
            tensors.push((name, shape, values));
        }
        Ok(tensors)
    }

    /// Writes `config.json`, `model.safetensors` and the tokenizer's files so that transformers' `from_pretrained`
    /// opens the folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        super::save::write_folder(folder, &self.config, Some(&self.labels), &self.tokenizer, || {
            checkpoint::write(&folder.join("model.safetensors"), &self.tensors()?, Precision::Single, &[])
        })
    }
}

/// Adds the head, from the checkpoint where it fits, its rows in our order.
fn add_head(
    builder: &mut Builder<'_>,
    shape: [usize; 2],
    deviation: f64,
    order: Option<Vec<usize>>,
) -> Result<Parameters> {
    bert::add_linear(builder, "classifier", shape[0], shape[1], Init::Normal(deviation))?;
    let parameters = std::mem::take(&mut builder.parameters);
    if let Some(order) = order {
        let order = Tensor::from_iter(order.into_iter().map(|i| i as u32), &Device::Cpu)?;
        for name in ["classifier.weight", "classifier.bias"] {
            let var = parameters.get(name)?;
            var.set(&var.as_tensor().index_select(&order.to_device(var.device())?, 0)?)?;
        }
    }
    Ok(parameters)
}

/// A model's files, from a folder or from the program itself.
struct Files {
    origin: PathBuf,
    config: BertConfig,
    config_json: Vec<u8>,
    checkpoint: Checkpoint,
    tokenizer_files: Option<Vec<(String, Vec<u8>)>>,
}

impl Files {
    fn open(source: &str) -> Result<Self> {
        if source == "embedded" {
            let origin = PathBuf::from("embedded");
            return Ok(Self {
                config: BertConfig::parse(embedded::CONFIG, &origin.join("config.json"))?,
                config_json: embedded::CONFIG.to_vec(),
                checkpoint: Checkpoint::parse(embedded::WEIGHTS, &origin.join("model.safetensors"))?,
                tokenizer_files: Some(embedded::tokenizer_files()),
                origin,
            });
        }
        let origin = PathBuf::from(source);
        if !origin.is_dir() {
            return Err(Error::Model(
                Problem::new(format!("there is no model folder `{source}`"))
                    .hint("name a folder with config.json, model.safetensors and tokenizer.json, or `embedded`"),
            ));
        }
        let path = origin.join("config.json");
        if !path.is_file() {
            return Err(Error::Model(
                Problem::new("there is no such file")
                    .at(&path)
                    .hint("name a folder in transformers' layout: config.json, model.safetensors, tokenizer.json"),
            ));
        }
        let config_json = fs::read(&path).map_err(Error::io(&path))?;
        Ok(Self {
            config: BertConfig::parse(&config_json, &path)?,
            checkpoint: Checkpoint::read(&origin.join("model.safetensors"))?,
            config_json,
            tokenizer_files: None,
            origin,
        })
    }

    fn tokenizer(&self) -> Result<Tokenizer> {
        match &self.tokenizer_files {
            Some(files) => Tokenizer::from_files(files.clone(), &self.origin),
            None => Tokenizer::from_folder(&self.origin),
        }
    }

    fn fingerprint(&self, tokenizer: &Tokenizer) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.config_json);
        hash.update(self.checkpoint.digest());
        for (name, content) in tokenizer.files() {
            hash.update(name.as_bytes());
            hash.update(Sha256::digest(content));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// For each of our labels its row in the checkpoint's classifier; `None`, and the classifier dropped, if there is
    /// none that fits.
    fn label_order(&mut self, labels: &[String]) -> Option<Vec<usize>> {
        let shape = [labels.len(), self.config.hidden_size];
        let fits = self.checkpoint.shape("classifier.weight") == Some(&shape)
            && self.checkpoint.shape("classifier.bias") == Some(&shape[..1]);
        let names = self.config.id2label.as_ref();
        let generic = names.is_none_or(|names| names.values().all(|name| name.starts_with("LABEL_")));
        let order: Option<Vec<usize>> = match names {
            _ if !fits => None,
            Some(names) if !generic => labels
                .iter()
                .map(|label| names.iter().find(|(_, name)| *name == label).and_then(|(id, _)| id.parse().ok()))
                .collect(),
            _ => Some((0..labels.len()).collect()),
        };
        let order = order.filter(|order| order.iter().all(|&row| row < labels.len()));
        if order.is_none() {
            // Dropped, but still reported as unexpected by its name.
            self.checkpoint.set_aside(|name| name.starts_with("classifier."));
        }
        order
    }
}
