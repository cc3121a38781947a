//! What a run forgets, in one pass: shares by group, how often tokens are forgotten, what goes with forgetting, and the
//! set of forgettable tokens, which can be compared with another run's.

use std::sync::Arc;

use super::TokenHistory;
use super::events::Shares;
use crate::dynamics::{Pass, TokenTable};
use crate::metrics::{Overlap, spearman};

/// Numbers of forgetting events that are told apart; this one stands for more, too.
const MOST_EVENTS: u32 = 5;

/// Forgetting of one run in one pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Forgetting {
    /// The pass in which events were counted.
    pub pass: Pass,
    /// Shares of `all`, `clean` and `noisy` tokens; groups without a token are left out.
    pub groups: Vec<(&'static str, Shares)>,
    /// Shares of tokens by their number of forgetting events.
    pub distribution: Distribution,
    /// Spearman's ρ of a token's forgetting events with its first-learning epoch, −1 to 1, over the tokens that were learned;
    /// null where one of the two is constant.
    pub with_first_learning: Option<f64>,
    /// The same with its mean margin.
    pub with_margin: Option<f64>,
    /// Which tokens were forgotten.
    pub forgettable: TokenSet,
}

/// Shares of tokens by their number of forgetting events, 0 to 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Distribution {
    /// Tokens that were learned and forgotten 0, 1, 2, … times; the last entry stands for more, too.
    pub forgotten: Vec<f64>,
    /// Tokens that were never learned.
    pub never_learned: f64,
}

/// A set of tokens among those that a run presented.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSet {
    /// Sentence and token of what was presented, ascending.
    presented: Arc<[(u32, u16)]>,
    /// One flag each: in the set.
    member: Vec<bool>,
}

impl Forgetting {
    /// Forgetting in a pass of a run of `n_epochs` epochs; `noisy` says which tokens have a wrong label, where that is known.
    pub fn of(history: &TokenHistory, tokens: &TokenTable, noisy: Option<&[bool]>, n_epochs: u32) -> Self {
        let presented: Vec<usize> = (0..history.presented.len()).filter(|&row| history.presented[row]).collect();
        let of_group = |keep: &dyn Fn(usize) -> bool| {
            Shares::of(&history.events, presented.iter().copied().filter(|&row| keep(row)))
        };
        let mut groups = vec![("all", of_group(&|_| true))];
        if let Some(noisy) = noisy {
            groups.push(("clean", of_group(&|row| !noisy[row])));
            groups.push(("noisy", of_group(&|row| noisy[row])));
        }
        groups.retain(|(_, shares)| shares.n > 0);
        let correlation = |other: &dyn Fn(usize) -> Option<f64>| {
            let learned = presented.iter().filter(|&&row| history.events.first_learning[row].is_some());
            let pair = |&row: &usize| Some((f64::from(history.events.forgetting[row]), other(row)?));
            spearman(&learned.filter_map(pair).collect::<Vec<_>>())
        };
        Self {
            pass: history.pass,
            groups,
            distribution: Distribution::of(history, n_epochs),
            with_first_learning: correlation(&|row| history.events.first_learning[row].map(f64::from)),
            with_margin: correlation(&|row| history.margin[row]),
            forgettable: TokenSet::new(
                presented
                    .iter()
                    .map(|&row| (tokens.sentence[row], tokens.token[row], history.events.forgetting[row] > 0)),
            ),
        }
    }

    /// The shares of a group: `all`, `clean` or `noisy`.
    pub fn shares(&self, group: &str) -> Option<&Shares> {
        self.groups.iter().find(|(name, _)| *name == group).map(|(_, shares)| shares)
    }
}

impl Distribution {
    /// Of a run with so many epochs: in E epochs a token can be forgotten E/2 times.
    ///
    /// By hand, in five epochs: never learned, kept, kept, forgotten once, forgotten twice: 0.4, 0.2, 0.2, and 0.2 apart.
    fn of(history: &TokenHistory, n_epochs: u32) -> Self {
        let most = MOST_EVENTS.min(n_epochs / 2) as usize;
        let (mut counts, mut never, mut n) = (vec![0_u64; most + 1], 0_u64, 0_u64);
        for (token, _) in history.presented.iter().enumerate().filter(|(_, presented)| **presented) {
            n += 1;
            match history.events.first_learning[token] {
                None => never += 1,
                Some(_) => counts[(history.events.forgetting[token] as usize).min(most)] += 1,
            }
        }
        let share = |count: u64| count as f64 / n.max(1) as f64;
        Self { forgotten: counts.into_iter().map(share).collect(), never_learned: share(never) }
    }

    /// What the entries of [`Self::forgotten`] are called: `0`, `1`, … `≥5`.
    pub fn names(n_entries: usize, n_epochs: u32) -> Vec<String> {
        let more = n_epochs / 2 > MOST_EVENTS;
        let name =
            |events: usize| if more && events + 1 == n_entries { format!("≥{events}") } else { events.to_string() };
        (0..n_entries).map(name).collect()
    }
}

impl TokenSet {
    /// A set of tokens: sentence, token, and whether it is in the set, ascending.
    pub fn new(tokens: impl IntoIterator<Item = (u32, u16, bool)>) -> Self {
        let (presented, member): (Vec<_>, Vec<_>) =
            tokens.into_iter().map(|(sentence, token, member)| ((sentence, token), member)).unzip();
        Self { presented: presented.into(), member }
    }

    /// The same set, which keeps its tokens where `other` keeps its own if they are equal: runs of one study present the same
    /// tokens as a rule.
    pub fn sharing(self, other: &Self) -> Self {
        let presented = if self.presented == other.presented { Arc::clone(&other.presented) } else { self.presented };
        Self { presented, ..self }
    }

    /// The overlap with another run's set, among the tokens that both presented: encoders cut long sentences at different
    /// places.
    pub fn overlap(&self, other: &Self) -> Overlap {
        let mut at = 0;
        let common = self.presented.iter().zip(&self.member).filter_map(|(token, member)| {
            while other.presented.get(at).is_some_and(|found| found < token) {
                at += 1;
            }
            (other.presented.get(at) == Some(token)).then(|| (*member, other.member[at]))
        });
        Overlap::of(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::events::UnitEvents;

    /// Never learned, kept, kept, forgotten once, forgotten twice, never seen.
    fn history() -> TokenHistory {
        TokenHistory {
            pass: Pass::Train,
            events: UnitEvents {
                first_learning: vec![None, Some(1), Some(1), Some(2), Some(3), None],
                learning: vec![0, 1, 1, 2, 2, 0],
                forgetting: vec![0, 0, 0, 1, 2, 0],
            },
            presented: vec![true, true, true, true, true, false],
            margin: vec![Some(-9.0), Some(4.0), Some(3.0), None, Some(1.0), None],
        }
    }

    fn tokens() -> TokenTable {
        TokenTable {
            sentence: vec![0; 6],
            token: (0..6).collect(),
            word: vec![String::new(); 6],
            given: vec![0; 6],
            gold: None,
            labels: vec!["O".into()],
        }
    }

    fn set(tokens: &[(u32, u16, bool)]) -> TokenSet {
        TokenSet::new(tokens.iter().copied())
    }

    #[test]
    fn tokens_are_counted_by_how_often_they_are_forgotten() {
        let distribution = Distribution::of(&history(), 5);
        assert_eq!((distribution.forgotten.as_slice(), distribution.never_learned), (&[0.4, 0.2, 0.2][..], 0.2));
        // What a short training cannot hold is not shown; the greatest number stands for more.
        assert_eq!(Distribution::of(&history(), 3).forgotten, [0.4, 0.4]);
        assert_eq!(Distribution::names(3, 5), ["0", "1", "2"]);
        assert_eq!(Distribution::names(6, 11), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(Distribution::names(6, 12)[4..], ["4", "≥5"]);
    }

    #[test]
    fn correlations_are_over_learned_tokens() {
        let found = Forgetting::of(&history(), &tokens(), Some(&[true, false, false, false, false, false]), 5);
        // Events 0, 0, 1, 2 against epochs 1, 1, 2, 3 rank alike; margins of three of them fall: 4, 3, 1 against 0, 0, 2.
        assert!((found.with_first_learning.unwrap() - 1.0).abs() < 1e-12);
        // scipy.stats.spearmanr([0, 0, 2], [4, 3, 1]).statistic
        assert!((found.with_margin.unwrap() + 0.866_025_403_784_438_7).abs() < 1e-12);
        let names: Vec<&str> = found.groups.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["all", "clean", "noisy"]);
        assert_eq!(found.shares("noisy").unwrap().never_learned, 1.0);
        assert_eq!((found.shares("all").unwrap().n, found.shares("all").unwrap().forgettable), (5, 0.4));
        let clean = Forgetting::of(&history(), &tokens(), Some(&[false; 6]), 5);
        assert_eq!(clean.groups.len(), 2, "no noisy token, no such group");
        assert_eq!(clean.forgettable, set(&[(0, 0, false), (0, 1, false), (0, 2, false), (0, 3, true), (0, 4, true)]));
    }

    #[test]
    fn only_tokens_that_both_presented_are_compared() {
        let a = set(&[(0, 0, true), (0, 1, true), (0, 2, false), (3, 0, true)]);
        let b = set(&[(0, 0, true), (0, 2, true), (1, 0, true), (3, 0, false), (4, 4, true)]);
        assert_eq!(a.overlap(&b), Overlap { n: 3, first: 2, second: 2, both: 1 });
        assert_eq!(b.overlap(&a), a.overlap(&b));
        assert_eq!(a.overlap(&set(&[])), Overlap::default());
        assert_eq!(a.clone().sharing(&b), a);
    }
}
