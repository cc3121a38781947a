//! Folders that others use too: other processes, and experiments with other axes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use memoscope::run::{Lease, Manifest, Silent, StopFlag};

use crate::exec::{folder_of, program, run, settings, smoke, states, status, succeeded, sweep};
use crate::workspace::Workspace;

/// The lease of a run, held by this process.
fn held(workspace: &Workspace, folder: &str) -> Lease {
    let folder = workspace.path().join(folder);
    fs_err::create_dir_all(&folder).unwrap();
    Lease::take(&folder, &mut Silent, &StopFlag::default()).unwrap()
}

#[test]
fn a_run_that_another_process_does_is_left_to_it_and_waited_for() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    for jobs in ["1", "2"] {
        let arguments = settings(&smoke, jobs, "epochs=3");
        let first = status(&workspace, &arguments).remove(0);
        let id = first["id"].as_str().unwrap();
        let lease = held(&workspace, &folder_of(&first));
        let by = format!("process {} on ", std::process::id());

        let said = run(&workspace, &sweep(&smoke, jobs, &["--jobs", jobs, "--no-wait"]));
        assert_eq!(said.code, 8, "{said}");
        assert!(said.stderr.contains(&format!("[1/4] {id}: in progress elsewhere ({by}")), "{said}");
        assert!(said.stderr.contains(&format!("\nleft to others:\n  {id}: in progress elsewhere: {by}")), "{said}");
        assert!(said.stderr.contains("error: 1 of 4 runs is in progress elsewhere\n  hint: once they "), "{said}");
        assert!(!said.stderr.contains("failed"), "{said}");
        let lacks = format!("1 of 4 runs is missing from this report: {id} (in progress elsewhere).");
        assert!(said.stdout.contains(&lacks), "{said}");
        assert_eq!(states(&status(&workspace, &arguments)), ["running", "finished", "finished", "finished"]);

        let mut command = Command::new(program());
        command.current_dir(workspace.path()).args(sweep(&smoke, jobs, &["--jobs", jobs]));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let waiting = format!("waiting for 1 run that other processes are doing: {id} ({by}");
        let line = lines.find(|line| line.starts_with("waiting ")).unwrap();
        assert!(line.starts_with(&waiting) && line.ends_with(", epoch 0/3)"), "{line}");
        // The other process ends without having done it.
        drop(lease);
        let rest: Vec<String> = lines.collect();
        assert!(child.wait().unwrap().success(), "{rest:?}");
        assert!(rest.iter().any(|line| line.starts_with("[1/4] epoch 3/3: loss ")), "{rest:?}");
        assert_eq!(states(&status(&workspace, &arguments)), ["finished"; 4]);
    }
}

#[test]
fn two_sweeps_at_once_share_the_runs_and_draw_one_report() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    let start = || {
        let mut command = Command::new(program());
        command.current_dir(workspace.path()).args(sweep(&smoke, "out", &["--jobs", "1"]));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let outputs = [start(), start()].map(|child| child.wait_with_output().unwrap());
    let mut epochs = 0;
    for output in &outputs {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("warning: ") && !said.contains("failed"), "{said}");
        epochs += said.matches("] epoch ").count();
    }
    assert_eq!(epochs, 4 * 3, "each epoch was done once");
    assert_eq!(outputs[0].stdout, outputs[1].stdout);
    assert_eq!(crate::leftovers::below(&workspace.path().join("out")), Vec::<std::path::PathBuf>::new());
    assert!(!workspace.path().join("out/analysis/.lease").exists());
}

#[test]
fn a_folder_that_holds_no_run_is_its_runs_failure_alone() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    let arguments = settings(&smoke, "out", "epochs=3");
    let folders: Vec<String> = status(&workspace, &arguments).iter().map(folder_of).collect();
    let thesis = workspace.file(&format!("{}/thesis.txt", folders[1]), "mine");
    // What a run leaves that was killed before its manifest.
    workspace.file(&format!("{}/checkpoint/state.safetensors", folders[2]), "");
    fs_err::create_dir_all(workspace.path().join(&folders[2]).join("dynamics")).unwrap();
    let now = status(&workspace, &arguments);
    assert_eq!(states(&now), ["not-begun", "unusable", "not-begun", "not-begun"]);
    for jobs in ["1", "2"] {
        let said = run(&workspace, &sweep(&smoke, "out", &["--jobs", jobs]));
        assert_eq!(said.code, 2, "{said}");
        let because = "this is not the folder of a run: it contains `thesis.txt` but no manifest.json";
        assert!(said.stderr.contains(&format!("{}: {because}\n", folders[1])), "{said}");
        assert!(said.stderr.contains("error: 1 of 4 runs failed\n  hint: move or remove what is there"), "{said}");
        // Its place in the study is named, not that of the study.
        let place = folders[1].strip_prefix("out/").unwrap();
        assert!(said.stdout.contains(&format!("(failed: {place}: {because})")), "{said}");
    }
    assert_eq!(states(&status(&workspace, &arguments)), ["finished", "unusable", "finished", "finished"]);
    assert_eq!(fs_err::read_to_string(&thesis).unwrap(), "mine");
    assert_eq!(fs_err::read_dir(thesis.parent().unwrap()).unwrap().count(), 1);
    let said = run(&workspace, &["figures", "--out", "out"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(workspace.read("out/report/report.md").contains("1 of 4 runs is missing from this report"), "{said}");
}

/// Settings of two small runs.
const TINY: [&str; 4] = ["data.train_sentences=24", "data.dev_sentences=8", "batch_size=8", "epochs=2"];

fn tiny<'a>(verb: &'a str, smoke: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[verb, smoke, "--out", "out"], &TINY[..], more].concat()
}

#[test]
fn an_experiment_with_other_axes_neither_mixes_with_runs_nor_repeats_them() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    succeeded(&run(&workspace, &tiny("sweep", &smoke, &[])));
    // None of its runs is there: it belongs elsewhere.
    let apart = tiny("sweep", &smoke, &["--vary", "train.learning_rate=1e-4"]);
    let said = run(&workspace, &apart);
    assert_eq!(said.code, 2, "{said}");
    assert_eq!(
        said.stderr,
        "error: out/runs: the folder holds 2 runs of an experiment with other axes: `train.learning_rate` is an axis here and \
         not there\n  hint: give this experiment a name of its own with --name, or another folder with --out\n"
    );
    let experiment = workspace.read("out/experiment.toml");
    assert!(!experiment.contains("[grid]"), "{experiment}");

    // Some of them are: they are used where they are.
    let wider = tiny("sweep", &smoke, &["--vary", "train.learning_rate=1e-3,1e-4"]);
    let said = run(&workspace, &wider);
    assert_eq!(said.code, 0, "{said}");
    let warning = "warning: out/runs holds 2 runs of an experiment with other axes: `train.learning_rate` is an axis here and \
                   not there; 2 of them are this experiment's too and used there (`memoscope runs adopt out` moves ";
    assert!(said.stderr.contains(warning), "{said}");
    assert_eq!(said.stderr.matches("finished before, skipped").count(), 2, "{said}");
    assert!(!workspace.path().join("out/runs/noise=0.00/train.learning_rate=0.001").exists());

    // Adopted, they lie beside the others, and nothing is trained again.
    let said = run(&workspace, &["runs", "adopt", "out"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.ends_with("2 runs adopted, 0 left\n"), "{said}");
    let moved = workspace.path().join("out/runs/noise=0.30/train.learning_rate=0.001/seed=1");
    let id = Manifest::read(&moved).unwrap().config.coordinates.id();
    assert_eq!(id, "noise=0.30,train.learning_rate=0.001,seed=1");
    assert!(!workspace.path().join("out/runs/noise=0.30/seed=1").exists());
    let said = run(&workspace, &wider);
    assert_eq!((said.code, said.stderr.matches("finished before, skipped").count()), (0, 4), "{said}");
    assert!(!said.stderr.contains("warning"), "{said}");
}

#[test]
fn figures_are_drawn_of_an_experiment_in_a_folder() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    succeeded(&run(&workspace, &tiny("sweep", &smoke, &[])));
    let report = workspace.read("out/report/index.html");
    fs_err::remove_dir_all(workspace.path().join("out/report")).unwrap();
    let said = run(&workspace, &tiny("figures", &smoke, &["--quiet"]));
    assert_eq!((said.code, said.stdout.as_str()), (0, "out/report/index.html\n"), "{said}");
    assert_eq!(workspace.read("out/report/index.html"), report);
    // The experiment alone has other settings than the sweep had.
    let said = run(&workspace, &["figures", &smoke, "--out", "out"]);
    assert_eq!(said.code, 2, "{said}");
    let hint =
        "\n  hint: give the settings of the sweep, or none: `memoscope figures --out out` draws what was done there\n";
    assert!(said.stderr.contains("the folder holds another run: ") && said.stderr.contains(hint), "{said}");
    let said = run(&workspace, &["figures", &smoke, "--out", "nowhere"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("no run of this experiment is finished"), "{said}");
    assert!(!Path::new("nowhere").exists() && !workspace.path().join("nowhere").exists());
}

#[test]
fn training_one_of_several_runs_says_how_to_choose_it() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    let varied = ["train", &smoke, "seeds=2", "--vary", "train.learning_rate=1e-3,1e-4"];
    let said = run(&workspace, &varied);
    assert_eq!(said.code, 2, "{said}");
    assert_eq!(
        said.stderr,
        "error: `train` does one run, the experiment has 8 runs\n  hint: choose one, as with --noise 0 \
         --vary train.learning_rate=0.001 --seed 1, or do all with `memoscope sweep`\n"
    );
    // The flags do choose one.
    let one = ["--noise", "0", "--vary", "train.learning_rate=0.001", "--seed", "1", "--dry-run", "--no-estimate"];
    let said = run(&workspace, &[&["train", &smoke], &one[..]].concat());
    assert!(said.code == 0 && said.stdout.contains("# 1 run, report in "), "{said}");
    let said = run(&workspace, &["sweep", &smoke, "--vary", "seed=1,2", "--dry-run"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("hint: set them with study.seeds"), "{said}");
}
