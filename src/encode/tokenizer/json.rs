//! The tokenizers crate's own file, `tokenizer.json`.

use serde_json::Value;
use tokenizers::Tokenizer as Pretrained;

use super::files::Files;
use super::{byte_level, sentencepiece};
use crate::Result;

/// The file.
pub(super) const NAME: &str = "tokenizer.json";

/// Reads it, with a space before each word where the vocabulary is byte-level; the file that travels with a saved model
/// is changed alike, so that transformers does the same there.
///
/// # Errors
/// [`Error::Model`](crate::error::Error::Model) if it is no tokenizer, or one that would bring the tokenizers crate
/// down.
pub(super) fn read(files: &mut Files) -> Result<Pretrained> {
    let mut content = files.json(NAME)?;
    check_normalizer(&content["normalizer"]).map_err(|what| files.problem(NAME, what))?;
    check_vocabulary(&content["model"]["vocab"]).map_err(|what| files.problem(NAME, what))?;
    if byte_level::lead_with_space(&mut content) {
        let text = serde_json::to_vec_pretty(&content).map_err(|e| crate::error::Error::Internal(e.to_string()))?;
        files.put(NAME, text);
    }
    let bytes = files.get(NAME).unwrap_or_default();
    Pretrained::from_bytes(bytes).map_err(|e| files.problem(NAME, format!("not a tokenizer: {e}")))
}

/// Refuses a broken map of characters, wherever it is nested.
fn check_normalizer(normalizer: &Value) -> Result<(), String> {
    for part in normalizer.get("normalizers").and_then(Value::as_array).into_iter().flatten() {
        check_normalizer(part)?;
    }
    let Some(map) = normalizer.get("precompiled_charsmap").and_then(Value::as_str) else { return Ok(()) };
    let broken = |what: String| format!("its map of characters is broken: {what}");
    let map = base64(map).ok_or_else(|| broken("not base64".into()))?;
    sentencepiece::check_charsmap(&map).map_err(broken)
}

/// Refuses subwords so long that the tree they are kept in would be too deep to be taken down again.
fn check_vocabulary(vocabulary: &Value) -> Result<(), String> {
    let subwords = vocabulary.as_array().into_iter().flatten();
    let longest = subwords.filter_map(|entry| entry.get(0)?.as_str()).map(str::len).max().unwrap_or(0);
    if longest > sentencepiece::LONGEST_SUBWORD {
        return Err(format!("it has a subword of {longest} bytes"));
    }
    Ok(())
}

/// The bytes that text in base64 stands for (RFC 4648, section 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for four in digits.chunks(4) {
        let mut bits = 0u32;
        for &digit in four {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - four.len());
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        // The test vectors of RFC 4648, section 10.
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()));
        }
        assert_eq!(base64("+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
        assert_eq!(base64("a b="), None);
    }

    #[test]
    fn what_would_bring_the_tokenizers_crate_down_is_refused() {
        let map = |map: &str| serde_json::json!({ "type": "Precompiled", "precompiled_charsmap": map });
        let nested = serde_json::json!({ "type": "Sequence", "normalizers": [{ "type": "NFC" }, map("AAAAAA==")] });
        assert!(check_normalizer(&nested).unwrap_err().contains("map of characters"));
        assert!(check_normalizer(&map("***")).unwrap_err().contains("base64"));
        let long = serde_json::json!([["a", 0.0], ["x".repeat(100_000), 0.0]]);
        assert!(check_vocabulary(&long).unwrap_err().contains("100000 bytes"));
    }
}
