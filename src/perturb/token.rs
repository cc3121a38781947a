//! Noise on single tokens: uniform, other-label and matrix.
//!
//! Each procedure walks over all tokens in order and draws the same numbers for each, whatever the rate, so that the
//! noise of a lower rate is contained in that of a higher one.

use rand::Rng;
use rand::seq::SliceRandom;

use crate::Result;
use crate::corpus::{Given, Gold, LabelSet, Labels};
use crate::random::Streams;

use super::{NoiseKind, PerturbSettings, refusal};

/// Each token with probability `rate`: a label drawn uniformly from all `n_labels`, the gold one included.
pub(super) fn uniform(gold: &[Labels<Gold>], n_labels: usize, rate: f64, streams: &Streams) -> Vec<Labels<Given>> {
    let mut generator = streams.stream("noise/uniform", &[]);
    map_words(gold, |_, label| {
        let (chance, drawn) = (generator.r#gen::<f64>(), generator.gen_range(0..n_labels) as u8);
        if chance < rate { drawn } else { label }
    })
}

/// Exactly ⌊`rate`·n⌋ tokens: a label drawn uniformly from the others.
pub(super) fn other_label(gold: &[Labels<Gold>], n_labels: usize, rate: f64, streams: &Streams) -> Vec<Labels<Given>> {
    if n_labels < 2 {
        return gold.iter().cloned().map(Labels::into_given).collect();
    }
    let n_words = gold.iter().map(|labels| labels.len()).sum();
    let mut order: Vec<usize> = (0..n_words).collect();
    order.shuffle(&mut streams.stream("noise/other-label/order", &[]));
    let mut chosen = vec![false; n_words];
    for &word in &order[..exact_count(rate, n_words)] {
        chosen[word] = true;
    }
    let mut generator = streams.stream("noise/other-label/label", &[]);
    map_words(gold, |word, label| {
        // A step of 1 to K − 1 around the circle of labels reaches each other label with the same probability.
        let step = generator.gen_range(1..n_labels);
        if chosen[word] { ((usize::from(label) + step) % n_labels) as u8 } else { label }
    })
}

/// ⌊`rate`·n⌋ as meant in decimals: 0.29 · 100 is 29 tokens, although the product of the floating-point numbers is
/// 28.999999999999996.
fn exact_count(rate: f64, n_words: usize) -> usize {
    ((rate * n_words as f64 * (1.0 + 4.0 * f64::EPSILON)).floor() as usize).min(n_words)
}

/// Each token: a label drawn from its row of (1 − rate)·I + rate·M.
pub(super) fn matrix(gold: &[Labels<Gold>], matrix: &Matrix, rate: f64, streams: &Streams) -> Vec<Labels<Given>> {
    let mut generator = streams.stream("noise/matrix", &[]);
    map_words(gold, |_, label| {
        let (chance, position) = (generator.r#gen::<f64>(), generator.r#gen::<f64>());
        if chance < rate { matrix.draw(label, position) } else { label }
    })
}

fn map_words(gold: &[Labels<Gold>], mut given: impl FnMut(usize, u8) -> u8) -> Vec<Labels<Given>> {
    let mut word = 0;
    let mut next = |label: &u8| {
        word += 1;
        given(word - 1, *label)
    };
    gold.iter().map(|sentence| sentence.iter().map(&mut next).collect()).collect()
}

/// A transition matrix over a label inventory, row by row as (label, cumulative probability). A label without a row
/// stays as it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Matrix {
    rows: Vec<Vec<(u8, f64)>>,
}

impl Matrix {
    /// The checked matrix of the settings; empty if the procedure uses none.
    pub(super) fn new(settings: &PerturbSettings, labels: &LabelSet) -> Result<Self> {
        let (NoiseKind::Matrix, Some(table)) = (settings.kind, &settings.matrix) else { return Ok(Self::default()) };
        let id = |tag: &str| {
            labels.id(tag).ok_or_else(|| {
                let hint = format!("the corpus has {}", labels.names().join(", "));
                refusal("perturb.matrix", format!("names `{tag}`, which the corpus does not have"), hint)
            })
        };
        let mut rows = vec![Vec::new(); labels.len()];
        for (from, row) in table {
            let mut sum = 0.0;
            let mut cumulative = Vec::new();
            for (to, &probability) in row {
                if !(0.0..=1.0).contains(&probability) {
                    let what = format!("has {probability} from `{from}` to `{to}`, which is no probability");
                    return Err(refusal("perturb.matrix", what, "give each entry a value between 0 and 1"));
                }
                sum += probability;
                cumulative.push((id(to)?, sum));
            }
            if (sum - 1.0).abs() > 1e-6 {
                let what = format!("has a row `{from}` that sums to {sum}");
                return Err(refusal(
                    "perturb.matrix",
                    what,
                    "make each row sum to 1; name the share that stays right too",
                ));
            }
            rows[usize::from(id(from)?)] = cumulative;
        }
        Ok(Self { rows })
    }

    /// The label at `position`, 0 to 1, of the cumulative row.
    fn draw(&self, label: u8, position: f64) -> u8 {
        let row = self.rows.get(usize::from(label)).map_or(&[][..], Vec::as_slice);
        let hit = row.iter().find(|(_, cumulative)| position < *cumulative).or(row.last());
        hit.map_or(label, |(to, _)| *to)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn gold(n_sentences: usize, length: usize, n_labels: usize) -> Vec<Labels<Gold>> {
        (0..n_sentences).map(|s| (0..length).map(|w| ((s * 7 + w * 3) % n_labels) as u8).collect()).collect()
    }

    fn n_different(a: &[Labels<Gold>], b: &[Labels<Given>]) -> usize {
        a.iter().flatten().zip(b.iter().flatten()).filter(|(a, b)| a != b).count()
    }

    /// Every token that `lower` changed is changed the same way by `higher`.
    fn is_nested(gold: &[Labels<Gold>], lower: &[Labels<Given>], higher: &[Labels<Given>]) -> bool {
        let words = gold.iter().flatten().zip(lower.iter().flatten()).zip(higher.iter().flatten());
        words.into_iter().all(|((gold, lower), higher)| lower == gold || lower == higher)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn uniform_noise_hits_a_share_of_p_times_k_minus_1_over_k(
            rate in 0.0_f64..=1.0, n_labels in 2_usize..14, seed in any::<u64>()
        ) {
            let gold = gold(200, 50, n_labels);
            let given = uniform(&gold, n_labels, rate, &Streams::new(seed));
            let (n, k) = (10_000.0, n_labels as f64);
            let expected = rate * (k - 1.0) / k;
            let deviation = (n * expected * (1.0 - expected)).sqrt();
            // Five standard deviations: less than one false alarm in a million cases.
            prop_assert!((n_different(&gold, &given) as f64 - n * expected).abs() <= 5.0 * deviation + 1e-9);
        }

        #[test]
        fn other_label_noise_hits_exactly_its_share(
            percent in 0_usize..=100, n_sentences in 0_usize..40, length in 1_usize..9, seed in any::<u64>()
        ) {
            let gold = gold(n_sentences, length, 5);
            let given = other_label(&gold, 5, percent as f64 / 100.0, &Streams::new(seed));
            prop_assert_eq!(n_different(&gold, &given), percent * n_sentences * length / 100);
        }

        #[test]
        fn the_noise_of_a_lower_rate_is_contained_in_that_of_a_higher_one(
            a in 0.0_f64..=1.0, b in 0.0_f64..=1.0, seed in any::<u64>()
        ) {
            let (low, high) = (a.min(b), a.max(b));
            let gold = gold(20, 10, 5);
            let streams = Streams::new(seed);
            let mixing = mixing_matrix();
            prop_assert!(is_nested(&gold, &other_label(&gold, 5, low, &streams), &other_label(&gold, 5, high, &streams)));
            prop_assert!(is_nested(&gold, &uniform(&gold, 5, low, &streams), &uniform(&gold, 5, high, &streams)));
            prop_assert!(is_nested(&gold, &matrix(&gold, &mixing, low, &streams), &matrix(&gold, &mixing, high, &streams)));
        }
    }

    fn mixing_matrix() -> Matrix {
        let row = |entries: &[(&str, f64)]| entries.iter().map(|&(tag, p)| (tag.to_owned(), p)).collect();
        let table = BTreeMap::from([
            ("B-LOC".to_owned(), row(&[("B-ORG", 0.75), ("B-LOC", 0.25)])),
            ("O".to_owned(), row(&[("O", 1.0)])),
        ]);
        let settings = PerturbSettings { kind: NoiseKind::Matrix, rate: 1.0, matrix: Some(table), cap: None };
        Matrix::new(&settings, &LabelSet::new(["B-LOC", "B-ORG", "I-LOC", "I-ORG"])).unwrap()
    }

    #[test]
    fn a_matrix_moves_labels_with_its_probabilities() {
        // Ids: O 0, B-LOC 1, B-ORG 2, I-LOC 3, I-ORG 4; only B-LOC has somewhere to go.
        let gold = vec![Labels::from(vec![0, 1, 2, 3, 4]); 4000];
        let given = matrix(&gold, &mixing_matrix(), 1.0, &Streams::new(3));
        let moved = given.iter().filter(|sentence| sentence[1] == 2).count() as f64;
        assert!((moved - 3000.0).abs() < 5.0 * (4000.0 * 0.75 * 0.25_f64).sqrt());
        assert!(given.iter().all(|s| s[0] == 0 && s[2..] == [2, 3, 4] && (s[1] == 1 || s[1] == 2)));
    }

    #[test]
    fn uniform_noise_reaches_every_label_evenly() {
        let gold = vec![Labels::from(vec![0; 100]); 90];
        let given = uniform(&gold, 9, 1.0, &Streams::new(5));
        for label in 0..9 {
            let n = given.iter().flatten().filter(|&&l| l == label).count() as f64;
            assert!((n - 1000.0).abs() < 5.0 * (9000.0 * (1.0 / 9.0) * (8.0 / 9.0_f64)).sqrt(), "label {label}: {n}");
        }
    }

    #[test]
    fn decimal_rates_are_meant_as_written() {
        assert_eq!(exact_count(0.29, 100), 29);
        assert_eq!(exact_count(0.3, 10), 3);
        assert_eq!(exact_count(1.0, 7), 7);
        assert_eq!(exact_count(0.999, 10), 9);
    }
}
