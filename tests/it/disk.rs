//! What happens where the file system refuses: a full disk, a limit on the size of files. The exit code is 5, whatever was
//! being written, and the message names the file and what to do.

#![cfg(unix)]

use assert_cmd::Command;

use crate::leftovers;
use crate::workspace::{Said, Workspace};

/// Runs the program after a line of the shell, which may limit it or redirect it (`$@` are the program and its arguments).
fn shell(workspace: &Workspace, line: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new("bash");
    command.current_dir(workspace.path()).env("NO_COLOR", "1").env("HF_HUB_OFFLINE", "1");
    command.args(["-c", line, "bash"]).arg(assert_cmd::cargo::cargo_bin!("memoscope")).args(arguments);
    workspace.finish(command)
}

/// Runs the program with files of so many KiB at most, and expects that it refuses to write one whose name ends so.
fn limited(workspace: &Workspace, kib: usize, arguments: &[&str], file: &str) {
    let said = shell(workspace, &format!("ulimit -f {kib}; exec \"$@\""), arguments);
    let first = said.stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(said.code == 5 && first.contains(file), "{arguments:?}, {file}: {said}");
    assert!(said.stderr.contains("\n  hint: ") && said.stderr.contains("ulimit -f"), "{arguments:?}: {said}");
    let left = leftovers::below(workspace.path());
    assert!(left.is_empty(), "{left:?}");
}

const TRAIN: [&str; 12] = [
    "train",
    "--out",
    "out",
    "--threads",
    "1",
    "--epochs",
    "1",
    "--noise=0.3",
    "--set=data.dev_sentences=10",
    "--set=train.test=false",
    "--set",
    "data.train_sentences=300",
];

#[test]
fn the_log_and_the_checkpoint_of_a_run() {
    let workspace = Workspace::new();
    // After the lease the manifest comes first and is the smallest, then tokens, then an epoch's observations, then weights.
    limited(&workspace, 2, &TRAIN, "manifest.json: ");
    limited(&workspace, 16, &TRAIN, "tokens.parquet: ");
    limited(&workspace, 1000, &TRAIN, "checkpoint.safetensors: ");
    let said = workspace.run(&TRAIN);
    assert_eq!(said.code, 0, "the same command goes on: {said}");
}

#[test]
fn a_saved_model_tables_and_figures() {
    let workspace = Workspace::new();
    workspace.file("e.toml", "[study]\nname = \"tiny\"\n[train]\nsave_model = false\n");
    let small = ["sweep", "e.toml", "--set", "data.train_sentences=60", "--quiet"];
    let said = workspace.run(&[&small[..], &TRAIN[1..10]].concat());
    assert_eq!(said.code, 0, "{said}");
    limited(&workspace, 1, &["figures", "--out", "out"], "out/runs/runs.parquet: ");
    limited(&workspace, 8, &["figures", "--out", "out"], "out/analysis/");
    limited(&workspace, 2, &["analyse", "out/runs/noise=0.30/seed=1", "--out", "tables"], "tables/");
    fs_err::remove_dir_all(workspace.path().join("out/report")).unwrap();
    limited(&workspace, 64, &["figures", "--out", "out"], "out/report/");
}

#[test]
fn text_and_manual_pages() {
    let workspace = Workspace::new();
    limited(&workspace, 8, &["corpus", "generate", "--out", "new"], "new/train.txt: ");
    assert!(!workspace.path().join("new").exists());
    limited(&workspace, 8, &["corpus", "perturb", "embedded", "--rate", "0.1", "--out", "noisy"], "noisy/train.txt: ");
    limited(&workspace, 1, &["man", "man1"], "man1/memoscope.1: ");
    let pretrain = ["model", "pretrain", "--sentences", "60", "--vocabulary", "120", "--layers", "1", "--hidden", "16"];
    let pretrain =
        [&pretrain[..], &["--heads", "2", "--intermediate", "32", "--epochs", "1", "--out", "encoder"]].concat();
    limited(&workspace, 8, &[&pretrain[..], &["--checkpoints", "0"]].concat(), "encoder/step=000000/");
    assert!(!workspace.path().join("encoder/step=000000").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout() {
    let workspace = Workspace::new();
    for arguments in [&["schema"][..], &["--help"], &["corpus", "describe", "embedded"], &["completions", "bash"]] {
        let said = shell(&workspace, "exec \"$@\" > /dev/full", arguments);
        assert_eq!(said.code, 5, "{arguments:?}: {said}");
        assert!(said.stderr.starts_with("error: standard output: "), "{arguments:?}: {said}");
        assert!(said.stderr.contains("\n  hint: free some space"), "{arguments:?}: {said}");
    }
    // Nobody can be told; the work is done all the same.
    let said = shell(&workspace, "exec \"$@\" 2> /dev/full", &["corpus", "describe", "nowhere"]);
    assert_eq!(said.code, 3, "{said}");
}
