//! Whether the models of an audit have learned enough for their probabilities to be used without review.
//!
//! Models that have learned little flag correct labels, and their probabilities are too high. How much they have
//! learned is the entity F1 of their predictions against the given labels, in text they were not trained on, after the
//! last epoch. `audit.json` has it as `held_out_f1`; where suspects are accepted by probability alone it is read from
//! there.

use std::path::Path;

use serde_json::Value;

use crate::audit::table::read_text;
use crate::error::{Error, Problem, Result};

/// The name of an audit's summary in its folder.
pub const SUMMARY_FILE: &str = "audit.json";
/// F1 against the given labels below which probabilities are not to be relied on.
pub const LEAST_F1: f64 = 0.4;

/// The warning for models with this F1 against the given labels; `None` from [`LEAST_F1`] on.
pub fn f1_warning(f1: f64) -> Option<String> {
    (f1 < LEAST_F1).then(|| {
        format!(
            "the models reach an F1 of {f1:.2} against the given labels: they have learned little, or very many labels are \
             wrong. Expect correct labels high in the ranking, and do not use the probabilities. More --epochs, fewer \
             --folds or a stronger encoder may help"
        )
    })
}

/// Refuses to accept suspects by their probabilities if the models have learned too little, or if their F1 is unknown.
///
/// `suspects` is the file of suspects; the summary lies beside it.
///
/// # Errors
/// [`Error::Config`] with the reason; [`Error::Data`] if there is a summary and it cannot be read.
pub(in crate::audit) fn require_learned(suspects: &Path) -> Result<()> {
    const ANYWAY: &str = "or accept them nevertheless with --uncalibrated";
    let refuse = |what: String, hint: &str| {
        Err(Error::Config(Problem::new(what).at(suspects).hint(format!("{hint}, {ANYWAY}"))))
    };
    let path = suspects.with_file_name(SUMMARY_FILE);
    if !path.is_file() {
        let what = format!("the models' held-out F1 is unknown: there is no {SUMMARY_FILE} beside the suspects");
        return refuse(what, "give the folder of the audit, decide on its page");
    }
    let summary: Value = serde_json::from_str(&read_text(&path)?).map_err(|error| {
        let problem = Problem::new(format!("not the summary of an audit: {error}")).at(&path);
        Error::Data(problem.hint("run the audit again: finished trainings are only scored"))
    })?;
    match summary.get("held_out_f1").map(Value::as_f64) {
        Some(Some(f1)) if f1 >= LEAST_F1 => Ok(()),
        Some(Some(f1)) => refuse(
            format!(
                "the models reach a held-out F1 of {f1:.2}, below {LEAST_F1:.1}: accepting their suggestions unseen would \
                 probably make the labels worse"
            ),
            "decide on the audit's page, audit again with more --epochs or a stronger encoder",
        ),
        Some(None) => refuse(
            "the models' held-out F1 is unknown: the audit had one fold, so no text was held out".into(),
            "decide on the audit's page, audit again with --folds 5",
        ),
        None => refuse(
            format!("the models' held-out F1 is unknown: {SUMMARY_FILE} is of an earlier version"),
            "run the audit again (finished trainings are only scored)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of suspects with this summary beside them.
    fn said(summary: Option<&str>) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(summary) = summary {
            fs_err::write(folder.path().join(SUMMARY_FILE), summary).unwrap();
        }
        let error = require_learned(&folder.path().join("suspects.jsonl")).err()?;
        let expected = if summary == Some("{") { "run the audit again" } else { "--uncalibrated" };
        assert!(error.hint().is_some_and(|hint| hint.contains(expected)), "{error}: {:?}", error.hint());
        Some(format!("{:?}: {error}", error.kind()).replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn probabilities_of_models_that_learned_little_are_refused() {
        assert_eq!(said(Some(r#"{"schema":1,"held_out_f1":0.4}"#)), None);
        for (summary, expected) in [
            (
                Some(r#"{"held_out_f1":0.31}"#),
                "Config: suspects.jsonl: the models reach a held-out F1 of 0.31, below 0.4:",
            ),
            (
                Some(r#"{"held_out_f1":null}"#),
                "Config: suspects.jsonl: the models' held-out F1 is unknown: the audit had one",
            ),
            (
                Some("{}"),
                "Config: suspects.jsonl: the models' held-out F1 is unknown: audit.json is of an earlier version",
            ),
            (None, "Config: suspects.jsonl: the models' held-out F1 is unknown: there is no audit.json beside"),
            (Some("{"), "Input: audit.json: not the summary of an audit"),
        ] {
            let said = said(summary).unwrap();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn a_low_f1_is_warned_of() {
        assert!(f1_warning(0.394).unwrap().starts_with("the models reach an F1 of 0.39 against the given labels"));
        assert_eq!(f1_warning(LEAST_F1), None);
    }
}
