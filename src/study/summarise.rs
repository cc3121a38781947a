//! Axes as a report shows them, the points of the grid with their seeds, and the frame of all measures.

use polars::prelude::*;

use super::gather::Row;
use super::measure::Measure;
use crate::error::Result;
use crate::format::percent;
use crate::metrics::{Measurement, Summary};
use crate::run::{Coordinate, Coordinates};

/// The name of the axis of noise levels.
pub(super) const NOISE: &str = "noise";

/// An axis of the grid, as a report names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReportAxis {
    /// Its name in coordinates and columns: `noise`.
    pub name: String,
    /// Its heading: `Noise level`.
    pub heading: String,
    /// Its points: numbers ascending, others as the grid has them.
    pub points: Vec<Coordinate>,
}

impl ReportAxis {
    /// The axes of some runs without that of seeds: those named in `order` first, the others behind them.
    pub fn all(rows: &[Row], order: &[&str]) -> Vec<Self> {
        let mut axes: Vec<Self> = Vec::new();
        for coordinate in rows.iter().flat_map(|row| row.coordinates.iter()) {
            let place = axes.iter().position(|axis| axis.name == coordinate.axis).unwrap_or(axes.len());
            if place == axes.len() {
                let heading = heading(&coordinate.axis);
                axes.push(Self { name: coordinate.axis.clone(), heading, points: Vec::new() });
            }
            if !axes[place].points.contains(coordinate) {
                axes[place].points.push(coordinate.clone());
            }
        }
        for axis in axes.iter_mut().filter(|axis| axis.is_numeric()) {
            let number = |point: &Coordinate| point.value.as_f64().unwrap_or(f64::NAN);
            axis.points.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        let rank = |axis: &Self| order.iter().position(|name| *name == axis.name).unwrap_or(order.len());
        axes.sort_by_key(rank);
        axes
    }

    /// True if runs differ on it.
    pub fn varies(&self) -> bool {
        self.points.len() > 1
    }

    /// True if all its values are numbers.
    pub fn is_numeric(&self) -> bool {
        self.points.iter().all(|point| point.value.is_number())
    }

    /// Its name within a sentence: `noise level`.
    pub fn noun(&self) -> String {
        if self.name == "sentences" {
            return "number of sentences".into();
        }
        let mut letters = self.heading.chars();
        letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    }

    /// A value as tables, legends and sentences show it: `30 %`, `pretrained`.
    pub fn label(&self, point: &Coordinate) -> String {
        match point.value.as_f64() {
            Some(level) if self.name == NOISE => percent(level),
            Some(_) => point.value.to_string(),
            None => point.label.clone(),
        }
    }

    /// All labels, in order.
    pub fn labels(&self) -> Vec<String> {
        self.points.iter().map(|point| self.label(point)).collect()
    }

    /// Where a run stands on it.
    pub fn position(&self, coordinates: &Coordinates) -> Option<usize> {
        let here = coordinates.get(&self.name)?;
        self.points.iter().position(|point| point == here)
    }
}

/// The heading of an axis, from its name.
fn heading(axis: &str) -> String {
    match axis {
        NOISE => "Noise level".into(),
        "class" => "Entity type".into(),
        "init" => "Initial weights".into(),
        "steps" => "Pretraining steps".into(),
        other => {
            let words = other.rsplit('.').next().unwrap_or(other).replace('_', " ");
            let mut letters = words.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    }
}

/// Where some runs stand, in words: `at 30 % noise, encoder bert-tiny`; empty without any axis that varies.
pub(super) fn place(coordinates: &Coordinates, axes: &[ReportAxis]) -> String {
    let part = |axis: &ReportAxis| {
        let point = coordinates.get(&axis.name)?;
        Some(match point.value.as_f64() {
            Some(0.0) if axis.name == NOISE => "without noise".to_owned(),
            Some(_) if axis.name == NOISE => format!("at {} noise", axis.label(point)),
            Some(_) if axis.name == "sentences" => format!("with {} sentences", axis.label(point)),
            Some(_) if axis.name == "steps" => format!("after {} pretraining steps", axis.label(point)),
            Some(_) => format!("at {} {}", axis.noun(), axis.label(point)),
            None => axis.label(point),
        })
    };
    axes.iter().filter(|axis| axis.varies()).filter_map(part).collect::<Vec<_>>().join(", ")
}

/// A point of the grid and its runs, one a seed.
pub(super) struct Point<'a> {
    /// Without the seed.
    pub coordinates: Coordinates,
    /// At least one.
    pub rows: Vec<&'a Row>,
}

impl Point<'_> {
    /// A measure over the seeds; `None` where no run has it.
    pub fn summary(&self, measure: &Measure) -> Option<Summary> {
        Summary::of(self.rows.iter().filter_map(|row| (measure.of)(row).ok()))
    }

    /// Why no run has a measure; `None` where one has it.
    pub fn absent(&self, measure: &Measure) -> Option<&'static str> {
        let reasons: Vec<&'static str> =
            self.rows.iter().filter_map(|row| (measure.of)(row).err().map(|absent| absent.0)).collect();
        (reasons.len() == self.rows.len()).then(|| reasons.first().copied()).flatten()
    }
}

/// The points of the grid, sorted along the axes: the first is the outer one.
pub(super) fn points<'a>(rows: &'a [Row], axes: &[ReportAxis]) -> Vec<Point<'a>> {
    let mut points: Vec<Point<'a>> = Vec::new();
    for row in rows {
        match points.iter_mut().find(|point| point.coordinates == row.coordinates) {
            Some(point) => point.rows.push(row),
            None => points.push(Point { coordinates: row.coordinates.clone(), rows: vec![row] }),
        }
    }
    points.sort_by_key(|point| axes.iter().map(|axis| axis.position(&point.coordinates)).collect::<Vec<_>>());
    points
}

/// One column an axis, a number where the axis is numeric, else a label.
pub(super) fn axis_columns<'a>(
    places: impl Iterator<Item = &'a Coordinates> + Clone,
    axes: &[ReportAxis],
) -> Vec<Column> {
    let column = |axis: &ReportAxis| {
        let of = places.clone().map(|place| place.get(&axis.name));
        let name: PlSmallStr = axis.name.as_str().into();
        match axis.is_numeric() {
            true if of.clone().flatten().all(|of| of.value.is_u64()) => {
                Column::new(name, of.map(|of| of.and_then(|of| of.value.as_u64())).collect::<Vec<_>>())
            }
            true => Column::new(name, of.map(|of| of.and_then(|of| of.value.as_f64())).collect::<Vec<_>>()),
            false => Column::new(name, of.map(|of| of.map(|of| of.label.clone())).collect::<Vec<_>>()),
        }
    };
    axes.iter().map(column).collect()
}

/// A frame of one run with the axes and `seed` in front. A column of its own that has an axis's name is left out.
pub(super) fn with_axes(row: &Row, frame: &DataFrame, axes: &[ReportAxis]) -> Result<DataFrame> {
    let mut columns = axis_columns(std::iter::once(&row.coordinates), axes);
    columns.push(Column::new("seed".into(), [row.seed]));
    let mut columns: Vec<Column> = columns.into_iter().map(|column| column.new_from_index(0, frame.height())).collect();
    let is_free = |own: &&Column| axes.iter().all(|axis| axis.name != *own.name().as_str());
    columns.extend(frame.columns().iter().filter(is_free).cloned());
    Ok(DataFrame::new(frame.height(), columns)?)
}

/// One row a run: the axes, `seed`, and each measure: `KEY` (f64, the value or its bound; null where there is none),
/// `KEY_censored` (`at least`, `at most`, null) where a run has a bound; `absent` says why values are null, `KEY: reason`
/// parted by semicolons.
pub(super) fn measures_frame(rows: &[Row], axes: &[ReportAxis], measures: &[&Measure]) -> Result<DataFrame> {
    let mut columns = axis_columns(rows.iter().map(|row| &row.coordinates), axes);
    columns.push(Column::new("seed".into(), rows.iter().map(|row| row.seed).collect::<Vec<_>>()));
    let mut absent = vec![Vec::new(); rows.len()];
    for measure in measures {
        let values: Vec<_> = rows.iter().map(|row| (measure.of)(row)).collect();
        for (reasons, value) in absent.iter_mut().zip(&values) {
            reasons.extend(value.err().map(|reason| format!("{}: {}", measure.key, reason.0)));
        }
        columns.extend(measurement_columns(measure.key, &values.iter().map(|value| value.ok()).collect::<Vec<_>>()));
    }
    let absent: Vec<Option<String>> =
        absent.into_iter().map(|reasons| (!reasons.is_empty()).then(|| reasons.join("; "))).collect();
    columns.push(Column::new("absent".into(), absent));
    Ok(DataFrame::new(rows.len(), columns)?)
}

/// `KEY`, and `KEY_censored` if a value is a bound.
pub(super) fn measurement_columns(key: &str, values: &[Option<Measurement>]) -> Vec<Column> {
    let numbers: Vec<Option<f64>> = values.iter().map(|value| value.map(Measurement::bound)).collect();
    let censored: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_ref()?.censoring()?.name())).collect();
    let mut columns = vec![Column::new(key.into(), numbers)];
    if censored.iter().any(Option::is_some) {
        columns.push(Column::new(format!("{key}_censored").into(), censored));
    }
    columns
}

/// `KEY` (mean, or median where values are censored), `KEY_sd`, `KEY_low` and `KEY_high` (95 % interval of the mean), and
/// `KEY_censored` if a centre is a bound.
pub(super) fn summary_columns(key: &str, summaries: &[Option<Summary>]) -> Vec<Column> {
    let centres: Vec<Option<Measurement>> =
        summaries.iter().map(|summary| summary.as_ref().and_then(Summary::centre)).collect();
    let of = |name: &str, get: fn(&Summary) -> Option<f64>| {
        let values: Vec<Option<f64>> = summaries.iter().map(|summary| summary.as_ref().and_then(get)).collect();
        Column::new(format!("{key}_{name}").into(), values)
    };
    let mut columns = measurement_columns(key, &centres);
    columns.extend([
        of("sd", Summary::deviation),
        of("low", |summary| summary.interval().map(|interval| interval.low)),
        of("high", |summary| summary.interval().map(|interval| interval.high)),
    ]);
    columns
}

#[cfg(test)]
mod tests {
    use super::super::measures::{DETECTION, DEV_END, ONSET, SETTLING};
    use super::super::testing::{phases, row};
    use super::*;

    #[test]
    fn axes_have_their_points_in_order_and_names_for_readers() {
        let place = |noise: f64, encoder: &str| [Coordinate::noise(noise), Coordinate::new("encoder", encoder)];
        let rows = [place(0.3, "z"), place(0.0, "z"), place(0.3, "a")].map(|at| row(&at, 1, 0.5, phases(None, None)));
        let axes = ReportAxis::all(&rows, &["encoder"]);
        assert_eq!(axes.iter().map(|axis| axis.heading.as_str()).collect::<Vec<_>>(), ["Encoder", "Noise level"]);
        assert_eq!(
            (axes[0].labels(), axes[1].labels()),
            (vec!["z".into(), "a".into()], vec!["0\u{a0}%".into(), "30\u{a0}%".into()])
        );
        assert_eq!(place_of(&rows[0], &axes), "z, at 30\u{a0}% noise");
        assert_eq!(place_of(&rows[1], &axes), "z, without noise");
        let ids: Vec<String> = points(&rows, &axes).iter().map(|point| point.coordinates.id()).collect();
        assert_eq!(ids, ["noise=0.00,encoder=z", "noise=0.30,encoder=z", "noise=0.30,encoder=a"]);
    }

    fn place_of(row: &Row, axes: &[ReportAxis]) -> String {
        place(&row.coordinates, axes)
    }

    #[test]
    fn the_frame_of_measures_has_values_bounds_and_reasons() {
        let rows = [
            row(&[Coordinate::noise(0.3)], 1, 0.5, phases(Some(2.0), Some(5.0))),
            row(&[Coordinate::noise(0.3)], 2, 0.7, phases(Some(2.0), None)),
        ];
        let axes = ReportAxis::all(&rows, &[]);
        let frame = measures_frame(&rows, &axes, &[&DEV_END, &SETTLING, &ONSET, &DETECTION]).unwrap();
        let names: Vec<&str> = frame.get_column_names().into_iter().map(|name| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "noise",
                "seed",
                "dev_score_end",
                "settling",
                "settling_censored",
                "onset",
                "onset_censored",
                "detection_f1",
                "absent"
            ]
        );
        let text = |name: &str, row: usize| frame.column(name).unwrap().str().unwrap().get(row).map(str::to_owned);
        assert_eq!((text("settling_censored", 0), text("settling_censored", 1)), (None, Some("at least".into())));
        assert_eq!(text("absent", 0).as_deref(), Some("detection_f1: not logged"));
        assert_eq!(frame.column("settling").unwrap().f64().unwrap().get(1), Some(10.0));
        let points = points(&rows, &axes);
        assert_eq!(points[0].summary(&SETTLING).unwrap().centre(), Some(Measurement::AtLeast(6.5)));
        assert_eq!(points[0].absent(&DETECTION), Some("not logged"));
        assert_eq!(points[0].absent(&DEV_END), None);
    }
}
