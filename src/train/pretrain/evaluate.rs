//! How well masked subwords of held-out sentences are predicted.

use std::collections::BTreeMap;

use super::masking::Masking;
use crate::Result;
use crate::encode::EncodedSentence;
use crate::model::masked::MaskedModel;
use crate::random::Streams;

/// Scores on the masked subwords of held-out sentences.
pub(super) struct HeldOut {
    /// Share predicted right.
    pub accuracy: f64,
    /// Mean cross-entropy, nats.
    pub loss: f64,
    /// Share that always saying the most frequent one would get right.
    pub most_frequent: f64,
}

/// Scores a model; which subwords are masked is the same each time.
pub(super) fn evaluate(
    model: &MaskedModel,
    sentences: &[EncodedSentence],
    masking: &Masking,
    streams: &Streams,
    batch_size: usize,
) -> Result<HeldOut> {
    let (mut correct, mut loss, mut n) = (0usize, 0.0, 0usize);
    let mut frequencies: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, part) in sentences.chunks(batch_size).enumerate() {
        let mut stream = streams.stream("held-out mask", &[number as u64]);
        let (batch, targets) = masking.batch(part.iter(), &mut stream);
        if targets.is_empty() {
            continue;
        }
        let (batch_loss, best) = model.evaluate(&batch, &targets)?;
        loss += batch_loss;
        correct += best.iter().zip(&targets).filter(|(a, b)| a == b).count();
        n += targets.len();
        for target in targets {
            *frequencies.entry(target).or_default() += 1;
        }
    }
    let n = n.max(1) as f64;
    let most_frequent = frequencies.values().copied().max().unwrap_or(0) as f64 / n;
    Ok(HeldOut { accuracy: correct as f64 / n, loss: loss / n, most_frequent })
}
