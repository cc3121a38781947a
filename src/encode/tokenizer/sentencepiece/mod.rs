//! SentencePiece tokenizers from their model file: DeBERTa-v2/v3's, XLM-RoBERTa's and ALBERT's.
//!
//! The file holds subwords and a map of characters; what else a tokenizer needs (which ids the encoder was pretrained
//! with, what is normalised, which subwords are special) is code in the encoders' own implementations. We do what
//! transformers' `convert_slow_tokenizer.py` does for each of the three [layouts](Layout). transformers 5 rebuilds
//! DeBERTa's tokenizer without its map of characters, and with it subwords that the encoder has never seen at these
//! places (`½`, `…`, full-width letters); there we stay with the converter, that is, with what the encoder was
//! pretrained with.
//!
//! arXiv 1808.06226 (SentencePiece), 1804.10959 (unigram).

mod charsmap;
mod merges;
mod proto;

use serde_json::{Value, json};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::{NormalizerWrapper, Precompiled, Sequence};
use tokenizers::{AddedToken, ModelWrapper, Tokenizer as Pretrained};

pub(super) use charsmap::check as check_charsmap;
pub(super) use proto::LONGEST_SUBWORD;
use proto::{Algorithm, Kind, Model};

use super::files::Files;
use super::special::{self, Default};
use crate::Result;
use crate::error::{Error, Problem};

/// The names such a file has.
const FILES: [&str; 3] = ["spm.model", "sentencepiece.bpe.model", "spiece.model"];

/// The name of the model file, if there is one.
pub(super) fn file(files: &Files) -> Option<&'static str> {
    FILES.into_iter().find(|name| files.get(name).is_some())
}

/// Whose ids and rules a model file is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// DeBERTa-v2 and v3: ids as in the file, `[MASK]` behind them.
    Deberta,
    /// XLM-RoBERTa: fairseq's four special subwords in the place of the file's three, `<mask>` behind.
    XlmRoberta,
    /// ALBERT: ids as in the file, text without accents and capitals, numbers parted from a comma behind them.
    Albert,
}

impl Layout {
    /// By the tokenizer's class, else by the model's type, else by the file's name.
    fn of(files: &Files, name: &str) -> Result<Self> {
        let (class, model_type) = files.class();
        let class = class.filter(|class| !matches!(*class, "PreTrainedTokenizer" | "TokenizersBackend"));
        let layout = match (class, model_type, name) {
            (Some("DebertaV2Tokenizer"), ..) | (None, Some("deberta-v2"), _) | (None, None, "spm.model") => {
                Self::Deberta
            }
            (Some("XLMRobertaTokenizer"), ..)
            | (None, Some("xlm-roberta"), _)
            | (None, None, "sentencepiece.bpe.model") => Self::XlmRoberta,
            (Some("AlbertTokenizer"), ..) | (None, Some("albert"), _) | (None, None, "spiece.model") => Self::Albert,
            _ => {
                let whose = class.or(model_type).unwrap_or_default();
                return Err(Error::Model(
                    Problem::new(format!("the SentencePiece model of {whose} cannot be read without tokenizer.json"))
                        .at(files.origin().join(name))
                        .hint("open it with transformers' AutoTokenizer, save_pretrained it, and copy tokenizer.json here"),
                ));
            }
        };
        Ok(layout)
    }

    /// The special subwords, in the order in which missing ones are added.
    fn special(self) -> [Default; 5] {
        let subword = |key, content| Default { key, content, lstrip: false, normalized: false };
        match self {
            Self::Deberta => [
                subword("cls_token", "[CLS]"),
                subword("sep_token", "[SEP]"),
                Default { normalized: true, ..subword("unk_token", "[UNK]") },
                subword("pad_token", "[PAD]"),
                subword("mask_token", "[MASK]"),
            ],
            Self::XlmRoberta => [
                subword("cls_token", "<s>"),
                subword("sep_token", "</s>"),
                subword("unk_token", "<unk>"),
                subword("pad_token", "<pad>"),
                Default { lstrip: true, ..subword("mask_token", "<mask>") },
            ],
            Self::Albert => [
                subword("cls_token", "[CLS]"),
                subword("sep_token", "[SEP]"),
                subword("unk_token", "<unk>"),
                subword("pad_token", "<pad>"),
                Default { lstrip: true, ..subword("mask_token", "[MASK]") },
            ],
        }
    }

    /// The vocabulary with its scores, and the id of the unknown subword.
    fn vocabulary(self, model: &Model) -> (Vec<(String, f64)>, usize) {
        let subwords = model.subwords.iter().map(|subword| (subword.text.clone(), f64::from(subword.score)));
        match self {
            Self::Deberta => (subwords.collect(), model.unknown),
            Self::XlmRoberta => {
                let front = ["<s>", "<pad>", "</s>", "<unk>"].map(|subword| (subword.to_owned(), 0.0));
                let back = [("<mask>".to_owned(), 0.0)];
                (front.into_iter().chain(subwords.skip(3)).chain(back).collect(), 3)
            }
            Self::Albert => {
                let part = |(text, score): (String, f64)| {
                    let mut end = text.chars().rev();
                    let number = end.next() == Some(',') && end.next().is_some_and(char::is_numeric);
                    (text, if number { score - 100.0 } else { score })
                };
                (subwords.map(part).collect(), model.unknown)
            }
        }
    }

    /// The normalisers before and behind the map of characters.
    fn normalizers(self, files: &Files) -> (Vec<Value>, Vec<Value>) {
        let replace =
            |what: &str, with: &str| json!({ "type": "Replace", "pattern": { "String": what }, "content": with });
        let spaces = |with: &str| json!({ "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": with });
        let strip = |left: bool| json!({ "type": "Strip", "strip_left": left, "strip_right": true });
        let lowercase =
            |otherwise| files.switch("do_lower_case").unwrap_or(otherwise).then(|| json!({ "type": "Lowercase" }));
        match self {
            Self::Deberta => (lowercase(false).into_iter().chain([strip(true)]).collect(), vec![spaces(" ")]),
            Self::XlmRoberta => (Vec::new(), vec![strip(false), spaces("▁")]),
            Self::Albert => {
                let mut before = vec![replace("``", "\""), replace("''", "\"")];
                if !files.switch("keep_accents").unwrap_or(false) {
                    before.extend([json!({ "type": "NFKD" }), json!({ "type": "StripAccents" })]);
                }
                before.extend(lowercase(true));
                (before, vec![spaces(" ")])
            }
        }
    }

    fn pre_tokenizer(self, files: &Files) -> Value {
        let metaspace = metaspace();
        match self {
            Self::XlmRoberta | Self::Albert => metaspace,
            Self::Deberta => {
                let split = files.switch("split_by_punct").unwrap_or(false);
                let punctuation = split.then(|| json!({ "type": "Punctuation", "behavior": "Isolated" }));
                let parts: Vec<Value> = punctuation.into_iter().chain([metaspace]).collect();
                json!({ "type": "Sequence", "pretokenizers": parts })
            }
        }
    }
}

/// The space before each word becomes `▁`.
fn metaspace() -> Value {
    json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true })
}

/// The tokenizer of a model file.
///
/// # Errors
/// [`Error::Model`] if the file is not valid, or of a model whose layout is not known.
pub(super) fn read(files: &Files, name: &str) -> Result<Pretrained> {
    let layout = Layout::of(files, name)?;
    let problem = |what: String| files.problem(name, format!("not a SentencePiece model: {what}"));
    let model = Model::parse(files.get(name).unwrap_or_default()).map_err(problem)?;
    let (vocabulary, unknown) = layout.vocabulary(&model);
    let found = |e: tokenizers::Error| problem(e.to_string());
    let inner: ModelWrapper = match model.algorithm {
        Algorithm::Unigram => Unigram::from(vocabulary, Some(unknown), false).map_err(found)?.into(),
        Algorithm::Bpe if layout != Layout::Deberta => {
            return Err(problem(format!("of type BPE, which {layout:?} never is")));
        }
        Algorithm::Bpe => {
            let ids: Vocab = vocabulary.into_iter().zip(0..).map(|((subword, _), id)| (subword, id)).collect();
            let bpe = BPE::builder()
                .vocab_and_merges(ids, merges::merges(&model.subwords))
                .unk_token(model.unknown_subword.clone())
                .fuse_unk(true);
            bpe.build().map_err(found)?.into()
        }
    };
    let mut pretrained = Pretrained::new(inner);
    let declared = model.subwords.iter().filter(|subword| subword.kind != Kind::Text);
    let declared =
        declared.map(|subword| AddedToken::from(subword.text.clone(), subword.kind == Kind::Control).normalized(false));
    special::add(&mut pretrained, files, name, declared.collect(), &layout.special())?;

    let (before, behind) = layout.normalizers(files);
    let mut normalizers = Vec::new();
    let part = |value| serde_json::from_value::<NormalizerWrapper>(value).map_err(|e| Error::Internal(e.to_string()));
    for value in before {
        normalizers.push(part(value)?);
    }
    if !model.charsmap.is_empty() {
        charsmap::check(&model.charsmap).map_err(|e| problem(format!("its map of characters is broken: {e}")))?;
        let map = Precompiled::from(&model.charsmap).map_err(|e| problem(e.to_string()))?;
        normalizers.push(NormalizerWrapper::Precompiled(map));
    }
    for value in behind {
        normalizers.push(part(value)?);
    }
    let normalizer = NormalizerWrapper::Sequence(Sequence::new(normalizers));
    pretrained.with_normalizer(Some(normalizer)).map_err(|e| Error::Internal(e.to_string()))?;
    let processor = template(&pretrained, files, layout);
    super::assemble(&mut pretrained, layout.pre_tokenizer(files), processor, metaspace())?;
    Ok(pretrained)
}

/// How sentences are closed: `cls sentence sep`, and for two, `cls one sep two sep`, with fairseq's second `sep`.
fn template(pretrained: &Pretrained, files: &Files, layout: Layout) -> Value {
    let named = special::present(pretrained, files);
    let subword = |key: &str| named.iter().find(|(k, _)| *k == key).map_or("", |(_, subword)| subword.as_str());
    let (cls, sep) = (subword("cls_token"), subword("sep_token"));
    let special = |id: &str, kind: u8| json!({ "SpecialToken": { "id": id, "type_id": kind } });
    let sequence = |id: &str, kind: u8| json!({ "Sequence": { "id": id, "type_id": kind } });
    let pair = match layout {
        Layout::XlmRoberta => {
            vec![special(cls, 0), sequence("A", 0), special(sep, 0), special(sep, 0), sequence("B", 0), special(sep, 0)]
        }
        _ => vec![special(cls, 0), sequence("A", 0), special(sep, 0), sequence("B", 1), special(sep, 1)],
    };
    let token = |subword: &str| json!({ "id": subword, "ids": [pretrained.token_to_id(subword)], "tokens": [subword] });
    json!({ "type": "TemplateProcessing", "single": [special(cls, 0), sequence("A", 0), special(sep, 0)], "pair": pair,
        "special_tokens": { cls: token(cls), sep: token(sep) } })
}
