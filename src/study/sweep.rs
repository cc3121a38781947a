//! Doing a study's grid.

use fs_err as fs;

use super::draw::draw_finished;
use super::{Drawn, Layout, grid, prepare};
use crate::config::Experiment;
use crate::corpus::{self, Corpus};
use crate::dynamics::CsvText;
use crate::error::{Error, Result};
use crate::model::ModelSettings;
use crate::perturb;
use crate::run::{Monitor, RunFolder, RunRequest, StopFlag, execute, write_text};

/// Does all runs of an experiment that are not finished, then draws the report.
///
/// Every folder is looked at, and the report's folder made, before the first run: what cannot end well should not take
/// hours to say so.
///
/// # Errors
/// Those of [`execute`] and [`super::draw`]. The first run that fails ends the sweep; what was finished stays, and the same
/// call goes on from there.
pub fn sweep(experiment: &Experiment, text: CsvText, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Drawn> {
    let grid = grid(experiment)?;
    let layout = Layout::of(experiment);
    experiment.device.open()?;
    let corpus = corpus::load(&experiment.data)?;
    warn_about(&corpus, grid.iter().map(|config| &config.model), monitor);
    for config in &grid {
        perturb::check_cap(&corpus.train, &corpus.labels, &config.perturb)?;
        config.train.episodes.check_class(corpus.labels.names())?;
        RunFolder::inspect(&layout.folder_of(config), config, &corpus.fingerprint)?;
    }
    for folder in [&layout.analysis, &layout.report] {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    write_text(&layout.experiment, &experiment.to_toml()?)?;
    prepare(experiment, monitor, stop)?;
    for (index, config) in grid.iter().enumerate() {
        let folder = layout.folder_of(config);
        let request = RunRequest { config, folder: &folder, corpus: &corpus, position: (index + 1, grid.len()) };
        execute(&request, monitor, stop)?;
        if stop.requested() {
            return Err(Error::Interrupted);
        }
    }
    draw_finished(experiment, text, monitor)
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
