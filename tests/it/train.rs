//! The trainer: the same bytes again, on any number of threads, resumed or not; models saved and loaded.

use std::path::Path;

use candle_core::Device;
use memoscope::corpus::embedded::{self, EmbeddedSettings};
use memoscope::corpus::{Given, Origin, Sentence};
use memoscope::dynamics::{CurvePoint, Observations, StepRecord};
use memoscope::metrics::entity::TypeScores;
use memoscope::model::checkpoint::{self, Checkpoint, Precision};
use memoscope::model::{CentroidRule, HeadKind, HeadSettings, ModelSettings, Tagger, Words};
use memoscope::train::pretrain::{PretrainSettings, pretrain};
use memoscope::train::{EpisodeSettings, EpochEnd, Observer, TrainSettings, Trainer, TrainingData};
use memoscope::{Error, Result};

/// A small encoder, pretrained for a moment.
pub fn encoder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text: Vec<String> = embedded::pretraining_text(3, 200).unwrap().collect();
    let settings = PretrainSettings {
        vocabulary: 600,
        hidden: 32,
        heads: 2,
        intermediate: 64,
        epochs: 1,
        ..PretrainSettings::default()
    };
    let (model, tokenizer, _) = pretrain(&text, &settings, &Device::Cpu, |_| Ok(())).unwrap();
    model.save(folder.path(), &tokenizer, Precision::Single).unwrap();
    folder
}

pub fn data() -> TrainingData {
    let corpus = embedded::generate(&EmbeddedSettings { seed: 5, train: 60, dev: 20, test: 0 }).unwrap();
    let gold = corpus.train.iter().map(|s| s.labels.clone()).collect();
    let mut train: Vec<Sentence<Given>> = corpus.train.iter().cloned().map(Sentence::into_given).collect();
    for sentence in train.iter_mut().step_by(3) {
        sentence.labels[0] = (sentence.labels[0] + 1) % corpus.labels.len() as u8;
    }
    TrainingData {
        train,
        gold: Some(gold),
        dev: corpus.dev.clone(),
        labels: corpus.labels.names().to_vec(),
        ..TrainingData::default()
    }
}

pub fn settings() -> TrainSettings {
    TrainSettings {
        epochs: 3,
        batch_size: 16,
        learning_rate: 1e-3,
        probe_tokens: 20,
        max_subwords: 128,
        episodes: EpisodeSettings { steps: 12, support_others: 20, ..EpisodeSettings::default() },
        ..TrainSettings::default()
    }
}

fn tagger(model: &Path, labels: &[String]) -> Tagger {
    tagger_with(model, labels, &HeadSettings::default())
}

pub fn tagger_with(model: &Path, labels: &[String], head: &HeadSettings) -> Tagger {
    let source = model.to_str().unwrap().into();
    let settings = ModelSettings { source, head: head.clone(), ..ModelSettings::default() };
    let data = data();
    Tagger::load(&settings, &Words::new(&data.train, &data.dev), labels, 7, &Device::Cpu).unwrap().0
}

/// All heads, the prototypical one with either kind of centroids.
pub fn heads() -> [HeadSettings; 4] {
    let prototypes = HeadSettings { kind: HeadKind::Prototypes, dimensions: 24, ..HeadSettings::default() };
    let running = HeadSettings { centroids: CentroidRule::Running, ..prototypes.clone() };
    let crf = HeadSettings { kind: HeadKind::Crf, ..HeadSettings::default() };
    [HeadSettings::default(), prototypes, running, crf]
}

/// All heads on an encoder, and a bi-LSTM-CRF.
pub fn models(encoder: &Path) -> Vec<(&Path, HeadSettings)> {
    let [.., crf] = heads();
    heads().into_iter().map(|head| (encoder, head)).chain([(Path::new("bilstm"), crf)]).collect()
}

/// Keeps what it is told; stops after an epoch if asked to, with a checkpoint.
#[derive(Default)]
pub struct Recorder {
    pub steps: Vec<StepRecord>,
    pub curve: Vec<CurvePoint>,
    types: Vec<TypeScores>,
    pub epochs: Vec<(Option<Observations>, Option<Observations>)>,
    stop_after: Option<(u32, std::path::PathBuf)>,
}

impl Observer for Recorder {
    fn step(&mut self, record: &StepRecord) -> Result<()> {
        self.steps.push(StepRecord { seconds: 0.0, ..*record });
        Ok(())
    }

    fn evaluation(&mut self, point: &CurvePoint, types: &[TypeScores]) -> Result<()> {
        self.curve.push(*point);
        self.types.extend_from_slice(types);
        Ok(())
    }

    fn epoch(&mut self, end: EpochEnd<'_>) -> Result<()> {
        self.epochs.push((end.train, end.eval));
        match &self.stop_after {
            Some((epoch, folder)) if *epoch == end.epoch => {
                end.trainer.save_checkpoint(folder)?;
                Err(Error::Interrupted)
            }
            _ => Ok(()),
        }
    }
}

/// A training from the start: what was recorded, and the bytes of the saved weights.
fn train(model: &Path, settings: &TrainSettings) -> (Recorder, Vec<u8>) {
    train_head(model, settings, &HeadSettings::default())
}

fn train_head(model: &Path, settings: &TrainSettings, head: &HeadSettings) -> (Recorder, Vec<u8>) {
    let data = data();
    let mut trainer = Trainer::new(tagger_with(model, &data.labels, head), &data, settings, 11).unwrap();
    let mut recorder = Recorder::default();
    trainer.run(&mut recorder).unwrap();
    (recorder, saved(trainer.tagger()))
}

pub fn saved(tagger: &Tagger) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    tagger.save(folder.path()).unwrap();
    fs_err::read(folder.path().join("model.safetensors")).unwrap()
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let encoder = encoder();
    for (model, head) in models(encoder.path()) {
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train_head(model, &settings(), &head))
        };
        let (one, one_weights) = on(1);
        for threads in [2, 3, 8] {
            let (many, many_weights) = on(threads);
            assert_eq!(one.epochs, many.epochs, "{threads} threads");
            assert_eq!(one.steps, many.steps, "{threads} threads");
            assert_eq!(one.curve, many.curve, "{threads} threads");
            assert_eq!(one.types, many.types, "{threads} threads");
            assert_eq!(one_weights, many_weights, "{threads} threads");
        }
    }
}

#[test]
fn a_resumed_training_is_the_whole_one() {
    let encoder = encoder();
    for (model, head) in models(encoder.path()) {
        resumed_is_whole(model, &head);
    }
}

fn resumed_is_whole(model: &Path, head: &HeadSettings) {
    let (whole, weights) = train_head(model, &settings(), head);
    let data = data();
    let fresh = || Trainer::new(tagger_with(model, &data.labels, head), &data, &settings(), 11).unwrap();
    for stop_after in 1..3 {
        let folder = tempfile::tempdir().unwrap();
        let mut first = fresh();
        let mut before = Recorder { stop_after: Some((stop_after, folder.path().to_owned())), ..Recorder::default() };
        assert!(matches!(first.run(&mut before), Err(Error::Interrupted)));
        let mut second = fresh();
        second.load_checkpoint(folder.path()).unwrap();
        assert_eq!(second.epoch(), stop_after);
        let mut after = Recorder::default();
        second.run(&mut after).unwrap();
        let joined = |a: &[StepRecord], b: &[StepRecord]| [a, b].concat();
        assert_eq!(joined(&before.steps, &after.steps), whole.steps);
        assert_eq!([before.epochs, after.epochs].concat(), whole.epochs);
        assert_eq!([before.curve, after.curve].concat(), whole.curve);
        assert_eq!(saved(second.tagger()), weights);
    }
}

#[test]
fn a_truncated_or_foreign_checkpoint_is_refused() {
    let model = encoder();
    let data = data();
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(tagger(model.path(), &data.labels), &data, &settings(), 11).unwrap();
    assert!(!Trainer::has_checkpoint(folder.path()), "the folder is there, a checkpoint is not");
    trainer.save_checkpoint(folder.path()).unwrap();
    assert!(Trainer::has_checkpoint(folder.path()));
    let path = folder.path().join("checkpoint.safetensors");
    let bytes = fs_err::read(&path).unwrap();
    fs_err::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(trainer.load_checkpoint(folder.path()), Err(Error::Model(_))));
    checkpoint::write(&path, &[("parameter.x".into(), vec![1], vec![0.0])], Precision::Single, &[]).unwrap();
    assert!(matches!(trainer.load_checkpoint(folder.path()), Err(Error::Model(_))));
}

#[test]
fn accumulated_parts_are_one_batch() {
    let model = encoder();
    let whole = TrainSettings { dropout: Some(0.0), batch_size: 16, ..settings() };
    let parts = TrainSettings { batch_size: 4, accumulation: 4, ..whole.clone() };
    let ((whole, _), (parts, _)) = (train(model.path(), &whole), train(model.path(), &parts));
    assert_eq!(whole.steps.len(), parts.steps.len());
    for (a, b) in whole.steps.iter().zip(&parts.steps) {
        assert!((a.loss - b.loss).abs() < 1e-4, "step {}: {} against {}", a.step, a.loss, b.loss);
        assert!((a.gradient_norm - b.gradient_norm).abs() < 1e-3 * a.gradient_norm, "step {}", a.step);
        assert_eq!((a.examples_seen, a.subwords), (b.examples_seen, b.subwords));
    }
}

#[test]
fn every_token_is_observed_once_an_epoch_and_what_is_learned_shows() {
    let model = encoder();
    let (recorder, _) = train(model.path(), &TrainSettings { epochs: 8, ..settings() });
    let data = data();
    let tokens: usize = data.train.iter().map(|s| s.words.len()).sum();
    for (train, eval) in &recorder.epochs {
        for seen in [train.as_ref().unwrap(), eval.as_ref().unwrap()] {
            assert_eq!(seen.loss.len(), tokens);
            let keys: Vec<_> = seen.sentence.iter().zip(&seen.token).collect();
            assert!(keys.is_sorted() && keys.windows(2).all(|w| w[0] != w[1]));
            assert!(seen.loss.iter().all(|loss| loss.is_finite() && *loss > 0.0));
        }
    }
    let (first, last) = (&recorder.epochs[0], &recorder.epochs[7]);
    let [first, last] = [first, last].map(|epoch| mean(epoch.0.as_ref().unwrap()));
    assert!(last < 0.8 * first, "{last} against {first}");
    assert_eq!(recorder.curve.last().unwrap().epoch, 8.0);
    assert_eq!(recorder.curve.last().unwrap().examples_seen, 8 * 60);
}

#[test]
fn a_prototypical_head_logs_every_token_in_its_eval_pass_and_learns() {
    let model = encoder();
    let episodes = EpisodeSettings { steps: 61, support_others: 20, ..EpisodeSettings::default() };
    let settings = TrainSettings { epochs: 4, episodes, ..settings() };
    let (recorder, _) = train_head(model.path(), &settings, &heads()[1]);
    let tokens: usize = data().train.iter().map(|s| s.words.len()).sum();
    assert!(recorder.epochs.iter().all(|(train, _)| train.is_none()));
    let losses: Vec<f64> = recorder.epochs.iter().map(|(_, eval)| mean(eval.as_ref().unwrap())).collect();
    assert_eq!(recorder.epochs[0].1.as_ref().unwrap().loss.len(), tokens);
    assert!(losses[3] < 0.8 * losses[0], "{losses:?}");
    // 61 steps over 4 epochs are 16 each.
    assert_eq!(recorder.steps.len(), 64);
    assert_eq!(recorder.steps.iter().map(|s| s.epoch).max(), Some(4));
    let without_log = TrainSettings { eval_pass: false, ..settings };
    let data = data();
    let error =
        Trainer::new(tagger_with(model.path(), &data.labels, &heads()[1]), &data, &without_log, 1).err().unwrap();
    assert!(error.to_string().starts_with("train.eval_pass is off"), "{error}");
}

#[test]
fn a_tagger_with_another_head_predicts_as_it_did_when_opened_again() {
    let model = encoder();
    let data = data();
    for (model, head) in &models(model.path())[1..] {
        let mut trainer = Trainer::new(tagger_with(model, &data.labels, head), &data, &settings(), 11).unwrap();
        trainer.run(&mut Recorder::default()).unwrap();
        let tagger = trainer.finish().unwrap();
        let folder = tempfile::tempdir().unwrap();
        tagger.save(folder.path()).unwrap();
        let (again, _) = Tagger::open(folder.path().to_str().unwrap(), &Device::Cpu).unwrap();
        let words: Vec<Vec<String>> = data.dev.iter().map(|s| s.words.clone()).collect();
        assert_eq!(again.predict(&words, 64, 8).unwrap(), tagger.predict(&words, 64, 8).unwrap());
        assert_eq!(again.labels(), tagger.labels());
    }
}

fn mean(seen: &Observations) -> f64 {
    seen.loss.iter().map(|&l| f64::from(l)).sum::<f64>() / seen.loss.len() as f64
}

#[test]
fn a_parameter_that_is_not_finite_stops_the_run_and_names_the_step() {
    let model = encoder();
    let data = data();
    let settings = TrainSettings { learning_rate: 1e38, warmup: 0.0, max_gradient_norm: 0.0, ..settings() };
    let mut trainer = Trainer::new(tagger(model.path(), &data.labels), &data, &settings, 11).unwrap();
    let error = trainer.run(&mut Recorder::default()).unwrap_err();
    assert!(matches!(error, Error::Diverged { what: "parameter update", step: 1, epoch: 1 }), "{error}");
    assert_eq!(error.kind() as u8, 4);
}

#[test]
fn a_sentence_without_a_subword_is_left_out_and_the_others_keep_their_numbers() {
    let model = encoder();
    let mut data = data();
    let invisible: Sentence<Given> = Sentence { words: vec!["\u{200b}\u{1}".into()], labels: vec![0].into() };
    data.train[4] = invisible.clone();
    data.dev[1] = invisible.clone().assume_gold();
    let tagger = tagger(model.path(), &data.labels);
    let mut none = TrainingData {
        train: vec![invisible],
        train_origin: Some(Origin { path: "train.txt".into(), lines: vec![1] }),
        ..TrainingData::default()
    };
    let error = none.leave_out_invisible(tagger.tokenizer()).unwrap_err();
    assert_eq!(error.to_string(), "train.txt: the tokenizer leaves no subword of any training sentence");
    assert_eq!(error.kind() as u8, 3);

    assert_eq!(data.leave_out_invisible(tagger.tokenizer()).unwrap(), 1);
    assert_eq!((data.train.len(), &data.train_numbers[3..6]), (59, &[3, 5, 6][..]));
    assert_eq!(data.gold.as_ref().map_or(59, Vec::len), 59);
    let mut trainer = Trainer::new(tagger, &data, &settings(), 11).unwrap();
    trainer.run(&mut Recorder::default()).unwrap();
}

#[test]
fn a_saved_tagger_predicts_as_it_did() {
    let model = encoder();
    let data = data();
    let mut trainer = Trainer::new(tagger(model.path(), &data.labels), &data, &settings(), 11).unwrap();
    trainer.run(&mut Recorder::default()).unwrap();
    let tagger = trainer.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    tagger.save(folder.path()).unwrap();
    let source = folder.path().to_str().unwrap().to_owned();
    let load = |labels: &[String]| {
        Tagger::load(
            &ModelSettings { source: source.clone(), ..Default::default() },
            &Words::none(),
            labels,
            99,
            &Device::Cpu,
        )
        .unwrap()
    };
    let (again, report) = load(&data.labels);
    assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report:?}");
    let words: Vec<Vec<String>> = data.dev.iter().map(|s| s.words.clone()).collect();
    let predicted = tagger.predict(&words, 50, 8).unwrap();
    assert_eq!(predicted, again.predict(&words, 50, 8).unwrap());
    assert!(predicted.iter().flatten().any(|&label| label != 0), "nothing was learned");

    // The head's rows follow the label names, whatever their order; other labels get a new head.
    let mut reversed = data.labels.clone();
    reversed[1..].reverse();
    let (reordered, _) = load(&reversed);
    let names = |predicted: Vec<Vec<u8>>, labels: &[String]| -> Vec<String> {
        predicted.concat().iter().map(|&id| labels[id as usize].clone()).collect()
    };
    assert_eq!(names(reordered.predict(&words, 50, 8).unwrap(), &reversed), names(predicted, &data.labels));
    let (_, report) = load(&["O".into(), "B-X".into()]);
    assert_eq!(report.missing, ["classifier.weight", "classifier.bias"]);
    assert!(report.unexpected.contains(&"classifier.weight".to_owned()));
}

#[test]
fn names_with_and_without_prefix_and_half_precision_load() {
    let model = encoder();
    let words: Vec<Vec<String>> = data().dev.iter().map(|s| s.words.clone()).collect();
    let labels = data().labels;
    let expected = tagger(model.path(), &labels).predict(&words, 50, 8).unwrap();
    let path = model.path().join("model.safetensors");
    let bytes = fs_err::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut old_names = Vec::new();
    for name in file.names() {
        let mut checkpoint = Checkpoint::parse(&bytes, &path).unwrap();
        let shape = file.tensor(name).unwrap().shape().to_vec();
        let plain = name.strip_prefix("bert.").unwrap_or(name);
        let values = checkpoint.take(name, &shape).unwrap().unwrap();
        let old = plain.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
        old_names.push((old, shape, values));
    }
    checkpoint::write(&path, &old_names, Precision::Single, &[]).unwrap();
    assert_eq!(tagger(model.path(), &labels).predict(&words, 50, 8).unwrap(), expected);
    checkpoint::write(&path, &old_names, Precision::Half, &[]).unwrap();
    let half = tagger(model.path(), &labels).predict(&words, 50, 8).unwrap();
    let differing = half.concat().iter().zip(expected.concat()).filter(|(a, b)| **a != *b).count();
    assert!(differing * 20 < expected.concat().len(), "{differing} predictions differ in half precision");
}

#[test]
fn fewer_layers_random_weights_and_broken_models() {
    let model = encoder();
    let labels = data().labels;
    let load = |change: &dyn Fn(&mut ModelSettings)| {
        let mut settings = ModelSettings { source: model.path().to_str().unwrap().into(), ..Default::default() };
        change(&mut settings);
        Tagger::load(&settings, &Words::none(), &labels, 7, &Device::Cpu)
    };
    let (_, report) = load(&|s| s.layers = Some(1)).unwrap();
    assert!(report.shape.starts_with("1 layers"), "{}", report.shape);
    assert!(report.unexpected.iter().any(|name| name.starts_with("encoder.layer.1.")));
    let (_, report) = load(&|s| s.random_init = true).unwrap();
    assert!(report.missing.is_empty() && report.unexpected.is_empty());
    assert_eq!(load(&|s| s.layers = Some(3)).err().unwrap().kind() as u8, 2);
    assert_eq!(load(&|s| s.source = "no/such/folder".into()).err().unwrap().kind() as u8, 3);

    let config = model.path().join("config.json");
    let text = fs_err::read_to_string(&config).unwrap();
    fs_err::write(&config, text.replace("\"intermediate_size\": 64", "\"intermediate_size\": 65")).unwrap();
    let error = load(&|_| ()).err().unwrap();
    assert!(error.to_string().contains("intermediate.dense.weight") && error.hint().is_some(), "{error}");
    fs_err::write(&config, text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4")).unwrap();
    let error = load(&|_| ()).err().unwrap();
    assert!(error.to_string().contains("encoder.layer.2") && error.kind() as u8 == 3, "{error}");
    let small = serde_json::from_str::<serde_json::Value>(&text).unwrap()["vocab_size"].as_u64().unwrap();
    fs_err::write(&config, text.replace(&format!("\"vocab_size\": {small}"), "\"vocab_size\": 50")).unwrap();
    let error = load(&|_| ()).err().unwrap();
    assert!(error.to_string().contains("50 rows"), "{error}");
}
