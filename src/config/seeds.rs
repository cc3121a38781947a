//! The seeds of a study: how many, or which.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Seeds of the runs at each grid point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Seeds {
    /// The number of seeds: 1, 2, ... up to this number.
    Count(u32),
    /// The list of seeds.
    List(Vec<u64>),
}

impl Seeds {
    /// Seeds that a study may have at most.
    pub const MOST: usize = 10_000;

    /// How many there are.
    pub fn n(&self) -> usize {
        match self {
            Self::Count(count) => *count as usize,
            Self::List(seeds) => seeds.len(),
        }
    }

    /// Refuses more seeds than [`Seeds::MOST`], before they are listed.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let n = self.n();
        if n > Self::MOST { Err(format!("{n} seeds, and at most {} are allowed", Self::MOST)) } else { Ok(()) }
    }

    /// The seeds, in order.
    ///
    /// ```
    /// use memoscope::config::Seeds;
    /// assert_eq!(Seeds::Count(3).list(), [1, 2, 3]);
    /// assert_eq!(Seeds::List(vec![106]).list(), [106]);
    /// ```
    pub fn list(&self) -> Vec<u64> {
        match self {
            Self::Count(count) => (1..=u64::from(*count)).collect(),
            Self::List(seeds) => seeds.clone(),
        }
    }
}

// By hand, because serde's untagged enums say only that nothing matched, not what was expected.
impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeedsVisitor;

        impl<'de> Visitor<'de> for SeedsVisitor {
            type Value = Seeds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seeds or a list of seeds")
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Seeds, E> {
                u32::try_from(count).map(Seeds::Count).map_err(|_| E::custom(format!("{count} seeds are too many")))
            }

            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Seeds, E> {
                match u64::try_from(count) {
                    Ok(count) => self.visit_u64(count),
                    Err(_) => Err(E::custom(format!("{count} is not a number of seeds"))),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Seeds, A::Error> {
                let mut seeds = Vec::new();
                while let Some(seed) = sequence.next_element::<i64>()? {
                    let seed = u64::try_from(seed)
                        .map_err(|_| A::Error::custom(format!("{seed} is not a seed: it must not be negative")))?;
                    seeds.push(seed);
                }
                Ok(Seeds::List(seeds))
            }
        }

        deserializer.deserialize_any(SeedsVisitor)
    }
}
