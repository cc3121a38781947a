//! Scores of one ranking of suspects, against gold labels.
//!
//! A ranking lists *rows* (tokens, stretches, sentences), most suspect first. A row is a *hit* if it finds one error or
//! more; errors that no row finds can remain. For tokens and sentences each row is one unit and finds one error or none.
//! Rows with equal scores come together: a cut among them counts by its expectation.
//!
//! * *Average precision* AP = Σ (Rₙ − Rₙ₋₁)·Pₙ over the distinct scores, with P the share of rows that are hits and R
//!   the share of errors found so far: scikit-learn's definition. Errors that no row finds keep R, and so AP, below 1.
//! * *Chance*: what a ranking that gives all rows one score has: a precision of hits / rows (the base rate) everywhere,
//!   and an AP of that times the share of errors that are found at all. For tokens and sentences both are the share of
//!   wrong ones, which is also, up to O(ln n / n), the expected AP of a random order.
//! * *Lift* = value / its chance.
//! * *Cuts*: precision and recall of the first 1, 5 and 10 % of the rows (rounded up), and of as many rows as there are
//!   errors, where precision is called R-precision.
//!
//! A mask, which only says what to look at and not in which order, is scored as such and as the ranking that has its
//! rows first ([`MaskScores`]).
//!
//! By hand, scores 0.9 0.8 0.8 0.1 of which the first and the third are wrong: AP is (1/2)·1 + (1/2)·(2/3) = 5/6,
//! chance 1/2, lift 5/3. Of the first two rows one is 0.9 and the other one of the tied, of which half are wrong:
//! R-precision is 1.5 / 2.
//!
//! ```
//! use memoscope::metrics::ranking::Ranking;
//! let scores = Ranking::new(&[0.9, 0.8, 0.8, 0.1], &[true, false, true, false], &[4]).scores().unwrap();
//! assert!((scores.average_precision - 5.0 / 6.0).abs() < 1e-15);
//! assert_eq!((scores.base_rate, scores.at_n_errors.precision), (0.5, 0.75));
//! ```

mod mask;
mod scores;

use rayon::prelude::*;

pub use mask::MaskScores;
pub use scores::{Cut, CutIntervals, RankingIntervals, RankingScores};

use super::{Replicates, ratio};

/// The shares of rows after which precision and recall are taken, in percent.
const PERCENTS: [usize; 3] = [1, 5, 10];

/// A row before it is ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Find {
    /// Zero-based sentence.
    pub sentence: u32,
    /// Higher is more suspect; NaN is ranked last.
    pub score: f64,
    /// Errors it finds that no row above it does; 0 makes it a false alarm.
    pub found: u32,
}

/// Rows sorted once, to be scored with any weights of the sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    rows: Vec<Row>,
    sentences: Vec<Counts>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    sentence: u32,
    found: u32,
    /// The next row has another score.
    ends: bool,
}

/// Rows, hits and errors.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Counts {
    rows: u64,
    hits: u64,
    errors: u64,
}

impl Counts {
    fn add(&mut self, rows: u64, hits: u64, errors: u64) {
        self.rows += rows;
        self.hits += hits;
        self.errors += errors;
    }
}

impl Ranking {
    /// Units of the same kind, such as tokens: one score each, and whether it is wrong. `lengths` has the number of
    /// units in each sentence; the units of the first sentence come first.
    pub fn new(scores: &[f64], positive: &[bool], lengths: &[usize]) -> Self {
        debug_assert_eq!(scores.len(), positive.len(), "one score a unit");
        debug_assert_eq!(scores.len(), lengths.iter().sum::<usize>(), "each unit is in a sentence");
        let sentences = (0_u32..).zip(lengths).flat_map(|(sentence, &length)| (0..length).map(move |_| sentence));
        let finds: Vec<Find> = sentences
            .zip(scores.iter().zip(positive))
            .map(|(sentence, (&score, &wrong))| Find { sentence, score, found: u32::from(wrong) })
            .collect();
        let mut errors = vec![0; lengths.len()];
        finds.iter().for_each(|find| errors[find.sentence as usize] += find.found);
        Self::of_finds(&finds, &errors)
    }

    /// Rows that find errors, of which `errors` has the number in each sentence, found or not.
    pub fn of_finds(finds: &[Find], errors: &[u32]) -> Self {
        let mut sentences: Vec<Counts> =
            errors.iter().map(|&errors| Counts { errors: u64::from(errors), ..Counts::default() }).collect();
        for find in finds {
            sentences[find.sentence as usize].add(1, u64::from(find.found > 0), 0);
        }
        let clean = |find: &Find| if find.score.is_nan() { f64::NEG_INFINITY } else { find.score };
        let mut ranked: Vec<(f64, &Find)> = finds.iter().map(|find| (clean(find), find)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ends = |index: usize| ranked.get(index + 1).is_none_or(|(next, _)| *next != ranked[index].0);
        let rows = ranked.iter().enumerate();
        let rows =
            rows.map(|(i, (_, find))| Row { sentence: find.sentence, found: find.found, ends: ends(i) }).collect();
        Self { rows, sentences }
    }

    /// The scores, without intervals; `None` if there is no error.
    pub fn scores(&self) -> Option<RankingScores> {
        self.weighted(|_| 1)
    }

    /// The scores with their intervals. Linear in rows × replicates; the replicates run in parallel.
    pub fn scores_with_intervals(&self, replicates: &Replicates) -> Option<RankingScores> {
        let mut scores = self.scores()?;
        let drawn: Vec<RankingScores> = replicates
            .weights()
            .par_iter()
            .map(|weights| self.weighted(|sentence| u64::from(weights[sentence])))
            .collect::<Vec<_>>()
            .into_iter()
            .flatten()
            .collect();
        scores.intervals = RankingIntervals::of(&drawn);
        Some(scores)
    }

    fn weighted(&self, weight: impl Fn(usize) -> u64) -> Option<RankingScores> {
        let mut all = Counts::default();
        for (sentence, counts) in self.sentences.iter().enumerate() {
            let weight = weight(sentence);
            all.add(weight * counts.rows, weight * counts.hits, weight * counts.errors);
        }
        if all.errors == 0 {
            return None;
        }
        let [one, five, ten] = PERCENTS.map(|percent| (all.rows * percent as u64).div_ceil(100));
        // Which of 1, 5, 10 % the number of errors lies between differs: they are visited in rising order.
        let mut cuts = [(one, 0), (five, 1), (ten, 2), (all.errors.min(all.rows), 3)];
        cuts.sort_unstable();
        let mut cuts = cuts.into_iter().peekable();
        let mut at = [Cut::default(); 4];
        let (mut above, mut tied) = (Counts::default(), Counts::default());
        let (mut sum, mut n_found) = (0.0, 0);
        for row in &self.rows {
            let weight = weight(row.sentence as usize);
            tied.add(weight, if row.found > 0 { weight } else { 0 }, weight * u64::from(row.found));
            if !row.ends || tied.rows == 0 {
                continue;
            }
            let reached = above.rows + tied.rows;
            while let Some((n, which)) = cuts.next_if(|&(n, _)| n <= reached) {
                at[which] = cut(n, &above, &tied, &all);
            }
            above.add(tied.rows, tied.hits, tied.errors);
            if tied.errors > 0 {
                sum += tied.errors as f64 * above.hits as f64 / above.rows as f64;
                n_found += tied.errors;
            }
            tied = Counts::default();
        }
        let average_precision = sum / all.errors as f64;
        let base_rate = ratio(all.hits as f64, all.rows as f64);
        let chance = base_rate * n_found as f64 / all.errors as f64;
        let [at_1_percent, at_5_percent, at_10_percent, at_n_errors] = at;
        Some(RankingScores {
            n: all.rows as usize,
            n_errors: all.errors as usize,
            base_rate,
            average_precision,
            lift: (chance > 0.0).then(|| average_precision / chance),
            at_1_percent,
            at_5_percent,
            at_10_percent,
            at_n_errors,
            intervals: None,
        })
    }
}

/// The first `n` rows: all `above`, and for the rest as many of the `tied` ones, by expectation.
fn cut(n: u64, above: &Counts, tied: &Counts, all: &Counts) -> Cut {
    let share = (n - above.rows) as f64 / tied.rows as f64;
    let hits = above.hits as f64 + share * tied.hits as f64;
    let found = above.errors as f64 + share * tied.errors as f64;
    let precision = ratio(hits, n as f64);
    let base_rate = all.hits as f64 / all.rows as f64;
    Cut {
        n_inspected: n as usize,
        precision,
        recall: found / all.errors as f64,
        lift: (all.hits > 0).then(|| precision / base_rate),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::detection;
    use crate::random::Streams;

    #[test]
    fn one_row_can_find_two_errors_and_an_error_can_stay_unfound() {
        // Rows: finds two, false alarm, finds one; a fourth error is in no row. AP = (2/4)·1 + (1/4)·(2/3) = 2/3. All
        // rows together: precision 2/3, recall 3/4, so chance is 1/2.
        let find = |score, found| Find { sentence: 0, score, found };
        let ranking = Ranking::of_finds(&[find(0.1, 1), find(0.9, 2), find(0.5, 0)], &[4]);
        let scores = ranking.scores().unwrap();
        assert!((scores.average_precision - 2.0 / 3.0).abs() < 1e-15);
        assert!((scores.lift.unwrap() - 4.0 / 3.0).abs() < 1e-15);
        assert_eq!(scores.at_n_errors, Cut { n_inspected: 3, precision: 2.0 / 3.0, recall: 0.75, lift: Some(1.0) });
        assert_eq!((scores.at_1_percent.n_inspected, scores.at_1_percent.recall), (1, 0.5));
    }

    #[test]
    fn without_errors_there_is_no_value_and_without_rows_nothing_is_found() {
        assert_eq!(Ranking::new(&[0.1, 0.2], &[false; 2], &[2]).scores(), None);
        let scores = Ranking::of_finds(&[], &[0, 3]).scores().unwrap();
        assert_eq!((scores.average_precision, scores.base_rate, scores.lift), (0.0, 0.0, None));
        assert_eq!(scores.at_n_errors, Cut::default());
    }

    #[test]
    fn one_score_for_all_is_chance() {
        let scores =
            Ranking::new(&[0.5; 8], &[true, false, false, false, true, false, false, false], &[8]).scores().unwrap();
        assert_eq!((scores.average_precision, scores.base_rate, scores.lift), (0.25, 0.25, Some(1.0)));
        assert_eq!(scores.at_10_percent.precision, 0.25);
    }

    /// Sentences with their tokens' scores and truths.
    fn sentences() -> impl Strategy<Value = Vec<Vec<(f64, bool)>>> {
        let token = (0_u8..6, 0_u8..4).prop_map(|(score, wrong)| (f64::from(score) / 4.0, wrong == 0));
        proptest::collection::vec(proptest::collection::vec(token, 0..6), 1..8)
    }

    fn flat(sentences: &[Vec<(f64, bool)>]) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
        let (scores, positive) = sentences.iter().flatten().copied().unzip();
        (scores, positive, sentences.iter().map(Vec::len).collect())
    }

    proptest! {
        #[test]
        fn scores_equal_those_of_detection(sentences in sentences()) {
            let (scores, positive, lengths) = flat(&sentences);
            let ours = Ranking::new(&scores, &positive, &lengths).scores();
            prop_assert_eq!(ours.is_some(), positive.contains(&true));
            let Some(ours) = ours else { return Ok(()) };
            let expected = detection::average_precision(&scores, &positive).unwrap();
            prop_assert!((ours.average_precision - expected).abs() < 1e-12);
            for cut in [ours.at_1_percent, ours.at_5_percent, ours.at_10_percent, ours.at_n_errors] {
                // A share that rounds up to the number of rows inspected.
                let share = (cut.n_inspected as f64 - 0.5) / scores.len() as f64;
                let expected = detection::scores_at_share(&scores, &positive, share).unwrap();
                prop_assert!((cut.precision - expected.precision).abs() < 1e-12);
                prop_assert!((cut.recall - expected.recall).abs() < 1e-12);
                let lift = detection::lift(expected.precision, &positive).unwrap();
                prop_assert!((cut.lift.unwrap() - lift).abs() < 1e-12);
            }
        }

        #[test]
        fn weights_are_the_same_as_copies(sentences in sentences(), weights in proptest::collection::vec(0_u64..4, 8)) {
            let (scores, positive, lengths) = flat(&sentences);
            let copies: Vec<Vec<(f64, bool)>> = sentences
                .iter()
                .zip(&weights)
                .flat_map(|(sentence, &weight)| (0..weight).map(|_| sentence.clone()))
                .collect();
            let (copied_scores, copied_positive, copied_lengths) = flat(&copies);
            let weighted = Ranking::new(&scores, &positive, &lengths).weighted(|sentence| weights[sentence]);
            prop_assert_eq!(weighted, Ranking::new(&copied_scores, &copied_positive, &copied_lengths).scores());
        }
    }

    #[test]
    fn intervals_surround_the_value_and_narrow_with_the_data() {
        let width = |n: usize| {
            let scores: Vec<f64> = (0..n).map(|i| (i * 7919 % 1000) as f64).collect();
            let positive: Vec<bool> = (0..n).map(|i| i * 7919 % 1000 > 900 && i % 3 > 0).collect();
            let ranking = Ranking::new(&scores, &positive, &vec![5; n / 5]);
            let scores = ranking.scores_with_intervals(&Replicates::draw(n / 5, 200, Streams::new(1))).unwrap();
            let intervals = scores.intervals.unwrap();
            let interval = intervals.average_precision;
            assert!(interval.low < scores.average_precision && scores.average_precision < interval.high);
            assert_eq!(intervals.n_replicates, 200);
            interval.high - interval.low
        };
        assert!(width(10_000) < 0.7 * width(1_000));
    }
}
