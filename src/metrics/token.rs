//! Scores of single tokens, the unit that is labelled and logged.

/// Share of tokens whose predicted label is the gold one, 0 to 1; `None` without a token.
///
/// Gold `0 1 2 0`, predicted `0 1 0 0`: 3 of 4, 0.75.
///
/// ```
/// assert_eq!(memoscope::metrics::token::accuracy(&[vec![0, 1], vec![2, 0]], &[vec![0, 1], vec![0, 0]]), Some(0.75));
/// ```
pub fn accuracy(gold: &[Vec<u8>], predicted: &[Vec<u8>]) -> Option<f64> {
    let (n_right, n_tokens) = pairs(gold, predicted)
        .fold((0_usize, 0_usize), |(right, all), (gold, predicted)| (right + usize::from(gold == predicted), all + 1));
    (n_tokens > 0).then(|| n_right as f64 / n_tokens as f64)
}

/// The tokens of both sides, word by word; both must have the same shape.
fn pairs<'a>(gold: &'a [Vec<u8>], predicted: &'a [Vec<u8>]) -> impl Iterator<Item = (u8, u8)> + 'a {
    debug_assert_eq!(gold.len(), predicted.len(), "as many predicted sentences as gold ones");
    gold.iter().zip(predicted).flat_map(|(gold, predicted)| {
        debug_assert_eq!(gold.len(), predicted.len(), "as many predicted labels as gold ones");
        gold.iter().copied().zip(predicted.iter().copied())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_of_nothing_is_unknown() {
        assert_eq!(accuracy(&[], &[]), None);
        assert_eq!(accuracy(&[vec![]], &[vec![]]), None);
    }
}
