//! The labels of a saved tagger: `id2label` in `config.json`.

use std::collections::BTreeMap;

use crate::corpus::tags::{Inventory, clean};
use crate::error::printable;

/// Most labels of a tagger: ids are 8 bits.
const MOST: usize = 256;

/// The label of tokens that belong to no entity.
pub(super) const OUTSIDE: &str = "O";

/// What is wrong with the labels of a tagger, and what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub what: String,
    pub hint: String,
}

fn fault(what: impl Into<String>, hint: impl Into<String>) -> Fault {
    Fault { what: what.into(), hint: hint.into() }
}

/// The names of the labels by id, cleaned; `None` where a model has none of its own, but those that transformers gives
/// (`LABEL_0`).
///
/// # Errors
/// An id that is no number, ids that are not 0, 1, 2, …, a name that is empty or there twice, too many.
pub(super) fn names(id2label: Option<&BTreeMap<String, String>>) -> Result<Option<Vec<String>>, Fault> {
    let named = id2label.into_iter().flatten();
    let mut labels: Vec<(usize, String)> = Vec::new();
    for (id, name) in named {
        let Ok(number) = id.parse() else {
            let what = format!("id2label has the id `{}`, which is not a number", printable(id));
            return Err(fault(what, "number the labels from 0 on, in the order of the head's rows"));
        };
        labels.push((number, clean(name).into_owned()));
    }
    if labels.iter().all(|(_, name)| name.starts_with("LABEL_")) {
        return Ok(None);
    }
    labels.sort();
    if let Some((expected, (id, _))) = labels.iter().enumerate().find(|(i, (id, _))| i != id) {
        let what = format!("id2label has {} labels, and no name for the id {expected}: the next is {id}", labels.len());
        return Err(fault(what, "number the labels from 0 on, in the order of the head's rows"));
    }
    if !(2..=MOST).contains(&labels.len()) {
        let what = format!("id2label has {} labels, and a tagger has 2 to {MOST}", labels.len());
        return Err(fault(what, "use a tagger: a token classifier with BIO labels"));
    }
    let names: Vec<String> = labels.into_iter().map(|(_, name)| name).collect();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() || names[..i].contains(name) {
            let what = match name.is_empty() {
                true => format!("id2label has an empty name for the id {i}"),
                false => format!("id2label has the label `{}` twice", printable(name)),
            };
            return Err(fault(what, "give each id a name of its own"));
        }
    }
    Ok(Some(names))
}

/// Checks that a tagger with these labels can label text, the label `outside` renamed to `O` where one is given.
///
/// # Errors
/// No label for tokens that belong to no entity, or tags that no scheme has.
pub(super) fn with_outside(mut names: Vec<String>, outside: Option<&str>) -> Result<Vec<String>, Fault> {
    let listed = |names: &[String]| names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    if let Some(outside) = outside.map(clean) {
        let Some(at) = names.iter().position(|name| *name == outside) else {
            let what = format!("the tagger has no label `{}`", printable(&outside));
            return Err(fault(what, format!("`--outside` takes one of its labels: {}", listed(&names))));
        };
        if outside != OUTSIDE && names.iter().any(|name| name == OUTSIDE) {
            let what = format!("the tagger has the label `O`, and `--outside {}` names another", printable(&outside));
            return Err(fault(what, "leave the option out: tokens that belong to no entity have the label `O`"));
        }
        OUTSIDE.clone_into(&mut names[at]);
    }
    if !names.iter().any(|name| name == OUTSIDE) {
        let usual = names.iter().find(|name| ["o", "_", "0", "OUT", "OUTSIDE", "NONE"].contains(&name.as_str()));
        let hint = match usual {
            Some(name) => format!("name the label of tokens that belong to no entity, for example `--outside {name}`"),
            None => "name the label of tokens that belong to no entity with `--outside LABEL`".into(),
        };
        return Err(fault(format!("none of the tagger's labels is `O` ({})", listed(&names)), hint));
    }
    match Inventory::read(&names) {
        Ok(_) => Ok(names),
        Err(why) => Err(fault(
            format!("its labels are not tags: {}", printable(&why)),
            "write all labels in id2label in one scheme, for example IOB2: `O`, `B-PER`, `I-PER`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[(&str, &str)]) -> Result<Option<Vec<String>>, String> {
        let map = labels.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        names(Some(&map)).map_err(|fault| fault.what)
    }

    fn checked(names: &[&str], outside: Option<&str>) -> Result<Vec<String>, Fault> {
        with_outside(names.iter().map(|name| (*name).to_owned()).collect(), outside)
    }

    #[test]
    fn names_are_cleaned_and_sorted_by_their_ids() {
        let labels = [("10", "I-F"), ("0", "B-A\u{a0}"), ("1", "I-A"), ("2", " O")];
        assert!(read(&labels).unwrap_err().contains("no name for the id 3: the next is 10"));
        assert_eq!(read(&labels[1..]).unwrap().unwrap(), ["B-A", "I-A", "O"]);
        assert_eq!(read(&[("0", "LABEL_0"), ("1", "LABEL_1")]), Ok(None));
        assert_eq!(names(None), Ok(None));
    }

    #[test]
    fn ids_and_names_that_cannot_be_are_refused() {
        assert!(read(&[("1", "O"), ("2", "B-X")]).unwrap_err().contains("no name for the id 0: the next is 1"));
        assert!(read(&[("zero", "O")]).unwrap_err().contains("`zero`, which is not a number"));
        assert!(read(&[("0", "O"), ("1", "B-X "), ("2", "B-X")]).unwrap_err().contains("`B-X` twice"));
        assert!(read(&[("0", "O"), ("1", "\u{200b}")]).unwrap_err().contains("empty name for the id 1"));
        assert!(read(&[("0", "O")]).unwrap_err().contains("1 labels"));
    }

    #[test]
    fn the_outside_label_is_asked_for_where_it_is_not_o() {
        assert_eq!(checked(&["B-X", "O"], None).unwrap(), ["B-X", "O"]);
        for (labels, option) in
            [(["B-X", "_"], "--outside _"), (["o", "B-X"], "--outside o"), (["B-X", "I-X"], "LABEL")]
        {
            let fault = checked(&labels, None).unwrap_err();
            assert!(
                fault.what.contains("none of the tagger's labels is `O`") && fault.hint.contains(option),
                "{fault:?}"
            );
        }
        assert_eq!(checked(&["B-X", "_"], Some("_")).unwrap(), ["B-X", "O"]);
        assert_eq!(checked(&["B-X", "O"], Some("O")).unwrap(), ["B-X", "O"]);
        assert!(checked(&["B-X", "_"], Some("o")).unwrap_err().hint.contains("B-X, _"));
        assert!(checked(&["B-X", "_", "O"], Some("_")).unwrap_err().what.contains("names another"));
    }

    #[test]
    fn labels_in_any_one_scheme_are_tags_and_mixtures_are_not() {
        for labels in [["O", "PER", "LOC"], ["O", "U-PER", "L-PER"], ["O", "S-PER", "B-PER"]] {
            assert!(checked(&labels, None).is_ok(), "{labels:?}");
        }
        let fault = checked(&["O", "B-PER", "LOC"], None).unwrap_err();
        assert!(fault.what.contains("not tags"), "{fault:?}");
    }
}
