//! SentencePiece's model file: the few fields of its protocol buffer that a tokenizer is made of.
//!
//! The format is that of
//! [sentencepiece_model.proto](https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto):
//! subwords (field 1: text 1, score 2, type 3), the trainer's settings (field 2: model type 3, id and text of the
//! unknown subword 40 and 45) and the normaliser's (field 3: its precompiled map 2). Fields that we do not need are
//! stepped over; what is not well formed is refused, and nothing is allocated that the file is not long enough for.

use std::collections::HashSet;

/// A SentencePiece model.
pub struct Model {
    /// The vocabulary in the order of its ids.
    pub subwords: Vec<Subword>,
    /// How subwords are found.
    pub algorithm: Algorithm,
    /// The id of the unknown subword.
    pub unknown: usize,
    /// Its text.
    pub unknown_subword: String,
    /// The normaliser's map; empty if it leaves text as it is.
    pub charsmap: Vec<u8>,
}

/// A subword of the vocabulary.
#[derive(Debug, PartialEq)]
pub struct Subword {
    /// Its text; `▁` stands for the space before a word.
    pub text: String,
    /// Logarithm of its probability (unigram), or minus its rank (BPE).
    pub score: f32,
    /// What it is for.
    pub kind: Kind,
}

/// What a subword is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Part of text, or the unknown subword, or a byte.
    Text,
    /// A special subword.
    Control,
    /// Text that is always one subword.
    UserDefined,
}

/// How subwords are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The most probable segmentation (arXiv 1804.10959).
    Unigram,
    /// Byte-pair merges (arXiv 1508.07909).
    Bpe,
}

/// More subwords than any vocabulary has.
const MOST_SUBWORDS: usize = 1 << 21;

/// Longer than any subword is, in bytes. The tokenizers crate keeps subwords in a tree as deep as the longest one.
pub const LONGEST_SUBWORD: usize = 512;

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut subwords = Vec::new();
        let (mut model_type, mut unknown, mut unknown_subword) = (1, 0, "<unk>".to_owned());
        let mut charsmap = Vec::new();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 if subwords.len() == MOST_SUBWORDS => return Err(format!("more than {MOST_SUBWORDS} subwords")),
                1 => subwords
                    .push(Subword::parse(value.bytes()?).map_err(|e| format!("subword {}: {e}", subwords.len()))?),
                2 => {
                    let mut fields = Fields::new(value.bytes()?);
                    while let Some((number, value)) = fields.next()? {
                        match number {
                            3 => model_type = value.varint()?,
                            40 => unknown = value.varint()?,
                            45 => unknown_subword = value.text()?,
                            _ => {}
                        }
                    }
                }
                3 => {
                    let mut fields = Fields::new(value.bytes()?);
                    while let Some((number, value)) = fields.next()? {
                        if number == 2 {
                            charsmap = value.bytes()?.to_vec();
                        }
                    }
                }
                _ => {}
            }
        }
        let mut seen = HashSet::new();
        if let Some(twice) = subwords.iter().find(|subword| !seen.insert(subword.text.as_str())) {
            return Err(format!("the subword {:?} is there twice", twice.text));
        }
        let algorithm = match model_type {
            1 => Algorithm::Unigram,
            2 => Algorithm::Bpe,
            other => return Err(format!("model type {other} is neither unigram (1) nor BPE (2)")),
        };
        let unknown = usize::try_from(unknown).ok().filter(|&id| id < subwords.len());
        let unknown = unknown.ok_or("the unknown subword is not among the subwords")?;
        Ok(Self { subwords, algorithm, unknown, unknown_subword, charsmap })
    }
}

impl Subword {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let (mut text, mut score, mut kind) = (String::new(), 0.0, 1);
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => text = value.text()?,
                2 => score = value.float()?,
                3 => kind = value.varint()?,
                _ => {}
            }
        }
        let kind = match kind {
            1 | 2 | 5 | 6 => Kind::Text,
            3 => Kind::Control,
            4 => Kind::UserDefined,
            other => return Err(format!("there is no type {other} of subwords")),
        };
        match text.len() {
            0 => Err("it has no text".into()),
            length if length > LONGEST_SUBWORD => Err(format!("it is {length} bytes long")),
            _ if !score.is_finite() => Err(format!("its score is {score}")),
            _ => Ok(Self { text, score, kind }),
        }
    }
}

/// The fields of a message, one after the other.
struct Fields<'a> {
    rest: &'a [u8],
}

/// A field's content, by wire type.
enum Content<'a> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64,
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field's number and content; `None` after the last one.
    fn next(&mut self) -> Result<Option<(u64, Content<'a>)>, String> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Content::Fixed64
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| "a length is too large")?;
                Content::Bytes(self.take(length)?)
            }
            5 => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(self.take(4)?);
                Content::Fixed32(bytes)
            }
            other => return Err(format!("there is no wire type {other}")),
        };
        match tag >> 3 {
            0 => Err("a field has the number 0".into()),
            number => Ok(Some((number, content))),
        }
    }

    /// Seven bits a byte, the lowest first, the eighth bit set on all but the last.
    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is longer than 64 bits".into())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        if length > self.rest.len() {
            return Err("it ends in the middle of a field".into());
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Content<'a> {
    fn varint(&self) -> Result<u64, String> {
        match self {
            Self::Varint(value) => Ok(*value),
            _ => Err("a field that should be a number is none".into()),
        }
    }

    fn float(&self) -> Result<f32, String> {
        match self {
            Self::Fixed32(bytes) => Ok(f32::from_le_bytes(*bytes)),
            _ => Err("a score is not a number of 32 bits".into()),
        }
    }

    fn bytes(&self) -> Result<&'a [u8], String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err("a field that should have a length has none".into()),
        }
    }

    fn text(&self) -> Result<String, String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|e| format!("its text is not UTF-8: {e}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REAL: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tokenizers/deberta/spm.model"));

    /// A message of one field with a length.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    fn refused(bytes: &[u8]) -> String {
        Model::parse(bytes).err().unwrap()
    }

    #[test]
    fn a_model_is_read() {
        let model = Model::parse(REAL).unwrap();
        assert_eq!((model.subwords.len(), model.unknown, model.unknown_subword.as_str()), (300, 3, "[UNK]"));
        assert_eq!(model.subwords[0], Subword { text: "[PAD]".into(), score: 0.0, kind: Kind::Control });
        assert_eq!(model.subwords[4].text, "▁");
        assert_eq!(model.algorithm, Algorithm::Unigram);
        assert!(!model.charsmap.is_empty());
    }

    #[test]
    fn what_no_trainer_writes_is_refused() {
        let subword = |text: &str| field(1, &field(1, text.as_bytes()));
        assert!(Model::parse(&subword("a")).is_ok());
        assert!(refused(&[]).contains("unknown subword"));
        assert!(refused(&[subword("a"), subword("a")].concat()).contains("twice"));
        assert!(refused(&subword("")).contains("no text"));
        assert!(refused(&field(1, &field(1, &[0xff]))).contains("UTF-8"));
        assert!(refused(&field(1, &[field(1, b"a"), vec![0x15, 0, 0, 0xc0, 0x7f]].concat())).contains("score"));
        assert!(refused(&field(1, &[field(1, b"a"), vec![0x18, 9]].concat())).contains("type 9"));
        assert!(refused(&[subword("a"), field(2, &[0x18, 3])].concat()).contains("model type 3"));
        assert!(refused(&[subword("a"), field(2, &[0xc0, 2, 1])].concat()).contains("unknown subword"));
        assert!(refused(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]).contains("middle"));
        assert!(refused(&[0xff; 12]).contains("64 bits"));
        assert!(refused(&[0x0b]).contains("wire type 3"));
        assert!(refused(&[0x02, 0]).contains("number 0"));
        assert!(refused(&[0x08, 1]).contains("length"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Model::parse(&bytes);
        }

        #[test]
        fn a_damaged_model_is_read_or_refused(at in 0..REAL.len(), byte: u8, cut in 0..REAL.len()) {
            let mut bytes = REAL.to_vec();
            bytes[at] = byte;
            let _ = Model::parse(&bytes);
            let _ = Model::parse(&bytes[..cut]);
        }
    }
}
