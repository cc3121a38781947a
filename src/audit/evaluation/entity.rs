//! Entity errors, and which spans find them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::audit::{Suspect, SuspectKind};
use crate::corpus::{LabelSet, Span, SpanMode, SpanReader};
use crate::metrics::ranking::Find;

/// A place where given and gold entities differ: given and gold spans that are not equal (tokens and type), as many as
/// are connected by sharing tokens, are one error. Spans are read as conlleval does ([`SpanMode::Default`]); tags that
/// differ without changing the spans, such as `I-LOC` for `B-LOC` behind `O`, make no error.
///
/// Given ORG 3–5 and gold LOC 3–4 are one error, and so are given PER 0–3 and gold PER 0–1 and PER 2–3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityError {
    /// Zero-based sentence.
    pub sentence: u32,
    /// First token of the spans, zero-based in its sentence.
    pub start: u32,
    /// One past their last token.
    pub end: u32,
    /// *Missed* without a given span, *spurious* without a gold one, *wrong type* with one of each on the same words,
    /// else *wrong boundary*.
    pub kind: SuspectKind,
}

/// A span of tokens with a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// Zero-based sentence.
    pub sentence: u32,
    /// First token, zero-based in its sentence.
    pub start: u32,
    /// One past its last token.
    pub end: u32,
    /// Higher is more suspect.
    pub score: f64,
}

impl From<&Suspect> for Stretch {
    fn from(suspect: &Suspect) -> Self {
        let Suspect { sentence, start, end, score, .. } = *suspect;
        Self { sentence, start: u32::from(start), end: u32::from(end), score }
    }
}

/// All errors, by sentence and first token. Linear in the tokens.
pub fn entity_errors(lengths: &[usize], given: &[u8], gold: &[u8], labels: &LabelSet) -> Vec<EntityError> {
    let reader = SpanReader::from(labels);
    let (mut given_spans, mut gold_spans) = (Vec::new(), Vec::new());
    let mut errors = Vec::new();
    for (sentence, tokens) in (0..).zip(super::sentences(lengths)) {
        reader.read_into(&given[tokens.clone()], SpanMode::Default, &mut given_spans);
        reader.read_into(&gold[tokens], SpanMode::Default, &mut gold_spans);
        // Differing spans with the side they are from, in the order of their first tokens.
        let differing = |own: &[Span], other: &[Span], is_gold: bool| -> Vec<(Span, bool)> {
            own.iter().filter(|span| !other.contains(span)).map(|&span| (span, is_gold)).collect()
        };
        let mut spans = differing(&given_spans, &gold_spans, false);
        spans.extend(differing(&gold_spans, &given_spans, true));
        spans.sort_by_key(|(span, is_gold)| (span.start, *is_gold));
        let mut rest = spans.as_slice();
        while let Some((first, _)) = rest.first() {
            let mut end = first.end;
            let mut n = 1;
            while let Some((span, _)) = rest.get(n).filter(|(span, _)| span.start < end) {
                end = end.max(span.end);
                n += 1;
            }
            errors.push(EntityError { sentence, start: first.start, end, kind: kind(&rest[..n]) });
            rest = &rest[n..];
        }
    }
    errors
}

fn kind(spans: &[(Span, bool)]) -> SuspectKind {
    match spans {
        _ if spans.iter().all(|(_, is_gold)| *is_gold) => SuspectKind::Missed,
        _ if spans.iter().all(|(_, is_gold)| !is_gold) => SuspectKind::Spurious,
        [(a, _), (b, _)] if (a.start, a.end) == (b.start, b.end) => SuspectKind::WrongType,
        _ => SuspectKind::WrongBoundary,
    }
}

/// The rows of a ranking, from stretches judged in the order of their scores (equal ones by sentence and tokens).
///
/// A stretch finds the errors that it shares a token with and that no stretch before it has found; if there are any, it
/// is one hit, however many. A stretch that shares tokens only with errors that are already found is skipped: it is
/// neither a hit nor a false alarm and has no row. Any other is a false alarm.
///
/// By hand, two errors, tokens 0–2 and 4–5 of one sentence, and stretches 0–1 (0.9), 1–2 (0.8), 3–4 (0.7), 4–5 (0.6):
/// hit, skipped, false alarm, hit. Average precision is (1/2)·1 + (1/2)·(2/3) = 5/6.
pub fn finds(stretches: &[Stretch], errors: &[EntityError]) -> Vec<Find> {
    let clean = |stretch: &Stretch| if stretch.score.is_nan() { f64::NEG_INFINITY } else { stretch.score };
    let place = |stretch: &Stretch| (stretch.sentence, stretch.start, stretch.end);
    let mut ranked: Vec<&Stretch> = stretches.iter().collect();
    ranked.sort_by(|a, b| clean(b).total_cmp(&clean(a)).then(place(a).cmp(&place(b))));
    let mut found = vec![false; errors.len()];
    let mut finds = Vec::new();
    for stretch in ranked {
        // Errors come by sentence and tokens and never share a token.
        let first = errors.partition_point(|e| (e.sentence, e.end) <= (stretch.sentence, stretch.start));
        let n = errors[first..].partition_point(|e| (e.sentence, e.start) < (stretch.sentence, stretch.end));
        let touched = &mut found[first..first + n];
        let n_new = touched.iter().filter(|&&found| !found).count() as u32;
        if touched.is_empty() || n_new > 0 {
            finds.push(Find { sentence: stretch.sentence, score: stretch.score, found: n_new });
        }
        touched.fill(true);
    }
    finds
}

/// The stretches that a measure of tokens is asked about, so that measures can be compared with each other: every given
/// entity, and every suspect's stretch, each once; scores are 0. An entity that was not annotated and is no suspect's
/// is not among them, which limits every measure's recall alike.
pub fn candidates(lengths: &[usize], given: &[u8], labels: &LabelSet, suspects: &[Suspect]) -> Vec<Stretch> {
    let reader = SpanReader::from(labels);
    let mut places: BTreeSet<(u32, u32, u32)> =
        suspects.iter().map(|s| (s.sentence, u32::from(s.start), u32::from(s.end))).collect();
    for (sentence, tokens) in (0..).zip(super::sentences(lengths)) {
        let spans = reader.spans(&given[tokens], SpanMode::Default);
        places.extend(spans.iter().map(|span| (sentence, span.start, span.end)));
    }
    places.into_iter().map(|(sentence, start, end)| Stretch { sentence, start, end, score: 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ranking::Ranking;

    fn errors(given: &str, gold: &str) -> Vec<(u32, u32, SuspectKind)> {
        let labels = LabelSet::new(["B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER"]);
        let ids = |tags: &str| -> Vec<u8> { tags.split(' ').map(|tag| labels.id(tag).unwrap()).collect() };
        let (given, gold) = (ids(given), ids(gold));
        let errors = entity_errors(&[given.len()], &given, &gold, &labels);
        errors.iter().map(|error| (error.start, error.end, error.kind)).collect()
    }

    #[test]
    fn the_modules_example_has_two_errors() {
        let found = errors("B-ORG O B-LOC O O", "B-ORG I-ORG I-ORG O B-LOC");
        assert_eq!(found, [(0, 3, SuspectKind::WrongBoundary), (4, 5, SuspectKind::Missed)]);
    }

    #[test]
    fn each_kind_of_error_is_told() {
        assert_eq!(errors("B-ORG I-ORG O", "B-LOC I-LOC O"), [(0, 2, SuspectKind::WrongType)]);
        assert_eq!(errors("O B-PER O", "O O O"), [(1, 2, SuspectKind::Spurious)]);
        assert_eq!(errors("O B-ORG I-ORG", "O B-LOC O"), [(1, 3, SuspectKind::WrongBoundary)]);
        assert_eq!(errors("B-PER I-PER I-PER", "B-PER O B-PER"), [(0, 3, SuspectKind::WrongBoundary)]);
        assert_eq!(errors("B-PER I-PER", "B-PER I-PER"), []);
    }

    #[test]
    fn neighbours_that_share_no_word_are_two_errors() {
        let found = errors("B-PER B-LOC", "B-LOC B-PER");
        assert_eq!(found, [(0, 1, SuspectKind::WrongType), (1, 2, SuspectKind::WrongType)]);
    }

    #[test]
    fn tags_that_read_the_same_are_no_error() {
        assert_eq!(errors("O I-LOC I-LOC", "O B-LOC I-LOC"), []);
    }

    #[test]
    fn the_example_of_finds_comes_out() {
        let error = |sentence, start, end| EntityError { sentence, start, end, kind: SuspectKind::Missed };
        let stretch = |start, end, score| Stretch { sentence: 1, start, end, score };
        let stretches = [stretch(4, 5, 0.6), stretch(3, 4, 0.7), stretch(0, 1, 0.9), stretch(1, 2, 0.8)];
        let all = [error(0, 0, 9), error(1, 0, 2), error(1, 4, 5), error(2, 0, 1)];
        let found = finds(&stretches, &all);
        assert_eq!(
            found.iter().map(|find| (find.score, find.found)).collect::<Vec<_>>(),
            [(0.9, 1), (0.7, 0), (0.6, 1)]
        );
        let scores = Ranking::of_finds(&found, &[0, 2, 0]).scores().unwrap();
        assert!((scores.average_precision - 5.0 / 6.0).abs() < 1e-15);
        // One stretch over both errors is one hit that finds two.
        assert_eq!(finds(&[stretch(1, 5, 0.5)], &all)[0].found, 2);
    }
}
