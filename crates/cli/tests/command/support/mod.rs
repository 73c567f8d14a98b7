//! A folder for a test, small ONNX models written by hand, `.npz` files, and the command itself.

pub(crate) mod files;
pub(crate) mod onnx;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with a model, its calibration data and one input.
pub(crate) struct Place {
    folder: TempDir,
    /// What the machine remembers of ledgers.
    state: TempDir,
}

/// What the command left behind.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// `model.onnx` (`x [1, 4] -> Gemm, Relu -> Gemm -> y [1, 3]`), `cal.npz` with 32 samples, `x.npz` with one.
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() };
        place.write("model.onnx", &onnx::classifier(1));
        place.write("cal.npz", &files::npz(&[("x", &[32, 4], &files::wave(128))]));
        place.write("x.npz", &files::npz(&[("x", &[1, 4], &[0.5, -0.25, 0.75, 0.1])]));
        place
    }

    /// The same, compiled to `a.vt` and `a.vk`, with `p.proof` of `x.npz`.
    pub(crate) fn proved() -> Self {
        let place = Self::new();
        place.good(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt"]);
        place.good(&["prove", "a.vt", "--input", "x.npz", "-o", "p.proof"]);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command with these arguments, in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_veritorch")));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("VERITORCH_STATE", self.state.path());
        command
    }

    pub(crate) fn call(&self, args: &[&str]) -> Outcome {
        outcome(self.command(args).output().unwrap())
    }

    /// A call that must succeed.
    pub(crate) fn good(&self, args: &[&str]) -> String {
        let outcome = self.call(args);
        assert_eq!(outcome.code, 0, "{args:?}\n{}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    }

    /// A call that must succeed and print JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.good(args)).unwrap()
    }

    /// A call that must fail with this code and say these things, once, without a panic.
    pub(crate) fn bad(&self, args: &[&str], code: i32, says: &[&str]) {
        let outcome = self.call(args);
        let text = &outcome.stderr;
        assert_eq!(outcome.code, code, "{args:?}\n{}{text}", outcome.stdout);
        assert_eq!(text.matches("error:").count(), 1, "{args:?}\n{text}");
        assert!(!text.contains("panicked"), "{text}");
        for part in says {
            assert!(text.contains(part), "{args:?} does not say {part:?}\n{text}");
        }
    }
}

fn outcome(output: Output) -> Outcome {
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
