//! One file's content, fetched whole or taken up where it broke off.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use fs_err as fs;
use sha2::{Digest, Sha256};
use ureq::http::{StatusCode, header};

use super::cache::CachedRepository;
use super::client::{Answer, Ask, Client};
use super::failure::{Failure, Patience};
use super::metadata::RemoteFile;
use super::{Listener, Repository, Transfer};
use crate::error::{Error, Problem};
use crate::files::hex;

/// Most bytes of a file whose length nobody announced.
const MAX_UNANNOUNCED: u64 = 64 << 20;

/// Bytes that must have come for a broken connection not to count as a further failure.
const PROGRESS: u64 = 1 << 20;

/// Makes sure that the cache holds a file's content under its ETag.
pub(super) fn fetch(
    client: &Client,
    cached: &CachedRepository,
    repository: &Repository,
    file: &RemoteFile,
    mut patience: Patience<'_>,
    listener: &dyn Listener,
) -> Result<(), Failure> {
    let blob = cached.blob(&file.etag);
    if is_whole(&blob, file) {
        return Ok(());
    }
    let folder = blob.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let _lock = cached.lock(&file.etag, listener)?;
    // Another process may have fetched it meanwhile.
    if is_whole(&blob, file) {
        return Ok(());
    }
    let mut part = Part::open(&blob, file)?;
    listener.begun(&Transfer {
        repository: repository.id(),
        file: &file.name,
        bytes: file.bytes,
        present: part.present,
    });
    patience.stubborn = true;
    let result = part.complete(client, &mut patience, listener);
    listener.ended();
    result?;
    part.file.sync_data().map_err(Error::io(&part.path))?;
    fs::rename(&part.path, &blob).map_err(Error::io(&blob))?;
    Ok(())
}

fn is_whole(blob: &Path, file: &RemoteFile) -> bool {
    let length = blob.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
    length.is_some_and(|length| file.bytes.is_none_or(|bytes| bytes == length))
}

/// What is there of a file, and the digest of it.
struct Part<'a> {
    of: &'a RemoteFile,
    path: std::path::PathBuf,
    file: fs::File,
    present: u64,
    digest: Sha256,
}

/// How an answer ended.
enum End {
    /// All that it had was read.
    Whole,
    /// What is here does not belong to the file: start again.
    Useless,
}

impl<'a> Part<'a> {
    fn open(blob: &Path, of: &'a RemoteFile) -> Result<Self, Failure> {
        let mut path = blob.as_os_str().to_owned();
        path.push(".incomplete");
        let path = std::path::PathBuf::from(path);
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(Error::io(&path))?;
        let mut part = Self { of, path, file, present: 0, digest: Sha256::new() };
        part.present = std::io::copy(&mut part.file, &mut part.digest).map_err(Error::io(&part.path))?;
        Ok(part)
    }

    fn clear(&mut self) -> Result<(), Failure> {
        self.file.set_len(0).map_err(Error::io(&self.path))?;
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io(&self.path))?;
        self.present = 0;
        self.digest = Sha256::new();
        Ok(())
    }

    /// Fetches what is missing and checks the whole. Content that turns out wrong is fetched anew once: it may have
    /// been damaged before.
    fn complete(
        &mut self,
        client: &Client,
        patience: &mut Patience<'_>,
        listener: &dyn Listener,
    ) -> Result<(), Failure> {
        let mut wrong = 0;
        loop {
            if self.of.bytes.is_some_and(|bytes| self.present > bytes) {
                self.clear()?;
            }
            if self.present == 0 || self.of.bytes != Some(self.present) {
                self.transfer(client, patience, listener)?;
            }
            let Err(problem) = self.check() else { return Ok(()) };
            self.clear()?;
            wrong += 1;
            if wrong == 2 {
                // It is left behind empty, so that nothing wrong is ever taken up.
                return Err(Failure::refused(problem));
            }
            listener.waiting(&format!("{}; fetching it anew", problem.what));
        }
    }

    fn transfer(
        &mut self,
        client: &Client,
        patience: &mut Patience<'_>,
        listener: &dyn Listener,
    ) -> Result<(), Failure> {
        loop {
            let before = self.present;
            match self.attempt(client, listener) {
                Ok(End::Whole) => return Ok(()),
                Ok(End::Useless) => {
                    self.clear()?;
                    patience
                        .after(Failure::passing(format!("{}: the server sent another part", self.of.path), None))?;
                }
                Err(failure) => {
                    if self.present >= before + PROGRESS {
                        patience.reset();
                    }
                    patience.after(failure)?;
                }
            }
        }
    }

    fn attempt(&mut self, client: &Client, listener: &dyn Listener) -> Result<End, Failure> {
        let answer = client.ask(&self.of.path, Ask::Get(self.present))?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if self.continues(&answer) => {}
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => return Ok(End::Useless),
            // The server has no ranges: it sends all of it.
            _ => self.clear()?,
        }
        let announced =
            answer.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if let (Some(bytes), Some(announced)) = (self.of.bytes, announced)
            && self.present.checked_add(announced) != Some(bytes)
        {
            return Err(self.wrong_length(self.present.saturating_add(announced)));
        }
        let limit = self.of.bytes.unwrap_or(MAX_UNANNOUNCED);
        let mut body = answer.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            if listener.stop_requested() {
                return Err(Error::Interrupted.into());
            }
            let n = body.read(&mut buffer).map_err(|e| self.cut(&e.to_string()))?;
            if n == 0 {
                break;
            }
            if self.present + n as u64 > limit {
                self.clear()?;
                return Err(self.wrong_length(limit + 1));
            }
            self.file.write_all(&buffer[..n]).map_err(Error::io(&self.path))?;
            self.digest.update(&buffer[..n]);
            self.present += n as u64;
            listener.at(self.present);
        }
        match self.of.bytes.is_some_and(|bytes| self.present < bytes) {
            true => Err(self.cut("the connection was closed")),
            false => Ok(End::Whole),
        }
    }

    /// Whether an answer's `Content-Range: bytes 7-41/42` goes on where this part ends, of a file of this length.
    fn continues(&self, answer: &Answer) -> bool {
        let range = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let range = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('/'));
        let Some((range, whole)) = range else { return false };
        let first = range.split_once('-').and_then(|(first, _)| first.trim().parse().ok());
        // A whole of `*` is one that the server does not tell.
        let whole = whole.trim().parse::<u64>().ok();
        first == Some(self.present) && (whole.is_none() || self.of.bytes.is_none() || whole == self.of.bytes)
    }

    fn cut(&self, why: &str) -> Failure {
        Failure::passing(format!("{} broke off after {} bytes: {why}", self.of.path, self.present), None)
    }

    fn wrong_length(&self, found: u64) -> Failure {
        Failure::refused(match self.of.bytes {
            Some(bytes) => damaged(&self.of.path, format!("{bytes} bytes were announced, {found} or more are sent")),
            None => damaged(&self.of.path, format!("its length is not announced, and it has {found} bytes or more")),
        })
    }

    fn check(&mut self) -> Result<(), Problem> {
        if let Some(bytes) = self.of.bytes
            && bytes != self.present
        {
            return Err(damaged(&self.of.path, format!("{bytes} bytes were announced, {} came", self.present)));
        }
        let found = hex(self.digest.clone().finalize());
        match self.of.sha256() {
            Some(wanted) if wanted != found => {
                Err(damaged(&self.of.path, format!("its SHA-256 should be {wanted} and is {found}")))
            }
            _ => Ok(()),
        }
    }
}

fn damaged(path: &str, what: String) -> Problem {
    Problem::new(format!("{path}: {what}")).hint("try again; if it stays so, the file on the server is damaged")
}
