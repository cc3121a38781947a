//! Grids of any settings, the folders and identities of their runs, and runs of earlier versions.

use std::path::Path;

use fs_err as fs;
use memoscope::config::Layers;
use memoscope::run::{Manifest, Status};
use memoscope::study::{self, Layout};

use crate::workspace::{Workspace, repository};

/// Settings that make a run a matter of moments.
const TINY: [&str; 5] = [
    "data.train_sentences=12",
    "data.dev_sentences=6",
    "train.evaluations_per_epoch=1",
    "train.probe_tokens=5",
    "train.test=false",
];

const GRID: &str = "[study]\nname = \"rates\"\n[grid]\n\"train.learning_rate\" = [1e-3, 5e-3]\nnoise = [0.0, 0.3]\n[train]\nepochs \
                    = 1\nsave_model = false\n[analysis]\nbootstrap = 0\n";

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

#[test]
fn an_experiment_without_a_kind_is_a_study_of_its_grid() {
    let workspace = Workspace::new();
    workspace.file("rates.toml", GRID);
    let said = workspace.run(&[&["sweep", "rates.toml", "--out", "out"], &TINY[..]].concat());
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("noise level 0") && said.stdout.contains("; 1 seed per point."), "{said}");
    for run in ["train.learning_rate=0.001/noise=0.00", "train.learning_rate=0.005/noise=0.30"] {
        let folder = workspace.path().join("out/runs").join(run).join("seed=1");
        let manifest = Manifest::read(&folder).unwrap();
        assert_eq!(manifest.status, Status::Finished);
        assert_eq!(manifest.config.coordinates.folder(), Path::new(run).join("seed=1"));
        assert_eq!(manifest.config_hash, manifest.config.identity().unwrap());
        assert!(workspace.path().join("out/analysis").join(run).join("seed=1/phases.json").is_file());
    }
    let scores = workspace.read("out/report/tables/measures.csv");
    assert!(scores.starts_with("train.learning_rate,noise,runs,realised_noise,"), "{scores}");
    assert_eq!(scores.lines().count(), 1 + 4);
    assert!(workspace.path().join("out/report/figures/learning_curves.svg").is_file());
    assert!(workspace.path().join("out/report/figures/measures_train_learning_rate.svg").is_file());
    assert_eq!(workspace.read("out/analysis/measures.csv").lines().count(), 1 + 4);
    assert!(workspace.path().join("out/runs/runs.parquet").is_file());

    // The same again does nothing; another point is added to those that are there.
    let again = workspace.run(&[&["sweep", "rates.toml", "--out", "out"], &TINY[..]].concat());
    assert!(
        again.stderr.contains("[4/4] train.learning_rate=0.005,noise=0.30,seed=1: finished before, skipped"),
        "{again}"
    );
    let more = ["sweep", "rates.toml", "--out", "out", "--vary", "train.learning_rate=1e-3,5e-3,1e-2"];
    let more = workspace.run(&[&more[..], &TINY[..]].concat());
    assert_eq!((more.code, more.stderr.matches("finished before, skipped").count()), (0, 4), "{more}");
}

#[test]
fn further_axes_give_a_study_a_report_for_each_of_their_points() {
    let workspace = Workspace::new();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let arguments = ["sweep", &smoke, "--out", "out", "--epochs", "1", "--vary", "batch-size=4,8"];
    let said = workspace.run(&[&arguments[..], &TINY[..]].concat());
    assert_eq!(said.code, 0, "{said}");
    let report = workspace.read("out/report/report.md");
    assert!(report.contains("Report of batch\\_size=4: batch\\_size=4/index.html"), "{report}");
    for part in ["batch_size=4", "batch_size=8"] {
        let tables = workspace.read(&format!("out/report/{part}/tables/measures.csv"));
        assert_eq!(tables.lines().count(), 1 + 2, "two noise levels: {tables}");
        assert!(workspace.path().join(format!("out/analysis/{part}/phases.csv")).is_file());
        assert!(workspace.path().join(format!("out/runs/noise=0.30/{part}/seed=1/manifest.json")).is_file());
    }
    assert_eq!(workspace.read("out/report/tables/measures.csv").lines().count(), 1 + 4);
}

#[test]
fn a_part_of_a_study_is_described_as_it_was_trained() {
    let workspace = Workspace::new();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let arguments =
        ["sweep", &smoke, "--out", "out", "noise=0.3", "--vary", "epochs=1,2", "--vary", "train.dropout=null"];
    let said = workspace.run(&[&arguments[..], &TINY[..]].concat());
    assert_eq!(said.code, 0, "{said}");
    for epochs in ["1", "2"] {
        let report =
            workspace.read(&format!("out/report/epochs={epochs}/dropout=__HIVE_DEFAULT_PARTITION__/report.md"));
        assert!(report.contains(&format!("for {epochs} epoch")), "{report}");
        assert!(report.contains(&format!("epochs = {epochs}\n")), "{report}");
    }
    let again = workspace.run(&["figures", "--out", "out"]);
    assert_eq!(again.code, 0, "{again}");

    // A damaged run is left out and named, not counted.
    let damaged =
        out_of(&workspace, "noise=0.30/epochs=2/dropout=__HIVE_DEFAULT_PARTITION__/seed=1/dynamics/epoch=0001.parquet");
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    let said = workspace.run(&["figures", "--out", "out"]);
    assert!(said.code == 0 && said.stderr.contains("its SHA-256 is not the manifest's"), "{said}");
    assert!(workspace.read("out/report/report.md").contains("1 of 2 runs is missing from this report"));
    let said = workspace.run(&[&arguments[..], &TINY[..]].concat());
    assert!(said.code == 3 && said.stderr.contains("failed: "), "{said}");
}

fn out_of(workspace: &Workspace, file: &str) -> std::path::PathBuf {
    workspace.path().join("out/runs").join(file)
}

#[test]
fn what_makes_no_grid_is_refused_before_anything_is_done() {
    let workspace = Workspace::new();
    workspace.file("rates.toml", GRID);
    for (arguments, words) in [
        (&["--vary", "train.learing_rate=1"][..], "`--vary train.learing_rate=1`: unknown key `train.learing_rate`"),
        (&["--vary", "train.epochs=2,0"], "grid.train.epochs has `0`: train.epochs must be at least 1"),
        (&["--vary", "seeds=1,2"], "`--vary seeds=1,2`: seeds names the seeds, which are an axis of every grid"),
        (&["--vary", "train.epochs"], "is not a setting"),
        (&["--learning-rate", "0.5"], "`--learning-rate 0.5`: train.learning_rate is an axis of the grid"),
        (&["--vary", "train.checkpoint_minutes=1,2"], "which changes nothing in a run"),
        (&["--noise", "0,0.1"], "study.noise is set, and noise is an axis of [grid], too"),
        (&["--vary", "model.head=crf"], "which is a table and not a setting"),
    ] {
        let said = workspace.run(&[&["sweep", "rates.toml", "--out", "out"], arguments].concat());
        assert_eq!(said.code, 2, "{said}");
        assert!(said.stderr.contains(words), "{arguments:?}: {said}");
        assert!(!workspace.path().join("out").exists());
    }
    let said = workspace.run(&["train", "rates.toml"]);
    assert!(said.code == 2 && said.stderr.contains("`train` does one run, the experiment has 4"), "{said}");
}

#[test]
fn runs_of_an_earlier_version_are_skipped_as_finished_where_they_are() {
    let workspace = Workspace::new();
    let out = workspace.path().join("out");
    copy(&repository("tests/fixtures/flat-study"), &out);
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let sweep = [&["sweep", &smoke, "--out", "out", "--epochs", "1"], &TINY[..]].concat();
    let said = workspace.run(&sweep);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(said.stderr.matches("finished before, skipped").count(), 2, "{said}");
    assert!(!out.join("runs/noise=0.30").exists());

    // A setting that they were not made with makes other runs, which lie beside them.
    let other = workspace.run(&[&sweep[..], &["--set", "train.weight_decay=0.1"]].concat());
    assert_eq!((other.code, other.stderr.matches("skipped").count()), (0, 0), "{other}");
    assert!(out.join("runs/noise=0.30/seed=1/manifest.json").is_file());
    assert!(out.join("runs/noise=0.30,seed=1/manifest.json").is_file());
}

/// The manifests are those of an earlier version, with settings under names of that time. As it hashed them:
///
/// ```text
/// printf 'memoscope run 2\n{"data":{"dev_sentences":6,"train_sentences":12},"seed":1,"train":{"batch_size":32,"epochs":1,\
/// "evaluations_per_epoch":1,"learning_rate":0.001,"probe_tokens":5,"save_model":false,"test":false}}' | sha256sum
/// ```
///
/// and with `"perturb":{"rate":0.3},` before the seed; in the third case `"max_pieces":40,` stands after the learning rate.
#[test]
fn runs_of_an_earlier_version_keep_their_identity() {
    let read = |noise: &str, pieces: &str| {
        let path = repository("tests/fixtures/flat-study/runs").join(format!("noise={noise},seed=1/manifest.json"));
        let text = fs::read_to_string(path).unwrap().replace(r#""max_pieces": 50"#, pieces);
        serde_json::from_str::<Manifest>(&text).unwrap().config.identity().unwrap()
    };
    let unchanged = r#""max_pieces": 50"#;
    assert_eq!(read("0.00", unchanged), "741eceaab9b31513b670e6e40a926ee9bbbb96d92cfa029d049544bcf1bcf183");
    assert_eq!(read("0.30", unchanged), "48ae3a71c25896751f73e60e7166146d4eafaef2280c2dd9593849576baa7eef");
    assert_eq!(read("0.00", r#""max_pieces": 40"#), "570e0a294a5cb83fa243376c2db9f9647b0f286eec46c046437d52b2449ea18e");
    assert_eq!(
        read("0.00", r#""max_subwords": 40"#),
        "570e0a294a5cb83fa243376c2db9f9647b0f286eec46c046437d52b2449ea18e"
    );
}

#[test]
fn finished_runs_of_an_earlier_version_are_adopted() {
    let workspace = Workspace::new();
    let out = workspace.path().join("out");
    copy(&repository("tests/fixtures/flat-study"), &out);
    let experiment = study::experiment_in(&out).unwrap();
    let runs = Layout::of(&experiment).runs;
    let dry = study::adopt(&experiment, &runs, true).unwrap();
    assert_eq!((dry.adopted.len(), dry.left.len()), (2, 0));
    assert!(out.join("runs/noise=0.30,seed=1").is_dir());

    // Another experiment's runs are none of this one's.
    let mut layers = Layers::new();
    layers.file(&out.join("experiment.toml")).unwrap();
    layers.set("train.epochs", "2", "epochs=2").unwrap();
    let others = study::adopt(&layers.finish().unwrap(), &runs, false).unwrap();
    assert_eq!(others.adopted, []);
    assert_eq!(others.left[0].1, "it is no run of the experiment: `train.epochs` is 1 there and 2 here");

    let log = fs::read(out.join("runs/noise=0.30,seed=1/dynamics/epoch=0001.parquet")).unwrap();
    let adoption = study::adopt(&experiment, &runs, false).unwrap();
    assert_eq!(adoption.adopted, dry.adopted);
    let folder = out.join("runs/noise=0.30/seed=1");
    let manifest = Manifest::read(&folder).unwrap();
    assert_eq!(manifest.config.coordinates.id(), "noise=0.30,seed=1");
    assert_eq!(manifest.config_hash, manifest.config.identity().unwrap());
    assert_eq!(fs::read(folder.join("dynamics/epoch=0001.parquet")).unwrap(), log);
    assert!(!out.join("runs/noise=0.30,seed=1").exists());
    assert_eq!(study::adopt(&experiment, &runs, false).unwrap(), study::Adoption::default());
    let said = workspace.run(&["figures", "--out", "out"]);
    assert_eq!(said.code, 0, "{said}");
}
