//! Curves as trainers, trackers and spreadsheets write them, through `memoscope phases`.

use insta::assert_snapshot;

use crate::workspace::{Said, Workspace, repository};

fn phases(file: &str, more: &[&str]) -> Said {
    let curve = repository("tests/fixtures/cases/16-trainer-log").join(file);
    let mut arguments = vec!["phases", "--curve", curve.to_str().unwrap(), "--bootstrap", "20"];
    arguments.extend(more);
    let said = Workspace::new().run(&arguments);
    let hidden = |text: &str| text.replace(&repository("tests/fixtures/cases").display().to_string(), "[CASES]");
    Said { code: said.code, stdout: hidden(&said.stdout), stderr: hidden(&said.stderr) }
}

/// All of them hold the same ten evaluations: dev F1 rises to epoch 5 and falls.
#[test]
fn the_same_evaluations_give_the_same_phases_in_every_format() {
    let expected = phases("eval-only.jsonl", &[]);
    assert_eq!((expected.code, expected.stderr.as_str()), (0, ""), "{expected}");
    assert!(expected.stdout.contains("found from           dev F1 after its peak"), "{expected}");
    for file in ["eval-plus-final.jsonl", "overall.jsonl", "nan.jsonl"] {
        let said = phases(file, &[]);
        assert_eq!((said.code, &said.stdout, said.stderr.as_str()), (0, &expected.stdout, ""), "{file}");
    }
    // The others have the learning rate, or lack the step.
    let positions = |said: &Said| -> Vec<String> {
        said.stdout.lines().map(|line| line.split([';', '(']).next().unwrap().trim().to_owned()).collect()
    };
    for file in ["log_history.json", "log_history.jsonl", "trainer_state.json", "flair-loss.tsv"] {
        let said = phases(file, &[]);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{file}: {said}");
        assert_eq!(positions(&said), positions(&expected), "{file}");
    }
}

#[test]
fn spreadsheets_of_any_language_agree() {
    let expected = phases("excel-dot.csv", &[]);
    assert_eq!((expected.code, expected.stderr.as_str()), (0, ""), "{expected}");
    for file in ["excel.csv", "percent.csv"] {
        assert_eq!(phases(file, &[]).to_string(), expected.to_string(), "{file}");
    }
}

#[test]
fn an_export_without_epochs_is_read_by_steps_and_says_so() {
    let said = phases("wandb.csv", &[]);
    assert_eq!(said.code, 0, "{said}");
    assert_snapshot!(said.stderr, @"warning: the file has no epochs: `Step` is used instead, and every epoch named is a step");
    assert!(said.stdout.contains("epoch 40"), "{said}");
}

#[test]
fn line_ends_do_not_change_line_numbers() {
    assert_eq!(phases("cr.csv", &[]).code, 0);
    let said = phases("lf-bad.csv", &[]);
    assert_snapshot!(said, @"
    code: 3
    ----- stdout
    ----- stderr
    error: [CASES]/16-trainer-log/lf-bad.csv:4: `dev_f1` is `x`, not a number
      hint: leave unknown scores empty
    ");
    assert_eq!(phases("crlf-bad.csv", &[]).stderr, said.stderr.replace("lf-bad", "crlf-bad"));
    assert!(phases("crlf-order.csv", &[]).stderr.contains("crlf-order.csv:4: epoch 2 does not come after epoch 2"));
}

#[test]
fn a_column_is_chosen_by_name() {
    let said = phases("flair-loss.tsv", &["--column", "dev_f1=DEV_ACCURACY"]);
    assert_eq!(said.code, 0, "{said}");
    let said = phases("wandb.csv", &["--column", "dev_f1=eval/f1"]);
    assert_snapshot!(said, @"
    code: 3
    ----- stdout
    ----- stderr
    error: [CASES]/16-trainer-log/wandb.csv: there is no column `eval/f1` for dev_score
      hint: the columns are Step, run - eval/f1, run - eval/f1__MIN
    ");
}

#[test]
fn a_file_in_another_encoding_is_refused_with_its_line() {
    let workspace = Workspace::new();
    fs_err::write(workspace.path().join("c.csv"), b"epoch,dev_f1,note\n1,0.5,\n2,0.6,caf\xe9\n").unwrap();
    let said = workspace.run(&["phases", "--curve", "c.csv"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("c.csv:3: not valid UTF-8"), "{said}");
}
