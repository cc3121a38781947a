//! Class caps (arXiv 2105.00828, section 5): the same training with ever fewer sentences of one entity type.
//!
//! The grid is class × number of sentences × noise × head × initial weights × seed; what all classes share, the run on
//! all sentences, is trained once. What differs within a study is what its report shows: with two heads it compares
//! them (figure 7 of the paper), with noise it asks whether a rare class can be told from wrong labels, with random
//! weights it shows what pretraining is worth.
//!
//! Drawing: each run is analysed once, and once more for each class it speaks of ([`crate::analysis::classes`]); numbers
//! are put together over seeds ([`summary`]), into words ([`findings`]), tables ([`tables`]) and figures ([`pictures`]).

mod findings;
mod grid;
mod pictures;
mod summary;
mod tables;

use polars::prelude::*;

use super::frames::{Constant, in_front, stack};
use super::{Axis, Drawn, Study, StudyInput, file_name, publish, write_analysis};
use crate::analysis::{analyse_class, analyse_run};
use crate::config::Experiment;
use crate::dynamics::{Log, write_csv_as};
use crate::error::{Error, Result};
use crate::report::StudyReport;
use crate::run::Monitor;
use summary::{RunNumbers, Variant, variant_name};

/// See the [module](self).
pub(super) struct ClassCaps;

impl Study for ClassCaps {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        grid::axes(experiment)
    }

    fn draw(&self, input: &StudyInput<'_>, monitor: &mut dyn Monitor) -> Result<Drawn> {
        let gathered = gather(input, monitor)?;
        monitor.working("drawing");
        for (name, frame) in [("epochs", gathered.all_epochs()?), ("separation", gathered.separation()?)] {
            write_csv_as(&input.layout.analysis.join(format!("{name}.csv")), &frame, input.text)?;
        }
        let findings = findings::paragraphs(&gathered);
        let title = || {
            let subject = &gathered.subject;
            format!("What is learned of a rare class: {}, {}", subject.data, subject.model)
        };
        let study = StudyReport {
            title: input.experiment.study.title.clone().unwrap_or_else(title),
            findings: findings.clone(),
            synthetic: gathered.subject.synthetic,
            figures: pictures::draw(input, &gathered)?,
            tables: tables::all(input, &gathered)?,
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
    model: &'a str,
    shape: &'a str,
    epochs: u32,
}

impl Subject<'_> {
    fn in_short(&self) -> String {
        format!("{}, {}, {} epochs", self.data, self.model, self.epochs)
    }
}

/// One run's epochs for one class, as figures want them.
struct RunEpochs {
    class: String,
    noise: f64,
    variant: Variant,
    /// `sentences, seed`, and the columns of [`crate::analysis::ClassAnalysis::epochs`].
    frame: DataFrame,
}

/// One run's shares of forgettable tokens.
struct RunShares {
    uncapped: bool,
    noise: f64,
    variant: Variant,
    shares: DataFrame,
}

/// What is kept of all runs.
struct Gathered<'a> {
    subject: Subject<'a>,
    classes: &'a [String],
    /// The ways of training that occur.
    variants: Vec<Variant>,
    /// One entry a run and class it speaks of, in the grid's order.
    numbers: Vec<RunNumbers>,
    epochs: Vec<RunEpochs>,
    shares: Vec<RunShares>,
}

impl Gathered<'_> {
    /// What a way of training is called here.
    fn name(&self, variant: Variant) -> String {
        variant_name(variant, &self.variants)
    }

    /// The runs of each class, noise and way of training, in this order.
    fn groups(&self) -> Vec<Vec<&RunNumbers>> {
        let mut runs: Vec<&RunNumbers> = self.numbers.iter().collect();
        let class = |run: &RunNumbers| self.classes.iter().position(|class| *class == run.class);
        runs.sort_by(|a, b| class(a).cmp(&class(b)).then(a.noise.total_cmp(&b.noise)).then(a.variant.cmp(&b.variant)));
        let same = |a: &&RunNumbers, b: &&RunNumbers| (&a.class, a.noise, a.variant) == (&b.class, b.noise, b.variant);
        runs.chunk_by(same).map(<[&RunNumbers]>::to_vec).collect()
    }

    /// All epochs of all runs in one table.
    fn all_epochs(&self) -> Result<DataFrame> {
        let described = |run: &RunEpochs| -> Result<DataFrame> {
            let (head, start) = run.variant;
            let constants = [
                ("class", Constant::Text(&run.class)),
                ("noise", Constant::Number(run.noise)),
                ("head", Constant::Text(head.name())),
                ("init", Constant::Text(start.name())),
            ];
            in_front(&run.frame, &constants)
        };
        stack(self.epochs.iter().map(described).collect::<Result<Vec<_>>>()?)
    }

    /// Every measure of every run: how well it tells noise from the class.
    fn separation(&self) -> Result<DataFrame> {
        let rows: Vec<(&RunNumbers, &'static str, f64)> =
            self.numbers.iter().flat_map(|run| run.separation.iter().map(move |s| (run, s.measure, s.auc))).collect();
        Ok(df!(
            "class" => rows.iter().map(|row| row.0.class.as_str()).collect::<Vec<_>>(),
            "sentences" => rows.iter().map(|row| row.0.sentences as u64).collect::<Vec<_>>(),
            "noise" => rows.iter().map(|row| row.0.noise).collect::<Vec<_>>(),
            "head" => rows.iter().map(|row| row.0.variant.0.name()).collect::<Vec<_>>(),
            "init" => rows.iter().map(|row| row.0.variant.1.name()).collect::<Vec<_>>(),
            "seed" => rows.iter().map(|row| row.0.seed).collect::<Vec<_>>(),
            "measure" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "auc" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        )?)
    }
}

/// Analyses every run; the tables with a row a token are written and let go.
fn gather<'a>(input: &StudyInput<'a>, monitor: &mut dyn Monitor) -> Result<Gathered<'a>> {
    let first = &input.runs.first().ok_or_else(|| Error::Internal("a study without runs".into()))?.manifest;
    let classes = input.experiment.study.classes.as_slice();
    let (mut numbers, mut frames, mut shares) = (Vec::<RunNumbers>::new(), Vec::new(), Vec::new());
    for run in input.runs {
        let config = &run.manifest.config;
        monitor.working(&format!("analysing {}", config.id));
        let log = Log::open(&run.folder)?;
        let whole = analyse_run(&log, &input.experiment.analysis)?;
        write_analysis(&input.layout.analysis_of(config), &whole, input.text)?;
        let speaks_of = |class: &&String| config.perturb.cap.as_ref().is_none_or(|cap| cap.class == **class);
        for class in classes.iter().filter(speaks_of) {
            let analysis = analyse_class(&log, &whole, &input.experiment.analysis, class)?;
            let of_run = RunNumbers::of(&run.manifest, &whole, class, &analysis)?;
            frames.push(analysis.epochs);
            numbers.push(of_run);
        }
        if let Some(last) = numbers.last() {
            shares.push(RunShares {
                uncapped: last.uncapped,
                noise: last.noise,
                variant: last.variant,
                shares: whole.shares.clone(),
            });
        }
    }
    // The log counts the sentences whose words were scored; a cap knows how many there are.
    let caps = || input.runs.iter().filter_map(|run| run.manifest.cap.as_ref());
    for run in numbers.iter_mut().filter(|run| run.uncapped) {
        let available = caps().find(|cap| cap.class == run.class).map(|cap| cap.available);
        run.sentences = available.unwrap_or(run.sentences);
    }
    // A cap at all there are is the run on all sentences once more, not another seed of it.
    let repeats: Vec<bool> = numbers
        .iter()
        .map(|run| !run.uncapped && numbers.iter().any(|other| other.uncapped && other.is_same_but_for_the_cap(run)))
        .collect();
    let (numbers, frames): (Vec<RunNumbers>, Vec<DataFrame>) =
        numbers.into_iter().zip(frames).zip(repeats).filter(|(_, repeats)| !repeats).map(|(run, _)| run).unzip();
    let mut epochs = Vec::new();
    for (of_run, frame) in numbers.iter().zip(frames) {
        let sentences = Constant::Count(of_run.sentences as u64);
        epochs.push(RunEpochs {
            class: of_run.class.clone(),
            noise: of_run.noise,
            variant: of_run.variant,
            frame: in_front(&frame, &[("sentences", sentences), ("seed", Constant::Count(of_run.seed))])?,
        });
    }
    Ok(Gathered {
        subject: Subject {
            data: &first.data.name,
            synthetic: first.data.synthetic,
            model: file_name(&input.experiment.model.source),
            shape: &first.model.shape,
            epochs: input.experiment.train.epochs,
        },
        classes,
        variants: summary::variants(&numbers),
        numbers,
        epochs,
        shares,
    })
}
