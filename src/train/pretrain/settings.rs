//! How an encoder is pretrained, and on what.

use std::path::{Path, PathBuf};

use fs_err as fs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::corpus::embedded;
use crate::error::{Error, Problem, Result};
use crate::model::checkpoint::Precision;

/// Pretraining of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainSettings {
    /// File with one sentence per line, words separated by spaces; null uses generated text.
    pub text: Option<PathBuf>,
    /// Number of sentences to generate if no text is given.
    pub sentences: usize,
    /// Number of subwords in the WordPiece vocabulary, including special ones.
    pub vocabulary: usize,
    /// Convert words to lower case.
    pub lowercase: bool,
    /// Number of layers.
    pub layers: usize,
    /// Hidden size.
    pub hidden: usize,
    /// Number of attention heads.
    pub heads: usize,
    /// Size of the feed-forward layers.
    pub intermediate: usize,
    /// Maximum number of subwords per sentence; also the number of positions.
    #[serde(alias = "max_pieces")]
    pub max_subwords: usize,
    /// Number of epochs.
    pub epochs: u32,
    /// Batch size in sentences.
    pub batch_size: usize,
    /// Peak learning rate, reached by linear warm-up over 10 % of the steps; then linear decay to 0.
    pub learning_rate: f64,
    /// Dropout probability.
    pub dropout: f64,
    /// Share of sentences held out to measure the masked accuracy, 0 to 1.
    pub held_out: f64,
    /// Seed of generated text, initialisation, order, masks and dropout.
    pub seed: u64,
    /// Number format of the saved weights.
    pub precision: WeightFormat,
}

/// Number format of weights in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits.
    F16,
}

impl From<WeightFormat> for Precision {
    fn from(format: WeightFormat) -> Self {
        match format {
            WeightFormat::F32 => Self::Single,
            WeightFormat::F16 => Self::Half,
        }
    }
}

impl Default for PretrainSettings {
    fn default() -> Self {
        Self {
            text: None,
            sentences: 30_000,
            vocabulary: 5000,
            lowercase: false,
            layers: 2,
            hidden: 128,
            heads: 4,
            intermediate: 512,
            max_subwords: 128,
            epochs: 10,
            batch_size: 64,
            learning_rate: 1e-3,
            dropout: 0.1,
            held_out: 0.05,
            seed: 1,
            precision: WeightFormat::F32,
        }
    }
}

impl PretrainSettings {
    /// Refuses values that cannot be trained with.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn validate(&self) -> Result<()> {
        let refuse = |what: &str| {
            Err(Error::Config(Problem::new(what.to_owned()).hint("see `memoscope model pretrain --help`")))
        };
        if [self.layers, self.hidden, self.heads, self.intermediate, self.batch_size, self.epochs as usize].contains(&0)
        {
            return refuse("sizes, batch and epochs must be at least 1");
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return refuse("the number of heads must divide the hidden size");
        }
        if self.vocabulary < 100 {
            return refuse("the vocabulary must have at least 100 subwords");
        }
        if self.max_subwords < 3 {
            return refuse("max-subwords must be at least 3");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return refuse("the learning rate must be a positive number");
        }
        if !((0.0..1.0).contains(&self.dropout) && self.held_out > 0.0 && self.held_out < 1.0) {
            return refuse("dropout must be at least 0 and below 1, held-out above 0 and below 1");
        }
        Ok(())
    }

    /// The text that is asked for, one sentence each.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Data`] with the line that is not UTF-8.
    pub fn read_text(&self) -> Result<Vec<String>> {
        match &self.text {
            Some(path) => read_lines(path),
            None => Ok(embedded::pretraining_text(self.seed, self.sentences)?.collect()),
        }
    }

    /// The settings without what has no influence on the outcome: where the text lies, and the number of sentences to
    /// generate where none are. What a text is says its hash.
    pub fn without_places(&self) -> Self {
        let Some(text) = &self.text else { return self.clone() };
        let name = text.file_name().map(PathBuf::from);
        Self { text: name, sentences: Self::default().sentences, ..self.clone() }
    }
}

fn read_lines(path: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|&b| b == b'\n')) {
        let line = std::str::from_utf8(line).map_err(|e| {
            Error::Data(
                Problem::new(format!("not UTF-8: byte {} of the line", e.valid_up_to() + 1))
                    .at(path)
                    .line(number)
                    .hint("convert the file to UTF-8"),
            )
        })?;
        lines.push(line.trim_end_matches('\r').to_owned());
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_do_not_divide_the_width_are_refused() {
        let settings = PretrainSettings { heads: 3, ..PretrainSettings::default() };
        assert!(matches!(settings.validate(), Err(Error::Config(_))));
    }

    #[test]
    fn a_line_that_is_not_utf8_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.txt");
        fs::write(&path, b"one line\r\nand \xff another\n").unwrap();
        let settings = PretrainSettings { text: Some(path.clone()), ..PretrainSettings::default() };
        let Err(Error::Data(problem)) = settings.read_text() else { panic!("read") };
        assert_eq!((problem.line, problem.what.as_str()), (Some(2), "not UTF-8: byte 5 of the line"));
        fs::write(&path, b"one line\r\nand another").unwrap();
        assert_eq!(settings.read_text().unwrap(), ["one line", "and another"]);
    }

    #[test]
    fn where_a_text_lies_is_not_part_of_what_is_asked_for() {
        let of = |path: &str| PretrainSettings { text: Some(path.into()), ..PretrainSettings::default() };
        assert_eq!(of("a/news.txt").without_places(), of("/b/news.txt").without_places());
        assert_eq!(PretrainSettings::default().without_places(), PretrainSettings::default());
    }
}
