//! Doing a study's grid.

use fs_err as fs;

use super::draw::draw_finished;
use super::{Drawn, Layout, grid, other_axes, prepare};
use crate::config::Experiment;
use crate::corpus::{self, Corpus, DataSettings};
use crate::dynamics::CsvText;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{self, Execution, Failure, Task};
use crate::figures::Print;
use crate::files::write_text;
use crate::model::ModelSettings;
use crate::perturb;
use crate::run::{Manifest, Monitor, RunConfig, RunFolder, StopFlag};

/// What became of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// The report of the runs that are finished; `None` if none is, or it could not be drawn without those that failed.
    pub drawn: Option<Drawn>,
    /// The runs that failed, in the order in which they did, and those that other processes are doing.
    pub failures: Vec<Failure>,
    /// The runs of the grid.
    pub n_runs: usize,
}

/// Does all runs of an experiment that are not finished, then draws the report from those that are.
///
/// Every folder is looked at, and the report's folder made, before the first run: what cannot end well should not take
/// hours to say so.
///
/// A run that fails does not end the sweep, and neither does a folder that holds no run, which is its run's failure. A folder
/// that holds a run of other settings or other data does, before the first: the sweep was told to go to the wrong place.
///
/// Runs that other processes are doing are waited for, if `how` says so.
///
/// # Errors
/// Those of [`exec::execute_all`] and [`super::draw`]; what was finished stays, and the same call goes on from there.
pub fn sweep(
    experiment: &Experiment,
    text: CsvText,
    print: Print,
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Swept> {
    let grid = grid(experiment)?;
    let layout = Layout::of(experiment);
    other_axes::check(&grid, &layout, monitor)?;
    experiment.device.open()?;
    let corpora = Corpora::load(&grid)?;
    for (data, corpus) in &corpora.0 {
        warn_about(corpus, grid.iter().filter(|config| config.data == *data).map(|config| &config.model), monitor);
    }
    for config in &grid {
        let corpus = corpora.of(config)?;
        perturb::check_cap(&corpus.train, &corpus.labels, &config.perturb)?;
        config.train.episodes.check_class(corpus.labels.names())?;
        let folder = layout.folder_of(config);
        match RunFolder::inspect(&folder, config, &corpus.fingerprint) {
            // A damaged folder is its run's failure, and so is one that holds no run at all.
            Err(Error::Data(_) | Error::Io { .. }) | Ok(_) => {}
            Err(Error::Config(_)) if !Manifest::path(&folder).is_file() => {}
            Err(error) => return Err(error),
        }
    }
    for folder in [&layout.analysis, &layout.report] {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    write_text(&layout.experiment, &experiment.to_toml()?)?;
    prepare(experiment, monitor, stop)?;
    let task = |config: RunConfig| Ok(Task { folder: layout.folder_of(&config), corpus: corpora.of(&config)?, config });
    let tasks: Vec<Task<'_>> = grid.into_iter().map(task).collect::<Result<_>>()?;
    let mut failures = exec::execute_all(&tasks, how, monitor, stop)?;
    // What another process was doing may be finished by now.
    failures.retain(|failure| {
        let task = tasks.iter().find(|task| task.config.id == failure.id);
        !(failure.kind == ErrorKind::InUse && task.is_some_and(exec::is_finished))
    });
    let n_runs = tasks.len();
    let drawn = match draw_finished(experiment, text, print, &failures, monitor, stop) {
        Ok(drawn) => Some(drawn),
        Err(error) if failures.is_empty() => return Err(error),
        // The failures are what is to be reported.
        Err(error) => {
            monitor.warning(&format!("no report: {error}"));
            None
        }
    };
    Ok(Swept { drawn, failures, n_runs })
}

/// The corpora of a grid: one as a rule, several where a setting of the data is an axis.
struct Corpora(Vec<(DataSettings, Corpus)>);

impl Corpora {
    fn load(grid: &[RunConfig]) -> Result<Self> {
        let mut corpora: Vec<(DataSettings, Corpus)> = Vec::new();
        for config in grid {
            if corpora.iter().all(|(data, _)| *data != config.data) {
                corpora.push((config.data.clone(), corpus::load(&config.data)?));
            }
        }
        Ok(Self(corpora))
    }

    fn of(&self, config: &RunConfig) -> Result<&Corpus> {
        let found = self.0.iter().find(|(data, _)| *data == config.data).map(|(_, corpus)| corpus);
        found.ok_or_else(|| Error::Internal(format!("no corpus was loaded for the run {}", config.id)))
    }
}

/// Warns of what is odd about a corpus, and of models that work with it and should not be trusted with it.
pub fn warn_about<'a>(corpus: &Corpus, models: impl IntoIterator<Item = &'a ModelSettings>, monitor: &mut dyn Monitor) {
    for warning in &corpus.warnings {
        monitor.warning(warning);
    }
    let knows_little = |model: &ModelSettings| model.source == "embedded" && !model.random_init;
    if !corpus.synthetic && models.into_iter().any(knows_little) {
        monitor.warning(&format!(
            "the embedded encoder knows generated text alone: on `{}` its scores say little; give a pretrained model \
             with --model",
            corpus.name
        ));
    }
}
