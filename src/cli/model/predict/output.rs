//! Labelled text: in columns, or as JSON lines.

use serde::Serialize;

use crate::cli::output::json_text;
use crate::corpus::tags::Inventory;
use crate::corpus::unlabelled::UnlabelledSentence;
use crate::corpus::{LabelSet, SpanMode, SpanReader};
use crate::error::Error;
use crate::model::{Tagger, TextPrediction, TokenPrediction};

/// A token and its label a line, an empty line behind each sentence.
pub(super) fn columns(tagger: &Tagger, sentences: &[UnlabelledSentence], decided: &TextPrediction) -> String {
    let mut text = String::new();
    for (sentence, decisions) in sentences.iter().zip(&decided.sentences) {
        for (token, decision) in sentence.tokens.iter().zip(decisions) {
            text.extend([token, "\t", &tagger.labels()[usize::from(decision.label)], "\n"]);
        }
        text.push('\n');
    }
    text
}

/// A sentence as it is printed; docs/predict.md describes the fields.
#[derive(Debug, Serialize)]
struct Record<'a> {
    line: usize,
    text: Option<&'a str>,
    tokens: &'a [String],
    offsets: Option<&'a [[usize; 2]]>,
    labels: Vec<&'a str>,
    probabilities: Vec<Option<f32>>,
    spans: Vec<SpanRecord>,
}

/// An entity.
#[derive(Debug, Serialize)]
struct SpanRecord {
    #[serde(rename = "type")]
    entity_type: String,
    start: usize,
    end: usize,
    start_char: Option<usize>,
    end_char: Option<usize>,
    text: String,
    probability: Option<f32>,
}

/// One JSON object a sentence and line.
pub(super) fn json_lines(
    tagger: &Tagger,
    inventory: &Inventory,
    sentences: &[UnlabelledSentence],
    decided: &TextPrediction,
) -> Result<String, Error> {
    let mut lines = String::new();
    for (sentence, decisions) in sentences.iter().zip(&decided.sentences) {
        let labels = decisions.iter().map(|decision| tagger.labels()[usize::from(decision.label)].as_str());
        let record = Record {
            line: sentence.line,
            text: sentence.text.as_ref().map(|text| text.text.as_str()),
            tokens: &sentence.tokens,
            offsets: sentence.text.as_ref().map(|text| text.offsets.as_slice()),
            labels: labels.collect(),
            probabilities: decisions.iter().map(|decision| decision.probability).collect(),
            spans: spans(inventory, sentence, decisions),
        };
        lines += &json_text(&serde_json::to_string(&record).map_err(|e| Error::Internal(e.to_string()))?);
        lines.push('\n');
    }
    Ok(lines)
}

fn spans(inventory: &Inventory, sentence: &UnlabelledSentence, decisions: &[TokenPrediction]) -> Vec<SpanRecord> {
    let labels: Vec<u8> = decisions.iter().map(|decision| decision.label).collect();
    let tags = inventory.iob2(&labels);
    let set = LabelSet::new(&tags);
    let reader = SpanReader::from(&set);
    // Every tag is in the set that was made of them.
    let ids: Vec<u8> = tags.iter().map(|tag| set.id(tag).unwrap_or_default()).collect();
    let record = |span: crate::corpus::Span| {
        let (start, end) = (span.start as usize, span.end as usize);
        let place = sentence.text.as_ref().map(|text| (text, text.offsets[start][0], text.offsets[end - 1][1]));
        let lowest = |lowest: Option<f32>, decision: &TokenPrediction| Some(lowest?.min(decision.probability?));
        SpanRecord {
            entity_type: reader.types()[usize::from(span.entity_type)].clone(),
            start,
            end,
            start_char: place.map(|(_, first, _)| first),
            end_char: place.map(|(_, _, last)| last),
            text: match place {
                Some((text, first, last)) => text.slice(first, last),
                None => sentence.tokens[start..end].join(" "),
            },
            probability: decisions[start..end].iter().fold(Some(1.0), lowest),
        }
    };
    reader.spans(&ids, SpanMode::Default).into_iter().map(record).collect()
}
