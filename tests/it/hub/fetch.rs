//! What is fetched, what is kept, and what happens when it does not come.

use std::sync::atomic::Ordering;

use super::server::{COMMIT, Fault, Repository, Server, etag};
use super::*;

/// A model as far as the hub's client is concerned: a small and a large file.
fn tiny() -> Server {
    let server = Server::start();
    server.add("models/org/tiny", &[("config.json", b"{}"), ("model.safetensors", &weights())]);
    server
}

fn weights() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn read(snapshot: &Snapshot, name: &str) -> Vec<u8> {
    fs_err::read(snapshot.folder.join(name)).unwrap()
}

#[test]
fn only_what_is_needed_is_fetched_into_the_layout_of_huggingface_hub() {
    let server = Server::start();
    let files: Vec<(&str, &[u8])> = vec![
        ("config.json", b"{}"),
        ("README.md", b"no"),
        ("onnx/model.onnx", b"no"),
        ("pytorch_model.bin", b"no"),
        ("tf_model.h5", b"no"),
        ("tokenizer.json", b""),
        ("vocab.txt", b"a\nb"),
    ];
    let weights = weights();
    server.add("models/org/tiny", &[files, vec![("model.safetensors", &weights)]].concat());
    let setting = Setting::new(server);
    let snapshot = setting.model("org/tiny").unwrap();
    assert_eq!(snapshot.commit, COMMIT);
    assert_eq!(snapshot.folder, setting.cache.path().join("models--org--tiny/snapshots").join(COMMIT));
    assert_eq!(read(&snapshot, "model.safetensors"), weights);
    assert_eq!(read(&snapshot, "tokenizer.json"), b"");
    let mut expected = vec!["models--org--tiny/refs/main".to_owned()];
    for (name, content) in
        [("config.json", &b"{}"[..]), ("tokenizer.json", b""), ("vocab.txt", b"a\nb"), ("model.safetensors", &weights)]
    {
        expected.push(format!("models--org--tiny/blobs/{}", etag(content)));
        expected.push(format!("models--org--tiny/snapshots/{COMMIT}/{name}"));
        #[cfg(unix)]
        {
            let link = fs_err::read_link(snapshot.folder.join(name)).unwrap();
            assert_eq!(link, Path::new("../../blobs").join(etag(content)));
        }
    }
    expected.sort();
    assert_eq!(setting.cached(), expected);
    assert_eq!(fs_err::read_to_string(setting.cache.path().join("models--org--tiny/refs/main")).unwrap(), COMMIT);

    let transfers = setting.heard.transfers.lock().unwrap().clone();
    assert_eq!(transfers.last().unwrap(), &("model.safetensors".into(), Some(weights.len() as u64), 0));
    setting.server.requests();
    assert_eq!(setting.model("org/tiny").unwrap(), snapshot);
    assert_eq!(setting.server.log(), ["GET hub /api/models/org/tiny/revision/main"], "all else is here");
}

#[test]
fn a_new_commit_shares_the_files_that_did_not_change() {
    let setting = Setting::new(tiny());
    let old = setting.model("org/tiny").unwrap();
    let commit = COMMIT.replace("00", "ff");
    setting.server.change("models/org/tiny", |repository| {
        repository.commit.clone_from(&commit);
        repository.files.insert("config.json".into(), b"{\"new\": 1}".to_vec());
    });
    setting.server.requests();
    let new = setting.model("org/tiny").unwrap();
    assert_eq!(new.commit, commit);
    assert_eq!((read(&old, "config.json"), read(&new, "config.json")), (b"{}".to_vec(), b"{\"new\": 1}".to_vec()));
    assert!(setting.server.log().iter().all(|line| !line.contains("storage")), "the weights are here already");
    assert_eq!(setting.model(&format!("org/tiny@{commit}")).unwrap(), new);
    // The old one is not on this hub any more, but in the cache; the hub says so, and that is final.
    assert!(setting.refusal(&format!("org/tiny@{COMMIT}")).contains("no such revision"));
    let offline = Setting { offline: true, ..setting };
    assert_eq!(offline.model(&format!("org/tiny@{COMMIT}")).unwrap(), old);
}

#[test]
fn the_token_goes_to_the_endpoint_alone() {
    let mut setting = Setting::new(tiny());
    setting.server.change("models/org/tiny", |repository| repository.token = Some("hf_secret".into()));
    let refusal = setting.refusal("org/tiny");
    assert!(refusal.contains("no such repository, or none for this token"), "{refusal}");
    assert!(setting.server.requests().iter().all(|request| request.authorization.is_none()));
    setting.token = Some("hf_secret".into());
    setting.model("org/tiny").unwrap();
    let requests = setting.server.requests();
    assert!(requests.iter().any(|request| request.host == "storage"));
    for request in requests {
        let expected = (request.host == "hub").then(|| "Bearer hf_secret".to_owned());
        assert_eq!(request.authorization, expected, "{request:?}");
    }
}

#[test]
fn a_connection_cut_in_the_middle_is_taken_up_there() {
    let setting = Setting::new(tiny());
    for bytes in [300_000, 100_000] {
        setting.server.fault("GET storage", Fault::Cut(bytes));
    }
    let snapshot = setting.model("org/tiny").unwrap();
    assert_eq!(read(&snapshot, "model.safetensors"), weights());
    let requests = setting.server.requests();
    let ranges: Vec<_> = requests.iter().filter(|r| r.host == "storage").map(|r| r.range.as_deref()).collect();
    assert_eq!(ranges, [None, Some("bytes=300000-"), Some("bytes=400000-")]);
    assert_eq!(setting.heard.waits.lock().unwrap().len(), 2);
}

#[test]
fn a_download_given_up_is_taken_up_the_next_time() {
    let setting = Setting::new(tiny());
    setting.server.fault("GET storage", Fault::Cut(300_000));
    for _ in 0..4 {
        setting.server.fault("GET storage", Fault::Cut(0));
    }
    assert!(setting.refusal("org/tiny").contains("broke off after 300000 bytes"));
    assert!(!setting.cached().iter().any(|path| path.ends_with("refs/main") || path.ends_with("model.safetensors")));
    setting.server.requests();
    setting.heard.transfers.lock().unwrap().clear();
    assert_eq!(read(&setting.model("org/tiny").unwrap(), "model.safetensors"), weights());
    assert_eq!(setting.heard.transfers.lock().unwrap()[..], [("model.safetensors".into(), Some(800_000), 300_000)]);
    assert!(setting.server.requests().iter().any(|request| request.range.as_deref() == Some("bytes=300000-")));
    assert!(!setting.cached().iter().any(|path| path.ends_with(".incomplete")));
}

#[test]
fn a_server_without_ranges_or_with_wrong_ones_sends_all_again() {
    for fault in [Fault::NoRange, Fault::OtherRange, Fault::Status(416, None)] {
        let setting = Setting::new(tiny());
        setting.server.fault("GET storage", Fault::Cut(300_000));
        setting.server.fault("GET storage", fault.clone());
        assert_eq!(read(&setting.model("org/tiny").unwrap(), "model.safetensors"), weights(), "{fault:?}");
    }
}

#[test]
fn what_lies_around_damaged_is_fetched_anew() {
    let setting = Setting::new(tiny());
    let blobs = setting.cache.path().join("models--org--tiny/blobs");
    fs_err::create_dir_all(&blobs).unwrap();
    for present in [1000, weights().len(), weights().len() + 7] {
        fs_err::write(blobs.join(format!("{}.incomplete", etag(&weights()))), vec![7; present]).unwrap();
        assert_eq!(read(&setting.model("org/tiny").unwrap(), "model.safetensors"), weights());
        fs_err::remove_file(blobs.join(etag(&weights()))).unwrap();
    }
    // A blob of another length than the hub's is none.
    fs_err::write(blobs.join(etag(&weights())), "short").unwrap();
    fs_err::remove_dir_all(setting.cache.path().join("models--org--tiny/snapshots")).unwrap();
    assert_eq!(read(&setting.model("org/tiny").unwrap(), "model.safetensors"), weights());
}

#[test]
fn a_busy_server_is_waited_for() {
    let setting = Setting::new(tiny());
    setting.server.fault("GET hub /api", Fault::Status(503, None));
    setting.server.fault("HEAD hub", Fault::Status(500, None));
    setting.server.fault("GET storage", Fault::Status(429, Some(("Retry-After", "1".into()))));
    let begun = std::time::Instant::now();
    setting.model("org/tiny").unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let waits = setting.heard.waits.lock().unwrap().clone();
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert!(waits[2].contains("429") && waits[2].ends_with("again in 1 s"), "{waits:?}");
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let setting = Setting::new(tiny());
    for _ in 0..5 {
        setting.server.fault("GET hub /api", Fault::Status(429, None));
    }
    assert!(setting.refusal("org/tiny").contains("429"));
    setting.server.fault("GET hub /api", Fault::Status(429, Some(("Retry-After", "3600".into()))));
    setting.server.requests();
    assert!(setting.refusal("org/tiny").contains("429"));
    assert_eq!(setting.server.log().len(), 1, "an hour is not waited for");
}

#[test]
fn a_hub_out_of_reach_leaves_the_cache() {
    let mut setting = Setting::new(tiny());
    let before = setting.model("org/tiny").unwrap();
    let endpoint = std::mem::replace(&mut setting.server.endpoint, "http://127.0.0.1:1".into());
    assert_eq!(setting.model("org/tiny").unwrap(), before);
    assert!(setting.warnings()[0].contains("is taken from the cache, commit 0011"), "{:?}", setting.warnings());
    assert!(setting.refusal("org/other").contains("127.0.0.1:1"));
    setting.server.endpoint = endpoint;
    for _ in 0..5 {
        setting.server.fault("GET hub /api", Fault::Status(500, None));
    }
    assert_eq!(setting.model("org/tiny").unwrap(), before);
    assert_eq!(setting.warnings().len(), 2);
}

#[test]
fn offline_only_the_cache_is_asked() {
    let mut setting = Setting::new(tiny());
    setting.offline = true;
    assert!(
        setting.refusal("org/tiny").contains("HF_HUB_OFFLINE is set, and the cache does not have the model `org/tiny`")
    );
    assert_eq!(setting.server.log(), [""; 0]);
    setting.offline = false;
    let online = setting.model("org/tiny").unwrap();
    setting.server.requests();
    setting.offline = true;
    assert_eq!(setting.model("org/tiny").unwrap(), online);
    assert_eq!(setting.model(&format!("org/tiny@{COMMIT}")).unwrap(), online);
    assert!(setting.refusal("org/tiny@v2").contains("does not have"));
    fs_err::remove_file(online.folder.join("model.safetensors")).unwrap();
    assert!(setting.refusal("org/tiny").contains("without model.safetensors"));
    assert_eq!(setting.server.log(), [""; 0]);
    assert_eq!(setting.warnings(), [""; 0]);
}

#[test]
fn what_is_not_there_is_said() {
    let setting = Setting::new(tiny());
    assert!(setting.refusal("org/other").contains("no such repository"));
    assert!(setting.refusal("org/tiny@v2").contains("no such revision"));
    setting.server.add("models/org/empty", &[("README.md", b"")]);
    assert!(setting.refusal("org/empty").contains("no config.json"));
    setting.server.add("models/org/flax", &[("config.json", b"{}"), ("flax_model.msgpack", b"")]);
    assert!(setting.refusal("org/flax").contains("neither model.safetensors nor pytorch_model.bin"));
    assert_eq!(setting.cached(), [""; 0]);
}

#[test]
fn a_repository_that_was_renamed_is_found_under_both_names() {
    let setting = Setting::new(tiny());
    setting.server.moved("models/tiny/", "models/org/tiny/");
    setting.server.moved("tiny/resolve", "org/tiny/resolve");
    // The second rule would go on for ever with the new name, as it would on a hub gone wrong.
    assert!(setting.refusal("tiny").contains("redirects"));
    let setting = Setting::new(tiny());
    setting.server.moved("models/old/", "models/org/tiny/");
    setting.server.moved("old/resolve", "org/tiny/resolve");
    assert_eq!(read(&setting.model("old").unwrap(), "model.safetensors"), weights());
    assert!(setting.cached().contains(&"models--old/refs/main".to_owned()));
}

#[test]
fn two_at_once_fetch_a_file_once() {
    let setting = Setting::new(tiny());
    setting.server.fault("GET storage", Fault::Cut(700_000));
    let snapshots: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| setting.model("org/tiny").unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(snapshots.iter().all(|snapshot| read(snapshot, "model.safetensors") == weights()));
    let storage = setting.server.log().iter().filter(|line| line.contains("storage")).count();
    assert_eq!(storage, 2, "the cut one, and the rest of it");
}

#[test]
fn shards_are_fetched_where_there_is_no_single_file() {
    let server = Server::start();
    let index =
        br#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
    server.add(
        "models/org/tiny",
        &[
            ("config.json", b"{}"),
            ("model.safetensors.index.json", index),
            ("model-00001-of-00002.safetensors", b"1"),
            ("model-00002-of-00002.safetensors", b"2"),
            ("pytorch_model.bin", b"no"),
        ],
    );
    let setting = Setting::new(server);
    let snapshot = setting.model("org/tiny").unwrap();
    assert_eq!(read(&snapshot, "model-00002-of-00002.safetensors"), b"2");
    assert!(!snapshot.folder.join("pytorch_model.bin").exists());
}

#[test]
fn who_wants_to_stop_is_heard_and_keeps_what_came() {
    let setting = Setting::new(tiny());
    setting.server.fault("GET storage", Fault::Cut(300_000));
    setting.server.fault("GET storage", Fault::Status(429, Some(("Retry-After", "60".into()))));
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| setting.model("org/tiny"));
        while setting.heard.waits.lock().unwrap().len() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        setting.heard.stop.store(true, Ordering::SeqCst);
        assert!(matches!(fetching.join().unwrap(), Err(memoscope::Error::Interrupted)));
    });
    let part = format!("models--org--tiny/blobs/{}.incomplete", etag(&weights()));
    assert_eq!(fs_err::metadata(setting.cache.path().join(part)).unwrap().len(), 300_000);
}

#[test]
fn data_sets_have_a_folder_of_their_own() {
    let server = Server::start();
    let files =
        [("dataset/label.json", "{}"), ("dataset/train.json", ""), ("dataset/valid.json", ""), ("other.py", "")];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    server.put("datasets/org/set", Repository { commit: COMMIT.into(), files: files.into(), ..Repository::default() });
    let setting = Setting::new(server);
    let repository = memoscope::hub::Repository::parse(Kind::Data, "org/set").unwrap();
    let snapshot = Hub::new(setting.settings(), setting.heard.clone()).snapshot(&repository).unwrap();
    assert_eq!(snapshot.folder, setting.cache.path().join("datasets--org--set/snapshots").join(COMMIT));
    assert!(snapshot.folder.join("dataset/label.json").is_file() && !snapshot.folder.join("other.py").exists());
    #[cfg(unix)]
    assert_eq!(
        fs_err::read_link(snapshot.folder.join("dataset/label.json")).unwrap(),
        Path::new("../../../blobs").join(etag(b"{}"))
    );
}
