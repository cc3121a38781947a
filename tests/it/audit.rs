//! An audit from end to end, by the program.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fs_err as fs;
use insta::assert_snapshot;
use memoscope::audit::{Suspect, Text};
use memoscope::corpus::Scheme;
use memoscope::corpus::embedded::{EmbeddedSettings, generate};
use serde_json::Value;

use crate::real;
use crate::workspace::{Said, Workspace, repository};

/// Files whose bytes are the same each time.
const RESULTS: [&str; 9] = [
    "suspects.jsonl",
    "suspects.csv",
    "suspects.parquet",
    "suspects.tsv",
    "sentences.csv",
    "tokens.parquet",
    "cleanlab.csv",
    "audit.json",
    "index.html",
];

/// The flags of a short audit with the small encoder.
fn short<'a>(data: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["audit", data, "--model", "embedded", "--batch-size", "8", "--out", out][..], more].concat()
}

fn succeed(workspace: &Workspace, arguments: &[&str]) -> Said {
    let said = workspace.run(arguments);
    assert_eq!(said.code, 0, "{arguments:?}\n{said}");
    said
}

/// Noisy text with the truth beside it, audited once; tests work in folders of their own.
struct Audited {
    workspace: Workspace,
    /// What `--gold --json` printed.
    judgement: Value,
}

const FOLDS: [&str; 8] = ["--folds", "2", "--epochs", "6", "--gold", "clean/train.txt", "--json", "--quiet"];

fn audited() -> &'static Audited {
    static AUDITED: OnceLock<Audited> = OnceLock::new();
    AUDITED.get_or_init(|| {
        let workspace = Workspace::new();
        succeed(&workspace, &["corpus", "generate", "--out", "clean", "--train", "250", "--dev", "10", "--test", "0"]);
        succeed(&workspace, &["corpus", "perturb", "clean", "--out", "noisy", "--kind", "uniform", "--rate", "0.1"]);
        let said = succeed(&workspace, &short("noisy/train.txt", "one", &[&FOLDS[..], &["--threads", "1"]].concat()));
        let invalid = said.stderr.lines().filter(|line| line.contains("invalid IOB2 transitions")).count();
        assert_eq!(invalid, 1, "the invalid sequences are warned of: {said}");
        Audited { judgement: serde_json::from_str(&said.stdout).unwrap(), workspace }
    })
}

impl Audited {
    fn path(&self, name: &str) -> PathBuf {
        self.workspace.path().join(name)
    }

    /// The first audit's folder once more.
    fn copy(&self, name: &str) -> PathBuf {
        copy(&self.path("one"), &self.path(name));
        self.path(name)
    }

    fn again(&self, out: &str, more: &[&str]) -> Said {
        self.workspace.run(&short("noisy/train.txt", out, &[&FOLDS[..], more].concat()))
    }

    /// Whether another folder holds the same results, byte by byte.
    fn assert_same(&self, out: &Path) {
        for name in RESULTS.iter().chain(&["evaluation.json", "evaluation.md"]) {
            assert!(fs::read(self.path("one").join(name)).unwrap() == fs::read(out.join(name)).unwrap(), "{name}");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn suspects(folder: &Path) -> Vec<Suspect> {
    let lines = fs::read_to_string(folder.join("suspects.jsonl")).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn wrong_labels_are_found_and_everything_is_written() {
    let audited = audited();
    for unit in ["token", "entity", "sentence"] {
        let scores = &audited.judgement[unit];
        let number = |name: &str| scores[name].as_f64().unwrap_or_else(|| panic!("{unit}.{name}: {scores}"));
        let (ap, base_rate) = (number("average_precision"), number("base_rate"));
        // Nearly every second sentence holds an error.
        let least = if unit == "token" { 5.0 * base_rate } else { base_rate + 0.1 };
        assert!(ap > least, "{unit}: {ap} against {base_rate}");
    }
    assert!(audited.judgement["over_seeds"]["audit"]["mean"].is_number(), "{}", audited.judgement["over_seeds"]);
    let folder = audited.path("one");
    assert_eq!(json(&folder.join("evaluation.json")), audited.judgement);
    let text = Text::read(&audited.path("noisy/train.txt"), None).unwrap();
    let summary = json(&folder.join("audit.json"));
    assert_eq!((&summary["sentences"], &summary["tokens"]), (&250.into(), &text.n_tokens().into()));
    assert_eq!(summary["fingerprint"], text.fingerprint);
    let found = suspects(&folder);
    assert_eq!(summary["suspects"], found.len());
    for suspect in &found {
        let words = usize::from(suspect.start)..usize::from(suspect.end);
        let sentence = &text.sentences[suspect.sentence as usize];
        assert_eq!(sentence.words[words.clone()], suspect.words);
        assert!(sentence.labels[words].iter().map(|&label| text.labels.name(label)).eq(&suspect.given));
        assert_eq!((suspect.held_out_loss.len(), suspect.train_loss.len()), (6, 6));
    }
    let cleanlab = fs::read_to_string(folder.join("cleanlab.csv")).unwrap();
    assert_eq!(cleanlab.lines().count(), text.n_tokens() + 1);
    // The scores of cleanlab's table are those the probabilities came from: they are read, and judged beside ours.
    let again = audited.again("one", &["--with", "issues=one/cleanlab.csv"]);
    assert_eq!(again.code, 0, "{again}");
    let ap = |said: &Said| {
        let judged: Value = serde_json::from_str(&said.stdout).unwrap();
        judged["measures"]["issues"]["token"]["average_precision"].as_f64().unwrap()
    };
    assert!(ap(&again) > 0.3);
    // Sorted with the number of each token it is the same ranking, and without it another one, which is refused.
    let mut rows: Vec<(usize, &str)> = cleanlab.lines().skip(1).enumerate().collect();
    rows.sort_by(|(_, a), (_, b)| a.split(',').nth(1).cmp(&b.split(',').nth(1)));
    let header = cleanlab.lines().next().unwrap();
    let table = |index: bool| -> String {
        let line = |(i, row): &(usize, &str)| if index { format!("{i},{row}\n") } else { format!("{row}\n") };
        let rows: String = rows.iter().map(line).collect();
        format!("{}{header}\n{rows}", if index { "," } else { "" })
    };
    audited.workspace.file("sorted.csv", &table(true));
    audited.workspace.file("no-index.csv", &table(false));
    let sorted = audited.again("one", &["--with", "issues=sorted.csv"]);
    assert_eq!(ap(&sorted), ap(&again), "{sorted}");
    let refused = audited.again("one", &["--with", "issues=no-index.csv"]);
    assert_eq!(refused.code, 3, "{refused}");
    assert!(refused.stderr.contains("no-index.csv:2: the given label is"), "{refused}");
    audited.again("one", &[]);
}

#[test]
fn a_dry_run_says_what_would_be_trained() {
    let workspace = Workspace::new();
    workspace.file("mine.txt", "New B-LOC\nYork I-LOC\n\nthe O\n\nEU B-ORG\n");
    let arguments =
        ["audit", "mine.txt", "--model", "embedded", "--folds", "3", "--seeds", "7,8", "--dry-run", "--no-estimate"];
    assert_snapshot!(workspace.run(&arguments), @r#"
    code: 0
    ----- stdout
    model = "embedded"
    folds = 3
    seeds = [7, 8]
    epochs = 30
    batch_size = 32
    device = "cpu"
    # learning_rate is determined by the hidden size of the encoder

    # mine.txt: 3 sentences, 4 tokens, IOB2
    # 6 trainings, results in audits/mine
    #   audits/mine/runs/seed=7/fold=0: 2 training sentences, 1 scored
    #   audits/mine/runs/seed=7/fold=1: 2 training sentences, 1 scored
    #   audits/mine/runs/seed=7/fold=2: 2 training sentences, 1 scored
    #   audits/mine/runs/seed=8/fold=0: 2 training sentences, 1 scored
    #   audits/mine/runs/seed=8/fold=1: 2 training sentences, 1 scored
    #   audits/mine/runs/seed=8/fold=2: 2 training sentences, 1 scored
    ----- stderr
    "#);
    assert!(!workspace.path().join("audits").exists());
}

#[test]
fn sentences_that_nothing_separates_are_said_to_be_the_cause() {
    let workspace = Workspace::new();
    let text = fs::read_to_string(repository("tests/fixtures/cases/29-no-blank-lines/train.txt")).unwrap();
    workspace.file("mine.txt", &text);
    assert_snapshot!(workspace.run(&["audit", "mine.txt", "--model", "embedded"]), @"
    code: 3
    ----- stdout
    ----- stderr
    warning: mine.txt: the file has no empty line and is read as one sentence of 1142 tokens; put an empty line after each sentence
    error: mine.txt: the file is read as 1 sentence, the longest of 1142 tokens: it has no empty lines between sentences
      hint: put an empty line after each sentence
    ");
    let said = workspace.run(&short("mine.txt", "out", &["--folds", "1", "--epochs", "1", "--quiet"]));
    assert!(
        said.stderr.contains(" tokens (") && said.stderr.contains("is there an empty line after each sentence?"),
        "{said}"
    );
}

#[test]
fn suspects_of_models_that_learned_little_are_not_applied_unseen() {
    let workspace = Workspace::new();
    workspace.file("mine.txt", &in_scheme(Scheme::Iob2, 40));
    let said = succeed(&workspace, &short("mine.txt", "out", &["--folds", "2", "--epochs", "1"]));
    assert!(said.stderr.contains("warning: the models reach an F1 of 0."), "{said}");
    let summary = json(&workspace.path().join("out/audit.json"));
    assert!(summary["held_out_f1"].as_f64().unwrap() < 0.4, "{summary}");
    for of in summary["types"].as_array().unwrap() {
        assert!(of["expected_errors"].as_f64().unwrap() <= of["entities"].as_f64().unwrap(), "{of}");
    }
    assert!(workspace.read("out/index.html").contains("\"warning\":\"The models reach an F1 of 0."));
    let apply = ["audit", "apply", "mine.txt", "out", "--auto", "0.5", "--out", "new.txt"];
    let said = workspace.run(&apply);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("held-out F1 of 0.") && said.stderr.contains("--uncalibrated"), "{said}");
    assert!(!workspace.path().join("new.txt").exists());
    succeed(&workspace, &[&apply[..], &["--uncalibrated"]].concat());
}

#[test]
fn words_that_spreadsheets_take_for_formulas_are_guarded_if_asked_for() {
    let workspace = Workspace::new();
    let text = in_scheme(Scheme::Iob2, 30) + &"=1+1\tx\tB-LOC\nis\tx\tO\n\n".repeat(3) + "@user\tx\tO\n";
    workspace.file("mine.txt", &text);
    let flags = ["--folds", "2", "--epochs", "2", "--csv-safe"];
    succeed(&workspace, &short("mine.txt", "out", &flags));
    let table = workspace.read("out/suspects.csv");
    assert!(table.contains(",'=1+1,") && !table.contains(",=1+1"), "{table}");
    let tokens = "sentence\ttoken\tword\tgiven\tsuggested\n30\t0\t'=1+1\tB-LOC\tO\n";
    workspace.file("tokens.tsv", tokens);
    succeed(&workspace, &["audit", "apply", "mine.txt", "tokens.tsv", "--out", "new.txt"]);
    assert_eq!(workspace.read("new.txt"), text.replacen("=1+1\tx\tB-LOC", "=1+1\tx\tO", 1));
    succeed(&workspace, &short("mine.txt", "out", &flags[..4]));
    assert!(workspace.read("out/suspects.csv").contains(",=1+1,"));
}

#[test]
fn another_number_of_threads_and_another_folder_give_the_same_bytes() {
    let audited = audited();
    let said = audited.again("threads", &["--threads", "2"]);
    assert_eq!(said.code, 0, "{said}");
    audited.assert_same(&audited.path("threads"));
}

#[test]
fn what_is_finished_is_not_done_again() {
    let audited = audited();
    let folder = audited.copy("finished");
    RESULTS.iter().for_each(|name| fs::remove_file(folder.join(name)).unwrap());
    let manifests =
        || [0, 1].map(|fold| fs::read(folder.join(format!("runs/seed=1/fold={fold}/manifest.json"))).unwrap());
    let before = manifests();
    let said = audited.again("finished", &[]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(manifests(), before);
    audited.assert_same(&folder);
    // Another audit has no business in this folder.
    let said = audited.again("finished", &["--learning-rate", "0.001"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("train.learning_rate"), "{said}");
}

#[test]
fn a_lost_fold_is_trained_again_and_a_damaged_one_is_named() {
    let audited = audited();
    let folder = audited.copy("lost");
    fs::remove_dir_all(folder.join("runs/seed=1/fold=1")).unwrap();
    fs::write(folder.join("suspects.jsonl"), "").unwrap();
    let said = audited.again("lost", &[]);
    assert_eq!(said.code, 0, "{said}");
    audited.assert_same(&folder);
    for name in ["probabilities/epoch=0004.parquet", "dynamics/epoch=0003.parquet", "tokens.parquet"] {
        let path = folder.join("runs/seed=1/fold=0").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let said = audited.again("lost", &[]);
        assert_eq!(said.code, 3, "{name}: {said}");
        assert!(said.stderr.contains(name) && said.stderr.contains("hint: "), "{said}");
        fs::write(&path, bytes).unwrap();
    }
    fs::remove_file(folder.join("runs/seed=1/fold=0/probabilities/epoch=0001.parquet")).unwrap();
    let said = audited.again("lost", &[]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("the probabilities of this epoch are missing"), "{said}");
}

/// The columns of a file but for the last one, line by line.
fn all_but_tags(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.rsplit_once('\t').map_or(line, |(columns, _)| columns)).collect()
}

#[test]
fn suspects_are_applied_and_nothing_but_tags_changes() {
    let audited = audited();
    let before = audited.workspace.read("noisy/train.txt");
    for auto in ["0.9", "0.5", "0"] {
        let out = format!("corrected-{auto}.txt");
        let arguments =
            ["audit", "apply", "noisy/train.txt", "one", "--auto", auto, "--uncalibrated", "--out", &out, "--json"];
        let said = succeed(&audited.workspace, &arguments);
        let applied: Value = serde_json::from_str(&said.stdout).unwrap();
        let n = suspects(&audited.path("one")).iter().filter(|s| s.probability >= auto.parse().unwrap()).count();
        assert_eq!(applied["accepted"], n);
        assert!(n > 10, "{n} suspects of {auto}");
        let after = audited.workspace.read(&out);
        assert_ne!(after, before);
        assert_eq!(all_but_tags(&after), all_but_tags(&before));
        assert_eq!(Text::read(&audited.path(&out), None).unwrap().scheme, Scheme::Iob2);
    }
    // What is almost surely wrong, put right, is right more often than before.
    let wrong = |name: &str| {
        let text = Text::read(&audited.path(name), None).unwrap();
        let (labels, gold) = text.aligned(&audited.path("clean/train.txt")).unwrap();
        let is_wrong = |(given, gold): &(u8, &u8)| text.labels.name(*given) != labels.name(**gold);
        text.given().into_iter().zip(&gold).filter(is_wrong).count()
    };
    assert!(wrong("corrected-0.9.txt") < wrong("noisy/train.txt"));
    let table = ["audit", "apply", "noisy/train.txt", "one/suspects.tsv", "--out", "by-table.txt"];
    succeed(&audited.workspace, &table);
    assert_eq!(audited.workspace.read("by-table.txt"), audited.workspace.read("corrected-0.5.txt"));
}

/// Generated sentences as word and tag in another scheme; every ninth entity is taken to be none.
fn in_scheme(scheme: Scheme, n: usize) -> String {
    let corpus = generate(&EmbeddedSettings { seed: 3, train: n, dev: 1, test: 0 }).unwrap();
    let mut out = String::new();
    let mut entities = 0;
    for sentence in &corpus.train {
        let tags: Vec<&str> = sentence.labels.iter().map(|&label| corpus.labels.name(label)).collect();
        let mut dropped = false;
        for (i, word) in sentence.words.iter().enumerate() {
            let continues = |i: usize| tags.get(i).is_some_and(|tag| tag.starts_with("I-"));
            if tags[i].starts_with("B-") {
                entities += 1;
                dropped = entities % 9 == 0;
            }
            let after_own = i > 0 && tags[i - 1] != "O" && tags[i - 1][2..] == tags[i][2.min(tags[i].len())..];
            let prefix = match (scheme, continues(i), continues(i + 1)) {
                (Scheme::Iob1, false, _) => {
                    if after_own {
                        "B"
                    } else {
                        "I"
                    }
                }
                (Scheme::Bioes, false, false) => "S",
                (Scheme::Bioes, true, false) => "E",
                (_, inside, _) => {
                    if inside {
                        "I"
                    } else {
                        "B"
                    }
                }
            };
            match tags[i] == "O" || dropped {
                true => out.push_str(&format!("{word}\tx\tO\n")),
                false => out.push_str(&format!("{word}\tx\t{prefix}{}\n", &tags[i][1..])),
            }
        }
        out.push('\n');
    }
    out
}

#[test]
fn every_scheme_is_audited_and_kept() {
    for scheme in [Scheme::Iob1, Scheme::Bioes] {
        let workspace = Workspace::new();
        let path = workspace.file("mine.txt", &in_scheme(scheme, 60));
        assert_eq!(Text::read(&path, None).unwrap().scheme, scheme);
        let said = succeed(&workspace, &short("mine.txt", "out", &["--folds", "2", "--epochs", "2", "--json"]));
        let summary: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(summary["scheme"], scheme.to_string());
        succeed(
            &workspace,
            &["audit", "apply", "mine.txt", "out", "--auto", "0", "--uncalibrated", "--out", "new.txt"],
        );
        let (before, after) = (workspace.read("mine.txt"), workspace.read("new.txt"));
        assert_eq!(all_but_tags(&after), all_but_tags(&before));
        let corrected = Text::read(&workspace.path().join("new.txt"), None).unwrap();
        assert!(corrected.warnings.is_empty(), "{:?}", corrected.warnings);
    }
}

#[test]
fn one_fold_uses_training_alone_and_keeps_to_its_data() {
    let workspace = Workspace::new();
    let text = in_scheme(Scheme::Iob2, 40);
    workspace.file("mine.txt", &text);
    let arguments = short("mine.txt", "out", &["--folds", "1", "--epochs", "2", "--quiet"]);
    let said = succeed(&workspace, &arguments);
    assert_eq!(said.stdout, "out\n");
    let warnings: Vec<&str> = said.stderr.lines().collect();
    assert!(warnings.len() == 1 && warnings[0].starts_with("warning: the models reach an F1 of 0."), "{said}");
    let found = suspects(&workspace.path().join("out"));
    assert!(!found.is_empty());
    assert!(found.iter().all(|suspect| suspect.held_out_loss.is_empty() && suspect.train_loss.len() == 2));
    workspace.file("mine.txt", &text.replacen("\tO\n", "\tB-MISC\n", 1));
    let said = workspace.run(&arguments);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("has changed since") && said.stderr.contains("hint: "), "{said}");
}

#[test]
fn what_cannot_be_audited_is_refused_before_anything_is_written() {
    let workspace = Workspace::new();
    workspace.file("mine.txt", "New B-LOC\nYork I-LOC\n\nthe O\n");
    workspace.file("outside.txt", "New O\nYork O\n");
    workspace.file("empty.txt", "");
    workspace.file("mixed.txt", "a B-LOC\nb LOC\n");
    workspace.file("words.txt", "New B-LOC\nYork I-LOC\n\na O\n");
    workspace.file("fewer.txt", "New B-LOC\nYork I-LOC\n");
    workspace.file("issues.csv", "label_score\n1\n1\n");
    fs::write(workspace.path().join("latin.txt"), b"New B-LOC\nZ\xfcrich B-LOC\n").unwrap();
    let refuse = |arguments: &[&str]| {
        let said = workspace.run(&[&["audit"], arguments].concat());
        assert!(said.stdout.is_empty(), "{said}");
        assert!(!workspace.path().join("audits").exists(), "{arguments:?}");
        format!("{}: {}", said.code, said.stderr.lines().next().unwrap_or_default())
    };
    let with = |flags: &[&str]| refuse(&[&["mine.txt", "--model", "embedded"], flags].concat());
    assert_snapshot!(with(&["--folds", "0"]), @"2: error: --folds must be at least 1");
    assert_snapshot!(with(&["--folds", "3"]), @"2: error: 3 folds, and there are 2 different sentences");
    assert_snapshot!(with(&["--epochs", "0"]), @"2: error: --epochs must be at least 1");
    assert_snapshot!(with(&["--seeds", ""]), @"2: error: `--seeds ` is neither a number of seeds nor a list");
    assert_snapshot!(with(&["--seeds", "0"]), @"2: error: --seeds names no seed");
    assert_snapshot!(with(&["--seeds", ","]), @"2: error: --seeds names no seed");
    assert_snapshot!(with(&["--gold", "words.txt"]), @r#"3: error: words.txt:4: "a" where line 4 of the other file has "the""#);
    assert_snapshot!(with(&["--gold", "fewer.txt"]), @"3: error: fewer.txt:1: 1 sentences where there should be 2");
    assert_snapshot!(with(&["--gold", "none.txt"]), @"3: error: none.txt: there is no such file");
    assert_snapshot!(with(&["--gold", "mine.txt", "--with", "issues.csv"]), @"2: error: `--with issues.csv` does not name a measure");
    assert_snapshot!(with(&["--gold", "mine.txt", "--with", "cleanlab=issues.csv"]), @"3: error: issues.csv: 2 rows, but mine.txt has 3 tokens, and no column numbers them");
    assert_snapshot!(refuse(&["mine.txt"]), @"2: error: which encoder is to read the text?");
    assert_snapshot!(refuse(&["mine.txt", "--model", "none/", "--folds", "2"]), @"3: error: there is no model folder `none/`");
    for (name, code) in [("outside.txt", 3), ("empty.txt", 3), ("mixed.txt", 3), ("latin.txt", 3), ("none.txt", 3)] {
        let said = workspace.run(&["audit", name, "--model", "embedded"]);
        assert_eq!(said.code, code, "{name}: {said}");
        assert!(said.stderr.starts_with(&format!("error: {name}")) && said.stderr.contains("hint: "), "{said}");
    }
    assert!(
        workspace
            .run(&["audit", "latin.txt", "--model", "embedded"])
            .stderr
            .starts_with("error: latin.txt:2: not valid UTF-8")
    );
    assert_eq!(with(&["--with", "a=issues.csv"]).split(':').next(), Some("2"), "without --gold");
}

#[test]
fn hostile_tokens_go_through() {
    let workspace = Workspace::new();
    let mut text = in_scheme(Scheme::Iob2, 30);
    let long = "w".repeat(300);
    for word in [
        "<script>alert(1)</script>",
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "\u{202e}evil",
        "\u{1b}[2J",
        "\u{7}",
        "\u{ad}",
        "\u{200b}",
        "\u{2028}",
        "\u{85}",
        "=cmd()",
        "\"quoted,\"",
        "{{x}}",
        &long,
    ] {
        text.push_str(&format!("in\tx\tO\n{word}\tx\tB-LOC\n.\tx\tO\n\n"));
    }
    let letter = |n: u8| char::from(b'a' + n % 26);
    text.extend((0..599u16).map(|n| format!("{}{}\tx\tO\n", letter((n / 26) as u8), letter((n % 26) as u8))));
    text.push_str("last\tx\tB-PER\n");
    workspace.file("mine.txt", &text);
    workspace.file("tags.txt", &text.replace("B-PER", "B-\u{1b}[31m<b>"));
    let said = succeed(&workspace, &short("mine.txt", "out", &["--folds", "2", "--epochs", "2", "--gold", "mine.txt"]));
    assert!(said.stderr.contains(" could not be scored: they are beyond"), "{said}");
    let page = workspace.read("out/index.html");
    assert!(!page.contains("<script>alert") && !page.contains("<!--<script>"));
    assert!(!page.contains(['\u{1b}', '\u{2028}']));
    succeed(&workspace, &["audit", "apply", "mine.txt", "out", "--auto", "0", "--uncalibrated", "--out", "new.txt"]);
    assert_eq!(all_but_tags(&workspace.read("new.txt")), all_but_tags(&workspace.read("mine.txt")));
    let said = succeed(&workspace, &short("tags.txt", "tags", &["--folds", "1", "--epochs", "1"]));
    assert!(!said.stderr.contains('\u{1b}'), "{said}");
    assert!(!workspace.read("tags/index.html").contains("<b>"));
}

/// Tenth of the labels of tweets exchanged at random, bert-tiny: three epochs tell most of them.
#[test]
fn wrong_labels_of_real_text_are_found() {
    let (Some(data), Some(encoder)) = (real::data("wnut17"), real::model("bert-tiny")) else { return };
    let workspace = Workspace::new();
    let data = data.display().to_string();
    succeed(&workspace, &["corpus", "perturb", &data, "--out", "noisy", "--kind", "uniform", "--rate", "0.1"]);
    let noisy = workspace.read("noisy/train.txt");
    // Word, true tag, given tag.
    let sentences: Vec<&str> = noisy.split("\n\n").take(800).collect();
    let column = |gold: bool| {
        let line = |line: &str| {
            let columns: Vec<&str> = line.split('\t').collect();
            format!("{}\t{}\n", columns[0], columns[if gold { 1 } else { 2 }])
        };
        let sentence = |text: &&str| text.lines().map(line).collect::<String>() + "\n";
        sentences.iter().map(sentence).collect::<String>()
    };
    workspace.file("given.txt", &column(false));
    workspace.file("gold.txt", &column(true));
    let encoder = encoder.display().to_string();
    let said = succeed(
        &workspace,
        &[
            "audit",
            "given.txt",
            "--model",
            &encoder,
            "--folds",
            "2",
            "--epochs",
            "3",
            "--batch-size",
            "16",
            "--gold",
            "gold.txt",
            "--json",
            "--quiet",
        ],
    );
    let judged: Value = serde_json::from_str(&said.stdout).unwrap();
    let ap = |scores: &Value| scores["token"]["average_precision"].as_f64().unwrap();
    let (ours, loss) = (ap(&judged), ap(&judged["measures"]["loss"]));
    assert!(ours > 0.6, "{ours}, and {loss} by loss in training");
}
