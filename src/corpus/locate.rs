//! Where the text that a name means is.

use std::path::PathBuf;

use super::Columns;
use super::files::{self, AnnotatedFiles};
use crate::Result;
use crate::error::{Error, Problem};
use crate::hub::{self, Kind, Repository};

/// Data sets that have a name of their own, and what they are called on the hub.
pub const NAMED: [(&str, &str); 3] =
    [("conll03", "tner/conll2003"), ("jnlpba", "tner/bionlp2004"), ("wnut17", "tner/wnut2017")];

/// Annotated text on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// A folder or file.
    pub path: PathBuf,
    /// The hub's commit, where it came from there.
    pub revision: Option<String>,
}

/// Finds what a name other than `embedded` means: a path if there is something under it; else one of [`NAMED`] or
/// `organisation/name`, either perhaps with `@revision`, fetched from the hub.
///
/// # Errors
/// [`Error::Data`] if it is none of these; as [`hub::snapshot()`] for what the hub has.
pub fn locate(source: &str) -> Result<Located> {
    let path = PathBuf::from(source);
    if path.exists() {
        return Ok(Located { path, revision: None });
    }
    let Some(repository) = repository(source) else {
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        return Err(Error::Data(Problem::new("there is no such file or folder").at(path).hint(format!(
            "give a folder with train and dev files in CoNLL columns, `embedded`, {}, or a data set of the hub as \
             organisation/name",
            names.join(", ")
        ))));
    };
    let snapshot = hub::snapshot(&repository)?;
    Ok(Located { path: snapshot.folder, revision: Some(snapshot.commit) })
}

/// Opens the files that a name other than `embedded` means.
///
/// # Errors
/// As [`locate`] and [`files::read`].
pub fn open(source: &str, columns: Option<&Columns>) -> Result<(AnnotatedFiles, Option<String>)> {
    let located = locate(source)?;
    let mut files = files::read(&located.path, columns)?;
    if located.revision.is_some() {
        files.name = source.to_owned();
    }
    Ok((files, located.revision))
}

fn repository(source: &str) -> Option<Repository> {
    let (name, revision) = source.split_once('@').map_or((source, None), |(name, revision)| (name, Some(revision)));
    let id = NAMED.iter().find(|(known, _)| *known == name).map_or(name, |(_, id)| id);
    // A word alone is more likely a folder that is not there.
    let full =
        id.contains('/').then(|| revision.map_or_else(|| id.to_owned(), |revision| format!("{id}@{revision}")))?;
    Repository::parse(Kind::Data, &full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_repositories() {
        let of = |source: &str| repository(source).map(|repository| repository.to_string());
        assert_eq!(of("conll03").unwrap(), "tner/conll2003");
        assert_eq!(of("jnlpba@v1").unwrap(), "tner/bionlp2004@v1");
        assert_eq!(of("org/set").unwrap(), "org/set");
        for none in ["nowhere", "conll", "a/b/c", "./conll03", "data/"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_here_comes_before_the_hub() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(locate(path).unwrap(), Located { path: path.into(), revision: None });
        let error = locate("nowhere").unwrap_err();
        assert!(matches!(error, Error::Data(_)) && error.hint().unwrap().contains("conll03"));
    }
}
