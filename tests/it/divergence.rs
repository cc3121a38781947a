//! Trainings that diverge: found in the step or evaluation in which it happens, by every verb, and with a log that can
//! be read.

use std::path::Path;

use candle_core::Device;
use memoscope::Error;
use memoscope::dynamics::Observations;
use memoscope::model::{BilstmSettings, HeadKind, HeadSettings, ModelSettings, Tagger, Words};
use memoscope::train::{TrainSettings, Trainer};
use serde_json::Value;

use crate::train::{Recorder, data, encoder, heads, settings};
use crate::workspace::{Said, Workspace};

fn taggers(encoder: &Path) -> Vec<(String, Tagger)> {
    let data = data();
    let words = Words::new(&data.train, &data.dev);
    let load = |settings: ModelSettings| Tagger::load(&settings, &words, &data.labels, 7, &Device::Cpu).unwrap().0;
    let source = encoder.to_str().unwrap();
    let mut taggers: Vec<(String, Tagger)> = heads()
        .into_iter()
        .map(|head| {
            let name = format!("{:?}, {:?}", head.kind, head.centroids);
            (name, load(ModelSettings { source: source.into(), head, ..ModelSettings::default() }))
        })
        .collect();
    let bilstm = BilstmSettings { layers: 1, hidden: 12, word_dimensions: 10, ..BilstmSettings::default() };
    for kind in [HeadKind::Linear, HeadKind::Crf] {
        let head = HeadSettings { kind, ..HeadSettings::default() };
        let settings =
            ModelSettings { source: "bilstm".into(), head, bilstm: bilstm.clone(), ..ModelSettings::default() };
        taggers.push((format!("bilstm, {kind:?}"), load(settings)));
    }
    taggers
}

fn is_finite(seen: &Observations) -> bool {
    [&seen.loss, &seen.p_given, &seen.margin, &seen.entropy].into_iter().flatten().all(|value| value.is_finite())
}

/// However large the learning rate, nothing that is not a number is told to an observer or kept in a model.
#[test]
fn nothing_that_is_not_finite_leaves_a_training() {
    let encoder = encoder();
    let mut n_diverged = 0;
    for (learning_rate, max_gradient_norm) in [(1e12, 1.0), (1e19, 1.0), (1e30, 1.0), (1e38, 0.0)] {
        for (name, tagger) in taggers(encoder.path()) {
            let settings = TrainSettings { epochs: 2, learning_rate, max_gradient_norm, warmup: 0.0, ..settings() };
            let mut trainer = Trainer::new(tagger, &data(), &settings, 11).unwrap();
            let mut recorder = Recorder::default();
            let result = trainer.run(&mut recorder);
            let at = format!("{name}, learning rate {learning_rate}: {result:?}");
            assert!(recorder.steps.iter().all(|s| s.loss.is_finite() && s.gradient_norm.is_finite()), "{at}");
            assert!(recorder.curve.iter().all(|p| p.dev_loss.is_finite() && p.dev_score.is_finite()), "{at}");
            for (train, eval) in &recorder.epochs {
                assert!(train.iter().chain(eval).all(is_finite), "{at}");
            }
            let result = result.and_then(|()| trainer.finish());
            match result {
                Ok(tagger) => {
                    for (_, var) in tagger.parameters().iter() {
                        let values: Vec<f32> = var.as_tensor().flatten_all().unwrap().to_vec1().unwrap();
                        assert!(values.iter().all(|value| value.is_finite()), "{at}");
                    }
                }
                Err(Error::Diverged { step, epoch, .. }) => {
                    n_diverged += 1;
                    assert!(step >= 1 && (1..=2).contains(&epoch), "{at}");
                }
                Err(other) => panic!("{at}: {other}"),
            }
        }
    }
    assert!(n_diverged > 12, "{n_diverged} of 24 diverged");
}

/// A small corpus in `data/`, and in `noisy/` the same with wrong entities.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for arguments in [
        "corpus generate --out data --train 40 --dev 20 --test 10 --seed 3",
        "corpus perturb data --out noisy --kind entity --rate 0.4 --seed 3",
    ] {
        let said = run(&workspace, arguments);
        assert_eq!(said.code, 0, "{said}");
    }
    workspace
}

fn run(workspace: &Workspace, arguments: &str) -> Said {
    workspace.run(&arguments.split(' ').collect::<Vec<_>>())
}

fn assert_diverged(said: &Said) {
    assert_eq!(said.code, 4, "{said}");
    assert!(
        said.stderr.contains(" is not finite at step ") && said.stderr.contains("lower the learning rate"),
        "{said}"
    );
    assert!(!said.stderr.contains("NaN") && !said.stderr.contains("inf "), "{said}");
}

fn holds(folder: &Path, name: &str) -> bool {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|found| found == name) {
                return true;
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    false
}

#[test]
fn every_verb_that_trains_ends_with_exit_code_4_and_without_a_model() {
    let workspace = workspace();
    for verb in [
        "train --data data --epochs 1 --learning-rate 1e30 --seed 1 --set train.save_model=true",
        "train --data data --epochs 2 --learning-rate 1e30 --seed 1 --head crf",
        "train --data data --epochs 2 --learning-rate 1e30 --seed 1 --head prototypes",
        "train --data data --epochs 1 --learning-rate 1e38 --seed 1 --model bilstm --head crf",
        "sweep e.toml --data data --epochs 1 --learning-rate 1e30",
        "audit data/train.txt --model embedded --folds 2 --epochs 2 --seeds 1 --learning-rate 1e30",
        "audit compare noisy data --dev data --model embedded --epochs 1 --seeds 1 --learning-rate 1e30",
    ] {
        workspace.file("e.toml", "[study]\nname = \"tiny\"\nnoise = [0.0]\nseeds = [1]\n");
        let _ = fs_err::remove_dir_all(workspace.path().join("out"));
        let said = run(&workspace, &format!("{verb} --out out"));
        assert_diverged(&said);
        let out = workspace.path().join("out");
        assert!(!holds(&out, "model.safetensors") && !holds(&out, "index.html"), "{verb}");
        assert!(!holds(&out, "epoch=0001.parquet"), "{verb}: half an epoch");
    }
}

#[test]
fn a_pretraining_that_diverges_leaves_no_model() {
    let workspace = Workspace::new();
    let said = run(
        &workspace,
        "model pretrain --out out --sentences 200 --vocabulary 200 --layers 1 --hidden 16 --heads 2 --intermediate 32 \
         --max-subwords 24 --epochs 2 --batch-size 16 --learning-rate 1e38",
    );
    assert_diverged(&said);
    assert!(!holds(&workspace.path().join("out"), "model.safetensors"));
}

#[test]
fn the_epochs_finished_before_can_be_analysed() {
    let workspace = workspace();
    let train =
        "train --data data --model bilstm --head crf --epochs 4 --learning-rate 1e18 --seed 1 --noise 0 --out out";
    assert_diverged(&run(&workspace, train));
    let folder = workspace.path().join("out/runs/noise=0.00/seed=1");
    let manifest: Value = serde_json::from_str(&fs_err::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let finished = manifest["epochs_finished"].as_u64().unwrap();
    assert!((1..4).contains(&finished), "{manifest}");
    assert_eq!(fs_err::read_dir(folder.join("dynamics")).unwrap().count() as u64, finished);
    assert!(!folder.join("model").exists());
    let said = workspace.run(&["analyse", folder.to_str().unwrap(), "--json"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains(&format!("the run failed after {finished} of 4 epochs: the ")), "{said}");
    let summary: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(summary["epochs"].as_array().unwrap().len() as u64, finished);
    // The same command diverges in the same step.
    assert_diverged(&run(&workspace, train));
}

#[test]
fn analysing_a_run_that_diverged_says_so() {
    let workspace = workspace();
    let said = run(&workspace, "train --data data --epochs 2 --learning-rate 1e30 --seed 1 --noise 0 --out out");
    assert_diverged(&said);
    let folder = workspace.path().join("out/runs/noise=0.00/seed=1");
    let manifest: Value = serde_json::from_str(&fs_err::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!((&manifest["status"], &manifest["epochs_finished"]), (&"failed".into(), &0.into()));
    let said = workspace.run(&["analyse", folder.to_str().unwrap()]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("the run failed after 0 of 2 epochs: the "), "{said}");
    assert!(said.stderr.contains("no finished epoch"), "{said}");
}
