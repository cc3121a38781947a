//! Phases on a figure: markers on the curves, and a strip of bars below them, one for each noise level.
//!
//! With several levels, shaded bands behind the curves would cover each other; the strip shares the curves' x axis and
//! keeps the levels apart. Whiskers show the interval of uncertainty of the onset of memorisation.

use polars::prelude::DataFrame;

use super::canvas::{Anchor, Canvas, Colour, Stroke, Text};
use super::columns;
use super::panel::{Area, Marker, Panel, x_axis};
use super::scale::{Axis, percent};
use super::series::Series;
use super::theme::{AXIS, INK, SOFT_INK, TICK_SIZE, WHITE};
use crate::Result;

/// One end of a phase, with its interval, in the units of the figure's x axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Boundary {
    /// Best guess.
    pub at: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// What is known of one noise level's phases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelPhases {
    /// Requested noise rate, 0 to 1.
    pub noise: f64,
    /// Where fitting ends and settling begins; null if it never does.
    pub fitting_end: Option<Boundary>,
    /// Where memorisation begins; null if it never does.
    pub memorisation_onset: Option<Boundary>,
}

const FITTING: Colour = Colour(0xd5, 0xd9, 0xde);
const SETTLING: Colour = Colour(0xf4, 0xf5, 0xf6);
const MEMORISATION: Colour = Colour(0x6f, 0x77, 0x83);

/// Reads the phases frame (`noise, phase, epoch, epoch_low, epoch_high, examples_seen`), in examples seen.
///
/// The interval is known in epochs; an epoch has as many examples as the row says.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing.
pub fn read(frame: &DataFrame) -> Result<Vec<LevelPhases>> {
    let noise = columns::numbers(frame, "noise")?;
    let phase = columns::texts(frame, "phase")?;
    let epoch = columns::numbers(frame, "epoch")?;
    let low = columns::numbers(frame, "epoch_low")?;
    let high = columns::numbers(frame, "epoch_high")?;
    let examples = columns::numbers(frame, "examples_seen")?;
    let mut levels: Vec<LevelPhases> = Vec::new();
    for row in 0..frame.height() {
        let (Some(noise), Some(epoch), Some(examples)) = (noise[row], epoch[row], examples[row]) else { continue };
        if epoch <= 0.0 {
            continue;
        }
        let per_epoch = examples / epoch;
        let boundary = Boundary {
            at: examples,
            low: low[row].map_or(examples, |low| low * per_epoch),
            high: high[row].map_or(examples, |high| high * per_epoch),
        };
        let i = levels.iter().position(|level| level.noise == noise).unwrap_or_else(|| {
            levels.push(LevelPhases { noise, fitting_end: None, memorisation_onset: None });
            levels.len() - 1
        });
        match phase[row].as_deref() {
            Some("fitting_end") => levels[i].fitting_end = Some(boundary),
            Some("memorisation_onset") => levels[i].memorisation_onset = Some(boundary),
            _ => {}
        }
    }
    levels.sort_by(|a, b| a.noise.total_cmp(&b.noise));
    Ok(levels)
}

/// Marks the ends of phases on a level's curve: a circle where fitting ends, a triangle where memorisation begins.
pub fn mark(canvas: &mut Canvas, panel: &Panel, series: &Series, phases: &[LevelPhases], colour: Colour) {
    let Some(level) = phases.iter().find(|level| level.noise == series.level) else { return };
    for (boundary, marker) in [(level.fitting_end, Marker::Circle), (level.memorisation_onset, Marker::Triangle)] {
        if let Some((x, y)) = boundary.and_then(|boundary| Some((boundary.at, series.at(boundary.at)?))) {
            panel.marker(canvas, (x, y), marker, 2.6, colour);
        }
    }
}

/// What a caption says of phases.
pub fn in_words(phases: &[LevelPhases]) -> String {
    if phases.iter().all(|level| level.fitting_end.is_none() && level.memorisation_onset.is_none()) {
        return "No phase was found.".into();
    }
    "Circles: end of fitting; triangles: onset of memorisation. Bars below: the phases of each level, with the \
     interval of uncertainty of the onset."
        .into()
}

/// Height of a strip for `n` levels, points.
pub fn strip_height(n: usize) -> f64 {
    9.0 * n as f64
}

/// Draws the strip in `area` over the x axis of the curves above: for each of `levels` one bar, fitting light,
/// settling nearly white, memorisation dark, up to `end`, where training ends.
pub fn strip(canvas: &mut Canvas, area: Area, x: &Axis, levels: &[f64], phases: &[LevelPhases], end: f64) {
    let place = |value: f64| x.position(value).map(|position| area.x + position.clamp(0.0, 1.0) * area.width);
    let row_height = area.height / levels.len().max(1) as f64;
    let Some(right) = place(end) else { return };
    for (row, noise) in levels.iter().enumerate() {
        let top = area.y + row as f64 * row_height + 1.0;
        let bottom = top + row_height - 2.0;
        let middle = (top + bottom) / 2.0;
        let label = Text::new(percent(*noise), (area.x - 3.5, middle + TICK_SIZE * 0.35), TICK_SIZE, SOFT_INK);
        canvas.text(label.anchor(Anchor::End));
        let Some(level) = phases.iter().find(|level| level.noise == *noise) else {
            canvas.rectangle((area.x, top), (right, bottom), SETTLING);
            let note =
                Text::new("no phase found", (area.x + 4.0, middle + TICK_SIZE * 0.33), TICK_SIZE - 0.8, SOFT_INK);
            canvas.text(note);
            continue;
        };
        let fitted = level.fitting_end.and_then(|boundary| place(boundary.at));
        let onset = level.memorisation_onset.and_then(|boundary| place(boundary.at));
        let fitted_x = fitted.or(onset).unwrap_or(right);
        let onset_x = onset.unwrap_or(right).max(fitted_x);
        let whisker = level.memorisation_onset.and_then(|onset| Some((place(onset.low)?, place(onset.high)?)));
        let (low, high) = whisker.unwrap_or((onset_x, onset_x));
        let bars = [
            ("fitting", (area.x, fitted_x), (area.x, fitted_x.min(low)), FITTING, INK),
            ("settling", (fitted_x, onset_x), (fitted_x, onset_x.min(low)), SETTLING, INK),
            ("memorisation", (onset_x, right), (onset_x.max(high), right), MEMORISATION, WHITE),
        ];
        for (name, (from, to), free, colour, ink) in bars {
            if to - from < 0.1 {
                continue;
            }
            canvas.rectangle((from, top), (to, bottom), colour);
            let size = TICK_SIZE - 0.8;
            let text =
                Text::new(name, ((free.0 + free.1) / 2.0, middle + size * 0.35), size, ink).anchor(Anchor::Middle);
            if text.width() + 4.0 < free.1 - free.0 {
                canvas.text(text);
            }
        }
        if high - low > 0.5 {
            for (stroke_width, colour) in [(2.2, WHITE), (0.9, INK)] {
                let stroke = Stroke::solid(colour, stroke_width);
                canvas.line(vec![(low, middle), (high, middle)], stroke);
                for at in [low, high] {
                    canvas.line(vec![(at, middle - 1.8), (at, middle + 1.8)], stroke);
                }
            }
        }
    }
    let bottom = area.y + area.height;
    canvas.line(vec![(area.x, area.y), (area.x, bottom), (area.x + area.width, bottom)], Stroke::solid(AXIS, 0.6));
    x_axis(canvas, area, x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn intervals_are_scaled_to_examples() {
        let frame = df!(
            "noise" => [0.3, 0.3],
            "phase" => ["fitting_end", "memorisation_onset"],
            "epoch" => [2.0, 4.0],
            "epoch_low" => [Some(1.5), None],
            "epoch_high" => [Some(3.0), None],
            "examples_seen" => [200.0, 400.0]
        )
        .expect("a frame");
        let levels = read(&frame).expect("phases");
        assert_eq!(levels.len(), 1);
        assert_eq!(levels[0].fitting_end, Some(Boundary { at: 200.0, low: 150.0, high: 300.0 }));
        assert_eq!(levels[0].memorisation_onset, Some(Boundary { at: 400.0, low: 400.0, high: 400.0 }));
    }
}
