//! Where the hub is, where its files are kept and who asks: from the environment, as huggingface_hub reads it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fs_err as fs;

use crate::Result;
use crate::error::{Error, Problem};

/// How the hub is reached.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `HF_ENDPOINT` | the hub, or a mirror | `https://huggingface.co` |
/// | `HF_HOME` | folder of cache and token | `$XDG_CACHE_HOME/huggingface`, `~/.cache/huggingface` |
/// | `HF_HUB_CACHE` | the cache | `$HUGGINGFACE_HUB_CACHE`, `$HF_HOME/hub` |
/// | `HF_HUB_OFFLINE` | `1`, `ON`, `YES` or `TRUE`: only the cache is used | `$TRANSFORMERS_OFFLINE` |
/// | `HF_TOKEN` | who asks | `$HUGGING_FACE_HUB_TOKEN`, the file `$HF_TOKEN_PATH`, `$HF_HOME/token` |
/// | `HF_HUB_DISABLE_IMPLICIT_TOKEN` | true: no token is sent | |
#[derive(Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
    /// The folder of the cache.
    pub cache: PathBuf,
    /// Sent to the endpoint, where there is one.
    pub token: Option<String>,
    /// Only the cache is used.
    pub offline: bool,
    /// The pause after a first failure; each further one doubles it.
    pub backoff: Duration,
}

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

impl HubSettings {
    /// The settings of this process's environment.
    ///
    /// # Errors
    /// [`Error::Config`] if `HF_ENDPOINT` is no address, a token cannot be sent, or no home folder is known.
    pub fn from_environment() -> Result<Self> {
        Self::from_variables(&|name| std::env::var(name).ok(), std::env::home_dir())
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<String>, home: Option<PathBuf>) -> Result<Self> {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let truth = |value: String| matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE");
        let flag = |name: &str| text(name).is_some_and(truth);
        let folder = |name: &str| text(name).map(|value| expand(&value, variable, home.as_deref()));
        let caches = || folder("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|home| home.join(".cache")));
        let settings = folder("HF_HOME").or_else(|| caches().map(|caches| caches.join("huggingface")));
        let cache = folder("HF_HUB_CACHE")
            .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| settings.as_ref().map(|folder| folder.join("hub")))
            .ok_or_else(|| {
                Error::Config(
                    Problem::new("there is no folder for what the hub sends: no home folder is known")
                        .hint("set HF_HOME to a folder"),
                )
            })?;
        let token_file = || folder("HF_TOKEN_PATH").or_else(|| settings.map(|folder| folder.join("token")));
        let token = match flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            true => None,
            false => text("HF_TOKEN")
                .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
                .or_else(|| fs::read_to_string(token_file()?).ok())
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
        };
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Error::Config(
                Problem::new("the hub's token holds characters that no token has")
                    .hint("check HF_TOKEN or the token file; `hf auth login` writes it anew"),
            ));
        }
        Ok(Self {
            endpoint: endpoint(text("HF_ENDPOINT"))?,
            cache,
            token,
            offline: text("HF_HUB_OFFLINE").or_else(|| text("TRANSFORMERS_OFFLINE")).is_some_and(truth),
            backoff: Duration::from_secs(1),
        })
    }
}

/// Without the token: settings may end up in logs.
impl fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSettings")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .field("backoff", &self.backoff)
            .finish()
    }
}

fn endpoint(given: Option<String>) -> Result<String> {
    let endpoint = given.unwrap_or_else(|| DEFAULT_ENDPOINT.into()).trim_end_matches('/').to_owned();
    let uri = endpoint.parse::<ureq::http::Uri>().ok();
    let fits = uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.query().is_none()
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    });
    if fits {
        return Ok(endpoint);
    }
    Err(Error::Config(
        Problem::new(format!("HF_ENDPOINT is `{endpoint}`, which is no address"))
            .hint("write it like https://huggingface.co, or unset it"),
    ))
}

/// A path with `~`, `$NAME` and `${NAME}` filled in; a variable that is not set stays as it is written.
fn expand(path: &str, variable: &dyn Fn(&str) -> Option<String>, home: Option<&std::path::Path>) -> PathBuf {
    let mut out = String::new();
    let mut rest = path;
    while let Some(start) = rest.find('$') {
        let (before, behind) = rest.split_at(start);
        out.push_str(before);
        let braced = behind.strip_prefix("${").and_then(|inner| inner.split_once('}'));
        let (name, after) = braced.unwrap_or_else(|| {
            let plain = &behind[1..];
            let end = plain.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(plain.len());
            plain.split_at(end)
        });
        let written = &behind[..behind.len() - after.len()];
        out.push_str(&variable(name).unwrap_or_else(|| written.to_owned()));
        rest = after;
    }
    out.push_str(rest);
    match (home, out.strip_prefix('~')) {
        (Some(home), Some("")) => home.to_owned(),
        (Some(home), Some(below)) if below.starts_with('/') => home.join(below.trim_start_matches('/')),
        _ => PathBuf::from(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<HubSettings> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        HubSettings::from_variables(&get, Some("/home/me".into()))
    }

    /// Each as `huggingface_hub.constants` has it in such an environment.
    #[test]
    fn the_cache_is_where_huggingface_hub_looks() {
        for (variables, cache) in [
            (&[][..], "/home/me/.cache/huggingface/hub"),
            (&[("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
            (&[("HF_HOME", "/hf"), ("XDG_CACHE_HOME", "/x")], "/hf/hub"),
            (&[("HF_HOME", "~/hf")], "/home/me/hf/hub"),
            (&[("HF_HOME", "$A/b/${A}/$UNSET"), ("A", "/a")], "/a/b//a/$UNSET/hub"),
            (&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HOME", "/hf")], "/old"),
            (&[("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/new"),
            (&[("HF_HUB_CACHE", ""), ("HF_HOME", "/hf")], "/hf/hub"),
        ] {
            assert_eq!(settings(variables).unwrap().cache, PathBuf::from(cache), "{variables:?}");
        }
    }

    #[test]
    fn offline_has_four_words_and_an_old_name() {
        for value in ["1", "on", "Yes", "TRUE"] {
            assert!(settings(&[("HF_HUB_OFFLINE", value)]).unwrap().offline);
        }
        assert!(settings(&[("TRANSFORMERS_OFFLINE", "1")]).unwrap().offline);
        for value in ["", "0", "no"] {
            assert!(!settings(&[("HF_HUB_OFFLINE", value)]).unwrap().offline);
        }
        assert!(!settings(&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")]).unwrap().offline);
    }

    #[test]
    fn the_token_comes_from_variable_or_file_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(settings(&[("HF_HOME", home)]).unwrap().token, None);
        fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        assert_eq!(settings(&[("HF_HOME", home)]).unwrap().token.unwrap(), "hf_file");
        let given = settings(&[("HF_HOME", home), ("HF_TOKEN", " hf_given ")]).unwrap();
        assert_eq!(given.token.as_deref(), Some("hf_given"));
        assert!(!format!("{given:?}").contains("hf_given"));
        assert_eq!(settings(&[("HF_TOKEN", "x"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).unwrap().token, None);
        let broken = settings(&[("HF_TOKEN", "hf_\u{1}secret")]).unwrap_err();
        assert!(matches!(broken, Error::Config(_)) && !broken.to_string().contains("secret"));
    }

    #[test]
    fn the_endpoint_is_an_address() {
        assert_eq!(settings(&[]).unwrap().endpoint, "https://huggingface.co");
        assert_eq!(
            settings(&[("HF_ENDPOINT", "https://mirror.test/hub/")]).unwrap().endpoint,
            "https://mirror.test/hub"
        );
        for wrong in ["mirror.test", "ftp://mirror.test", "https://", "https://a b", "https://me:secret@mirror.test"] {
            assert!(matches!(settings(&[("HF_ENDPOINT", wrong)]), Err(Error::Config(_))), "{wrong}");
        }
    }
}
