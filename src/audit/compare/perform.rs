//! A comparison from its beginning to its end: train, label dev, count, compare.

use std::path::{Path, PathBuf};

use super::{
    CompareSettings, Comparison, SeedScores, TextSummary, Texts, TypeDifference, Verdict, Version, VersionScores,
};
use crate::corpus::{Corpus, DataSettings, Gold, Labels, SpanReader};
use crate::dynamics::Log;
use crate::error::{Error, Problem, Result};
use crate::exec::{self, Execution, Task};
use crate::metrics::entity::{self, Mode, SpanCounts};
use crate::metrics::paired::{Paired, paired};
use crate::metrics::{Prf, Replicates};
use crate::model::{Tagger, Words};
use crate::perturb::PerturbSettings;
use crate::random::Streams;
use crate::run::{self, Coordinate, Coordinates, Manifest, Monitor, RunConfig, RunFolder, StopFlag, Versions};
use crate::train::TrainSettings;

/// Bootstrap replicates for the intervals over sentences.
const REPLICATES: usize = 1000;

/// Dev labels that two taggers of one seed predicted, before and after.
type Predictions = [Vec<Vec<u8>>; 2];

/// The folder of a run in a comparison's folder.
pub fn run_folder(folder: &Path, version: Version, seed: u64) -> PathBuf {
    run::folder_in(&folder.join("runs"), &place(version, seed), &format!("{},seed={seed}", version.name()))
}

fn place(version: Version, seed: u64) -> Coordinates {
    Coordinates::new([Coordinate::new("version", version.name())], seed)
}

/// Compares two versions of a text, in a folder of its own; what was trained there before is not trained again.
///
/// # Errors
/// [`Error::Config`] for settings that cannot be, or a folder that holds other runs; those of [`exec::execute_all`] and
/// of the first run that fails, with all finished epochs on disk; [`Error::Data`] if a finished run's log or model is
/// gone or damaged.
pub fn compare(
    texts: &Texts,
    settings: &CompareSettings,
    folder: &Path,
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Comparison> {
    settings.validate()?;
    let train = train_settings(texts, settings)?;
    train_all(texts, settings, &train, folder, how, monitor, stop)?;
    let mut predictions = Vec::new();
    for &seed in &settings.seeds {
        let mut of = |version| predict(texts, settings, &train, folder, (version, seed), monitor);
        predictions.push([of(Version::Before)?, of(Version::After)?]);
    }
    monitor.working("drawing sentences for the intervals");
    conclude(texts, settings, &train, folder, &predictions)
}

/// The training of both taggers, which depends on the encoder's shape.
fn train_settings(texts: &Texts, settings: &CompareSettings) -> Result<TrainSettings> {
    let device = settings.device.open()?;
    let words = Words::to_learn(&texts.before.sentences);
    let (tagger, _) = Tagger::load(&settings.model(), &words, texts.labels.names(), 0, &device)?;
    Ok(settings.train(tagger.config().hidden_size, tagger.config().max_subwords))
}

/// Does all runs that are not finished yet, each resumed where it was broken off. Every folder is looked at before the
/// first run.
fn train_all(
    texts: &Texts,
    settings: &CompareSettings,
    train: &TrainSettings,
    folder: &Path,
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<()> {
    let corpora: [Corpus; 2] = Version::ALL.map(|version| texts.corpus(version));
    let config = |version: Version, seed: u64| RunConfig {
        id: place(version, seed).id(),
        coordinates: place(version, seed),
        seed,
        data: DataSettings {
            source: texts.version(version).path.to_string_lossy().into_owned(),
            columns: texts.version(version).columns.clone(),
            ..DataSettings::default()
        },
        model: settings.model(),
        perturb: PerturbSettings::default(),
        train: train.clone(),
        device: settings.device,
        fold: None,
        pretrained: None,
    };
    let mut tasks = Vec::new();
    for &seed in &settings.seeds {
        for (version, corpus) in Version::ALL.into_iter().zip(&corpora) {
            tasks.push(Task { config: config(version, seed), folder: run_folder(folder, version, seed), corpus });
        }
    }
    for task in &tasks {
        RunFolder::inspect(&task.folder, &task.config, &task.corpus.fingerprint)?;
    }
    let how = Execution { fail_fast: true, ..how.clone() };
    if let Some(failure) = exec::execute_all(&tasks, &how, monitor, stop)?.into_iter().next() {
        return Err(failure.into());
    }
    if let Some(first) = tasks.first() {
        let lost = Manifest::read(&first.folder)?.encoding.dev_tokens_lost;
        if lost > 0 {
            monitor.warning(&format!(
                "{lost} dev tokens stand behind the encoder's last position or have no subword: they count as predicted `O`"
            ));
        }
    }
    Ok(())
}

/// The dev labels that a finished run's tagger predicts. The run's log has its scores alone, not what it predicted.
fn predict(
    texts: &Texts,
    settings: &CompareSettings,
    train: &TrainSettings,
    folder: &Path,
    (version, seed): (Version, u64),
    monitor: &mut dyn Monitor,
) -> Result<Vec<Vec<u8>>> {
    monitor.working(&format!("labelling dev with {}", place(version, seed).id()));
    let run = run_folder(folder, version, seed);
    let model = RunFolder::model_in(&run);
    let broken = |what: &str| {
        let hint = format!("remove the folder {} and do the run again", run.display());
        Error::Data(Problem::new(what).at(&model).hint(hint))
    };
    if !model.is_dir() {
        return Err(broken("the run is finished, but its tagger is missing"));
    }
    let (tagger, _) = Tagger::open(&model.to_string_lossy(), &settings.device.open()?)?;
    if tagger.labels() != texts.labels.names() {
        return Err(broken("the tagger has other labels than the files"));
    }
    let words: Vec<Vec<String>> = texts.dev.sentences.iter().map(|sentence| sentence.words.clone()).collect();
    tagger.predict(&words, usize::MAX, train.eval_batch_size)
}

/// What the predictions show.
fn conclude(
    texts: &Texts,
    settings: &CompareSettings,
    train: &TrainSettings,
    folder: &Path,
    predictions: &[Predictions],
) -> Result<Comparison> {
    let names = texts.labels.names();
    let gold: Vec<Labels<Gold>> = (texts.dev.sentences.iter()).map(|s| s.labels.clone().assume_gold()).collect();
    let replicates = Replicates::draw(gold.len(), REPLICATES, Streams::new(1));
    let counts = |of: Option<&str>| -> [Vec<Vec<SpanCounts>>; 2] {
        let count = |predicted: &Vec<Vec<u8>>| entity::sentence_counts(&gold, predicted, names, Mode::Default, of);
        [0, 1].map(|version| predictions.iter().map(|pair| count(&pair[version])).collect())
    };
    let compared = |[before, after]: &[Vec<Vec<SpanCounts>>; 2], measure: fn(Prf) -> f64| -> Result<Paired> {
        let none = || Error::Internal("no pair of taggers was compared".into());
        paired(before, after, measure, &replicates).ok_or_else(none)
    };
    let all = counts(None);
    let mut types = Vec::new();
    for name in SpanReader::from(&texts.labels).types() {
        let counts = counts(Some(name));
        let support = counts[0].first().map_or(0, |sentences| sentences.iter().map(|spans| spans.gold).sum());
        if support > 0 {
            types.push(TypeDifference { name: name.clone(), support, f1: compared(&counts, |scores| scores.f1)? });
        }
    }
    let mut seeds = Vec::new();
    for (&seed, pair) in settings.seeds.iter().zip(predictions) {
        let scores = |version: Version, predicted: &[Vec<u8>]| -> Result<VersionScores> {
            let curve = Log::open(run_folder(folder, version, seed))?.curve()?;
            let scores = entity::score(&gold, predicted, names, Mode::Default);
            Ok(VersionScores::new(&scores, curve.iter().map(|point| point.dev_score).collect()))
        };
        let (before, after) = (scores(Version::Before, &pair[0])?, scores(Version::After, &pair[1])?);
        seeds.push(SeedScores { seed, f1_difference: after.scores.f1 - before.scores.f1, before, after });
    }
    let f1 = compared(&all, |scores| scores.f1)?;
    Ok(Comparison {
        schema: 1,
        before: TextSummary::of(&texts.before, texts),
        after: TextSummary::of(&texts.after, texts),
        dev: TextSummary::of(&texts.dev, texts),
        changes: texts.changes(),
        labels: names.to_vec(),
        settings: settings.clone(),
        learning_rate: train.learning_rate,
        versions: Versions::current(),
        verdict: Verdict::of(&f1),
        finding: Verdict::finding(&f1),
        precision: compared(&all, |scores| scores.precision)?,
        recall: compared(&all, |scores| scores.recall)?,
        f1,
        types,
        seeds,
    })
}
