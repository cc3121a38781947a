//! A model's files: configuration, weights, tokenizer.

use std::path::PathBuf;

use fs_err as fs;
use sha2::{Digest, Sha256};

use super::bilstm::{self, New};
use super::checkpoint::Checkpoint;
use super::embedded;
use super::encoder::{BILSTM, BilstmKeys, EncoderConfig};
use super::labels::{self, Fault};
use super::{BilstmSettings, Centroids, Words};
use crate::Result;
use crate::encode::{LEXICON_FILE, Lexicon, Tokenizer, Vocabulary};
use crate::error::{Error, Problem};
use crate::files::hex;
use crate::hub::{self, Kind, Repository, Snapshot};

/// A model's files, from a folder or from the program itself.
pub(super) struct Files {
    /// Where they are, for errors.
    pub origin: PathBuf,
    /// `config.json`.
    pub config: EncoderConfig,
    config_json: Vec<u8>,
    /// The weights.
    pub checkpoint: Checkpoint,
    tokenizer_files: Option<Vec<(String, Vec<u8>)>>,
    /// The hub's commit, where they came from there.
    pub revision: Option<String>,
    /// The words of an encoder that is made anew, until they are taken.
    lexicon: Option<Lexicon>,
    /// True where there are no weights: all are drawn.
    pub fresh: bool,
    /// Rows of the word embedding that are not drawn, even so.
    pub rows: Vec<(u32, Vec<f32>)>,
}

impl Files {
    /// The names of the labels by id; `None` if `config.json` names none.
    ///
    /// # Errors
    /// [`Error::Model`] if they are not numbered from 0 on, or are not different from each other.
    pub fn labels(&self) -> Result<Option<Vec<String>>> {
        labels::names(self.config.id2label.as_ref()).map_err(|fault| self.config_error(fault))
    }

    /// The labels of a saved tagger, by id; the one called `outside` becomes `O`.
    ///
    /// # Errors
    /// As [`Files::labels`], and [`Error::Model`] if there are none, none of them is `O`, or they are not tags.
    pub fn tagger_labels(&self, outside: Option<&str>) -> Result<Vec<String>> {
        let Some(names) = self.labels()? else {
            let what = match &self.config.id2label {
                Some(names) if names.len() > 2 => {
                    "its labels have no names (LABEL_0, LABEL_1, …): this is an encoder, not a tagger"
                }
                _ => "it names no labels: this is an encoder, not a tagger",
            };
            let hint = "give the `model` folder of a finished run, train one with `memoscope train`, or write the names of \
                        the labels into id2label";
            return Err(self.config_error(Fault { what: what.into(), hint: hint.into() }));
        };
        labels::with_outside(names, outside).map_err(|fault| self.config_error(fault))
    }

    /// Gives the labels other names, by id.
    pub fn rename_labels(&mut self, names: &[String]) {
        let names = names.iter().enumerate().map(|(id, name)| (id.to_string(), name.clone()));
        self.config.id2label = Some(names.collect());
    }

    fn config_error(&self, fault: Fault) -> Error {
        Error::Model(Problem::new(fault.what).at(self.origin.join("config.json")).hint(fault.hint))
    }

    /// Opens the embedded model, a folder in transformers' layout, or a repository of the hub.
    ///
    /// # Errors
    /// [`Error::Model`] if a file is missing or broken; as [`hub::snapshot()`] for what the hub has.
    pub fn open(source: &str) -> Result<Self> {
        if source == "embedded" {
            let origin = PathBuf::from("embedded");
            let config = EncoderConfig::parse(embedded::CONFIG, &origin.join("config.json"))?;
            let checkpoint = Checkpoint::parse(embedded::WEIGHTS, &origin.join("model.safetensors"))?;
            return Ok(Self {
                config_json: embedded::CONFIG.to_vec(),
                checkpoint: checkpoint.with_plain_names(config.architecture.names().prefix)?,
                config,
                tokenizer_files: Some(embedded::tokenizer_files()),
                revision: None,
                lexicon: None,
                fresh: false,
                rows: Vec::new(),
                origin,
            });
        }
        let (origin, revision) = locate(source)?;
        let path = origin.join("config.json");
        if !path.is_file() {
            return Err(Error::Model(
                Problem::new("there is no such file")
                    .at(&path)
                    .hint("name a folder in transformers' layout: config.json, model.safetensors, tokenizer.json"),
            ));
        }
        let config_json = fs::read(&path).map_err(Error::io(&path))?;
        let config = EncoderConfig::parse(&config_json, &path)?;
        let checkpoint = Checkpoint::of_folder(&origin)?;
        Ok(Self {
            checkpoint: checkpoint.with_plain_names(config.architecture.names().prefix)?,
            config,
            config_json,
            tokenizer_files: None,
            lexicon: None,
            fresh: false,
            rows: Vec::new(),
            revision,
            origin,
        })
    }

    /// A bi-LSTM for these words.
    ///
    /// # Errors
    /// Those of [`bilstm::make`].
    pub fn bilstm(settings: &BilstmSettings, words: &Words<'_>) -> Result<Self> {
        let New { config, lexicon, rows, digest } = bilstm::make(settings, words)?;
        let origin = PathBuf::from(BILSTM);
        Ok(Self {
            config: EncoderConfig::parse(&config, &origin.join("config.json"))?,
            config_json: config,
            checkpoint: Checkpoint::empty(origin.join("model.safetensors"), digest),
            tokenizer_files: None,
            lexicon: Some(lexicon),
            fresh: true,
            revision: None,
            rows,
            origin,
        })
    }

    /// The centroids of a prototypical head, if it was saved for these labels in this order.
    ///
    /// # Errors
    /// [`Error::Model`] if they do not fit the head.
    pub fn centroids(&mut self, labels: &[String], dimensions: usize) -> Result<Option<Centroids>> {
        if self.labels().is_ok_and(|saved| saved.is_some_and(|saved| saved == labels)) {
            return Centroids::take(&mut self.checkpoint, labels.len() - 1, dimensions);
        }
        self.checkpoint.set_aside(|name| name == "prototypes.centroids" || name == "prototypes.support");
        Ok(None)
    }

    /// What makes ids of words for these weights.
    pub fn tokenizer(&mut self) -> Result<Vocabulary> {
        if let Some(lexicon) = self.lexicon.take() {
            return Ok(Vocabulary::Words(lexicon));
        }
        if self.config.architecture.reads_words() {
            return self.saved_lexicon().map(Vocabulary::Words);
        }
        let tokenizer = match &self.tokenizer_files {
            Some(files) => Tokenizer::from_files(files.clone(), &self.origin),
            None => Tokenizer::from_folder(&self.origin),
        };
        tokenizer.map(|tokenizer| Vocabulary::Subwords(Box::new(tokenizer)))
    }

    /// The lexicon that was saved beside the weights.
    fn saved_lexicon(&self) -> Result<Lexicon> {
        let lexicon = Lexicon::from_folder(&self.origin)?;
        let keys = BilstmKeys::of(&self.config)?;
        let (words, characters) = (lexicon.n_words(), lexicon.n_characters());
        if (words, characters) != (keys.vocab_size, keys.character_vocab_size) {
            return Err(Error::Model(
                Problem::new(format!(
                    "it has rows for {words} words and {characters} characters, config.json asks for {} and {}",
                    keys.vocab_size, keys.character_vocab_size
                ))
                .at(self.origin.join(LEXICON_FILE))
                .hint("copy all files of the model from where it was saved: these belong to two"),
            ));
        }
        Ok(lexicon)
    }

    /// SHA-256 (hex) of weights, configuration and tokenizer.
    pub fn fingerprint(&self, tokenizer: &Vocabulary) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.config_json);
        hash.update(self.checkpoint.digest());
        for (name, content) in tokenizer.files() {
            hash.update(name.as_bytes());
            hash.update(Sha256::digest(content));
        }
        hex(hash.finalize())
    }

    /// For each of our labels its row in the checkpoint's classifier; `None`, and the classifier dropped, if there is
    /// none that fits.
    pub fn label_order(&mut self, labels: &[String]) -> Option<Vec<usize>> {
        let shape = [labels.len(), self.config.hidden_size];
        let fits = self.checkpoint.shape("classifier.weight") == Some(&shape)
            && self.checkpoint.shape("classifier.bias") == Some(&shape[..1]);
        let order: Option<Vec<usize>> = match self.labels() {
            _ if !fits => None,
            Ok(Some(names)) => labels.iter().map(|label| names.iter().position(|name| name == label)).collect(),
            Ok(None) => Some((0..labels.len()).collect()),
            Err(_) => None,
        };
        if order.is_none() {
            // Dropped, but still reported as unexpected by their names.
            self.checkpoint.set_aside(|name| name.starts_with("classifier.") || name.starts_with("crf."));
        }
        order
    }
}

/// The folder that a name other than `embedded` means, and its commit if it is the hub's. What lies on this machine
/// under the name comes first.
fn locate(source: &str) -> Result<(PathBuf, Option<String>)> {
    let folder = PathBuf::from(source);
    if folder.is_dir() {
        return Ok((folder, None));
    }
    let repository = Repository::parse(Kind::Model, source).filter(|_| !folder.exists());
    let Some(repository) = repository else {
        return Err(Error::Model(Problem::new(format!("there is no model folder `{source}`")).hint(
            "name a folder with config.json, weights and tokenizer, a model of the hub (`name`, `org/name`, \
                     `org/name@revision`), or `embedded`",
        )));
    };
    let Snapshot { folder, commit } = hub::snapshot(&repository)?;
    Ok((folder, Some(commit)))
}
