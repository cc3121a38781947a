//! Forgetting, learning and first learning events (Toneva et al., ICLR 2019, arXiv 1812.05159; STUDIES follows arXiv
//! 2105.00828).
//!
//! A unit (a token, an entity, a sentence) is right in an epoch or it is not, compared with its *given* label. Against
//! the epoch before, a change from right to wrong is a *forgetting event*, from wrong to right a *learning event*;
//! being right at the first presentation counts as learning. The *first learning event* is the first epoch it is right.
//!
//! By hand: wrong, right, right, wrong, right is two learning events (epochs 2 and 5), one forgetting event (4), first
//! learned in 2.
//!
//! Counting is streaming: one epoch at a time, memory linear in the units. An epoch in which a unit was not observed is
//! passed over.
//!
//! # Two conventions
//! A unit that was never right was never forgotten either. The paper therefore counts it as *unforgettable*; Toneva et
//! al. sort such examples as forgotten infinitely often, which makes them *forgettable*. Shares are given by both.

/// Counts events of a fixed number of units, epoch by epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EventCounter {
    presented: Vec<bool>,
    right: Vec<bool>,
    events: UnitEvents,
}

/// Events of each unit so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnitEvents {
    /// The one-based epoch in which the unit was first right; `None`: never.
    pub first_learning: Vec<Option<u32>>,
    /// Learning events.
    pub learning: Vec<u32>,
    /// Forgetting events.
    pub forgetting: Vec<u32>,
}

/// What happened in one epoch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EpochEvents {
    /// Units that were right for the first time.
    pub first_learned: Vec<usize>,
    /// Forgetting events.
    pub forgetting: u64,
}

impl EventCounter {
    /// A counter for `n` units.
    pub fn new(n: usize) -> Self {
        Self {
            presented: vec![false; n],
            right: vec![false; n],
            events: UnitEvents { first_learning: vec![None; n], learning: vec![0; n], forgetting: vec![0; n] },
        }
    }

    /// Takes an epoch's observations, `(unit, right)` each unit at most once; epochs must come in order.
    pub fn observe(&mut self, epoch: u32, units: impl IntoIterator<Item = (usize, bool)>) -> EpochEvents {
        let mut happened = EpochEvents::default();
        for (unit, right) in units {
            match (self.right[unit], right) {
                (true, false) => {
                    self.events.forgetting[unit] += 1;
                    happened.forgetting += 1;
                }
                (false, true) => {
                    self.events.learning[unit] += 1;
                    if self.events.first_learning[unit].is_none() {
                        self.events.first_learning[unit] = Some(epoch);
                        happened.first_learned.push(unit);
                    }
                }
                _ => {}
            }
            self.right[unit] = right;
            self.presented[unit] = true;
        }
        happened
    }

    /// True for units that were observed at least once; the others take no part in shares.
    pub fn presented(&self) -> &[bool] {
        &self.presented
    }

    /// Events so far.
    pub fn events(&self) -> &UnitEvents {
        &self.events
    }
}

/// Shares of the units of a group; all 0 for an empty group.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shares {
    /// Units in the group.
    pub n: u64,
    /// One or more forgetting events.
    pub forgettable: f64,
    /// No forgetting event, never learned included: the paper's convention.
    pub unforgettable: f64,
    /// One or more learning events.
    pub learned: f64,
    /// No learning event.
    pub never_learned: f64,
    /// Forgotten or never learned: Toneva et al.'s convention.
    pub forgettable_toneva: f64,
    /// Learned and never forgotten.
    pub unforgettable_toneva: f64,
}

impl Shares {
    /// The shares among `units` (indices).
    pub fn of(events: &UnitEvents, units: impl IntoIterator<Item = usize>) -> Self {
        let (mut n, mut forgotten, mut learned, mut kept) = (0_u64, 0_u64, 0_u64, 0_u64);
        for unit in units {
            let is_forgotten = events.forgetting[unit] > 0;
            let is_learned = events.learning[unit] > 0;
            n += 1;
            forgotten += u64::from(is_forgotten);
            learned += u64::from(is_learned);
            kept += u64::from(is_learned && !is_forgotten);
        }
        let share = |count: u64| if n == 0 { 0.0 } else { count as f64 / n as f64 };
        Self {
            n,
            forgettable: share(forgotten),
            unforgettable: share(n - forgotten),
            learned: share(learned),
            never_learned: share(n - learned),
            forgettable_toneva: share(n - kept),
            unforgettable_toneva: share(kept),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(history: &[bool]) -> UnitEvents {
        let mut counter = EventCounter::new(1);
        for (index, &right) in history.iter().enumerate() {
            counter.observe(index as u32 + 1, [(0, right)]);
        }
        counter.events().clone()
    }

    #[test]
    fn the_example_done_by_hand() {
        let events = count(&[false, true, true, false, true]);
        assert_eq!((events.learning[0], events.forgetting[0], events.first_learning[0]), (2, 1, Some(2)));
    }

    #[test]
    fn right_at_first_sight_is_learned_in_epoch_one() {
        let events = count(&[true, true]);
        assert_eq!((events.learning[0], events.forgetting[0], events.first_learning[0]), (1, 0, Some(1)));
    }

    #[test]
    fn never_learned_is_where_the_conventions_part() {
        let mut counter = EventCounter::new(4);
        // Kept, forgotten, never learned, never learned.
        counter.observe(1, [(0, true), (1, true), (2, false), (3, false)]);
        counter.observe(2, [(0, true), (1, false), (2, false), (3, false)]);
        let shares = Shares::of(counter.events(), 0..4);
        assert_eq!((shares.forgettable, shares.unforgettable), (0.25, 0.75));
        assert_eq!((shares.forgettable_toneva, shares.unforgettable_toneva), (0.75, 0.25));
        assert_eq!((shares.learned, shares.never_learned), (0.5, 0.5));
        assert_eq!(Shares::of(counter.events(), []), Shares::default());
    }

    #[test]
    fn an_epoch_without_the_unit_is_passed_over() {
        let mut counter = EventCounter::new(2);
        counter.observe(1, [(0, true)]);
        counter.observe(2, []);
        counter.observe(3, [(0, false)]);
        assert_eq!(counter.events().forgetting[0], 1);
        assert_eq!(counter.presented(), [true, false]);
    }

    proptest! {
        #[test]
        fn learning_and_forgetting_alternate(history in proptest::collection::vec(any::<bool>(), 1..40)) {
            let events = count(&history);
            let right_now = u32::from(*history.last().unwrap());
            prop_assert_eq!(events.learning[0], events.forgetting[0] + right_now);
            prop_assert_eq!(
                events.first_learning[0],
                history.iter().position(|&right| right).map(|index| index as u32 + 1)
            );
        }
    }
}
