//! Numbers that are too large, too small or odd, and signals: what is refused, and how fast.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::workspace::{Said, Workspace, repository};

fn refused(said: &Said, words: &str) {
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.starts_with("error: ") && said.stderr.contains(words), "{said}");
    assert!(said.stderr.contains("\n  hint: "), "{said}");
}

#[test]
fn threads_are_a_few_for_each_core() {
    let workspace = Workspace::new();
    let data = workspace.path().join("data");
    assert_eq!(workspace.run(&["corpus", "generate", "--out", "data", "--train", "20", "--dev", "5"]).code, 0);
    let [file, dev] = ["train.txt", "dev.txt"].map(|name| data.join(name).display().to_string());
    let smoke = repository("experiments/smoke.toml").display().to_string();
    for verb in [
        &["train"][..],
        &["train", "--dry-run", "--no-estimate"],
        &["sweep", &smoke],
        &["sweep", &smoke, "--dry-run", "--no-estimate"],
        &["bench"],
        &["audit", &file, "--model", "embedded"],
        &["audit", "compare", &file, &file, "--dev", &dev, "--model", "embedded"],
    ] {
        refused(&workspace.run(&[verb, &["--threads", "10000"]].concat()), "at most ");
        refused(&workspace.run(&[verb, &["--threads", "0"]].concat()), "at least 1");
    }
    refused(&workspace.run(&["train", "--set", "threads=10000", "--dry-run", "--no-estimate"]), "at most ");
    let mut command = workspace.command(&["train", "--dry-run", "--no-estimate"]);
    command.env("RAYON_NUM_THREADS", "10000");
    refused(&workspace.finish(command), "RAYON_NUM_THREADS=10000: at most ");
    assert_eq!(workspace.run(&["train", "--dry-run", "--no-estimate", "--threads", "16"]).code, 0);
}

#[test]
fn a_grid_has_a_largest_size() {
    let workspace = Workspace::new();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    for seeds in ["10001", "1000000", "4294967295"] {
        refused(
            &workspace.run(&["sweep", &smoke, "--dry-run", "--no-estimate", "--seeds", seeds]),
            "at most 10000 are allowed",
        );
    }
    let said = workspace.run(&["sweep", &smoke, "--dry-run", "--no-estimate", "--seeds", "9000", "--noise", "0,0.1"]);
    refused(&said, "make up to 18000 runs");
    refused(&workspace.run(&["audit", "none.txt", "--model", "embedded", "--seeds", "4000000000"]), "at most 10000");
    let said = workspace.run(&["sweep", &smoke, "--dry-run", "--no-estimate", "--seeds", "10000", "--noise", "0"]);
    assert_eq!((said.code, said.stdout.lines().filter(|line| line.starts_with("#   ")).count()), (0, 10_000));
}

#[test]
fn odd_numbers() {
    let workspace = Workspace::new();
    let dry = |arguments: &[&str]| workspace.run(&[&["train", "--dry-run", "--no-estimate"], arguments].concat());
    for noise in ["nan", "inf", "-inf", "1.0000001", "-1e-9", "1e400"] {
        refused(&dry(&[&format!("--noise={noise}")]), "noise");
    }
    for (noise, folder) in
        [("-0.0", "noise=0.00"), ("-0", "noise=0.00"), ("1e-400", "noise=0.00"), ("1e-300", "noise=1e-300")]
    {
        let said = dry(&[&format!("--noise={noise}"), "--seed", "1"]);
        assert!(said.code == 0 && said.stdout.ends_with(&format!("/{folder}/seed=1\n")), "{noise}: {said}");
        assert!(!said.stdout.contains("-0.0"), "{noise}: {said}");
    }
    refused(&dry(&["--noise", "0,-0.0"]), "twice");
    for setting in [
        &["--epochs", "99999999999"][..],
        &["--epochs", "0"],
        &["--epochs", "-1"],
        &["--batch-size", "0"],
        &["--batch-size", "1e400"],
        &["--learning-rate", "nan"],
        &["--learning-rate", "-1"],
        &["--seeds", "0"],
        &["--seeds", "-1"],
        &["--seeds", "99999999999999999999"],
    ] {
        let said = dry(setting);
        assert_eq!(said.code, 2, "{setting:?}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once() {
    let workspace = Workspace::new();
    for signal in ["-INT", "-TERM"] {
        let out = format!("out{signal}");
        let run = workspace.path().join(&out).join("runs/noise=0.00/seed=1");
        // Steps of two thousand sentences take long enough for two signals.
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("memoscope"))
            .current_dir(workspace.path())
            .args(["train", "--out", &out, "--epochs", "50", "--batch-size", "2000", "--threads", "1", "--seed", "1"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !run.join("tokens.parquet").is_file() {
            assert!(begun.elapsed() < Duration::from_secs(120), "the run was not begun");
            std::thread::sleep(Duration::from_millis(20));
        }
        for _ in 0..2 {
            Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            // Two signals of a kind that arrive together are one.
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}
