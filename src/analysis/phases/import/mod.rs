//! Curves made elsewhere: what trainers, trackers and spreadsheets write, read as a [`PhaseCurve`].
//!
//! Two forms of text are read into a [`Table`] of records: [`json`] (JSON lines, an array, transformers'
//! `trainer_state.json` with its `log_history`) and [`csv`] (commas, semicolons or tabs; Weights & Biases' exports,
//! flair's `loss.tsv`, spreadsheets with decimal commas). [`columns`] finds which column holds which quantity,
//! [`points`] makes one point of each evaluation.

mod columns;
mod csv;
mod json;
mod points;
mod table;

use std::path::Path;

use super::PhaseCurve;
use crate::Result;
use crate::dynamics::DevScore;

pub use columns::ColumnNames;

/// A curve read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedCurve {
    /// The evaluations.
    pub curve: PhaseCurve,
    /// What their score on dev measures.
    pub dev_score: DevScore,
    /// What the user should know of how the file was read: one sentence each, without a full stop.
    pub notes: Vec<String>,
}

/// Reads a curve from the text of a file in CSV or JSON; `path` is for messages.
///
/// Records without an epoch or without a score (a header record, a trainer's records of the training loss) are no
/// evaluations. Empty cells, `null` and NaN are unknown. `learned`, the number or share of tokens learned so far, is
/// turned into the first-learning rate. Line ends may be LF, CRLF or CR.
///
/// # Errors
/// [`crate::Error::Data`] with file and line if a record cannot be parsed, a score is no number or out of its range,
/// epochs do not ascend, no column or several columns may hold a quantity, or nothing is left.
pub fn parse_curve(text: &str, path: &Path, names: &ColumnNames) -> Result<ImportedCurve> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let table = match text.trim_start().starts_with(['{', '[']) {
        true => json::read(&text, path)?,
        false => csv::read(&text, path)?,
    };
    points::read(&table, path, names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::phases::PhaseCurvePoint;

    fn parse(text: &str) -> Result<ImportedCurve> {
        parse_curve(text, Path::new("curve.csv"), &ColumnNames::default())
    }

    fn points(text: &str) -> Vec<PhaseCurvePoint> {
        parse(text).unwrap().curve.points().to_vec()
    }

    fn f1(text: &str) -> Vec<(f64, Option<f64>)> {
        points(text).iter().map(|point| (point.epoch, point.dev_score)).collect()
    }

    #[test]
    fn csv_and_json_lines_agree() {
        let csv = points("epoch,dev_f1,noisy_acc,lr\n1,0.5,,1e-4\n2,0.6,0.1,5e-5\n");
        let json = "{\"noise\": 0.3}\n{\"epoch\": 1, \"dev_f1\": 0.5, \"noisy_acc\": null, \"lr\": 1e-4}\n\
                    {\"epoch\": 2, \"dev_f1\": 0.6, \"noisy_acc\": 0.1, \"lr\": 5e-5}\n";
        assert_eq!(csv, points(json));
        assert_eq!(csv[1].noisy_accuracy, Some(0.1));
        assert_eq!(csv[0].noisy_accuracy, None);
    }

    #[test]
    fn cumulative_counts_become_rates() {
        let rates: Vec<_> =
            points("epoch,learned\n1,50\n2,80\n3,100\n").iter().filter_map(|p| p.first_learned).collect();
        assert!(rates.iter().zip([0.5, 0.3, 0.2]).all(|(a, b)| (a - b).abs() < 1e-12), "{rates:?}");
    }

    #[test]
    fn line_ends_do_not_matter() {
        let lines = "epoch,dev_f1\n1,0.5\n2,0.6\n";
        for end in ["\r\n", "\r"] {
            assert_eq!(parse(&lines.replace('\n', end)).unwrap(), parse(lines).unwrap());
        }
    }

    #[test]
    fn mistakes_name_file_and_line() {
        for (text, line) in [
            ("epoch,dev_f1\n1,0.5\n2,abc\n", 3),
            ("epoch,dev_f1\r\n1,0.5\r\n2,abc\r\n", 3),
            ("epoch,dev_f1\r1,0.5\r2,abc\r", 3),
            ("epoch,dev_f1\n1,0.5\n\n# a comment\n2,abc\n", 5),
            ("epoch,dev_f1\n1,0.5\n2\n", 3),
            ("epoch,dev_f1\n1,0.5\n2,-0.5\n", 3),
            ("epoch,dev_f1\n1,0.5\n2,500\n", 3),
            ("{\"epoch\": 1, \"dev_f1\": 0.5}\n{\"epoch\": }\n", 2),
            ("{\"epoch\": 1, \"dev_f1\": 0.5}\n[1]\n", 2),
            ("{\"epoch\": 2, \"dev_f1\": 0.5}\n{\"epoch\": 1, \"dev_f1\": 0.5}\n", 2),
            ("{\"epoch\": 2, \"dev_f1\": 0.5}\n{\"epoch\": 3, \"dev_f1\": \"good\"}\n", 2),
            ("{\"epoch\": 1, \"dev_f1\": 0.5}\r\n{\"epoch\": 1, \"dev_f1\": 0.6}\r\n", 2),
            ("[\n  {\"epoch\": 1, \"dev_f1\": 0.5},\n  {\"epoch\": }\n]", 3),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(&format!("curve.csv:{line}: ")), "{text:?}: {message}");
        }
        let message =
            parse("[{\"epoch\": 1, \"dev_f1\": 0.5}, {\"epoch\": 1, \"dev_f1\": 0.6}]").unwrap_err().to_string();
        assert!(message.contains("record 2"), "{message}");
        assert!(parse("").is_err());
        assert!(parse("dev_f1\n0.5\n").is_err());
        assert!(parse("[]").is_err());
    }

    #[test]
    fn a_file_without_a_known_score_is_refused_with_its_columns() {
        for text in ["epoch,f1\n1,0.5\n", "{\"epoch\": 1, \"f1\": 0.5}", "[{\"epoch\": 1, \"f1\": 0.5}]"] {
            let error = parse(text).unwrap_err();
            let hint = error.hint().unwrap();
            assert!(error.to_string().contains("no score"), "{error}");
            assert!(hint.contains("epoch, f1") && hint.contains("--column dev_score="), "{hint}");
        }
    }

    #[test]
    fn records_of_a_trainer_that_are_no_evaluations_are_left_out() {
        let text = r#"{"log_history": [
            {"loss": 1.0, "learning_rate": 4e-5, "epoch": 1.0, "step": 10},
            {"eval_loss": NaN, "eval_f1": 0.3, "eval_runtime": 1.0, "epoch": 1.0, "step": 10},
            {"loss": 0.5, "learning_rate": 2e-5, "epoch": 2.0, "step": 20},
            {"eval_loss": 0.5, "eval_f1": 0.5, "eval_runtime": 1.0, "epoch": 2.0, "step": 20},
            {"train_runtime": 9.0, "train_loss": 0.7, "epoch": 2.0, "step": 20},
            {"eval_loss": 0.6, "eval_f1": 0.3, "eval_runtime": 1.0, "epoch": 2.0, "step": 20}
        ]}"#;
        let read = parse(text).unwrap();
        let point = |epoch: f64, rate, f1| PhaseCurvePoint {
            epoch,
            step: Some(epoch as u64 * 10),
            learning_rate: Some(rate),
            dev_score: Some(f1),
            ..PhaseCurvePoint::default()
        };
        assert_eq!(read.curve.points(), [point(1.0, 4e-5, 0.3), point(2.0, 2e-5, 0.5)]);
        assert!(read.notes.len() == 1 && read.notes[0].contains("record 6"), "{:?}", read.notes);
    }

    #[test]
    fn scores_of_one_evaluation_may_be_in_several_records() {
        let text =
            "{\"epoch\": 1, \"train_f1\": 0.4}\n{\"epoch\": 1, \"eval_f1\": 0.5}\n{\"epoch\": 2, \"eval_f1\": 0.6}\n";
        let points = points(text);
        assert_eq!(points.len(), 2);
        assert_eq!((points[0].train_f1, points[0].dev_score), (Some(0.4), Some(0.5)));
    }

    #[test]
    fn the_score_on_dev_is_named_by_its_column() {
        for (column, score) in
            [("dev_f1", DevScore::F1), ("run - eval/f1", DevScore::F1), ("dev_score", DevScore::UNNAMED)]
        {
            let read = parse(&format!("epoch,{column}\n1,0.5\n")).unwrap();
            assert_eq!((read.curve.points()[0].dev_score, read.dev_score), (Some(0.5), score), "{column}");
        }
        assert_eq!(parse("epoch,train_f1\n1,0.5\n").unwrap().dev_score, DevScore::UNNAMED);
    }

    #[test]
    fn nan_in_a_used_score_is_a_missing_evaluation_and_said() {
        for text in [
            "epoch,dev_f1,other\n1,0.5,nan\n2,NaN,1\n3,0.6,x\n",
            "{\"epoch\": 1, \"dev_f1\": 0.5, \"other\": NaN}\n{\"epoch\": 2, \"dev_f1\": NaN}\n{\"epoch\": 3, \"dev_f1\": 0.6}\n",
            "[{\"epoch\": 1, \"dev_f1\": 0.5}, {\"epoch\": 2, \"dev_f1\": -Infinity}, {\"epoch\": 3, \"dev_f1\": 0.6}]",
        ] {
            assert_eq!(f1(text), [(1.0, Some(0.5)), (3.0, Some(0.6))]);
            let notes = parse(text).unwrap().notes;
            assert_eq!(notes, ["`dev_f1` is not a finite number in 1 evaluation (epoch 2): read as missing"]);
        }
    }

    #[test]
    fn names_of_trackers_and_trainers_are_known() {
        let expected = [(1.0, Some(0.5)), (2.0, Some(0.25))];
        for text in [
            "epoch,eval/f1\n1,0.5\n2,0.25\n",
            "EPOCH\tTIMESTAMP\tDEV_LOSS\tDEV_F1\n1\t12:00:01\t_\t0.5\n2\t12:00:02\t_\t0.25\n",
            "Epoch,Validation F1\n1,0.5\n2,0.25\n",
            "\"epoch\",\"my run - eval/overall_f1\",\"my run - eval/overall_f1__MIN\",\"my run - eval/overall_f1__MAX\"\n\
             1,0.5,0,1\n2,0.25,0,1\n",
            "{\"epoch\": 1, \"eval\": {\"f1\": 0.5}}\n{\"epoch\": 2, \"eval\": {\"f1\": 0.25}}\n",
        ] {
            assert_eq!(f1(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_spreadsheets_are_read() {
        let expected = [(1.0, Some(0.5)), (2.0, Some(0.25))];
        for text in [
            "\u{feff}epoch;dev_f1\n1;0,5\n2;0,25\n",
            "epoch\tdev_f1\n1\t0,5\n2\t0,25\n",
            "epoch,dev_f1\n1,\"0,5\"\n2,\"0,25\"\n",
            "sep=;\nepoch;dev_f1\n1;0,5\n2;0,25\n",
            "epoch,dev_f1\n1,50%\n2,25 %\n",
            "epoch;dev_f1\n1,0;50,0\u{a0}%\n2,0;25,0\u{a0}%\n",
        ] {
            assert_eq!(f1(text), expected, "{text}");
        }
        let step = points("step;epoch;dev_f1\n1.234;1;0,5\n2.468;2;0,5\n")[0].step;
        assert_eq!(step, Some(1234), "a point that separates thousands");
    }

    #[test]
    fn without_epochs_steps_stand_in_their_place() {
        let read = parse("\"Step\",\"run - eval/f1\"\n\"10\",\"0.3\"\n\"20\",\"0.5\"\n").unwrap();
        let positions: Vec<_> = read.curve.points().iter().map(|p| (p.epoch, p.step)).collect();
        assert_eq!(positions, [(10.0, Some(10)), (20.0, Some(20))]);
        assert!(read.notes[0].contains("`Step`"), "{:?}", read.notes);
    }

    #[test]
    fn several_columns_for_one_quantity_are_refused_by_name() {
        let error = parse("epoch,a - eval/f1,b - eval/f1\n1,0.5,0.6\n").unwrap_err();
        assert!(error.to_string().contains("`a - eval/f1`, `b - eval/f1`"), "{error}");
        assert!(error.hint().unwrap().contains("--column dev_score="), "{error}");
    }

    #[test]
    fn other_names_can_be_given() {
        let mut names = ColumnNames::default();
        names.set("dev_f1", "validation").unwrap();
        let read = |text| parse_curve(text, Path::new("c"), &names);
        let validated = read("epoch;validation\n1;0.5\n").unwrap();
        assert_eq!(validated.curve.points()[0].dev_score, Some(0.5));
        assert_eq!(validated.dev_score, DevScore::UNNAMED);
        let mut names = names.clone();
        assert!(names.set("nonsense", "x").is_err());
        names.set("train_f1", "absent").unwrap();
        let error = parse_curve("epoch;validation\n1;0.5\n", Path::new("c"), &names).unwrap_err();
        assert!(error.hint().unwrap().contains("epoch, validation"), "{error}");
    }
}
