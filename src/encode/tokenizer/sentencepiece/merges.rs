//! The merges of a SentencePiece model of type BPE, which keeps subwords and scores alone.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::proto::Subword;

/// Every way to make a subword of two others, the best subword first (transformers' `generate_merges`): by score, then
/// by the length of the left part, then of the right one; what is left by the order of the vocabulary.
pub fn merges(subwords: &[Subword]) -> Vec<(String, String)> {
    let ids: HashMap<&str, usize> =
        subwords.iter().enumerate().map(|(id, subword)| (subword.text.as_str(), id)).collect();
    let mut merges = Vec::new();
    for subword in subwords {
        let splits = subword.text.char_indices().skip(1).map(|(at, _)| subword.text.split_at(at));
        let mut parts: Vec<_> =
            splits.filter_map(|(left, right)| Some(((*ids.get(left)?, *ids.get(right)?), left, right))).collect();
        parts.sort_by_key(|(ids, ..)| *ids);
        merges.extend(parts.into_iter().map(|(_, left, right)| (subword.score, left, right)));
    }
    let length = |text: &str| text.chars().count();
    merges.sort_by(|a, b| {
        let scores = b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
        scores.then_with(|| (length(b.1), length(b.2)).cmp(&(length(a.1), length(a.2))))
    });
    merges.into_iter().map(|(_, left, right)| (left.to_owned(), right.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::proto::Kind;
    use super::*;

    #[test]
    fn all_splits_of_a_subword_come_in_transformers_order() {
        // By hand: abc (−1) is ab+c (left part of two characters) and a+bc; then bc (−2); then ab (−3).
        let subword = |(text, score): (&str, f32)| Subword { text: text.into(), score, kind: Kind::Text };
        let subwords = [("a", -9.0), ("b", -9.0), ("c", -9.0), ("ab", -3.0), ("bc", -2.0), ("abc", -1.0)].map(subword);
        let expected = [("ab", "c"), ("a", "bc"), ("b", "c"), ("a", "b")].map(|(l, r)| (l.to_owned(), r.to_owned()));
        assert_eq!(merges(&subwords), expected);
    }
}
