//! Views of the report's page that change with the epoch: a slider moves through them.
//!
//! A view is counted from values of single tokens, one panel and epoch after the other, and holds the counts alone:
//!
//! ```
//! use memoscope::report::{Interactive, LossHistogram};
//!
//! let mut histogram = LossHistogram::new(["correct label", "noisy label"]);
//! histogram.count("30 % noise", 1, 0, [0.7, 0.01])?; // epoch 1, the first group
//! histogram.count("30 % noise", 1, 1, [2.3])?;
//! let view = Interactive::loss_histogram("loss", "Loss of training tokens", "Against the given label.", histogram);
//! # assert_eq!(view.name, "loss");
//! # Ok::<(), memoscope::Error>(())
//! ```
//!
//! Panels (a noise level, an encoder) appear in the order in which they are first counted. The page lets its reader choose one.
//! Views hold no text of the corpus, except for the examples of a data map: they are embedded only if
//! [`super::StudyReport::embed_text`] is set.

mod data_map;
mod histogram;
mod sample;

pub use data_map::DataMap;
pub use histogram::LossHistogram;
pub use sample::{Example, Sample};

use serde::Serialize;

/// A view with an epoch slider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interactive {
    /// Its anchor in the page: letters, digits, `-` and `_`.
    pub name: String,
    /// The heading.
    pub title: String,
    /// What is shown, and what means what.
    pub caption: String,
    /// The counts.
    pub view: View,
}

/// What an interactive view shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum View {
    /// Numbers of tokens by loss.
    LossHistogram(LossHistogram),
    /// Numbers of tokens by confidence and variability.
    DataMap(DataMap),
}

impl Interactive {
    /// A loss histogram under a heading.
    pub fn loss_histogram(
        name: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        histogram: LossHistogram,
    ) -> Self {
        Self { name: name.into(), title: title.into(), caption: caption.into(), view: View::LossHistogram(histogram) }
    }

    /// A data map under a heading.
    pub fn data_map(
        name: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        map: DataMap,
    ) -> Self {
        Self { name: name.into(), title: title.into(), caption: caption.into(), view: View::DataMap(map) }
    }

    /// Whether nothing was counted; such a view is left out of the page.
    pub fn is_empty(&self) -> bool {
        match &self.view {
            View::LossHistogram(histogram) => histogram.panels.is_empty(),
            View::DataMap(map) => map.panels.is_empty(),
        }
    }

    /// The same without examples from the corpus.
    pub(super) fn without_text(&self) -> Self {
        let mut view = self.clone();
        if let View::DataMap(map) = &mut view.view {
            map.panels.iter_mut().for_each(|panel| panel.examples.clear());
        }
        view
    }
}
