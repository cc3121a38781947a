//! What the models of one seed have shown of each token, gathered from their logs.
//!
//! *Held out*: what models say that were not trained on the token's sentence; with one fold, what the one model said of
//! each batch before it learned from it. *In training*: what the models said of the token as they were trained on it,
//! averaged over them.

use std::path::Path;

use super::folds::run_folder;
use super::{AuditSettings, Text};
use crate::analysis::events::EventCounter;
use crate::analysis::phases::{self, PhaseCurve, PhaseCurvePoint, Phases};
use crate::dynamics::{Log, Observations};
use crate::error::{Error, Result};
use crate::random::Streams;

/// Bootstrap replicates for the phases.
const REPLICATES: usize = 100;

/// What was seen of the tokens of a text with one seed. Vectors by token have NaN where there is nothing, but
/// `probabilities`, which has 0; vectors of vectors go by epoch first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// True with held-out observations, false with one fold.
    pub held_out: bool,
    /// Whether a model has judged the token at all; of several seeds, whether one of each has.
    pub judged: Vec<bool>,
    /// The epoch up to which the score looks: the last one before memorisation.
    pub scored_epoch: u32,
    /// The phases, found in the curve that is the mean over folds.
    pub phases: Phases,
    /// Entity F1 on held-out sentences against the given labels by epoch, mean over folds.
    pub f1: Vec<f64>,
    /// Held-out probability of every label, mean over epochs up to the scored one: `[tokens, labels]`.
    pub probabilities: Vec<f32>,
    /// The same at the scored epoch alone.
    pub probabilities_at: Vec<f32>,
    /// Held-out loss against the given label, nats.
    pub held_out_loss: Vec<Vec<f32>>,
    /// Loss in training, nats.
    pub train_loss: Vec<Vec<f32>>,
    /// Probability of the given label in training, mean over epochs up to the scored one.
    pub train_p: Vec<f64>,
    /// Its standard deviation over those epochs, mean over models: dataset cartography's variability.
    pub variability: Vec<f64>,
    /// Margin in training, mean over epochs up to the scored one: the area under the margin.
    pub margin: Vec<f64>,
    /// Forgetting events, mean over models.
    pub forgetting: Vec<f64>,
    /// First learning epoch, mean over models; one more than there are epochs for never.
    pub first_learning: Vec<f64>,
    /// Longest run of epochs in which the token was wrong, less the longest in which it was right, mean over models.
    pub wrong_run: Vec<f64>,
}

/// Sums over the models that were trained on a token.
struct Sums {
    models: Vec<u32>,
    p: Vec<f64>,
    variability: Vec<f64>,
    margin: Vec<f64>,
    forgetting: Vec<f64>,
    first_learning: Vec<f64>,
    wrong_run: Vec<f64>,
}

impl Evidence {
    /// Reads the logs of all folds of a seed.
    ///
    /// # Errors
    /// [`Error::Data`] if a log is damaged.
    pub fn gather(text: &Text, settings: &AuditSettings, audit: &Path, seed: u64) -> Result<Self> {
        let folders = (0..settings.folds).map(|fold| run_folder(audit, seed, fold));
        let logs: Vec<Log> = folders.map(Log::open).collect::<Result<_>>()?;
        let (n, k) = (text.n_tokens(), text.labels.len());
        let (phases, f1, scored_epoch) = when(&logs, settings, seed)?;
        let given = text.given();
        let epochs = settings.epochs as usize;
        let mut evidence = Self {
            held_out: settings.folds > 1,
            judged: vec![false; n],
            scored_epoch,
            phases,
            f1,
            probabilities: vec![0.0; n * k],
            probabilities_at: vec![f32::NAN; n * k],
            held_out_loss: vec![vec![f32::NAN; n]; epochs],
            train_loss: vec![vec![0.0; n]; epochs],
            train_p: Vec::new(),
            variability: Vec::new(),
            margin: Vec::new(),
            forgetting: Vec::new(),
            first_learning: Vec::new(),
            wrong_run: Vec::new(),
        };
        let mut sums = Sums::new(n);
        for log in &logs {
            evidence.read_probabilities(text, log, &given)?;
            evidence.read_training(text, log, &mut sums)?;
        }
        evidence.conclude(sums);
        Ok(evidence)
    }

    fn read_probabilities(&mut self, text: &Text, log: &Log, given: &[u8]) -> Result<()> {
        let k = text.labels.len();
        for epoch in 1..=self.held_out_loss.len() as u32 {
            let table = log.probabilities(epoch)?;
            for (row, values) in table.values.chunks_exact(k).enumerate() {
                let token = number(text, table.sentence[row], table.token[row])?;
                self.judged[token] = true;
                // 32-bit probabilities underflow to 0; the loss of the smallest is 87 nats.
                let p = values[usize::from(given[token])].max(f32::MIN_POSITIVE);
                self.held_out_loss[epoch as usize - 1][token] = -p.ln();
                let cells = token * k..(token + 1) * k;
                if epoch <= self.scored_epoch {
                    let share = 1.0 / self.scored_epoch as f32;
                    self.probabilities[cells.clone()].iter_mut().zip(values).for_each(|(mean, p)| *mean += share * p);
                }
                if epoch == self.scored_epoch {
                    self.probabilities_at[cells].copy_from_slice(values);
                }
            }
        }
        Ok(())
    }

    fn read_training(&mut self, text: &Text, log: &Log, sums: &mut Sums) -> Result<()> {
        let table = log.tokens();
        let place = |row: usize| number(text, table.sentence[row], table.token[row]);
        let places: Vec<usize> = (0..table.len()).map(place).collect::<Result<_>>()?;
        let mut one = OneModel::new(places.len());
        for (epoch, losses) in (1..).zip(&mut self.train_loss) {
            let seen = log.epoch(epoch)?;
            let Some((_, observations)) = seen.prefer(crate::dynamics::Pass::Train) else { continue };
            if observations.len() != places.len() {
                return Err(Error::Internal("an epoch of a fold has other tokens than its table".into()));
            }
            for (row, &token) in places.iter().enumerate() {
                losses[token] += observations.loss[row];
            }
            one.observe(epoch, observations, epoch <= self.scored_epoch);
        }
        one.add_to(sums, &places, self.train_loss.len() as u32);
        Ok(())
    }

    fn conclude(&mut self, sums: Sums) {
        let mean = |values: Vec<f64>| -> Vec<f64> {
            values.iter().zip(&sums.models).map(|(sum, &n)| if n > 0 { sum / f64::from(n) } else { f64::NAN }).collect()
        };
        for losses in &mut self.train_loss {
            for (loss, &n) in losses.iter_mut().zip(&sums.models) {
                *loss = if n > 0 { *loss / n as f32 } else { f32::NAN };
            }
        }
        self.train_p = mean(sums.p);
        self.variability = mean(sums.variability);
        self.margin = mean(sums.margin);
        self.forgetting = mean(sums.forgetting);
        self.first_learning = mean(sums.first_learning);
        self.wrong_run = mean(sums.wrong_run);
    }
}

impl Evidence {
    /// The mean over seeds; the phases are those of the first seed, the scored epoch the median.
    pub(super) fn mean(seeds: Vec<&Self>) -> Self {
        let Some((&first, rest)) = seeds.split_first() else { return Self::default() };
        if rest.is_empty() {
            return first.clone();
        }
        let f32s = |field: fn(&Self) -> &[f32]| mean_of(&seeds.iter().map(|seed| field(seed)).collect::<Vec<_>>());
        let f64s = |field: fn(&Self) -> &[f64]| mean_of(&seeds.iter().map(|seed| field(seed)).collect::<Vec<_>>());
        let epochs = |field: fn(&Self) -> &[Vec<f32>]| {
            let epoch = |i: usize| mean_of(&seeds.iter().map(|seed| &field(seed)[i][..]).collect::<Vec<_>>());
            (0..field(first).len()).map(epoch).collect()
        };
        let mut scored: Vec<u32> = seeds.iter().map(|seed| seed.scored_epoch).collect();
        scored.sort_unstable();
        Self {
            held_out: first.held_out,
            judged: (0..first.judged.len()).map(|token| seeds.iter().all(|seed| seed.judged[token])).collect(),
            scored_epoch: scored[(scored.len() - 1) / 2],
            phases: first.phases.clone(),
            f1: f64s(|seed| &seed.f1),
            probabilities: f32s(|seed| &seed.probabilities),
            probabilities_at: f32s(|seed| &seed.probabilities_at),
            held_out_loss: epochs(|seed| &seed.held_out_loss),
            train_loss: epochs(|seed| &seed.train_loss),
            train_p: f64s(|seed| &seed.train_p),
            variability: f64s(|seed| &seed.variability),
            margin: f64s(|seed| &seed.margin),
            forgetting: f64s(|seed| &seed.forgetting),
            first_learning: f64s(|seed| &seed.first_learning),
            wrong_run: f64s(|seed| &seed.wrong_run),
        }
    }
}

/// Means by place; NaN where any is.
pub(super) fn mean_of<T: Copy + Into<f64> + FromMean>(values: &[&[T]]) -> Vec<T> {
    let n = values.len().max(1) as f64;
    let mean = |i: usize| T::from_mean(values.iter().map(|one| one[i].into()).sum::<f64>() / n);
    (0..values.first().map_or(0, |first| first.len())).map(mean).collect()
}

/// A number that a mean is stored as.
pub(super) trait FromMean {
    fn from_mean(mean: f64) -> Self;
}

impl FromMean for f32 {
    fn from_mean(mean: f64) -> Self {
        mean as Self
    }
}

impl FromMean for f64 {
    fn from_mean(mean: f64) -> Self {
        mean
    }
}

/// The number of a token in the text.
fn number(text: &Text, sentence: u32, token: u16) -> Result<usize> {
    let inside = text.sentences.get(sentence as usize).is_some_and(|s| usize::from(token) < s.words.len());
    if !inside {
        return Err(Error::Internal(format!("the log has token {token} of sentence {sentence}, the text has not")));
    }
    Ok(text.offsets[sentence as usize] + usize::from(token))
}

/// The phases of the folds' mean curve, the held-out F1 by epoch, and the last epoch before memorisation.
fn when(logs: &[Log], settings: &AuditSettings, seed: u64) -> Result<(Phases, Vec<f64>, u32)> {
    let epochs = settings.epochs as usize;
    let mut points: Vec<PhaseCurvePoint> = Vec::new();
    let mut f1 = vec![0.0; epochs];
    let mut train_f1 = vec![0.0; epochs];
    let mut first_learned = vec![0.0; epochs];
    let share = 1.0 / logs.len().max(1) as f64;
    for log in logs {
        for point in log.curve()? {
            let epoch = point.epoch.round() as usize;
            if point.epoch.fract() == 0.0 && (1..=epochs).contains(&epoch) {
                f1[epoch - 1] += share * point.dev_f1;
                train_f1[epoch - 1] += share * point.probe_f1;
            }
        }
        let mut learned = vec![false; log.tokens().len()];
        for (epoch, newly) in (1..).zip(&mut first_learned) {
            let seen = log.epoch(epoch)?;
            let Some((_, observations)) = seen.prefer(crate::dynamics::Pass::Train) else { continue };
            for (known, &right) in learned.iter_mut().zip(&observations.correct) {
                *newly += if right && !*known { share / log.tokens().len() as f64 } else { 0.0 };
                *known |= right;
            }
        }
    }
    for epoch in 0..epochs {
        points.push(PhaseCurvePoint {
            epoch: (epoch + 1) as f64,
            dev_f1: Some(f1[epoch]),
            train_f1: Some(train_f1[epoch]),
            first_learned: Some(first_learned[epoch]),
            ..PhaseCurvePoint::default()
        });
    }
    let phases = phases::detect(&PhaseCurve::new(points)?, None, REPLICATES, Streams::new(seed));
    // The onset is the first epoch of memorisation.
    let last =
        phases.memorisation_onset.as_ref().map_or(epochs, |onset| (onset.epoch.ceil() as usize).saturating_sub(1));
    Ok((phases, f1, last.clamp(1, epochs) as u32))
}

impl Sums {
    fn new(n: usize) -> Self {
        let zeros = || vec![0.0; n];
        Self {
            models: vec![0; n],
            p: zeros(),
            variability: zeros(),
            margin: zeros(),
            forgetting: zeros(),
            first_learning: zeros(),
            wrong_run: zeros(),
        }
    }
}

/// What one model shows of the tokens it is trained on, epoch by epoch.
struct OneModel {
    /// Epochs up to the scored one.
    n: f64,
    p: Vec<f64>,
    squares: Vec<f64>,
    margin: Vec<f64>,
    events: EventCounter,
    /// Length of the present run of equal outcomes, and whether they are right.
    run: Vec<(u32, bool)>,
    /// Longest run of wrong and of right epochs.
    longest: Vec<[u32; 2]>,
}

impl OneModel {
    fn new(n: usize) -> Self {
        Self {
            n: 0.0,
            p: vec![0.0; n],
            squares: vec![0.0; n],
            margin: vec![0.0; n],
            events: EventCounter::new(n),
            run: vec![(0, false); n],
            longest: vec![[0; 2]; n],
        }
    }

    fn observe(&mut self, epoch: u32, seen: &Observations, scored: bool) {
        self.events.observe(epoch, seen.correct.iter().copied().enumerate());
        for (row, &right) in seen.correct.iter().enumerate() {
            let (length, of) = &mut self.run[row];
            *length = if *of == right { *length + 1 } else { 1 };
            *of = right;
            let longest = &mut self.longest[row][usize::from(right)];
            *longest = (*longest).max(*length);
        }
        if scored {
            self.n += 1.0;
            for row in 0..seen.len() {
                let p = f64::from(seen.p_given[row]);
                self.p[row] += p;
                self.squares[row] += p * p;
                self.margin[row] += f64::from(seen.margin[row]);
            }
        }
    }

    fn add_to(self, sums: &mut Sums, places: &[usize], epochs: u32) {
        let events = self.events.events();
        let n = self.n.max(1.0);
        for (row, &token) in places.iter().enumerate() {
            let mean = self.p[row] / n;
            sums.models[token] += 1;
            sums.p[token] += mean;
            sums.variability[token] += (self.squares[row] / n - mean * mean).max(0.0).sqrt();
            sums.margin[token] += self.margin[row] / n;
            sums.forgetting[token] += f64::from(events.forgetting[row]);
            sums.first_learning[token] += f64::from(events.first_learning[row].unwrap_or(epochs + 1));
            let [wrong, right] = self.longest[row];
            sums.wrong_run[token] += f64::from(wrong) - f64::from(right);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::text::tests::text;
    use super::*;

    /// What models that read `read` (`word/TAG`, as the text) say: 0.9 for their label, the rest to all others. The
    /// loss of a token is its number.
    pub(in crate::audit) fn evidence(text: &Text, read: &str) -> Evidence {
        let k = text.labels.len();
        let tags = read.lines().flat_map(|line| line.split(' ')).map(|word| word.rsplit_once('/').unwrap().1);
        let row = |tag: &str| {
            let label = usize::from(text.labels.id(tag).unwrap());
            (0..k).map(move |of| if of == label { 0.9 } else { 0.1 / (k - 1) as f32 })
        };
        of_probabilities(text, tags.flat_map(row).collect())
    }

    pub(in crate::audit) fn of_probabilities(text: &Text, probabilities: Vec<f32>) -> Evidence {
        let n = text.n_tokens();
        assert_eq!(probabilities.len(), n * text.labels.len());
        Evidence {
            held_out: true,
            judged: vec![true; n],
            scored_epoch: 1,
            f1: vec![0.5; 2],
            probabilities_at: probabilities.clone(),
            probabilities,
            held_out_loss: vec![(0..n).map(|token| token as f32).collect(); 2],
            train_loss: vec![vec![0.5; n]; 2],
            train_p: vec![0.5; n],
            variability: vec![0.0; n],
            margin: vec![0.0; n],
            forgetting: vec![0.0; n],
            first_learning: vec![1.0; n],
            wrong_run: vec![0.0; n],
            ..Evidence::default()
        }
    }

    fn seen(correct: &[bool], p: f32, margin: f32) -> Observations {
        let n = correct.len();
        Observations {
            sentence: vec![0; n],
            token: (0..n as u16).collect(),
            predicted: vec![0; n],
            correct: correct.to_vec(),
            loss: vec![0.0; n],
            p_given: vec![p; n],
            margin: vec![margin; n],
            entropy: vec![0.0; n],
        }
    }

    /// Tokens 2 and 0 of three, over five epochs of which three are scored.
    fn sums() -> Sums {
        let mut sums = Sums::new(3);
        let mut one = OneModel::new(2);
        let right = [[false, true], [true, true], [true, false], [false, true], [true, false]];
        for (epoch, ((right, p), margin)) in
            (1..).zip(right.iter().zip([0.2, 0.4, 0.6, 0.9, 0.9]).zip([-1.0, 0.0, 4.0, 9.0, 9.0]))
        {
            one.observe(epoch, &seen(right, p, margin), epoch <= 3);
        }
        one.add_to(&mut sums, &[2, 0], 5);
        sums
    }

    #[test]
    fn one_model_by_hand() {
        let sums = sums();
        assert_eq!(sums.models, [1, 0, 1]);
        // Wrong, right, right, wrong, right: forgotten once, learned in 2; wrong for 1 and right for 2 epochs.
        assert_eq!((sums.forgetting[2], sums.first_learning[2], sums.wrong_run[2]), (1.0, 2.0, -1.0));
        // Right, right, wrong, right, wrong.
        assert_eq!((sums.forgetting[0], sums.first_learning[0], sums.wrong_run[0]), (2.0, 1.0, -1.0));
        // 0.2, 0.4, 0.6: mean 0.4, deviation √(0.08 / 3).
        assert!((sums.p[2] - 0.4).abs() < 1e-6 && (sums.margin[2] - 1.0).abs() < 1e-6);
        assert!((sums.variability[2] - (0.08_f64 / 3.0).sqrt()).abs() < 1e-6, "{}", sums.variability[2]);
    }

    #[test]
    fn what_is_never_learned_is_learned_after_the_end() {
        let mut one = OneModel::new(1);
        (1..=4).for_each(|epoch| one.observe(epoch, &seen(&[false], 0.1, -1.0), true));
        let mut sums = Sums::new(1);
        one.add_to(&mut sums, &[0], 4);
        assert_eq!((sums.first_learning[0], sums.forgetting[0], sums.wrong_run[0]), (5.0, 0.0, 4.0));
        assert_eq!(sums.variability[0], 0.0);
    }

    #[test]
    fn models_are_averaged_and_what_none_was_trained_on_is_nothing() {
        let mut twice = sums();
        let mut one = OneModel::new(1);
        one.observe(1, &seen(&[true], 1.0, 3.0), true);
        one.add_to(&mut twice, &[2], 5);
        let mut evidence = Evidence { train_loss: vec![vec![3.0, 0.0, 4.0]], ..Evidence::default() };
        evidence.conclude(twice);
        assert_eq!((evidence.first_learning[2], evidence.margin[2]), (1.5, 2.0));
        assert_eq!((evidence.train_loss[0][0], evidence.train_loss[0][2]), (3.0, 2.0));
        assert!(evidence.train_p[1].is_nan() && evidence.train_loss[0][1].is_nan());
    }

    #[test]
    fn means_by_place() {
        assert_eq!(mean_of(&[&[1.0, 4.0][..], &[2.0, 4.0]]), [1.5, 4.0]);
        assert_eq!(mean_of(&[&[1.0_f32, 0.0][..]]), [1.0, 0.0]);
        let with_nan = mean_of(&[&[1.0, f64::NAN][..], &[3.0, 1.0]]);
        assert!(with_nan[0] == 2.0 && with_nan[1].is_nan());
        assert!(mean_of::<f64>(&[]).is_empty());
    }

    #[test]
    fn the_mean_of_seeds_is_scored_at_the_lower_median() {
        let seed = |scored_epoch, p, judged| Evidence {
            judged: vec![judged],
            scored_epoch,
            probabilities: vec![p],
            train_loss: vec![vec![p]],
            ..Evidence::default()
        };
        let (a, b) = (seed(4, 0.25, true), seed(2, 0.75, false));
        let mean = Evidence::mean(vec![&a, &b]);
        assert_eq!((mean.scored_epoch, &mean.probabilities[..], &mean.train_loss[0][..]), (2, &[0.5][..], &[0.5][..]));
        assert_eq!(mean.judged, [false], "one seed knows nothing of it");
        assert_eq!(Evidence::mean(vec![&a]), a);
        assert_eq!(Evidence::mean(Vec::new()), Evidence::default());
    }

    #[test]
    fn a_log_of_other_text_is_refused() {
        let text = text("a/O b/B-A\nc/O");
        assert_eq!(number(&text, 1, 0).unwrap(), 2);
        for (sentence, token) in [(0, 2), (1, 1), (2, 0), (u32::MAX, 0)] {
            assert!(matches!(number(&text, sentence, token), Err(Error::Internal(_))));
        }
    }
}
