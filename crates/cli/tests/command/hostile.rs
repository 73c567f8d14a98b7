//! The verbs, used badly: one clear error each, the right exit code, nothing left behind.


use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Place, files, onnx};

const COMPILE: [&str; 6] = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt"];

/// Compiles with another calibration file, which must be refused.
fn calibrate(bytes: &[u8], says: &[&str]) {
    let place = Place::new();
    place.write("cal.npz", bytes);
    let before = place.names();
    place.bad(&COMPILE, 2, says);
    assert_eq!(place.names(), before);
}

/// Proves another input, which must be refused.
fn input(place: &Place, bytes: &[u8], says: &[&str]) {
    place.write("bad.npz", bytes);
    let before = place.names();
    place.bad(&["prove", "a.vt", "--input", "bad.npz", "-o", "bad.proof"], 2, says);
    place.bad(&["run", "a.vt", "--input", "bad.npz"], 2, says);
    assert_eq!(place.names(), before);
}

#[test]
fn missing_files_are_named() {
    let place = Place::new();
    place.bad(&["compile", "none.onnx", "--calibration", "cal.npz", "-o", "a.vt"], 2, &["none.onnx"]);
    place.bad(&["compile", "model.onnx", "--calibration", "none.npz", "-o", "a.vt"], 2, &["`none.npz`", "hint: check the path"]);
    place.bad(&["prove", "none.vt", "--input", "x.npz", "-o", "p.proof"], 2, &["cannot read `none.vt`", "hint:"]);
    place.bad(&["verify", "none.vk", "none.proof"], 2, &["cannot read `none.vk`"]);
    place.bad(&["inspect", "none.vt"], 2, &["cannot read `none.vt`"]);
    place.bad(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "no/such/a.vt"], 2, &["folder does not exist"]);
    place.bad(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vk"], 2, &["expected a name that ends in .vt"]);
}

#[test]
fn files_of_another_kind_are_named() {
    let place = Place::proved();
    place.bad(&["verify", "a.vt", "p.proof"], 2, &["`a.vt` is a prover's key (.vt), expected a verifier's key (.vk)", "hint:"]);
    place.bad(&["verify", "p.proof", "a.vk"], 2, &["check the order of the arguments"]);
    place.bad(&["prove", "a.vk", "--input", "x.npz", "-o", "q.proof"], 2, &["is a verifier's key (.vk)", "weights"]);
    place.bad(&["prove", "model.onnx", "--input", "x.npz", "-o", "q.proof"], 2, &["looks like an ONNX model", "compile it first"]);
    place.bad(&["prove", "x.npz", "--input", "x.npz", "-o", "q.proof"], 2, &[".npz archive"]);
    place.bad(&["compile", "a.vt", "--calibration", "cal.npz", "-o", "b.vt"], 2, &["a.vt"]);
    place.bad(&["prove", "a.vt", "--input", "model.onnx", "-o", "q.proof"], 2, &["neither an .npz archive nor an .npy array"]);
}

#[test]
fn calibration_data_is_checked() {
    let wave = files::wave(128);
    calibrate(&files::npz(&[("z", &[32, 4], &wave)]), &["calibration `x` is missing; given: z", "hint:"]);
    calibrate(&files::npz(&[("x", &[32, 4], &wave), ("z", &[1], &[0.0])]), &["calibration `z` is not in the model"]);
    calibrate(&files::npz(&[("x", &[4, 32], &wave)]), &["calibration `x`", "[1, 4]", "[4, 32]"]);
    calibrate(&files::npz(&[("x", &[0, 4], &[])]), &["calibration `x` holds no samples"]);
    let mut broken = wave.clone();
    broken[9] = f32::NAN;
    calibrate(&files::npz(&[("x", &[32, 4], &broken)]), &["calibration `x` at [2, 1] is NaN"]);
    broken[9] = f32::INFINITY;
    calibrate(&files::npz(&[("x", &[32, 4], &broken)]), &["calibration `x` at [2, 1] is inf"]);
    calibrate(b"PK\x03\x04 nothing", &["cal.npz"]);
    calibrate(b"", &["cal.npz"]);
}

#[test]
fn inputs_are_checked() {
    let place = Place::proved();
    input(&place, &files::npz(&[("z", &[1, 4], &[0.0; 4])]), &["input `x` is missing; given: z"]);
    input(&place, &files::npz(&[("x", &[2, 2], &[0.0; 4])]), &["input `x`: expected shape [1, 4]", "[2, 2]"]);
    input(&place, &files::npz(&[("x", &[1, 4], &[0.0, 1.0, f32::NAN, 0.0])]), &["input `x` at [0, 2] is NaN"]);
    let complex = files::archive(&[("x", files::npy("<c8", &[1, 4], &[0; 32]))]);
    input(&place, &complex, &["array `x`", "complex numbers are not supported", "hint:"]);
    let objects = files::archive(&[("x", files::npy("|O", &[1, 4], &[0; 32]))]);
    input(&place, &objects, &["Python objects"]);
    let large = files::archive(&[("x", files::npy("<i8", &[1, 4], &[0x7f; 32]))]);
    input(&place, &large, &["not exact in float32"]);
    let huge = files::archive(&[("x", files::npy("<f4", &[1 << 40, 1 << 40], &[]))]);
    input(&place, &huge, &["too large"]);
}

#[test]
fn integers_and_doubles_are_taken() {
    let place = Place::proved();
    place.write("i.npz", &files::archive(&[("x", files::npy("|i1", &[4], &[0, 1, 255, 1]))]));
    place.bad(&["run", "a.vt", "--input", "i.npz"], 2, &["expected shape [1, 4]", "[4]"]);
    place.write("i.npz", &files::archive(&[("x", files::npy("|i1", &[1, 4], &[0, 1, 255, 1]))]));
    place.write("d.npy", &files::npy("<f8", &[1, 4], &[0f64, 1.0, -1.0, 1.0].map(f64::to_le_bytes).concat()));
    assert_eq!(place.good(&["run", "a.vt", "--input", "i.npz"]), place.good(&["run", "a.vt", "--input", "d.npy"]));
}

#[test]
fn inputs_far_outside_saturate_with_a_warning() {
    let place = Place::proved();
    place.write("far.npz", &files::npz(&[("x", &[1, 4], &[100.0, 0.0, -100.0, 0.0])]));
    let outcome = place.call(&["run", "a.vt", "--input", "far.npz"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: input `x`: 2 of 4 values lie outside the calibrated range"), "{}", outcome.stderr);
    let outcome = place.call(&["prove", "a.vt", "--input", "far.npz", "-o", "far.proof", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("outside the calibrated range"));
    place.good(&["verify", "a.vk", "far.proof"]);
}

#[test]
fn bad_models_are_refused() {
    let place = Place::new();
    place.write("model.onnx", &onnx::unsupported());
    place.bad(&COMPILE, 2, &["Einstein", "relativity", "Bohr", "atom"]);
    place.write("model.onnx", &onnx::nan_weights());
    place.bad(&COMPILE, 2, &["w1", "NaN"]);
    let good = onnx::classifier(1);
    place.write("model.onnx", &good[..good.len() / 2]);
    place.bad(&COMPILE, 2, &["model.onnx"]);
    place.write("model.onnx", b"");
    place.bad(&COMPILE, 2, &["model.onnx"]);
    assert_eq!(place.names(), ["cal.npz", "model.onnx", "x.npz"]);
}

#[test]
fn options_are_checked() {
    let place = Place::new();
    let with = |extra: &[&str]| place.bad(&[&COMPILE[..], extra].concat(), 2, &[]);
    with(&["--activation-bits", "40"]);
    with(&["--accuracy-target", "0.9"]);
    with(&["--threads", "0"]);
    with(&["--input", "secret"]);
    place.write("labels.npy", &files::npy("<i8", &[2], &[0; 16]));
    place.bad(&[&COMPILE[..], &["--labels", "labels.npy"]].concat(), 2, &["2 labels for 32 samples"]);
    place.bad(&["inspect", "a.vt", "--batch", "0"], 2, &["batch"]);
    place.bad(&["conquer"], 2, &["conquer"]);
}

#[test]
fn a_proof_for_another_model_is_refused() {
    let place = Place::proved();
    // other weights in the same architecture
    place.write("other.onnx", &onnx::classifier(5));
    place.good(&["compile", "other.onnx", "--calibration", "cal.npz", "-o", "b.vt"]);
    place.bad(&["verify", "b.vk", "p.proof"], 1, &["this proof is for another model", "hint:"]);
    let outcome = place.call(&["verify", "b.vk", "p.proof", "--json"]);
    assert_eq!(outcome.code, 1);
    let json: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["valid"], false);
    assert!(json["reason"].as_str().unwrap().contains("another model"));
}

#[test]
fn changed_proofs_are_refused() {
    let place = Place::proved();
    let proof = place.read("p.proof");
    let step = (proof.len() / 60).max(1);
    for index in (0..proof.len()).step_by(step) {
        let mut changed = proof.clone();
        changed[index] ^= 1;
        place.write("p.proof", &changed);
        let outcome = place.call(&["verify", "a.vk", "p.proof"]);
        assert!([1, 2].contains(&outcome.code), "byte {index}: {}{}", outcome.stdout, outcome.stderr);
        // what is no veritorch file at all any more is bad input, anything else an invalid proof
        assert!(outcome.code == 1 || index < 12, "byte {index}: {}", outcome.stderr);
    }
    for len in [0, 5, 20, 100, proof.len() / 2, proof.len() - 1] {
        place.write("p.proof", &proof[..len]);
        let outcome = place.call(&["verify", "a.vk", "p.proof"]);
        assert!([1, 2].contains(&outcome.code), "{len} bytes");
    }
    place.write("p.proof", &[&proof[..], b"x"].concat());
    place.bad(&["verify", "a.vk", "p.proof"], 1, &["1 bytes too many"]);
}

#[test]
fn changed_keys_are_refused() {
    let place = Place::proved();
    for name in ["a.vt", "a.vk"] {
        let good = place.read(name);
        for index in (0..good.len()).step_by((good.len() / 12).max(1)) {
            let mut changed = good.clone();
            changed[index] ^= 0x10;
            place.write(name, &changed);
            place.bad(&["inspect", name], 2, &[name]);
        }
        place.write(name, &good[..good.len() - 1]);
        place.bad(&["inspect", name], 2, &["truncated", "hint: copy or make the file again"]);
        place.write(name, &good);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let place = Place::proved();
    std::os::unix::fs::symlink("/dev/full", place.path("full.vt")).unwrap();
    let before = place.names();
    for args in [
        &["run", "a.vt", "--input", "x.npz", "-o", "/dev/full"][..],
        &["prove", "a.vt", "--input", "x.npz", "-o", "/dev/full"],
        &["compile", "model.onnx", "--calibration", "cal.npz", "-o", "full.vt"],
        &["inspect", "a.vt", "--html", "/dev/full"],
    ] {
        place.bad(args, 2, &["cannot write", "hint: free some space"]);
    }
    assert_eq!(place.names(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_output_is_an_error() {
    let place = Place::proved();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = place.command(&["inspect", "a.vk"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_cleanly() {
    let place = Place::new();
    // large enough to be at work when the signal arrives
    place.write("model.onnx", &onnx::perceptron(1, 600, 2000, 500));
    place.write("cal.npz", &files::npz(&[("x", &[2000, 600], &files::wave(1_200_000))]));
    let before = place.names();
    let child = place.command(&COMPILE).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let sent = Instant::now();
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(sent.elapsed() < Duration::from_secs(10));
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted"));
    assert_eq!(place.names(), before);
}
