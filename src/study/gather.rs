//! What is read from the finished runs of a study: one [`Row`] a run, from which all measures, curves and tables are made.

use polars::prelude::DataFrame;

use super::draw::{FinishedRun, StudyInput};
use super::frames::{curve, numbers};
use crate::analysis::forgetting::{Forgetting, TokenSet};
use crate::analysis::phases::Phases;
use crate::analysis::{ClassAnalysis, RunAnalysis, analyse_class, analyse_run, token_histories, write_analysis};
use crate::dynamics::{Log, Pass};
use crate::error::Result;
use crate::run::{Coordinate, Coordinates, Manifest, Monitor};

/// What a study reads beyond the analysis of each run.
#[derive(Debug, Clone, Default)]
pub(super) struct Needs {
    /// Forgetting in both passes, with the sets of forgettable tokens; each log is read once more.
    pub forgetting: bool,
    /// These entity types, each by itself: a run without a cap gives one row a type.
    pub classes: Vec<String>,
}

/// A run, or what a run says of one entity type. Tables with a row a token are not kept.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its place in the grid, without the seed.
    pub coordinates: Coordinates,
    /// The seed.
    pub seed: u64,
    /// The run.
    pub manifest: Manifest,
    /// Its epochs: [`RunAnalysis::epochs`].
    pub epochs: DataFrame,
    /// Its evaluations: [`curve`].
    pub curve: DataFrame,
    /// Shares of tokens: [`RunAnalysis::shares`].
    pub shares: DataFrame,
    /// Its phases.
    pub phases: Phases,
    /// Forgetting in each pass that was logged; empty unless it was asked for.
    pub forgetting: Vec<Forgetting>,
    /// The entity type that the row is about.
    pub class: Option<ClassAnalysis>,
}

/// A score and the epoch it was found in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InEpoch {
    /// One-based.
    pub epoch: f64,
    /// The score after it.
    pub value: f64,
}

impl Row {
    /// A column of [`Row::epochs`], where it has values.
    pub fn series(&self, column: &str) -> Vec<InEpoch> {
        let read = |name: &str| numbers(&self.epochs, name).unwrap_or_default();
        let pairs = read("epoch").into_iter().zip(read(column));
        pairs.filter_map(|(epoch, value)| Some(InEpoch { epoch: epoch?, value: value? })).collect()
    }

    /// Its highest value; of equal ones the first.
    pub fn highest(&self, column: &str) -> Option<InEpoch> {
        self.series(column).into_iter().reduce(|a, b| if b.value > a.value { b } else { a })
    }

    /// Its lowest value; of equal ones the first.
    pub fn lowest(&self, column: &str) -> Option<InEpoch> {
        self.series(column).into_iter().reduce(|a, b| if b.value < a.value { b } else { a })
    }

    /// Its last value.
    pub fn last(&self, column: &str) -> Option<f64> {
        self.series(column).last().map(|last| last.value)
    }

    /// A share of a group of [`Row::shares`]; `None` for a group without a token.
    pub fn share(&self, group: &str, column: &str) -> Option<f64> {
        let row = self.shares.column("group").ok()?.str().ok()?.iter().position(|found| found == Some(group))?;
        let of = |name: &str| numbers(&self.shares, name).ok()?.get(row).copied().flatten();
        (of("n")? > 0.0).then(|| of(column))?
    }

    /// Forgetting in a pass.
    pub fn forgetting(&self, pass: Pass) -> Option<&Forgetting> {
        self.forgetting.iter().find(|of_pass| of_pass.pass == pass)
    }

    /// Requested noise.
    pub fn noise(&self) -> f64 {
        self.manifest.config.perturb.rate
    }
}

/// Everything a report is made from.
pub(super) struct Gathered<'a> {
    /// In the grid's order.
    pub rows: Vec<Row>,
    /// The run whose single tokens are drawn, with all its tables.
    pub shown: (&'a FinishedRun, RunAnalysis),
}

/// Noise level of the run whose single tokens are drawn, where it was trained; else the nearest one with noise.
const SHOWN_NOISE: f64 = 0.3;

/// Analyses every run and writes its tables; `input` has at least one run.
///
/// # Errors
/// [`crate::Error::Data`] if a log is damaged; [`crate::Error::Io`].
pub(super) fn gather<'a>(input: &StudyInput<'a>, needs: &Needs, monitor: &mut dyn Monitor) -> Result<Gathered<'a>> {
    let distance = |run: &FinishedRun| match run.manifest.config.perturb.rate {
        0.0 => f64::INFINITY,
        noise => (noise - SHOWN_NOISE).abs(),
    };
    let nearest = (0..input.runs.len()).min_by(|&a, &b| distance(&input.runs[a]).total_cmp(&distance(&input.runs[b])));
    let mut rows: Vec<Row> = Vec::new();
    let mut shown = None;
    for (index, run) in input.runs.iter().enumerate() {
        let config = &run.manifest.config;
        monitor.working(&format!("analysing {}", config.id));
        let log = Log::open(&run.folder)?;
        let analysis = analyse_run(&log, &input.experiment.analysis)?;
        write_analysis(&input.layout.analysis_of(config), &analysis, input.text)?;
        let row = Row {
            coordinates: config.coordinates.without(&["seed"]),
            seed: config.seed,
            manifest: run.manifest.clone(),
            epochs: analysis.epochs.clone(),
            curve: curve(&log.curve()?)?,
            shares: analysis.shares.clone(),
            phases: analysis.phases.clone(),
            forgetting: if needs.forgetting { forgetting(&log, &run.manifest, &rows)? } else { Vec::new() },
            class: None,
        };
        match needs.classes.as_slice() {
            [] => rows.push(row),
            classes => rows.extend(by_class(&row, classes, &log, &analysis, input)?),
        }
        if Some(index) == nearest {
            shown = Some((run, analysis));
        }
    }
    let shown = shown.ok_or_else(|| crate::Error::Internal("a study without runs".into()))?;
    Ok(Gathered { rows: without_repeats(rows), shown })
}

/// Forgetting in each pass; a set keeps its tokens where another run keeps its own, if they are the same.
fn forgetting(log: &Log, manifest: &Manifest, before: &[Row]) -> Result<Vec<Forgetting>> {
    let noisy = log.tokens().noisy();
    let other: Option<&TokenSet> = before.last().and_then(|row| row.forgetting.first()).map(|of| &of.forgettable);
    let of_pass = |history| {
        let found = Forgetting::of(history, log.tokens(), noisy.as_deref(), manifest.epochs_finished);
        match other {
            Some(other) => Forgetting { forgettable: found.forgettable.sharing(other), ..found },
            None => found,
        }
    };
    Ok(token_histories(log)?.iter().map(of_pass).collect())
}

/// A run once for each entity type that it speaks of: the capped one, or each if none is.
fn by_class(row: &Row, classes: &[String], log: &Log, whole: &RunAnalysis, input: &StudyInput<'_>) -> Result<Vec<Row>> {
    let cap = row.manifest.config.perturb.cap.as_ref();
    let speaks_of = |class: &&String| cap.is_none_or(|cap| cap.class == **class);
    let of_class = |class: &String| {
        let analysis = analyse_class(log, whole, &input.experiment.analysis, class)?;
        let mut coordinates = row.coordinates.clone();
        if cap.is_none() {
            // The log counts the sentences whose tokens were scored; a cap knows how many there are.
            let caps = input.runs.iter().filter_map(|run| run.manifest.cap.as_ref());
            let available = caps.filter(|cap| cap.class == *class).map(|cap| cap.available).next();
            let sentences = available.unwrap_or(analysis.n_sentences);
            coordinates = coordinates
                .with(Coordinate::new("class", class.as_str()))
                .with(Coordinate::new("sentences", sentences));
        }
        Ok(Row { coordinates, class: Some(analysis), ..row.clone() })
    };
    classes.iter().filter(speaks_of).map(of_class).collect()
}

/// Leaves out what a cap at all sentences there are has trained once more: it is no other seed of the run without a cap.
fn without_repeats(rows: Vec<Row>) -> Vec<Row> {
    let is_capped = |row: &Row| row.manifest.config.perturb.cap.is_some();
    let repeats: Vec<bool> = rows
        .iter()
        .map(|row| {
            let same = |other: &Row| other.coordinates == row.coordinates && other.seed == row.seed;
            row.class.is_some() && is_capped(row) && rows.iter().any(|other| !is_capped(other) && same(other))
        })
        .collect();
    rows.into_iter().zip(repeats).filter(|(_, repeats)| !repeats).map(|(row, _)| row).collect()
}
