//! Decisions applied to the annotated file.
//!
//! Every decision, rejected ones included, is first checked against the file: the tokens and the given tags must be
//! those of the decision. Two decisions about the same token must agree. If a valid tag sequence would become invalid,
//! nothing is applied.

use std::collections::{BTreeMap, BTreeSet};

use crate::Result;
use crate::corpus::EditableFile;
use crate::corpus::Scheme;
use crate::corpus::edit::{EditedLine, Edits};
use crate::corpus::scheme::{Prefix, Tag, is_valid_transition};
use crate::dynamics::unguarded;
use crate::error::{Error, Problem, printable};

use super::{Change, Decision, Decisions};

/// A corrected file, and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The file's new bytes.
    pub bytes: Vec<u8>,
    /// The lines that differ, in order.
    pub lines: Vec<EditedLine>,
    /// Decisions to accept the suggested tags.
    pub n_accepted: usize,
    /// Decisions for other tags.
    pub n_edited: usize,
    /// Decisions to keep the given tags.
    pub n_rejected: usize,
    /// Decisions to accept or to edit that were left out, as the sentence's tags would be no valid sequence.
    pub n_left_out: usize,
    /// Tokens whose label changed. In IOB1 and BIOES more lines than these may differ.
    pub n_tokens_changed: usize,
    /// Tokens accepted or edited whose label is the one they had.
    pub n_tokens_unchanged: usize,
    /// What is odd but no reason to refuse it, one sentence each.
    pub warnings: Vec<String>,
}

/// Applies decisions to the file they were made on.
///
/// # Errors
/// [`Error::Data`] that names the decision and the line of the file: there are no such tokens, they or their given tags
/// are others, two decisions disagree about a token, a tag is none of IOB2, or a sequence of tags that was valid would
/// not be.
pub fn apply(data: &EditableFile, decisions: &Decisions) -> Result<Applied> {
    apply_as(data, decisions, false)
}

/// The same, but where a valid sequence would become an invalid one, all decisions about that sentence are left out,
/// and counted. Labels that were predicted token by token, as cleanlab's issues are, often need that.
///
/// # Errors
/// As [`apply`], but for sequences.
pub fn apply_valid(data: &EditableFile, decisions: &Decisions) -> Result<Applied> {
    apply_as(data, decisions, true)
}

fn apply_as(data: &EditableFile, decisions: &Decisions, skip_invalid: bool) -> Result<Applied> {
    let mut wanted: BTreeMap<(usize, usize), (&Change, &str)> = BTreeMap::new();
    for change in &decisions.changes {
        verify(data, decisions, change)?;
        if change.decision == Decision::Reject {
            continue;
        }
        for (token, tag) in (change.start..).zip(&change.tags) {
            let place = (change.sentence, token);
            match wanted.get(&place) {
                Some((other, earlier)) if earlier != tag => {
                    return Err(conflict(data, decisions, other, change, token));
                }
                _ => wanted.insert(place, (change, tag)),
            };
        }
    }
    let mut left_out: BTreeSet<usize> = BTreeSet::new();
    if skip_invalid {
        left_out.extend(faults(data, &wanted).iter().map(|fault| fault.sentence));
        wanted.retain(|(sentence, _), _| !left_out.contains(sentence));
    }
    stays_valid(data, decisions, &wanted)?;
    let edits: Edits = wanted.iter().map(|(place, (_, tag))| (*place, (*tag).to_owned())).collect();
    let n_tokens_changed = edits.iter().filter(|((s, t), tag)| data.tags()[*s][*t] != **tag).count();
    let edited = data.edit(&edits)?;
    let is_in = |change: &&Change| change.decision == Decision::Reject || !left_out.contains(&change.sentence);
    let taken: Vec<&Change> = decisions.changes.iter().filter(is_in).collect();
    let count = |decision| taken.iter().filter(|change| change.decision == decision).count();
    Ok(Applied {
        bytes: edited.bytes,
        lines: edited.lines,
        n_accepted: count(Decision::Accept),
        n_edited: count(Decision::Edit),
        n_rejected: count(Decision::Reject),
        n_left_out: decisions.changes.len() - taken.len(),
        n_tokens_changed,
        n_tokens_unchanged: edits.len() - n_tokens_changed,
        warnings: fingerprint_warning(data, decisions).into_iter().collect(),
    })
}

fn fingerprint_warning(data: &EditableFile, decisions: &Decisions) -> Option<String> {
    let other = decisions.fingerprint.as_ref().is_some_and(|made_on| *made_on != data.fingerprint());
    let (data, made) = (data.path().display(), decisions.path.display());
    other.then(|| {
        format!("{data} has changed since {made} was made; all tokens and tags of the decisions are still there")
    })
}

/// How a decision is called in a message.
fn name(change: &Change) -> String {
    change.line.map_or_else(|| format!("decision {}", change.number), |line| format!("line {line}"))
}

/// A finding about a decision.
fn problem(decisions: &Decisions, change: &Change, what: String) -> Problem {
    match change.line {
        Some(line) => Problem::new(what).at(&decisions.path).line(line),
        None => Problem::new(format!("{}: {what}", name(change))).at(&decisions.path),
    }
}

/// Tokens or tags, of which there may be very many, in a message.
fn shown<S: AsRef<str>>(texts: &[S]) -> String {
    const MOST: usize = 8;
    let mut all: Vec<String> = texts.iter().take(MOST).map(|text| printable(text.as_ref())).collect();
    if texts.len() > MOST {
        all.push("…".into());
    }
    format!("`{}`", all.join(" "))
}

/// Where a token stands in the annotated file.
fn place(data: &EditableFile, sentence: usize, token: usize) -> String {
    let line = data.sentences().get(sentence).map_or(0, |raw| raw.line(token));
    format!("{}:{line}", data.path().display())
}

/// Holds a decision against the file.
fn verify(data: &EditableFile, decisions: &Decisions, change: &Change) -> Result<()> {
    const ANOTHER: &str = "the decisions were made on another file, or on another version of this one";
    let refuse = |what: String, hint: &str| Err(Error::Data(problem(decisions, change, what).hint(hint)));
    let Change { sentence, start, end, ref words, ref given, decision, ref tags, .. } = *change;
    let path = data.path().display();
    let (Some(raw), Some(present)) = (data.sentences().get(sentence), data.tags().get(sentence)) else {
        let n = data.sentences().len();
        return refuse(format!("there is no sentence {sentence}: {path} has {n}, counted from 0"), ANOTHER);
    };
    let Some(present) = present.get(start..end).filter(|_| start < end) else {
        let (n, place) = (present.len(), place(data, sentence, 0));
        let what = format!("there are no tokens {start} to {end} in sentence {sentence}: {place} begins one of {n}");
        return refuse(what, ANOTHER);
    };
    let place = place(data, sentence, start);
    let there = &raw.tokens[start..end];
    // In a table for spreadsheets, words that look like formulas are guarded.
    let is_there = |words: &Vec<String>| {
        words.len() == there.len()
            && words.iter().zip(there).all(|(word, there)| word == there || unguarded(word) == *there)
    };
    if let Some(words) = words.as_ref().filter(|words| !is_there(words)) {
        return refuse(format!("the tokens are {}, but {place} has {}", shown(words), shown(there)), ANOTHER);
    }
    if let Some(given) = given.as_ref().filter(|given| *given != present) {
        let hint = match decision != Decision::Reject && tags == present {
            true => "it seems to be applied already: give the file as it was before",
            false => ANOTHER,
        };
        return refuse(format!("the given tags are {}, but {place} has {}", shown(given), shown(present)), hint);
    }
    if decision == Decision::Reject {
        return Ok(());
    }
    if tags.len() != present.len() {
        return refuse(format!("{} tags for {} tokens", tags.len(), present.len()), "give each token one tag in IOB2");
    }
    // What stands there already may be as odd as it likes.
    let odd = |(tag, present): &(&String, &String)| {
        let of_iob2 = |tag: Tag<'_>| matches!(tag.prefix, Prefix::Begin | Prefix::Inside);
        tag != present && !Tag::parse(tag).is_ok_and(|tag| tag.is_none_or(of_iob2))
    };
    if let Some((tag, _)) = tags.iter().zip(present).find(odd) {
        let what = format!("`{}` is no tag of IOB2", printable(tag));
        return refuse(what, "a tag is `O`, or `B-` or `I-` and a type, whatever the file's own scheme");
    }
    Ok(())
}

fn conflict(data: &EditableFile, decisions: &Decisions, first: &Change, second: &Change, token: usize) -> Error {
    let tag = |change: &Change| change.tags.get(token - change.start).map_or_else(String::new, |tag| printable(tag));
    let what = format!(
        "{} and {} disagree about {}: `{}` and `{}`",
        name(first),
        name(second),
        place(data, second.sentence, token),
        tag(first),
        tag(second)
    );
    let problem = Problem { line: second.line, ..Problem::new(what).at(&decisions.path) };
    Error::Data(problem.hint("reject one of them, or take it out"))
}

/// A place where a valid sequence of tags would become an invalid one.
struct Fault<'a> {
    change: &'a Change,
    sentence: usize,
    token: usize,
    previous: &'a str,
    current: &'a str,
}

/// Where changes would make an invalid sequence of tags of a valid one.
fn faults<'a>(data: &'a EditableFile, wanted: &BTreeMap<(usize, usize), (&'a Change, &'a str)>) -> Vec<Fault<'a>> {
    let is_valid = |previous: Option<&str>, current: &str| {
        let tag = |text| Tag::parse(text).unwrap_or(None);
        is_valid_transition(Scheme::Iob2, previous.and_then(tag), tag(current))
    };
    let mut faults = Vec::new();
    for (&(sentence, token), &(change, _)) in wanted {
        let old = |token: usize| data.tags()[sentence][token].as_str();
        let new = |token: usize| wanted.get(&(sentence, token)).map_or(old(token), |(_, tag)| tag);
        // The tokens that the change may part from the one before: itself, and the next unless that changes as well.
        let is_kept = |next: &usize| *next < data.tags()[sentence].len() && !wanted.contains_key(&(sentence, *next));
        for current in [Some(token), Some(token + 1).filter(is_kept)].into_iter().flatten() {
            let before = current.checked_sub(1);
            if is_valid(before.map(old), old(current)) && !is_valid(before.map(new), new(current)) {
                let (previous, token) = (before.map_or("O", new), current);
                faults.push(Fault { change, sentence, token, previous, current: new(current) });
            }
        }
    }
    faults
}

/// Refuses changes that make an invalid sequence of tags of a valid one.
fn stays_valid(
    data: &EditableFile,
    decisions: &Decisions,
    wanted: &BTreeMap<(usize, usize), (&Change, &str)>,
) -> Result<()> {
    let faults = faults(data, wanted);
    let Some(&Fault { change, sentence, token, previous, current }) = faults.first() else { return Ok(()) };
    let others = match faults.len() - 1 {
        0 => String::new(),
        n => format!(", and {n} more like it"),
    };
    let what = format!(
        "at {} `{}` would stand behind `{}`, which is no valid sequence{others}",
        place(data, sentence, token),
        printable(current),
        printable(previous)
    );
    Err(Error::Data(problem(decisions, change, what).hint(
        "let the decision cover all tokens of the entity, reject it, or leave such sentences out with --skip-invalid",
    )))
}
