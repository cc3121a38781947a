//! Entity scores: precision, recall and F1 of spans, equal to seqeval's.
//!
//! An entity counts as found if a predicted span has the same first token, last token and type. With, for one type, `c`
//! spans in common, `p` predicted and `g` gold:
//!
//! precision = c / p, recall = c / g, F1 = 2·P·R / (P + R).
//!
//! *Micro* sums the counts over the types first; *macro* is the mean of the types' scores; *weighted* is their mean
//! weighted by `g`. The types are those of the gold or predicted spans, so a type the model invents lowers the macro
//! mean and a type that occurs nowhere does not. See [`SpanMode`](crate::corpus::SpanMode) for the two readings of
//! invalid sequences.
//!
//! By hand: gold `O O O B-MISC I-MISC I-MISC O` and `B-PER I-PER O`, predicted `O O B-MISC I-MISC I-MISC I-MISC O` and
//! `B-PER I-PER O`. The first entity starts a token early and is wrong, the second is right: micro and macro F1 are
//! 0.5.
//!
//! ```
//! use memoscope::metrics::entity::{score, Mode};
//! let labels: Vec<String> = ["O", "B-MISC", "B-PER", "I-MISC", "I-PER"].map(String::from).to_vec();
//! let gold = [vec![0, 0, 0, 1, 3, 3, 0], vec![2, 4, 0]];
//! let predicted = [vec![0, 0, 1, 3, 3, 3, 0], vec![2, 4, 0]];
//! let scores = score(&gold, &predicted, &labels, Mode::Default);
//! assert_eq!((scores.micro.f1, scores.macro_.f1), (0.5, 0.5));
//! ```

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

pub use crate::corpus::SpanMode as Mode;
use crate::corpus::{Span, SpanReader};

use super::{Prf, ratio};

/// The scores of one set of predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityScores {
    /// Over all spans alike.
    pub micro: Prf,
    /// Mean of the types' scores; 0 without any span (seqeval gives NaN there).
    #[serde(rename = "macro")]
    pub macro_: Prf,
    /// Mean of the types' scores, weighted by their support; 0 without a gold span.
    pub weighted: Prf,
    /// Each type that occurs in gold or predicted spans, sorted by name.
    pub per_type: Vec<TypeScores>,
    /// Gold spans.
    pub support: usize,
}

/// The scores of one entity type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeScores {
    /// The type, without prefix.
    pub name: String,
    /// Precision, recall and F1 of its spans.
    pub scores: Prf,
    /// Its predicted spans.
    pub predicted: usize,
    /// Its gold spans.
    pub support: usize,
}

impl EntityScores {
    /// The scores of one type; `None` if it occurs in neither gold nor predicted spans.
    pub fn of(&self, name: &str) -> Option<Prf> {
        self.per_type.iter().find(|entry| entry.name == name).map(|entry| entry.scores)
    }
}

/// Spans in common, predicted and gold: of one type or of all, in one sentence or in many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanCounts {
    /// Predicted spans that are gold ones.
    pub common: usize,
    /// Predicted spans.
    pub predicted: usize,
    /// Gold spans.
    pub gold: usize,
}

impl SpanCounts {
    /// The scores of these spans.
    pub fn scores(self) -> Prf {
        Prf::from_counts(self.common, self.predicted, self.gold)
    }

    /// Adds the spans of a sentence `times` over.
    pub fn add(&mut self, sentence: Self, times: usize) {
        self.common += times * sentence.common;
        self.predicted += times * sentence.predicted;
        self.gold += times * sentence.gold;
    }
}

/// Scores predicted label ids against gold ones.
///
/// `gold` and `predicted` have one label sequence a sentence and one id a token, in the same shape; `labels` names the
/// ids. Ids outside of `labels` count as `O`. Linear in the number of tokens.
pub fn score(gold: &[impl AsRef<[u8]>], predicted: &[impl AsRef<[u8]>], labels: &[String], mode: Mode) -> EntityScores {
    debug_assert_eq!(gold.len(), predicted.len(), "as many predicted sentences as gold ones");
    let reader = SpanReader::new(labels);
    let mut counts = vec![SpanCounts::default(); reader.types().len()];
    let (mut gold_spans, mut predicted_spans) = (Vec::new(), Vec::new());
    for (gold, predicted) in gold.iter().zip(predicted) {
        let (gold, predicted) = (gold.as_ref(), predicted.as_ref());
        debug_assert_eq!(gold.len(), predicted.len(), "as many predicted labels as gold ones");
        reader.read_into(gold, mode, &mut gold_spans);
        reader.read_into(predicted, mode, &mut predicted_spans);
        count(&gold_spans, &predicted_spans, &mut counts);
    }
    summarise(reader.types(), &counts)
}

/// The spans of each sentence by itself, of all types or of type `of`: counts add up over sentences where scores do
/// not.
///
/// The arguments are those of [`score`]. A type that is not in the inventory has no spans.
pub fn sentence_counts<G: AsRef<[u8]>, P: AsRef<[u8]>>(
    gold: &[G],
    predicted: &[P],
    labels: &[String],
    mode: Mode,
    of: Option<&str>,
) -> Vec<SpanCounts> {
    debug_assert_eq!(gold.len(), predicted.len(), "as many predicted sentences as gold ones");
    let reader = SpanReader::new(labels);
    let sentence = |(gold, predicted): (&G, &P)| {
        let mut counts = vec![SpanCounts::default(); reader.types().len()];
        count(&reader.spans(gold.as_ref(), mode), &reader.spans(predicted.as_ref(), mode), &mut counts);
        let mut sum = SpanCounts::default();
        let wanted = reader.types().iter().zip(counts).filter(|(name, _)| of.is_none_or(|of| of == *name));
        wanted.for_each(|(_, counts)| sum.add(counts, 1));
        sum
    };
    gold.iter().zip(predicted).map(sentence).collect()
}

/// Adds one sentence. Spans come ordered by their end, and no two of one side end at the same token, so one walk along
/// both sides meets every pair that could be equal.
fn count(gold: &[Span], predicted: &[Span], counts: &mut [SpanCounts]) {
    for span in gold {
        counts[usize::from(span.entity_type)].gold += 1;
    }
    for span in predicted {
        counts[usize::from(span.entity_type)].predicted += 1;
    }
    let (mut gold, mut predicted) = (gold.iter().peekable(), predicted.iter().peekable());
    while let (Some(g), Some(p)) = (gold.peek(), predicted.peek()) {
        match g.end.cmp(&p.end) {
            Ordering::Less => _ = gold.next(),
            Ordering::Greater => _ = predicted.next(),
            Ordering::Equal => {
                if g == p {
                    counts[usize::from(g.entity_type)].common += 1;
                }
                gold.next();
                predicted.next();
            }
        }
    }
}

fn summarise(types: &[String], counts: &[SpanCounts]) -> EntityScores {
    let mut total = SpanCounts::default();
    let mut per_type = Vec::new();
    let (mut macro_, mut weighted) = (Prf::default(), Prf::default());
    for (name, counts) in types.iter().zip(counts).filter(|(_, counts)| counts.gold + counts.predicted > 0) {
        total.add(*counts, 1);
        let scores = counts.scores();
        add(&mut macro_, scores, 1.0);
        add(&mut weighted, scores, counts.gold as f64);
        per_type.push(TypeScores { name: name.clone(), scores, predicted: counts.predicted, support: counts.gold });
    }
    EntityScores {
        micro: total.scores(),
        macro_: divided(macro_, per_type.len() as f64),
        weighted: divided(weighted, total.gold as f64),
        per_type,
        support: total.gold,
    }
}

fn add(sum: &mut Prf, scores: Prf, weight: f64) {
    sum.precision += weight * scores.precision;
    sum.recall += weight * scores.recall;
    sum.f1 += weight * scores.f1;
}

fn divided(sum: Prf, by: f64) -> Prf {
    Prf { precision: ratio(sum.precision, by), recall: ratio(sum.recall, by), f1: ratio(sum.f1, by) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        ["O", "B-LOC", "B-PER", "I-LOC", "I-PER"].map(String::from).to_vec()
    }

    #[test]
    fn nothing_to_find_and_nothing_found_scores_zero() {
        let scores = score(&[vec![0, 0]], &[vec![0, 0]], &labels(), Mode::Default);
        assert_eq!(scores.micro, Prf::default());
        assert_eq!(scores.macro_, Prf::default());
        assert!(scores.per_type.is_empty());
    }

    #[test]
    fn an_invented_type_lowers_the_macro_mean() {
        // Gold: one PER, found. Predicted: a LOC too. PER scores 1, LOC 0.
        let scores = score(&[vec![2, 0]], &[vec![2, 1]], &labels(), Mode::Default);
        assert_eq!(scores.macro_.f1, 0.5);
        assert_eq!(scores.micro.precision, 0.5);
        assert_eq!(scores.weighted.f1, 1.0);
        assert_eq!(scores.of("LOC").map(|s| s.f1), Some(0.0));
    }

    #[test]
    fn the_modes_differ_on_an_unopened_span() {
        let (gold, predicted) = ([vec![0, 2, 4]], [vec![0, 4, 4]]);
        assert_eq!(score(&gold, &predicted, &labels(), Mode::Default).micro.f1, 1.0);
        assert_eq!(score(&gold, &predicted, &labels(), Mode::Strict).micro.f1, 0.0);
    }

    #[test]
    fn sentences_are_counted_by_themselves() {
        // A PER found and a LOC invented; a LOC missed.
        let (gold, predicted) = ([vec![2, 0], vec![1, 3]], [vec![2, 1], vec![0, 0]]);
        let counts = |of| sentence_counts(&gold, &predicted, &labels(), Mode::Default, of);
        let spans = |common, predicted, gold| SpanCounts { common, predicted, gold };
        assert_eq!(counts(None), [spans(1, 2, 1), spans(0, 0, 1)]);
        assert_eq!(counts(Some("LOC")), [spans(0, 1, 0), spans(0, 0, 1)]);
        assert_eq!(counts(Some("MISC")), [SpanCounts::default(); 2]);
    }
}
