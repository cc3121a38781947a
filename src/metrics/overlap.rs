//! How far two sets drawn from the same things agree.
//!
//! With n things, of which a are in the first set, b in the second and c in both:
//!
//! * Jaccard index J = c / (a + b − c), 0 to 1. It grows with the sets: two that hold most things overlap whatever they are;
//! * the same *by chance*: with c = a·b/n, what independent sets of these sizes have in common on the mean;
//! * Cohen's κ = (p − e) / (1 − e) (Educational and Psychological Measurement 20, 1960): p = (n − a − b + 2c) / n is the share
//!   of things that are in both or in neither, e = (a·b + (n − a)(n − b)) / n² the same by chance. 0 is chance, 1 the same
//!   set, below 0 less than chance: comparable between pairs whose sizes differ. Sets of different size cannot reach 1.
//!
//! By hand, n = 12, a = 5, b = 4, c = 3: J = 3/6; by chance c = 20/12, so (5/3)/(9 − 5/3) = 5/22; p = 9/12, e = (20 + 56)/144,
//! κ = (108 − 76)/(144 − 76) = 8/17.

/// Sizes of two sets and of what is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// Things that both could have held.
    pub n: u64,
    /// Those in the first set.
    pub first: u64,
    /// Those in the second set.
    pub second: u64,
    /// Those in both.
    pub both: u64,
}

impl Overlap {
    /// From one pair of flags a thing: in the first set, in the second.
    ///
    /// ```
    /// use memoscope::metrics::Overlap;
    /// let overlap = Overlap::of([(true, true), (true, false), (false, false)]);
    /// assert_eq!(overlap.jaccard(), Some(0.5));
    /// ```
    pub fn of(members: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut overlap = Self::default();
        for (first, second) in members {
            overlap.n += 1;
            overlap.first += u64::from(first);
            overlap.second += u64::from(second);
            overlap.both += u64::from(first && second);
        }
        overlap
    }

    /// The Jaccard index, 0 to 1; `None` of two empty sets.
    pub fn jaccard(&self) -> Option<f64> {
        let either = self.first + self.second - self.both;
        (either > 0).then(|| self.both as f64 / either as f64)
    }

    /// The Jaccard index of independent sets of these sizes, 0 to 1; `None` of two empty sets.
    pub fn jaccard_by_chance(&self) -> Option<f64> {
        let (first, second) = (self.first as f64, self.second as f64);
        let both = first * second / (self.n as f64).max(1.0);
        (first + second > 0.0).then(|| both / (first + second - both))
    }

    /// Cohen's κ, −1 to 1; `None` where both sets are empty or both hold everything.
    pub fn kappa(&self) -> Option<f64> {
        let (n, first, second) = (self.n as f64, self.first as f64, self.second as f64);
        // In units of n², where whole numbers are exact.
        let agreed = n * (n - first - second + 2.0 * self.both as f64);
        let by_chance = first * second + (n - first) * (n - second);
        let beyond = n * n - by_chance;
        (beyond > 0.0).then(|| (agreed - by_chance) / beyond)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_done_by_hand_equals_scikit_learns() {
        // sklearn.metrics.cohen_kappa_score(x, y), jaccard_score(x, y): 0.47058823529411764, 0.5
        let x = [1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1];
        let y = [1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1];
        let overlap = Overlap::of(x.iter().zip(&y).map(|(x, y)| (*x == 1, *y == 1)));
        assert_eq!(overlap, Overlap { n: 12, first: 5, second: 4, both: 3 });
        assert_eq!(overlap.jaccard(), Some(0.5));
        assert!((overlap.jaccard_by_chance().unwrap() - 5.0 / 22.0).abs() < 1e-12);
        assert!((overlap.kappa().unwrap() - 0.470_588_235_294_117_64).abs() < 1e-12);
    }

    #[test]
    fn nothing_overlaps_with_nothing_in_no_way() {
        let empty = Overlap::of([(false, false); 3]);
        assert_eq!((empty.jaccard(), empty.jaccard_by_chance(), empty.kappa()), (None, None, None));
        let full = Overlap::of([(true, true); 3]);
        assert_eq!((full.jaccard(), full.jaccard_by_chance(), full.kappa()), (Some(1.0), Some(1.0), None));
        assert_eq!(Overlap::of([]).kappa(), None);
        let apart = Overlap::of([(true, false), (false, true)]);
        assert_eq!((apart.jaccard(), apart.kappa()), (Some(0.0), Some(-1.0)));
    }

    proptest! {
        #[test]
        fn a_set_agrees_with_itself_and_order_does_not_matter(members in proptest::collection::vec(any::<(bool, bool)>(), 1..60)) {
            let same = Overlap::of(members.iter().map(|m| (m.0, m.0)));
            prop_assert!(same.jaccard().is_none_or(|j| j == 1.0) && same.kappa().is_none_or(|k| k == 1.0));
            let (there, back) = (Overlap::of(members.clone()), Overlap::of(members.iter().map(|m| (m.1, m.0))));
            prop_assert_eq!((there.jaccard(), there.kappa()), (back.jaccard(), back.kappa()));
            prop_assert!(there.kappa().is_none_or(|k| (-1.0..=1.0).contains(&k)));
        }
    }
}
