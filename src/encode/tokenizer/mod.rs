//! A pretrained tokenizer, used word by word.
//!
//! Words are given beforehand, and each is cut into subwords on its own, exactly as transformers' fast tokenizers do
//! with `is_split_into_words=True`: the same ids, and a word's first subword where `word_ids()` first names it. That it
//! is a word and not the middle of one is told to the vocabulary in its own way: by a leading space in the word's first
//! subword (byte-level `Ġ`, SentencePiece's `▁`), or by no mark of continuation (WordPiece's `##`).
//!
//! # Files
//! In this order: `tokenizer.json`; `vocab.txt` ([`wordpiece`]); `vocab.json` with `merges.txt` ([`byte_level`]); a
//! SentencePiece model ([`sentencepiece`]). Special subwords are those that `tokenizer_config.json` or
//! `special_tokens_map.json` name, else `[CLS]`, `[SEP]`, `[UNK]`, `[MASK]` or `<s>`, `</s>`, `<unk>`, `<mask>`.
//!
//! # Words that look like special subwords
//! A word that is, or contains, the text of a special subword (`[SEP]`, `a<mask>b`) becomes that subword at this place,
//! as in transformers. It shifts nothing: the word has its first subword, the model reads a closing subword in the
//! middle of its sentence.
//!
//! # Words without subwords
//! Of some words a normaliser leaves nothing (empty, control characters, zero-width ones; spaces where they are
//! stripped). They are counted, never guessed. An unknown character is the unknown subword, and where a vocabulary has
//! none, nothing.

mod byte_level;
mod files;
mod json;
#[cfg(test)]
mod parity;
mod saved;
mod sentencepiece;
mod special;
mod wordpiece;

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use tokenizers::{DecoderWrapper, PostProcessorWrapper, PreTokenizerWrapper, Tokenizer as Pretrained};

use super::EncodedSentence;
use crate::Result;
use crate::error::{Error, Problem};
pub use files::BYTE_ORDER_MARK;
use files::Files;
use special::SpecialSubwords;

/// A pretrained tokenizer with its special subwords looked up, and its files kept so that a saved model has them.
pub struct Tokenizer {
    pretrained: Pretrained,
    source: &'static str,
    files: Vec<(String, Vec<u8>)>,
    special: SpecialSubwords,
}

impl Tokenizer {
    /// Reads a tokenizer from a model folder.
    ///
    /// # Errors
    /// [`Error::Model`] if there is none, a file is not valid, or a special subword is missing.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        Self::new(Files::read(folder)?)
    }

    /// The same from files in memory, as (name, content); `origin` is named in errors. `config.json`, if it is among
    /// them, tells whose a SentencePiece model is.
    pub fn from_files(files: Vec<(String, Vec<u8>)>, origin: &Path) -> Result<Self> {
        Self::new(Files::new(files, origin)?)
    }

    fn new(mut files: Files) -> Result<Self> {
        let Some(source) = source(&files) else {
            return Err(Error::Model(
                Problem::new(
                    "none of tokenizer.json, vocab.txt, vocab.json with merges.txt, spm.model, sentencepiece.bpe.model and \
                     spiece.model is in the model's folder",
                )
                .at(files.origin())
                .hint("put the tokenizer's files beside the weights"),
            ));
        };
        let mut pretrained = match source {
            json::NAME => json::read(&mut files)?,
            wordpiece::NAME => wordpiece::read(&files)?,
            byte_level::NAME => byte_level::read(&files)?,
            name => sentencepiece::read(&files, name)?,
        };
        // Both may be switched on in the file, and would cut or pad words.
        pretrained.with_padding(None);
        pretrained.with_truncation(None).map_err(internal)?;
        if source != json::NAME {
            files.put("tokenizer.json", pretrained.to_string(true).map_err(internal)?.into_bytes());
        }
        let special = SpecialSubwords::find(&pretrained, &files, source)?;
        saved::complete(&mut files, &pretrained)?;
        Ok(Self { special, files: files.into_companions(), pretrained, source })
    }

    /// One more than the largest subword id: the least number of rows an embedding must have.
    pub fn vocabulary_size(&self) -> usize {
        self.pretrained.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    /// The name of the file that the vocabulary was read from.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The id of the subword that hides another (`[MASK]`), where there is one.
    pub fn mask(&self) -> Option<u32> {
        self.special.mask
    }

    /// The ids of the subwords that open and close a sentence (`[CLS]`, `[SEP]`) and of the unknown subword, where
    /// there is one.
    pub fn special(&self) -> Vec<u32> {
        [Some(self.special.cls), Some(self.special.sep), self.special.unknown].into_iter().flatten().collect()
    }

    /// The files a saved model needs, as (name, content).
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// The subwords of one word; empty where the normaliser leaves nothing of it.
    ///
    /// # Errors
    /// [`Error::Model`] if the tokenizer has no subword for a character, nor one for unknown ones.
    pub fn subwords(&self, word: &str) -> Result<Vec<u32>> {
        let encoding = self.pretrained.encode_fast([word].as_slice(), false).map_err(|e| {
            Error::Model(
                Problem::new(format!("the tokenizer failed on {word:?}: {e}"))
                    .hint("use the tokenizer that the encoder was pretrained with"),
            )
        })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Encodes sentences, each distinct word once.
    pub fn encode<'a, S: AsRef<str> + 'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [S]>,
        max_subwords: usize,
    ) -> Result<Vec<EncodedSentence>> {
        let mut known: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut encoded = Vec::new();
        for words in sentences {
            let mut sentence = EncodedSentence::open(self.special.cls);
            for (token, word) in words.iter().enumerate() {
                let word = word.as_ref();
                if !known.contains_key(word) {
                    known.insert(word, self.subwords(word)?);
                }
                sentence.push(token, &known[word], max_subwords);
            }
            sentence.close(self.special.sep);
            encoded.push(sentence);
        }
        Ok(encoded)
    }
}

/// The name of the file that the vocabulary is read from, if there is one.
fn source(files: &Files) -> Option<&'static str> {
    let has = |name: &str| files.get(name).is_some();
    match () {
        () if has(json::NAME) => Some(json::NAME),
        () if has(wordpiece::NAME) => Some(wordpiece::NAME),
        () if has(byte_level::NAME) && has("merges.txt") => Some(byte_level::NAME),
        () => sentencepiece::file(files),
    }
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a tokenizer: {error}"))
}

/// Puts parts described in JSON into a tokenizer; null leaves a part as it is.
fn assemble(pretrained: &mut Pretrained, pre_tokenizer: Value, processor: Value, decoder: Value) -> Result<()> {
    if let Some(part) = serde_json::from_value::<Option<PreTokenizerWrapper>>(pre_tokenizer).map_err(internal)? {
        pretrained.with_pre_tokenizer(Some(part));
    }
    if let Some(part) = serde_json::from_value::<Option<PostProcessorWrapper>>(processor).map_err(internal)? {
        pretrained.with_post_processor(Some(part));
    }
    if let Some(part) = serde_json::from_value::<Option<DecoderWrapper>>(decoder).map_err(internal)? {
        pretrained.with_decoder(Some(part));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nparis\nplay\n##ing\n##s\nin\n.";

    fn tokenizer() -> Tokenizer {
        Tokenizer::from_files(vec![("vocab.txt".into(), VOCABULARY.into())], Path::new("test")).unwrap()
    }

    #[test]
    fn the_first_subword_of_each_word_is_known() {
        let words = ["Playing", "in", "Paris", "."];
        let encoded = tokenizer().encode([words.as_slice()], 50).unwrap().remove(0);
        assert_eq!(encoded.subwords, [2, 6, 7, 9, 5, 10, 3]);
        assert_eq!(encoded.words, [(0, 1), (1, 3), (2, 4), (3, 5)]);
    }

    #[test]
    fn a_cut_keeps_room_for_the_closing_subword_and_counts_what_is_lost() {
        let words = ["in", "playing", "paris", "."];
        let encoded = tokenizer().encode([words.as_slice()], 4).unwrap().remove(0);
        assert_eq!(encoded.subwords, [2, 9, 6, 3]);
        assert_eq!(encoded.words, [(0, 1), (1, 2)]);
        assert_eq!(encoded.truncated, 2);
    }

    #[test]
    fn a_word_without_subword_is_counted_and_an_unknown_one_is_not_lost() {
        let words = ["\u{200d}\u{1}", "zzz"];
        let encoded = tokenizer().encode([words.as_slice()], 50).unwrap().remove(0);
        assert_eq!(encoded.subwords, [2, 1, 3]);
        assert_eq!((encoded.words.as_slice(), encoded.without_subword), ([(1, 1)].as_slice(), 1));
    }

    #[test]
    fn blank_lines_at_the_end_and_a_byte_order_mark_are_no_subwords() {
        for vocabulary in [format!("{VOCABULARY}\n\r\n\n"), format!("\u{feff}{VOCABULARY}\n")] {
            let read = Tokenizer::from_files(vec![("vocab.txt".into(), vocabulary.into())], Path::new("test")).unwrap();
            assert_eq!(read.vocabulary_size(), tokenizer().vocabulary_size());
            assert_eq!(read.pretrained.token_to_id("[PAD]"), Some(0));
        }
        let middle = VOCABULARY.replace("paris", "");
        let read = Tokenizer::from_files(vec![("vocab.txt".into(), middle.into())], Path::new("test")).unwrap();
        assert_eq!(read.pretrained.token_to_id("play"), Some(6));
    }

    #[test]
    fn a_tokenizer_without_special_subwords_is_refused() {
        let error =
            Tokenizer::from_files(vec![("vocab.txt".into(), b"a\n[UNK]".to_vec())], Path::new("m")).err().unwrap();
        assert!(error.to_string().contains("vocab.txt") && error.to_string().contains("[CLS]"), "{error}");
        assert!(error.hint().is_some());
    }
}
