//! Real data and real encoders, where they are: MEMOSCOPE_DATA (or ../shared/data) and MEMOSCOPE_MODELS (or
//! ~/.cache/memoscope-models). Elsewhere these tests skip, and say so.

use std::path::{Path, PathBuf};

use candle_core::Device;
use memoscope::corpus::{self, DataSettings, Sentence};
use memoscope::model::{LoadReport, ModelSettings, Tagger, Words};
use memoscope::train::{TrainSettings, Trainer, TrainingData};

fn found(variable: &str, otherwise: Option<PathBuf>, name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from).or(otherwise)?.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: there is no {} (set {variable})", folder.display());
    None
}

pub fn data(name: &str) -> Option<PathBuf> {
    found("MEMOSCOPE_DATA", Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data")), name)
}

pub fn model(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    found("MEMOSCOPE_MODELS", home.map(|home| home.join(".cache/memoscope-models")), name)
}

fn load(folder: &Path, labels: &[String], change: impl Fn(&mut ModelSettings)) -> (Tagger, LoadReport) {
    let mut settings = ModelSettings { source: folder.to_str().unwrap().into(), ..ModelSettings::default() };
    change(&mut settings);
    Tagger::load(&settings, &Words::none(), labels, 1, &Device::Cpu).unwrap()
}

#[test]
fn encoders_load_but_for_their_new_head() {
    let labels = ["O".to_owned(), "B-PER".to_owned()];
    for (name, parameters) in [("bert-tiny", 4_369_666), ("minilm-l6", 22_566_146)] {
        let Some(folder) = model(name) else { continue };
        let (_, report) = load(&folder, &labels, |_| ());
        assert_eq!(report.missing, ["classifier.weight", "classifier.bias"], "{name}");
        assert!(!report.unexpected.iter().any(|tensor| tensor.starts_with("encoder.")), "{name}: {report:?}");
        assert_eq!(report.n_parameters, parameters, "{name}");
        let (_, fewer) = load(&folder, &labels, |settings| settings.layers = Some(1));
        assert!(fewer.shape.starts_with("1 layers"), "{}", fewer.shape);
    }
}

/// PyTorch's run of the same protocol counts 201,640 tokens of CoNLL03's train in 50 subwords
/// (tests/fixtures/traces, first line).
#[test]
fn conll03_is_cut_into_the_subwords_that_transformers_makes() {
    let (Some(folder), Some(encoder)) = (data("conll2003"), model("bert-tiny")) else { return };
    let settings = DataSettings { source: folder.to_str().unwrap().into(), ..DataSettings::default() };
    let corpus = corpus::load(&settings).unwrap();
    let labels = corpus.labels.names().to_vec();
    let (tagger, _) = load(&encoder, &labels, |_| ());
    let train = corpus.train.into_iter().map(Sentence::into_given).collect();
    let data = TrainingData { train, dev: corpus.dev, labels, ..TrainingData::default() };
    let trainer = Trainer::new(tagger, &data, &TrainSettings::default(), 1).unwrap();
    let report = trainer.encoding();
    assert_eq!((report.train_sentences, report.train_tokens), (14_041, 201_640));
    assert_eq!(report.train_tokens + report.train_tokens_truncated, 203_621);
    assert_eq!((report.dev_tokens_lost, report.steps_per_epoch), (0, 220));
}
