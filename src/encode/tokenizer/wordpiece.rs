//! BERT's tokenizer from `vocab.txt`.

use serde_json::json;
use tokenizers::Tokenizer as Pretrained;

use super::files::Files;
use crate::Result;

/// The file of the vocabulary.
pub(super) const NAME: &str = "vocab.txt";

/// BERT's tokenizer from its vocabulary, one subword a line: what transformers' slow tokenizer reads. ELECTRA's and
/// DistilBERT's are the same. Blank lines at the end are dropped.
///
/// # Errors
/// [`Error::Model`](crate::error::Error::Model) if the file is no such vocabulary.
pub(super) fn read(files: &Files) -> Result<Pretrained> {
    let problem = |what: String| files.problem(NAME, what);
    let vocabulary = files.get(NAME).unwrap_or_default();
    let text = std::str::from_utf8(vocabulary).map_err(|e| problem(format!("not UTF-8: {e}")))?;
    let lowercase = files.switch("do_lower_case").unwrap_or(true);
    let chinese = files.switch("tokenize_chinese_chars").unwrap_or(true);
    // A blank line in the middle takes a row; those at the end come from editors.
    let subwords: Vec<&str> = text.trim_end_matches(['\n', '\r']).lines().collect();
    let id = |subword: &str| subwords.iter().position(|p| *p == subword);
    let added: Vec<_> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .iter()
        .filter_map(|subword| {
            Some(
                json!({ "id": id(subword)?, "content": subword, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true }),
            )
        })
        .collect();
    let processor = id("[CLS]")
        .zip(id("[SEP]"))
        .map(|(cls, sep)| json!({ "type": "BertProcessing", "sep": ["[SEP]", sep], "cls": ["[CLS]", cls] }));
    let vocabulary: serde_json::Map<_, _> =
        subwords.iter().enumerate().map(|(i, p)| ((*p).to_owned(), json!(i))).collect();
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": chinese,
            "strip_accents": files.switch("strip_accents"), "lowercase": lowercase },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": processor,
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary },
    });
    Pretrained::from_bytes(tokenizer.to_string()).map_err(|e| problem(e.to_string()))
}
