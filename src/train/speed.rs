//! How fast a model trains and evaluates on this machine.
//!
//! Sentences are shuffled and cut into batches without regard to their length. What is timed is all that a step of a
//! training does: packing the batch, forward and backward pass, the observation of each token, gradient norm and
//! optimiser; or, in evaluation, packing, forward pass and observation. Encoding the text is not.
//!
//! The yardstick is what the matrix products of such a step's linear layers take alone, on the same threads in the same
//! process.

use std::collections::BTreeSet;
use std::time::Instant;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::TrainSettings;
use super::data::EncodedSplit;
use super::evaluate::observe_batch;
use super::optimizer::{StepSize, clip_factor};
use crate::Result;
use crate::corpus::Sentence;
use crate::encode::Batch;
use crate::error::{Error, Problem};
use crate::model::{DropoutPlan, Tagger};
use crate::nn::product::{View, product};
use crate::nn::{Gradients, on_pool};
use crate::random::Streams;

/// Batches that are computed before the clock starts.
const WARM_UP: usize = 3;

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeedSettings {
    /// Sentences a batch.
    pub batch: usize,
    /// Batches that are timed, after three that are not.
    pub steps: usize,
    /// Forward passes alone, dropout off.
    pub eval: bool,
    /// Most subwords a sentence.
    pub max_subwords: usize,
    /// Seed of the order and of dropout.
    pub seed: u64,
}

/// What was measured. The keys are those that `benches/pytorch_baseline.py` prints, and some more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// `train` or `eval`.
    pub what: String,
    /// Sentences a batch.
    pub batch: usize,
    /// Batches timed.
    pub steps: usize,
    /// CPU threads.
    pub threads: usize,
    /// Always false: batches are random.
    pub group_by_length: bool,
    /// Subwords a second, `[CLS]` and `[SEP]` included; there is no padding to count.
    pub real_tokens_per_s: f64,
    /// What the same batches, padded to their longest sentence, would count.
    pub padded_tokens_per_s: f64,
    /// Padded subwords by real ones.
    pub padding_ratio: f64,
    /// Most memory the process had, in MiB; null where the system does not tell.
    pub peak_rss_mb: Option<f64>,
    /// Subwords a second if the matrix products of a step were all there is to do; null off the CPU.
    pub product_limit_tokens_per_s: Option<f64>,
    /// `real_tokens_per_s` by that limit.
    pub share_of_product_limit: Option<f64>,
    /// Speed of those products, 10⁹ multiplications and additions a second.
    pub product_gflops: Option<f64>,
}

/// Trains (or evaluates) `tagger` on random batches of `sentences` and takes the time.
///
/// # Errors
/// [`Error::Config`] if there are fewer sentences than the batches need, or a setting is 0; and those of training.
pub fn measure(mut tagger: Tagger, sentences: &[Sentence], settings: &SpeedSettings) -> Result<Speed> {
    let &SpeedSettings { batch, steps, eval, max_subwords, seed } = settings;
    if batch == 0 || steps == 0 {
        return Err(Error::Config(Problem::new("nothing is measured with a batch or a number of steps of 0")));
    }
    let needed = steps.checked_add(WARM_UP).and_then(|n| n.checked_mul(batch)).unwrap_or(usize::MAX);
    if sentences.len() < needed {
        return Err(Error::Config(
            Problem::new(format!(
                "{steps} steps of {batch} sentences, and {WARM_UP} to warm up, need more sentences than the {} there are",
                sentences.len()
            ))
            .hint("ask for fewer steps or a smaller batch"),
        ));
    }
    let max_subwords = max_subwords.min(tagger.config().max_subwords);
    let split = EncodedSplit::new("train", sentences, &[], tagger.tokenizer(), max_subwords)?;
    let mut subwords = BTreeSet::new();
    split.collect_subwords(&mut subwords);
    tagger.use_rows(&subwords)?;

    let streams = Streams::new(seed);
    let mut order: Vec<u32> = (0..sentences.len() as u32).collect();
    order.shuffle(&mut streams.stream("shuffle", &[1]));
    let training = TrainSettings::default();
    let mut optimizer = training.optimizer.build(tagger.parameters(), &training)?;
    let mut gradients = Gradients::default();
    let (mut seconds, mut real, mut padded, mut scored, mut longest) = (0.0, 0, 0, 0, 0);
    for (number, part) in order.chunks_exact(batch).take(steps + WARM_UP).enumerate() {
        let start = Instant::now();
        let batch = Batch::pack(part.iter().map(|&i| (i, &split.sentences[i as usize])));
        if eval {
            let prediction = tagger.predict_batch(&batch)?;
            observe_batch(&prediction.logits, prediction.decoded.as_deref(), &split, &batch)?;
        } else {
            gradients.clear();
            let labels: Vec<u32> = batch.tokens.iter().map(|&token| u32::from(split.target(token))).collect();
            let plan = DropoutPlan::of_config(tagger.config(), streams, [1, number as u64]);
            let output = tagger.train_step(&batch, &labels, labels.len() as f64, Some(&plan), &mut gradients)?;
            observe_batch(&output.logits, output.decoded.as_deref(), &split, &batch)?;
            let norm = gradients.norm()?;
            let gradient_scale = clip_factor(norm, training.max_gradient_norm);
            let size = StepSize { learning_rate: training.learning_rate, gradient_scale };
            optimizer.step(tagger.parameters(), &gradients, size)?;
        }
        if number >= WARM_UP {
            seconds += start.elapsed().as_secs_f64();
            real += batch.ids.len();
            scored += batch.scored.len();
            let most = batch.packing.sentences().map(|s| s.len()).max().unwrap_or(0);
            padded += most * part.len();
            longest += most;
        }
    }
    let peak_rss_mb = peak_memory();
    let real_tokens_per_s = real as f64 / seconds;
    let shapes = tagger.config().architecture.products(tagger.config(), real / steps, scored / steps, longest / steps);
    let limit = tagger.is_on_cpu().then(|| on_pool(|| products(&shapes, eval)));
    let limit_tokens = limit.map(|(seconds, _)| (real / steps) as f64 / seconds);
    Ok(Speed {
        what: if eval { "eval" } else { "train" }.into(),
        batch,
        steps,
        threads: rayon::current_num_threads(),
        group_by_length: false,
        real_tokens_per_s,
        padded_tokens_per_s: padded as f64 / seconds,
        padding_ratio: padded as f64 / real as f64,
        peak_rss_mb,
        product_limit_tokens_per_s: limit_tokens,
        share_of_product_limit: limit_tokens.map(|limit| real_tokens_per_s / limit),
        product_gflops: limit.map(|(seconds, operations)| operations / seconds / 1e9),
    })
}

/// Seconds that the matrix products of a step, those of its forward pass being of these shapes, take alone (the median
/// of several), and how many operations they are.
fn products(shapes: &[[usize; 3]], eval: bool) -> (f64, f64) {
    let most = |of: fn(&[usize; 3]) -> usize| shapes.iter().map(of).max().unwrap_or(0);
    let (longest, largest) = (most(|s| s[0] * s[1].max(s[2])), most(|s| s[1] * s[2]));
    let (x, w, g) = (vec![0.5f32; longest], vec![0.5f32; largest], vec![0.5f32; longest]);
    let (mut y, mut gw) = (vec![0f32; longest], vec![0f32; largest]);
    let mut round = || {
        let start = Instant::now();
        for &[rows, inputs, outputs] in shapes {
            let x = View::new(&x[..rows * inputs], inputs);
            let w = View::new(&w[..outputs * inputs], inputs);
            product(&mut y[..rows * outputs], x, w.t(), false);
            if !eval {
                let g = View::new(&g[..rows * outputs], outputs);
                product(&mut y[..rows * inputs], g, w, false);
                product(&mut gw[..outputs * inputs], g.t(), x, false);
            }
        }
        start.elapsed().as_secs_f64()
    };
    let mut seconds: Vec<f64> = (0..12).map(|_| round()).skip(3).collect();
    seconds.sort_by(f64::total_cmp);
    let passes = if eval { 1.0 } else { 3.0 };
    let operations: f64 = shapes.iter().map(|&[rows, a, b]| 2.0 * passes * (rows * a * b) as f64).sum();
    (seconds[seconds.len() / 2], operations)
}

/// The most memory this process has had, in MiB, from Linux' `/proc`; `None` elsewhere.
pub fn peak_memory() -> Option<f64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? / 1024.0)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::corpus::embedded::{EmbeddedSettings, generate};
    use crate::model::{ModelSettings, Words};

    fn speed(settings: &SpeedSettings) -> Result<Speed> {
        let corpus = generate(&EmbeddedSettings::default()).unwrap();
        let (tagger, _) =
            Tagger::load(&ModelSettings::default(), &Words::none(), corpus.labels.names(), 1, &Device::Cpu).unwrap();
        measure(tagger, &corpus.train[..40], settings)
    }

    #[test]
    fn both_passes_are_measured() {
        for eval in [false, true] {
            let speed = speed(&SpeedSettings { batch: 4, steps: 2, eval, max_subwords: 64, seed: 1 }).unwrap();
            assert!(speed.real_tokens_per_s > 0.0 && speed.padding_ratio > 1.0);
            assert!(speed.product_limit_tokens_per_s.unwrap() > 0.0);
        }
    }

    #[test]
    fn more_sentences_than_there_are_cannot_be_measured() {
        let error = speed(&SpeedSettings { batch: 10, steps: 2, eval: false, max_subwords: 64, seed: 1 }).unwrap_err();
        assert!(error.to_string().contains("more sentences than the 40"), "{error}");
    }
}
