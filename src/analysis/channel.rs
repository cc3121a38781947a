//! The label channel: which labels annotators give in place of which, estimated without gold labels.
//!
//! A model that has not seen a token says p(k), the probability of each label k. Whoever annotated it wrote the true
//! label k as j with probability T(k, j). What is written, j, then speaks for each k with
//!
//! ```text
//! P(true = k | text, given = j)  =  q(k) · T(k, j)  /  Σ_l q(l) · T(l, j),     q(k) ∝ p(k)^β · e^b(k)
//! ```
//!
//! T is unknown. It is estimated from the given labels alone, by expectation maximisation: the posterior above, summed
//! over the tokens, gives T, and T the posterior, and so on (Dempster, Laird and Rubin 1977; Dawid and Skene 1979 for
//! annotators). One pseudo-token in every cell off the diagonal (Laplace's rule) keeps what was never seen possible. As
//! it is a *count*, mistaking a rare label is held to be likelier than mistaking a frequent one, which is what makes
//! the ranking fair to rare labels.
//!
//! **Which noise is it?** A model trained on the noisy labels has taken up some of the noise: of tokens that are `O`,
//! one in ten of which was mislabelled at random, it says `O` with p = 0.9. With β > 1 it is taken to be surer than it
//! says, and T explains the rest; with β = 1, at its word. β is the one of [`SHARPNESS`] under which the given labels
//! are likeliest, which is no choice by hand: the likelihood of held-out labels is a proper score. Natural errors,
//! which follow no channel, give β = 1 and a T near the identity; labels flipped at random give a larger β and a T that
//! says how often; distant supervision a T that says which types are missed.
//!
//! **A weak model is not a careless annotator.** A model that has not learned a rare label gives it too little
//! everywhere, and a channel could explain that as well: the label would be what another one is mistaken for. Two
//! things keep them apart. The intercepts b make the model expect each label as often as it is given (the
//! maximum-likelihood fit of an intercept, found by iterative scaling) before the channel is estimated. And annotators
//! are taken to be right more often than not: T(k, k) is at least a half.
//!
//! Confident learning ([`super::confident`], arXiv 1911.00068) estimates the same table by counting confident
//! disagreements; where the model is weak, it takes the model's mistakes for the annotators'.

use rayon::prelude::*;

/// The exponents that are tried.
pub const SHARPNESS: [f64; 5] = [1.0, 1.25, 1.5, 2.0, 3.0];

/// Pseudo-tokens in each cell off the diagonal.
const PSEUDO_TOKENS: f64 = 1.0;
/// Share of tokens taken to be mislabelled before the first step.
const FIRST_GUESS: f64 = 0.02;
/// Annotators are right at least this often, whatever the label.
const LEAST_RIGHT: f64 = 0.5;
/// Rounds of iterative scaling for the intercepts.
const SCALING: usize = 15;
/// Steps at most; it mostly takes a dozen.
const STEPS: usize = 60;
/// Largest change of a rate at which the steps end.
const TOLERANCE: f64 = 1e-6;
/// What the model holds to be impossible may still be: 32-bit probabilities underflow.
const LEAST: f64 = 1e-9;

/// The estimated channel.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelChannel {
    n_labels: usize,
    /// P(given = j | true = k) at `k * n_labels + j`; rows sum to 1.
    rates: Vec<f64>,
    /// e^b for each label.
    scales: Vec<f64>,
    sharpness: f64,
    log_likelihood: f64,
}

impl LabelChannel {
    /// Estimates the channel from `probabilities` (`[tokens, labels]`, row by row) and the given labels.
    ///
    /// # Panics
    /// In debug builds, if the two have different numbers of tokens.
    pub fn estimate(probabilities: &[f32], given: &[u8], n_labels: usize) -> Self {
        debug_assert_eq!(probabilities.len(), given.len() * n_labels, "one row a token");
        let fit = |sharpness| Self::fit(probabilities, given, n_labels, sharpness);
        let fits: Vec<Self> = SHARPNESS.into_par_iter().map(fit).collect();
        let best =
            fits.into_iter().reduce(|best, fit| if fit.log_likelihood > best.log_likelihood { fit } else { best });
        best.unwrap_or_else(|| Self::first_guess(n_labels, 1.0))
    }

    fn first_guess(n_labels: usize, sharpness: f64) -> Self {
        let other = FIRST_GUESS / (n_labels.max(2) - 1) as f64;
        let rate = |cell: usize| if cell / n_labels == cell % n_labels { 1.0 - FIRST_GUESS } else { other };
        let rates = (0..n_labels * n_labels).map(rate).collect();
        let scales = vec![1.0; n_labels];
        Self { n_labels, rates, scales, sharpness, log_likelihood: f64::NEG_INFINITY }
    }

    fn fit(probabilities: &[f32], given: &[u8], n_labels: usize, sharpness: f64) -> Self {
        let mut channel = Self::first_guess(n_labels, sharpness);
        if given.is_empty() {
            return channel;
        }
        let mut sharp = sharpened(probabilities, n_labels, sharpness);
        channel.scales = scales(&sharp, given, n_labels);
        scale(&mut sharp, &channel.scales);
        let mut posterior = vec![0.0; n_labels];
        for _ in 0..STEPS {
            let mut counts = vec![PSEUDO_TOKENS; n_labels * n_labels];
            for k in 0..n_labels {
                counts[k * n_labels + k] = 0.0;
            }
            let mut log_likelihood = 0.0;
            for (row, &label) in sharp.chunks_exact(n_labels).zip(given) {
                log_likelihood += channel.weigh(row, label, &mut posterior).ln();
                for (k, p) in posterior.iter().enumerate() {
                    counts[k * n_labels + usize::from(label)] += p;
                }
            }
            channel.log_likelihood = log_likelihood;
            let mut change: f64 = 0.0;
            let rows = counts.chunks_exact(n_labels).zip(channel.rates.chunks_exact_mut(n_labels));
            for (k, (row, rates)) in rows.enumerate() {
                let wrong: f64 = row.iter().sum::<f64>() - row[k];
                // The share of the diagonal is the estimate, or the least one; the others share the rest.
                let right = (row[k] / (row[k] + wrong).max(f64::MIN_POSITIVE)).max(LEAST_RIGHT);
                for (j, (count, rate)) in row.iter().zip(rates).enumerate() {
                    let estimate = if j == k { right } else { (1.0 - right) * count / wrong.max(f64::MIN_POSITIVE) };
                    change = change.max((estimate - *rate).abs());
                    *rate = estimate;
                }
            }
            if change < TOLERANCE {
                break;
            }
        }
        channel
    }

    /// Puts the posterior of a sharpened row into `out`; returns the likelihood of the given label.
    fn weigh(&self, sharp: &[f64], given: u8, out: &mut [f64]) -> f64 {
        let mut total = 0.0;
        for (k, (p, posterior)) in sharp.iter().zip(out.iter_mut()).enumerate() {
            *posterior = p * self.rates[k * self.n_labels + usize::from(given)];
            total += *posterior;
        }
        let total = total.max(f64::MIN_POSITIVE);
        out.iter_mut().for_each(|posterior| *posterior /= total);
        total
    }

    /// q for one token, of whom the model says `probabilities`: sharpened and scaled; sums to 1.
    pub fn adjusted(&self, probabilities: &[f32]) -> Vec<f64> {
        let mut row = sharpened(probabilities, self.n_labels, self.sharpness);
        scale(&mut row, &self.scales);
        row
    }

    /// P(true = k | text, given) for one token, of whom the model says `probabilities`; sums to 1.
    pub fn posterior(&self, probabilities: &[f32], given: u8) -> Vec<f64> {
        let mut out = vec![0.0; self.n_labels];
        self.weigh(&self.adjusted(probabilities), given, &mut out);
        out
    }

    /// P(given = j | true = k), 0 to 1.
    pub fn rate(&self, true_label: u8, given: u8) -> f64 {
        self.rates[usize::from(true_label) * self.n_labels + usize::from(given)]
    }

    /// Log-likelihood of the given labels, nats: the higher, the better model and channel account for them.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// β: how much surer the model is taken to be than it says, at least 1.
    pub fn sharpness(&self) -> f64 {
        self.sharpness
    }
}

/// The scales under which each label is expected as often as it is given, half a token more for all.
fn scales(sharp: &[f64], given: &[u8], n_labels: usize) -> Vec<f64> {
    let mut wanted = vec![0.5; n_labels];
    given.iter().for_each(|&label| wanted[usize::from(label)] += 1.0);
    let mut scales = vec![1.0; n_labels];
    for _ in 0..SCALING {
        let mut expected = vec![0.5; n_labels];
        for row in sharp.chunks_exact(n_labels) {
            let total: f64 = row.iter().zip(&scales).map(|(p, scale)| p * scale).sum();
            for ((sum, p), scale) in expected.iter_mut().zip(row).zip(&scales) {
                *sum += p * scale / total;
            }
        }
        for ((scale, wanted), expected) in scales.iter_mut().zip(&wanted).zip(&expected) {
            *scale *= wanted / expected;
        }
    }
    scales
}

/// Multiplies each row by the scales, and by what makes it sum to 1.
fn scale(rows: &mut [f64], scales: &[f64]) {
    for row in rows.chunks_exact_mut(scales.len()) {
        row.iter_mut().zip(scales).for_each(|(p, scale)| *p *= scale);
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= total);
    }
}

/// p^β, each row scaled to sum to 1.
fn sharpened(probabilities: &[f32], n_labels: usize, sharpness: f64) -> Vec<f64> {
    let mut sharp: Vec<f64> = match sharpness {
        1.0 => probabilities.iter().map(|&p| f64::from(p).max(LEAST)).collect(),
        _ => probabilities.iter().map(|&p| f64::from(p).max(LEAST).powf(sharpness)).collect(),
    };
    for row in sharp.chunks_exact_mut(n_labels) {
        let total: f64 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= total);
    }
    sharp
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::random::Streams;

    /// Tokens whose true labels a model knows with `confidence`, labels exchanged by `rates[true][given]`.
    fn simulate(rates: &[[f64; 3]; 3], confidence: f32) -> (Vec<f32>, Vec<u8>, Vec<u8>) {
        let mut generator = Streams::new(1).stream("channel", &[]);
        let (mut probabilities, mut given, mut gold) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..6000 {
            let truth = [0, 0, 0, 1, 2][i % 5];
            let draw: f64 = generator.r#gen();
            let mut label = 0;
            let mut sum = rates[truth][0];
            while sum < draw && label < 2 {
                label += 1;
                sum += rates[truth][label];
            }
            let row = (0..3).map(|k| if k == truth { confidence } else { (1.0 - confidence) / 2.0 });
            probabilities.extend(row);
            given.push(label as u8);
            gold.push(truth as u8);
        }
        (probabilities, given, gold)
    }

    #[test]
    fn a_known_channel_is_found_again() {
        let rates = [[0.98, 0.01, 0.01], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]];
        let (probabilities, given, _) = simulate(&rates, 0.999);
        let channel = LabelChannel::estimate(&probabilities, &given, 3);
        for (k, row) in rates.iter().enumerate() {
            for (j, rate) in row.iter().enumerate() {
                let found = channel.rate(k as u8, j as u8);
                // Three standard deviations of a share among the 1,200 tokens of a rare label.
                assert!((found - rate).abs() < 0.035, "{k} given as {j}: {found} instead of {rate}");
            }
        }
    }

    #[test]
    fn clean_labels_give_the_identity_and_random_flips_a_sharper_model() {
        let clean = simulate(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 0.98);
        let channel = LabelChannel::estimate(&clean.0, &clean.1, 3);
        assert!((0..3).all(|k| channel.rate(k, k) > 0.99));
        // A model that was trained on labels of which a fifth was flipped says so of every token.
        let noisy = simulate(&[[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], 0.8);
        let channel = LabelChannel::estimate(&noisy.0, &noisy.1, 3);
        assert!(channel.sharpness() > 1.0);
        assert!((0.7..0.9).contains(&channel.rate(0, 0)), "{}", channel.rate(0, 0));
    }

    #[test]
    fn a_posterior_by_hand() {
        let channel = LabelChannel {
            n_labels: 2,
            rates: vec![0.9, 0.1, 0.3, 0.7],
            scales: vec![1.0; 2],
            sharpness: 1.0,
            log_likelihood: 0.0,
        };
        // 0.2 · 0.1 against 0.8 · 0.7.
        let posterior = channel.posterior(&[0.2, 0.8], 1);
        assert!((posterior[0] - 0.02 / 0.58).abs() < 1e-6);
        assert!((posterior.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_label_that_the_model_has_not_learned_is_not_taken_for_a_mistake() {
        // Clean labels, and a model that gives label 2 a tenth of what label 1 gets, wherever it should be certain.
        let (mut probabilities, given, _) = simulate(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], 0.98);
        for (row, &label) in probabilities.chunks_exact_mut(3).zip(&given) {
            if label == 2 {
                row.copy_from_slice(&[0.10, 0.82, 0.08]);
            }
        }
        let channel = LabelChannel::estimate(&probabilities, &given, 3);
        assert!((0..3).all(|k| channel.rate(k, k) >= LEAST_RIGHT));
        assert!(channel.rate(1, 1) > 0.9, "{}", channel.rate(1, 1));
        assert!(channel.adjusted(&[0.10, 0.82, 0.08])[2] > 0.3, "{:?}", channel.adjusted(&[0.10, 0.82, 0.08]));
    }

    #[test]
    fn no_token_gives_a_channel_all_the_same() {
        assert!(LabelChannel::estimate(&[], &[], 3).rate(0, 0) > 0.5);
    }
}
