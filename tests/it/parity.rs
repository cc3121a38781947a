//! Our encoders against PyTorch's, and our BERT against candle-transformers'. The fixtures are made by
//! tests/fixtures/parity/make_parity.py, one folder for each of [`ENCODERS`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use memoscope::encode::{Batch, EncodedSentence};
use memoscope::model::checkpoint::Checkpoint;
use memoscope::model::{ModelSettings, Tagger, Words};
use memoscope::nn::Gradients;
use memoscope::train::TrainSettings;
use memoscope::train::optimizer::{StepSize, clip_factor};
use memoscope::train::schedule::LearningRate;

use crate::workspace::fixture_model;

/// What runs on the CPU, and what runs on other devices.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Operations {
    Fused,
    Composed,
}

const BOTH: [Operations; 2] = [Operations::Fused, Operations::Composed];

/// The fixtures, and what their parameters begin with.
const ENCODERS: [(&str, &str); 6] = [
    ("bert", "bert"),
    ("roberta", "roberta"),
    ("distilbert", "distilbert"),
    ("electra", "electra"),
    ("deberta-v2", "deberta"),
    ("deberta-v2-own", "deberta"),
];

/// All fixtures with all operations.
fn all() -> impl Iterator<Item = (Fixture, Operations)> {
    ENCODERS.iter().flat_map(|encoder| BOTH.map(|operations| (Fixture::load(encoder), operations)))
}

struct Fixture {
    name: &'static str,
    prefix: &'static str,
    folder: PathBuf,
    /// The checkpoint with a vocabulary beside it.
    model: tempfile::TempDir,
    sentences: Vec<EncodedSentence>,
    labels: Vec<Vec<i64>>,
    expected: Checkpoint,
}

impl Fixture {
    fn load(&(name, prefix): &(&'static str, &'static str)) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity").join(name);
        let batch: serde_json::Value =
            serde_json::from_slice(&fs_err::read(folder.join("batch.json")).unwrap()).unwrap();
        let ids: Vec<Vec<u32>> = serde_json::from_value(batch["input_ids"].clone()).unwrap();
        let labels: Vec<Vec<i64>> = serde_json::from_value(batch["labels"].clone()).unwrap();
        // Every position is scored, so that all logits can be compared.
        let whole = |subwords: Vec<u32>| EncodedSentence {
            words: (0..subwords.len() as u16).map(|i| (i, i)).collect(),
            subwords,
            ..EncodedSentence::default()
        };
        let model = fixture_model(&folder);
        let expected = Checkpoint::read(&folder.join("expected.safetensors")).unwrap();
        Self { name, prefix, folder, model, sentences: ids.into_iter().map(whole).collect(), labels, expected }
    }

    /// The tagger, computing with fused or with composed operations.
    fn tagger(&self, operations: Operations) -> Tagger {
        let settings = ModelSettings { source: self.model.path().to_str().unwrap().into(), ..Default::default() };
        let labels: Vec<String> = std::iter::once("O".to_owned()).chain((1..9).map(|i| format!("L{i}"))).collect();
        let (mut tagger, report) = Tagger::load(&settings, &Words::none(), &labels, 1, &Device::Cpu).unwrap();
        assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report:?}");
        if operations == Operations::Composed {
            tagger.compose();
        }
        tagger
    }

    fn batch(&self) -> Batch {
        Batch::pack((0..).zip(&self.sentences))
    }

    /// The same with only the labelled positions scored, and their labels.
    fn labelled(&self) -> (Batch, Vec<u32>) {
        let mut sentences = self.sentences.clone();
        let mut all = Vec::new();
        for (sentence, labels) in sentences.iter_mut().zip(&self.labels) {
            sentence.words.retain(|&(i, _)| labels[i as usize] >= 0);
            all.extend(labels.iter().filter(|&&label| label >= 0).map(|&label| label as u32));
        }
        (Batch::pack((0..).zip(&sentences)), all)
    }

    /// The expected tensor of a parameter.
    fn expected(&mut self, kind: &str, name: &str, shape: &[usize]) -> Vec<f32> {
        let name = if name.starts_with("classifier.") { name.to_owned() } else { format!("{}.{name}", self.prefix) };
        self.expected.take(&format!("{kind}.{name}"), shape).unwrap().expect("the fixture has every parameter")
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn relative_norm(a: &[f32], b: &[f32]) -> f64 {
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = a.iter().zip(b).map(|(x, y)| square(x - y)).sum();
    let norm: f64 = b.iter().map(|&y| square(y)).sum();
    (difference / norm.max(1e-30)).sqrt()
}

/// Attention's key biases add the same to all scores of a query. Their gradient is zero by construction: what is left
/// is rounding. That of DeBERTa's keys is not, for positions attend to them, but that of its positions' keys is.
fn is_key_bias(name: &str) -> bool {
    let parts = ["self.key.bias", "k_lin.bias", "self.pos_key_proj.bias"];
    parts.iter().any(|part| name.ends_with(&format!("attention.{part}")))
}

#[test]
fn logits_and_loss_are_pytorchs() {
    for (mut fixture, operations) in all() {
        let operations = (fixture.name, operations);
        let tagger = fixture.tagger(operations.1);
        let logits = tagger.logits(&fixture.batch()).unwrap();
        let mut row = 0;
        for i in 0..fixture.sentences.len() {
            let length = fixture.sentences[i].subwords.len();
            let expected = fixture.expected.take(&format!("logits.{i}"), &[length, 9]).unwrap().unwrap();
            for (a, b) in logits[row * 9..(row + length) * 9].iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{operations:?}, sentence {i}: {a} against {b}");
            }
            row += length;
        }
        let (batch, labels) = fixture.labelled();
        let n = labels.len() as f64;
        let loss = tagger.train_step(&batch, &labels, n, None, &mut Gradients::default()).unwrap().loss;
        let expected = f64::from(fixture.expected.take("loss", &[]).unwrap().unwrap()[0]);
        assert!((loss - expected).abs() < 1e-6, "{operations:?}: {loss} against {expected}");
    }
}

#[test]
fn every_gradient_is_pytorchs_and_not_zero() {
    for (mut fixture, operations) in all() {
        let operations = (fixture.name, operations);
        let tagger = fixture.tagger(operations.1);
        let (batch, labels) = fixture.labelled();
        let mut gradients = Gradients::default();
        tagger.train_step(&batch, &labels, labels.len() as f64, None, &mut gradients).unwrap();
        for (i, (name, var)) in tagger.parameters().iter().enumerate() {
            let gradient = gradients.get(i).unwrap_or_else(|| panic!("{operations:?}: {name} has no gradient"));
            let gradient = gradient.to_vec(var.elem_count()).unwrap();
            let expected = fixture.expected("grad", name, var.dims());
            if is_key_bias(name) {
                assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{name}: {gradient:?}");
                continue;
            }
            assert!(gradient.iter().any(|&g| g != 0.0), "{operations:?}: the gradient of {name} is zero");
            let difference = relative_norm(&gradient, &expected);
            assert!(difference < 1e-4, "{operations:?}, {name}: relative difference {difference:e}");
        }
    }
}

/// Five steps of AdamW as the fixture's script takes them; with `rows`, on the rows in use alone.
fn five_steps(mut fixture: Fixture, operations: Operations, rows: bool) {
    let operations = (fixture.name, operations);
    let mut tagger = fixture.tagger(operations.1);
    let (batch, labels) = fixture.labelled();
    if rows {
        tagger.use_rows(&batch.ids.iter().copied().collect::<BTreeSet<u32>>()).unwrap();
    }
    let json: serde_json::Value =
        serde_json::from_slice(&fs_err::read(fixture.folder.join("expected.json")).unwrap()).unwrap();
    let settings = TrainSettings { learning_rate: 1e-3, warmup: 0.4, ..TrainSettings::default() };
    let rate = LearningRate::new(&settings, 5);
    let mut optimizer = settings.optimizer.build(tagger.parameters(), &settings).unwrap();
    let mut gradients = Gradients::default();
    let mut decay = 1.0;
    for (t, expected) in (0..).zip(json["steps"].as_array().unwrap()) {
        gradients.clear();
        let learned = tagger.train_step(&batch, &labels, labels.len() as f64, None, &mut gradients).unwrap();
        let norm = gradients.norm().unwrap();
        let close = |what: &str, value: f64| {
            let wanted = expected[what].as_f64().unwrap();
            assert!((value - wanted).abs() < 1e-4, "{operations:?}, step {t}: {what} is {value}, not {wanted}");
        };
        close("loss", learned.loss);
        close("grad_norm", norm);
        close("learning_rate", rate.at(t));
        let gradient_scale = clip_factor(norm, settings.max_gradient_norm);
        let size = StepSize { learning_rate: rate.at(t), gradient_scale };
        optimizer.step(tagger.parameters(), &gradients, size).unwrap();
        decay *= optimizer.untouched_factor(rate.at(t));
    }
    tagger.restore_rows(decay).unwrap();
    for (name, var) in tagger.parameters().iter() {
        let expected = fixture.expected("after", name, var.dims());
        if is_key_bias(name) {
            continue;
        }
        let difference = relative_norm(&values(var.as_tensor()), &expected);
        assert!(difference < 1e-4, "{operations:?}, {name}: relative difference {difference:e} after five steps");
    }
}

#[test]
fn five_adamw_steps_are_pytorchs() {
    for (fixture, operations) in all() {
        five_steps(fixture, operations, false);
    }
}

#[test]
fn five_adamw_steps_on_the_rows_in_use_are_pytorchs_on_all() {
    for (fixture, operations) in all() {
        five_steps(fixture, operations, true);
    }
}

#[test]
fn the_forward_pass_is_candle_transformers() {
    let fixture = Fixture::load(&ENCODERS[0]);
    let bytes = fs_err::read(fixture.folder.join("model.safetensors")).unwrap();
    let builder = candle_nn::VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu).unwrap();
    let config = serde_json::from_slice(&fs_err::read(fixture.folder.join("config.json")).unwrap()).unwrap();
    let bert = candle_transformers::models::bert::BertModel::load(builder.clone(), &config).unwrap();
    let head = candle_nn::linear(48, 9, builder.pp("classifier")).unwrap();
    let ours = fixture.tagger(Operations::Fused).logits(&fixture.batch()).unwrap();
    let ours: Vec<&[f32]> = ours.chunks(9).collect();
    let mut row = 0;
    for sentence in &fixture.sentences {
        let ids = Tensor::new(sentence.subwords.as_slice(), &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let hidden = bert.forward(&ids, &ids.zeros_like().unwrap(), None).unwrap();
        let logits = candle_nn::Module::forward(&head, &hidden).unwrap().squeeze(0).unwrap().to_vec2::<f32>().unwrap();
        for theirs in logits {
            for (a, b) in ours[row].iter().zip(&theirs) {
                assert!((a - b).abs() < 1e-4, "row {row}: {a} against {b}");
            }
            row += 1;
        }
    }
}
