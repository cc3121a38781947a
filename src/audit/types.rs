//! The suspects of each entity type, and whether the type is frequent enough to be judged at all.

use serde::{Deserialize, Serialize};

use super::decode::Decoder;
use super::{Evidence, Suspect, Text};
use crate::metrics::entity::{self, Mode};

/// A type of whose entities the models find less than this share is not judged well.
const FOUND: f64 = 0.5;
/// Sentences with a type below which a class is rare: up to 50 were needed to learn one (arXiv 2105.00828, section 6).
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
    /// How many of these are expected to be errors: the sum of their probabilities.
    pub expected_errors: f64,
    /// Share of the given entities that the models find in text they were not trained on (with one fold: in their own);
    /// null without an entity.
    pub found: Option<f64>,
    /// What to beware of, a sentence; null if nothing.
    pub warning: Option<String>,
}

/// One entry an entity type, in the order of their names.
pub(super) fn by_type(text: &Text, evidence: &Evidence, suspects: &[Suspect]) -> Vec<TypeSummary> {
    let k = text.labels.len();
    let decoder = Decoder::new(&text.labels);
    let given: Vec<Vec<u8>> = text.sentences.iter().map(|sentence| sentence.labels.clone()).collect();
    let read: Vec<Vec<u8>> = (0..given.len())
        .map(|i| {
            let tokens = text.tokens(i);
            let cells = &evidence.probabilities[tokens.start * k..tokens.end * k];
            decoder.best(&cells.iter().map(|&p| f64::from(p).max(1e-9).ln()).collect::<Vec<_>>())
        })
        .collect();
    let found = entity::score(&given, &read, text.labels.names(), Mode::Default);
    let summary = |scores: &entity::TypeScores| {
        let is_of = |tag: &String| tag.get(2..) == Some(&scores.name[..]);
        let of_type = |suspect: &&Suspect| suspect.given.iter().chain(&suspect.suggested).any(is_of);
        let ids: Vec<bool> = text.labels.names().iter().map(is_of).collect();
        let with_type = |labels: &&Vec<u8>| labels.iter().any(|&label| ids[usize::from(label)]);
        let sentences = given.iter().filter(with_type).count();
        let recall = (scores.support > 0).then_some(scores.scores.recall);
        TypeSummary {
            name: scores.name.clone(),
            entities: scores.support as u64,
            sentences: sentences as u64,
            suspects: suspects.iter().filter(of_type).count() as u64,
            expected_errors: suspects.iter().filter(of_type).map(|suspect| suspect.probability).sum(),
            found: recall,
            warning: warning(sentences, recall),
        }
    };
    found.per_type.iter().map(summary).collect()
}

fn warning(sentences: usize, found: Option<f64>) -> Option<String> {
    let share = found.filter(|&share| share < FOUND).map(|share| {
        format!(
            "the models find {:.0} % of its entities: they have not learned it, and object to right ones",
            100.0 * share
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
    use super::super::evidence::tests::evidence;
    use super::super::text::tests::text;
    use super::super::{SuspectKind, score};
    use super::*;

    #[test]
    fn what_is_not_learned_or_rare_is_warned_of() {
        assert!(warning(400, Some(0.49)).unwrap().starts_with("the models find 49 % of its entities"));
        let both = warning(3, Some(0.1)).unwrap();
        assert!(both.starts_with("only 3 sentences have it") && both.contains("; the models find 10 %"), "{both}");
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
        let suspects = super::super::suspects(&text, &evidence, &score::score(&text, &evidence));
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
            assert!((of.expected_errors - ours.iter().map(|suspect| suspect.probability).sum::<f64>()).abs() < 1e-12);
            assert!(of.warning.is_some());
        }
    }
}
