//! Doing a run: from the corpus to a finished folder, or to as much of it as there was time for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::environment::{host, now, platform};
use super::recorder::Recorder;
use super::{
    DataSummary, FolderState, GitState, Lease, Manifest, Monitor, RunConfig, RunFolder, RunStart, Status, StopFlag,
    Versions,
};
use crate::corpus::{Corpus, Given, Gold, Labels, Sentence, TokenPosition};
use crate::dynamics::{Log, LogWriter, TokenTable, digests_until};
use crate::error::{Error, Problem, Result};
use crate::files::{remove_leftovers, write_folder_atomically};
use crate::metrics::entity::{self, EntityScores, Mode};
use crate::model::{LoadReport, ModelSettings, Tagger, Words};
use crate::perturb::{CapReport, Perturbed, perturb};
use crate::train::{EncodingReport, TrainSettings, Trainer, TrainingData};

/// Tokens in the probe of a run that holds out a fold, at most.
const FOLD_PROBE: usize = 50;

/// A run to be done.
#[derive(Debug, Clone, Copy)]
pub struct RunRequest<'a> {
    /// What it is.
    pub config: &'a RunConfig,
    /// The folder it is written to.
    pub folder: &'a Path,
    /// The corpus that `config.data` names, before any noise.
    pub corpus: &'a Corpus,
    /// One-based position in the study, and the number of runs.
    pub position: (usize, usize),
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was trained to its end.
    Trained(Box<Manifest>),
    /// It was finished before.
    Skipped(Box<Manifest>),
}

/// Does a run, or what is left of it: a finished one is skipped, a broken one resumed from its last checkpoint.
///
/// # Errors
/// [`Error::Interrupted`] if `stop` was raised, [`Error::Diverged`] if a loss, gradient, parameter or output of the
/// model is not finite; both with all finished epochs on disk, and without a model. [`Error::Config`] if the folder is
/// not this run's, or another process writes there; [`Error::Model`], [`Error::Data`] and [`Error::Io`] as the rooms
/// return them.
pub fn execute(request: &RunRequest<'_>, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Outcome> {
    let RunRequest { config, corpus, position: (run, _), .. } = *request;
    // Looked at before it is claimed, so that a finished run may lie in a folder that cannot be written to.
    if let FolderState::Finished(manifest) = RunFolder::inspect(request.folder, config, &corpus.fingerprint)? {
        return skip(request, manifest, monitor);
    }
    let (folder, state) = RunFolder::claim(request.folder, config, &corpus.fingerprint, monitor, stop)?;
    let earlier = match state {
        FolderState::Finished(manifest) => return skip(request, manifest, monitor),
        FolderState::Broken(manifest) => Some(*manifest),
        FolderState::Fresh => None,
    };

    let require_same = |model: &LoadReport| match &earlier {
        Some(earlier) if earlier.model.fingerprint != model.fingerprint => Err(Error::Config(
            Problem::new(format!("the run was begun with another model: `{}` has changed since", earlier.model.source))
                .at(folder.path())
                .hint("choose another folder with --out, or remove this one"),
        )),
        _ => Ok(()),
    };
    let Prepared { perturbed, data, mut trainer, model, n_left_out } =
        prepare(config, corpus, &config.model_beside(request.folder), require_same)?;
    for name in perturbed.cap.iter().flat_map(CapReport::types_lost) {
        monitor.warning(&format!("{}: the cap leaves no training example of {name} either", config.id));
    }
    let encoding = EncodingReport { train_sentences_left_out: n_left_out, ..trainer.encoding() };
    for warning in encoding.warnings(config.train.max_subwords) {
        monitor.warning(&format!("{}: {warning}", config.id));
    }

    let checkpoint = folder.checkpoint();
    let resumes = earlier.is_some() && Trainer::has_checkpoint(&checkpoint);
    if resumes {
        trainer.load_checkpoint(&checkpoint)?;
    }
    let manifest = Manifest {
        schema: Manifest::SCHEMA,
        status: Status::Running,
        epochs_finished: trainer.epoch(),
        steps_finished: trainer.steps_in_epoch(),
        error: None,
        config: config.clone(),
        config_hash: config.identity()?,
        data: DataSummary::of(corpus),
        model,
        noise: perturbed.report.clone(),
        cap: perturbed.cap.clone(),
        encoding,
        test: None,
        files: earlier
            .as_ref()
            .filter(|_| resumes)
            .map_or_else(BTreeMap::new, |earlier| digests_until(&earlier.files, trainer.epoch())),
        versions: Versions::current(),
        git: GitState::current(),
        host: host(),
        platform: platform(),
        threads: rayon::current_num_threads(),
        started: earlier.as_ref().map_or_else(now, |earlier| earlier.started.clone()),
        updated: now(),
        wall_seconds: earlier.as_ref().filter(|_| resumes).map_or(0.0, |earlier| earlier.wall_seconds),
        resumed: earlier.as_ref().map_or(0, |earlier| earlier.resumed + 1),
    };
    manifest.write(folder.path())?;
    monitor.started(&RunStart {
        id: &config.id,
        folder: folder.path(),
        position: request.position,
        epochs: config.train.epochs,
        epochs_finished: manifest.epochs_finished,
        steps_finished: manifest.steps_finished,
        model: &manifest.model,
        noise: config.fold.is_none().then_some(&manifest.noise),
        encoding: &manifest.encoding,
    });

    let tokens = token_table(&data, &trainer.scored_tokens());
    let mut recorder = Recorder::new(&folder, run, manifest, &tokens, monitor, stop)?;
    recorder.rewind(trainer.steps())?;
    recorder.start_clock();
    let result = trainer.run(&mut recorder).and_then(|()| conclude(trainer, config, corpus, &folder));
    // Who has lost the folder leaves it to the other.
    folder.require_held()?;
    if result.is_err() {
        // The error that stopped the training is the one to report; this is what may still be saved.
        let _ = recorder.flush();
    }
    let (mut manifest, monitor) = recorder.finish();
    manifest.updated = now();
    manifest.status = match &result {
        Ok(_) => Status::Finished,
        Err(Error::Interrupted) => Status::Interrupted,
        Err(_) => Status::Failed,
    };
    manifest.error = result.as_ref().err().map(ToString::to_string);
    manifest.test = result.as_ref().ok().cloned().flatten();
    let written = manifest.write(folder.path());
    monitor.ended(run, &config.id, manifest.wall_seconds);
    result?;
    written?;
    if checkpoint.is_dir() {
        fs::remove_dir_all(&checkpoint).map_err(Error::io(&checkpoint))?;
    }
    Ok(Outcome::Trained(Box::new(manifest)))
}

/// Leaves a finished run alone, once it is known to be whole.
fn skip(request: &RunRequest<'_>, manifest: Box<Manifest>, monitor: &mut dyn Monitor) -> Result<Outcome> {
    require_whole_log(request.folder, request.config.train.epochs)?;
    // A run that was killed after its log was complete leaves its checkpoint and its lease; in a folder that cannot
    // be written to they may stay.
    let _ = fs::remove_dir_all(RunFolder::checkpoint_in(request.folder));
    remove_leftovers(request.folder);
    Lease::remove_stale(request.folder);
    warn_of_missing_series(request.folder, monitor);
    monitor.skipped(&request.config.id, request.position);
    Ok(Outcome::Skipped(manifest))
}

/// A run before its first step.
pub(crate) struct Prepared {
    pub(crate) perturbed: Perturbed,
    pub(crate) data: TrainingData,
    pub(crate) trainer: Trainer,
    pub(crate) model: LoadReport,
    /// Training sentences of which no subword is left.
    pub(crate) n_left_out: usize,
}

/// Puts the noise on the labels, loads the model that `model` names and encodes the data. `check` may refuse the model
/// before that.
pub(crate) fn prepare(
    config: &RunConfig,
    corpus: &Corpus,
    model: &ModelSettings,
    check: impl FnOnce(&LoadReport) -> Result<()>,
) -> Result<Prepared> {
    let perturbed = perturb(&corpus.train, &corpus.labels, &config.perturb, config.seed)?;
    let train = perturbed.train(&corpus.train);
    let device = config.device.open()?;
    let words = words(corpus, &train, config)?;
    let (tagger, mut model) = Tagger::load(model, &words, corpus.labels.names(), config.seed, &device)?;
    model.source.clone_from(&config.model.source);
    drop(words);
    check(&model)?;
    let mut data = training_data(corpus, train, &perturbed, config)?;
    let n_left_out = data.leave_out_invisible(tagger.tokenizer())?;
    let trainer = Trainer::new(tagger, &data, &train_settings(config), config.seed)?;
    Ok(Prepared { perturbed, data, trainer, model, n_left_out })
}

/// The settings of the training, the rare class of its episodes filled in from the cap.
fn train_settings(config: &RunConfig) -> TrainSettings {
    let mut settings = config.train.clone();
    if let (None, Some(cap)) = (&settings.episodes.class, &config.perturb.cap)
        && cap.sentences != Some(0)
    {
        settings.episodes.class = Some(cap.class.clone());
    }
    if config.fold.is_some() {
        // Whoever holds out folds reads the train pass, which has all tokens: the probe would only cost time.
        settings.probe_tokens = settings.probe_tokens.min(FOLD_PROBE);
    }
    settings
}

/// Saves the trained tagger, and judges the test split with it.
fn conclude(trainer: Trainer, config: &RunConfig, corpus: &Corpus, folder: &RunFolder) -> Result<Option<EntityScores>> {
    let tagger = trainer.finish()?;
    folder.require_held()?;
    if config.train.save_model {
        write_folder_atomically(&folder.model(), |unfinished| tagger.save(unfinished))?;
    }
    if !config.train.test || corpus.test.is_empty() {
        return Ok(None);
    }
    let words: Vec<Vec<String>> = corpus.test.iter().map(|sentence| sentence.words.clone()).collect();
    let gold: Vec<Labels<Gold>> = corpus.test.iter().map(|sentence| sentence.labels.clone()).collect();
    // Whole, as dev is: tokens behind the last position count as predicted O.
    let predicted = tagger.predict(&words, usize::MAX, config.train.eval_batch_size)?;
    Ok(Some(entity::score(&gold, &predicted, tagger.labels(), Mode::Default)))
}

/// Refuses a finished run of whose log an epoch has gone missing since, or a file was changed: what is computed from it
/// would be wrong.
///
/// # Errors
/// [`Error::Data`] naming the file; [`Error::Io`].
pub(crate) fn require_whole_log(folder: &Path, epochs: u32) -> Result<()> {
    let missing = (1..=epochs).map(|epoch| LogWriter::epoch_path(folder, epoch)).find(|path| !path.is_file());
    let hint = || format!("remove the folder {} and do the run again", folder.display());
    match missing {
        None => Log::verify(folder, &hint()),
        Some(path) => Err(Error::Data(
            Problem::new("the run is finished, but this epoch of its log is missing").at(path).hint(hint()),
        )),
    }
}

/// Warns of evaluations and steps that have gone missing from a finished run since: without them an analysis has less
/// to say, and nothing that is wrong.
pub fn warn_of_missing_series(folder: &Path, monitor: &mut dyn Monitor) {
    for path in Log::missing_series_in(folder) {
        monitor.warning(&format!(
            "{}: the run is finished, but this file is missing; what is computed from it is unknown",
            path.display()
        ));
    }
}

/// The configuration of the run in a folder, and the folder: what `--resume` needs.
///
/// # Errors
/// [`Error::Config`] if the folder holds no run; [`Error::Data`] if its manifest is broken.
pub fn begun(folder: &Path) -> Result<(RunConfig, PathBuf)> {
    if !Manifest::path(folder).is_file() {
        return Err(Error::Config(
            Problem::new("no run to resume: there is no manifest.json")
                .at(folder)
                .hint("give the folder of a run, such as runs/noise-sweep/noise=0.30/seed=1"),
        ));
    }
    Ok((Manifest::read(folder)?.config, folder.to_owned()))
}

/// The words that are trained on, and those that are judged.
fn words<'a>(corpus: &'a Corpus, train: &'a [Sentence<Given>], config: &RunConfig) -> Result<Words<'a>> {
    let Some(fold) = config.fold else {
        return Ok(Words::new(train, corpus.dev.iter().chain(&corpus.test)));
    };
    fold.check(train)?;
    let (trained_on, judged) = fold.split(train, config.seed);
    let chosen = |numbers: Vec<u32>| numbers.into_iter().map(|i| &train[i as usize]);
    Ok(Words::new(chosen(trained_on), chosen(judged)))
}

fn training_data(
    corpus: &Corpus,
    train: Vec<Sentence<Given>>,
    perturbed: &Perturbed,
    config: &RunConfig,
) -> Result<TrainingData> {
    let labels = corpus.labels.names().to_vec();
    let Some(fold) = config.fold else {
        return Ok(TrainingData {
            train,
            train_numbers: perturbed.sentences.clone(),
            gold: Some(perturbed.gold.clone()),
            dev: corpus.dev.clone(),
            dev_numbers: Vec::new(),
            labels,
            train_origin: corpus.train_origin.clone(),
        });
    };
    // A run that holds out a fold is made to find out which labels are right: none is known to be.
    fold.check(&train)?;
    let (trained_on, judged) = fold.split(&train, config.seed);
    let chosen =
        |numbers: &[u32]| -> Vec<Sentence<Given>> { numbers.iter().map(|&i| train[i as usize].clone()).collect() };
    let named = |numbers: &[u32]| numbers.iter().map(|&i| perturbed.sentences[i as usize]).collect();
    Ok(TrainingData {
        train: chosen(&trained_on),
        train_numbers: named(&trained_on),
        gold: None,
        // The scores of such a run compare with the given labels: there are no others.
        dev: chosen(&judged).into_iter().map(Sentence::assume_gold).collect(),
        dev_numbers: named(&judged),
        labels,
        train_origin: corpus.train_origin.clone(),
    })
}

/// The training tokens that are scored and logged, sorted by sentence and token.
pub(crate) fn token_table(data: &TrainingData, scored: &[TokenPosition]) -> TokenTable {
    let sentence = |at: &TokenPosition| &data.train[at.sentence as usize];
    TokenTable {
        sentence: scored.iter().map(|at| data.train_numbers[at.sentence as usize]).collect(),
        token: scored.iter().map(|at| at.token).collect(),
        word: scored.iter().map(|at| sentence(at).words[usize::from(at.token)].clone()).collect(),
        given: scored.iter().map(|at| sentence(at).labels[usize::from(at.token)]).collect(),
        gold: data.gold.as_ref().map(|gold| scored.iter().map(|at| at.label(gold)).collect()),
        labels: data.labels.clone(),
    }
}
