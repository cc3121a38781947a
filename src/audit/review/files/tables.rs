//! Suspects as tables for other programs.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Result;
use crate::dynamics::CsvText;
use crate::error::{Error, Problem, printable};
use crate::files::write_atomically;

use crate::audit::Suspect;

/// One token: a row of [`write_cleanlab_table`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenRow<'a> {
    /// Its tag as given, in IOB2.
    pub given: &'a str,
    /// The tag suggested instead, in IOB2; the given one where nothing is suspect.
    pub predicted: &'a str,
    /// Estimated probability that the given tag is wrong, 0 to 1.
    pub probability: f64,
    /// True if it counts as an error.
    pub is_issue: bool,
}

/// Writes the tokens whose suggested tag differs from the given one, in the order of the suspects: columns `sentence`,
/// `token`, `word`, `given`, `suggested`, `probability` and `score`, separated by tabs, nothing quoted, tags in IOB2.
/// Tokens are written as `text` says; no tag of IOB2 looks like a formula.
///
/// # Errors
/// [`Error::Data`] if a token or tag holds a tab or a line feed, which no token of a file in CoNLL columns does;
/// [`Error::Io`].
pub fn write_token_table(path: &Path, suspects: &[Suspect], text: CsvText) -> Result<()> {
    write_atomically(path, |file| {
        let mut out = BufWriter::new(file);
        writeln!(out, "sentence\ttoken\tword\tgiven\tsuggested\tprobability\tscore").map_err(Error::io(path))?;
        for suspect in suspects {
            let tags = suspect.given.iter().zip(&suspect.suggested);
            for (token, (word, (given, suggested))) in (suspect.start..suspect.end).zip(suspect.words.iter().zip(tags))
            {
                if given == suggested {
                    continue;
                }
                for cell in [word, given, suggested] {
                    fits_between_tabs(cell)?;
                }
                let word = text.cell(word);
                let Suspect { sentence, probability, score, .. } = suspect;
                writeln!(out, "{sentence}\t{token}\t{word}\t{given}\t{suggested}\t{probability}\t{score}")
                    .map_err(Error::io(path))?;
            }
        }
        out.flush().map_err(Error::io(path))
    })
}

fn fits_between_tabs(text: &str) -> Result<()> {
    if text.contains(['\t', '\n']) {
        let what = format!("`{}` cannot stand in a table that is separated by tabs", printable(text));
        return Err(Error::Data(Problem::new(what).hint("take tabs and line feeds out of the words")));
    }
    Ok(())
}

/// Writes one row a token of the file, in its order, in the columns of cleanlab's `Datalab.get_issues("label")`:
/// `is_label_issue` (`True` or `False`), `label_score` (0 to 1, lower is worse: 1 − the probability that the label is
/// wrong), `given_label` and `predicted_label`, as CSV.
///
/// # Errors
/// [`Error::Internal`] if a probability is not between 0 and 1; [`Error::Io`].
pub fn write_cleanlab_table(path: &Path, rows: &[TokenRow<'_>]) -> Result<()> {
    if let Some(row) = rows.iter().find(|row| !(0.0..=1.0).contains(&row.probability)) {
        return Err(Error::Internal(format!("{} is no probability", row.probability)));
    }
    write_atomically(path, |file| {
        let failed = |error: csv::Error| Error::io(path)(error.into());
        let mut writer = csv::Writer::from_writer(BufWriter::new(file));
        writer.write_record(["is_label_issue", "label_score", "given_label", "predicted_label"]).map_err(failed)?;
        for row in rows {
            let is_issue = if row.is_issue { "True" } else { "False" };
            let score = (1.0 - row.probability).to_string();
            writer.write_record([is_issue, &score, row.given, row.predicted]).map_err(failed)?;
        }
        writer.flush().map_err(Error::io(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::SuspectKind;

    #[test]
    fn tokens_whose_tag_would_change_are_written_as_they_stand() {
        let mut suspect = Suspect {
            rank: 1,
            sentence: 3,
            line: 9,
            start: 1,
            end: 3,
            kind: SuspectKind::WrongBoundary,
            words: vec!["\"de la".into(), "\\".into()],
            given: vec!["B-X".into(), "I-X".into()],
            suggested: vec!["B-X".into(), "O".into()],
            score: 2.5,
            probability: 0.75,
            held_out_loss: Vec::new(),
            train_loss: Vec::new(),
            elsewhere: 0,
            elsewhere_as_given: 0,
            elsewhere_as_suggested: 0,
            occurrences: Vec::new(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.tsv");
        suspect.suggested[0] = "B-Y".into();
        write_token_table(&path, std::slice::from_ref(&suspect), CsvText::Exact).unwrap();
        assert_eq!(
            fs_err::read_to_string(&path).unwrap(),
            "sentence\ttoken\tword\tgiven\tsuggested\tprobability\tscore\n\
             3\t1\t\"de la\tB-X\tB-Y\t0.75\t2.5\n3\t2\t\\\tI-X\tO\t0.75\t2.5\n"
        );
        suspect.words[1] = "=1+1".into();
        write_token_table(&path, std::slice::from_ref(&suspect), CsvText::Safe).unwrap();
        assert!(fs_err::read_to_string(&path).unwrap().ends_with("\n3\t2\t'=1+1\tI-X\tO\t0.75\t2.5\n"));
        suspect.words[1] = "a\tb".into();
        assert!(matches!(write_token_table(&path, &[suspect], CsvText::Exact), Err(Error::Data(_))));
    }

    #[test]
    fn label_scores_are_low_where_labels_are_bad() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issues.csv");
        let row = TokenRow { given: "B-a, \"b\"", predicted: "O", probability: 0.75, is_issue: true };
        write_cleanlab_table(&path, &[row, TokenRow { probability: 0.0, is_issue: false, predicted: "B-X", ..row }])
            .unwrap();
        assert_eq!(
            fs_err::read_to_string(&path).unwrap(),
            "is_label_issue,label_score,given_label,predicted_label\n\
             True,0.25,\"B-a, \"\"b\"\"\",O\nFalse,1,\"B-a, \"\"b\"\"\",B-X\n"
        );
        let nan = TokenRow { probability: f64::NAN, ..row };
        assert!(matches!(write_cleanlab_table(&path, &[nan]), Err(Error::Internal(_))));
    }
}
