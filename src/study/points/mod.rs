//! The points of a grid: the scores of every combination of settings, over its seeds.
//!
//! This is the whole report of an experiment that has axes in `[grid]` and no kind of study, and the overview of a study to
//! which further axes were added; each point of those has the study's own report beside it.

mod findings;
mod tables;

use std::path::Path;

use super::frames::{Constant, curve, in_front, stack};
use super::noise_sweep::summary::RunNumbers;
use super::{Axis, Drawn, Study, StudyInput, file_name, publish, write_analysis};
use crate::analysis::analyse_run;
use crate::analysis::phases::{Phases, combine};
use crate::config::Experiment;
use crate::dynamics::{Log, write_csv_as};
use crate::error::{Error, Result};
use crate::figures::Style;
use crate::figures::encoder_curves::{self, Lines};
use crate::report::{Figure, StudyReport};
use crate::run::{Coordinates, Monitor};

/// Lines that a figure may have: more cannot be told apart.
const MOST_LINES: usize = 12;

/// See the [module](self).
pub(super) struct GridStudy;

impl Study for GridStudy {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        // Noise levels are an axis of every grid, at the place where the grid names them.
        Ok(if experiment.grid.axis("noise").is_some() { Vec::new() } else { vec![Axis::noise(experiment)] })
    }

    fn draw(&self, input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Drawn> {
        draw(input, &[], monitor)
    }
}

/// One point of the grid and what its runs measured.
struct PointNumbers {
    /// Without the seed.
    coordinates: Coordinates,
    /// One entry a seed.
    runs: Vec<RunNumbers>,
    /// Phases over the seeds.
    phases: Phases,
}

/// Draws the report of all points; `further` are paragraphs to put below the findings.
///
/// # Errors
/// As [`Study::draw`].
pub(super) fn draw(input: &StudyInput<'_>, further: &[String], monitor: &mut dyn Monitor) -> Result<Drawn> {
    if input.runs.is_empty() {
        return Err(Error::Internal("a study without runs".into()));
    }
    let (mut points, mut lines, mut curves) = (Vec::<PointNumbers>::new(), Vec::<Coordinates>::new(), Vec::new());
    for run in input.runs {
        let config = &run.manifest.config;
        monitor.working(&format!("analysing {}", config.id));
        let log = Log::open(&run.folder)?;
        let analysis = analyse_run(&log, &input.experiment.analysis)?;
        write_analysis(&input.layout.analysis_of(config), &analysis, input.text)?;
        let numbers = RunNumbers::of(&run.manifest, &analysis.epochs, &analysis.shares, analysis.phases.clone())?;
        let place = without(&config.coordinates, &["seed"]);
        match points.iter_mut().find(|point| point.coordinates == place) {
            Some(point) => point.runs.push(numbers),
            None => points.push(PointNumbers { coordinates: place, runs: vec![numbers], phases: Phases::default() }),
        }
        let line = without(&config.coordinates, &["seed", "noise"]);
        let number = lines.iter().position(|other| *other == line).unwrap_or(lines.len());
        if number == lines.len() {
            lines.push(line);
        }
        let constants = [
            ("point", Constant::Text(&lines[number].id())),
            ("number", Constant::Count(number as u64)),
            ("noise", Constant::Number(config.perturb.rate)),
            ("seed", Constant::Count(config.seed)),
        ];
        curves.push(in_front(&curve(&log.curve()?)?, &constants)?);
    }
    for point in &mut points {
        point.phases = combine(&point.runs.iter().map(|run| run.phases.clone()).collect::<Vec<_>>());
    }
    monitor.working("drawing");
    let curves = stack(curves)?;
    write_csv_as(&input.layout.analysis.join("curves.csv"), &curves, input.text)?;

    let experiment = input.experiment;
    let manifests = || input.runs.iter().map(|run| &run.manifest);
    let data = names(manifests().map(|manifest| manifest.data.name.clone()));
    let model = names(manifests().map(|manifest| file_name(&manifest.config.model.source).to_owned()));
    let epochs = names(manifests().map(|manifest| manifest.config.train.epochs.to_string()));
    let synthetic = manifests().all(|manifest| manifest.data.synthetic);
    let mut figures = Vec::new();
    if lines.len() <= MOST_LINES {
        let style = Style { print: input.print, synthetic, subtitle: format!("{data}, {model}, epochs: {epochs}") };
        let names: Vec<String> = lines.iter().map(Coordinates::id).collect();
        let stem = Path::new("figures").join("curves");
        let lines = Lines { names: &names, noun: "point of the grid", column: "point" };
        let files = encoder_curves::draw(&curves, lines, &style, &input.layout.report.join(&stem))?;
        figures.push(Figure::new(&files, stem));
    }
    let findings = findings::paragraph(&points);
    let title = || format!("Scores over a grid of settings: {data}, {model}");
    let study = StudyReport {
        title: experiment.study.title.clone().unwrap_or_else(title),
        findings: [findings.clone()].into_iter().chain(further.iter().cloned()).collect(),
        synthetic,
        figures,
        tables: tables::all(input, &points)?,
        configuration: experiment.to_toml()?,
    };
    publish(input, &study, study.findings.join("\n"), monitor)
}

/// The different ones of some names, in their order.
fn names(all: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    all.for_each(|name| {
        if !different.contains(&name) {
            different.push(name);
        }
    });
    different.join(", ")
}

/// The coordinates on all axes but some.
fn without(coordinates: &Coordinates, axes: &[&str]) -> Coordinates {
    Coordinates::of(coordinates.iter().filter(|of| !axes.contains(&of.axis.as_str())).cloned())
}
