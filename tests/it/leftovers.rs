//! What a killed process leaves, and when it goes.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fs_err as fs;
use memoscope::run::Manifest;

use crate::workspace::{Workspace, repository};

/// Temporary files and folders below a folder.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with(".memoscope-") {
            found.push(path);
        } else if path.is_dir() {
            found.extend(below(&path));
        }
    }
    found
}

fn smoke() -> String {
    repository("experiments/smoke.toml").display().to_string()
}

const PRETRAIN: [&str; 21] = [
    "model",
    "pretrain",
    "--out",
    "encoder",
    "--sentences",
    "60",
    "--vocabulary",
    "120",
    "--layers",
    "1",
    "--hidden",
    "16",
    "--heads",
    "2",
    "--intermediate",
    "32",
    "--epochs",
    "2",
    "--checkpoints",
    "0,2",
    "--quiet",
];

#[test]
fn the_next_sweep_removes_them_wherever_they_are() {
    let workspace = Workspace::new();
    let sweep = ["sweep", &smoke(), "--out", "out", "noise=0", "epochs=1", "data.train_sentences=40", "--quiet"];
    let run = "out/runs/noise=0.00/seed=1";
    // Of a run that was killed before its manifest.
    workspace.file(&format!("{run}/.memoscope-aaaaaa"), "half");
    workspace.file(&format!("{run}/dynamics/.memoscope-bbbbbb"), "half");
    fs::remove_dir_all(workspace.path().join(run).join("dynamics")).unwrap();
    let said = workspace.run(&sweep);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(below(workspace.path()), [""; 0].map(PathBuf::from));
    // Of a sweep that was killed afterwards.
    for folder in [
        run,
        &format!("{run}/dynamics"),
        &format!("{run}/model/.memoscope-c"),
        "out",
        "out/analysis",
        "out/report/figures",
    ] {
        workspace.file(&format!("{folder}/.memoscope-dddddd"), "half");
    }
    let said = workspace.run(&sweep);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(below(workspace.path()), [""; 0].map(PathBuf::from));
    workspace.file("out/report/tables/.memoscope-eeeeee", "half");
    assert_eq!(workspace.run(&["figures", "--out", "out", "--quiet"]).code, 0);
    assert_eq!(below(workspace.path()), [""; 0].map(PathBuf::from));
}

#[test]
fn a_half_written_model_is_written_again() {
    let workspace = Workspace::new();
    let said = workspace.run(&PRETRAIN);
    assert_eq!(said.code, 0, "{said}");
    let step = workspace.path().join("encoder/step=000002");
    let weights = fs::read(step.join("model.safetensors")).unwrap();
    // As an earlier version, or a kill in the middle of a temporary folder, would leave it.
    fs::remove_file(step.join("pretraining.json")).unwrap();
    fs::write(step.join("config.json"), "{").unwrap();
    workspace.file("encoder/.memoscope-ffffff/config.json", "{");
    let said = workspace.run(&PRETRAIN);
    assert_eq!(said.code, 0, "{said}");
    assert!(fs::read(step.join("model.safetensors")).unwrap() == weights);
    assert!(fs::read_to_string(step.join("config.json")).unwrap().len() > 10);
    assert_eq!(below(workspace.path()), [""; 0].map(PathBuf::from));
}

#[test]
fn a_killed_run_leaves_nothing_once_it_is_resumed() {
    let workspace = Workspace::new();
    let train = [
        "train",
        &smoke(),
        "noise=0.3",
        "epochs=6",
        "data.train_sentences=60",
        "train.save_model=true",
        "--quiet",
        "--threads",
        "1",
    ];
    let run = |out: &str| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("memoscope"));
        command.current_dir(workspace.path()).args(train).args(["--out", out]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let folder = workspace.path().join("killed/runs/noise=0.30/seed=1");
    for epoch in [1, 2, 4] {
        let mut child = run("killed").spawn().unwrap();
        let begun = Instant::now();
        while !folder.join(format!("dynamics/epoch={epoch:04}.parquet")).is_file() {
            assert!(begun.elapsed() < Duration::from_secs(120), "no epoch {epoch}");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(run("killed").status().unwrap().success());
    assert!(run("straight").status().unwrap().success());
    assert_eq!(below(workspace.path()), [""; 0].map(PathBuf::from));
    let straight = workspace.path().join("straight/runs/noise=0.30/seed=1");
    for file in
        ["dynamics/epoch=0006.parquet", "dynamics/epoch=0003.parquet", "curve.parquet", "model/model.safetensors"]
    {
        assert!(fs::read(folder.join(file)).unwrap() == fs::read(straight.join(file)).unwrap(), "{file} differs");
    }
    let [killed, straight] = [&folder, &straight].map(|folder| {
        let mut files = Manifest::read(folder).unwrap().files;
        assert!(files.remove("steps.parquet").is_some(), "it holds wall times");
        files
    });
    assert_eq!((killed.len(), killed), (9, straight));
}
