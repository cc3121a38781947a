//! Two taggers on the same sentences: how far apart they are, and how sure that is.
//!
//! Each seed gives a pair, one tagger of either kind, with all else equal. What is reported is the mean over seeds of the
//! pairs' difference, after − before. It is unsure in two ways, which are kept apart:
//!
//! * *over seeds*: other seeds give other taggers. Student's interval of the mean of the pairs' differences;
//! * *over sentences*: other sentences to judge by give other scores. The paired bootstrap (Koehn, EMNLP
//!   2004; Berg-Kirkpatrick et al., EMNLP-CoNLL 2012): sentences are drawn with replacement, the same ones for both taggers of all pairs, counts are
//!   summed, and the mean difference is taken again.
//!
//! By hand, one seed and two sentences with one gold span each: before finds the first span, after finds both. F1 is 2/3
//! before (precision 1, recall 1/2) and 1 after, the difference 1/3. The draws are {1, 1}: 1 − 1 = 0; {1, 2}, twice as
//! often: 1/3; {2, 2}: 1 − 0 = 1. The interval is therefore from 0 to 1.

use serde::{Deserialize, Serialize};

use super::entity::SpanCounts;
use super::{Estimate, Interval, Prf, Replicates};

/// One score, 0 to 1, of two kinds of taggers, and their difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Of the taggers before, over seeds.
    pub before: Estimate,
    /// Of the taggers after, over seeds.
    pub after: Estimate,
    /// After − before of each pair, over seeds; −1 to 1.
    pub difference: Estimate,
    /// 95 % interval of the mean difference over seeds; null with one seed.
    pub over_seeds: Option<Interval>,
    /// 95 % interval of the mean difference over sentences; null without replicates.
    pub over_sentences: Option<Interval>,
}

/// Compares taggers by `measure`, one of the three scores; `None` without a pair.
///
/// `before` and `after` have one vector a seed, in the same order, and one entry a sentence. Where a replicate has neither
/// a gold nor a predicted span, its scores are 0 on both sides, as [`Prf`] has it: intervals of rare types are drawn
/// towards 0.
pub fn paired(
    before: &[Vec<SpanCounts>],
    after: &[Vec<SpanCounts>],
    measure: impl Fn(Prf) -> f64,
    replicates: &Replicates,
) -> Option<Paired> {
    debug_assert_eq!(before.len(), after.len(), "as many taggers after as before");
    let score = |counts: &[SpanCounts], weights: Option<&[u16]>| {
        let mut sum = SpanCounts::default();
        for (i, &sentence) in counts.iter().enumerate() {
            sum.add(sentence, weights.map_or(1, |weights| usize::from(weights[i])));
        }
        measure(sum.scores())
    };
    let scores = |counts: &[Vec<SpanCounts>], weights: Option<&[u16]>| -> Vec<f64> {
        counts.iter().map(|counts| score(counts, weights)).collect()
    };
    let difference = |weights: Option<&[u16]>| -> Vec<f64> {
        scores(after, weights).iter().zip(scores(before, weights)).map(|(after, before)| after - before).collect()
    };
    let estimate = |values: Vec<f64>| Estimate::of(values.into_iter().map(Some));
    let of_pairs = estimate(difference(None))?;
    let drawn = replicates.weights().iter().filter_map(|weights| Some(estimate(difference(Some(weights)))?.mean));
    Some(Paired {
        before: estimate(scores(before, None))?,
        after: estimate(scores(after, None))?,
        difference: of_pairs,
        over_seeds: of_pairs.interval(),
        over_sentences: Interval::of_replicates(drawn.collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    const MISSED: SpanCounts = SpanCounts { common: 0, predicted: 0, gold: 1 };
    const FOUND: SpanCounts = SpanCounts { common: 1, predicted: 1, gold: 1 };

    fn f1(before: &[Vec<SpanCounts>], after: &[Vec<SpanCounts>]) -> Paired {
        let sentences = before[0].len();
        paired(before, after, |scores| scores.f1, &Replicates::draw(sentences, 1000, Streams::new(1))).unwrap()
    }

    #[test]
    fn two_sentences_by_hand() {
        // The module's example.
        let compared = f1(&[vec![FOUND, MISSED]], &[vec![FOUND, FOUND]]);
        assert!((compared.before.mean - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(compared.after.mean, 1.0);
        assert!((compared.difference.mean - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(compared.over_seeds, None);
        assert_eq!(compared.over_sentences, Some(Interval { low: 0.0, high: 1.0 }));
    }

    #[test]
    fn seeds_are_paired() {
        // Recall: 1/2 and 0 before, 1 and 1/2 after. The taggers differ between seeds, the difference does not.
        let before = [vec![FOUND, MISSED], vec![MISSED, MISSED]];
        let after = [vec![FOUND, FOUND], vec![FOUND, MISSED]];
        let replicates = Replicates::draw(2, 100, Streams::new(1));
        let compared = paired(&before, &after, |scores| scores.recall, &replicates).unwrap();
        assert_eq!((compared.before.mean, compared.after.mean, compared.difference.mean), (0.25, 0.75, 0.5));
        assert_eq!(compared.over_seeds, Some(Interval { low: 0.5, high: 0.5 }));
        // Both sentences are worth 1/2 on the mean of the seeds, so that it does not matter which are drawn.
        assert_eq!(compared.over_sentences, Some(Interval { low: 0.5, high: 0.5 }));
    }

    #[test]
    fn the_same_predictions_do_not_differ() {
        let same = [vec![FOUND, MISSED, FOUND], vec![FOUND, FOUND, MISSED]];
        let compared = f1(&same, &same);
        assert_eq!(compared.difference.mean, 0.0);
        assert_eq!(compared.over_seeds, Some(Interval { low: 0.0, high: 0.0 }));
        assert_eq!(compared.over_sentences, Some(Interval { low: 0.0, high: 0.0 }));
    }

    #[test]
    fn nothing_to_compare_is_nothing() {
        assert_eq!(paired(&[], &[], |scores| scores.f1, &Replicates::draw(2, 10, Streams::new(1))), None);
    }
}
