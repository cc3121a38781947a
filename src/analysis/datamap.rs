//! Data maps (Swayamdipta et al., EMNLP 2020, arXiv 2009.10795, section 2).
//!
//! Over the epochs in which a token was observed, with p the probability of its given label:
//!
//! * confidence = mean of p, 0 to 1;
//! * variability = population standard deviation of p, 0 to ½;
//! * correctness = share of epochs in which it was predicted as given, 0 to 1.
//!
//! Easy tokens are confident and steady, ambiguous ones vary, and what stays hard is often wrongly labelled. Computed in
//! one pass (Welford's recurrence), memory linear in the tokens.

/// A data map in the making.
#[derive(Debug, Clone, PartialEq)]
pub struct DataMap {
    n: Vec<u32>,
    mean: Vec<f64>,
    squares: Vec<f64>,
    right: Vec<u32>,
}

/// A token's place on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapPoint {
    /// Mean probability of the given label, 0 to 1.
    pub confidence: f64,
    /// Its population standard deviation, 0 to ½.
    pub variability: f64,
    /// Share of epochs predicted as given, 0 to 1.
    pub correctness: f64,
}

impl DataMap {
    /// A map of `n` tokens.
    pub fn new(n: usize) -> Self {
        Self { n: vec![0; n], mean: vec![0.0; n], squares: vec![0.0; n], right: vec![0; n] }
    }

    /// One token in one epoch.
    pub fn observe(&mut self, token: usize, p_given: f32, right: bool) {
        let p = f64::from(p_given);
        self.n[token] += 1;
        let before = p - self.mean[token];
        self.mean[token] += before / f64::from(self.n[token]);
        self.squares[token] += before * (p - self.mean[token]);
        self.right[token] += u32::from(right);
    }

    /// The token's place; `None` if it was never observed.
    pub fn point(&self, token: usize) -> Option<MapPoint> {
        let n = self.n[token];
        (n > 0).then(|| MapPoint {
            confidence: self.mean[token],
            variability: (self.squares[token] / f64::from(n)).max(0.0).sqrt(),
            correctness: f64::from(self.right[token]) / f64::from(n),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_done_by_hand() {
        // p = 0.25, 0.75: mean 0.5, deviations ±0.25.
        let mut map = DataMap::new(2);
        map.observe(0, 0.25, false);
        map.observe(0, 0.75, true);
        let point = map.point(0).unwrap();
        assert_eq!((point.confidence, point.variability, point.correctness), (0.5, 0.25, 0.5));
        assert_eq!(map.point(1), None);
    }
}
