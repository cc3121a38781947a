//! A study of class caps end to end, as small as it can be: both heads, with noise, from the command line.

use memoscope::dynamics::Log;
use memoscope::model::HeadKind;
use memoscope::perturb::NOISE_FILE;
use memoscope::run::{Manifest, Status};

use crate::workspace::{Workspace, repository};

/// The settings that make the shipped experiments small.
const SMALL: [&str; 8] = [
    "data.train_sentences=150",
    "data.dev_sentences=40",
    "train.epochs=2",
    "train.episodes.steps=6",
    "train.episodes.support_others=20",
    "analysis.bootstrap=20",
    "seeds=1",
    "classes=LOC",
];

fn sweep(workspace: &Workspace, experiment: &str, more: &[&str]) -> crate::workspace::Said {
    let file = repository(&format!("experiments/{experiment}.toml")).display().to_string();
    let arguments: Vec<&str> = ["sweep", file.as_str()].into_iter().chain(SMALL).chain(more.iter().copied()).collect();
    workspace.run(&arguments)
}

#[test]
fn a_study_compares_heads_over_sentences_and_noise_and_does_nothing_the_second_time() {
    let workspace = Workspace::new();
    let more = ["sentences=2,8", "noise=0,0.3", "train.save_model=true", "out=out"];
    let said = sweep(&workspace, "protobert", &more);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("Type, dev F1, prototypes minus linear: without noise, with 2 sentences "), "{said}");
    assert!(said.stdout.contains("; and "), "of six places three are named: {said}");
    for file in [
        "analysis/epochs.csv",
        "analysis/separation.csv",
        "report/index.html",
        "analysis/measures.parquet",
        "report/figures/sentences.svg",
        "report/figures/type_curves_1.png",
        "report/figures/type_learning_2.csv",
        "report/tables/measures.csv",
        "report/tables/differences_head.csv",
        "report/tables/sentences_needed.tex",
        "report/tables/first_learning.csv",
        "report/tables/rare_or_noise.csv",
        "report/tables/forgettable.csv",
        "report/tables/caps.csv",
    ] {
        let path = workspace.path().join("out").join(file);
        assert!(path.metadata().is_ok_and(|m| m.len() > 0), "{file} is missing");
    }
    // 2 heads x 2 noise levels x (2 caps and all sentences).
    assert_eq!(workspace.read("out/report/tables/runs.csv").lines().count(), 1 + 12);

    let run = |sentences: usize, head: &str| {
        let folder = format!("noise=0.00/init=pretrained/head={head}/class=LOC/sentences={sentences}/seed=1");
        workspace.path().join("out/runs").join(folder)
    };
    let manifests = [2, 8].map(|n| Manifest::read(&run(n, "prototypes")).unwrap());
    let kept = manifests.each_ref().map(|manifest| manifest.cap.as_ref().unwrap().kept.clone());
    assert_eq!((kept[0].len(), kept[1].len()), (2, 8));
    assert!(kept[0].iter().all(|sentence| kept[1].contains(sentence)), "{kept:?}");
    assert_eq!(manifests[0].status, Status::Finished);
    assert_eq!(manifests[0].config.model.head.kind, HeadKind::Prototypes);
    assert!(manifests[0].test.as_ref().is_some_and(|test| test.support > 0), "the test split is judged");
    // Dev and test are those of the whole corpus, and the log goes by its sentence numbers.
    assert_eq!(manifests[0].data.sentences[1..], manifests[1].data.sentences[1..]);
    let log = Log::open(run(2, "prototypes")).unwrap();
    assert!(kept[0].iter().all(|sentence| log.tokens().sentence.contains(sentence)));
    assert_eq!(log.tokens().sentence_rows().len(), manifests[0].cap.as_ref().unwrap().sentences[1]);
    let epoch = log.epoch(2).unwrap();
    assert!(epoch.train.is_none() && epoch.eval.is_some());
    assert!(log.types().unwrap().iter().any(|point| point.name == "LOC" && point.epoch == 2.0 && point.support > 0));

    let html = workspace.read("out/report/index.html");
    let said = sweep(&workspace, "protobert", &more);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("finished before, skipped"), "{said}");
    assert_eq!(workspace.read("out/report/index.html"), html, "drawn again, other bytes");

    a_saved_prototypical_head_predicts(&workspace, &run(8, "prototypes").join("model").display().to_string());
}

fn a_saved_prototypical_head_predicts(workspace: &Workspace, model: &str) {
    workspace.file("words.txt", "Ada\nvisited\nParis\n\n<script>\tanything\tO\n");
    let said = workspace.run(&["model", "predict", model, "words.txt"]);
    assert_eq!(said.code, 0, "{said}");
    let words: Vec<&str> = said.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(words, ["Ada", "visited", "Paris", "", "<script>", ""]);
    let said = workspace.run(&["corpus", "generate", "--out", "data", "--train", "5", "--dev", "30", "--test", "0"]);
    assert_eq!(said.code, 0, "{said}");
    let said = workspace.run(&["model", "predict", model, "data/dev.txt", "--score", "--json"]);
    assert_eq!(said.code, 0, "{said}");
    let scores: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(scores["sentences"], 30);
    let f1 = scores["micro"]["f1"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&f1), "{said}");
    let said = workspace.run(&["model", "predict", "embedded", "words.txt"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("this is an encoder, not a tagger"), "{said}");
}

#[test]
fn random_weights_are_compared_with_the_pretrained_ones() {
    let workspace = Workspace::new();
    let said = sweep(&workspace, "class-caps", &["sentences=3", "noise=0", "out=out"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("Type, dev F1, random minus pretrained: "), "{said}");
    let table = workspace.read("out/report/tables/forgettable.csv");
    assert!(table.starts_with("tokens,n,forgettable_1,forgettable_1_sd,forgettable_2"), "{table}");
    assert!(table.contains("\nB-LOC,"), "{table}");
    let said = sweep(
        &workspace,
        "class-caps",
        &["sentences=3", "noise=0", "out=other", "--random-init", "--dry-run", "--no-estimate"],
    );
    assert_eq!(said.code, 2, "both: {said}");
    assert!(said.stderr.contains("remove the axis: grid.init=[]"), "{said}");
    let only = ["sentences=3", "noise=0", "grid.init=[]", "out=other", "--random-init", "--dry-run", "--no-estimate"];
    let said = sweep(&workspace, "class-caps", &only);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("init=random") && !said.stdout.contains("init=pretrained\n"), "{said}");
}

#[test]
fn caps_that_cannot_be_are_refused_before_anything_is_trained() {
    let workspace = Workspace::new();
    let refused = |more: &[&str]| {
        let said = sweep(&workspace, "class-caps", more);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said}");
        assert!(said.stderr.contains("hint: "), "{said}");
        assert!(!workspace.path().join("out/runs").exists(), "something was trained");
        said.stderr
    };
    let words = refused(&["classes=DNA", "out=out"]);
    assert!(words.contains("class cap: the corpus has no entity type `DNA`"), "{words}");
    assert!(words.contains("it has LOC, MISC, ORG, PER"), "{words}");
    let words = refused(&["sentences=5,10000", "out=out"]);
    assert!(words.contains("10000 sentences with `LOC` are to stay, and the training split has "), "{words}");
    assert!(refused(&["study.classes=[]", "out=out"]).contains("study.caps.classes is empty"));
    assert!(refused(&["classes=LOC,LOC", "out=out"]).contains("study.caps.classes has LOC twice"));
    assert!(refused(&["sentences=-1", "out=out"]).contains("sentences"));
    assert!(refused(&["heads=round", "out=out"]).contains("heads"));
    assert!(refused(&["perturb.cap={class=\"LOC\",sentences=3}", "out=out"]).contains("set by the study's grid"));
    assert!(
        refused(&["model.head.dimensions=0", "out=out"]).contains("model.head.dimensions must be between 1 and 4096")
    );
    assert!(refused(&["train.episodes.steps=0", "out=out"]).contains("train.episodes.steps must be at least 1"));

    let smoke = repository("experiments/smoke.toml").display().to_string();
    let said = workspace.run(&["sweep", &smoke, "classes=LOC", "out=out"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("study.caps is only valid with study.kind = \"class-caps\""), "{said}");
}

#[test]
fn a_noise_sweep_may_have_a_cap() {
    let workspace = Workspace::new();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let cap = ["perturb.cap.class=LOC", "perturb.cap.sentences=4", "data.train_sentences=60", "noise=0", "out=out"];
    let said = workspace.run(&["sweep", &smoke].into_iter().chain(cap).collect::<Vec<_>>());
    assert_eq!(said.code, 0, "{said}");
    let manifest = Manifest::read(&workspace.path().join("out/runs/noise=0.00/seed=1")).unwrap();
    assert_eq!(manifest.cap.unwrap().kept.len(), 4);
    let report = workspace.read("out/report/report.md");
    assert!(report.contains(" training sentences with LOC were kept"), "{report}");
    assert!(report.contains("Training sentences kept by the class caps"), "{report}");
    let said = workspace.run(&["sweep", &smoke, "perturb.cap.class=LOC", "out=out"]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("perturb.cap.sentences is missing"), "{said}");
}

#[test]
fn a_capped_copy_of_a_corpus_says_what_is_left() {
    let workspace = Workspace::new();
    let said = workspace.run(&["corpus", "perturb", "embedded", "--out", "rare", "--cap", "LOC=25"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("sentences with LOC stay, "), "{said}");
    let noise: serde_json::Value = serde_json::from_str(&workspace.read(&format!("rare/{NOISE_FILE}"))).unwrap();
    assert_eq!(noise["cap"]["kept"].as_array().unwrap().len(), 25);
    let said = workspace.run(&["corpus", "describe", "rare", "--json"]);
    assert_eq!(said.code, 0, "{said}");
    for bad in ["LOC", "LOC=many", "=3"] {
        let said = workspace.run(&["corpus", "perturb", "embedded", "--out", "other", "--cap", bad]);
        assert_eq!(said.code, 2, "{bad}: {said}");
    }
}
