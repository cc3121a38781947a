//! A study end to end, as small as it can be: what it leaves behind, and what happens when it is interrupted, repeated
//! or changed.

use std::path::{Path, PathBuf};

use memoscope::config::{Experiment, Layers};
use memoscope::error::Error;
use memoscope::run::{EpochSummary, Manifest, Monitor, Outcome, RunRequest, Silent, Status, StopFlag, execute};
use memoscope::{corpus, study};

use crate::workspace::{Workspace, repository};

fn smoke() -> String {
    repository("experiments/smoke.toml").display().to_string()
}

/// The files below a folder whose names hold `part`, with their bytes, in order.
fn files(folder: &Path, part: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.display().to_string().contains(part) {
                let bytes = fs_err::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found.iter_mut().for_each(|(path, _)| *path = path.strip_prefix(folder).unwrap().to_owned());
    assert!(!found.is_empty(), "no {part} below {}", folder.display());
    found
}

#[test]
fn a_sweep_leaves_runs_tables_and_a_report_and_does_nothing_the_second_time() {
    let workspace = Workspace::new();
    let said = workspace.run(&["sweep", &smoke(), "--out", "out"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(
        said.stdout
            .contains("fine-tuned on corpus embedded for 2 epochs: noise level 0\u{a0}%, 30\u{a0}%; 1 seed per point."),
        "{said}"
    );
    assert!(said.stdout.ends_with("report: out/report/index.html\n"), "{said}");
    assert!(said.stderr.contains("[2/2] epoch 2/2: loss "), "{said}");
    for file in [
        "experiment.toml",
        "runs/noise=0.30/seed=1/manifest.json",
        "runs/noise=0.30/seed=1/tokens.parquet",
        "runs/noise=0.30/seed=1/dynamics/epoch=0002.parquet",
        "runs/noise=0.30/seed=1/steps.parquet",
        "runs/noise=0.30/seed=1/curve.parquet",
        "analysis/epochs.csv",
        "analysis/phases.csv",
        "analysis/measures.csv",
        "analysis/measures.parquet",
        "analysis/noise=0.30/seed=1/phases.json",
        "report/index.html",
        "report/report.md",
        "report/figures/learning_curves.svg",
        "report/figures/learning_curves.png",
        "report/figures/learning_curves.csv",
        "report/tables/measures.csv",
        "report/tables/measures.tex",
    ] {
        let path = workspace.path().join("out").join(file);
        assert!(path.metadata().is_ok_and(|m| m.len() > 0), "{file} is missing");
    }
    let manifest = Manifest::read(&workspace.path().join("out/runs/noise=0.30/seed=1")).unwrap();
    assert_eq!((manifest.status, manifest.epochs_finished, manifest.resumed), (Status::Finished, 2, 0));
    assert_eq!((manifest.encoding.train_sentences, manifest.noise.requested_rate), (200, 0.3));
    assert!((0.15..0.33).contains(&manifest.noise.realised_rate), "{}", manifest.noise.realised_rate);
    assert!(!workspace.path().join("out/runs/noise=0.30/seed=1/checkpoint").exists());
    assert!(workspace.read("out/report/index.html").contains("synthetic"));

    let before = files(&workspace.path().join("out"), "");
    let said = workspace.run(&["sweep", &smoke(), "--out", "out"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("[1/2] noise=0.00,seed=1: finished before, skipped"), "{said}");
    assert!(files(&workspace.path().join("out"), "") == before, "a second sweep changed files");
    let said = workspace.run(&["figures", "--out", "out"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "out/report/index.html\n"), "{said}");
    assert!(files(&workspace.path().join("out"), "") == before, "drawing again changed files");

    let said = workspace.run(&["sweep", &smoke(), "--out", "out", "--epochs", "3"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(
        said.stderr.contains(
            "error: out/runs/noise=0.00/seed=1: the folder holds another run: `train.epochs` is 2 there and 3 here\n  hint: "
        ),
        "{said}"
    );
    assert!(files(&workspace.path().join("out"), "") == before, "a refused sweep changed files");
}

#[test]
fn a_finished_run_that_lost_an_epoch_is_not_reported() {
    let workspace = Workspace::new();
    assert_eq!(workspace.run(&["sweep", &smoke(), "--out", "out"]).code, 0);
    let lost = workspace.path().join("out/runs/noise=0.30/seed=1/dynamics/epoch=0001.parquet");
    fs_err::remove_file(&lost).unwrap();
    let said = workspace.run(&["sweep", &smoke(), "--out", "out"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(
        said.stderr.contains("epoch=0001.parquet: the run is finished, but this epoch of its log is missing"),
        "{said}"
    );
}

#[test]
fn a_loss_that_is_not_a_number_ends_the_run_with_its_log_intact() {
    let workspace = Workspace::new();
    let arguments = ["train", &smoke(), "--noise", "0", "--out", "out", "--learning-rate", "1e30"];
    let said =
        workspace.run(&[&arguments[..], &["--set", "train.warmup=0", "--set", "train.max_gradient_norm=0"]].concat());
    assert_eq!(said.code, 4, "{said}");
    assert!(said.stderr.contains("is not finite at step "), "{said}");
    let run = workspace.path().join("out/runs/noise=0.00/seed=1");
    let manifest = Manifest::read(&run).unwrap();
    assert_eq!(manifest.status, Status::Failed);
    assert!(manifest.error.unwrap().contains("is not finite at step"));
    assert!(run.join("steps.parquet").is_file());
}

/// The experiment of one small run.
fn experiment(settings: &[(&str, &str)]) -> Experiment {
    let mut layers = Layers::new();
    layers.file(&repository("experiments/smoke.toml")).unwrap();
    for (key, value) in [("noise", "0.3"), ("data.train_sentences", "60"), ("epochs", "3")].iter().chain(settings) {
        layers.set(key, value, key).unwrap();
    }
    layers.finish().unwrap()
}

fn run(experiment: &Experiment, folder: &Path, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Outcome, Error> {
    let config = study::grid(experiment).unwrap().remove(0);
    let corpus = corpus::load(&config.data).unwrap();
    let request = RunRequest { config: &config, folder, corpus: &corpus, position: (1, 1) };
    execute(&request, monitor, stop)
}

/// Asks to stop after so many epochs.
struct StopAfter<'a>(u32, &'a StopFlag);

impl Monitor for StopAfter<'_> {
    fn epoch(&mut self, _: usize, summary: &EpochSummary) {
        if summary.epoch == self.0 {
            self.1.request();
        }
    }
}

#[test]
fn a_resumed_run_has_the_bytes_of_a_straight_one() {
    let workspace = Workspace::new();
    let experiment = experiment(&[("train.save_model", "true")]);
    let (straight, broken) = (workspace.path().join("straight"), workspace.path().join("broken"));
    run(&experiment, &straight, &mut Silent, &StopFlag::default()).unwrap();

    for epochs in [1, 2] {
        let stop = StopFlag::default();
        let result = run(&experiment, &broken, &mut StopAfter(epochs, &stop), &stop);
        assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
        let manifest = Manifest::read(&broken).unwrap();
        assert_eq!((manifest.status, manifest.epochs_finished), (Status::Interrupted, epochs));
    }
    // As a kill between log and checkpoint would leave it.
    fs_err::copy(broken.join("dynamics/epoch=0002.parquet"), broken.join("dynamics/epoch=0003.parquet")).unwrap();
    run(&experiment, &broken, &mut Silent, &StopFlag::default()).unwrap();

    let [whole, resumed] = [&straight, &broken].map(|folder| Manifest::read(folder).unwrap());
    assert_eq!(resumed.resumed, 2);
    let digests = |manifest: &Manifest| {
        let mut files = manifest.files.clone();
        assert!(files.remove("steps.parquet").is_some(), "it holds wall times");
        files
    };
    assert_eq!((digests(&resumed).len(), digests(&resumed)), (6, digests(&whole)));
    for part in ["dynamics", "tokens.parquet", "curve.parquet", "types.parquet", "model"] {
        assert!(files(&straight, part) == files(&broken, part), "{part} differs");
    }
    let outcome = run(&experiment, &broken, &mut Silent, &StopFlag::default()).unwrap();
    assert!(matches!(outcome, Outcome::Skipped(_)));
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let workspace = Workspace::new();
    for threads in ["1", "2"] {
        let said = workspace.run(&[
            "train",
            &smoke(),
            "noise=0.3",
            "data.train_sentences=60",
            "train.save_model=true",
            &format!("out={threads}"),
            "--threads",
            threads,
        ]);
        assert_eq!((said.code, said.stdout.as_str()), (0, &*format!("{threads}/runs/noise=0.30/seed=1\n")), "{said}");
    }
    for part in ["dynamics", "curve.parquet", "safetensors"] {
        assert!(files(&workspace.path().join("1"), part) == files(&workspace.path().join("2"), part), "{part} differs");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_finishes_the_step_and_the_run_can_be_resumed() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let workspace = Workspace::new();
    let run = workspace.path().join("out/runs/noise=0.30/seed=1");
    let child = Command::new(assert_cmd::cargo::cargo_bin!("memoscope"))
        .current_dir(workspace.path())
        .args(["train", &smoke(), "noise=0.3", "epochs=200", "data.train_sentences=60", "--out", "out"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !run.join("dynamics/epoch=0001.parquet").is_file() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no epoch was finished");
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("\n  hint: what is finished is kept; resume with: "), "{said}");
    assert!(said.ends_with(" noise=0.3 epochs=200 data.train_sentences=60 --out out\n"), "{said}");
    let manifest = Manifest::read(&run).unwrap();
    assert_eq!(manifest.status, Status::Interrupted);
    assert!(manifest.epochs_finished >= 1 && manifest.epochs_finished < 200);
}
