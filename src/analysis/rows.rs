//! Observations and the rows of the token table that they belong to.

use crate::dynamics::{Observations, TokenTable};

/// The token row of each observation. Both are sorted and the reader has checked that each observation has one.
pub(crate) fn rows_of(tokens: &TokenTable, observations: &Observations) -> Vec<usize> {
    let mut rows = Vec::with_capacity(observations.len());
    let mut at = 0;
    for (&sentence, &token) in observations.sentence.iter().zip(&observations.token) {
        while at < tokens.len() && (tokens.sentence[at], tokens.token[at]) < (sentence, token) {
            at += 1;
        }
        rows.push(at);
    }
    rows
}

/// Given and predicted labels, one vector a sentence; the i-th observation is row `rows[i]` of the token table.
pub(super) fn by_sentence(
    tokens: &TokenTable,
    observations: &Observations,
    rows: &[usize],
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut given, mut predicted) = (Vec::<Vec<u8>>::new(), Vec::<Vec<u8>>::new());
    let mut sentence = None;
    for (i, &row) in rows.iter().enumerate() {
        if sentence != Some(tokens.sentence[row]) {
            sentence = Some(tokens.sentence[row]);
            given.push(Vec::new());
            predicted.push(Vec::new());
        }
        if let (Some(given), Some(predicted)) = (given.last_mut(), predicted.last_mut()) {
            given.push(tokens.given[row]);
            predicted.push(observations.predicted[i]);
        }
    }
    (given, predicted)
}
