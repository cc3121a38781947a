//! The decisions that the audit's page exports.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Result;
use crate::error::{Error, Problem};

use super::{Change, Decision};

/// The version of the format that is read.
const SCHEMA: u64 = 1;

/// The file, far enough to tell whether the rest can be understood.
#[derive(Debug, Deserialize)]
struct Head {
    schema: u64,
    // Asked for so that any other JSON is said to be none of ours before its entries are looked at.
    #[serde(rename = "decisions")]
    _decisions: IgnoredAny,
}

#[derive(Debug, Deserialize)]
struct Export {
    fingerprint: Option<String>,
    decisions: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    sentence: usize,
    start: usize,
    end: usize,
    words: Option<Vec<String>>,
    given: Option<Vec<String>>,
    decision: Decision,
    tags: Option<Vec<String>>,
}

/// The fingerprint of the file that was decided about, and the decisions.
pub(super) fn read(path: &Path, text: &str) -> Result<(Option<String>, Vec<Change>)> {
    let malformed = |error: serde_json::Error| {
        let mut problem = Problem::new(format!("not a file of decisions: {error}")).at(path);
        problem.line = Some(error.line()).filter(|&line| line > 0);
        Error::Data(problem.hint("give the file as the audit's page exported it"))
    };
    let head: Head = serde_json::from_str(text).map_err(malformed)?;
    if head.schema != SCHEMA {
        let problem = Problem::new(format!("decisions of schema {}, and {SCHEMA} is known here", head.schema)).at(path);
        return Err(Error::Data(problem.hint("use the version of Memoscope that made the page")));
    }
    let export: Export = serde_json::from_str(text).map_err(malformed)?;
    let changes = (1..).zip(export.decisions).map(|(number, entry)| change(path, number, entry));
    Ok((export.fingerprint, changes.collect::<Result<_>>()?))
}

fn change(path: &Path, number: usize, entry: Entry) -> Result<Change> {
    let Entry { sentence, start, end, words, given, decision, tags } = entry;
    let problem =
        |what: &str, hint: &str| Error::Data(Problem::new(format!("decision {number}: {what}")).at(path).hint(hint));
    let tags = match (decision, tags) {
        (Decision::Reject, Some(tags)) if given.as_ref().is_some_and(|given| *given != tags) => {
            return Err(problem("rejected, but its tags are not the given ones", "use `edit` for tags of your own"));
        }
        (Decision::Reject, tags) => tags.or_else(|| given.clone()).unwrap_or_default(),
        (_, Some(tags)) => tags,
        (_, None) => return Err(problem("there are no tags", "give one tag in IOB2 for each token")),
    };
    Ok(Change { number, line: None, sentence, start, end, words, given, decision, tags })
}
