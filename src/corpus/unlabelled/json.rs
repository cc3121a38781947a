//! JSON lines: one object a line, with the sentence's tokens under `tokens` or `words`; other keys are not read.

use serde_json::{Map, Value};

use super::{Fault, UnlabelledSentence, foreign_json};
use crate::error::printable;

/// The keys under which tokens are looked for, in this order.
pub(super) const KEYS: [&str; 2] = ["tokens", "words"];

/// The sentences of the lines; empty lines are left out.
///
/// # Errors
/// A line that is no such object, and a token that is empty or has a tab or line break in it.
pub(super) fn read(lines: &[&str]) -> Result<Vec<UnlabelledSentence>, Fault> {
    let numbered = (1..).zip(lines).filter(|(_, line)| !line.trim().is_empty());
    numbered.map(|(number, line)| sentence(number, line)).collect()
}

fn sentence(number: usize, line: &str) -> Result<UnlabelledSentence, Fault> {
    let fault = |what: String, hint: &str| Fault { what, line: Some(number), hint: hint.into() };
    let object: Map<String, Value> = serde_json::from_str(line).map_err(|e| {
        // The message counts lines within what it was given, which is one.
        let said = e.to_string();
        let why = said.split(" at line ").next().unwrap_or_default();
        fault(
            format!("not a JSON object: {} (column {})", printable(why), e.column()),
            "write one JSON object a line, with a list of `tokens`",
        )
    })?;
    let Some(list) = tokens(&object) else {
        return Err(foreign_json::record(&object, number));
    };
    let mut tokens = Vec::with_capacity(list.len());
    for (position, token) in (1..).zip(list) {
        match token.as_str() {
            Some(token) if !token.is_empty() && !token.contains(['\t', '\n', '\r']) => tokens.push(token.to_owned()),
            Some(token) => {
                let token = printable(token);
                return Err(fault(
                    format!("token {position} is `{token}`: it is empty, or has a tab or line break"),
                    "remove the token, or write it without",
                ));
            }
            None => return Err(foreign_json::record(&object, number)),
        }
    }
    Ok(UnlabelledSentence { line: number, tokens, text: None })
}

/// The list of tokens of a sentence, whatever is in it.
pub(super) fn tokens(object: &Map<String, Value>) -> Option<&Vec<Value>> {
    KEYS.iter().find_map(|key| object.get(*key)?.as_array())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_under_both_keys() {
        let lines = [r#"{"id": 3, "tokens": ["Odila", "left"], "tags": [1, 0]}"#, "", r#"{"words": []}"#];
        let sentences = read(&lines).unwrap();
        assert_eq!((sentences[0].line, sentences[0].tokens.len()), (1, 2));
        assert_eq!((sentences[1].line, sentences[1].tokens.len()), (3, 0));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (line, why) in [
            ("{\"tokens\": [\"a\"]", "not a JSON object: EOF"),
            ("[\"a\"]", "not a JSON object: invalid type"),
            (r#"{"tokens": ["a", ""]}"#, "token 2 is ``"),
            (r#"{"tokens": ["a\tb"]}"#, "token 1 is `a\\u{9}b`"),
            (r#"{"tokens": ["a", 3]}"#, "tokens"),
            (r#"{"tokens": "a b"}"#, "tokens"),
            (r#"{"sentence": "a b"}"#, "sentence"),
        ] {
            let fault = read(&[r#"{"tokens": ["a"]}"#, line]).unwrap_err();
            assert_eq!(fault.line, Some(2), "{line}");
            assert!(fault.what.contains(why), "{line}: {}", fault.what);
        }
    }
}
