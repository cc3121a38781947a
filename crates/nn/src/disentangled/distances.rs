//! Which row of a table of relative positions a distance between two subwords has.
//!
//! Of a table of 2·span rows, distance δ = query − key has row b(δ) + span, cut off at both ends. Without buckets
//! b(δ) = δ; with B of them (arXiv 2111.09543 leaves it to the code; transformers' `make_log_bucket_position`), small
//! distances have a row each and larger ones share them, on a logarithmic scale that ends at the largest one M:
//!
//! ```text
//! b(δ) = δ                                                              |δ| ≤ B/2
//!        sign(δ)·(B/2 + ⌈(B/2 − 1)·ln(2|δ|/B) / ln(2(M − 1)/B)⌉)        beyond
//! ```
//!
//! As b never descends, the distances of a sentence have rows side by side: those of the longest sentence of a batch
//! are all that is looked at.

use std::ops::Range;
use std::sync::Arc;

/// How distances are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buckets {
    /// B, if distances are put into buckets.
    buckets: Option<usize>,
    /// M.
    largest: usize,
}

impl Buckets {
    /// Distances up to `largest`, in `buckets` for each direction, or a row each; `None` where there is no such scale
    /// (fewer than two buckets, or more than twice as many as distances).
    pub fn new(buckets: Option<usize>, largest: usize) -> Option<Self> {
        let sound = match buckets {
            Some(buckets) => buckets >= 2 && largest > buckets / 2 + 1,
            None => largest >= 1,
        };
        sound.then_some(Self { buckets, largest })
    }

    /// Half of the table's rows.
    pub fn span(&self) -> usize {
        self.buckets.unwrap_or(self.largest)
    }

    /// The table's row of a distance, query − key.
    ///
    /// ```
    /// let buckets = memoscope_nn::Buckets::new(Some(16), 64).expect("a scale");
    /// let rows = [-1000, -9, -8, 0, 8, 9, 10, 1000].map(|distance| buckets.row(distance));
    /// assert_eq!(rows, [0, 7, 8, 16, 24, 25, 25, 31]);
    /// ```
    pub fn row(&self, distance: isize) -> usize {
        let span = self.span() as isize;
        let number = match self.buckets {
            Some(buckets) => self.bucket(distance, buckets / 2),
            None => distance,
        };
        (number + span).clamp(0, 2 * span - 1) as usize
    }

    /// In single precision, as PyTorch has it: the borders between buckets depend on it.
    fn bucket(&self, distance: isize, middle: usize) -> isize {
        let size = distance.unsigned_abs();
        if size <= middle {
            return distance;
        }
        let scale = ((self.largest - 1) as f32 / middle as f32).ln();
        let steps = (size as f32 / middle as f32).ln() / scale * (middle - 1) as f32;
        distance.signum() * (steps.ceil() as isize + middle as isize)
    }

    /// The rows of the distances in sentences of up to `longest` subwords.
    pub fn distances(&self, longest: usize) -> Distances {
        let end = longest.max(1) as isize;
        let rows: Vec<usize> = (1 - end..end).map(|distance| self.row(distance)).collect();
        let (first, last) = (rows[0], rows[rows.len() - 1]);
        let relative = rows.iter().map(|row| (row - first) as u32).collect();
        Distances { table_rows: first..last + 1, rows: relative, longest: longest.max(1) }
    }
}

/// The rows of the distances in one batch.
#[derive(Debug, Clone)]
pub struct Distances {
    table_rows: Range<usize>,
    /// For each distance from 1 − longest on its row, counted from the first of `table_rows`.
    rows: Arc<[u32]>,
    longest: usize,
}

impl Distances {
    /// The rows of the table that the batch looks at.
    pub fn table_rows(&self) -> Range<usize> {
        self.table_rows.clone()
    }

    /// Subwords of the longest sentence.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// For each distance from 1 − longest to longest − 1 its row among [`Self::table_rows`], ascending.
    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From PyTorch 2.15 and transformers 5.23:
    ///
    /// ```python
    /// from transformers.models.deberta_v2.modeling_deberta_v2 import make_log_bucket_position
    /// for b, m in [(256, 512), (16, 64), (32, 128), (8, 40), (256, 1024), (64, 65), (320, 512), (3, 50)]:
    ///     d = torch.arange(1, 1101)
    ///     print((make_log_bucket_position(d, b, m).long() * d).sum())
    /// ```
    #[test]
    fn buckets_are_those_of_transformers() {
        let expected = [
            (256, 512, 169_584_643),
            (16, 64, 14_240_041),
            (32, 128, 26_354_124),
            (8, 40, 6_843_886),
            (256, 1024, 138_818_015),
            (64, 65, 101_954_264),
            (320, 512, 215_811_924),
            (3, 50, 605_550),
        ];
        for (n, largest, sum) in expected {
            let buckets = Buckets::new(Some(n), largest).unwrap();
            let bucket = |distance| buckets.bucket(distance, n / 2);
            assert_eq!((1..=1100).map(|d| d * bucket(d)).sum::<isize>(), sum, "{n} buckets up to {largest}");
            assert!((1..=1100).all(|d| bucket(-d) == -bucket(d)));
        }
    }

    #[test]
    fn a_batch_looks_at_the_rows_of_its_longest_sentence() {
        let distances = Buckets::new(None, 4).unwrap().distances(3);
        assert_eq!((distances.table_rows(), distances.rows()), (2..7, &[0, 1, 2, 3, 4][..]));
        let distances = Buckets::new(None, 2).unwrap().distances(4);
        assert_eq!((distances.table_rows(), distances.rows()), (0..4, &[0, 0, 1, 2, 3, 3, 3][..]));
        assert_eq!(Buckets::new(Some(8), 40).unwrap().distances(0).table_rows(), 8..9);
    }

    #[test]
    fn a_scale_without_room_is_none() {
        for (buckets, largest) in [(Some(1), 64), (Some(16), 9), (None, 0)] {
            assert_eq!(Buckets::new(buckets, largest), None);
        }
    }
}
