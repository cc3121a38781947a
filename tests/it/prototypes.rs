//! The prototypical head: against PyTorch, in training, saved and opened. The fixture is made by
//! tests/fixtures/parity/make_prototypes.py.

use std::path::Path;

use candle_core::Device;
use memoscope::corpus::TokenPosition;
use memoscope::encode::{Batch, EncodedSentence};
use memoscope::model::checkpoint::Checkpoint;
use memoscope::model::{Episode, HeadKind, HeadSettings, ModelSettings, Tagger, Words};
use memoscope::nn::Gradients;

use crate::workspace::fixture_model;

/// What runs on the CPU, and what runs on other devices.
const FUSED_AND_COMPOSED: [bool; 2] = [false, true];

struct Fixture {
    /// The checkpoint with a vocabulary beside it.
    model: tempfile::TempDir,
    sentences: Vec<EncodedSentence>,
    labels: Vec<Vec<i64>>,
    support: Vec<usize>,
    judged: Vec<usize>,
    expected: Checkpoint,
}

impl Fixture {
    fn load() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity/prototypes");
        let json: serde_json::Value =
            serde_json::from_slice(&fs_err::read(folder.join("episode.json")).unwrap()).unwrap();
        let labels: Vec<Vec<i64>> = serde_json::from_value(json["labels"].clone()).unwrap();
        let ids: Vec<Vec<u32>> = serde_json::from_value(json["input_ids"].clone()).unwrap();
        let sentence = |(subwords, labels): (Vec<u32>, &Vec<i64>)| EncodedSentence {
            words: (0..).zip(labels).filter(|(_, label)| **label >= 0).map(|(i, _)| (i, i)).collect(),
            subwords,
            ..EncodedSentence::default()
        };
        let model = fixture_model(&folder);
        Self {
            sentences: ids.into_iter().zip(&labels).map(sentence).collect(),
            support: serde_json::from_value(json["support"].clone()).unwrap(),
            judged: serde_json::from_value(json["judged"].clone()).unwrap(),
            expected: Checkpoint::read(&folder.join("expected.safetensors")).unwrap(),
            model,
            labels,
        }
    }

    fn tagger(&self, composed: bool) -> Tagger {
        let (mut tagger, report) = Tagger::open(self.model.path().to_str().unwrap(), &Device::Cpu).unwrap();
        assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report:?}");
        if composed {
            tagger.compose();
        }
        tagger
    }

    fn episode(&self) -> Episode {
        let chosen = || self.support.iter().chain(&self.judged).map(|&i| (i as u32, &self.sentences[i]));
        let batch = Batch::pack(chosen());
        let label = |at: &TokenPosition| self.labels[at.sentence as usize][usize::from(at.token)] as u32;
        let (mut support, mut queries, mut labels) = (vec![Vec::new(); 8], Vec::new(), Vec::new());
        for (row, token) in (0u32..).zip(&batch.tokens) {
            match label(token) {
                label if self.judged.contains(&(token.sentence as usize)) => {
                    queries.push(row);
                    labels.push(label);
                }
                0 => {}
                class => support[class as usize - 1].push(row),
            }
        }
        Episode { batch, support, queries, labels }
    }

    fn expect(&mut self, name: &str, shape: &[usize]) -> Vec<f32> {
        self.expected.take(name, shape).unwrap().unwrap_or_else(|| panic!("the fixture has no {name}"))
    }
}

fn assert_close(what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{what}[{i}]: {a} against {b}");
    }
}

#[test]
fn logits_loss_and_centroids_of_an_episode_are_pytorchs() {
    for composed in FUSED_AND_COMPOSED {
        let mut fixture = Fixture::load();
        let (tagger, episode) = (fixture.tagger(composed), fixture.episode());
        let n = episode.labels.len();
        let (learned, centroids) = tagger.train_episode(&episode, n as f64, None, &mut Gradients::default()).unwrap();
        assert!(centroids.present().contains(&false), "the fixture has a class without support");
        assert_close("logits", &learned.logits, &fixture.expect("logits", &[n, 9]));
        assert_close("centroids", &centroids.values, &fixture.expect("centroids", &[8, 20]));
        let expected = f64::from(fixture.expect("loss", &[])[0]);
        assert!((learned.loss - expected).abs() < 1e-6 * expected, "{composed}: {} against {expected}", learned.loss);
    }
}

#[test]
fn every_gradient_of_an_episode_is_pytorchs_and_not_zero() {
    for composed in FUSED_AND_COMPOSED {
        let mut fixture = Fixture::load();
        let (tagger, episode) = (fixture.tagger(composed), fixture.episode());
        let mut gradients = Gradients::default();
        tagger.train_episode(&episode, episode.labels.len() as f64, None, &mut gradients).unwrap();
        for (i, (name, var)) in tagger.parameters().iter().enumerate() {
            let gradient = gradients.get(i).unwrap_or_else(|| panic!("{name} has no gradient"));
            let ours = gradient.to_vec(var.elem_count()).unwrap();
            // Attention's key biases have a gradient of zero by construction: what is left is rounding. So have the
            // head's bias and that of the norm before it: they move words and centroids alike.
            let moves_all = ["prototypes.bias", "encoder.layer.2.output.LayerNorm.bias"].contains(&name);
            if name.ends_with("attention.self.key.bias") || moves_all {
                assert!(ours.iter().all(|g| g.abs() < 1e-5), "{name}: {ours:?}");
                continue;
            }
            let prefix = if name.starts_with("prototypes.") { "" } else { "bert." };
            let theirs = fixture.expect(&format!("grad.{prefix}{name}"), var.dims());
            assert!(ours.iter().any(|&g| g != 0.0), "the gradient of {name} is zero");
            let square = |x: f32| f64::from(x) * f64::from(x);
            let difference: f64 = ours.iter().zip(&theirs).map(|(a, b)| square(a - b)).sum();
            let norm: f64 = theirs.iter().map(|&x| square(x)).sum();
            let relative = (difference / norm).sqrt();
            assert!(relative < 1e-4, "composed {composed}, {name}: relative difference {relative:e}");
        }
    }
}

#[test]
fn a_saved_head_judges_with_its_centroids_as_pytorch_does() {
    for composed in FUSED_AND_COMPOSED {
        let mut fixture = Fixture::load();
        let tagger = fixture.tagger(composed);
        for i in 0..fixture.sentences.len() {
            let n = fixture.sentences[i].words.len();
            if n > 0 {
                let ours = tagger.logits(&Batch::pack([(0, &fixture.sentences[i])])).unwrap();
                assert_close(&format!("sentence {i}"), &ours, &fixture.expect(&format!("all.{i}"), &[n, 9]));
            }
        }
    }
}

#[test]
fn a_head_that_is_saved_again_opens_as_it_was() {
    let fixture = Fixture::load();
    let tagger = fixture.tagger(false);
    let copy = tempfile::tempdir().unwrap();
    tagger.save(copy.path()).unwrap();
    let (again, report) = Tagger::open(copy.path().to_str().unwrap(), &Device::Cpu).unwrap();
    assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report:?}");
    assert_eq!(again.head(), tagger.head());
    assert_eq!(again.centroids(), tagger.centroids());
    let batch = Batch::pack([(0, &fixture.sentences[3])]);
    assert_eq!(again.logits(&batch).unwrap(), tagger.logits(&batch).unwrap());
}

#[test]
fn an_encoder_without_a_head_is_not_opened_as_a_tagger() {
    let error = Tagger::open("embedded", &Device::Cpu).err().unwrap();
    assert!(error.to_string().contains("this is an encoder, not a tagger"), "{error}");
    assert!(error.hint().is_some());
    // Labels, but the head's weights gone.
    let fixture = Fixture::load();
    let bare = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity/bert/model.safetensors");
    fs_err::copy(bare, fixture.model.path().join("model.safetensors")).unwrap();
    let error = Tagger::open(fixture.model.path().to_str().unwrap(), &Device::Cpu).err().unwrap();
    assert!(error.to_string().contains("the weights of its head are missing"), "{error}");
}

#[test]
fn heads_do_not_learn_from_what_the_other_learns_from() {
    let fixture = Fixture::load();
    let (prototypes, episode) = (fixture.tagger(false), fixture.episode());
    assert!(prototypes.train_step(&episode.batch, &[], 1.0, None, &mut Gradients::default()).is_err());
    let labels = ["O", "B-X"].map(String::from);
    let (linear, _) = Tagger::load(&ModelSettings::default(), &Words::none(), &labels, 1, &Device::Cpu).unwrap();
    assert!(linear.train_episode(&episode, 1.0, None, &mut Gradients::default()).is_err());
    let head = HeadSettings { kind: HeadKind::Prototypes, ..HeadSettings::default() };
    let settings = ModelSettings { head, ..ModelSettings::default() };
    let (fresh, _) = Tagger::load(&settings, &Words::none(), &labels, 1, &Device::Cpu).unwrap();
    assert!(fresh.centroids().is_none());
    assert!(fresh.logits(&episode.batch).is_err(), "judged without centroids");
}
