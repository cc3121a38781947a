//! A pretrained tokenizer, used word by word.

use std::collections::HashMap;
use std::path::Path;

use fs_err as fs;
use serde_json::json;
use tokenizers::Tokenizer as Pretrained;

use super::EncodedSentence;
use crate::Result;
use crate::error::{Error, Problem};

/// A pretrained tokenizer with its special pieces looked up, and its files kept so that a saved model has them.
pub struct Tokenizer {
    pretrained: Pretrained,
    files: Vec<(String, Vec<u8>)>,
    cls: u32,
    sep: u32,
    unknown: u32,
    mask: Option<u32>,
}

/// The files of a tokenizer that travel with a model.
const COMPANIONS: [&str; 4] = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"];

impl Tokenizer {
    /// Reads `tokenizer.json`, or where that is missing `vocab.txt` (BERT's WordPiece), from a model folder.
    ///
    /// # Errors
    /// [`Error::Model`] if neither is there, the file is not valid, or a special piece is missing.
    pub fn from_folder(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for name in COMPANIONS {
            let path = folder.join(name);
            if path.is_file() {
                files.push((name.to_owned(), fs::read(&path).map_err(Error::io(&path))?));
            }
        }
        Self::from_files(files, folder)
    }

    /// The same from files in memory, as (name, content); `origin` is named in errors.
    pub fn from_files(mut files: Vec<(String, Vec<u8>)>, origin: &Path) -> Result<Self> {
        let content = |name: &str| files.iter().find(|(n, _)| n == name).map(|(_, bytes)| bytes.as_slice());
        let mut pretrained = if let Some(bytes) = content("tokenizer.json") {
            Pretrained::from_bytes(bytes).map_err(|e| {
                Error::Model(
                    Problem::new(format!("not a tokenizer: {e}"))
                        .at(origin.join("tokenizer.json"))
                        .hint("copy tokenizer.json from the model's own folder once more"),
                )
            })?
        } else if let Some(bytes) = content("vocab.txt") {
            from_vocabulary(bytes, content("tokenizer_config.json"), origin)?
        } else {
            return Err(Error::Model(
                Problem::new("neither tokenizer.json nor vocab.txt is in the model's folder")
                    .at(origin)
                    .hint("put the tokenizer's files beside the weights"),
            ));
        };
        // Both may be switched on in the file, and would cut or pad words.
        pretrained.with_padding(None);
        pretrained.with_truncation(None).map_err(|e| Error::Internal(e.to_string()))?;
        if content("tokenizer.json").is_none() {
            let json = pretrained.to_string(true).map_err(|e| Error::Internal(e.to_string()))?;
            files.insert(0, ("tokenizer.json".into(), json.into_bytes()));
        }
        let special = |names: [&str; 2]| names.iter().find_map(|name| pretrained.token_to_id(name));
        let require = |names: [&str; 2]| {
            special(names).ok_or_else(|| {
                Error::Model(
                    Problem::new(format!("the tokenizer has no piece {}", names[0]))
                        .at(origin.join("tokenizer.json"))
                        .hint("use the tokenizer that the encoder was pretrained with"),
                )
            })
        };
        let (cls, sep) = (require(["[CLS]", "<s>"])?, require(["[SEP]", "</s>"])?);
        let unknown = require(["[UNK]", "<unk>"])?;
        let mask = special(["[MASK]", "<mask>"]);
        Ok(Self { cls, sep, unknown, mask, files, pretrained })
    }

    /// One more than the largest piece id: the least number of rows an embedding must have.
    pub fn vocabulary_size(&self) -> usize {
        self.pretrained.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    /// The id of `[MASK]`, where there is one.
    pub fn mask(&self) -> Option<u32> {
        self.mask
    }

    /// The ids of `[CLS]`, `[SEP]` and `[UNK]`.
    pub fn special(&self) -> [u32; 3] {
        [self.cls, self.sep, self.unknown]
    }

    /// The files a saved model needs, as (name, content).
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// The pieces of one word; empty where the normaliser leaves nothing of it.
    pub fn pieces(&self, word: &str) -> Result<Vec<u32>> {
        let encoding = self.pretrained.encode_fast([word].as_slice(), false);
        Ok(encoding.map_err(|e| Error::Internal(format!("the tokenizer failed on {word:?}: {e}")))?.get_ids().to_vec())
    }

    /// Encodes sentences, each distinct word once.
    pub fn encode<'a, S: AsRef<str> + 'a>(
        &self,
        sentences: impl IntoIterator<Item = &'a [S]>,
        max_pieces: usize,
    ) -> Result<Vec<EncodedSentence>> {
        let mut known: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut encoded = Vec::new();
        for words in sentences {
            let mut sentence = EncodedSentence::open(self.cls);
            for (token, word) in words.iter().enumerate() {
                let word = word.as_ref();
                if !known.contains_key(word) {
                    known.insert(word, self.pieces(word)?);
                }
                sentence.push(token, &known[word], max_pieces);
            }
            sentence.close(self.sep);
            encoded.push(sentence);
        }
        Ok(encoded)
    }
}

/// BERT's tokenizer from its vocabulary, one piece a line: what transformers' slow tokenizer reads.
fn from_vocabulary(vocabulary: &[u8], config: Option<&[u8]>, origin: &Path) -> Result<Pretrained> {
    let problem = |what: String| {
        let hint = "copy vocab.txt from the model's own folder once more";
        Error::Model(Problem::new(what).at(origin.join("vocab.txt")).hint(hint))
    };
    let text = std::str::from_utf8(vocabulary).map_err(|e| problem(format!("not UTF-8: {e}")))?;
    let config: serde_json::Value = config.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    let lowercase = config.get("do_lower_case").and_then(|v| v.as_bool()).unwrap_or(true);
    let pieces: Vec<&str> = text.lines().collect();
    let id = |piece: &str| pieces.iter().position(|p| *p == piece);
    let added: Vec<_> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .iter()
        .filter_map(|piece| {
            Some(json!({ "id": id(piece)?, "content": piece, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true }))
        })
        .collect();
    let processor = id("[CLS]")
        .zip(id("[SEP]"))
        .map(|(cls, sep)| json!({ "type": "BertProcessing", "sep": ["[SEP]", sep], "cls": ["[CLS]", cls] }));
    let vocabulary: serde_json::Map<_, _> =
        pieces.iter().enumerate().map(|(i, p)| ((*p).to_owned(), json!(i))).collect();
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": lowercase },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": processor,
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary },
    });
    Pretrained::from_bytes(tokenizer.to_string()).map_err(|e| problem(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nparis\nplay\n##ing\n##s\nin\n.";

    fn tokenizer() -> Tokenizer {
        Tokenizer::from_files(vec![("vocab.txt".into(), VOCABULARY.into())], Path::new("test")).unwrap()
    }

    #[test]
    fn the_first_piece_of_each_word_is_known() {
        let words = ["Playing", "in", "Paris", "."];
        let encoded = tokenizer().encode([words.as_slice()], 50).unwrap().remove(0);
        assert_eq!(encoded.pieces, [2, 6, 7, 9, 5, 10, 3]);
        assert_eq!(encoded.words, [(0, 1), (1, 3), (2, 4), (3, 5)]);
    }

    #[test]
    fn a_cut_keeps_room_for_the_closing_piece_and_counts_what_is_lost() {
        let words = ["in", "playing", "paris", "."];
        let encoded = tokenizer().encode([words.as_slice()], 4).unwrap().remove(0);
        assert_eq!(encoded.pieces, [2, 9, 6, 3]);
        assert_eq!(encoded.words, [(0, 1), (1, 2)]);
        assert_eq!(encoded.truncated, 2);
    }

    #[test]
    fn a_word_without_piece_is_counted_and_an_unknown_one_is_not_lost() {
        let words = ["\u{200d}\u{1}", "zzz"];
        let encoded = tokenizer().encode([words.as_slice()], 50).unwrap().remove(0);
        assert_eq!(encoded.pieces, [2, 1, 3]);
        assert_eq!((encoded.words.as_slice(), encoded.without_piece), ([(1, 1)].as_slice(), 1));
    }

    #[test]
    fn a_tokenizer_without_special_pieces_is_refused() {
        let error =
            Tokenizer::from_files(vec![("vocab.txt".into(), b"a\n[UNK]".to_vec())], Path::new("m")).err().unwrap();
        assert!(error.to_string().contains("[CLS]"), "{error}");
        assert!(error.hint().is_some());
    }
}
