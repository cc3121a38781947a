//! Phases on a figure: markers on the curves, and a strip of bars below them, one for each line.
//!
//! With several lines, shaded bands behind the curves would cover each other; the strip shares the curves' x axis and
//! keeps the lines apart. Whiskers show the interval of uncertainty of the onset of memorisation.

use polars::prelude::DataFrame;

use super::canvas::{Anchor, Canvas, Colour, Stroke, Text};
use super::columns;
use super::columns::Value;
use super::panel::{Area, x_axis};
use super::scale::Axis;
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

/// What is known of the phases of one line.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePhases {
    /// The value that tells the line apart: of noise levels the requested rate, 0 to 1.
    pub line: Value,
    /// Where fitting ends and settling begins; null if it never does.
    pub fitting_end: Option<Boundary>,
    /// Where memorisation begins; null if it never does.
    pub memorisation_onset: Option<Boundary>,
}

impl LinePhases {
    /// Whether there is a boundary to draw.
    pub fn is_seen(&self) -> bool {
        self.fitting_end.is_some() || self.memorisation_onset.is_some()
    }
}

/// One bar of the strip.
#[derive(Debug, Clone, Copy)]
pub struct StripRow<'a> {
    /// Name of the line.
    pub name: &'a str,
    /// Its phases; null if none was found.
    pub phases: Option<&'a LinePhases>,
}

const FITTING: Colour = Colour(0xd5, 0xd9, 0xde);
const SETTLING: Colour = Colour(0xf4, 0xf5, 0xf6);
const MEMORISATION: Colour = Colour(0x6f, 0x77, 0x83);

/// Reads the phases frame: a column that tells lines apart (`line_column`: `noise`), `phase` (`fitting_end`,
/// `memorisation_onset`), `epoch, epoch_low, epoch_high, examples_seen`. Boundaries are in the units of `x_column`: `epoch` or
/// `examples_seen`.
///
/// The interval is known in epochs; an epoch has as many examples as the row says.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing.
pub fn read(frame: &DataFrame, line_column: &str, x_column: &str) -> Result<Vec<LinePhases>> {
    let line = columns::values(frame, line_column)?;
    let phase = columns::texts(frame, "phase")?;
    let epoch = columns::numbers(frame, "epoch")?;
    let low = columns::numbers(frame, "epoch_low")?;
    let high = columns::numbers(frame, "epoch_high")?;
    let places = columns::numbers(frame, x_column)?;
    let mut lines: Vec<LinePhases> = Vec::new();
    for row in 0..frame.height() {
        let (Some(line), Some(epoch), Some(place)) = (&line[row], epoch[row], places[row]) else { continue };
        if epoch <= 0.0 {
            continue;
        }
        let per_epoch = place / epoch;
        let boundary = Boundary {
            at: place,
            low: low[row].map_or(place, |low| low * per_epoch),
            high: high[row].map_or(place, |high| high * per_epoch),
        };
        let i = lines.iter().position(|known| known.line == *line).unwrap_or_else(|| {
            lines.push(LinePhases { line: line.clone(), fitting_end: None, memorisation_onset: None });
            lines.len() - 1
        });
        match phase[row].as_deref() {
            Some("fitting_end") => lines[i].fitting_end = Some(boundary),
            Some("memorisation_onset") => lines[i].memorisation_onset = Some(boundary),
            _ => {}
        }
    }
    Ok(lines)
}

/// What a caption says of phases.
pub fn in_words(phases: &[LinePhases]) -> String {
    if !phases.iter().any(LinePhases::is_seen) {
        return "No phase boundary was found.".into();
    }
    "Circles: end of fitting; triangles: onset of memorisation. Bars below: the phases of each line, with the interval of \
     uncertainty of the onset."
        .into()
}

/// Height of a strip for `n` levels, points.
pub fn strip_height(n: usize) -> f64 {
    10.0 * n as f64
}

/// Draws the strip in `area` over the x axis of the curves above: for each line one bar, fitting light, settling nearly
/// white, memorisation dark, up to `end`, where training ends.
pub fn strip(canvas: &mut Canvas, area: Area, x: &Axis, rows: &[StripRow<'_>], end: f64) {
    let place = |value: f64| x.position(value).map(|position| area.x + position.clamp(0.0, 1.0) * area.width);
    let row_height = area.height / rows.len().max(1) as f64;
    let Some(right) = place(end) else { return };
    for (row, StripRow { name, phases }) in rows.iter().enumerate() {
        let top = area.y + row as f64 * row_height + 1.0;
        let bottom = top + row_height - 2.0;
        let middle = (top + bottom) / 2.0;
        let label = Text::new(*name, (area.x - 3.5, middle + TICK_SIZE * 0.35), TICK_SIZE, SOFT_INK);
        canvas.text(label.anchor(Anchor::End));
        let Some(level) = phases else {
            canvas.rectangle((area.x, top), (right, bottom), SETTLING);
            let note = Text::new("no phase found", (area.x + 4.0, middle + TICK_SIZE * 0.33), TICK_SIZE, SOFT_INK);
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
            let size = TICK_SIZE;
            let text =
                Text::new(name, ((free.0 + free.1) / 2.0, middle + size * 0.35), size, ink).anchor(Anchor::Middle);
            if text.width() + 4.0 < free.1 - free.0 {
                canvas.text(text);
            }
        }
        // The shades of fitting and settling are close.
        if fitted_x - area.x > 0.1 && onset_x - fitted_x > 0.1 {
            canvas.line(vec![(fitted_x, top), (fitted_x, bottom)], Stroke::solid(AXIS, 0.8));
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
    fn names_of_phases_stand_out_against_their_bars() {
        for (ink, ground) in [(INK, FITTING), (INK, SETTLING), (WHITE, MEMORISATION)] {
            assert!(ink.contrast(ground) >= 4.5, "{ink:?} on {ground:?}: {}", ink.contrast(ground));
        }
        assert!(AXIS.contrast(WHITE) >= 3.0 && MEMORISATION.contrast(SETTLING) >= 3.0);
    }

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
        let levels = read(&frame, "noise", "examples_seen").expect("phases");
        assert_eq!(levels.len(), 1);
        assert_eq!(levels[0].line, Value::Number(0.3));
        assert_eq!(levels[0].fitting_end, Some(Boundary { at: 200.0, low: 150.0, high: 300.0 }));
        assert_eq!(levels[0].memorisation_onset, Some(Boundary { at: 400.0, low: 400.0, high: 400.0 }));
        let levels = read(&frame, "noise", "epoch").expect("phases");
        assert_eq!(levels[0].fitting_end, Some(Boundary { at: 2.0, low: 1.5, high: 3.0 }));
    }
}
