//! Runs at once, runs that fail, and processes that are killed.

use std::path::{Path, PathBuf};

use memoscope::run::{Manifest, Status};
use serde_json::Value;

use crate::workspace::{Said, Workspace, repository};

pub fn smoke() -> String {
    repository("experiments/smoke.toml").display().to_string()
}

/// Settings of four small runs.
const SMALL: [&str; 4] = ["seeds=2", "data.train_sentences=24", "data.dev_sentences=8", "batch_size=8"];

/// The arguments of a small sweep of four runs.
pub fn sweep<'a>(smoke: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["sweep", smoke, "--out", out, "--threads", "2"], &SMALL[..], &["epochs=3"], more].concat()
}

/// What a study's runs have written that depends on their configuration alone, and not on clocks.
fn bytes(out: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![out.join("runs")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !["manifest.json", "steps.parquet", "runs.parquet"].contains(&name.as_str()) {
                let bytes = fs_err::read(&path).unwrap();
                found.push((path.strip_prefix(out).unwrap().to_owned(), bytes));
            }
        }
    }
    found.sort();
    found
}

/// The folders of a study's runs, in order.
fn runs(out: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let mut folders = vec![out.join("runs")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.file_name().is_some_and(|name| name == "manifest.json") => found.push(folder.clone()),
                false => {}
            }
        }
    }
    found.sort();
    found
}

/// The program, or another build of it that the variable `MEMOSCOPE_PROGRAM` names.
pub fn program() -> PathBuf {
    let named = std::env::var_os("MEMOSCOPE_PROGRAM").map(PathBuf::from);
    named.unwrap_or_else(|| assert_cmd::cargo::cargo_bin!("memoscope").to_owned())
}

fn command(workspace: &Workspace, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(program());
    command.current_dir(workspace.path()).env("NO_COLOR", "1").env("HF_HUB_OFFLINE", "1").args(arguments);
    command
}

pub fn run(workspace: &Workspace, arguments: &[&str]) -> Said {
    workspace.finish(command(workspace, arguments))
}

pub fn status(workspace: &Workspace, arguments: &[&str]) -> Vec<Value> {
    let said = run(workspace, &[&["runs"], arguments, &["--json"]].concat());
    assert_eq!(said.code, 0, "{said}");
    let studies: Value = serde_json::from_str(&said.stdout).unwrap();
    studies[0]["runs"].as_array().unwrap().clone()
}

/// Those of a sweep's arguments that make its runs.
pub fn settings<'a>(smoke: &'a str, out: &'a str, epochs: &'a str) -> Vec<&'a str> {
    [&["--out", out, smoke], &SMALL[..], &[epochs]].concat()
}

pub fn states(runs: &[Value]) -> Vec<&str> {
    runs.iter().map(|run| run["state"].as_str().unwrap()).collect()
}

pub fn folder_of(run: &Value) -> String {
    run["folder"].as_str().unwrap().to_owned()
}

pub fn succeeded(said: &Said) {
    assert_eq!(said.code, 0, "{said}");
}

#[test]
fn two_jobs_write_the_bytes_of_one() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    succeeded(&run(&workspace, &sweep(&smoke, "one", &["--jobs", "1"])));
    let said = run(&workspace, &sweep(&smoke, "two", &["--jobs", "2"]));
    succeeded(&said);
    for line in ["[1/4] epoch 3/3: loss ", "[4/4] epoch 1/3: loss ", "[2/4] noise="] {
        assert!(said.stderr.contains(line), "{said}");
    }
    let (one, two) = (workspace.path().join("one"), workspace.path().join("two"));
    assert!(bytes(&one) == bytes(&two), "the number of jobs changes bytes");
    for run in runs(&two) {
        let manifest = Manifest::read(&run).unwrap();
        assert_eq!((manifest.status, manifest.threads, manifest.resumed), (Status::Finished, 1, 0));
        assert!(!run.join(".lease").exists());
    }
    assert_eq!(workspace.read("one/analysis/epochs.csv"), workspace.read("two/analysis/epochs.csv"));
    // Finished runs need no process.
    let said = run(&workspace, &sweep(&smoke, "two", &["--jobs", "2"]));
    succeeded(&said);
    assert!(said.stderr.contains("[4/4] ") && said.stderr.contains("finished before, skipped"), "{said}");
}

#[test]
fn a_run_that_fails_keeps_no_other_from_being_done() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    for jobs in ["1", "2"] {
        let second = status(&workspace, &settings(&smoke, jobs, "epochs=3")).remove(1);
        let id = second["id"].as_str().unwrap();
        workspace.file(&format!("{}/manifest.json", folder_of(&second)), "{");
        let said = run(&workspace, &sweep(&smoke, jobs, &["--jobs", jobs]));
        assert_eq!(said.code, 3, "{said}");
        let failed = format!("\nfailed:\n  {id}: ");
        assert!(said.stderr.contains(&failed) && said.stderr.contains("not a manifest of this version"), "{said}");
        assert!(said.stderr.contains("error: 1 of 4 runs failed\n  hint: "), "{said}");
        // The place in the study's folder, wherever that is.
        let file = Path::new(&folder_of(&second)).strip_prefix(jobs).unwrap().join("manifest.json");
        let lacks = format!(
            "1 of 4 runs is missing from this report: {id} (failed: {}:1: not a manifest of this version: ",
            file.display()
        );
        assert!(said.stdout.contains(&lacks), "{said}");
        assert!(said.stdout.ends_with(&format!("report: {jobs}/report/index.html\n")), "{said}");
        assert!(workspace.read(&format!("{jobs}/report/report.md")).contains("is missing from this report"));
        let now = status(&workspace, &settings(&smoke, jobs, "epochs=3"));
        assert_eq!(states(&now), ["finished", "unusable", "finished", "finished"]);
        assert!(now[1]["detail"].as_str().unwrap().contains("not a manifest of this version"));
    }
}

#[test]
fn fail_fast_begins_no_run_after_the_first_that_fails() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    let first = folder_of(&status(&workspace, &settings(&smoke, "out", "epochs=3"))[0]);
    workspace.file(&format!("{first}/manifest.json"), "{");
    let said = run(&workspace, &sweep(&smoke, "out", &["--jobs", "1", "--fail-fast"]));
    assert_eq!(said.code, 3, "{said}");
    assert!(!said.stderr.contains("[2/4]"), "{said}");
    let said = run(&workspace, &sweep(&smoke, "out", &["--jobs", "2", "--fail-fast"]));
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("no report: "), "{said}");
}

#[test]
fn what_fails_for_all_runs_fails_before_the_first() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    for jobs in ["1", "2"] {
        let said = run(&workspace, &sweep(&smoke, "out", &["--jobs", jobs, "--model", "none/"]));
        assert_eq!(said.code, 3, "{said}");
        assert!(said.stderr.starts_with("error: ") && !said.stderr.contains("[1/4]"), "{said}");
        let said = run(&workspace, &sweep(&smoke, "out", &["--jobs", jobs, "--data", "none/"]));
        assert_eq!(said.code, 3, "{said}");
        assert!(!said.stderr.contains("[1/4]"), "{said}");
    }
    let said = run(&workspace, &sweep(&smoke, "out", &["--jobs", "0"]));
    assert!(said.code == 2 && said.stderr.contains("at least 1 job"), "{said}");
    // All diverge: there is nothing to draw.
    let wild = ["--learning-rate", "1e30", "--set", "train.warmup=0", "--set", "train.max_gradient_norm=0"];
    let said = run(&workspace, &sweep(&smoke, "wild", &[&["--jobs", "2"], &wild[..]].concat()));
    assert_eq!((said.code, said.stdout.as_str()), (4, ""), "{said}");
    assert!(said.stderr.contains("error: 4 of 4 runs failed\n  hint: lower the learning rate"), "{said}");
}

#[test]
fn runs_are_shown_without_a_word_to_them() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    let said = run(&workspace, &["runs"]);
    assert!(said.code == 2 && said.stderr.contains("no study has been begun here"), "{said}");
    let arguments = settings(&smoke, "out", "epochs=3");
    assert_eq!(states(&status(&workspace, &arguments)), ["not-begun"; 4]);
    assert!(!workspace.path().join("out").exists(), "looking has written");
    succeeded(&run(&workspace, &sweep(&smoke, "out", &["noise=0"])));
    let mut now = status(&workspace, &arguments);
    now.sort_by_key(|run| run["state"] != "finished");
    assert_eq!(states(&now), ["finished", "finished", "not-begun", "not-begun"]);
    assert_eq!((&now[0]["epochs_finished"], &now[0]["epochs"]), (&3.into(), &3.into()));
    assert!(now[0]["dev_score"].is_number() && now[0]["wall_seconds"].is_number() && now[2]["dev_score"].is_null());
    let said = run(&workspace, &[&["runs"], &arguments[..]].concat());
    assert!(said.stdout.starts_with("smoke (out/runs): 2 finished, 2 not begun\n"), "{said}");
    let same = run(&workspace, &sweep(&smoke, "out", &["--status"]));
    assert_eq!((same.code, same.stdout), (0, said.stdout), "{}", same.stderr);
    // The study's own folder says what it is: one noise level.
    assert_eq!(states(&status(&workspace, &["--out", "out"])), ["finished", "finished"]);
    // With other settings the same folders hold other runs.
    let other = [&arguments[..], &["batch_size=4"]].concat();
    let mut now = status(&workspace, &other);
    now.sort_by_key(|run| run["state"] != "unusable");
    assert_eq!(states(&now), ["unusable", "unusable", "not-begun", "not-begun"]);
    assert!(now[0]["detail"].as_str().unwrap().starts_with("another run: `train.batch_size` is 8 there and 4 here"));
}

#[test]
fn cleaning_lists_asks_and_removes() {
    let (workspace, smoke) = (Workspace::new(), smoke());
    succeeded(&run(&workspace, &sweep(&smoke, "out", &["--jobs", "2"])));
    let now = status(&workspace, &["--out", "out"]);
    let folders: Vec<PathBuf> = now.iter().map(|run| workspace.path().join(folder_of(run))).collect();
    // As a kill would leave it.
    let manifest = fs_err::read_to_string(folders[1].join("manifest.json")).unwrap();
    let broken = manifest.replace("\"status\": \"finished\"", "\"status\": \"running\"");
    fs_err::write(folders[1].join("manifest.json"), broken).unwrap();
    fs_err::create_dir_all(folders[1].join("checkpoint")).unwrap();
    fs_err::write(folders[1].join("checkpoint/state.safetensors"), [0; 2048]).unwrap();
    assert_eq!(states(&status(&workspace, &["--out", "out"])), ["finished", "broken", "finished", "finished"]);

    let clean = |more: &[&str]| run(&workspace, &[&["runs", "clean", "--out", "out"], more].concat());
    let said = clean(&[]);
    assert!(said.code == 2 && said.stderr.contains("give --checkpoints, --broken or --dynamics"), "{said}");
    let said = clean(&["--checkpoints"]);
    assert!(said.code == 2 && said.stdout.contains("2.00 KiB in 1 folder\n"), "{said}");
    assert!(said.stderr.contains("nothing was removed") && folders[1].join("checkpoint").is_dir(), "{said}");
    let said = clean(&["--checkpoints", "--json"]);
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.code, &list[0]["what"], &list[0]["bytes"]), (0, &"checkpoint".into(), &2048.into()), "{said}");
    succeeded(&clean(&["--checkpoints", "--yes"]));
    assert!(!folders[1].join("checkpoint").exists() && folders[1].join("manifest.json").is_file());
    succeeded(&clean(&["--broken", "--yes"]));
    assert!(!folders[1].exists());
    let said = clean(&["--dynamics", "--yes"]);
    succeeded(&said);
    assert!(said.stderr.contains("can no longer be made"), "{said}");
    assert!(!folders[0].join("dynamics").exists() && folders[0].join("curve.parquet").is_file());
    let said = clean(&["--dynamics", "--broken", "--checkpoints", "--yes"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "0 B in 0 folders\n"), "{said}");
}

#[cfg(target_os = "linux")]
mod killed {
    use std::panic::AssertUnwindSafe;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use memoscope::config::Layers;
    use memoscope::exec::{self, Execution, Jobs, RunState, Task};
    use memoscope::run::{EpochSummary, Monitor, RunConfig, StopFlag};
    use memoscope::{corpus, study};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(300);

    fn start(workspace: &Workspace, arguments: &[&str]) -> Child {
        let mut command = Command::new(program());
        command.current_dir(workspace.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn signal(name: &str, process: u32) {
        Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
    }

    /// The processes whose parent is this one.
    fn children(of: u32) -> Vec<u32> {
        let parent = |process: u32| {
            let stat = fs_err::read_to_string(format!("/proc/{process}/stat")).ok()?;
            stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        let all = fs_err::read_dir("/proc").unwrap();
        let processes = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        processes.filter(|process| parent(*process) == Some(of)).collect()
    }

    fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_there() {
            assert!(begun.elapsed() < PATIENCE, "no {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn an_interrupt_stops_all_children_after_their_step() {
        let (workspace, smoke) = (Workspace::new(), smoke());
        let long = ["epochs=500", "--jobs", "2", "--quiet"];
        let parent = start(&workspace, &sweep(&smoke, "out", &long));
        let arguments = settings(&smoke, "out", "epochs=500");
        let is_running = |now: &[Value]| {
            now.iter().filter(|run| run["state"] == "running" && run["epochs_finished"] != 0).count() == 2
        };
        wait_for("two runs under way", || is_running(&status(&workspace, &arguments)));
        let now = status(&workspace, &arguments);
        assert_eq!(states(&now)[2..], ["not-begun", "not-begun"]);
        let owners: Vec<u64> = now[..2].iter().map(|run| run["owner"]["process"].as_u64().unwrap()).collect();
        let mut own: Vec<u64> = children(parent.id()).into_iter().map(u64::from).collect();
        own.sort_unstable();
        let mut sorted = owners.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, own);
        // What is under way is neither cleaned nor taken.
        let clean = ["runs", "clean", "--broken", "--checkpoints", "--yes"];
        let said = run(&workspace, &[&clean[..], &arguments].concat());
        assert!(said.code == 0 && said.stderr.contains("2 of the runs are being worked on"), "{said}");
        let mut one = command(&workspace, &["train", "--resume", &folder_of(&now[0])]);
        let refused = one.output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(8), "{said}");
        assert!(said.contains(&format!("is being written to by process {} on ", owners[0])), "{said}");

        signal("-INT", parent.id());
        let output = parent.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("resume with: "), "{said}");
        let now = status(&workspace, &arguments);
        assert_eq!(states(&now), ["broken", "broken", "not-begun", "not-begun"]);
        assert!(now[..2].iter().all(|run| run["detail"] == "interrupted" && run["owner"].is_null()), "{now:?}");
    }

    #[test]
    fn a_killed_child_is_a_failed_run_and_a_killed_parent_ends_its_children() {
        let (workspace, smoke) = (Workspace::new(), smoke());
        let arguments = settings(&smoke, "out", "epochs=200");
        let long = ["epochs=200", "--jobs", "2", "--quiet"];
        let parent = start(&workspace, &sweep(&smoke, "out", &long));
        wait_for("an epoch", || status(&workspace, &arguments)[0]["epochs_finished"] != 0);
        let first = status(&workspace, &arguments)[0]["owner"]["process"].as_u64().unwrap();
        signal("-KILL", u32::try_from(first).unwrap());
        wait_for("failure", || status(&workspace, &arguments)[0]["state"] == "failed");
        let now = status(&workspace, &arguments);
        assert!(now[0]["detail"].as_str().unwrap().contains("was ended by signal 9 (SIGKILL)"), "{}", now[0]);
        // Another run has its place.
        wait_for("third run", || status(&workspace, &arguments)[2]["state"] != "not-begun");
        let orphans = children(parent.id());
        signal("-KILL", parent.id());
        parent.wait_with_output().unwrap();
        wait_for("end of the children", || !orphans.iter().any(|orphan| lives(*orphan)));
        let now = status(&workspace, &arguments);
        assert!(now.iter().all(|run| run["owner"].is_null() && run["state"] != "running"), "{now:?}");
    }

    #[test]
    fn the_exit_code_of_a_killed_run_is_its_own() {
        let (workspace, smoke) = (Workspace::new(), smoke());
        let arguments = settings(&smoke, "out", "epochs=200");
        let parent = start(&workspace, &sweep(&smoke, "out", &["epochs=200", "--jobs", "2", "--quiet", "--fail-fast"]));
        wait_for("an epoch", || status(&workspace, &arguments)[0]["epochs_finished"] != 0);
        let process = status(&workspace, &arguments)[0]["owner"]["process"].as_u64().unwrap();
        signal("-KILL", u32::try_from(process).unwrap());
        let output = parent.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{said}");
        let because =
            ": its process was ended by signal 9 (SIGKILL), by a user or because the system was out of memory\n";
        assert!(said.contains(because), "{said}");
        let hint =
            "error: 1 of 4 runs failed\n  hint: if memory was short, try fewer runs at once (--jobs 1), or a smaller ";
        assert!(said.contains(hint), "{said}");
    }

    /// Panics at the first epoch that it hears of.
    struct Panics;

    impl Monitor for Panics {
        fn epoch(&mut self, _: usize, _: &EpochSummary) {
            panic!("the monitor's");
        }
    }

    #[test]
    fn a_monitor_that_panics_leaves_no_child_at_work() {
        let workspace = Workspace::new();
        let mut layers = Layers::new();
        layers.file(&repository("experiments/smoke.toml")).unwrap();
        for setting in SMALL.iter().chain(&["epochs=5000"]) {
            let (key, value) = setting.split_once('=').unwrap();
            layers.set(key, value, setting).unwrap();
        }
        let grid = study::grid(&layers.finish().unwrap()).unwrap();
        let corpus = corpus::load(&grid[0].data).unwrap();
        let task = |config: &RunConfig| Task {
            folder: workspace.path().join(config.coordinates.folder()),
            corpus: &corpus,
            config: config.clone(),
        };
        let tasks: Vec<Task<'_>> = grid.iter().map(task).collect();
        let how = Execution { jobs: Jobs::Number(2), program: Some(program()), ..Execution::default() };
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
            exec::execute_all(&tasks, &how, &mut Panics, &StopFlag::default())
        }));
        assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"the monitor's"));
        // Both children have stopped after their step; the scope has waited for them.
        for task in &tasks {
            let status = exec::status(&task.config, &task.folder);
            assert!(status.owner.is_none(), "{status:?}");
            assert!(matches!(status.state, RunState::Broken | RunState::NotBegun), "{status:?}");
        }
    }

    /// What a kill hit.
    #[derive(Debug, Clone, Copy, Default)]
    struct Kills {
        children: u32,
        parents: u32,
        /// Of a parent without children: before its first run, or while the report is drawn.
        alone: u32,
    }

    impl Kills {
        fn all(self) -> u32 {
            self.children + self.parents + self.alone
        }
    }

    /// True if a process has not ended, not even as an entry that is not waited for.
    fn lives(process: u32) -> bool {
        let stat = fs_err::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
        state.is_some_and(|state| !matches!(state, "Z" | "X" | "x"))
    }

    /// Lets a sweep go on for so long, or to its end.
    fn let_go_on(parent: &mut Child, milliseconds: u64) {
        let until = Instant::now() + Duration::from_millis(milliseconds);
        while Instant::now() < until && parent.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills a random child or the parent, one as likely as the other where there are children. In three of four cases children
    /// are waited for, so that most kills find some. False if the sweep has ended before.
    fn kill_one(parent: &mut Child, random: &mut dyn FnMut(u64) -> u64, kills: &mut Kills) -> bool {
        let waits = random(4) > 0;
        let mut found = Vec::new();
        let begun = Instant::now();
        while parent.try_wait().unwrap().is_none() {
            found = children(parent.id()).into_iter().filter(|child| lives(*child)).collect();
            if !waits || !found.is_empty() {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "neither children nor an end");
            std::thread::sleep(Duration::from_millis(2));
        }
        if parent.try_wait().unwrap().is_some() {
            return false;
        }
        // Into the middle of a run, not always to its beginning.
        if !found.is_empty() {
            let_go_on(parent, random(900));
            found.retain(|child| lives(*child));
        }
        match (random(2), found.len() as u64) {
            (0, n @ 1..) => {
                let child = found[random(n) as usize];
                signal("-KILL", child);
                wait_for("end of a child", || !lives(child));
                kills.children += 1;
            }
            (_, n) => {
                signal("-KILL", parent.id());
                parent.wait().unwrap();
                *(if n > 0 { &mut kills.parents } else { &mut kills.alone }) += 1;
            }
        }
        true
    }

    /// Kills random processes of a sweep again and again. The number of kills is that of the variable `MEMOSCOPE_KILLS`, a few
    /// by default.
    #[test]
    fn no_kill_loses_a_finished_epoch_or_changes_a_byte() {
        let wanted: u32 = std::env::var("MEMOSCOPE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
        let (workspace, smoke) = (Workspace::new(), smoke());
        let longer = ["epochs=8", "--jobs", "2", "--quiet"];
        assert!(start(&workspace, &sweep(&smoke, "straight", &longer)).wait().unwrap().success());
        let straight = bytes(&workspace.path().join("straight"));
        // A generator of its own, so that a failure can be repeated.
        let mut state = 106_u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let (mut kills, mut studies) = (Kills::default(), 0);
        while kills.all() < wanted {
            studies += 1;
            let name = format!("killed-{studies}");
            let out = workspace.path().join(&name);
            let mut finished = std::collections::BTreeMap::new();
            loop {
                let mut parent = start(&workspace, &sweep(&smoke, &name, &longer));
                while kills.all() < wanted && kill_one(&mut parent, &mut random, &mut kills) {
                    // A sweep goes on after the loss of a child.
                    if parent.try_wait().unwrap().is_some() {
                        break;
                    }
                }
                let is_done = parent.wait().unwrap().success();
                for run in if out.join("runs").is_dir() { runs(&out) } else { Vec::new() } {
                    let epochs = Manifest::read(&run).unwrap().epochs_finished;
                    let before = finished.insert(run.clone(), epochs).unwrap_or(0);
                    assert!(epochs >= before, "{}: {before} epochs became {epochs}", run.display());
                    for epoch in 1..=epochs {
                        assert!(run.join(format!("dynamics/epoch={epoch:04}.parquet")).is_file(), "{}", run.display());
                    }
                }
                if is_done {
                    break;
                }
            }
            assert!(bytes(&out) == straight, "{name} differs after {kills:?}");
            assert_eq!(crate::leftovers::below(&out), [""; 0].map(PathBuf::from));
        }
        println!("{kills:?} in {studies} studies");
    }
}
