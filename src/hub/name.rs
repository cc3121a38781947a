//! Names of repositories: `bert-base-cased`, `organisation/name`, `name@revision`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A model: configuration, weights, tokenizer.
    Model,
    /// Annotated text.
    Data,
}

impl Kind {
    /// For people: `model` or `data set`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Data => "data set",
        }
    }
}

/// A repository on the hub, and which of its revisions is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Repository {
    kind: Kind,
    id: String,
    revision: String,
}

/// Most characters of an identifier, as on the hub.
const MAX_LENGTH: usize = 96;

impl Repository {
    /// The revision that is taken where none is named.
    pub const DEFAULT_REVISION: &'static str = "main";

    /// Reads `name`, `organisation/name` or either with `@revision`; `None` if it cannot be one.
    ///
    /// ```
    /// use memoscope::hub::{Kind, Repository};
    /// let pinned = Repository::parse(Kind::Model, "org/name@v1.0").unwrap();
    /// assert_eq!((pinned.id(), pinned.revision()), ("org/name", "v1.0"));
    /// assert_eq!(Repository::parse(Kind::Model, "bert-base-cased").unwrap().revision(), "main");
    /// assert_eq!(Repository::parse(Kind::Model, "../runs/model"), None);
    /// ```
    pub fn parse(kind: Kind, text: &str) -> Option<Self> {
        let (id, revision) = text.split_once('@').unwrap_or((text, Self::DEFAULT_REVISION));
        let parts: Vec<&str> = id.split('/').collect();
        let fits = id.len() <= MAX_LENGTH
            && parts.len() <= 2
            && parts.iter().all(|part| is_identifier(part))
            && !id.ends_with(".git")
            && is_revision(revision);
        fits.then(|| Self { kind, id: id.to_owned(), revision: revision.to_owned() })
    }

    /// What it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `name` or `organisation/name`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A branch, a tag or a commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// True if the revision is a commit, which never changes.
    pub fn is_pinned(&self) -> bool {
        is_commit(&self.revision)
    }

    /// Where its files are, below the endpoint.
    pub(super) fn path(&self) -> String {
        match self.kind {
            Kind::Model => self.id.clone(),
            Kind::Data => format!("datasets/{}", self.id),
        }
    }

    /// Where the hub describes this revision, below the endpoint.
    pub(super) fn api_path(&self) -> String {
        let kind = match self.kind {
            Kind::Model => "models",
            Kind::Data => "datasets",
        };
        format!("api/{kind}/{}/revision/{}", self.id, self.revision.replace('/', "%2F"))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision.as_str() {
            Self::DEFAULT_REVISION => f.write_str(&self.id),
            revision => write!(f, "{}@{revision}", self.id),
        }
    }
}

/// The hub's rule: letters, digits, `-`, `_` and `.`, but neither first nor last a hyphen or a point, and neither `--`
/// nor `..` within.
fn is_identifier(part: &str) -> bool {
    let edge = |c: char| c == '-' || c == '.';
    !part.is_empty()
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !part.starts_with(edge)
        && !part.ends_with(edge)
        && !part.contains("--")
        && !part.contains("..")
}

/// A branch, tag or commit that is safe as a path below `refs/`.
fn is_revision(revision: &str) -> bool {
    revision.len() <= 255
        && revision.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
        })
}

/// A commit: 40 hexadecimal digits in lower case.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hexadecimal(text)
}

/// Digits and the letters `a` to `f` alone.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_hub_are_read() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (text, id, revision) in [
            ("bert-base-cased", "bert-base-cased", "main"),
            ("google/bert_uncased_L-2_H-128_A-2", "google/bert_uncased_L-2_H-128_A-2", "main"),
            ("org/a.b@refs/pr/1", "org/a.b", "refs/pr/1"),
            (&format!("x@{commit}"), "x", commit),
        ] {
            let repository = Repository::parse(Kind::Model, text).unwrap();
            assert_eq!((repository.id(), repository.revision()), (id, revision));
            assert_eq!(repository.to_string(), text);
            assert_eq!(repository.is_pinned(), revision == commit);
        }
    }

    #[test]
    fn what_is_a_path_or_could_leave_the_cache_is_no_name() {
        for text in [
            "",
            "/",
            "a/",
            "/a",
            "./a",
            "../a",
            "a/b/c",
            "a..b",
            "a--b",
            "-a",
            "a-",
            ".a",
            "a b",
            "a\\b",
            "C:\\a",
            "ä",
            "a@",
            "a@../b",
            "a@b/../../c",
            "a@/b",
            "a@b/",
            "a@.hidden",
            "a@b c",
            "a@b@c",
            "a.git",
            "~/a",
            "a\n",
        ] {
            assert_eq!(Repository::parse(Kind::Model, text), None, "{text:?}");
        }
        assert_eq!(Repository::parse(Kind::Data, &"a".repeat(MAX_LENGTH + 1)), None);
    }

    #[test]
    fn the_hub_is_asked_under_the_names_it_knows() {
        let repository = Repository::parse(Kind::Data, "org/set@refs/pr/1").unwrap();
        assert_eq!(repository.api_path(), "api/datasets/org/set/revision/refs%2Fpr%2F1");
        assert_eq!(repository.path(), "datasets/org/set");
    }
}
