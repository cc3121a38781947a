//! A folder to run the program in, and what it said.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// A temporary working directory, gone when dropped.
pub struct Workspace {
    folder: tempfile::TempDir,
}

/// What the program said, volatile parts filtered.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, its folders made.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path().join(name)).unwrap()
    }

    /// The program, to be run here.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("memoscope");
        command.current_dir(self.path()).env("NO_COLOR", "1").args(arguments);
        // No test asks a hub that is not its own.
        command.env("HF_HUB_OFFLINE", "1").env("HF_HOME", self.path().join("hf"));
        command
    }

    /// Runs the program here.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.finish(self.command(arguments))
    }

    /// Runs a program.
    pub fn finish(&self, mut command: Command) -> Said {
        let output = command.output().unwrap();
        let filter = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&self.path().display().to_string(), "[HERE]").replace("\r\n", "\n")
        };
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: filter(&output.stdout),
            stderr: filter(&output.stderr),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code: {}\n----- stdout\n{}----- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// A copy of a parity fixture's model, with a vocabulary of 160 subwords beside it, which no test reads from text.
pub fn fixture_model(fixture: &Path) -> tempfile::TempDir {
    let model = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        fs_err::copy(fixture.join(file), model.path().join(file)).unwrap();
    }
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(String::from);
    let vocabulary: Vec<String> = special.into_iter().chain((5..160).map(|i| format!("w{i}"))).collect();
    fs_err::write(model.path().join("vocab.txt"), vocabulary.join("\n")).unwrap();
    model
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
