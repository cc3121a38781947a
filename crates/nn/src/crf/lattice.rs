//! One sentence of a linear-chain CRF: its sums over all paths, in the logarithm and in `f64`, and its best path.

use std::ops::Range;

/// The scores that do not depend on the words.
#[derive(Debug, Clone)]
pub struct ChainScores {
    /// From the label of the row to that of the column, `[k, k]`.
    pub transitions: Vec<f64>,
    /// Of a sentence's first label `[k]`.
    pub start: Vec<f64>,
    /// Of a sentence's last label `[k]`.
    pub end: Vec<f64>,
}

/// The sums over all paths of a sentence of n words.
pub struct Lattice {
    /// ln Σ over the paths up to word t that end in label j, the word's emission included: `[n, k]`.
    ahead: Vec<f64>,
    /// ln Σ over the paths behind word t, given its label: `[n, k]`.
    behind: Vec<f64>,
    /// ln Z.
    pub log_partition: f64,
}

/// ln Σ exp, around the largest.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    values.map(|x| (x - largest).exp()).sum::<f64>().ln() + largest
}

fn row(word: usize, k: usize) -> Range<usize> {
    word * k..(word + 1) * k
}

impl ChainScores {
    /// Number of labels.
    pub fn k(&self) -> usize {
        self.start.len()
    }

    /// The score of one path; 0 for no words.
    pub fn path(&self, emissions: &[f32], labels: &[u32]) -> f64 {
        let k = self.k();
        let (Some(&first), Some(&last)) = (labels.first(), labels.last()) else { return 0.0 };
        let words: f64 = labels.iter().enumerate().map(|(t, &y)| f64::from(emissions[t * k + y as usize])).sum();
        let steps: f64 = labels.windows(2).map(|y| self.transitions[y[0] as usize * k + y[1] as usize]).sum();
        self.start[first as usize] + words + steps + self.end[last as usize]
    }

    /// All sums over the paths of a sentence with these emissions `[n, k]`.
    pub fn lattice(&self, emissions: &[f32]) -> Lattice {
        let (k, n) = (self.k(), emissions.len() / self.k());
        let (mut ahead, mut behind) = (vec![0f64; n * k], vec![0f64; n * k]);
        if n == 0 {
            return Lattice { ahead, behind, log_partition: 0.0 };
        }
        for t in 0..n {
            let (done, rest) = ahead.split_at_mut(t * k);
            for (j, out) in rest[..k].iter_mut().enumerate() {
                let arrived = match t.checked_sub(1) {
                    None => self.start[j],
                    Some(before) => {
                        let before = &done[row(before, k)];
                        log_sum_exp(before.iter().enumerate().map(|(i, a)| a + self.transitions[i * k + j]))
                    }
                };
                *out = arrived + f64::from(emissions[t * k + j]);
            }
        }
        behind[row(n - 1, k)].copy_from_slice(&self.end);
        for t in (0..n - 1).rev() {
            let (rest, done) = behind.split_at_mut((t + 1) * k);
            let left: Vec<f64> =
                done[..k].iter().zip(&emissions[row(t + 1, k)]).map(|(b, &e)| b + f64::from(e)).collect();
            for (i, out) in rest[row(t, k)].iter_mut().enumerate() {
                let steps = &self.transitions[row(i, k)];
                *out = log_sum_exp(steps.iter().zip(&left).map(|(step, left)| step + left));
            }
        }
        let last = ahead[row(n - 1, k)].iter().zip(&self.end).map(|(a, end)| a + end);
        let log_partition = log_sum_exp(last);
        Lattice { ahead, behind, log_partition }
    }

    /// The labels of the path with the highest score; of several, the one that has the lower id at the last word where
    /// they differ.
    pub fn best(&self, emissions: &[f32]) -> Vec<u32> {
        let (k, n) = (self.k(), emissions.len() / self.k());
        if n == 0 {
            return Vec::new();
        }
        let mut score: Vec<f64> = self.start.iter().zip(emissions).map(|(start, &e)| start + f64::from(e)).collect();
        let mut came_from = vec![0u32; n * k];
        for t in 1..n {
            let arrived = (0..k).map(|j| {
                let from = first_largest(score.iter().enumerate().map(|(i, s)| s + self.transitions[i * k + j]));
                came_from[t * k + j] = from.0 as u32;
                from.1 + f64::from(emissions[t * k + j])
            });
            score = arrived.collect();
        }
        let mut label = first_largest(score.iter().zip(&self.end).map(|(s, end)| s + end)).0 as u32;
        let mut path = vec![label; n];
        for t in (1..n).rev() {
            label = came_from[t * k + label as usize];
            path[t - 1] = label;
        }
        path
    }
}

/// The largest number and where it first stands.
fn first_largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, value) in values.enumerate() {
        if value > best.1 {
            best = (i, value);
        }
    }
    best
}

impl Lattice {
    /// ln p(label of word t is j), never above 0, NaN where the scores are: `[n, k]`.
    pub fn log_marginals(&self) -> impl Iterator<Item = f64> + '_ {
        // Not `f64::min`, which would turn NaN into certainty.
        let at_most_zero = |x: f64| if x > 0.0 { 0.0 } else { x };
        self.ahead.iter().zip(&self.behind).map(move |(a, b)| at_most_zero(a + b - self.log_partition))
    }

    /// Adds to `expected` `[k, k]` how often each transition is expected.
    pub fn add_transitions(&self, chain: &ChainScores, emissions: &[f32], expected: &mut [f64]) {
        let (k, n) = (chain.k(), emissions.len() / chain.k());
        for t in 1..n {
            let (before, after) = (&self.ahead[row(t - 1, k)], &self.behind[row(t, k)]);
            let left: Vec<f64> =
                after.iter().zip(&emissions[row(t, k)]).map(|(b, &e)| b + f64::from(e) - self.log_partition).collect();
            for (i, a) in before.iter().enumerate() {
                let steps = chain.transitions[row(i, k)].iter().zip(&left);
                for (out, (step, left)) in expected[row(i, k)].iter_mut().zip(steps) {
                    *out += (a + step + left).exp();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;
    use crate::random::Streams;

    /// Every path through n words.
    fn paths(n: usize, k: usize) -> Vec<Vec<u32>> {
        (0..k.pow(n as u32)).map(|number| (0..n).map(|t| (number / k.pow(t as u32) % k) as u32).collect()).collect()
    }

    fn chain(k: usize, seed: u64) -> (ChainScores, Vec<f32>) {
        let mut stream = Streams::new(seed).stream("chain", &[k as u64]);
        let mut draw = |n: usize| (0..n).map(|_| stream.gen_range(-2.0..2.0)).collect::<Vec<f64>>();
        let chain = ChainScores { transitions: draw(k * k), start: draw(k), end: draw(k) };
        let emissions = draw(5 * k).into_iter().map(|x| x as f32).collect();
        (chain, emissions)
    }

    #[test]
    fn sums_and_best_path_are_those_of_all_paths_counted_out() {
        for (k, n) in [(1, 3), (2, 1), (2, 5), (3, 4), (4, 2), (5, 5)] {
            let (chain, emissions) = chain(k, n as u64);
            let emissions = &emissions[..n * k];
            let paths = paths(n, k);
            let scores: Vec<f64> = paths.iter().map(|path| chain.path(emissions, path)).collect();
            let partition: f64 = scores.iter().map(|s| s.exp()).sum();
            let lattice = chain.lattice(emissions);
            assert!((lattice.log_partition - partition.ln()).abs() < 1e-12, "ln Z for {k} labels, {n} words");

            let (mut marginals, mut transitions) = (vec![0f64; n * k], vec![0f64; k * k]);
            for (path, score) in paths.iter().zip(&scores) {
                let p = score.exp() / partition;
                path.iter().enumerate().for_each(|(t, &y)| marginals[t * k + y as usize] += p);
                path.windows(2).for_each(|y| transitions[y[0] as usize * k + y[1] as usize] += p);
            }
            for (ours, counted) in lattice.log_marginals().zip(&marginals) {
                assert!((ours.exp() - counted).abs() < 1e-12);
            }
            let mut expected = vec![0f64; k * k];
            lattice.add_transitions(&chain, emissions, &mut expected);
            for (ours, counted) in expected.iter().zip(&transitions) {
                assert!((ours - counted).abs() < 1e-12);
            }
            let best = paths.iter().zip(&scores).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            assert_eq!(&chain.best(emissions), best);
        }
    }

    #[test]
    fn of_equal_paths_the_one_with_the_lower_ids_is_the_best() {
        let chain = ChainScores { transitions: vec![0.0; 9], start: vec![0.0; 3], end: vec![0.0; 3] };
        assert_eq!(chain.best(&[1.0; 12]), [0; 4]);
        assert_eq!(chain.best(&[0.0, 1.0, 1.0]), [1]);
    }

    #[test]
    fn a_forbidden_step_is_taken_neither_by_the_best_path_nor_by_the_sums() {
        let chain = ChainScores { transitions: vec![0.0, -1e4, 0.0, 0.0], start: vec![0.0; 2], end: vec![0.0; 2] };
        // Alone, the words would be 0, 1; that step is forbidden.
        let emissions = [2.0, 0.0, 0.0, 1.0];
        assert_eq!(chain.best(&emissions), [0, 0]);
        let marginals: Vec<f64> = chain.lattice(&emissions).log_marginals().map(f64::exp).collect();
        // The paths 00, 10, 11 have the scores 2, 0, 1.
        let z = 2f64.exp() + 1.0 + 1f64.exp();
        let expected = [2f64.exp() / z, (1.0 + 1f64.exp()) / z, (2f64.exp() + 1.0) / z, 1f64.exp() / z];
        for (ours, by_hand) in marginals.iter().zip(expected) {
            assert!((ours - by_hand).abs() < 1e-12, "{marginals:?}");
        }
    }

    #[test]
    fn scores_that_are_no_numbers_stay_visible() {
        let (chain, mut emissions) = chain(3, 1);
        emissions[4] = f32::NAN;
        let lattice = chain.lattice(&emissions);
        assert!(lattice.log_partition.is_nan() && lattice.log_marginals().any(f64::is_nan));
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let (chain, _) = chain(2, 1);
        let lattice = chain.lattice(&[1e4, -1e4, -1e4, 1e4, 1e4, -1e4]);
        assert!(lattice.log_partition.is_finite());
        let marginals: Vec<f64> = lattice.log_marginals().collect();
        assert!(marginals.iter().all(|m| m.is_finite() && *m <= 0.0), "{marginals:?}");
        assert_eq!([marginals[0].exp(), marginals[3].exp(), marginals[4].exp()], [1.0; 3]);
    }
}
