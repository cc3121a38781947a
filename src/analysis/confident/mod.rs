//! Confident learning: which given labels are wrong, from a model's out-of-sample probabilities (Northcutt, Jiang and
//! Chuang, JAIR 2021, arXiv 1911.00068, section 3). It is the reference that other scores are compared with.
//!
//! In three steps, with p(k) a token's probability of label k by a model that was not trained on it:
//!
//! 1. *Count* ([`ConfidentJoint`]). A label's threshold is the mean p(k) of the tokens given k. A token counts
//!    confidently as k if p(k) reaches k's threshold; of several such labels the most probable one. The counts by given
//!    and confident label, scaled to as many tokens as were given each label, estimate the joint distribution of given
//!    and true labels.
//! 2. *Normalise* ([`Latent`]): from the joint, P(given | true), P(true | given) and the prior of the true labels.
//! 3. *Filter* ([`find_issues`]): as many tokens as the joint says are wrong, those with the lowest margin first.
//!
//! By hand, two labels: given `0 0 0 1 1`, p(1) = 0.1, 0.2, 0.9, 0.8, 0.6. The thresholds are the means 0.6 for label 0
//! (of 0.9, 0.8, 0.1) and 0.7 for label 1. The tokens count as 0, 0, 1, 1 and nothing: the joint is `[[2, 1], [0, 1]]`
//! and, scaled to three and two tokens, `[[2, 1], [0, 2]]`. One token given 0 is wrong, the third.
//!
//! ```
//! use memoscope::analysis::confident::{ConfidentJoint, Filter, Predictions, find_issues};
//! # fn main() -> memoscope::Result<()> {
//! let probabilities = [0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.2, 0.8, 0.4, 0.6];
//! let predictions = Predictions::new(&probabilities, &[0, 0, 0, 1, 1], 2)?;
//! let joint = ConfidentJoint::count(&predictions);
//! assert_eq!(joint.counts, [[2, 1], [0, 1]]);
//! assert_eq!(joint.calibrated, [[2, 1], [0, 2]]);
//! let issues = find_issues(&predictions, &joint, Filter::PruneByNoiseRate, 1);
//! assert_eq!(issues, [false, false, true, false, false]);
//! # Ok(())
//! # }
//! ```
//!
//! Counts and masks equal those of cleanlab 2.9 with its default settings. Where several tokens have
//! equal scores at a filter's border, the earlier ones are taken; there cleanlab's choice depends on the processor.

mod filter;
mod joint;
mod latent;

pub use filter::{Filter, find_issues};
pub use joint::ConfidentJoint;
pub use latent::Latent;

use crate::error::{Error, Problem, Result};

/// Given labels, and a model's probabilities for the same tokens; checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Predictions<'a> {
    probabilities: &'a [f64],
    given: &'a [u8],
    n_labels: usize,
}

impl<'a> Predictions<'a> {
    /// `probabilities` has shape `[tokens, n_labels]`, row by row; `given` has one label a token. The probabilities should
    /// come from a model that was not trained on the token; rows need not sum to exactly 1.
    ///
    /// # Errors
    /// [`Error::Data`] with fewer than two labels, if the shapes do not agree, a label is outside of the inventory, or a
    /// probability is not between 0 and 1.
    pub fn new(probabilities: &'a [f64], given: &'a [u8], n_labels: usize) -> Result<Self> {
        let problem = if n_labels < 2 {
            Some(format!("confident learning needs two labels or more, not {n_labels}"))
        } else if probabilities.len() != given.len() * n_labels {
            let (n_tokens, n) = (given.len(), probabilities.len());
            Some(format!("{n} probabilities do not fit {n_tokens} tokens with {n_labels} labels"))
        } else if let Some(label) = given.iter().find(|&&label| usize::from(label) >= n_labels) {
            Some(format!("label {label} is outside of an inventory of {n_labels}"))
        } else {
            let wrong = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p));
            wrong.map(|p| format!("{p} is no probability"))
        };
        match problem {
            Some(what) => Err(Error::Data(Problem::new(what))),
            None => Ok(Self { probabilities, given, n_labels }),
        }
    }

    /// Labels in the inventory.
    pub fn n_labels(&self) -> usize {
        self.n_labels
    }

    /// The given labels.
    pub fn given(&self) -> &'a [u8] {
        self.given
    }

    /// Each token's given label and its probabilities.
    fn rows(&self) -> impl Iterator<Item = (usize, &'a [f64])> {
        self.given.iter().map(|&label| usize::from(label)).zip(self.probabilities.chunks_exact(self.n_labels))
    }

    /// Tokens given each label.
    fn label_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.n_labels];
        self.given.iter().for_each(|&label| counts[usize::from(label)] += 1);
        counts
    }
}

/// The most probable label; the first of several.
fn most_probable(probabilities: &[f64]) -> usize {
    let best = |best: usize, label: usize| if probabilities[label] > probabilities[best] { label } else { best };
    (1..probabilities.len()).fold(0, best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(probabilities: &[f64], given: &[u8], n_labels: usize) -> String {
        Predictions::new(probabilities, given, n_labels).unwrap_err().to_string()
    }

    #[test]
    fn shapes_must_agree() {
        assert_eq!(said(&[0.5, 0.5, 1.0], &[0, 1], 2), "3 probabilities do not fit 2 tokens with 2 labels");
    }

    #[test]
    fn one_label_is_not_enough() {
        assert!(said(&[1.0], &[0], 1).contains("two labels or more"));
    }

    #[test]
    fn labels_must_be_in_the_inventory() {
        assert_eq!(said(&[0.5, 0.5], &[2], 2), "label 2 is outside of an inventory of 2");
    }

    #[test]
    fn probabilities_must_be_probabilities() {
        assert_eq!(said(&[0.5, f64::NAN], &[0], 2), "NaN is no probability");
        assert_eq!(said(&[1.5, 0.0], &[0], 2), "1.5 is no probability");
    }

    #[test]
    fn no_token_has_no_issue() {
        let predictions = Predictions::new(&[], &[], 3).unwrap();
        let joint = ConfidentJoint::count(&predictions);
        assert_eq!(joint.calibrated, vec![vec![0; 3]; 3]);
        assert!(find_issues(&predictions, &joint, Filter::Both, 1).is_empty());
    }
}
