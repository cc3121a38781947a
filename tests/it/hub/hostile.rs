//! A hub that sends what it should not.

use super::server::{COMMIT, Fault, Repository, Server, etag};
use super::*;

fn content() -> Vec<u8> {
    vec![5; 50_000]
}

fn setting() -> Setting {
    let server = Server::start();
    server.add("models/org/tiny", &[("config.json", b"{}"), ("model.safetensors", &content())]);
    Setting::new(server)
}

/// No weights under their name, and nothing beside the cache.
fn assert_nothing_taken(setting: &Setting) {
    let cached = setting.cached();
    let blob = format!("models--org--tiny/blobs/{}", etag(&content()));
    assert!(!cached.iter().any(|path| *path == blob || path.ends_with("model.safetensors")), "{cached:?}");
    assert!(!cached.iter().any(|path| path.contains("evil")), "{cached:?}");
}

#[test]
fn a_wrong_length_is_refused_and_the_next_time_is_right() {
    for (part, fault) in [
        ("GET storage", Fault::Length(49_999)),
        ("GET storage", Fault::Length(50_001)),
        (
            "HEAD hub /org/tiny/resolve/00112233445566778899aabbccddeeff00112233/model",
            Fault::Header("X-Linked-Size", "49999".into()),
        ),
        (
            "HEAD hub /org/tiny/resolve/00112233445566778899aabbccddeeff00112233/model",
            Fault::Header("X-Linked-Size", "many".into()),
        ),
    ] {
        let setting = setting();
        setting.server.fault(part, fault.clone());
        let refusal = setting.refusal("org/tiny");
        assert!(refusal.contains("bytes were announced") || refusal.contains("no number"), "{fault:?}: {refusal}");
        assert_nothing_taken(&setting);
        setting.model("org/tiny").unwrap();
    }
}

#[test]
fn a_wrong_digest_is_fetched_anew_once_and_then_refused() {
    let setting = setting();
    setting.server.fault("GET storage", Fault::Damage);
    setting.server.fault("GET storage", Fault::Damage);
    let refusal = setting.refusal("org/tiny");
    assert!(refusal.contains(&format!("its SHA-256 should be {}", etag(&content()))), "{refusal}");
    assert_nothing_taken(&setting);
    setting.server.fault("GET storage", Fault::Damage);
    setting.model("org/tiny").unwrap();
}

#[test]
fn names_that_leave_the_cache_are_refused() {
    for name in ["../../evil", "/etc/evil", "a/../../../evil", "..\\evil", "C:evil"] {
        let setting = setting();
        setting.server.change("models/org/tiny", |repository| repository.listed.push(name.into()));
        assert!(setting.refusal("org/tiny").contains("would leave the cache"), "{name}");
        assert_eq!(setting.cached(), [""; 0]);
    }
    let server = Server::start();
    let index = br#"{"weight_map": {"a": "../../../evil.safetensors"}}"#;
    server.add("models/org/tiny", &[("config.json", b"{}"), ("model.safetensors.index.json", index)]);
    let setting = Setting::new(server);
    let error = setting.model("org/tiny").unwrap_err();
    assert!(error.to_string().contains("`../../../evil.safetensors` is no safetensors file beside it"), "{error}");
    assert_nothing_taken(&setting);
}

#[test]
fn an_etag_or_a_commit_that_is_a_path_is_refused() {
    for etag in ["\"../../../evil\"", "\"..\"", "\"a/evil\"", "\"\"", "\"evil.incomplete\""] {
        for (header, file) in [("ETag", "config.json"), ("X-Linked-Etag", "model.safetensors")] {
            let setting = setting();
            setting
                .server
                .fault(&format!("HEAD hub /org/tiny/resolve/{COMMIT}/{file}"), Fault::Header(header, etag.into()));
            assert!(setting.refusal("org/tiny").contains("cannot be the name of a file"), "{etag}");
            assert_nothing_taken(&setting);
        }
    }
    for commit in ["../../evil", "main", "", "00112233445566778899AABBCCDDEEFF00112233"] {
        let setting = setting();
        setting.server.change("models/org/tiny", |repository| repository.commit = commit.into());
        assert!(setting.refusal("org/tiny").contains("which is no commit"), "{commit}");
        assert_eq!(setting.cached(), [""; 0]);
    }
}

#[test]
fn another_commit_than_the_one_asked_for_is_refused() {
    let setting = setting();
    let other = COMMIT.replace("00", "ff");
    setting.server.fault("HEAD hub", Fault::Header("X-Repo-Commit", other.clone()));
    assert!(setting.refusal("org/tiny").contains(&format!("answers with commit `{other}`")));
    setting.server.fault("GET hub /api", Fault::Body(format!(r#"{{"sha": "{other}", "siblings": []}}"#)));
    assert!(setting.refusal(&format!("org/tiny@{COMMIT}")).contains(&other));
}

#[test]
fn a_redirect_to_no_web_address_is_refused() {
    for location in ["file:///etc/passwd", "ftp://127.0.0.1/evil", "evil", "javascript:evil"] {
        let setting = setting();
        let path = format!("GET hub /org/tiny/resolve/{COMMIT}/model");
        setting.server.fault(&path, Fault::Header("Location", location.into()));
        assert!(setting.refusal("org/tiny").contains("no web address"), "{location}");
        assert_nothing_taken(&setting);
    }
}

#[test]
fn an_answer_that_is_no_description_is_refused() {
    for body in ["<html>please log in</html>", "[]", "{}", r#"{"sha": 7}"#] {
        let setting = setting();
        setting.server.fault("GET hub /api", Fault::Body(body.into()));
        assert!(setting.refusal("org/tiny").contains("cannot be understood"), "{body}");
    }
    // One that breaks off is asked for again.
    let setting = setting();
    setting.server.fault("GET hub /api", Fault::Cut(10));
    setting.model("org/tiny").unwrap();
}

#[test]
fn a_missing_etag_is_refused() {
    let server = Server::start();
    server.put(
        "models/org/tiny",
        Repository {
            commit: COMMIT.into(),
            files: [("config.json".to_owned(), b"{}".to_vec()), ("model.safetensors".to_owned(), content())].into(),
            ..Repository::default()
        },
    );
    server.fault("HEAD hub", Fault::Status(200, None));
    assert!(Setting::new(server).refusal("org/tiny").contains("no ETag"));
}
