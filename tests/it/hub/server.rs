//! A hub on the loopback: a host that describes repositories and sends small files, and another one that it redirects to
//! for large files. Faults can be ordered beforehand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

/// Files longer than this are large: named by their SHA-256 and sent by the second host.
const LARGE: usize = 1000;

/// A commit.
pub const COMMIT: &str = "00112233445566778899aabbccddeeff00112233";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `hub` or `storage`.
    pub host: &'static str,
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
}

/// What goes wrong, once, with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with a header.
    Status(u16, Option<(&'static str, String)>),
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The body has this length, and says so.
    Length(usize),
    /// The first byte of the body is another one.
    Damage,
    /// A range is asked for and the whole is sent.
    NoRange,
    /// A range is asked for and another one is sent.
    OtherRange,
    /// This header instead of the right one.
    Header(&'static str, String),
    /// This body instead of the right one.
    Body(String),
}

#[derive(Debug, Clone, Default)]
pub struct Repository {
    pub commit: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Names that are listed without being there.
    pub listed: Vec<String>,
    /// The token that is asked for.
    pub token: Option<String>,
}

#[derive(Default)]
struct State {
    /// By `models/org/name` or `datasets/org/name`.
    repositories: BTreeMap<String, Repository>,
    /// Old names, and new ones.
    moved: Vec<(String, String)>,
    requests: Vec<Request>,
    /// Each with a part of `METHOD host path`.
    faults: Vec<(String, Fault)>,
    storage: String,
}

pub struct Server {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let storage = listen("storage", &state);
        state.lock().unwrap().storage = storage;
        Self { endpoint: listen("hub", &state), state }
    }

    /// Adds a repository at [`COMMIT`], or replaces it.
    pub fn add(&self, name: &str, files: &[(&str, &[u8])]) {
        let files = files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect();
        self.put(name, Repository { commit: COMMIT.into(), files, ..Repository::default() });
    }

    pub fn put(&self, name: &str, repository: Repository) {
        self.state.lock().unwrap().repositories.insert(name.into(), repository);
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut Repository)) {
        change(self.state.lock().unwrap().repositories.get_mut(name).unwrap());
    }

    pub fn moved(&self, from: &str, to: &str) {
        self.state.lock().unwrap().moved.push((from.into(), to.into()));
    }

    /// Lets the next request whose `METHOD host path` has this part go wrong.
    pub fn fault(&self, part: &str, fault: Fault) {
        self.state.lock().unwrap().faults.push((part.into(), fault));
    }

    /// All requests since this was last called.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// The same in short: `GET hub /api/models/org/tiny/revision/main`.
    pub fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {} {}", request.method, request.host, request.path)).collect()
    }
}

pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a file's content is called: for small ones 40 digits, which on the hub are git's hash.
pub fn etag(content: &[u8]) -> String {
    let mut hash = sha256(content);
    if content.len() <= LARGE {
        hash.truncate(40);
    }
    hash
}

fn listen(host: &'static str, state: &Arc<Mutex<State>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let state = state.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = state.clone();
            std::thread::spawn(move || drop(answer(host, stream, &state)));
        }
    });
    address
}

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn empty(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { status, headers, body: Vec::new() }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }
}

fn answer(host: &'static str, mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
    }
    let request = Request {
        host,
        method: method.clone(),
        path: path.clone(),
        authorization: headers.get("authorization").cloned(),
        range: headers.get("range").cloned(),
    };
    let (mut reply, fault) = {
        let mut state = state.lock().unwrap();
        let line = format!("{method} {host} {path}");
        let index = state.faults.iter().position(|(part, _)| line.contains(part.as_str()));
        let fault = index.map(|index| state.faults.remove(index).1);
        state.requests.push(request.clone());
        (route(&state, &request, fault.as_ref()), fault)
    };
    let mut sent = usize::MAX;
    match fault {
        Some(Fault::Status(status, header)) => {
            reply = Reply::empty(status, &[]);
            if let Some((name, value)) = header {
                reply.set(name, &value);
            }
        }
        Some(Fault::Cut(bytes)) => sent = bytes,
        Some(Fault::Length(bytes)) => reply.body.resize(bytes, 0),
        Some(Fault::Damage) => reply.body[0] ^= 1,
        Some(Fault::Header(name, value)) => reply.set(name, &value),
        Some(Fault::Body(body)) => reply.body = body.into_bytes(),
        Some(Fault::NoRange | Fault::OtherRange) | None => {}
    }
    let mut head =
        format!("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n", reply.status, reply.body.len());
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if method != "HEAD" {
        stream.write_all(&reply.body[..sent.min(reply.body.len())])?;
    }
    stream.flush()
}

fn route(state: &State, request: &Request, fault: Option<&Fault>) -> Reply {
    let path = request.path.trim_start_matches('/');
    if request.host == "storage" {
        let contents = state.repositories.values().flat_map(|repository| repository.files.values());
        let found = contents.into_iter().find(|content| Some(sha256(content).as_str()) == path.strip_prefix("blob/"));
        return found
            .map_or_else(|| Reply::empty(404, &[]), |content| send(content, "\"of-the-storage\"", request, fault));
    }
    for (from, to) in &state.moved {
        if path.contains(from.as_str()) {
            let location = format!("/{}", path.replacen(from.as_str(), to, 1));
            return Reply::empty(307, &[("Location", &location)]);
        }
    }
    let missing = |code| Reply::empty(if code == "RepoNotFound" { 401 } else { 404 }, &[("X-Error-Code", code)]);
    let find = |name: &str| {
        let found = state.repositories.get(name);
        found.filter(|repository| match &repository.token {
            Some(token) => request.authorization.as_deref() == Some(&format!("Bearer {token}")),
            None => true,
        })
    };
    let knows = |repository: &Repository, revision: &str| revision == "main" || revision == repository.commit;
    if let Some((name, revision)) = path.strip_prefix("api/").and_then(|path| path.split_once("/revision/")) {
        let Some(repository) = find(name) else { return missing("RepoNotFound") };
        if !knows(repository, revision) {
            return missing("RevisionNotFound");
        }
        let names = repository.files.keys().chain(&repository.listed);
        let siblings: Vec<_> = names.map(|name| serde_json::json!({ "rfilename": name })).collect();
        let id = name.split_once('/').unwrap().1;
        let body = serde_json::json!({"id": id, "sha": repository.commit, "private": false, "siblings": siblings});
        return Reply { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() };
    }
    let Some((name, rest)) = path.split_once("/resolve/") else { return Reply::empty(404, &[]) };
    let name = if name.starts_with("datasets/") { name.to_owned() } else { format!("models/{name}") };
    let Some(repository) = find(&name) else { return missing("RepoNotFound") };
    let (revision, file) = rest.split_once('/').unwrap();
    let Some(content) = repository.files.get(file).filter(|_| knows(repository, revision)) else {
        return missing("EntryNotFound");
    };
    let etag = etag(content);
    if content.len() <= LARGE {
        let mut reply = send(content, &format!("\"{etag}\""), request, fault);
        reply.set("X-Repo-Commit", &repository.commit);
        return reply;
    }
    Reply::empty(
        302,
        &[
            ("Location", &format!("{}/blob/{etag}", state.storage)),
            ("X-Repo-Commit", &repository.commit),
            ("X-Linked-Etag", &format!("\"{etag}\"")),
            ("X-Linked-Size", &content.len().to_string()),
            ("ETag", "\"of-the-redirect\""),
        ],
    )
}

/// A content, or the range of it that is asked for.
fn send(content: &[u8], etag: &str, request: &Request, fault: Option<&Fault>) -> Reply {
    let mut reply = Reply::empty(200, &[("ETag", etag), ("Accept-Ranges", "bytes")]);
    let from = request.range.as_ref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match (from, fault) {
        (None, _) | (_, Some(Fault::NoRange)) => reply.body = content.to_vec(),
        (Some(from), _) if from >= content.len() => reply.status = 416,
        (Some(from), fault) => {
            let from: usize = if matches!(fault, Some(Fault::OtherRange)) { from - 1 } else { from };
            reply.status = 206;
            reply.body = content[from..].to_vec();
            reply.set("Content-Range", &format!("bytes {from}-{}/{}", content.len() - 1, content.len()));
        }
    }
    reply
}
