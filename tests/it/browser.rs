//! A real browser, driven over WebDriver: Chromium by ChromeDriver, where both are installed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The name under which WebDriver gives elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are no characters, as WebDriver writes them.
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";
pub const LEFT: &str = "\u{e012}";
pub const RIGHT: &str = "\u{e014}";
const SHIFT: &str = "\u{e008}";

/// A browser with a profile and a download folder of its own; ended when dropped.
pub struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    folder: tempfile::TempDir,
}

/// None, said on stderr, where there is no browser.
pub fn browser() -> Option<Browser> {
    browser_with(&json!({}))
}

/// The same with preferences of its profile.
pub fn browser_with(preferences: &Value) -> Option<Browser> {
    let chromium = program(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(driver), Some(chromium)) = (program(&["chromedriver"]), chromium) else {
        eprintln!("skipped: there is no chromium with chromedriver (Debian: apt-get install chromium chromium-driver)");
        return None;
    };
    Some(Browser::start(&driver, &chromium, preferences))
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    found.into_iter().find(|candidate| candidate.is_file())
}

impl Browser {
    fn start(driver: &Path, chromium: &Path, preferences: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let downloads = folder.path().join("downloads");
        fs_err::create_dir(&downloads).unwrap();
        let mut driver =
            Command::new(driver).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = BufReader::new(driver.stdout.take().unwrap());
        // "ChromeDriver was started successfully on port 43021."
        let port = said.lines().map_while(Result::ok).find_map(|line| {
            let port = line.split_once("successfully on port ")?.1;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let config =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(120))).http_status_as_error(false);
        let mut browser = Self { driver, session: String::new(), agent: config.build().into(), folder };
        browser.session = format!("http://127.0.0.1:{}/session", port.expect("chromedriver says its port"));

        let mut settings = json!({ "download.default_directory": downloads, "download.prompt_for_download": false });
        settings.as_object_mut().unwrap().extend(preferences.as_object().unwrap().clone());
        let options = json!({
            "binary": chromium,
            "prefs": settings,
            // Containers have no user namespaces for the sandbox, and little shared memory.
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1280,900",
                format!("--user-data-dir={}", browser.folder.path().join("profile").display()),
            ],
        });
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
            "unhandledPromptBehavior": "ignore",
        });
        let session = browser.post("", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().unwrap());
        browser
    }

    /// A command; what it gives.
    fn post(&self, command: &str, body: &Value) -> Value {
        let url = format!("{}{command}", self.session);
        let mut reply = self.agent.post(&url).send_json(body).unwrap();
        let said: Value = reply.body_mut().with_config().limit(1 << 28).read_json().unwrap();
        assert!(reply.status().is_success(), "{command}: {}", said["value"]);
        said["value"].clone()
    }

    /// Opens a file.
    pub fn open(&self, page: &Path) {
        self.post("/url", &json!({ "url": format!("file://{}", page.display()) }));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// What the body of a JavaScript function returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The shown text of the element with this id.
    pub fn text(&self, id: &str) -> String {
        self.run(&format!("return document.getElementById('{id}').innerText")).as_str().unwrap().to_owned()
    }

    /// Gives a field a value, as a person's input does.
    pub fn set(&self, id: &str, value: &str) {
        self.run(&format!(
            "const field = document.getElementById('{id}'); field.value = {};
             field.dispatchEvent(new Event('input', {{ bubbles: true }}));",
            json!(value)
        ));
    }

    /// Presses and releases keys, one after the other; each is a character or one of the constants.
    pub fn press(&self, keys: &[&str]) {
        self.actions(keys.iter().flat_map(|key| [down(key), up(key)]).collect());
    }

    /// The same with Shift held.
    pub fn press_with_shift(&self, keys: &[&str]) {
        let mut actions = vec![down(SHIFT)];
        actions.extend(keys.iter().flat_map(|key| [down(key), up(key)]));
        actions.push(up(SHIFT));
        self.actions(actions);
    }

    fn actions(&self, actions: Vec<Value>) {
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Clicks where the element is.
    pub fn click(&self, selector: &str) {
        self.post(&format!("/element/{}/click", self.find(selector)), &json!({}));
    }

    /// Moves the mouse over an element.
    pub fn hover(&self, selector: &str) {
        let over = json!({ "type": "pointerMove", "duration": 20, "x": 0, "y": 0, "origin": { ELEMENT: self.find(selector) } });
        self.post("/actions", &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": [over] }] }));
    }

    /// Shows the page in a window of this size, in CSS pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.post("/goog/cdp/execute", &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size }));
    }

    /// Presses the mouse on one element and lets go on another.
    pub fn drag(&self, from: &str, to: &str) {
        let over = |selector: &str| json!({ "type": "pointerMove", "duration": 50, "x": 0, "y": 0, "origin": { ELEMENT: self.find(selector) } });
        let button = |kind: &str| json!({ "type": kind, "button": 0 });
        let actions = [over(from), button("pointerDown"), over(to), button("pointerUp")];
        self.post("/actions", &json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": actions }] }));
    }

    /// Types into an element; for a field of files, its path.
    pub fn send(&self, selector: &str, text: &str) {
        self.post(&format!("/element/{}/value", self.find(selector)), &json!({ "text": text }));
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// Waits until the function's body returns something true.
    pub fn wait(&self, script: &str) {
        let begun = Instant::now();
        while self.run(script) != json!(true) {
            assert!(begun.elapsed() < Duration::from_secs(60), "still not true: {script}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The text of a downloaded file, once it is there.
    pub fn downloaded(&self, name: &str) -> String {
        let path = self.folder.path().join("downloads").join(name);
        let begun = Instant::now();
        loop {
            match fs_err::read_to_string(&path) {
                Ok(text) if !text.is_empty() => return text,
                _ => assert!(begun.elapsed() < Duration::from_secs(60), "{} does not come", path.display()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the console had to say since the last call: errors, warnings, refusals of the content security policy.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes its browser along when the session is deleted, not when it is killed itself.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn down(key: &str) -> Value {
    json!({ "type": "keyDown", "value": key })
}

fn up(key: &str) -> Value {
    json!({ "type": "keyUp", "value": key })
}
