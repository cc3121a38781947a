//! Which column holds which quantity.

use std::collections::BTreeMap;
use std::path::Path;

use super::table::Table;
use crate::Result;
use crate::dynamics::DevScore;
use crate::error::{Error, Problem};

/// What we call a quantity, and the names that it may have in a file as [`simplified`] leaves them, ours first.
const QUANTITIES: &[(&str, &[&str])] = &[
    ("epoch", &["epoch", "epochs", "train_epoch", "trainer_epoch"]),
    ("step", &["step", "global_step", "steps", "train_global_step", "trainer_global_step"]),
    ("examples_seen", &["examples_seen", "examples"]),
    ("learning_rate", &["learning_rate", "lr", "train_learning_rate"]),
    (
        "dev_score",
        &[
            "dev_score",
            "dev_f1",
            "eval_f1",
            "valid_f1",
            "val_f1",
            "validation_f1",
            "eval_overall_f1",
            "dev_overall_f1",
            "val_overall_f1",
            "valid_overall_f1",
            "validation_overall_f1",
            "eval_f1_score",
            "val_f1_score",
        ],
    ),
    ("train_f1", &["train_f1", "train_f1_noisy", "train_overall_f1", "probe_f1"]),
    ("clean_accuracy", &["clean_accuracy", "clean_acc", "probe_clean_accuracy"]),
    ("noisy_accuracy", &["noisy_accuracy", "noisy_acc", "probe_noisy_accuracy"]),
    ("noisy_accuracy_gold", &["noisy_accuracy_gold", "noisy_acc_gold", "probe_noisy_accuracy_gold"]),
    ("first_learned", &["first_learned"]),
    ("learned", &["learned"]),
];

/// Which column holds which quantity, where the file's names are not ours nor a usual alias.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    renamed: BTreeMap<&'static str, String>,
}

impl ColumnNames {
    /// Says that `quantity`, by our name or one of its aliases, is in the column `column`.
    ///
    /// # Errors
    /// [`Error::Config`] if `quantity` is none of ours.
    pub fn set(&mut self, quantity: &str, column: &str) -> Result<()> {
        let Some((ours, _)) = QUANTITIES.iter().find(|(_, names)| names.contains(&quantity)) else {
            let all: Vec<_> = QUANTITIES.iter().map(|(ours, _)| *ours).collect();
            return Err(Error::Config(
                Problem::new(format!("`{quantity}` is not a quantity of a curve"))
                    .hint(format!("choose one of {}", all.join(", "))),
            ));
        };
        self.renamed.insert(ours, column.to_owned());
        Ok(())
    }

    /// The columns of a table by quantity.
    ///
    /// # Errors
    /// [`Error::Data`] if a named column is missing, or several may hold one quantity.
    pub(super) fn find(&self, table: &Table, path: &Path) -> Result<BTreeMap<&'static str, String>> {
        let mut found = BTreeMap::new();
        for &(quantity, aliases) in QUANTITIES {
            if let Some(column) = self.renamed.get(quantity) {
                if !table.columns.contains(column) {
                    return Err(Error::Data(
                        Problem::new(format!("there is no column `{column}` for {quantity}"))
                            .at(path)
                            .hint(format!("the columns are {}", listed(table))),
                    ));
                }
                found.insert(quantity, column.clone());
                continue;
            }
            let candidates =
                aliases.iter().map(|alias| columns_named(alias, table)).find(|columns| !columns.is_empty());
            match candidates.as_deref() {
                None | Some([]) => {}
                Some([column]) => {
                    found.insert(quantity, (*column).to_owned());
                }
                Some(columns) => {
                    let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
                    return Err(Error::Data(
                        Problem::new(format!("several columns may hold {quantity}: {}", columns.join(", ")))
                            .at(path)
                            .hint(format!("choose one: --column {quantity}={}", columns[0].trim_matches('`'))),
                    ));
                }
            }
        }
        Ok(found)
    }
}

/// What a column of scores on dev measures, by its name: F1 or an unnamed score.
pub(super) fn dev_score(column: &str) -> DevScore {
    let name = simplified(column).unwrap_or_default();
    if name.split('_').any(|word| word == "f1") { DevScore::F1 } else { DevScore::UNNAMED }
}

/// The columns of a table for a hint.
pub(super) fn listed(table: &Table) -> String {
    table.columns.join(", ")
}

/// The columns that a name means: the one that is exactly it, else all that are it once simplified.
fn columns_named<'a>(alias: &str, table: &'a Table) -> Vec<&'a str> {
    let columns = || table.columns.iter().map(String::as_str);
    match columns().find(|column| *column == alias) {
        Some(column) => vec![column],
        None => columns().filter(|column| simplified(column).as_deref() == Some(alias)).collect(),
    }
}

/// A column's name in lower case, words joined by `_`, without the run that Weights & Biases puts before it:
/// `my-run - eval/f1` is `eval_f1`. `None` of the bounds that its exports have beside each column.
fn simplified(column: &str) -> Option<String> {
    if column.ends_with("__MIN") || column.ends_with("__MAX") {
        return None;
    }
    let name = column.rsplit_once(" - ").map_or(column, |(_, name)| name);
    Some(name.trim().to_lowercase().replace(['/', '.', ' ', '-', ':'], "_"))
}
