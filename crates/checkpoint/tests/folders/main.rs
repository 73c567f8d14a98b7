//! Checkpoints against what transformers makes of them, and folders that are not as they should be.

mod architectures;
mod hostile;
mod stories;
mod tokenizer;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::NpzReader;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn stories() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/data/stories260K")
}

/// One array of an `.npz` file.
fn array(path: &Path, name: &str) -> Vec<f32> {
    let file = fs::File::open(path).expect("expected outputs");
    let array: ArrayD<f32> = NpzReader::new(file).expect("npz").by_name::<_, IxDyn>(name).expect(name);
    array.iter().copied().collect()
}

/// Copies a folder with everything in it.
fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().expect("temporary folder");
    copy_into(folder, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("fixture") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("name"));
        if path.is_dir() {
            fs::create_dir(&target).expect("folder");
            copy_into(&path, &target);
        } else {
            fs::copy(&path, &target).expect("file");
        }
    }
}

/// Greatest difference over the greatest magnitude.
fn distance(actual: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(actual.len(), expected.len());
    let scale = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let differences = actual.iter().zip(expected).map(|(x, y)| (x - y).abs());
    differences.fold(0.0, f32::max) / scale
}
