//! Numbers of tokens by confidence and variability, epoch by epoch.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Example;
use crate::{Error, Result};

/// Cells of the map in each direction.
const N_CELLS: usize = 25;
/// The largest standard deviation that values between 0 and 1 can have.
const MOST_VARIABILITY: f64 = 0.5;

/// Data maps of the training tokens: for each panel and epoch, how many tokens of each group lie in each cell of confidence
/// (mean probability of the given label up to that epoch) and variability (its standard deviation).
///
/// Source: Swayamdipta et al. 2020, arXiv:2009.10795, section 2.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataMap {
    /// Cells in each direction.
    n_cells: usize,
    /// Where the axis of variability ends.
    most_variability: f64,
    /// The groups' names.
    groups: Vec<String>,
    /// In the order of their first count.
    pub(super) panels: Vec<MapPanel>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MapPanel {
    name: String,
    epochs: Vec<MapEpoch>,
    /// Some tokens, with their cells.
    pub examples: Vec<PlacedExample>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct MapEpoch {
    epoch: u32,
    /// For each group, tokens by cell: `row × n_cells + column`, rows from confidence 0 up, columns from variability 0.
    counts: Vec<BTreeMap<usize, u64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PlacedExample {
    #[serde(flatten)]
    example: Example,
    /// Its cell by epoch.
    cells: BTreeMap<u32, usize>,
}

impl DataMap {
    /// Empty maps of groups of tokens, such as `correct label` and `noisy label`; four at most have colours of their own.
    pub fn new<S: Into<String>>(groups: impl IntoIterator<Item = S>) -> Self {
        Self {
            n_cells: N_CELLS,
            most_variability: MOST_VARIABILITY,
            groups: groups.into_iter().map(Into::into).collect(),
            panels: Vec::new(),
        }
    }

    /// Counts tokens of group `group` (its index in [`DataMap::new`]) by (confidence, variability) up to and including an epoch;
    /// those without both numbers are left out. May be called several times with the same panel, epoch and group.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no such group.
    pub fn count(
        &mut self,
        panel: &str,
        epoch: u32,
        group: usize,
        tokens: impl IntoIterator<Item = (f64, f64)>,
    ) -> Result<()> {
        let n_groups = self.groups.len();
        if group >= n_groups {
            return Err(Error::Internal(format!("group {group} of a data map with {n_groups} groups")));
        }
        let panel = self.panel(panel);
        let i = match panel.epochs.binary_search_by_key(&epoch, |other| other.epoch) {
            Ok(i) => i,
            Err(i) => {
                panel.epochs.insert(i, MapEpoch { epoch, counts: vec![BTreeMap::new(); n_groups] });
                i
            }
        };
        for cell in tokens.into_iter().filter_map(cell) {
            *panel.epochs[i].counts[group].entry(cell).or_default() += 1;
        }
        Ok(())
    }

    /// Adds a token that is listed when a reader chooses the cell it lies in; `places` are its (epoch, confidence,
    /// variability). Some hundred tokens in a panel are enough, more of rare cells than of the crowded ones.
    pub fn example(&mut self, panel: &str, example: Example, places: impl IntoIterator<Item = (u32, f64, f64)>) {
        let place = |(epoch, confidence, variability)| Some((epoch, cell((confidence, variability))?));
        let cells = places.into_iter().filter_map(place).collect();
        self.panel(panel).examples.push(PlacedExample { example, cells });
    }

    fn panel(&mut self, name: &str) -> &mut MapPanel {
        let i = self.panels.iter().position(|other| other.name == name).unwrap_or_else(|| {
            self.panels.push(MapPanel { name: name.to_owned(), epochs: Vec::new(), examples: Vec::new() });
            self.panels.len() - 1
        });
        &mut self.panels[i]
    }
}

fn cell((confidence, variability): (f64, f64)) -> Option<usize> {
    if confidence.is_nan() || variability.is_nan() {
        return None;
    }
    let step = |share: f64| ((share * N_CELLS as f64).max(0.0) as usize).min(N_CELLS - 1);
    Some(step(confidence) * N_CELLS + step(variability / MOST_VARIABILITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_in_their_cells() {
        assert_eq!(cell((0.0, 0.0)), Some(0));
        assert_eq!(cell((1.0, 0.5)), Some(624));
        assert_eq!(cell((0.5, 0.25)), Some(12 * 25 + 12));
        assert_eq!(cell((f64::NAN, 0.25)), None);
        let mut map = DataMap::new(["all"]);
        map.count("a", 2, 0, [(0.5, 0.25), (0.51, 0.255), (f64::NAN, 0.0)]).unwrap();
        map.count("a", 1, 0, [(1.0, 0.0)]).unwrap();
        let epochs: Vec<u32> = map.panels[0].epochs.iter().map(|epoch| epoch.epoch).collect();
        assert_eq!(epochs, [1, 2]);
        assert_eq!(map.panels[0].epochs[1].counts[0], BTreeMap::from([(312, 2)]));
        assert!(map.count("a", 1, 1, []).is_err());
    }
}
