//! Decoding: the most probable valid tag sequence.

use crate::corpus::LabelSet;
use crate::corpus::scheme::{Prefix, Tag};

/// Finds the best valid IOB2 sequence of labels (Viterbi).
#[derive(Debug, Clone)]
pub struct Decoder {
    n_labels: usize,
    /// For each label the label before it must be one of these; `None` where any may be.
    after: Vec<Option<Vec<usize>>>,
}

impl Decoder {
    /// For the labels of an inventory in IOB2: `I-X` stands behind `B-X` or `I-X` alone.
    pub fn new(labels: &LabelSet) -> Self {
        let tags: Vec<Option<Tag<'_>>> = labels.names().iter().map(|name| Tag::parse(name).unwrap_or(None)).collect();
        let of_type = |name: &str| {
            let same = |tag: &Option<Tag<'_>>| tag.is_some_and(|tag| tag.entity_type == name);
            (0..tags.len()).filter(|&k| same(&tags[k])).collect()
        };
        let after = |tag: &Option<Tag<'_>>| match tag {
            Some(tag) if tag.prefix == Prefix::Inside => Some(of_type(tag.entity_type)),
            _ => None,
        };
        Self { n_labels: tags.len(), after: tags.iter().map(after).collect() }
    }

    /// The label sequence with the highest sum of `weights` (`[tokens, labels]`, log-probabilities, say) among the
    /// valid ones; of several the one with the lowest ids.
    pub fn best(&self, weights: &[f64]) -> Vec<u8> {
        let n = weights.len() / self.n_labels;
        let mut best: Vec<f64> = Vec::new();
        let mut from: Vec<usize> = Vec::with_capacity(weights.len());
        for row in weights.chunks_exact(self.n_labels) {
            let overall = argmax((0..self.n_labels).map(|k| best.get(k).copied().unwrap_or(0.0)));
            let mut next = vec![f64::NEG_INFINITY; self.n_labels];
            for (k, weight) in row.iter().enumerate() {
                let (source, reached) = match &self.after[k] {
                    None if best.is_empty() => (0, 0.0),
                    None => (overall, best[overall]),
                    // Nothing may stand at the beginning that has to follow something.
                    Some(_) if best.is_empty() => (0, f64::NEG_INFINITY),
                    Some(sources) => {
                        let source = sources[argmax(sources.iter().map(|&source| best[source]))];
                        (source, best[source])
                    }
                };
                next[k] = reached + weight;
                from.push(source);
            }
            best = next;
        }
        let mut labels = vec![0; n];
        let mut label = argmax(best.iter().copied());
        for word in (0..n).rev() {
            labels[word] = label as u8;
            label = from[word * self.n_labels + label];
        }
        labels
    }
}

fn argmax(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, value) in values.enumerate() {
        if value > best.1 {
            best = (i, value);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// O, B-A, B-B, I-A.
    fn labels() -> LabelSet {
        LabelSet::new(["B-A", "I-A", "B-B"])
    }

    fn is_valid(sequence: &[u8]) -> bool {
        (0..sequence.len()).all(|i| sequence[i] != 3 || (i > 0 && [1, 3].contains(&sequence[i - 1])))
    }

    proptest! {
        #[test]
        fn no_valid_sequence_is_better(weights in prop::collection::vec(-5.0_f64..0.0, 4 * 4)) {
            let found = Decoder::new(&labels()).best(&weights);
            let weight = |sequence: &[u8]| -> f64 {
                sequence.iter().enumerate().map(|(i, &k)| weights[i * 4 + usize::from(k)]).sum()
            };
            prop_assert!(is_valid(&found));
            for code in 0..256_usize {
                let sequence: Vec<u8> = (0..4).map(|i| ((code >> (2 * i)) & 3) as u8).collect();
                prop_assert!(!is_valid(&sequence) || weight(&sequence) <= weight(&found) + 1e-9);
            }
        }
    }

    #[test]
    fn no_word_has_no_label() {
        assert!(Decoder::new(&labels()).best(&[]).is_empty());
    }
}
