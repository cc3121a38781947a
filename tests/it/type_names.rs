//! Entity types whose names hold characters of other scripts and signs that formats give a meaning: each output has the name,
//! escaped where it must be, and no figure shows an empty box.

use crate::workspace::{Said, Workspace, repository};

const DATA: &str = "tests/fixtures/cases/17-type-names";

fn sweep(workspace: &Workspace, more: &[&str]) -> Said {
    let (file, data) = (repository("experiments/class-caps.toml"), repository(DATA));
    let (file, data) = (file.display().to_string(), data.display().to_string());
    let fixed =
        ["sweep", &file, "--data", &data, "--classes", "护栏,DATE/TIME,R&D_50%|#{x}", "--out", "out", "--quiet"];
    let small =
        ["sentences=3", "noise=0", "study.initializations=pretrained", "seeds=1", "epochs=1", "analysis.bootstrap=20"];
    let said = workspace.run(&[&fixed[..], &small, more].concat());
    assert_eq!(said.code, 0, "{said}");
    said
}

#[test]
fn every_format_has_the_names() {
    let workspace = Workspace::new();
    let said = sweep(&workspace, &[]);
    let warnings: Vec<&str> = said.stderr.lines().filter(|line| line.contains("--font")).collect();
    let note = "The font of the figures lacks 护 (U+62A4), 栏 (U+680F): PNG figures show the code points instead";
    assert!(matches!(&warnings[..], [one] if one.starts_with(&format!("warning: {note}"))), "{said}");
    let page = workspace.read("out/report/index.html");
    assert_eq!(page.matches(note).count(), 1);
    assert!(page.contains("护栏") && page.contains("R&amp;D_50%|#{x}") && page.contains("DATE&#x2f;TIME"));
    assert!(!page.contains("R&D_50%"));
    let markdown = workspace.read("out/report/report.md");
    assert!(
        markdown.contains("R&amp;D\\_50%\\|#\\{x\\}") && markdown.contains("护栏") && markdown.contains("lacks 护")
    );
    let tex = workspace.read("out/report/tables/measures.tex");
    assert!(tex.contains("R\\&D\\_50\\%\\textbar{}\\#\\{x\\}") && tex.contains("DATE/TIME") && tex.is_ascii(), "{tex}");
    assert!(tex.contains("\\memoscopechar{62A4}\\memoscopechar{680F} & "), "{tex}");
    let csv = workspace.read("out/report/tables/measures.csv");
    assert!(csv.contains("R&D_50%|#{x}") && csv.contains("护栏"), "{csv}");
    // A drawing keeps the characters: its viewer has fonts of its own.
    assert!(workspace.read("out/report/figures/sentences.svg").contains("护栏"));
    for file in ["sentences.png", "type_curves_1.svg", "type_learning_1.csv"] {
        assert!(workspace.path().join("out/report/figures").join(file).is_file(), "{file}");
    }
    let classes: Vec<String> =
        fs_err::read_dir(workspace.path().join("out/runs/noise=0.00/init=pretrained/head=linear"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
    assert_eq!(classes.len(), 4, "{classes:?}");
    assert!(classes.iter().all(|name| name.is_ascii() && !name.contains(['#', '|', '&', '/'])), "{classes:?}");
    assert!(classes.contains(&"class=DATE%2FTIME".to_owned()), "{classes:?}");
}

#[test]
fn a_font_that_has_the_characters_draws_them() {
    let Some(font) = std::env::var_os("MEMOSCOPE_FONT") else {
        eprintln!("skipped: MEMOSCOPE_FONT does not name a font with Chinese characters");
        return;
    };
    let workspace = Workspace::new();
    sweep(&workspace, &[]);
    let figure = workspace.path().join("out/report/figures/sentences.png");
    let with_code_points = fs_err::read(&figure).unwrap();
    let font = font.to_str().unwrap();
    let said = workspace.run(&["figures", "--out", "out", "--font", font, "--quiet"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(said.stderr, "", "nothing is missing: {said}");
    assert!(fs_err::read(&figure).unwrap() != with_code_points);
    let markdown = workspace.read("out/report/report.md");
    assert!(
        markdown.contains("are drawn with ") && markdown.contains(" (SHA-256 ") && !markdown.contains("lacks 护"),
        "{markdown}"
    );
    // The name, not the place: reports are shared.
    assert!(!markdown.contains(font));
}

#[test]
fn a_file_that_is_no_font_is_refused_before_anything_is_done() {
    let workspace = Workspace::new();
    workspace.file("a.ttf", "text");
    let file = repository("experiments/smoke.toml").display().to_string();
    for font in ["a.ttf", "none.ttf"] {
        let said = workspace.run(&["sweep", &file, "--out", "out", "--font", font]);
        assert!(said.code == 2 && said.stderr.contains(&format!("error: {font}: ")), "{said}");
        assert!(!workspace.path().join("out").exists());
    }
}
