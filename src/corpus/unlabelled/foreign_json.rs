//! JSON of other tools, by its keys.

use serde_json::{Map, Value};

use super::{Fault, json};
use crate::error::printable;

/// What to do with annotated text that has character offsets.
const TEXT_OF_LINES: &str = "write the text alone, one sentence a line: `jq -r .text FILE`";

/// Why an object is no sentence with a list of tokens.
pub(super) fn record(object: &Map<String, Value>, line: usize) -> Fault {
    let (format, hint) = match format(object) {
        Some(known) => known,
        None => {
            let keys: Vec<String> = object.keys().take(6).map(|key| format!("`{}`", printable(key))).collect();
            let what = match keys.is_empty() {
                true => "the object has no list of strings under `tokens` or `words`".to_owned(),
                false => format!("no list of strings under `tokens` or `words`; the keys are {}", keys.join(", ")),
            };
            let hint = "write one sentence a line as {\"tokens\": [\"Odila\", \"left\"]}, or as plain text".into();
            return Fault { what, line: Some(line), hint };
        }
    };
    Fault::foreign(format, Some(line), hint)
}

/// Why a JSON document of several lines, or an array, is not read.
pub(super) fn document(document: &Value) -> Fault {
    let (format, hint) = match document {
        Value::Array(items) => match items.first() {
            Some(Value::Object(object)) if has_tokens(object) => {
                ("a JSON array", "write one sentence a line: `jq -c '.[]' FILE`")
            }
            Some(Value::Object(object)) => match format(object) {
                Some((name, _)) if name == LABEL_STUDIO => (name, "write the text alone: `jq -r '.[].data.text' FILE`"),
                Some((name, _)) => (name, "write the text alone, one sentence a line: `jq -r '.[].text' FILE`"),
                None => ("a JSON array", "write one object a line, each with a list of `tokens`: `jq -c '.[]' FILE`"),
            },
            Some(Value::Array(pair))
                if pair.first().is_some_and(Value::is_string) && pair.len() == 2 && pair[1].is_object() =>
            {
                ("spaCy's training data", "write the text alone, one sentence a line: `jq -r '.[][0]' FILE`")
            }
            _ => ("a JSON array", "write one object a line, each with a list of `tokens`"),
        },
        Value::Object(object) if has_tokens(object) => {
            ("a JSON object of several lines", "write each sentence on one line: `jq -c . FILE`")
        }
        Value::Object(object) => format(object)
            .unwrap_or(("a JSON object of several lines", "write one object a line, each with a list of `tokens`")),
        _ => ("a JSON value", "write one object a line, each with a list of `tokens`"),
    };
    Fault::foreign(format, None, hint)
}

const LABEL_STUDIO: &str = "an export of Label Studio";

fn has_tokens(object: &Map<String, Value>) -> bool {
    json::tokens(object).is_some_and(|tokens| tokens.iter().all(Value::is_string))
}

/// The tool that an object comes from, and what to do with it.
fn format(object: &Map<String, Value>) -> Option<(&'static str, &'static str)> {
    let has = |key: &str| object.contains_key(key);
    let any = |keys: &[&str]| keys.iter().any(|key| has(key));
    let objects = json::tokens(object).is_some_and(|tokens| tokens.first().is_some_and(Value::is_object));
    if any(&["annotation_id", "lead_time", "annotator"])
        || (has("data") && any(&["annotations", "completions", "predictions"]))
    {
        return Some((LABEL_STUDIO, "write the text alone: `jq -r .data.text FILE`"));
    }
    if any(&["paragraphs", "ents", "sents"]) || (has("annotations") && has("classes")) {
        let hint = "write the text alone, one sentence a line, or one object a line with a list of `tokens`";
        return Some(("spaCy's JSON", hint));
    }
    if objects || any(&["_input_hash", "_task_hash", "spans"]) {
        return Some(("an export of Prodigy", TEXT_OF_LINES));
    }
    if has("text") && any(&["label", "labels", "entities", "relations", "Comments"]) {
        return Some(("an export of doccano", TEXT_OF_LINES));
    }
    has("text").then_some(("JSON with running text", TEXT_OF_LINES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_recognised_by_their_keys() {
        for (line, format) in [
            (r#"{"id": 1, "text": "Odila left", "label": [[0, 5, "PER"]]}"#, "doccano"),
            (r#"{"id": 1, "text": "Odila left", "entities": [], "relations": []}"#, "doccano"),
            (r#"{"text": "a", "tokens": [{"text": "a", "start": 0}], "spans": []}"#, "Prodigy"),
            (r#"{"text": "a", "spans": [], "answer": "accept"}"#, "Prodigy"),
            (r#"{"id": 7, "data": {"text": "a"}, "annotations": []}"#, "Label Studio"),
            (r#"{"text": "a", "ents": [], "tokens": [{"id": 0}]}"#, "spaCy"),
            (r#"{"text": "a"}"#, "running text"),
        ] {
            let object = serde_json::from_str(line).unwrap();
            let fault = record(&object, 3);
            assert!(fault.what.contains(format) && fault.line == Some(3), "{line}: {}", fault.what);
        }
    }

    #[test]
    fn documents_are_named() {
        for (text, format) in [
            (r#"[{"tokens": ["a"]}]"#, "a JSON array"),
            (r#"["a", "b"]"#, "a JSON array"),
            (r#"[{"data": {"text": "a"}, "annotations": []}]"#, "Label Studio"),
            (r#"[{"text": "a", "label": [], "annotator": 1}]"#, "Label Studio"),
            (r#"[["Odila left", {"entities": [[0, 5, "PER"]]}]]"#, "spaCy"),
            (r#"[{"id": 0, "paragraphs": []}]"#, "spaCy"),
            (r#"{"classes": ["PER"], "annotations": [["a", {}]]}"#, "spaCy"),
            (r#"{"tokens": ["a"]}"#, "several lines"),
        ] {
            let fault = document(&serde_json::from_str(text).unwrap());
            assert!(fault.what.contains(format), "{text}: {}", fault.what);
        }
    }
}
