//! How well the loss gives wrong labels away, epoch by epoch.
//!
//! Two measures: F1 of the cluster with the higher losses (2-means; arXiv 2105.00828), and average
//! precision with the loss as score, which needs no cut-off. Both rise while the model fits the clean tokens and fall
//! once it memorises the noisy ones; a diamond marks the best epoch.

use std::path::Path;

use polars::prelude::DataFrame;

use super::levels::{self, PanelPlan};
use super::scale::{Axis, percent};
use super::series::{self, by_noise};
use super::sheet::{FigureFiles, Sheet, Words};
use super::theme::{Style, Width};
use crate::Result;

/// Draws the figure from `epochs`: `noise, seed, epoch, noise_f1, noise_ap`; nulls where there is no noise.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(epochs: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let f1 = by_noise(epochs, "epoch", "noise_f1")?;
    let precision = by_noise(epochs, "epoch", "noise_ap")?;
    let (low, high) = series::extent(f1.iter().chain(&precision)).unwrap_or((1.0, 2.0));
    let words = Words {
        title: "How well the loss gives wrong labels away, epoch by epoch".into(),
        caption: format!(
            "Wrong labels found among the training tokens after each epoch, one line for each share of noise asked \
             for: F1 of the cluster with the higher losses (first panel; k-means, k = 2), and average precision with \
             the loss as score (second). Diamonds: best epoch. {}",
            levels::seeds_in_words(f1.iter().chain(&precision))
        ),
        alt: format!(
            "{} {}",
            levels::peaks_in_words("F1", &f1, "epoch"),
            levels::peaks_in_words("Average precision", &precision, "epoch")
        ),
    };
    let mut sheet = Sheet::new(words, style);
    let n = if style.width == Width::Full { 8 } else { 6 };
    let x = Axis::epochs(low, high, n, "epoch");
    let plan = |heading, title: &str, family| PanelPlan {
        heading,
        y: Axis::score(1.0, title),
        family,
        mark_best: true,
        if_empty: "no noisy tokens",
        name: percent,
    };
    let plans = [
        plan("Two clusters of losses", "F1 of noise detection", &f1[..]),
        plan("Loss as score", "average precision", &precision[..]),
    ];
    levels::draw(&mut sheet, style, &plans, &x, &[]);
    let drawn = epochs.select(["noise", "seed", "epoch", "noise_f1", "noise_ap"])?;
    sheet.save(stem, &[("epochs", &drawn)])
}
