//! What pretraining does to fine-tuning under label noise: phases and scores against the steps of pretraining, one line for
//! each noise level.
//!
//! Steps stand on a logarithmic axis that has a place for 0, the weights as they were drawn. What was not seen (an onset, an
//! end of fitting) is no number: it has a row of its own above the axis. What is a lower bound, settling that lasts to the
//! end of the training, is a circle instead of a disc.

use std::path::Path;

use polars::prelude::DataFrame;

use super::canvas::{Fill, Stroke};
use super::columns;
use super::levels::seeds_in_words;
use super::panel::{Area, Marker, Panel, draw_marker};
use super::scale::{Axis, Spread, Tick, compact, count, percent};
use super::series::{self, Series, by_level};
use super::sheet::{FigureFiles, LegendEntry, Sheet, Words};
use super::theme::{self, Style, Width};
use crate::Result;

/// What of a run is shown in a panel.
struct Shown {
    heading: &'static str,
    title: &'static str,
    column: &'static str,
    scale: Scale,
    /// A column that is true where the value is a lower bound.
    open: Option<&'static str>,
    /// Runs without a value have a row of their own.
    absent: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Scale {
    /// From 0 to what there is.
    Epochs,
    /// From 0 to 1, or to what is just above the highest.
    Share,
}

const PANELS: [Shown; 5] = [
    Shown {
        heading: "Settling",
        title: "epochs",
        column: "settling",
        scale: Scale::Epochs,
        open: Some("settling_open"),
        absent: true,
    },
    Shown {
        heading: "Onset of memorisation",
        title: "epoch",
        column: "onset",
        scale: Scale::Epochs,
        open: None,
        absent: true,
    },
    Shown {
        heading: "Noise detection",
        title: "best F1",
        column: "detection_f1",
        scale: Scale::Share,
        open: None,
        absent: false,
    },
    Shown {
        heading: "Forgettable tokens",
        title: "share",
        column: "forgettable",
        scale: Scale::Share,
        open: None,
        absent: false,
    },
    Shown {
        heading: "Dev F1",
        title: "F1 at its peak",
        column: "dev_score",
        scale: Scale::Share,
        open: None,
        absent: false,
    },
];

/// Draws the figure.
///
/// `runs`: `steps, noise, seed, settling, settling_open, onset, detection_f1, forgettable, dev_score`; null where there is
/// none. `encoders`: `steps, masked_accuracy`.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing, [`crate::Error::Io`] if a file cannot be written.
pub fn draw(runs: &DataFrame, encoders: &DataFrame, style: &Style, stem: &Path) -> Result<FigureFiles> {
    let families: Vec<Vec<Series>> =
        PANELS.iter().map(|panel| by_level(runs, "noise", "steps", panel.column)).collect::<Result<_>>()?;
    let masked = masked_accuracy(encoders)?;
    let mut steps: Vec<f64> = columns::numbers(runs, "steps")?.into_iter().flatten().collect();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    let words = Words {
        title: "Phases and scores of fine-tuning by steps of pretraining".into(),
        caption: format!(
            "Against the steps that the encoder was pretrained for (log scale, with a place for 0: random weights), one line \
             for each share of noise asked for: how long settling lasts, from the end of fitting to the onset of \
             memorisation; when memorisation begins; how well two clusters of the losses find the wrong labels at the best \
             epoch; which share of the training tokens is forgettable; and dev F1 at its peak. Last, the encoder itself: its \
             accuracy on held-out masked pieces. Circles in the first panel: some run settles to the end of the training, so \
             that the mean is a lower bound. Circles in the row “not seen”: runs without such a boundary, which no mean \
             includes. {}",
            seeds_in_words(families.iter().flatten())
        ),
        alt: PANELS.iter().zip(&families).map(|(panel, family)| in_words(panel, family)).collect::<Vec<_>>().join(" "),
    };
    let mut sheet = Sheet::new(words, style);
    let levels: Vec<f64> = families.first().map_or(Vec::new(), |family| family.iter().map(|s| s.level).collect());
    legend(&mut sheet, &levels, runs)?;

    const HEADING: f64 = 13.0;
    let (n_columns, height) = if style.width == Width::Full { (3, 100.0) } else { (1, 90.0) };
    let n_rows = (PANELS.len() + 1).div_ceil(n_columns);
    let areas: Vec<Area> = (0..n_rows)
        .flat_map(|row| {
            let gap = if row + 1 < n_rows { 6.0 } else { 0.0 };
            let area = sheet.take(HEADING + height + Panel::BELOW + gap);
            Area { height: area.height - gap, ..area }.columns(n_columns, 8.0)
        })
        .collect();
    let room = |area: &Area| area.inset(Panel::LEFT + 4.0, HEADING, 6.0, Panel::BELOW);
    let x = steps_axis(&steps);
    for ((shown, family), area) in PANELS.iter().zip(&families).zip(&areas) {
        one_panel(&mut sheet, shown, family, runs, (room(area), &x))?;
    }
    if let Some(area) = areas.get(PANELS.len()) {
        let y = Axis::score(series::highest([&masked]), "accuracy");
        let panel = Panel { area: room(area), x, y };
        panel.frame(&mut sheet.canvas, "Masked pieces", true);
        if masked.places.is_empty() {
            panel.note(&mut sheet.canvas, "not recorded");
        }
        let stroke = Stroke::solid(theme::SOFT_INK, theme::LINE);
        panel.line(&mut sheet.canvas, masked.places.iter().map(|place| (place.x, place.mean)), stroke);
        for place in &masked.places {
            panel.marker(&mut sheet.canvas, (place.x, place.mean), Marker::Square, 1.8, stroke.colour);
        }
    }
    sheet.save(stem, &[("runs", runs), ("encoders", encoders)])
}

fn legend(sheet: &mut Sheet, levels: &[f64], runs: &DataFrame) -> Result<()> {
    let mut entries: Vec<LegendEntry> = levels
        .iter()
        .enumerate()
        .map(|(i, level)| {
            let stroke = theme::ordered(i, levels.len());
            LegendEntry {
                text: format!("{} noise", percent(*level)),
                stroke: Some(stroke),
                marker: Some((Marker::Disc, stroke.colour)),
            }
        })
        .collect();
    if columns::numbers(runs, "settling_open")?.contains(&Some(1.0)) {
        entries.push(LegendEntry {
            text: "at least: settling to the end of the training".into(),
            stroke: None,
            marker: Some((Marker::Circle, theme::SOFT_INK)),
        });
    }
    sheet.legend(&entries);
    sheet.take(4.0);
    Ok(())
}

fn one_panel(
    sheet: &mut Sheet,
    shown: &Shown,
    family: &[Series],
    runs: &DataFrame,
    (area, x): (Area, &Axis),
) -> Result<()> {
    let absent = if shown.absent { absent(runs, shown.column)? } else { Vec::new() };
    let open = shown.open.map_or(Ok(Vec::new()), |column| open(runs, column))?;
    let (y, row) = y_axis(shown, family, !absent.is_empty());
    let panel = Panel { area, x: x.clone(), y };
    let canvas = &mut sheet.canvas;
    panel.frame(canvas, shown.heading, true);
    if absent.is_empty() && family.iter().all(|series| series.places.is_empty()) {
        panel.note(canvas, "no data");
    }
    let colour = |level: usize| theme::ordered(level, family.len());
    for (i, series) in family.iter().enumerate() {
        let band: Vec<_> = series.places.iter().filter(|p| p.n > 1).map(|p| (p.x, p.low, p.high)).collect();
        panel.band(canvas, &band, Fill { colour: colour(i).colour, opacity: 0.18 });
    }
    for (i, series) in family.iter().enumerate() {
        let stroke = colour(i);
        panel.line(canvas, series.places.iter().map(|place| (place.x, place.mean)), stroke);
        for place in &series.places {
            let is_open = open.contains(&(place.x.to_bits(), series.level.to_bits()));
            let marker = if is_open { Marker::Circle } else { Marker::Disc };
            panel.marker(canvas, (place.x, place.mean), marker, 1.9, stroke.colour);
        }
        // Side by side, for all levels have the same row.
        let beside = 4.2 * (i as f64 - (family.len() as f64 - 1.0) / 2.0);
        for &(steps, level) in &absent {
            if let (true, Some((at, height))) = (level == series.level, panel.point(steps, row)) {
                draw_marker(canvas, (at + beside, height), Marker::Circle, 1.7, stroke.colour);
            }
        }
    }
    Ok(())
}

/// The vertical axis, and the place of the row for what was not seen.
fn y_axis(shown: &Shown, family: &[Series], has_row: bool) -> (Axis, f64) {
    let highest = series::highest(family);
    if shown.scale == Scale::Share {
        return (Axis::score(highest, shown.title), f64::NAN);
    }
    let top = highest.max(1.0).ceil();
    let mut axis = Axis::linear(0.0, top, 4, shown.title);
    let row = 1.16 * top;
    if has_row {
        axis.high = 1.22 * top;
        axis.ticks.push(Tick { value: row, label: "not seen".into() });
    } else {
        axis.high = 1.04 * top;
    }
    (axis, row)
}

/// Steps and noise of the groups of runs of which one has no value and noise.
fn absent(runs: &DataFrame, column: &str) -> Result<Vec<(f64, f64)>> {
    let values = columns::numbers(runs, column)?;
    let steps = columns::numbers(runs, "steps")?;
    let noise = columns::numbers(runs, "noise")?;
    let mut found: Vec<(f64, f64)> = (0..runs.height())
        .filter(|&row| values[row].is_none() && noise[row].is_some_and(|noise| noise > 0.0))
        .filter_map(|row| Some((steps[row]?, noise[row]?)))
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    found.dedup();
    Ok(found)
}

/// Steps and noise, as bits, of the groups of runs of which one has a lower bound.
fn open(runs: &DataFrame, column: &str) -> Result<Vec<(u64, u64)>> {
    let flags = columns::numbers(runs, column)?;
    let steps = columns::numbers(runs, "steps")?;
    let noise = columns::numbers(runs, "noise")?;
    let rows = (0..runs.height()).filter(|&row| flags[row] == Some(1.0));
    Ok(rows.filter_map(|row| Some((steps[row]?.to_bits(), noise[row]?.to_bits()))).collect())
}

fn masked_accuracy(encoders: &DataFrame) -> Result<Series> {
    let steps = columns::numbers(encoders, "steps")?;
    let accuracy = columns::numbers(encoders, "masked_accuracy")?;
    let places = steps.into_iter().zip(accuracy).filter_map(|(x, y)| {
        let (x, mean) = (x?, y?);
        Some(series::Place { x, mean, low: mean, high: mean, n: 1 })
    });
    Ok(Series { level: 0.0, places: places.collect() })
}

/// A logarithmic axis from the least number of steps above 0 on, with a place for 0 where it occurs. Ticks stand at the
/// numbers themselves; those that would touch their left neighbour have no label.
fn steps_axis(steps: &[f64]) -> Axis {
    let least = steps.iter().copied().find(|steps| *steps > 0.0).unwrap_or(1.0);
    let greatest = steps.last().copied().unwrap_or(1.0);
    let has_zero = steps.first() == Some(&0.0);
    let spread = if has_zero { Spread::SymLog { linear_below: least } } else { Spread::Log };
    let low = if has_zero { 0.0 } else { least / 1.3 };
    let high = greatest.max(least * if has_zero { 1.0 } else { 1.3 }) * 1.15;
    let mut axis = Axis { low, high, spread, ticks: Vec::new(), title: "steps of pretraining".into() };
    let mut last_labelled = f64::NEG_INFINITY;
    for &value in steps {
        let at = axis.position(value).unwrap_or(0.0);
        let label = if at - last_labelled < 0.13 { String::new() } else { compact(value) };
        if !label.is_empty() {
            last_labelled = at;
        }
        axis.ticks.push(Tick { value, label });
    }
    axis
}

fn in_words(shown: &Shown, family: &[Series]) -> String {
    let part = |series: &Series| {
        let (first, last) = (series.places.first()?, series.places.last()?);
        let level = percent(series.level);
        Some(format!(
            "at {level} noise {:.2} after {} steps, {:.2} after {}",
            first.mean,
            count(first.x),
            last.mean,
            count(last.x)
        ))
    };
    let parts: Vec<String> = family.iter().filter_map(part).collect();
    let what = format!("{} ({})", shown.heading, shown.title);
    if parts.is_empty() { format!("{what}: no data.") } else { format!("{what}: {}.", parts.join("; ")) }
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    #[test]
    fn zero_has_a_place_and_labels_do_not_touch() {
        let axis = steps_axis(&[0.0, 100.0, 110.0, 1000.0]);
        let labels: Vec<&str> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["0", "100", "", "1k"]);
        assert_eq!(axis.position(0.0), Some(0.0));
        for steps in [&[][..], &[0.0], &[300.0], &[300.0, 600.0]] {
            let axis = steps_axis(steps);
            assert!(axis.high > axis.low, "{steps:?}");
            assert!(steps.iter().all(|at| axis.position(*at).is_some_and(|at| (0.0..=1.0).contains(&at))), "{steps:?}");
        }
    }

    #[test]
    fn what_was_not_seen_is_no_number() {
        let runs = df!(
            "steps" => [0u64, 0, 10, 10],
            "noise" => [0.0, 0.3, 0.0, 0.3],
            "seed" => [1u64, 1, 1, 1],
            "settling" => [Some(5.0), None, Some(6.0), Some(0.0)],
            "settling_open" => [Some(true), None, Some(true), Some(false)],
            "onset" => [None, None, None, Some(3.0)],
            "detection_f1" => [None, Some(0.5), None, Some(0.9)],
            "forgettable" => [0.1, 0.2, 0.1, 0.2],
            "dev_score" => [0.5, 0.4, 0.8, 0.7]
        )
        .unwrap();
        // Without noise there is nothing to memorise, and nothing amiss.
        assert_eq!(absent(&runs, "onset").unwrap(), [(0.0, 0.3)]);
        assert_eq!(open(&runs, "settling_open").unwrap().len(), 2);
        let encoders = df!("steps" => [0u64, 10], "masked_accuracy" => [Some(0.01), None]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for width in [Width::Full, Width::Column] {
            let style = Style { width, synthetic: true, subtitle: "test".into() };
            let draw = |name: &str| draw(&runs, &encoders, &style, &folder.path().join(name)).unwrap();
            let (first, second) = (draw("first"), draw("second"));
            let svg = fs_err::read_to_string(&first.svg).unwrap();
            assert!(svg.contains("not seen") && svg.contains("at least: settling"), "{svg}");
            assert_eq!(svg, fs_err::read_to_string(&second.svg).unwrap());
        }
    }
}
