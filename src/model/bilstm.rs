//! A new bi-LSTM: its settings, and its words from the text that it is made for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::encoder::BilstmKeys;
use crate::Result;
use crate::corpus::Sentence;
use crate::encode::{Counts, Lexicon, Vectors, read_vectors};
use crate::error::{Error, Problem};

/// The sizes of a bi-LSTM (`model.source` = `bilstm`). The defaults are those of arXiv 1603.01360.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BilstmSettings {
    /// Number of layers, each with a forward and a backward LSTM.
    pub layers: usize,
    /// Hidden size of a layer per direction.
    pub hidden: usize,
    /// Dimensions of the word vectors.
    pub word_dimensions: usize,
    /// Dimensions of the character vectors.
    pub character_dimensions: usize,
    /// Hidden size of the character LSTM per direction; a word gets twice as many values.
    pub character_hidden: usize,
    /// File of word vectors for initialisation: text in GloVe's format, or .npy with the words in a .txt file of the same
    /// name; null initialises them randomly.
    pub vectors: Option<PathBuf>,
    /// Dropout probability before each layer and before the head; overridden by `train.dropout`.
    pub dropout: f64,
    /// Probability with which a word that occurs only once is replaced by the unknown word in training.
    pub word_dropout: f64,
}

impl Default for BilstmSettings {
    fn default() -> Self {
        Self {
            layers: 1,
            hidden: 100,
            word_dimensions: 100,
            character_dimensions: 25,
            character_hidden: 25,
            vectors: None,
            dropout: 0.5,
            word_dropout: 0.5,
        }
    }
}

/// More than any text has use for, and little enough for any machine.
const MOST: usize = 4096;

impl BilstmSettings {
    /// Refuses numbers that no encoder can be made with.
    ///
    /// # Errors
    /// [`Error::Config`] whose words begin with the dotted key.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key: &str, what: String, hint: &str| {
            Err(Error::Config(Problem::new(format!("model.bilstm.{key} {what}")).hint(hint)))
        };
        for (key, number, usual) in [
            ("layers", self.layers, "1 is usual, 10 is the number of arXiv 2105.00828"),
            ("hidden", self.hidden, "100 is usual"),
            ("word_dimensions", self.word_dimensions, "100 and 300 are usual"),
            ("character_dimensions", self.character_dimensions, "25 is usual"),
            ("character_hidden", self.character_hidden, "25 is usual"),
        ] {
            if !(1..=MOST).contains(&number) {
                return refuse(key, format!("must be between 1 and {MOST}, not {number}"), usual);
            }
        }
        for (key, p) in [("dropout", self.dropout), ("word_dropout", self.word_dropout)] {
            if !(0.0..1.0).contains(&p) {
                return refuse(key, format!("must be at least 0 and below 1, not {p}"), "0.5 is usual");
            }
        }
        Ok(())
    }
}

/// The words of the text that a tagger is loaded for: an encoder that brings no tokenizer knows these.
#[derive(Debug, Clone, Default)]
pub struct Words<'a> {
    /// Those of the training sentences, which are the ones that get a vector of their own.
    pub learned: Vec<&'a [String]>,
    /// Those of the sentences that will be judged: they are known if a file of word vectors has them.
    pub judged: Vec<&'a [String]>,
}

impl<'a> Words<'a> {
    /// Of no text: enough for an encoder that brings its tokenizer.
    pub fn none() -> Self {
        Self::default()
    }

    /// Of the sentences to learn from and the sentences to judge.
    pub fn new<L: 'a, J: 'a>(
        learned: impl IntoIterator<Item = &'a Sentence<L>>,
        judged: impl IntoIterator<Item = &'a Sentence<J>>,
    ) -> Self {
        Self {
            learned: learned.into_iter().map(|sentence| sentence.words.as_slice()).collect(),
            judged: judged.into_iter().map(|sentence| sentence.words.as_slice()).collect(),
        }
    }

    /// Of the sentences to learn from, where no others will be judged.
    pub fn to_learn<L: 'a>(learned: impl IntoIterator<Item = &'a Sentence<L>>) -> Self {
        Self { learned: learned.into_iter().map(|sentence| sentence.words.as_slice()).collect(), judged: Vec::new() }
    }
}

/// A bi-LSTM in the making.
pub(super) struct New {
    /// `config.json`.
    pub config: Vec<u8>,
    pub lexicon: Lexicon,
    /// Rows of the word embedding that a file gives, ascending.
    pub rows: Vec<(u32, Vec<f32>)>,
    /// SHA-256 of these rows.
    pub digest: [u8; 32],
}

/// Makes the lexicon of a text, and the configuration of the encoder that reads it.
///
/// # Errors
/// [`Error::Config`] for sizes that cannot be and where there is no text; [`Error::Model`] for a broken file of vectors.
pub(super) fn make(settings: &BilstmSettings, words: &Words<'_>) -> Result<New> {
    settings.validate()?;
    if words.learned.is_empty() {
        return Err(Error::Config(
            Problem::new("`bilstm` is no encoder by itself: its words are those of the text it is trained on")
                .hint("use it to train with, or name the folder of a saved one"),
        ));
    }
    let counts = Counts::of(words.learned.iter().copied());
    let forms = counts.by_frequency();
    let once = forms.iter().filter(|(_, count)| *count == 1).count() as u32;
    let mut known: Vec<String> = forms.iter().map(|(form, _)| (*form).to_owned()).collect();
    let end = known.len() as u32 + 1;
    let vectors = match &settings.vectors {
        Some(path) => {
            let others = Counts::of(words.judged.iter().copied()).forms.into_keys();
            let wanted: BTreeSet<String> = known.iter().cloned().chain(others).collect();
            let vectors = read_vectors(path, settings.word_dimensions, &wanted)?;
            require_some(path, &vectors)?;
            known.extend(vectors.keys().filter(|form| !counts.forms.contains_key(*form)).cloned());
            vectors
        }
        None => Vectors::new(),
    };
    let rows: Vec<(u32, Vec<f32>)> =
        (1..).zip(&known).filter_map(|(row, form)| Some((row, vectors.get(form)?.clone()))).collect();
    let mut hash = Sha256::new();
    for (row, vector) in &rows {
        hash.update(row.to_le_bytes());
        vector.iter().for_each(|x| hash.update(x.to_le_bytes()));
    }
    let lexicon = Lexicon::new(known, counts.characters.into_keys().collect())?;
    let keys = BilstmKeys {
        vocab_size: lexicon.n_words(),
        character_vocab_size: lexicon.n_characters(),
        word_dimensions: settings.word_dimensions,
        character_dimensions: settings.character_dimensions,
        character_hidden: settings.character_hidden,
        hidden: settings.hidden,
        num_hidden_layers: settings.layers,
        dropout: settings.dropout,
        word_dropout: settings.word_dropout,
        singletons: [end - once, end],
    };
    let internal = |e: serde_json::Error| Error::Internal(e.to_string());
    let mut config = serde_json::to_value(keys).map_err(internal)?;
    config["model_type"] = super::encoder::BILSTM.into();
    Ok(New { config: serde_json::to_vec(&config).map_err(internal)?, lexicon, rows, digest: hash.finalize().into() })
}

/// Refuses a file that has none of a text's words: it is of another language, or no file of words.
fn require_some(path: &Path, vectors: &Vectors) -> Result<()> {
    match vectors.is_empty() {
        false => Ok(()),
        true => Err(Error::Model(
            Problem::new("it has a vector for none of the text's words")
                .at(path)
                .hint("give vectors of the text's language, its words in lower case"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(texts: &[&str]) -> Vec<Sentence> {
        let sentence = |text: &&str| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            Sentence { labels: vec![0; words.len()].into(), words }
        };
        texts.iter().map(sentence).collect()
    }

    #[test]
    fn words_of_the_text_and_those_to_judge_that_have_a_vector_are_known() {
        let (train, dev) = (sentences(&["The cat", "the dog"]), sentences(&["a cow", "the horse"]));
        let words = Words::new(&train, &dev);
        let new = make(&BilstmSettings::default(), &words).unwrap();
        // the, then the ones that occur once: cat, dog.
        assert_eq!(["THE", "cat", "dog", "cow", "horse"].map(|word| new.lexicon.word(word)), [1, 2, 3, 0, 0]);
        let config: serde_json::Value = serde_json::from_slice(&new.config).unwrap();
        assert_eq!((&config["singletons"], &config["vocab_size"]), (&serde_json::json!([2, 4]), &4.into()));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.txt");
        fs_err::write(&path, "cow 1 2\ncat 3 4\nbird 5 6\n").unwrap();
        let settings = BilstmSettings { vectors: Some(path.clone()), word_dimensions: 2, ..BilstmSettings::default() };
        let new = make(&settings, &words).unwrap();
        assert_eq!(["the", "cow", "horse", "bird"].map(|word| new.lexicon.word(word)), [1, 4, 0, 0]);
        assert_eq!(new.rows, [(2, vec![3.0, 4.0]), (4, vec![1.0, 2.0])]);

        fs_err::write(&path, "bird 5 6\n").unwrap();
        assert!(make(&settings, &words).err().unwrap().to_string().contains("none of the text's words"));
        assert!(make(&settings, &Words::none()).is_err());
    }

    #[test]
    fn numbers_that_make_no_encoder_are_refused() {
        let refused = |change: fn(&mut BilstmSettings)| {
            let mut settings = BilstmSettings::default();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        assert!(refused(|s| s.layers = 0).starts_with("model.bilstm.layers"));
        assert!(refused(|s| s.hidden = 5000).starts_with("model.bilstm.hidden"));
        assert!(refused(|s| s.word_dimensions = 0).starts_with("model.bilstm.word_dimensions"));
        assert!(refused(|s| s.character_dimensions = 0).starts_with("model.bilstm.character_dimensions"));
        assert!(refused(|s| s.character_hidden = 0).starts_with("model.bilstm.character_hidden"));
        assert!(refused(|s| s.dropout = 1.0).starts_with("model.bilstm.dropout"));
        assert!(refused(|s| s.word_dropout = f64::NAN).starts_with("model.bilstm.word_dropout"));
        assert!(BilstmSettings::default().validate().is_ok());
    }
}
