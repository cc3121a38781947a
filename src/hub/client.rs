//! Requests to the hub and to the hosts that it redirects to.
//!
//! Redirects are followed here and not by ureq, because each step is a decision: the token goes to the endpoint's own
//! origin (scheme, host and port) alone, an address without encryption is not accepted behind an encrypted one, and
//! the metadata of a large file is in the very answer that redirects.
//!
//! Proxies are taken from `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, but never for this machine itself.
//! Certificates are the system's (or `SSL_CERT_FILE`'s), so that a mirror with a certificate of its own works; on a
//! machine that has none, Mozilla's.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::HubSettings;
use super::failure::Failure;
use crate::error::Problem;

/// Most redirects in a row.
const MAX_REDIRECTS: usize = 10;
const CONNECT: Duration = Duration::from_secs(15);
/// The longest silence within an answer.
const SILENCE: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// What the server says about a file. A redirect that says it is an answer: its target is not asked.
    Head,
    /// The content, from this byte on.
    Get(u64),
}

/// An answer, redirects followed.
pub(super) type Answer = Response<ureq::Body>;

/// Knows how to reach the endpoint.
pub(super) struct Client {
    direct: Agent,
    proxied: Agent,
    endpoint: String,
    token: Option<String>,
}

impl Client {
    pub fn new(settings: &HubSettings) -> Self {
        let certificates: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect();
        let roots = match certificates.is_empty() {
            true => RootCerts::WebPki,
            false => RootCerts::Specific(Arc::new(certificates)),
        };
        let agent = |proxy| {
            let config = Agent::config_builder()
                .proxy(proxy)
                .tls_config(TlsConfig::builder().root_certs(roots.clone()).build())
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(concat!("memoscope/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("identity")
                .timeout_resolve(Some(CONNECT))
                .timeout_connect(Some(CONNECT))
                .timeout_recv_response(Some(SILENCE))
                .timeout_per_read(Some(SILENCE));
            Agent::from(config.build())
        };
        Self {
            direct: agent(None),
            proxied: agent(ureq::Proxy::try_from_env()),
            endpoint: settings.endpoint.clone(),
            token: settings.token.clone(),
        }
    }

    /// Asks for what is at `path` below the endpoint. An answer that is no error and no more a redirect to be followed
    /// is returned as it is.
    pub fn ask(&self, path: &str, ask: Ask) -> Result<Answer, Failure> {
        let mut address = format!("{}/{path}", self.endpoint);
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.once(&address, ask)?;
            if !answer.status().is_redirection() || answer.status() == StatusCode::NOT_MODIFIED {
                return match refusal(&answer, &address) {
                    None => Ok(answer),
                    Some(failure) => Err(failure),
                };
            }
            let next = target(&address, answer.headers())?;
            let here = origin(&next) == origin(&self.endpoint);
            let says_enough = matches!(ask, Ask::Head)
                && (answer.headers().contains_key("x-linked-etag") || !here && answer.headers().contains_key("etag"));
            if says_enough {
                return Ok(answer);
            }
            address = next;
        }
        Err(Failure::refused(
            Problem::new(format!("{path}: more than {MAX_REDIRECTS} redirects")).hint("check HF_ENDPOINT"),
        ))
    }

    fn once(&self, address: &str, ask: Ask) -> Result<Answer, Failure> {
        let here = origin(address);
        let agent = if here.as_ref().is_some_and(Origin::is_this_machine) { &self.direct } else { &self.proxied };
        let mut request = match ask {
            Ask::Head => agent.head(address),
            Ask::Get(_) => agent.get(address),
        };
        if let Ask::Get(from @ 1..) = ask {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let Some(token) = &self.token
            && here.is_some()
            && here == origin(&self.endpoint)
        {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.call().map_err(|error| broken(&error, address))
    }
}

/// Scheme, host and port: what a token belongs to.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    encrypted: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn is_this_machine(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

fn origin(address: &str) -> Option<Origin> {
    let uri: Uri = address.parse().ok()?;
    let encrypted = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    Some(Origin { encrypted, host: uri.host()?.to_ascii_lowercase(), port })
}

/// Where an answer from `address` redirects to.
fn target(address: &str, headers: &HeaderMap) -> Result<String, Failure> {
    let host = host(address);
    let refuse = |why: &str| {
        Failure::refused(
            Problem::new(format!("{host} redirects to {why}")).hint("check HF_ENDPOINT, or ask its operator"),
        )
    };
    let location = headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| refuse("no address"))?;
    let scheme = address.split_once("://").map_or("https", |(scheme, _)| scheme);
    let next = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        let authority_end = address[scheme.len() + 3..].find('/').map_or(address.len(), |end| scheme.len() + 3 + end);
        format!("{}{location}", &address[..authority_end])
    } else {
        location.to_owned()
    };
    match (origin(address), origin(&next)) {
        (_, None) => Err(refuse("no web address")),
        (Some(from), Some(to)) if from.encrypted && !to.encrypted => Err(refuse("an address without encryption")),
        _ => Ok(next),
    }
}

/// The host of an address, for people; the rest of it may carry a signature.
fn host(address: &str) -> String {
    let uri = address.parse::<Uri>().ok();
    uri.and_then(|uri| uri.authority().map(|host| host.to_string())).unwrap_or_else(|| "the hub".into())
}

/// The path of an address, without a query that may carry a signature.
fn path(address: &str) -> String {
    address.parse::<Uri>().ok().map_or_else(String::new, |uri| uri.path().trim_start_matches('/').to_owned())
}

fn broken(error: &ureq::Error, address: &str) -> Failure {
    use std::io::ErrorKind as Io;
    let what = format!("{}: {error}", host(address));
    match error {
        ureq::Error::Io(e)
            if matches!(e.kind(), Io::ConnectionReset | Io::UnexpectedEof | Io::BrokenPipe | Io::TimedOut) =>
        {
            Failure::passing(what, None)
        }
        ureq::Error::Protocol(_) | ureq::Error::Timeout(ureq::Timeout::RecvResponse | ureq::Timeout::PerRead) => {
            Failure::passing(what, None)
        }
        _ => Failure::unreachable(what),
    }
}

/// What an answer refuses, if it does.
fn refusal(answer: &Answer, address: &str) -> Option<Failure> {
    let status = answer.status();
    if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
        return None;
    }
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let (host, path) = (host(address), path(address));
    let what = |words: &str| format!("{host} says of {path}: {words}");
    Some(match status.as_u16() {
        408 | 429 | 500..=599 => Failure::passing(what(&status.to_string()), pause(answer.headers())),
        401 | 403 => {
            let words = match header("x-error-code") {
                Some("GatedRepo") => "access is granted on request only".to_owned(),
                Some("RepoNotFound") => "there is no such repository, or none for this token".to_owned(),
                _ => status.to_string(),
            };
            Failure::refused(Problem::new(what(&words)).hint(
                "check the name; for a private or gated repository, ask for access on its page and set HF_TOKEN, or log \
                 in with `hf auth login`",
            ))
        }
        404 => {
            let words = match header("x-error-code") {
                Some("RevisionNotFound") => "there is no such revision",
                Some("EntryNotFound") => "there is no such file",
                _ => "there is no such repository",
            };
            Failure::refused(
                Problem::new(what(words))
                    .hint("check the name and the revision behind `@`; a local folder is meant if one has this name"),
            )
        }
        _ => Failure::refused(Problem::new(what(&status.to_string())).hint("check the name and HF_ENDPOINT")),
    })
}

/// How long the server asks to wait: `Retry-After` in seconds, or the hub's `RateLimit: "api";r=0;t=55`.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let limit = || header("ratelimit")?.split(';').find_map(|part| part.trim().strip_prefix("t="));
    let seconds = header("retry-after").or_else(limit)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn redirects_are_joined_and_never_lose_their_encryption() {
        let next = |from: &str, to: &str| target(from, &headers("location", to)).ok();
        let here = "https://hub.test:8443/a/resolve/main/x?y=/z";
        assert_eq!(next(here, "/b/x").unwrap(), "https://hub.test:8443/b/x");
        assert_eq!(next(here, "//cdn.test/x").unwrap(), "https://cdn.test/x");
        assert_eq!(next(here, "https://cdn.test/x?s=1").unwrap(), "https://cdn.test/x?s=1");
        assert_eq!(next("http://hub.test", "/x").unwrap(), "http://hub.test/x");
        for wrong in ["http://cdn.test/x", "file:///etc/passwd", "x", "ftp://a/b", ""] {
            assert_eq!(next(here, wrong), None, "{wrong}");
        }
        assert!(next("http://hub.test", "http://cdn.test/x").is_some());
    }

    #[test]
    fn a_token_belongs_to_scheme_host_and_port() {
        let same = |a: &str, b: &str| origin(a) == origin(b);
        assert!(same("https://Hub.test/a", "https://hub.test:443/b"));
        assert!(!same("https://hub.test", "http://hub.test"));
        assert!(!same("https://hub.test", "https://hub.test:444"));
        assert!(!same("https://hub.test", "https://hub.test.evil.test"));
        assert!(!same("https://hub.test", "https://hub.test@evil.test"));
    }

    #[test]
    fn no_proxy_stands_before_this_machine() {
        for (address, here) in [
            ("http://127.0.0.1:8080/x", true),
            ("http://localhost", true),
            ("http://[::1]:80/", true),
            ("http://localhost.test", false),
            ("https://huggingface.co", false),
        ] {
            assert_eq!(origin(address).unwrap().is_this_machine(), here, "{address}");
        }
    }

    #[test]
    fn a_server_may_ask_for_patience_in_two_ways() {
        assert_eq!(pause(&headers("retry-after", "7")), Some(Duration::from_secs(7)));
        assert_eq!(pause(&headers("ratelimit", "\"api\";r=0;t=55")), Some(Duration::from_secs(55)));
        assert_eq!(pause(&headers("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")), None);
    }
}
