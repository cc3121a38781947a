//! From finished runs to a report: what every study has in common.
//!
//! ```text
//! runs ──gather──▶ rows ──measures──▶ points ──comparisons──▶ tables, figures, findings
//! ```
//!
//! A study says which measures it shows, what it compares and what it draws ([`Design`]); it adds tables and figures of its own
//! where measures are not enough ([`super::Study::add`]).

use std::path::Path;

use polars::prelude::*;

use super::charts::Chart;
use super::compare::{Difference, overlaps, paired, trends};
use super::draw::{Drawn, StudyInput, publish};
use super::epochs;
use super::findings::{Compared, Finding, sentences};
use super::frames::{numbers, stack};
use super::gather::{Gathered, Row, gather};
use super::measure::Measure;
use super::summarise::{NOISE, Point, ReportAxis, axis_columns, measures_frame, place, points, with_axes};
use super::{Study, file_name, tables};
use crate::analysis::RunAnalysis;
use crate::analysis::phases::{Phases, combine};
use crate::dynamics::{Pass, write_csv_as, write_parquet};
use crate::error::Result;
use crate::figures::noise_detection::Detection;
use crate::figures::{FigureFiles, Style, data_map, noise_detection};
use crate::format::counted;
use crate::format::percent;
use crate::report::{Column as Shown, Figure, Format, StudyReport, Table};
use crate::run::Monitor;

/// The most forgotten tokens that are listed.
const MOST_FORGOTTEN: usize = 20;

/// What a study shows of its runs.
#[derive(Default)]
pub(super) struct Design {
    /// The title of its report, unless the experiment has one.
    pub title: String,
    /// The measures of each run, in the order of the table.
    pub measures: Vec<&'static Measure>,
    /// Axes along which measures are tested for a trend.
    pub trends: Vec<String>,
    /// Axes along which points are compared pair by pair: pairs of labels, the base first.
    pub pairs: Vec<(String, Vec<[String; 2]>)>,
    /// The axis along which sets of forgettable tokens are compared.
    pub overlap: Option<String>,
    /// The sentences of the findings, most important first.
    pub findings: Vec<Finding>,
    /// Line figures.
    pub charts: Vec<Chart>,
    /// Whether the figures and the table of single tokens are shown, of one run.
    pub tokens: bool,
}

/// What a study's own tables and figures are made from.
pub(super) struct Context<'a> {
    /// Experiment, folders, finished runs.
    pub input: &'a StudyInput<'a>,
    /// One a run, or a run and entity type.
    pub rows: &'a [Row],
    /// The axes in the order of the tables.
    pub axes: &'a [ReportAxis],
    /// The points of the grid in the same order.
    pub points: &'a [Point<'a>],
    /// The phases of each point: [`phases`].
    pub phases: &'a DataFrame,
}

/// Figures and tables in the order they are shown.
#[derive(Default)]
pub(super) struct Parts {
    /// With their stems below the report's folder.
    pub figures: Vec<Figure>,
    /// The tables.
    pub tables: Vec<Table>,
}

impl Context<'_> {
    /// An axis by its name.
    pub fn axis(&self, name: &str) -> Option<&ReportAxis> {
        self.axes.iter().find(|axis| axis.name == name)
    }

    /// The axes but one.
    pub fn axes_without(&self, name: &str) -> Vec<ReportAxis> {
        self.axes.iter().filter(|axis| axis.name != name).cloned().collect()
    }

    /// The pass in which forgetting is counted: that of the settings, or the other one where it was not logged by all runs.
    pub fn pass(&self) -> Pass {
        let wanted = self.input.experiment.analysis.events_pass;
        let logged = |pass: Pass| self.rows.iter().all(|row| row.forgetting(pass).is_some());
        if logged(wanted) || !logged(wanted.other()) { wanted } else { wanted.other() }
    }

    /// How figures look: data, model and training below the title.
    pub fn style(&self) -> Style {
        let subject = Subject::of(self.rows);
        let further = format!("corpus {}, encoder {}, {}", subject.data, subject.model, subject.epochs);
        self.input.style(further, subject.synthetic_only)
    }
}

impl Parts {
    /// Adds a figure whose files are `figures/NAME`; `draw` gets the stem of the files.
    ///
    /// # Errors
    /// Those of `draw`.
    pub fn figure(
        &mut self,
        input: &StudyInput<'_>,
        name: &str,
        draw: impl FnOnce(&Path) -> Result<Option<FigureFiles>>,
    ) -> Result<()> {
        let stem = Path::new("figures").join(name);
        if let Some(files) = draw(&input.layout.report.join(&stem))? {
            self.figures.push(Figure::new(&files, stem));
        }
        Ok(())
    }
}

/// Data, models and settings that the runs share, in words; several where they differ.
struct Subject {
    data: String,
    model: String,
    shape: String,
    epochs: String,
    synthetic: Vec<String>,
    synthetic_only: bool,
}

impl Subject {
    fn of(rows: &[Row]) -> Self {
        let all = || rows.iter().map(|row| &row.manifest);
        let synthetic = different(all().filter(|m| m.data.synthetic).map(|m| m.data.name.clone()));
        Self {
            data: different(all().map(|m| m.data.name.clone())).join(", "),
            model: different(all().map(|m| file_name(&m.config.model.source).to_owned())).join(", "),
            shape: different(all().map(|m| m.model.shape.clone())).join("; "),
            epochs: match different(all().map(|m| m.config.train.epochs)).as_slice() {
                [one] => counted(*one, "epoch"),
                several => format!("{} epochs", several.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
            },
            synthetic_only: all().all(|m| m.data.synthetic),
            synthetic,
        }
    }
}

/// The different ones, in order of first appearance.
fn different<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found: Vec<T> = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

/// Analyses the runs and writes tables, figures and the report. `parts_of` are paragraphs on the reports of parts of the study,
/// put below the findings.
///
/// # Errors
/// [`crate::Error::Data`] if a log is damaged; [`crate::Error::Io`].
pub(super) fn draw(
    study: &dyn Study,
    input: &StudyInput<'_>,
    parts_of: &[String],
    monitor: &mut dyn Monitor,
) -> Result<Drawn> {
    let Gathered { rows, shown } = gather(input, &study.needs(input.experiment), monitor)?;
    let axes = ReportAxis::all(&rows, study.order());
    let points = points(&rows, &axes);
    let phases = phases(&points, &axes)?;
    let context = Context { input, rows: &rows, axes: &axes, points: &points, phases: &phases };
    let design = study.design(&context)?;
    monitor.working("drawing");

    let compared = compare(&context, &design);
    write_frames(&context, &design)?;
    let mut parts = Parts::default();
    add_charts(&context, &design, &mut parts)?;
    let mut interactive = Vec::new();
    if design.tokens {
        add_token_figures(&context, &shown, &mut parts)?;
        interactive = epochs::views(shown.0, &input.experiment.analysis, input.experiment.study.embed_text)?;
    }
    parts.tables.push(tables::measures(&points, &axes, &design.measures, ["measures", "Measures", ""])?);
    for (axis, differences) in &compared.differences {
        let others = context.axes_without(axis);
        if let (false, Some(axis)) = (differences.is_empty(), context.axis(axis)) {
            parts.tables.push(tables::differences(differences, axis, &others, &design.measures)?);
        }
    }
    if !compared.trends.is_empty() {
        parts.tables.push(tables::trends(&compared.trends, &axes, &design.measures)?);
    }
    if let Some((axis, overlaps)) = &compared.overlaps
        && let (false, Some(of)) = (overlaps.is_empty(), context.axis(axis))
    {
        parts.tables.push(tables::overlaps(overlaps, of, &context.axes_without(axis), context.pass().name())?);
    }
    study.add(&context, &compared, &mut parts)?;
    if design.tokens {
        parts.tables.push(most_forgotten(&shown)?);
    }
    parts.tables.extend(tables::caps(input)?);
    parts.tables.push(tables::runs(input)?);

    let subject = Subject::of(&rows);
    let mut findings = vec![opening(&subject, &context)];
    findings.extend(sentences(&design.findings, &compared));
    let report = StudyReport {
        title: input.experiment.study.title.clone().unwrap_or(format!("{}: {}", design.title, subject.data)),
        findings: findings.iter().chain(parts_of).cloned().collect(),
        synthetic: subject.synthetic_only,
        figures: parts.figures,
        tables: parts.tables,
        interactive,
        embed_text: input.experiment.study.embed_text,
        configuration: study.configuration(input.experiment)?,
    };
    publish(input, &report, findings.join("\n"), monitor)
}

fn compare<'a>(context: &Context<'a>, design: &'a Design) -> Compared<'a> {
    let differences = design.pairs.iter().map(|(axis, pairs)| {
        let found: Vec<Difference> = paired(context.points, axis, pairs, &design.measures);
        (axis.clone(), found)
    });
    let ordered: Vec<&ReportAxis> = design.trends.iter().filter_map(|name| context.axis(name)).collect();
    let seed = context.input.experiment.analysis.seed;
    let overlap = design.overlap.as_ref().and_then(|name| context.axis(name));
    Compared {
        axes: context.axes,
        measures: &design.measures,
        differences: differences.collect(),
        trends: trends(context.points, &ordered, &design.measures, seed),
        overlaps: overlap.map(|axis| (axis.name.clone(), overlaps(context.rows, axis, context.pass()))),
    }
}

/// What was trained, on what, how often.
fn opening(subject: &Subject, context: &Context<'_>) -> String {
    let varied: Vec<String> = context
        .axes
        .iter()
        // What all runs share is named, too, but for the absence of noise.
        .filter(|axis| {
            axis.varies() || axis.name != NOISE || axis.points.iter().any(|of| of.value.as_f64() != Some(0.0))
        })
        .map(|axis| format!("{} {}", axis.noun(), axis.labels().join(", ")))
        .collect();
    let seeds = different(context.rows.iter().map(|row| row.seed)).len();
    let mut text = format!(
        "Encoder {} ({}), fine-tuned on corpus {} for {}: {}{} per point.",
        subject.model,
        subject.shape,
        subject.data,
        subject.epochs,
        if varied.is_empty() { String::new() } else { format!("{}; ", varied.join("; ")) },
        counted(seeds, "seed"),
    );
    let cap = context.input.runs.first().and_then(|run| run.manifest.cap.as_ref());
    if let Some(cap) = cap.filter(|_| context.axis("class").is_none()) {
        text.push_str(&format!(
            " {} of {} training sentences with {} were kept.",
            cap.kept.len(),
            cap.available,
            cap.class
        ));
    }
    if !subject.synthetic.is_empty() {
        text.push_str(&format!(
            " The text of {} is synthetic: its numbers do not carry over to real corpora.",
            subject.synthetic.join(", ")
        ));
    }
    text
}

/// Writes what further work starts from: `measures.parquet` and `measures.csv`, `curves.csv`, `epochs.csv`, `phases.csv`.
fn write_frames(context: &Context<'_>, design: &Design) -> Result<()> {
    let Context { input, rows, axes, phases, .. } = context;
    let folder = &input.layout.analysis;
    let measures = measures_frame(rows, axes, &design.measures)?;
    write_parquet(&folder.join("measures.parquet"), &measures)?;
    write_csv_as(&folder.join("measures.csv"), &measures, input.text)?;
    for (name, of) in [("curves", (|row| &row.curve) as fn(&Row) -> &DataFrame), ("epochs", |row| &row.epochs)] {
        let all = stack(rows.iter().map(|row| with_axes(row, of(row), axes)).collect::<Result<Vec<_>>>()?)?;
        write_csv_as(&folder.join(format!("{name}.csv")), &all, input.text)?;
    }
    write_csv_as(&folder.join("phases.csv"), phases, input.text)
}

/// The phases of each point over its seeds, one row a boundary that is present: the axes, `phase, epoch, epoch_low,
/// epoch_high, examples_seen, step, learning_rate, dev_score, support`.
fn phases(points: &[Point<'_>], axes: &[ReportAxis]) -> Result<DataFrame> {
    let combined: Vec<Phases> = points
        .iter()
        .map(|point| combine(&point.rows.iter().map(|row| row.phases.clone()).collect::<Vec<_>>()))
        .collect();
    let rows: Vec<_> = points
        .iter()
        .zip(&combined)
        .flat_map(|(point, phases)| phases.boundaries().into_iter().map(move |(name, at)| (point, name, at)))
        .collect();
    let mut columns = axis_columns(rows.iter().map(|row| &row.0.coordinates), axes);
    type Get = fn(&crate::analysis::phases::PhasePoint) -> Option<f64>;
    let numbers: [(&str, Get); 8] = [
        ("epoch", |at| Some(at.epoch)),
        ("epoch_low", |at| Some(at.epoch_low)),
        ("epoch_high", |at| Some(at.epoch_high)),
        ("examples_seen", |at| at.examples_seen.map(|seen| seen as f64)),
        ("step", |at| at.step.map(|step| step as f64)),
        ("learning_rate", |at| at.learning_rate),
        ("dev_score", |at| at.scores.dev_score),
        ("support", |at| Some(at.support)),
    ];
    columns.push(Column::new("phase".into(), rows.iter().map(|row| row.1).collect::<Vec<_>>()));
    for (name, get) in numbers {
        // An axis of the same name, `step` or `learning_rate`, keeps its column.
        if axes.iter().all(|axis| axis.name != name) {
            columns.push(Column::new(name.into(), rows.iter().map(|row| get(row.2)).collect::<Vec<_>>()));
        }
    }
    Ok(DataFrame::new(rows.len(), columns)?)
}

fn add_charts(context: &Context<'_>, design: &Design, parts: &mut Parts) -> Result<()> {
    let style = context.style();
    for chart in &design.charts {
        parts.figure(context.input, &chart.name, |stem| {
            chart.draw(context.rows, context.axes, context.phases, &style, stem)
        })?;
    }
    Ok(())
}

/// The figures of single tokens: losses at the epoch of the best noise detection, and the data map.
fn add_token_figures(
    context: &Context<'_>,
    (run, analysis): &(&super::FinishedRun, RunAnalysis),
    parts: &mut Parts,
) -> Result<()> {
    let style = context.style();
    let config = &run.manifest.config;
    let others: Vec<ReportAxis> = context.axes_without(NOISE);
    let further = place(&config.coordinates, &others);
    let further = if further.is_empty() { further } else { format!(", {further}") };
    let condition = format!("{} noise{further}, seed {}", percent(config.perturb.rate), config.seed);
    if let Some(epoch) = analysis.best_detection_epoch {
        let row = numbers(&analysis.epochs, "epoch")?.iter().position(|at| *at == Some(f64::from(epoch)));
        let cutoffs = numbers(&analysis.epochs, "noise_cutoff")?;
        let detection = Detection {
            losses: &analysis.losses,
            precision_recall: &analysis.precision_recall,
            epoch,
            condition: &condition,
            cutoff: row.and_then(|row| cutoffs[row]),
        };
        parts.figure(context.input, "noise_detection", |stem| {
            noise_detection::draw(&detection, &style, stem).map(Some)
        })?;
    }
    parts
        .figure(context.input, "data_map", |stem| data_map::draw(&analysis.datamap, &condition, &style, stem).map(Some))
}

fn most_forgotten((run, analysis): &(&super::FinishedRun, RunAnalysis)) -> Result<Table> {
    Table::from_frame(
        &analysis.most_forgotten.head(Some(MOST_FORGOTTEN)),
        "most_forgotten",
        format!("Most forgotten tokens ({})", run.manifest.config.id),
        "Their sentences are in the analysis folder of the run.",
        vec![
            Shown::new("word", "Token", Format::Text),
            Shown::new("given", "Given label", Format::Text),
            Shown::new("gold", "Gold label", Format::Text),
            Shown::new("forgetting", "Forgotten", Format::Integer),
            Shown::new("learning", "Learned", Format::Integer),
            Shown::new("first_learning", "First in epoch", Format::Integer).short("First"),
        ],
    )
}
