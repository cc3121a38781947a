//! Finding noise by clustering losses.
//!
//! While a pretrained model resists wrong labels, tokens with one keep a high loss against it: clustering all training
//! tokens' losses into two separates noisy from clean (arXiv 2105.00828, section 5; there after the last of 4 epochs).
//! How well depends on when: before fitting every loss is high, after the onset of memorisation the noisy ones sink.
//! So detection is scored at every epoch. Clustering whole trajectories (epochs as dimensions, standardised) needs no
//! such choice.
//!
//! * [`split`]: two clusters in one dimension, exactly, by sorting.
//! * [`kmeans`]: any number of clusters in any dimension, with linfa; clusters ordered by mean loss, the first lowest.
//! * [`detection`]: precision, recall, F1 and average precision of the high-loss cluster against known noise.

mod detection;
mod kmeans;
mod split;

pub use detection::{Detection, detection};
pub use kmeans::{Clustering, Points, kmeans, mean_and_deviation};
pub use split::{Split, split};
