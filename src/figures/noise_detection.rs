//! Whether a token's loss tells that its label is wrong.
//!
//! After Figure 8 of Tänzer et al. (arXiv 2105.00828): on the left the losses of clean and of noisy tokens with the
//! cut-off between the two clusters; counts are on a logarithmic axis, for the clean tokens' mode is thousands of times
//! higher than what matters. On the right precision against recall as the cut-off moves.

use std::path::Path;

use polars::df;
use polars::prelude::DataFrame;

use super::canvas::{Anchor, Fill, Stroke, Tag, Text};
use super::columns;
use super::panel::{Area, Marker, Panel};
use super::scale::Axis;
use super::sheet::{FigureFiles, LegendEntry, Sheet, Words};
use super::theme::{CLEAN, INK, LABEL_SIZE, LINE, NOISY, SOFT_INK, Style, TICK_SIZE};
use crate::Result;

/// Bins of the histogram.
const N_BINS: usize = 48;

/// What the figure is drawn from: one run after one epoch.
#[derive(Debug, Clone, Copy)]
pub struct Detection<'a> {
    /// `epoch, loss, noisy` of every training token; only rows of `epoch` are drawn. Losses in nats.
    pub losses: &'a DataFrame,
    /// `threshold, precision, recall`, at the same epoch.
    pub precision_recall: &'a DataFrame,
    /// The epoch looked at.
    pub epoch: u32,
    /// Which run it is: `30 % noise, seed 1`.
    pub condition: &'a str,
    /// Where k-means (k = 2) cuts the losses, nats; null if there is one cluster only.
    pub cutoff: Option<f64>,
}

/// Draws the figure.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(detection: &Detection<'_>, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let histogram = Histogram::read(detection)?;
    let curve = Curve::read(detection.precision_recall)?;
    let in_words = match &curve.best {
        Some((f1, ..)) => format!("Best F1 {f1:.3}; area under the curve (average precision) {:.3}.", curve.area),
        None => "No precision-recall curve.".into(),
    };
    let cutoff_in_words =
        detection.cutoff.map_or_else(|| "no cut-off".to_owned(), |nats| format!("cut-off at {nats:.2} nats"));
    let words = Words {
        title: format!("Noise detection by loss ({}, epoch {})", detection.condition, detection.epoch),
        caption: format!(
            "Losses of clean and of noisy training tokens against their given labels after epoch {}, in {N_BINS} bins, with the \
             cut-off between two clusters (k-means); and precision against recall of noise detection for a threshold on the \
             loss. {in_words}",
            detection.epoch
        ),
        alt: format!("Histogram of losses, {cutoff_in_words}, and precision-recall curve. {in_words}"),
    };
    let mut sheet = Sheet::new(words, style);
    sheet.legend(
        "",
        &[
            LegendEntry { text: "clean tokens".into(), stroke: Some(CLEAN_OUTLINE), marker: None, is_line: true },
            LegendEntry { text: "noisy tokens".into(), stroke: Some(NOISY_OUTLINE), marker: None, is_line: true },
            LegendEntry { text: "cut-off (k-means)".into(), stroke: Some(CUTOFF), marker: None, is_line: false },
        ],
    );
    sheet.take(4.0);
    const HEADING: f64 = 13.0;
    let areas = match style.is_narrow() {
        false => sheet.take(HEADING + 140.0 + Panel::BELOW).columns(2, 8.0),
        true => (0..2).map(|_| sheet.take(HEADING + 104.0 + Panel::BELOW + 4.0)).collect(),
    };
    let inner = |area: Area| area.inset(Panel::LEFT, HEADING, 10.0, Panel::BELOW);
    if let [left, right] = areas[..] {
        sheet.canvas.begin(Tag::panel((left.x, left.y), left.width, left.height));
        histogram.draw(&mut sheet, inner(left), detection.cutoff);
        sheet.canvas.end();
        sheet.canvas.begin(Tag::panel((right.x, right.y), right.width, right.height));
        curve.draw(&mut sheet, inner(right));
        sheet.canvas.end();
    }
    sheet.save(stem, &[("histogram", &histogram.frame()?), ("precision-recall", &curve.frame()?)])
}

const CLEAN_OUTLINE: Stroke = Stroke { colour: CLEAN, width: 1.1, dash: &[] };
const NOISY_OUTLINE: Stroke = Stroke { colour: NOISY, width: 1.3, dash: &[3.5, 1.2] };
const CUTOFF: Stroke = Stroke { colour: INK, width: 0.9, dash: &[1.5, 1.5] };

/// Counts of clean and noisy tokens in bins of equal width from 0.
struct Histogram {
    bin_width: f64,
    clean: Vec<u64>,
    noisy: Vec<u64>,
}

impl Histogram {
    fn read(detection: &Detection<'_>) -> Result<Self> {
        let epoch = columns::numbers(detection.losses, "epoch")?;
        let loss = columns::numbers(detection.losses, "loss")?;
        let noisy = columns::numbers(detection.losses, "noisy")?;
        // Without known noise every token is drawn as a clean one.
        let tokens: Vec<(f64, bool)> = epoch
            .into_iter()
            .zip(loss)
            .zip(noisy)
            .filter(|((epoch, _), _)| *epoch == Some(f64::from(detection.epoch)))
            .filter_map(|((_, loss), noisy)| Some((loss?.max(0.0), noisy.unwrap_or(0.0) > 0.5)))
            .collect();
        let highest = tokens.iter().fold(0.0_f64, |top, (loss, _)| top.max(*loss));
        let bin_width = if highest > 0.0 { highest / N_BINS as f64 } else { 1.0 / N_BINS as f64 };
        let mut counts = Self { bin_width, clean: vec![0; N_BINS], noisy: vec![0; N_BINS] };
        for (loss, is_noisy) in tokens {
            let bin = ((loss / bin_width) as usize).min(N_BINS - 1);
            let side = if is_noisy { &mut counts.noisy } else { &mut counts.clean };
            side[bin] += 1;
        }
        Ok(counts)
    }

    fn frame(&self) -> Result<DataFrame> {
        let from: Vec<f64> = (0..N_BINS).map(|i| i as f64 * self.bin_width).collect();
        let to: Vec<f64> = (1..=N_BINS).map(|i| i as f64 * self.bin_width).collect();
        Ok(df!("loss_from" => from, "loss_to" => to, "clean" => &self.clean, "noisy" => &self.noisy)?)
    }

    /// The outline of each run of bins that hold a token, down to the axis at both ends.
    fn steps(&self, counts: &[u64]) -> Vec<Vec<(f64, f64)>> {
        let at = |i: usize| i as f64 * self.bin_width;
        let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
        for (i, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            if i == 0 || counts[i - 1] == 0 {
                runs.push(vec![(at(i), 0.5)]);
            }
            if let Some(run) = runs.last_mut() {
                run.extend([(at(i), *count as f64), (at(i + 1), *count as f64)]);
                if counts.get(i + 1).is_none_or(|next| *next == 0) {
                    run.push((at(i + 1), 0.5));
                }
            }
        }
        runs
    }

    fn draw(&self, sheet: &mut Sheet, area: Area, cutoff: Option<f64>) {
        let most = self.clean.iter().chain(&self.noisy).max().copied().unwrap_or(0);
        let end = self.bin_width * N_BINS as f64;
        // Half a token is the axis's lower end, so that a bin with one token is still seen.
        let mut y = Axis::log(0.5, (most as f64 * 1.6).max(10.0), 7, "tokens (log scale)");
        y.ticks.retain(|tick| tick.value >= 1.0);
        let panel = Panel { area, x: Axis::linear(0.0, end, 6, "loss against given label (nats)"), y };
        panel.frame(&mut sheet.canvas, "Losses of clean and noisy tokens", true);
        if most == 0 {
            panel.note(&mut sheet.canvas, "no data");
            return;
        }
        for (counts, stroke, opacity) in [(&self.clean, CLEAN_OUTLINE, 0.22), (&self.noisy, NOISY_OUTLINE, 0.30)] {
            for corners in self.steps(counts) {
                let bars: Vec<(f64, f64, f64)> = corners.iter().map(|(x, height)| (*x, 0.5, *height)).collect();
                panel.band(&mut sheet.canvas, &bars, Fill { colour: stroke.colour, opacity });
                panel.line(&mut sheet.canvas, corners, stroke);
            }
        }
        if let Some(nats) = cutoff
            && let Some((x, top)) = panel.point(nats, panel.y.high)
        {
            sheet.canvas.line(vec![(x, top - 1.0), (x, area.y + area.height)], CUTOFF);
            let text = Text::new(format!("{nats:.2} nats"), (x + 3.0, top + LABEL_SIZE), TICK_SIZE, INK).ground();
            let beyond = x + 3.0 + text.width() > area.x + area.width;
            let text = if beyond { Text { at: (x - 3.0, text.at.1), ..text }.anchor(Anchor::End) } else { text };
            sheet.canvas.text(text);
        }
    }
}

/// Precision against recall, in the order of falling thresholds.
struct Curve {
    /// Recall, precision and threshold, thinned to what can be seen.
    points: Vec<(f64, f64, f64)>,
    /// Sum of recall gained times precision there: average precision.
    area: f64,
    /// F1, recall and precision where F1 is best.
    best: Option<(f64, f64, f64)>,
}

impl Curve {
    fn read(frame: &DataFrame) -> Result<Self> {
        let precision = columns::numbers(frame, "precision")?;
        let recall = columns::numbers(frame, "recall")?;
        let threshold = columns::numbers(frame, "threshold")?;
        let mut points: Vec<(f64, f64, f64)> = recall
            .into_iter()
            .zip(precision)
            .zip(threshold)
            .filter_map(|((recall, precision), threshold)| Some((recall?, precision?, threshold.unwrap_or(f64::NAN))))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        let mut area = 0.0;
        let mut before = 0.0;
        for (recall, precision, _) in &points {
            area += (recall - before) * precision;
            before = *recall;
        }
        let f1 = |recall: f64, precision: f64| {
            if recall + precision > 0.0 { 2.0 * recall * precision / (recall + precision) } else { 0.0 }
        };
        let best = points
            .iter()
            .map(|&(recall, precision, _)| (f1(recall, precision), recall, precision))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        Ok(Self { points: thinned(&points), area, best })
    }

    fn frame(&self) -> Result<DataFrame> {
        let threshold: Vec<Option<f64>> =
            self.points.iter().map(|point| Some(point.2).filter(|t| t.is_finite())).collect();
        let precision: Vec<f64> = self.points.iter().map(|point| point.1).collect();
        let recall: Vec<f64> = self.points.iter().map(|point| point.0).collect();
        Ok(df!("threshold" => threshold, "precision" => precision, "recall" => recall)?)
    }

    fn draw(&self, sheet: &mut Sheet, area: Area) {
        let panel = Panel { area, x: Axis::linear(0.0, 1.0, 5, "recall"), y: Axis::linear(0.0, 1.0, 5, "precision") };
        panel.frame(&mut sheet.canvas, "Precision and recall of noise detection", true);
        let Some((f1, recall, precision)) = self.best else {
            panel.note(&mut sheet.canvas, "no noisy tokens");
            return;
        };
        panel.line(&mut sheet.canvas, self.points.iter().map(|point| (point.0, point.1)), Stroke::solid(INK, LINE));
        panel.marker(&mut sheet.canvas, (recall, precision), Marker::Diamond, 2.8, INK);
        let lines = [
            format!("best F1 {f1:.3}"),
            format!("precision {precision:.3}, recall {recall:.3}"),
            format!("area {:.3}", self.area),
        ];
        for (i, line) in lines.into_iter().enumerate() {
            let at = (area.x + 8.0, area.y + area.height - 8.0 - 10.0 * (2 - i) as f64);
            let ink = if i == 1 { SOFT_INK } else { INK };
            sheet.canvas.text(Text::new(line, at, LABEL_SIZE, ink).ground());
        }
    }
}

/// Points of a curve that lie apart by what can be seen: at most a few hundred, first and last kept.
fn thinned(points: &[(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    const SEEN: f64 = 0.002;
    let mut kept: Vec<(f64, f64, f64)> = Vec::new();
    for (i, &(x, y, threshold)) in points.iter().enumerate() {
        let apart = kept.last().is_none_or(|last| (last.0 - x).abs() > SEEN || (last.1 - y).abs() > SEEN);
        if apart || i + 1 == points.len() {
            kept.push((x, y, threshold));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_and_best_f1_by_hand() {
        let frame = df!("threshold" => [3.0, 2.0, 1.0], "precision" => [1.0, 1.0, 0.6], "recall" => [0.25, 0.75, 1.0])
            .expect("a frame");
        let curve = Curve::read(&frame).expect("a curve");
        // 0.25 · 1 + 0.5 · 1 + 0.25 · 0.6
        assert!((curve.area - 0.9).abs() < 1e-12);
        let (f1, recall, _) = curve.best.expect("points");
        assert!((f1 - 1.5 / 1.75).abs() < 1e-12 && recall == 0.75);
    }

    #[test]
    fn only_the_chosen_epoch_is_counted() {
        let losses = df!("epoch" => [1u32, 2, 2], "loss" => [5.0f32, 0.5, 4.0], "noisy" => [true, false, true])
            .expect("a frame");
        let empty =
            df!("threshold" => [0.0f64; 0], "precision" => [0.0f64; 0], "recall" => [0.0f64; 0]).expect("a frame");
        let detection = Detection {
            losses: &losses,
            precision_recall: &empty,
            epoch: 2,
            condition: "30 % noise",
            cutoff: Some(2.0),
        };
        let histogram = Histogram::read(&detection).expect("counts");
        assert_eq!((histogram.clean.iter().sum::<u64>(), histogram.noisy.iter().sum::<u64>()), (1, 1));
        assert_eq!(histogram.noisy[N_BINS - 1], 1);
    }
}
