//! How sure the boundaries are: the detector run again on curves that could as well have been seen.
//!
//! Two sources of chance are drawn, together. *Which sentences*: where a log is given, the noisy tokens' sentences are
//! drawn with replacement and noisy-token accuracy is computed anew, so tokens of one sentence stay together. *Epoch
//! to epoch*: each series is rebuilt from its valley (or peak) fit plus residuals drawn with replacement. A residual
//! is a point's distance to the line between its neighbours, times √⅔, which undoes the variance the neighbours add;
//! it is cut at three robust standard deviations so that a steep jump is not scattered over the floor as noise.

use rand::Rng;

use super::curve::Series;
use super::locate::{CurveSeries, Located, locate};
use super::rise::white_variance;
use super::valley::valley;
use crate::random::Streams;

/// Noisy tokens by sentence: what the bootstrap over sentences needs of a log. Goes with a curve whose accuracies are
/// shares, 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SentenceCounts {
    /// Noisy tokens observed in each sentence that has any.
    pub n_noisy: Vec<u32>,
    /// For each point of the curve, how many of them were predicted as given; same order of sentences.
    pub correct: Vec<Vec<u32>>,
}

/// Runs the detector on `samples` replicates.
pub(super) fn replicates(
    scores: &CurveSeries,
    sentences: Option<&SentenceCounts>,
    samples: usize,
    streams: Streams,
) -> Vec<Located> {
    let dev = Noisy::peak(&scores.dev);
    let train = Noisy::valley(&scores.train);
    let clean = Noisy::peak(&scores.clean);
    let noisy = Noisy::valley(&scores.noisy);
    let first_learned = Noisy::valley(&scores.first_learned);
    let sentences = sentences.filter(|s| s.correct.len() == scores.noisy.y.len() && !s.n_noisy.is_empty());
    (0..samples)
        .map(|sample| {
            let mut rng = streams.stream("phases-bootstrap", &[sample as u64]);
            let mut drawn = CurveSeries {
                dev: dev.draw(&mut rng),
                train: train.draw(&mut rng),
                clean: clean.draw(&mut rng),
                noisy: noisy.draw(&mut rng),
                noisy_gold: scores.noisy_gold.clone(),
                first_learned: first_learned.draw(&mut rng),
            };
            if let Some(sentences) = sentences {
                for (value, shift) in drawn.noisy.y.iter_mut().zip(sentences.resampled_shift(&mut rng)) {
                    *value += shift;
                }
            }
            locate(&drawn)
        })
        .collect()
}

impl SentenceCounts {
    /// The sentences that have noisy tokens alone; `None` if none has.
    pub fn with_noise(&self) -> Option<Self> {
        let keep: Vec<usize> = (0..self.n_noisy.len()).filter(|&i| self.n_noisy[i] > 0).collect();
        let pick = |counts: &[u32]| keep.iter().map(|&i| counts[i]).collect::<Vec<_>>();
        (!keep.is_empty())
            .then(|| Self { n_noisy: pick(&self.n_noisy), correct: self.correct.iter().map(|c| pick(c)).collect() })
    }

    /// For each point, accuracy over sentences drawn with replacement minus accuracy over all.
    fn resampled_shift(&self, rng: &mut impl Rng) -> Vec<f64> {
        let n = self.n_noisy.len();
        let mut weight = vec![0_u32; n];
        for _ in 0..n {
            weight[rng.gen_range(0..n)] += 1;
        }
        let share = |correct: &[u32], weight: &dyn Fn(usize) -> u32| {
            let (mut right, mut all) = (0_u64, 0_u64);
            for (i, (&c, &n)) in correct.iter().zip(&self.n_noisy).enumerate() {
                right += u64::from(c) * u64::from(weight(i));
                all += u64::from(n) * u64::from(weight(i));
            }
            if all == 0 { 0.0 } else { right as f64 / all as f64 }
        };
        self.correct.iter().map(|correct| share(correct, &|i| weight[i]) - share(correct, &|_| 1)).collect()
    }
}

/// A series as fit plus residuals.
struct Noisy {
    x: Vec<f64>,
    fit: Vec<f64>,
    residuals: Vec<f64>,
}

impl Noisy {
    fn valley(series: &Series) -> Self {
        Self::new(series, valley(&series.y).fit)
    }

    fn peak(series: &Series) -> Self {
        let negative: Vec<f64> = series.y.iter().map(|v| -v).collect();
        Self::new(series, valley(&negative).fit.iter().map(|v| -v).collect())
    }

    fn new(series: &Series, fit: Vec<f64>) -> Self {
        let (x, y) = (&series.x, &series.y);
        let limit = 3.0 * white_variance(y).sqrt();
        let mut residuals: Vec<f64> = (1..y.len().saturating_sub(1))
            .map(|i| {
                let part = (x[i] - x[i - 1]) / (x[i + 1] - x[i - 1]);
                let line = y[i - 1] + part * (y[i + 1] - y[i - 1]);
                ((y[i] - line) * (2.0_f64 / 3.0).sqrt()).clamp(-limit, limit)
            })
            .collect();
        if !residuals.is_empty() {
            let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
            residuals.iter_mut().for_each(|r| *r -= mean);
        }
        Self { x: x.clone(), fit, residuals }
    }

    fn draw(&self, rng: &mut impl Rng) -> Series {
        let y = self.fit.iter().map(|v| match self.residuals.len() {
            0 => *v,
            n => v + self.residuals[rng.gen_range(0..n)],
        });
        Series { x: self.x.clone(), y: y.collect() }
    }
}
