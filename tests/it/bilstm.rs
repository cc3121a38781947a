//! The bi-LSTM-CRF: fused against composed, learning, its log, saved and opened, and from the command line.

use std::path::Path;

use candle_core::Device;
use memoscope::corpus::Sentence;
use memoscope::corpus::embedded::{self, EmbeddedSettings};
use memoscope::encode::Batch;
use memoscope::model::checkpoint::Checkpoint;
use memoscope::model::{BilstmSettings, HeadKind, HeadSettings, ModelSettings, Tagger, Words};
use memoscope::nn::Gradients;
use memoscope::train::{TrainSettings, Trainer, TrainingData};

use crate::train::{Recorder, data, settings};
use crate::workspace::Workspace;

fn model(bilstm: BilstmSettings) -> ModelSettings {
    let head = HeadSettings { kind: HeadKind::Crf, ..HeadSettings::default() };
    ModelSettings { source: "bilstm".into(), head, bilstm, ..ModelSettings::default() }
}

fn small() -> BilstmSettings {
    BilstmSettings {
        layers: 2,
        hidden: 12,
        word_dimensions: 10,
        character_dimensions: 6,
        character_hidden: 5,
        ..BilstmSettings::default()
    }
}

fn tagger(settings: &ModelSettings, data: &TrainingData) -> Tagger {
    Tagger::load(settings, &Words::new(&data.train, &data.dev), &data.labels, 7, &Device::Cpu).unwrap().0
}

fn words<K>(sentences: &[Sentence<K>]) -> Vec<Vec<String>> {
    sentences.iter().map(|sentence| sentence.words.clone()).collect()
}

#[test]
fn every_parameter_gets_a_gradient_and_it_is_that_of_candles_operations() {
    let data = data();
    let results = [false, true].map(|composed| {
        let mut tagger = tagger(&model(small()), &data);
        if composed {
            tagger.compose();
        }
        let encoded = tagger.tokenizer().encode(data.train.iter().map(|s| s.words.as_slice()), 40).unwrap();
        let batch = Batch::pack((0..).zip(&encoded).take(12));
        let labels: Vec<u32> = batch
            .tokens
            .iter()
            .map(|at| data.train[at.sentence as usize].labels[usize::from(at.token)].into())
            .collect();
        let mut gradients = Gradients::default();
        let learned = tagger.train_step(&batch, &labels, labels.len() as f64, None, &mut gradients).unwrap();
        let judged = tagger.predict_batch(&batch).unwrap();
        assert_eq!(judged.decoded, learned.decoded, "without dropout, both passes see the same");
        let all: Vec<(String, Vec<f32>)> = (tagger.parameters().iter().enumerate())
            .map(|(i, (name, var))| {
                let gradient = gradients.get(i).unwrap_or_else(|| panic!("{name} has no gradient"));
                (name.to_owned(), gradient.to_vec(var.elem_count()).unwrap())
            })
            .collect();
        (learned, all)
    });
    let [(fused, gradients), (composed, expected)] = results;
    assert!((fused.loss - composed.loss).abs() < 1e-5, "{} against {}", fused.loss, composed.loss);
    assert_eq!(fused.decoded, composed.decoded);
    assert!(fused.logits.iter().zip(&composed.logits).all(|(a, b)| (a - b).abs() < 1e-4));
    for ((name, ours), (_, theirs)) in gradients.iter().zip(&expected) {
        assert!(ours.iter().any(|g| *g != 0.0), "{name} has a gradient of zeros");
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() < 2e-6, "{name}: {a} against {b}");
        }
    }
}

#[test]
fn it_learns_and_logs_what_its_best_paths_and_marginals_say() {
    let corpus = embedded::generate(&EmbeddedSettings { test: 0, ..EmbeddedSettings::default() }).unwrap();
    let data = TrainingData {
        train: corpus.train.iter().cloned().map(Sentence::into_given).collect(),
        dev: corpus.dev.clone(),
        labels: corpus.labels.names().to_vec(),
        ..TrainingData::default()
    };
    let settings =
        TrainSettings { epochs: 5, batch_size: 16, learning_rate: 1e-2, evaluations_per_epoch: 1, ..settings() };
    let bilstm = BilstmSettings { hidden: 64, ..BilstmSettings::default() };
    let mut trainer = Trainer::new(tagger(&model(bilstm), &data), &data, &settings, 11).unwrap();
    let mut recorder = Recorder::default();
    trainer.run(&mut recorder).unwrap();
    let last = recorder.curve.last().unwrap();
    assert!(last.dev_score > 0.8, "F1 on dev is {}", last.dev_score);
    assert!(recorder.curve[0].dev_score < last.dev_score);

    let eval = recorder.epochs.last().unwrap().1.as_ref().unwrap();
    let tagger = trainer.tagger();
    let decoded = tagger.predict(&words(&data.train), settings.max_subwords, 64).unwrap();
    assert_eq!(eval.predicted, decoded.concat(), "the log has the labels of the best paths");
    for i in 0..eval.loss.len() {
        assert!((eval.p_given[i] - (-eval.loss[i]).exp()).abs() < 1e-5);
        assert!(eval.loss[i] >= 0.0 && eval.entropy[i].is_finite() && eval.margin[i].is_finite());
    }
}

#[test]
fn the_labels_of_a_saved_one_follow_their_names() {
    let data = data();
    let mut trainer = Trainer::new(tagger(&model(small()), &data), &data, &settings(), 11).unwrap();
    trainer.run(&mut Recorder::default()).unwrap();
    let trained = trainer.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    trained.save(folder.path()).unwrap();
    let files: Vec<_> = fs_err::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    let settings = ModelSettings { source: folder.path().to_str().unwrap().into(), ..model(small()) };
    let load = |labels: &[String]| Tagger::load(&settings, &Words::none(), labels, 1, &Device::Cpu).unwrap();
    let sentences = words(&data.dev);
    let expected = trained.predict(&sentences, 99, 8).unwrap();
    let (same, report) = load(&data.labels);
    assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report:?}");
    assert_eq!(same.predict(&sentences, 99, 8).unwrap(), expected);

    let mut reversed = data.labels.clone();
    reversed[1..].reverse();
    let (reordered, _) = load(&reversed);
    let predicted = reordered.predict(&sentences, 99, 8).unwrap();
    let names = |ids: &[Vec<u8>], labels: &[String]| -> Vec<String> {
        ids.iter().flatten().map(|&id| labels[usize::from(id)].clone()).collect()
    };
    assert_eq!(names(&predicted, &reversed), names(&expected, &data.labels));
    let (_, report) = load(&["O".into(), "B-X".into()]);
    assert_eq!(report.missing.len(), 5, "a head for other labels is new: {report:?}");
    assert!(report.unexpected.contains(&"crf.transitions".to_owned()));

    // Broken files are named.
    let error = |file: &str, content: &str| {
        let copy = tempfile::tempdir().unwrap();
        for name in &files {
            fs_err::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        fs_err::write(copy.path().join(file), content).unwrap();
        Tagger::open(copy.path().to_str().unwrap(), &Device::Cpu).err().unwrap().to_string()
    };
    assert!(error("lexicon.json", "{").contains("lexicon.json:1: not a lexicon"));
    let other = error("lexicon.json", r#"{"words": ["a"], "characters": []}"#);
    assert!(other.contains("lexicon.json: it has rows for 2 words and 1 characters"), "{other}");
    assert!(error("model.safetensors", "").contains("model.safetensors"));
    let config = fs_err::read_to_string(folder.path().join("config.json")).unwrap();
    assert!(error("config.json", &config.replace("\"hidden\": 12", "\"hidden\": 13")).contains("shape"));
    let too_few = config.replace("\"vocab_size\": ", "\"vocab_size\": 1, \"was\": ");
    assert!(error("config.json", &too_few).contains("config.json"));
}

#[test]
fn vectors_from_a_file_are_where_training_starts() {
    let data = data();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vectors.txt");
    let unseen = data.dev.iter().flat_map(|s| &s.words).find(|word| {
        let form = memoscope::encode::form(word);
        !data.train.iter().flat_map(|s| &s.words).any(|other| memoscope::encode::form(other) == form)
    });
    let unseen = memoscope::encode::form(unseen.expect("dev has a word of its own"));
    fs_err::write(&path, format!("{unseen} 1 2 3\nthe 4 5 6\nnowhere-in-the-text 7 8 9\n")).unwrap();
    let bilstm = BilstmSettings { vectors: Some(path), word_dimensions: 3, ..small() };
    let settings = TrainSettings { weight_decay: 0.0, epochs: 1, ..settings() };
    let loaded = tagger(&model(bilstm.clone()), &data);
    let rows = |tagger: &Tagger, words: &[&str]| -> Vec<Vec<f32>> {
        let folder = tempfile::tempdir().unwrap();
        tagger.save(folder.path()).unwrap();
        let mut saved = Checkpoint::read(&folder.path().join("model.safetensors")).unwrap();
        let n = tagger.config().vocab_size;
        let table = saved.take("bilstm.embeddings.word_embeddings.weight", &[n, 3]).unwrap().unwrap();
        let encoded = tagger.tokenizer().encode([words], 9).unwrap().remove(0);
        encoded.subwords.iter().map(|&row| table[row as usize * 3..][..3].to_vec()).collect()
    };
    assert_eq!(rows(&loaded, &[&unseen, "the"]), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let mut trainer = Trainer::new(loaded, &data, &settings, 11).unwrap();
    trainer.run(&mut Recorder::default()).unwrap();
    let trained = rows(trainer.tagger(), &[&unseen, "the"]);
    assert_eq!(trained[0], [1.0, 2.0, 3.0], "what does not occur in training stays");
    assert_ne!(trained[1], [4.0, 5.0, 6.0]);

    let both = ModelSettings { random_init: true, ..model(bilstm.clone()) };
    let load = |settings: &ModelSettings| {
        let words = Words::new(&data.train, &data.dev);
        Tagger::load(settings, &words, &data.labels, 7, &Device::Cpu).err().unwrap()
    };
    assert!(load(&both).to_string().contains("random_init"));
    let wrong = BilstmSettings { word_dimensions: 4, ..bilstm };
    assert!(load(&model(wrong)).to_string().contains("vectors.txt:1: 3 numbers"));
    let deeper = ModelSettings { layers: Some(3), ..model(small()) };
    assert!(load(&deeper).to_string().contains("model.layers is 3, the encoder has 2"));
}

#[test]
fn it_is_trained_described_and_predicts_from_the_command_line() {
    let here = Workspace::new();
    let said = here.run(&[
        "train",
        "--model",
        "bilstm",
        "--head",
        "crf",
        "--epochs",
        "1",
        "--batch-size",
        "16",
        "--out",
        "run",
        "--learning-rate",
        "1e-2",
        "--set",
        "data.train_sentences=64",
        "--set",
        "data.dev_sentences=20",
        "--set",
        "model.bilstm.hidden=16",
        "--set",
        "train.max_subwords=128",
    ]);
    assert_eq!(said.code, 0, "{said}");
    let model = find_model(here.path()).expect("a saved model");
    let model = model.to_str().unwrap();
    let said = here.run(&["model", "describe", model]);
    assert!(said.stdout.contains("1 layers, 16 states in each direction"), "{said}");
    assert!(said.stdout.contains("head         crf") && said.stdout.contains("any number of words"), "{said}");
    let file = here.file("text.txt", "Nobody\nin\nXyzzyville\n");
    let said = here.run(&["model", "predict", model, file.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("Xyzzyville"), "{said}");

    let said = here.run(&["model", "describe", "bilstm"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("no encoder by itself") && said.stderr.contains("hint"), "{said}");
}

#[test]
fn it_audits_text() {
    let here = Workspace::new();
    let run = |arguments: &[&str]| {
        let said = here.run(arguments);
        assert_eq!(said.code, 0, "{said}");
    };
    run(&["corpus", "generate", "--out", "text", "--train", "120", "--dev", "10", "--test", "0"]);
    let audit = ["audit", "text/train.txt", "--model", "bilstm", "--folds", "2", "--epochs", "4", "--out"];
    for (out, threads) in [("one", "1"), ("three", "3")] {
        run(&[&audit[..], &[out, "--batch-size", "8", "--threads", threads]].concat());
    }
    assert_eq!(here.read("one/suspects.jsonl"), here.read("three/suspects.jsonl"));
    let manifest = here.read("one/runs/seed=1/fold=0/manifest.json");
    assert!(manifest.contains("\"kind\": \"crf\""), "{manifest}");
}

/// The first folder below `folder` that holds a saved model.
fn find_model(folder: &Path) -> Option<std::path::PathBuf> {
    if folder.join("lexicon.json").is_file() {
        return Some(folder.to_owned());
    }
    let entries = fs_err::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir()).find_map(|path| find_model(&path))
}
