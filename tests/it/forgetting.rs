//! A forgetting study end to end, as small as it can be: two encoders, two seeds, with and without noise.

use memoscope::dynamics::Log;
use memoscope::run::Manifest;

use crate::workspace::{Said, Workspace, repository};

/// The settings that make the shipped experiment small.
const SMALL: [&str; 6] = [
    "data.train_sentences=120",
    "data.dev_sentences=30",
    "epochs=4",
    "analysis.bootstrap=10",
    "encoders=pretrained,random",
    "out=out",
];

fn sweep(workspace: &Workspace, more: &[&str]) -> Said {
    let file = repository("experiments/forgetting.toml").display().to_string();
    let arguments: Vec<&str> = ["sweep", file.as_str()].into_iter().chain(SMALL).chain(more.iter().copied()).collect();
    workspace.run(&arguments)
}

/// The rows of a table of the report, the header first.
fn table(workspace: &Workspace, name: &str) -> Vec<Vec<String>> {
    let text = workspace.read(&format!("out/report/tables/{name}.csv"));
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn encoders_are_compared_over_seeds_and_noise() {
    let workspace = Workspace::new();
    let more = ["seeds=2", "noise=0,0.3"];
    let said = sweep(&workspace, &more);
    assert_eq!(said.code, 0, "{said}");
    for words in [
        "Forgettable tokens, train pass, random minus pretrained: without noise ",
        " points (95 % interval ",
        "Forgettable tokens, eval pass, random minus pretrained: ",
        "Agreement of the forgettable tokens, without noise (Cohen's κ, 0 is chance): ",
        " between seeds of one encoder, ",
    ] {
        assert!(said.stdout.contains(words), "{words}: {said}");
    }
    for file in [
        "analysis/curves.csv",
        "analysis/epochs.csv",
        "analysis/noise=0.30/encoder=random/seed=2/events.parquet",
        "report/index.html",
        "report/report.md",
        "analysis/measures.csv",
        "report/figures/curves.svg",
        "report/figures/measures.png",
        "report/figures/forgetting_events.csv",
        "report/figures/forgetting_overlap.svg",
        "report/tables/measures.tex",
    ] {
        let path = workspace.path().join("out").join(file);
        assert!(path.metadata().is_ok_and(|m| m.len() > 0), "{file} is missing");
    }
    assert_eq!(workspace.read("out/report/tables/runs.csv").lines().count(), 1 + 8);

    let [pretrained, random] = ["pretrained", "random"]
        .map(|name| workspace.path().join(format!("out/runs/noise=0.30/encoder={name}/seed=2")));
    let manifests = [&pretrained, &random].map(|folder| Manifest::read(folder).unwrap());
    assert_eq!(manifests.each_ref().map(|manifest| manifest.config.model.random_init), [false, true]);
    let logs = [&pretrained, &random].map(|folder| Log::open(folder).unwrap());
    assert_eq!(logs[0].tokens().given, logs[1].tokens().given, "at one seed the noise is the same");

    the_tables_hold_what_the_log_says(&workspace, &logs[1]);

    let html = workspace.read("out/report/index.html");
    let said = sweep(&workspace, &more);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("finished before, skipped"), "{said}");
    assert_eq!(workspace.read("out/report/index.html"), html, "drawn again, other bytes");
    let said = workspace.run(&["figures", "--out", "out"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "out/report/index.html\n"), "{said}");
    assert_eq!(workspace.read("out/report/index.html"), html, "drawn without training, other bytes");

    let said = sweep(&workspace, &["seeds=2", "noise=0,0.3", "study.encoders.random.learning_rate=1e-4"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("`train.learning_rate` is 0.001 there and 0.0001 here"), "{said}");
}

/// Counts the forgettable tokens of the random encoder at 30 % noise once more, from the log's epochs.
fn the_tables_hold_what_the_log_says(workspace: &Workspace, log: &Log) {
    let mut forgettable = vec![false; log.tokens().len()];
    let mut before: Vec<bool> = vec![false; log.tokens().len()];
    for &epoch in log.epochs() {
        let observed = log.epoch(epoch).unwrap();
        let train = observed.train.as_ref().unwrap();
        assert_eq!(train.len(), forgettable.len(), "every token is seen in every epoch");
        for (token, &right) in train.correct.iter().enumerate() {
            forgettable[token] |= before[token] && !right;
            before[token] = right;
        }
    }
    let share = forgettable.iter().filter(|forgettable| **forgettable).count() as f64 / forgettable.len() as f64;
    let measures = workspace.read("out/analysis/measures.csv");
    let place = measures.lines().next().unwrap().split(',').position(|key| key == "forgettable_train").unwrap();
    let row = measures.lines().find(|line| line.starts_with("random,0.3,2,")).expect("the run's row");
    let found: f64 = row.split(',').nth(place).unwrap().parse().unwrap();
    assert!((found - share).abs() < 1e-12, "{row}: {share}");

    // The shares of the table sum to one, and so does the distribution.
    let shares = table(workspace, "shares");
    let column = |name: &str| shares[0].iter().position(|key| key == name).expect("a column");
    let number = |row: &[String], name: &str| row[column(name)].parse::<f64>().unwrap();
    // 2 encoders, 2 passes: all and clean without noise, all, clean and noisy with it.
    assert_eq!(shares.len(), 1 + 2 * 2 * (2 + 3));
    for row in &shares[1..] {
        assert!((number(row, "forgettable") + number(row, "unforgettable") - 1.0).abs() < 1e-9, "{row:?}");
        assert!((number(row, "learned") + number(row, "never_learned") - 1.0).abs() < 1e-9, "{row:?}");
        assert!(number(row, "forgettable_toneva") >= number(row, "forgettable") - 1e-12, "{row:?}");
    }
    let rows = table(workspace, "distribution");
    let means: Vec<usize> = (3..rows[0].len()).filter(|&i| !rows[0][i].ends_with("_sd")).collect();
    assert_eq!(means.len(), 4, "in four epochs a token is forgotten twice at most: {:?}", rows[0]);
    for row in &rows[1..] {
        let sum: f64 = means.iter().map(|&i| row[i].parse::<f64>().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{row:?}");
    }
    let overlap = table(workspace, "overlap");
    let pairs: Vec<String> = overlap[1..].iter().map(|row| row[..5].join(",")).collect();
    assert_eq!(
        pairs,
        [
            "0,pretrained,pretrained,different,1",
            "0,pretrained,random,same,2",
            "0,pretrained,random,different,2",
            "0,random,random,different,1",
            "0.3,pretrained,random,same,2"
        ]
    );
}

#[test]
fn one_encoder_one_seed_and_no_noise_are_enough() {
    let workspace = Workspace::new();
    let said = sweep(&workspace, &["seeds=1", "noise=0", "encoders=random", "epochs=2"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("for 2 epochs: encoder random; 1 seed per point."), "{said}");
    assert!(!said.stdout.contains("minus") && !said.stdout.contains("κ"), "{said}");
    assert!(!workspace.path().join("out/report/figures/forgetting_overlap.svg").exists());
    assert!(!workspace.path().join("out/report/tables/differences_encoder.csv").exists());
    assert!(workspace.path().join("out/report/figures/curves.svg").exists());
}

#[test]
fn encoders_go_by_their_names_on_the_command_line() {
    let workspace = Workspace::new();
    let dry = |more: &[&str]| {
        let more: Vec<&str> =
            more.iter().copied().chain(["seeds=1", "noise=0.3", "--dry-run", "--no-estimate"]).collect();
        sweep(&workspace, &more)
    };
    let said = dry(&["--model", "tiny/"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("out/runs/noise=0.30/encoder=random/seed=1\n"), "{said}");
    assert!(said.stdout.contains("source = \"tiny/\""), "{said}");
    let said = dry(&["encoders=random,huge"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(
        said.stderr.contains("the axis `encoder` has no point `huge`\n  hint: it has pretrained, random"),
        "{said}"
    );
    let own = ["study.encoders.pretrained.source=a/", "study.encoders.random.source=a/", "--set", "model.source=b/"];
    let said = dry(&own);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("model.source has no effect: every point of the axis `encoder` sets it"), "{said}");
    assert!(!workspace.path().join("out").exists(), "something was written");
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let said = workspace.run(&["sweep", &smoke, "study.encoders=[{name=\"a\"}]", "--dry-run", "--no-estimate"]);
    // Of another study they are a further axis.
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("/noise=0.30/encoder=a/seed=1\n"), "{said}");
}
