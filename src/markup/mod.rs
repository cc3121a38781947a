//! What the HTML pages share: data and scripts that a strict content security policy lets through.
//!
//! A page is one file. Other people's text is in it once, as JSON in a script element of a type that no browser runs; the
//! page's script (`text.js` first) puts it into the document as text nodes, never as markup. The policy names script and style
//! by their hashes and allows nothing else: no network, no other script, no markup from strings.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Functions that every page's script begins with.
pub(crate) const TEXT_SCRIPT: &str = include_str!("text.js");

/// A value as JSON that can stand in a script element. `<`, `>` and `&` occur in JSON only within strings, where an escape
/// means the same; the two line separators were not allowed in JavaScript's strings before 2019.
///
/// # Errors
/// [`Error::Internal`] if the value cannot be written as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map(|json| escaped(&json))
        .map_err(|error| Error::Internal(format!("cannot write the page's data as JSON: {error}")))
}

fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text
}

/// The files one after the other as one script without global names.
pub(crate) fn script(files: &[&str]) -> String {
    format!("\"use strict\";\n(() => {{\n{}}})();\n", lines(files))
}

/// The files one after the other, with the line ends that a browser makes of any before it takes the hash.
pub(crate) fn lines(files: &[&str]) -> String {
    files.concat().replace("\r\n", "\n")
}

/// What the content security policy calls a hash: SHA-256 in base64.
pub(crate) fn hash(text: &str) -> String {
    base64(&Sha256::digest(text))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_rfc_4648() {
        let text = |bytes: &str| base64(bytes.as_bytes());
        assert_eq!(["", "f", "fo", "foo", "foob"].map(text), ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
        // printf '' | sha256sum | xxd -r -p | base64
        assert_eq!(hash(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn json_in_a_page_is_the_same_json_without_markup() {
        let words = "</script><!-- & \u{2028}\u{2029} \u{202e}\"\\";
        let text = json(&words).unwrap();
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']));
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), words);
    }
}
