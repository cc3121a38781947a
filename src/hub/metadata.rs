//! What the hub says about a revision and about each of its files, checked before any of it is used.

use std::io::Read;

use serde::Deserialize;
use ureq::http::HeaderMap;

use super::Repository;
use super::client::{Answer, Ask, Client};
use super::failure::{Failure, Patience};
use super::name::{is_commit, is_hexadecimal};
use super::select::is_safe;
use crate::error::{Problem, printable};

/// Longest description that is read: a repository of a hundred thousand files has less.
const MAX_DESCRIPTION: u64 = 32 << 20;

/// A revision as the hub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Revision {
    /// The commit it is.
    pub commit: String,
    /// The names of all its files.
    pub files: Vec<String>,
}

/// A file as the hub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// Its name in the repository.
    pub name: String,
    /// Names its content: the SHA-256 of large files, git's hash of small ones.
    pub etag: String,
    /// Its length, where the server says.
    pub bytes: Option<u64>,
    /// Where it is, below the endpoint.
    pub path: String,
}

impl RemoteFile {
    /// The SHA-256 (hex) of the content, where the ETag is one.
    pub fn sha256(&self) -> Option<&str> {
        (self.etag.len() == 64 && is_hexadecimal(&self.etag)).then_some(self.etag.as_str())
    }
}

/// Asks what a repository's revision is now.
pub(super) fn revision(
    client: &Client,
    repository: &Repository,
    mut patience: Patience<'_>,
) -> Result<Revision, Failure> {
    #[derive(Deserialize)]
    struct Description {
        sha: String,
        #[serde(default)]
        siblings: Vec<Sibling>,
    }
    #[derive(Deserialize)]
    struct Sibling {
        rfilename: String,
    }
    let path = repository.api_path();
    let read = || {
        let answer = client.ask(&path, Ask::Get(0))?;
        let mut text = Vec::new();
        let body = answer.into_body().into_reader();
        match body.take(MAX_DESCRIPTION + 1).read_to_end(&mut text) {
            Ok(_) => Ok(text),
            Err(e) => Err(Failure::passing(format!("the answer about {repository} broke off: {e}"), None)),
        }
    };
    let text = loop {
        match read() {
            Ok(text) => break text,
            Err(failure) => patience.after(failure)?,
        }
    };
    let refuse = |what: String| {
        Failure::refused(
            Problem::new(format!("the hub's description of {repository} {what}"))
                .hint("check HF_ENDPOINT: what answers there does not speak like a hub"),
        )
    };
    if text.len() as u64 > MAX_DESCRIPTION {
        return Err(refuse(format!("is longer than {MAX_DESCRIPTION} bytes")));
    }
    let description: Description =
        serde_json::from_slice(&text).map_err(|e| refuse(format!("cannot be understood: {e}")))?;
    if !is_commit(&description.sha) {
        return Err(refuse(format!("names `{}`, which is no commit", printable(&description.sha))));
    }
    let files: Vec<String> = description.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
    if let Some(name) = files.iter().find(|name| !is_safe(name)) {
        return Err(refuse(format!("names a file `{}`, which would leave the cache", printable(name))));
    }
    Ok(Revision { commit: description.sha, files })
}

/// Asks what a file is at a commit.
pub(super) fn file(
    client: &Client,
    repository: &Repository,
    commit: &str,
    name: &str,
    mut patience: Patience<'_>,
) -> Result<RemoteFile, Failure> {
    let path = format!("{}/resolve/{commit}/{}", repository.path(), encoded(name));
    let answer = loop {
        match client.ask(&path, Ask::Head) {
            Ok(answer) => break answer,
            Err(failure) => patience.after(failure)?,
        }
    };
    describe(&answer, commit, name, path)
}

fn describe(answer: &Answer, commit: &str, name: &str, path: String) -> Result<RemoteFile, Failure> {
    let headers = answer.headers();
    let refuse = |what: String| {
        Failure::refused(
            Problem::new(format!("{path}: {what}"))
                .hint("check HF_ENDPOINT: what answers there does not speak like a hub"),
        )
    };
    if let Some(other) = text(headers, "x-repo-commit")
        && other != commit
    {
        return Err(refuse(format!("the hub answers with commit `{}`", printable(other))));
    }
    let etag = text(headers, "x-linked-etag").or_else(|| text(headers, "etag")).map(plain_etag);
    let etag = etag.ok_or_else(|| refuse("the hub sends no ETag, which names the content".into()))?;
    if !is_blob_name(etag) {
        return Err(refuse(format!("the ETag `{}` cannot be the name of a file", printable(etag))));
    }
    // A redirect's own length is that of its body, not of the file.
    let length = || (!answer.status().is_redirection()).then(|| text(headers, "content-length")).flatten();
    let bytes = text(headers, "x-linked-size").or_else(length);
    let bytes = bytes.map(|bytes| bytes.trim().parse::<u64>()).transpose();
    let bytes = bytes.map_err(|_| refuse("the hub sends a length that is no number".into()))?;
    Ok(RemoteFile { name: name.to_owned(), etag: etag.to_owned(), bytes, path })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// An ETag without the mark of a weak one and without quotes, as huggingface_hub does it.
fn plain_etag(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// Whether an ETag is safe as a file name. The hub's are hexadecimal; mirrors may append a hyphen and a number.
fn is_blob_name(etag: &str) -> bool {
    (1..=128).contains(&etag.len())
        && etag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A file name as part of an address.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_unwrapped_and_checked() {
        assert_eq!(["\"abc\"", "W/\"abc\"", "abc"].map(plain_etag), ["abc"; 3]);
        for wrong in ["", "../x", "a/b", ".", "..", "a.incomplete", "a\\b", "a b", &"a".repeat(129)] {
            assert!(!is_blob_name(wrong), "{wrong}");
        }
        assert!(is_blob_name("d41d8cd98f00b204e9800998ecf8427e-2"));
    }

    #[test]
    fn names_are_encoded_for_addresses() {
        assert_eq!(encoded("dataset/a b#1.json"), "dataset/a%20b%231.json");
    }
}
