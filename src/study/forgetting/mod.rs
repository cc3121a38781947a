//! Forgetting (arXiv 2105.00828, section 4; Toneva et al., ICLR 2019): the same training with several encoders.
//!
//! What does each encoder learn and forget again, is it the same for two seeds and for two encoders, and how do the phases
//! of the noise sweep differ between them? The paper's contrast is a pretrained encoder with the same one initialised at
//! random, and a bi-LSTM-CRF; wherever two encoders of a study differ in nothing but `random_init`, they are compared seed
//! by seed.
//!
//! The grid is seed × noise × encoder. At one seed all encoders see the same labels, noise included, and draw their batches
//! from the same streams, so that differences are taken within seeds. The noise differs between seeds: sets of forgettable
//! tokens of two seeds are compared where there is none.
//!
//! Events are counted in both passes ([`crate::analysis::token_histories`]); what is said of one pass alone is said of
//! `analysis.events_pass`, the train pass by default, as in the paper. Drawing takes the steps of the noise sweep, a file each:
//! [`summary`] and [`overlap`] have the numbers, [`findings`] the words, [`tables`] and [`pictures`] the rest.

mod findings;
mod grid;
mod overlap;
mod pictures;
mod summary;
mod tables;

use polars::prelude::DataFrame;

use super::frames::{Constant, curve, in_front, stack};
use super::{Axis, Drawn, Study, StudyInput, file_name, publish, write_analysis};
use crate::analysis::{analyse_run, token_histories};
use crate::config::{EncoderSettings, Experiment};
use crate::dynamics::{Log, Pass, write_csv_as};
use crate::error::{Error, Result};
use crate::report::StudyReport;
use crate::run::{Monitor, RunConfig};
use overlap::{PairOverlap, TokenSet};
use summary::{Cell, Contrast, RunNumbers};

/// See the [module](self).
pub(super) struct Forgetting;

impl Study for Forgetting {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        Ok(vec![Axis::noise(experiment), grid::encoders(experiment)])
    }

    fn draw(&self, input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Drawn> {
        let gathered = gather(input, monitor)?;
        monitor.working("drawing");
        for (name, frame) in [("curves", &gathered.curves), ("epochs", &gathered.epochs)] {
            write_csv_as(&input.layout.analysis.join(format!("{name}.csv")), frame, input.text)?;
        }
        let numbers = Numbers::of(&gathered);
        let findings = findings::paragraphs(&gathered, &numbers);
        let title = || format!("What encoders forget: {}", gathered.subject.data);
        let study = StudyReport {
            title: input.experiment.study.title.clone().unwrap_or_else(title),
            findings: findings.clone(),
            synthetic: gathered.subject.synthetic,
            figures: pictures::draw(input, &gathered, &numbers)?,
            tables: tables::all(input, &gathered, &numbers)?,
            configuration: input.experiment.to_toml()?,
            ..StudyReport::default()
        };
        publish(input, &study, findings.join("\n"), monitor)
    }
}

/// What the study is about.
struct Subject<'a> {
    data: &'a str,
    synthetic: bool,
    epochs: u32,
}

/// One encoder of the study.
struct Encoder<'a> {
    name: &'a str,
    /// The last part of its source.
    source: &'a str,
    /// Its layers and sizes; `None` if none of its runs is finished.
    shape: Option<&'a str>,
    n_parameters: Option<usize>,
    /// How it is trained: any of its runs.
    config: RunConfig,
}

/// What is kept of all runs.
struct Gathered<'a> {
    subject: Subject<'a>,
    /// In the experiment's order, which numbers them.
    encoders: Vec<Encoder<'a>>,
    /// The pass that is meant where none is named.
    pass: Pass,
    /// In the grid's order.
    runs: Vec<RunNumbers>,
    /// One entry a run, in the same order.
    sets: Vec<TokenSet>,
    /// All evaluations of all runs: `encoder, number, noise, seed`, and the columns of [`curve`].
    curves: DataFrame,
    /// All epochs likewise.
    epochs: DataFrame,
}

impl Gathered<'_> {
    fn name(&self, encoder: usize) -> &str {
        self.encoders.get(encoder).map_or("", |encoder| encoder.name)
    }

    fn names(&self) -> Vec<String> {
        self.encoders.iter().map(|encoder| encoder.name.to_owned()).collect()
    }
}

/// What is computed from all runs together.
struct Numbers<'a> {
    /// By encoder, then by noise.
    cells: Vec<Cell<'a>>,
    contrasts: Vec<Contrast>,
    overlaps: Vec<PairOverlap>,
}

impl<'a> Numbers<'a> {
    fn of(gathered: &'a Gathered<'_>) -> Self {
        let models: Vec<_> = gathered.encoders.iter().map(|encoder| &encoder.config.model).collect();
        let cells = summary::cells(&gathered.runs);
        let contrasts = summary::contrasts(&cells, &models, gathered.pass);
        Self { cells, contrasts, overlaps: overlap::overlaps(&gathered.sets) }
    }

    /// The levels of noise, ascending.
    fn noises(&self) -> Vec<f64> {
        let mut noises: Vec<f64> = self.cells.iter().map(|cell| cell.noise).collect();
        noises.sort_by(f64::total_cmp);
        noises.dedup();
        noises
    }
}

/// Analyses every run; the tables with a row a token are written and let go.
fn gather<'a>(input: &StudyInput<'a>, monitor: &mut dyn Monitor) -> Result<Gathered<'a>> {
    let first = &input.runs.first().ok_or_else(|| Error::Internal("a study without runs".into()))?.manifest;
    let names: Vec<&EncoderSettings> = input.experiment.study.encoders.iter().collect();
    let (mut runs, mut curves, mut epochs) = (Vec::<RunNumbers>::new(), Vec::new(), Vec::new());
    // By run, then by pass.
    let mut sets: Vec<Vec<(Pass, TokenSet)>> = Vec::new();
    for run in input.runs {
        let config = &run.manifest.config;
        monitor.working(&format!("analysing {}", config.id));
        let number = grid::encoder_of(input.experiment, config)?;
        let log = Log::open(&run.folder)?;
        let analysis = analyse_run(&log, &input.experiment.analysis)?;
        write_analysis(&input.layout.analysis_of(config), &analysis, input.text)?;
        let histories = token_histories(&log)?;
        let of_run = RunNumbers::of(number, &run.manifest, &analysis, &histories, log.tokens().noisy().as_deref())?;
        let constants = [
            ("encoder", Constant::Text(&names[number].name)),
            ("number", Constant::Count(number as u64)),
            ("noise", Constant::Number(of_run.noise())),
            ("seed", Constant::Count(of_run.seed())),
        ];
        curves.push(in_front(&curve(&log.curve()?)?, &constants)?);
        epochs.push(in_front(&analysis.epochs, &constants)?);
        let before = sets.last().and_then(|of_run| of_run.first()).map(|(_, set)| set);
        let of_pass = |history| TokenSet::of(&of_run, log.tokens(), history, before);
        let new: Vec<(Pass, TokenSet)> = histories.iter().map(|history| (history.pass, of_pass(history))).collect();
        sets.push(new);
        runs.push(of_run);
    }
    let wanted = input.experiment.analysis.events_pass;
    let logged = |pass: Pass| runs.iter().all(|run| run.pass(pass).is_some());
    let pass = if logged(wanted) || !logged(wanted.other()) { wanted } else { wanted.other() };
    let of_pass = |of_run: Vec<(Pass, TokenSet)>| of_run.into_iter().find(|(of, _)| *of == pass).map(|(_, set)| set);
    Ok(Gathered {
        subject: Subject {
            data: &first.data.name,
            synthetic: first.data.synthetic,
            epochs: input.experiment.train.epochs,
        },
        encoders: encoders(input)?,
        pass,
        runs,
        sets: sets.into_iter().filter_map(of_pass).collect(),
        curves: stack(curves)?,
        epochs: stack(epochs)?,
    })
}

fn encoders<'a>(input: &StudyInput<'a>) -> Result<Vec<Encoder<'a>>> {
    let experiment: &'a Experiment = input.experiment;
    let grid = super::grid(experiment)?;
    let of = |(number, settings): (usize, &'a EncoderSettings)| {
        let is_it = |config: &RunConfig| grid::encoder_of(experiment, config).ok() == Some(number);
        let finished = input.runs.iter().map(|run| &run.manifest).find(|manifest| is_it(&manifest.config));
        let config = grid.iter().find(|config| is_it(config));
        let config = config.ok_or_else(|| Error::Internal(format!("no run has the encoder {}", settings.name)))?;
        Ok(Encoder {
            name: &settings.name,
            source: file_name(settings.source.as_deref().unwrap_or(&experiment.model.source)),
            shape: finished.map(|manifest| manifest.model.shape.as_str()),
            n_parameters: finished.map(|manifest| manifest.model.n_parameters),
            config: config.clone(),
        })
    };
    experiment.study.encoders.iter().enumerate().map(of).collect()
}
