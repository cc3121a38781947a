//! What the program says: exit code, stdout and stderr.

use insta::assert_snapshot;

use crate::workspace::{Workspace, repository};

const EXPERIMENT: &str = "[study]\nname = \"tiny\"\nnoise = [0.0, 0.3]\n\n[train]\nepochs = 2\n";

fn sweep(arguments: &[&str]) -> crate::workspace::Said {
    let workspace = Workspace::new();
    workspace.file("e.toml", EXPERIMENT);
    let mut all = vec!["sweep", "e.toml"];
    all.extend(arguments);
    let said = workspace.run(&all);
    let written: Vec<_> = fs_err::read_dir(workspace.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(written, ["e.toml"], "nothing may be written before the configuration is good");
    said
}

#[test]
fn an_unknown_key_in_the_file() {
    let workspace = Workspace::new();
    workspace.file("e.toml", "[train]\nlearing_rate = 1e-4\n");
    assert_snapshot!(workspace.run(&["sweep", "e.toml"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: e.toml:2: unknown key `train.learing_rate`
      hint: did you mean `train.learning_rate`?
    ");
}

#[test]
fn an_unknown_key_on_the_command_line() {
    assert_snapshot!(sweep(&["--set", "train.epoch=3"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: `--set train.epoch=3`: unknown key `train.epoch`
      hint: did you mean `train.epochs`?
    ");
}

#[test]
fn an_unknown_word() {
    assert_snapshot!(sweep(&["epoch=3"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: `epoch=3`: unknown key `epoch`
      hint: did you mean `train.epochs`?
    ");
}

#[test]
fn noise_outside_0_to_1() {
    assert_snapshot!(sweep(&["--noise", "0,1.5"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: `--noise 0,1.5`: study.noise must be between 0 and 1, not 1.5
      hint: a level is the share of tokens that draw a new label: 0.3 is 30 %
    ");
    assert_snapshot!(sweep(&["--noise", "-0.1"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: `--noise -0.1`: study.noise must be between 0 and 1, not -0.1
      hint: a level is the share of tokens that draw a new label: 0.3 is 30 %
    ");
}

#[test]
fn a_value_of_the_wrong_type() {
    assert_snapshot!(sweep(&["--epochs", "many"]), @r#"
    code: 2
    ----- stdout
    ----- stderr
    error: `--epochs many`: invalid type: string "many", expected u32
      hint: give `train.epochs` a value of its type, like 4
    "#);
}

#[test]
fn a_missing_experiment() {
    assert_snapshot!(Workspace::new().run(&["sweep", "experiments/none.toml"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: experiments/none.toml: there is no such experiment file
      hint: the ones shipped are in experiments/
    ");
}

#[test]
fn a_missing_corpus_and_a_missing_model() {
    let workspace = Workspace::new();
    workspace.file("e.toml", EXPERIMENT);
    let said = workspace.run(&["sweep", "e.toml", "--data", "nowhere"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(
        said.stderr.starts_with("error: ") && said.stderr.contains("nowhere") && said.stderr.contains("\n  hint: "),
        "{said}"
    );
    let said = workspace.run(&["sweep", "e.toml", "--model", "nowhere/"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(
        said.stderr.starts_with("error: ") && said.stderr.contains("nowhere") && said.stderr.contains("\n  hint: "),
        "{said}"
    );
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_that_is_not_in_the_build() {
    assert_snapshot!(sweep(&["--device", "cuda:0"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: device `cuda:0` is not in this build
      hint: build with `cargo build --release --features cuda`, or use `cpu`
    ");
}

#[test]
fn a_dry_run_prints_a_configuration_that_loads_again() {
    let workspace = Workspace::new();
    workspace.file("e.toml", EXPERIMENT);
    let said = workspace.run(&[
        "sweep",
        "e.toml",
        "--dry-run",
        "--no-estimate",
        "epochs=8",
        "seeds=2",
        "--set",
        "train.warmup=0",
    ]);
    assert_eq!(said.code, 0, "{said}");
    let grid: Vec<&str> = said.stdout.lines().filter(|line| line.starts_with('#')).collect();
    assert_snapshot!(grid.join("\n"), @"
    # 4 runs, report in reports/tiny
    #   runs/tiny/noise=0.00/seed=1
    #   runs/tiny/noise=0.30/seed=1
    #   runs/tiny/noise=0.00/seed=2
    #   runs/tiny/noise=0.30/seed=2
    ");
    workspace.file("again.toml", &said.stdout);
    assert_eq!(workspace.run(&["sweep", "again.toml", "--dry-run", "--no-estimate"]).stdout, said.stdout);
}

#[test]
fn out_takes_everything() {
    let workspace = Workspace::new();
    workspace.file("e.toml", EXPERIMENT);
    let said = workspace.run(&["sweep", "e.toml", "--dry-run", "--no-estimate", "--out", "there"]);
    assert!(said.stdout.ends_with(
        "# 2 runs, report in there/report\n#   there/runs/noise=0.00/seed=1\n#   there/runs/noise=0.30/seed=1\n"
    ));
    assert_eq!(workspace.run(&["sweep", "e.toml", "--dry-run", "--no-estimate", "out=there"]).stdout, said.stdout);
}

#[test]
fn train_does_one_run() {
    let workspace = Workspace::new();
    workspace.file("e.toml", EXPERIMENT);
    assert_snapshot!(workspace.run(&["train", "e.toml"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: `train` does one run, the experiment has 2 runs
      hint: choose one, as with --noise 0, or do all with `memoscope sweep`
    ");
    let said = workspace.run(&["train", "e.toml", "--noise", "0.3", "--seed", "7", "--dry-run", "--no-estimate"]);
    assert!(said.stdout.ends_with("#   runs/tiny/noise=0.30/seed=7\n"), "{said}");
}

#[test]
fn nothing_to_resume_and_nothing_to_draw() {
    let workspace = Workspace::new();
    assert_snapshot!(workspace.run(&["train", "--resume", "."]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: .: no run to resume: there is no manifest.json
      hint: give the folder of a run, such as runs/noise-sweep/noise=0.30/seed=1
    ");
    assert_snapshot!(workspace.run(&["figures"]), @"
    code: 2
    ----- stdout
    ----- stderr
    error: runs: no study has been begun here
      hint: begin one with `memoscope sweep`, or name its experiment file or its folder (--out)
    ");
}

#[test]
fn a_flag_that_does_not_exist() {
    let said = Workspace::new().run(&["sweep", "e.toml", "--nose", "0.3"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("--noise"), "{said}");
}

/// The verbs that a help text lists.
fn verbs(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !verb.is_empty() && *verb != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_verb_has_examples_in_its_help() {
    let workspace = Workspace::new();
    let all = verbs(&workspace.run(&["--help"]).stdout);
    assert!(all.len() >= 10, "{all:?}");
    for verb in all {
        let help = workspace.run(&[&verb, "--help"]).stdout;
        let inner = verbs(&help);
        let helps = match inner.is_empty() {
            true => vec![help],
            false => inner.iter().map(|inner| workspace.run(&[&verb, inner, "--help"]).stdout).collect(),
        };
        for help in helps {
            assert!(help.contains("Examples:\n"), "{verb}: {help}");
        }
    }
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let committed = fs_err::read_to_string(repository("docs/configuration.schema.json")).unwrap();
    let printed = Workspace::new().run(&["schema"]).stdout;
    assert!(committed == printed, "docs/configuration.schema.json is stale: run `just schema`");
}

#[test]
fn completions_and_manual_pages_are_written() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let said = workspace.run(&["completions", shell]);
        assert!(said.code == 0 && said.stdout.contains("memoscope"), "{shell}: {said}");
    }
    let said = workspace.run(&["man", "man1"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(workspace.read("man1/memoscope-sweep.1").contains(".SH NAME"));
    assert!(said.stdout.lines().any(|line| line == "man1/memoscope.1"), "{said}");
}

#[test]
fn shipped_experiments_load() {
    let workspace = Workspace::new();
    for entry in fs_err::read_dir(repository("experiments")).unwrap() {
        let path = entry.unwrap().path();
        let said = workspace.run(&["sweep", path.to_str().unwrap(), "--dry-run", "--no-estimate"]);
        assert_eq!(said.code, 0, "{}: {said}", path.display());
        let text = fs_err::read_to_string(&path).unwrap();
        for part in ["# Purpose", "# Expect", "# Cost"] {
            assert!(text.contains(part), "{} does not say its {part}", path.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::{Command, Stdio};
    let program = assert_cmd::cargo::cargo_bin!("memoscope");
    let mut child = Command::new(program).arg("schema").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
