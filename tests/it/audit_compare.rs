//! What corrections are worth, by the program.

use insta::assert_snapshot;
use serde_json::Value;

use crate::workspace::{Said, Workspace};

/// A generated corpus in `clean/`, and in `noisy/` the same with wrong entities in its training file.
fn corpora() -> Workspace {
    let workspace = Workspace::new();
    for arguments in [
        "corpus generate --out clean --train 240 --dev 40 --test 0 --seed 3",
        "corpus perturb clean --out noisy --kind entity --rate 0.4 --seed 3",
    ] {
        let said = workspace.run(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(said.code, 0, "{said}");
    }
    workspace
}

fn compare(workspace: &Workspace, arguments: &str) -> Said {
    let all: Vec<&str> = ["audit", "compare"].into_iter().chain(arguments.split(' ')).collect();
    workspace.run(&all)
}

/// Two taggers a seed, trained for a moment.
const SHORT: &str =
    "noisy clean --dev clean --model embedded --epochs 2 --batch-size 4 --learning-rate 2e-3 --seeds 2 --out out";

#[test]
fn a_comparison_from_files_to_findings() {
    let workspace = corpora();
    let said = compare(&workspace, SHORT);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(said.stdout, "out\n");
    for words in ["tokens changed, in", "  seed 2 ", "  mean ", "F1 PER", "over seeds", "over sentences"] {
        assert!(said.stderr.contains(words), "{words}: {said}");
    }
    let json = workspace.read("out/compare.json");
    let of: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(of["schema"], 1);
    assert!(of["changes"]["tokens"].as_u64().unwrap() > 20 && of["changes"]["sentences"].as_u64().unwrap() > 10);
    assert_eq!((&of["before"]["tokens"], &of["dev"]["sentences"]), (&of["after"]["tokens"], &Value::from(40)));
    let number = |of: &Value| of.as_f64().unwrap();
    for seed in of["seeds"].as_array().unwrap() {
        for version in ["before", "after"] {
            // What the saved tagger says is what was seen at the end of its training.
            let curve = seed[version]["f1_by_epoch"].as_array().unwrap();
            assert_eq!(curve.len(), 2);
            assert!((number(&curve[1]) - number(&seed[version]["f1"])).abs() < 1e-6, "{seed}");
        }
    }
    for measure in ["f1", "precision", "recall"] {
        let measure = &of[measure];
        let difference = number(&measure["difference"]["mean"]);
        assert!((number(&measure["after"]["mean"]) - number(&measure["before"]["mean"]) - difference).abs() < 1e-9);
        for interval in ["over_seeds", "over_sentences"] {
            let (low, high) = (number(&measure[interval]["low"]), number(&measure[interval]["high"]));
            assert!(low <= difference && difference <= high && low < high, "{measure}");
        }
    }
    let support: u64 = of["types"].as_array().unwrap().iter().map(|of| of["support"].as_u64().unwrap()).sum();
    assert_eq!(of["dev"]["entities"], support);
    let markdown = workspace.read("out/compare.md");
    for title in ["Scores on dev", "By seed", "By entity type", "By epoch", "Files"] {
        assert!(markdown.contains(&format!("\n## {title}\n")), "{markdown}");
    }

    // Nothing is trained again, and the files have the same bytes.
    let again = compare(&workspace, &format!("{SHORT} --json"));
    assert_eq!(again.stderr.matches("finished before, skipped").count(), 4, "{again}");
    assert_eq!(again.stdout, json);
    assert_eq!((workspace.read("out/compare.json"), workspace.read("out/compare.md")), (json, markdown));

    // Other settings are refused before anything is trained, and a tagger that is gone is missed.
    let other = compare(&workspace, &SHORT.replace("--epochs 2", "--epochs 3"));
    assert!(other.code == 2 && other.stderr.contains("`train.epochs` is 2 there and 3 here"), "{other}");
    fs_err::remove_dir_all(workspace.path().join("out/runs/version=after/seed=2/model")).unwrap();
    let gone = compare(&workspace, SHORT);
    assert!(gone.code == 3 && gone.stderr.contains("its tagger is missing"), "{gone}");
}

/// Two sentences, and what might be compared with them.
fn small() -> Workspace {
    let workspace = Workspace::new();
    workspace.file("before.txt", "EU B-ORG\nbuys O\n\nAnn B-PER\n");
    workspace.file("after.txt", "EU B-LOC\nbuys O\n\nAnn B-PER\n");
    workspace.file("words.txt", "EU B-LOC\nbuys O\n\nBob B-PER\n");
    workspace.file("short.txt", "EU B-LOC\nbuys O\n");
    workspace.file("dev.txt", "Rome B-LOC\n");
    workspace
}

#[test]
fn one_seed_decides_nothing() {
    let workspace = small();
    let one = "before.txt after.txt --dev dev.txt --seeds 1 --epochs 1 --quiet --model embedded --json --out one";
    let unclear = compare(&workspace, one);
    assert_eq!(unclear.code, 0, "{unclear}");
    assert_eq!(
        unclear.stderr,
        "warning: dev.txt: no token of before.txt has the tags B-LOC, so a tagger trained on it does not learn them\n"
    );
    let of: Value = serde_json::from_str(&unclear.stdout).unwrap();
    assert_eq!((&of["verdict"], &of["f1"]["over_seeds"]), (&Value::from("unclear"), &Value::Null));
}

#[test]
fn what_cannot_be_compared() {
    let workspace = small();
    let said = |arguments: &str| compare(&workspace, &format!("{arguments} --model embedded"));
    assert_snapshot!(said("before.txt words.txt --dev dev.txt"), @r#"
    code: 3
    ----- stdout
    ----- stderr
    error: words.txt:4: "Bob" where line 4 of the other file has "Ann"
      hint: give the same text, sentence by sentence, as before.txt
    "#);
    assert_snapshot!(said("before.txt short.txt --dev dev.txt"), @"
    code: 3
    ----- stdout
    ----- stderr
    error: short.txt:1: 1 sentences where there should be 2
      hint: give the same text, sentence by sentence, as before.txt
    ");
    assert_snapshot!(said("before.txt before.txt --dev dev.txt"), @"
    code: 3
    ----- stdout
    ----- stderr
    error: before.txt: no label differs from before.txt: there is nothing to compare
      hint: give the file before the corrections, then the file after them
    ");
    assert_snapshot!(said("before.txt after.txt --dev after.txt"), @"
    code: 2
    ----- stdout
    ----- stderr
    error: after.txt: the dev file is the training file: its scores would be those of text learned by heart
      hint: give --dev a file that is not trained on
    ");
    assert_snapshot!(said("before.txt after.txt --dev dev.txt --seeds 1,1"), @"
    code: 2
    ----- stdout
    ----- stderr
    error: --seeds names the seed 1 twice
      hint: it would count twice in every mean; name different ones
    ");
    let no_model = compare(&workspace, "before.txt after.txt --dev dev.txt");
    assert!(no_model.code == 2 && no_model.stderr.contains("which encoder is to read the text?"), "{no_model}");
    let missing = said("before.txt none.txt --dev dev.txt");
    assert!(missing.code == 3 && missing.stderr.contains("none.txt"), "{missing}");
    let written = fs_err::read_dir(workspace.path()).unwrap().count();
    assert_eq!(written, 5, "nothing may be written for what cannot be compared");
}
