//! Numbers of suspects by entity type, and warnings about types that the models have not learned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Suspect;
use super::decode::Decoder;
use crate::audit::{Text, TokenEvidence};
use crate::corpus::{Given, Labels, SpanMode, SpanReader};
use crate::format::percent_fixed;
use crate::metrics::entity::{self, Mode};

/// Recall below which a warning is given: the models have not learned the type.
const FOUND: f64 = 0.5;
/// An entity type with fewer sentences is rare: up to 50 were needed to learn one (arXiv 2105.00828, section 6).
const RARE: usize = 50;

/// One entity type of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeSummary {
    /// The type, such as `LOC`.
    #[serde(rename = "type")]
    pub name: String,
    /// Given entities.
    pub entities: u64,
    /// Sentences with one or more of them.
    pub sentences: u64,
    /// Suspects of which the type is given or suggested.
    pub suspects: u64,
    /// How many of the given entities are expected to be errors: the sum over entities of the highest probability of a
    /// suspect that shares a token with it. At most `entities`.
    pub expected_errors: f64,
    /// How many entities of this type are expected to be missing, because they were not annotated or have another type:
    /// the sum of the probabilities of suspects of which the type is suggested and not given.
    pub expected_missing: f64,
    /// Share of the given entities that the models find in text they were not trained on (with one fold: in their own);
    /// null without an entity.
    pub found: Option<f64>,
    /// A warning, one sentence; null without one.
    pub warning: Option<String>,
}

/// One entry an entity type, in the order of their names.
pub(in crate::audit) fn by_type(text: &Text, evidence: &TokenEvidence, suspects: &[Suspect]) -> Vec<TypeSummary> {
    let k = text.labels.len();
    let decoder = Decoder::new(&text.labels);
    let given: Vec<Labels<Given>> = text.sentences.iter().map(|sentence| sentence.labels.clone()).collect();
    let read: Vec<Vec<u8>> = (0..given.len())
        .map(|i| {
            let tokens = text.tokens(i);
            let cells = &evidence.probabilities[tokens.start * k..tokens.end * k];
            decoder.best(&cells.iter().map(|&p| f64::from(p).max(1e-9).ln()).collect::<Vec<_>>())
        })
        .collect();
    let found = entity::score(&given, &read, text.labels.names(), Mode::Default);
    let errors = expected_errors(text, suspects);
    let summary = |scores: &entity::TypeScores| {
        let is_of = |tag: &String| tag.get(2..) == Some(&scores.name[..]);
        let of_type = |suspect: &&Suspect| suspect.given.iter().chain(&suspect.suggested).any(is_of);
        let is_missing = |suspect: &&Suspect| suspect.suggested.iter().any(is_of) && !suspect.given.iter().any(is_of);
        let ids: Vec<bool> = text.labels.names().iter().map(is_of).collect();
        let with_type = |labels: &&Labels<Given>| labels.iter().any(|&label| ids[usize::from(label)]);
        let sentences = given.iter().filter(with_type).count();
        let recall = (scores.support > 0).then_some(scores.scores.recall);
        TypeSummary {
            name: scores.name.clone(),
            entities: scores.support as u64,
            sentences: sentences as u64,
            suspects: suspects.iter().filter(of_type).count() as u64,
            expected_errors: errors.get(&scores.name).copied().unwrap_or(0.0),
            expected_missing: suspects.iter().filter(is_missing).map(|suspect| suspect.probability).sum(),
            found: recall,
            warning: warning(sentences, recall),
        }
    };
    found.per_type.iter().map(summary).collect()
}

/// By type, the sum over its given entities of the highest probability of a suspect that shares a token with it.
fn expected_errors(text: &Text, suspects: &[Suspect]) -> BTreeMap<String, f64> {
    let mut in_sentence: BTreeMap<usize, Vec<&Suspect>> = BTreeMap::new();
    for suspect in suspects {
        in_sentence.entry(suspect.sentence as usize).or_default().push(suspect);
    }
    let reader = SpanReader::from(&text.labels);
    let mut sums = BTreeMap::new();
    for (number, of_sentence) in in_sentence {
        for span in reader.spans(&text.sentences[number].labels, SpanMode::Default) {
            let touches =
                |suspect: &&&Suspect| u32::from(suspect.start) < span.end && u32::from(suspect.end) > span.start;
            let highest = of_sentence.iter().filter(touches).map(|suspect| suspect.probability).fold(0.0, f64::max);
            *sums.entry(reader.types()[usize::from(span.entity_type)].clone()).or_insert(0.0) += highest;
        }
    }
    sums
}

fn warning(sentences: usize, found: Option<f64>) -> Option<String> {
    let share = found.filter(|&share| share < FOUND).map(|share| {
        format!(
            "the models find {} of its entities: they have not learned this type and flag correct labels",
            percent_fixed(share, 0)
        )
    });
    let few = (sentences < RARE).then(|| {
        let sentences = if sentences == 1 { "one sentence has".into() } else { format!("{sentences} sentences have") };
        format!("only {sentences} it: its rare forms look like errors, and its errors like rare forms")
    });
    let warnings: Vec<String> = few.into_iter().chain(share).collect();
    (!warnings.is_empty()).then(|| warnings.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::collect::tests::evidence;
    use crate::audit::text::tests::text;
    use crate::audit::{SuspectKind, score};

    #[test]
    fn what_is_not_learned_or_rare_is_warned_of() {
        assert!(warning(400, Some(0.49)).unwrap().starts_with("the models find 49\u{a0}% of its entities"));
        let both = warning(3, Some(0.1)).unwrap();
        assert!(both.starts_with("only 3 sentences have it") && both.contains("; the models find 10\u{a0}%"), "{both}");
        assert!(warning(RARE - 1, Some(0.9)).unwrap().starts_with("only 49 sentences have it"));
        assert!(warning(1, None).unwrap().starts_with("only one sentence has it"));
        assert_eq!(warning(RARE, Some(FOUND)), None);
        assert_eq!(warning(RARE, None), None);
    }

    #[test]
    fn entities_sentences_and_suspects_are_counted_by_type() {
        let text = text("x/B-A y/I-A z/B-A\nx/B-A\nw/B-B-b\nx/O");
        // The models find `x y` and `x`, and read the others as O.
        let evidence = evidence(&text, "x/B-A y/I-A z/O\nx/B-A\nw/O\nx/O");
        let suspects = crate::audit::suspects(&text, &evidence, &score(&text, &evidence));
        let kinds = |kind| suspects.iter().filter(|suspect| suspect.kind == kind).count();
        assert!(kinds(SuspectKind::Spurious) >= 2);
        let types = by_type(&text, &evidence, &suspects);
        let counts: Vec<_> = types.iter().map(|of| (&of.name[..], of.entities, of.sentences, of.found)).collect();
        assert_eq!(counts, [("A", 3, 2, Some(2.0 / 3.0)), ("B-b", 1, 1, Some(0.0))]);
        for of in &types {
            let expected = |suspect: &&Suspect| {
                suspect.given.iter().chain(&suspect.suggested).any(|tag| tag[1..].ends_with(&format!("-{}", of.name)))
            };
            let ours: Vec<&Suspect> = suspects.iter().filter(expected).collect();
            assert_eq!(of.suspects, ours.len() as u64, "{}", of.name);
            assert!(of.expected_errors > 0.0 && of.expected_errors <= of.entities as f64, "{of:?}");
            assert!(of.warning.is_some());
        }
    }
    #[test]
    fn no_more_errors_are_expected_than_there_are_entities() {
        let text = text("x/B-A y/I-A z/O w/B-B\nx/O");
        let suspect = |(sentence, start, end): (u32, u16, u16), given: &str, suggested: &str, probability| {
            let tags = |tags: &str| tags.split(' ').map(str::to_owned).collect::<Vec<_>>();
            Suspect {
                rank: 1,
                sentence,
                line: 1,
                start,
                end,
                kind: SuspectKind::Missed,
                words: vec![String::new(); usize::from(end - start)],
                given: tags(given),
                suggested: tags(suggested),
                score: 0.0,
                probability,
                held_out_loss: Vec::new(),
                train_loss: Vec::new(),
                elsewhere: 0,
                elsewhere_as_given: 0,
                elsewhere_as_suggested: 0,
                occurrences: Vec::new(),
            }
        };
        let suspects = [
            suspect((0, 0, 1), "B-A", "B-B", 0.9),
            suspect((0, 1, 2), "I-A", "B-A", 0.8),
            suspect((0, 2, 4), "O B-B", "B-A I-A", 0.7),
            suspect((1, 0, 1), "O", "B-A", 0.6),
        ];
        let evidence = evidence(&text, "x/B-A y/I-A z/O w/B-B\nx/O");
        let types = by_type(&text, &evidence, &suspects);
        let sums: Vec<(f64, f64)> = types.iter().map(|of| (of.expected_errors, of.expected_missing)).collect();
        // One entity of A, touched by two suspects; A is missing in two places.
        assert_eq!(sums, [(0.9, 0.7 + 0.6), (0.7, 0.9)]);
    }
}
