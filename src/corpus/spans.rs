//! Entities as spans of words, read from label ids.
//!
//! Two readings of a tag sequence are in use, and they differ only where the sequence is invalid:
//!
//! * [`SpanMode::Default`] is the reading of `conlleval` and of seqeval's default mode: every change of type, every
//!   `B-` and every `I-` after `O` opens a span, so no labelled word is ever lost.
//! * [`SpanMode::Strict`] is seqeval's strict mode with the IOB2 scheme: only `B-` opens a span, and an `I-` that
//!   continues nothing belongs to no entity.
//!
//! | sequence | default | strict |
//! | --- | --- | --- |
//! | `B-PER I-PER O` | PER 0–1 | PER 0–1 |
//! | `O I-PER I-PER` | PER 1–2 | – |
//! | `B-PER I-LOC` | PER 0, LOC 1 | PER 0 |
//!
//! The label inventory is taken apart once, in [`SpanReader::new`]; reading a sentence is then a table look-up and a
//! few comparisons a word, which keeps the scores of a dev set cheap enough to take several times an epoch.

use super::LabelSet;
use super::scheme::{self, Tag};
use super::tags::{NoNotation, Notation};

/// How invalid tag sequences are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanMode {
    /// As `conlleval` and seqeval's default mode: an `I-` that continues nothing opens a span.
    Default,
    /// As seqeval's `mode="strict", scheme=IOB2`: only `B-` opens a span.
    Strict,
}

/// An entity: the words `start..end` of a sentence, and its type as an index into [`SpanReader::types`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Index of the type in [`SpanReader::types`].
    pub entity_type: u16,
    /// First word, zero-based.
    pub start: u32,
    /// One past the last word.
    pub end: u32,
}

/// What a tag's first letter says; anything but `B`, `I`, `E`, `S` and `O` only counts through its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    Outside,
    Begin,
    Inside,
    End,
    Single,
    Other,
}

/// A label taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parsed {
    prefix: Prefix,
    entity_type: u16,
}

/// The type of `O`: no entity has it.
const NO_TYPE: u16 = u16::MAX;

const OUTSIDE: Parsed = Parsed { prefix: Prefix::Outside, entity_type: NO_TYPE };

/// Reads spans from label ids of one inventory.
#[derive(Debug, Clone)]
pub struct SpanReader {
    parsed: Vec<Parsed>,
    types: Vec<String>,
}

impl SpanReader {
    /// A reader for the inventory `labels`, where the label's id is its index.
    pub fn new<S: AsRef<str>>(labels: &[S]) -> Self {
        let notation = Notation::of(labels.iter().map(AsRef::as_ref));
        let split: Vec<(Prefix, &str)> = labels.iter().map(|label| split_label(label.as_ref(), &notation)).collect();
        let mut types: Vec<String> =
            split.iter().filter(|(prefix, _)| *prefix != Prefix::Outside).map(|(_, name)| (*name).to_owned()).collect();
        types.sort();
        types.dedup();
        let parsed = split
            .into_iter()
            .map(|(prefix, name)| match types.binary_search_by(|t| t.as_str().cmp(name)) {
                Ok(index) if prefix != Prefix::Outside => Parsed { prefix, entity_type: index as u16 },
                _ => OUTSIDE,
            })
            .collect();
        Self { parsed, types }
    }

    /// The entity types of the inventory, sorted by name.
    pub fn types(&self) -> &[String] {
        &self.types
    }

    /// The entity type of a label; `None` of `O` and of ids outside the inventory.
    pub fn entity_type(&self, label: u8) -> Option<&str> {
        let parsed = self.parsed.get(usize::from(label))?;
        self.types.get(usize::from(parsed.entity_type)).map(String::as_str)
    }

    /// The spans of one sentence, in order. Ids outside the inventory count as `O`.
    pub fn spans(&self, labels: &[u8], mode: SpanMode) -> Vec<Span> {
        let mut spans = Vec::new();
        self.read_into(labels, mode, &mut spans);
        spans
    }

    /// As [`SpanReader::spans`], into a vector that is cleared first and may be used again.
    pub fn read_into(&self, labels: &[u8], mode: SpanMode, spans: &mut Vec<Span>) {
        spans.clear();
        let tags = labels.iter().map(|&id| self.parsed.get(usize::from(id)).copied().unwrap_or(OUTSIDE));
        let mut previous = OUTSIDE;
        let mut start = 0;
        // In strict mode, whether a span is open; the default mode reads that off the previous tag.
        let mut open = false;
        for (position, tag) in tags.chain([OUTSIDE]).enumerate() {
            let position = position as u32;
            let (ends, starts) = match mode {
                SpanMode::Default => (ends_between(previous, tag), starts_between(previous, tag)),
                SpanMode::Strict => {
                    let continues = tag.prefix == Prefix::Inside && tag.entity_type == previous.entity_type;
                    (open && !continues, tag.prefix == Prefix::Begin)
                }
            };
            if ends {
                spans.push(Span { entity_type: previous.entity_type, start, end: position });
                open = false;
            }
            if starts {
                start = position;
                open = true;
            }
            previous = tag;
        }
    }
}

impl From<&LabelSet> for SpanReader {
    fn from(labels: &LabelSet) -> Self {
        Self::new(labels.names())
    }
}

/// Prefix and type of a label of an inventory in this notation. In one without a notation, a label counts as seqeval
/// reads it: `B-cell-line` is of type `cell-line`, a bare `B` of type `_`.
fn split_label<'a>(label: &'a str, notation: &Result<Notation, NoNotation>) -> (Prefix, &'a str) {
    let parsed = notation.as_ref().ok().and_then(|notation| notation.parse(label).ok());
    match parsed {
        Some(None) => (Prefix::Outside, "_"),
        Some(Some(Tag { prefix, entity_type, .. })) => (prefix.into(), entity_type),
        None => split_any_label(label),
    }
}

fn split_any_label(label: &str) -> (Prefix, &str) {
    let mut characters = label.chars();
    let prefix = match characters.next() {
        Some('O') => Prefix::Outside,
        Some('B') => Prefix::Begin,
        Some('I') => Prefix::Inside,
        Some('E') => Prefix::End,
        Some('S') => Prefix::Single,
        _ => Prefix::Other,
    };
    let rest = characters.as_str();
    let name = rest.split_once('-').map_or(rest, |(_, name)| name);
    (prefix, if name.is_empty() { "_" } else { name })
}

impl From<scheme::Prefix> for Prefix {
    fn from(prefix: scheme::Prefix) -> Self {
        match prefix {
            scheme::Prefix::Begin => Self::Begin,
            scheme::Prefix::Inside => Self::Inside,
            scheme::Prefix::End => Self::End,
            scheme::Prefix::Single => Self::Single,
        }
    }
}

/// Whether a span ends between two neighbouring words, by conlleval's rules.
fn ends_between(previous: Parsed, current: Parsed) -> bool {
    use Prefix::{Begin, End, Inside, Outside, Single};
    match previous.prefix {
        Outside => false,
        End | Single => true,
        Begin | Inside if matches!(current.prefix, Begin | Single | Outside) => true,
        _ => previous.entity_type != current.entity_type,
    }
}

/// Whether a span starts at the second of two neighbouring words, by conlleval's rules.
fn starts_between(previous: Parsed, current: Parsed) -> bool {
    use Prefix::{Begin, End, Inside, Outside, Single};
    match current.prefix {
        Outside => false,
        Begin | Single => true,
        Inside | End if matches!(previous.prefix, End | Single | Outside) => true,
        _ => previous.entity_type != current.entity_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tags: &[&str], mode: SpanMode) -> Vec<(String, u32, u32)> {
        let inventory = LabelSet::new(tags);
        let reader = SpanReader::from(&inventory);
        let ids: Vec<u8> = tags.iter().filter_map(|tag| inventory.id(tag)).collect();
        reader
            .spans(&ids, mode)
            .into_iter()
            .map(|s| (reader.types()[usize::from(s.entity_type)].clone(), s.start, s.end))
            .collect()
    }

    fn span(name: &str, start: u32, end: u32) -> (String, u32, u32) {
        (name.to_owned(), start, end)
    }

    #[test]
    fn valid_sequences_read_alike_in_both_modes() {
        let tags = ["B-PER", "I-PER", "B-PER", "O", "B-cell-line"];
        let expected = vec![span("PER", 0, 2), span("PER", 2, 3), span("cell-line", 4, 5)];
        assert_eq!(read(&tags, SpanMode::Default), expected);
        assert_eq!(read(&tags, SpanMode::Strict), expected);
    }

    #[test]
    fn an_inside_tag_that_continues_nothing_is_a_span_only_by_default() {
        let tags = ["O", "I-PER", "I-PER", "I-LOC"];
        assert_eq!(read(&tags, SpanMode::Default), vec![span("PER", 1, 3), span("LOC", 3, 4)]);
        assert_eq!(read(&tags, SpanMode::Strict), vec![]);
        let tags = ["B-PER", "I-LOC", "I-PER"];
        assert_eq!(read(&tags, SpanMode::Default), vec![span("PER", 0, 1), span("LOC", 1, 2), span("PER", 2, 3)]);
        assert_eq!(read(&tags, SpanMode::Strict), vec![span("PER", 0, 1)]);
    }

    #[test]
    fn bilou_and_labels_without_prefix_are_read() {
        let reader = SpanReader::new(&["B-LOC", "L-LOC", "U-LOC", "O"]);
        let spans: Vec<(u32, u32)> =
            reader.spans(&[0, 1, 2, 3, 2], SpanMode::Default).iter().map(|s| (s.start, s.end)).collect();
        assert_eq!((reader.types(), spans), (&["LOC".to_owned()][..], vec![(0, 2), (2, 3), (4, 5)]));
        let reader = SpanReader::new(&["O", "ORG", "OTHER"]);
        assert_eq!(reader.types(), ["ORG", "OTHER"]);
        assert_eq!(reader.spans(&[1, 1, 2, 0, 1], SpanMode::Default).len(), 3);
    }

    #[test]
    fn unknown_ids_count_as_outside() {
        let reader = SpanReader::new(&["O", "B-PER"]);
        assert_eq!(reader.spans(&[1, 9, 1], SpanMode::Default).len(), 2);
        assert_eq!([0, 1, 9].map(|label| reader.entity_type(label)), [None, Some("PER"), None]);
    }
}
