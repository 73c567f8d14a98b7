//! The verbs, used well: what they write, print and return.


use crate::support::{Place, files, onnx};

#[test]
fn a_model_is_compiled_run_proved_and_verified() {
    let place = Place::proved();
    assert_eq!(place.names(), ["a.vk", "a.vt", "a.vt.ledger", "cal.npz", "model.onnx", "p.proof", "x.npz"]);
    let text = place.good(&["verify", "a.vk", "p.proof"]);
    for part in ["valid: The model `classifier` under the commitment ", "class ", "security", "model commitment", "circuit"] {
        assert!(text.contains(part), "{text}");
    }
    let verified = place.json(&["verify", "a.vk", "p.proof", "--json"]);
    assert_eq!(verified["valid"], true);
    assert!(verified["security_bits"].as_f64().unwrap() >= 100.0);
    assert!(verified["inputs"].is_null());
    let run = place.json(&["run", "a.vt", "--input", "x.npz", "--json"]);
    assert_eq!(run["outputs"]["y"]["data"], verified["outputs"]["y"]["data"]);
    assert_eq!(run["outputs"]["y"]["shape"], serde_json::json!([1, 3]));
}

#[test]
fn open_axes_get_an_extent_and_inputs_a_number() {
    let place = Place::new();
    place.write("open.onnx", &onnx::open());
    let compile = ["compile", "open.onnx", "--calibration", "cal.npz", "-o", "o.vt"];
    place.bad(&compile, 2, &["input `x`: extent `length` of axis 1 is open", "hint:"]);
    place.bad(&[&compile[..], &["--axis", "length=4", "--axis", "width=4"]].concat(), 2, &["axis `width`", "there are length"]);
    place.bad(&[&compile[..], &["--axis", "length=four"]].concat(), 2, &["`four` is no extent"]);
    place.good(&[&compile[..], &["--axis", "length=4", "--fix", "gate=1"]].concat());
    place.good(&[&compile[..], &["--shape", "x=1,4", "--shape", "gate=1,4", "--fix", "gate=0.5"]].concat());
    assert_eq!(place.json(&["run", "o.vt", "--input", "x.npz", "--json"])["outputs"]["y"]["shape"], serde_json::json!([1, 3]));
}

#[test]
fn run_writes_what_verify_compares() {
    let place = Place::proved();
    place.good(&["run", "a.vt", "--input", "x.npz", "-o", "y.npz"]);
    let text = place.good(&["verify", "a.vk", "p.proof", "--output", "y.npz"]);
    assert!(text.contains("The output is the one given"), "{text}");
    place.write("other.npz", &files::npz(&[("y", &[1, 3], &[0.0, 0.0, 0.0])]));
    place.bad(&["verify", "a.vk", "p.proof", "--output", "other.npz"], 1, &["output `y` at [0, ", "the proof says"]);
    place.bad(&["verify", "a.vk", "p.proof", "--input", "x.npz"], 2, &["private", "hint:"]);
}

#[test]
fn public_inputs_are_compared() {
    let place = Place::new();
    place.good(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--input", "public"]);
    place.good(&["prove", "a.vt", "--input", "x.npz", "-o", "p.proof"]);
    let text = place.good(&["verify", "a.vk", "p.proof", "--input", "x.npz"]);
    assert!(text.contains("The input is the one given"), "{text}");
    place.write("other.npz", &files::npz(&[("x", &[1, 4], &[0.5, -0.25, 0.0, 0.1])]));
    place.bad(&["verify", "a.vk", "p.proof", "--input", "other.npz"], 1, &["input `x` at [0, 2]"]);
}

#[test]
fn private_outputs_are_hidden() {
    let place = Place::new();
    let policy = ["--input", "public", "--output", "private"];
    let compile = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt"];
    place.good(&[&compile[..], &policy].concat());
    place.good(&["prove", "a.vt", "--input", "x.npz", "-o", "p.proof"]);
    let verified = place.json(&["verify", "a.vk", "p.proof", "--json"]);
    assert!(verified["outputs"].is_null());
    assert!(!verified["inputs"].is_null());
}

#[test]
fn the_policy_is_stated_and_part_of_the_circuit() {
    let place = Place::proved();
    let verified = place.json(&["verify", "a.vk", "p.proof", "--json"]);
    assert_eq!(verified["policy"], serde_json::json!({ "weights": "private", "input": "private", "output": "public" }));
    assert_eq!(verified["public"], serde_json::json!(["the circuit", "the output"]));
    assert_eq!(verified["hidden"], serde_json::json!(["the weights", "the input", "every intermediate value"]));
    let statement = verified["statement"].as_str().unwrap();
    let text = place.good(&["verify", "a.vk", "p.proof"]);
    assert!(text.starts_with(&format!("valid: {statement}\n")), "{text}");
    for part in ["1 sample", &verified["model_commitment"].as_str().unwrap()[..16], &verified["circuit_digest"].as_str().unwrap()[..16]] {
        assert!(statement.contains(part), "{statement}");
    }
    let compile = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", "b.vt", "--json"];
    let open = place.json(&[&compile[..], &["--weights", "public"]].concat());
    assert_ne!(open["circuit_digest"], verified["circuit_digest"]);
    place.bad(&["verify", "b.vk", "p.proof"], 1, &["another model", "circuit"]);
    for file in ["b.vt", "b.vk"] {
        let report = place.json(&["inspect", file, "--json"]);
        assert_eq!(report["policy"], serde_json::json!({ "weights": "public", "input": "private", "output": "public" }));
        assert!(place.good(&["inspect", file]).contains("weights public, input private, output public"));
    }
    let outcome = place.call(&[&compile[..], &["--weights", "committed"]].concat());
    assert!(outcome.code == 2 && outcome.stderr.contains("private, public"), "{}", outcome.stderr);
}

#[test]
fn a_batch_is_one_proof() {
    let place = Place::proved();
    place.write("batch.npz", &files::npz(&[("x", &[5, 4], &files::wave(20))]));
    let proven = place.json(&["prove", "a.vt", "--input", "batch.npz", "-o", "b.proof", "--json"]);
    assert_eq!(proven["batch"], 5);
    let verified = place.json(&["verify", "a.vk", "b.proof", "--json"]);
    assert_eq!(verified["batch"], 5);
    assert_eq!(verified["outputs"]["y"]["shape"], serde_json::json!([5, 3]));
    let run = place.json(&["run", "a.vt", "--input", "batch.npz", "--json"]);
    assert_eq!(run["outputs"], verified["outputs"]);
}

#[test]
fn keys_do_not_depend_on_the_number_of_threads() {
    let place = Place::proved();
    // proofs may: the search for a grinding nonce ends at another one
    place.good(&["--threads", "1", "prove", "a.vt", "--input", "x.npz", "-o", "q.proof"]);
    place.good(&["verify", "a.vk", "q.proof", "--threads", "2"]);
    // the masks of private weights are random: the circuits are alike, and the keys of public weights
    let digest = |file| place.json(&["inspect", file, "--json"])["circuit_digest"].clone();
    let compile = |file, threads, weights| {
        let compile = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", file];
        place.good(&[&compile[..], &["--threads", threads, "--weights", weights]].concat());
    };
    compile("b.vt", "1", "private");
    assert_eq!(digest("a.vk"), digest("b.vk"));
    compile("c.vt", "1", "public");
    compile("d.vt", "2", "public");
    assert!(place.read("c.vk") == place.read("d.vk"));
}

#[test]
fn the_high_profile_has_128_bits() {
    let place = Place::new();
    place.good(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--profile", "high"]);
    place.good(&["prove", "a.vt", "--input", "x.npz", "-o", "p.proof"]);
    let verified = place.json(&["verify", "a.vk", "p.proof", "--json"]);
    assert!(verified["security_bits"].as_f64().unwrap() >= 128.0);
}

#[test]
fn inspect_knows_every_kind_of_file() {
    let place = Place::proved();
    for (file, kind) in [("a.vt", "prover's key"), ("a.vk", "verifier's key"), ("p.proof", "proof")] {
        let report = place.json(&["inspect", file, "--json"]);
        assert_eq!(report["kind"], kind);
        assert_eq!(report["model"], "classifier");
        assert!(report["security"]["bits"].as_f64().unwrap() >= 100.0);
        let text = place.good(&["inspect", file]);
        assert!(text.contains("security term"), "{text}");
        place.good(&["inspect", file, "--html", "page.html"]);
        let page = String::from_utf8(place.read("page.html")).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    }
    let measured = place.json(&["inspect", "a.vt", "--measure", "--json"]);
    let phases = measured["phases"].as_array().unwrap();
    assert!(phases.iter().any(|phase| phase["measured_seconds"].as_f64().is_some()));
    place.bad(&["inspect", "a.vk", "--measure"], 2, &["--measure"]);
}

#[test]
fn bench_measures_a_file_and_a_built_in_model() {
    let place = Place::new();
    let report = place.json(&["bench", "model.onnx", "--repeat", "1", "--json", "--batch", "2"]);
    for key in ["prove_seconds", "verify_seconds", "proof_bytes", "security_bits"] {
        assert!(report[key].as_f64().unwrap() > 0.0, "{key}: {report}");
    }
    let phases: Vec<&str> = report["phases"].as_array().unwrap().iter().map(|p| p["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["compile", "load", "run", "prove", "verify"]);
    let report = place.json(&["bench", "--model", "mlp", "--repeat", "2", "--threads", "1,2", "--json"]);
    assert_eq!(report["model"], "mlp");
    let runs: Vec<u64> = report["runs"].as_array().unwrap().iter().map(|run| run["threads"].as_u64().unwrap()).collect();
    assert_eq!((runs, report["threads"].as_u64()), (vec![1, 2], Some(1)));
    for run in report["runs"].as_array().unwrap() {
        assert!(run["prove_median_seconds"].as_f64() >= run["prove_seconds"].as_f64(), "{run}");
    }
    let text = place.good(&["bench", "model.onnx", "--repeat", "1", "--threads", "1", "--threads", "2"]);
    assert!(text.contains("median") && text.contains("threads "), "{text}");
    place.bad(&["prove", "a.vt", "--input", "x.npz", "-o", "p.proof", "--threads", "1,2"], 2, &["--threads", "bench"]);
    place.bad(&["bench", "--model", "lenet"], 2, &["no built-in model is called `lenet`", "vgg16-cifar"]);
}

#[test]
fn labels_give_an_accuracy() {
    let place = Place::new();
    place.write("labels.npy", &files::npy("<i8", &[32], &vec![0; 256]));
    let compiled =
        place.json(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--labels", "labels.npy", "--json"]);
    assert!(compiled["quantisation"]["accuracy"].as_f64().is_some(), "{compiled}");
}

#[test]
fn data_goes_to_standard_output_alone() {
    let place = Place::new();
    let outcome = place.call(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--json", "--quiet"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert!(serde_json::from_str::<serde_json::Value>(&outcome.stdout).is_ok());
    assert!(!outcome.stdout.contains('\x1b'));
}

#[test]
fn a_model_without_a_name_is_called_as_its_file() {
    let place = Place::new();
    place.write("tiny.onnx", &renamed(&place.read("model.onnx"), b"main_graph"));
    let compiled = place.json(&["compile", "tiny.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--json"]);
    assert_eq!(compiled["model"], "tiny");
    let compiled = place.json(&["compile", "tiny.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--name", "mine", "--json"]);
    assert_eq!(compiled["model"], "mine");
}

/// The file with another graph name of the same length.
fn renamed(file: &[u8], name: &[u8; 10]) -> Vec<u8> {
    let at = file.windows(10).position(|window| window == b"classifier").unwrap();
    [&file[..at], name, &file[at + 10..]].concat()
}

#[test]
fn models_are_checked_without_data() {
    let place = Place::new();
    let text = place.good(&["check", "model.onnx"]);
    assert!(text.starts_with("`classifier` works\n"), "{text}");
    place.write("odd.onnx", &onnx::unsupported());
    place.bad(&["check", "odd.onnx"], 1, &["obstacles in the way of the model: 2"]);
    let outcome = place.call(&["check", "odd.onnx", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["works"], false);
    assert_eq!(report["obstacles"][0]["operator"], "Einstein");
    assert!(report["obstacles"][1]["suggestion"].is_string());
    place.write("open.onnx", &onnx::open());
    place.bad(&["check", "open.onnx"], 1, &["obstacles in the way of the model: 1"]);
    place.good(&["check", "open.onnx", "--axis", "length=4"]);
    place.write("broken.onnx", b"no model");
    place.bad(&["check", "broken.onnx"], 2, &["not an onnx model"]);
    place.bad(&["check", "missing.onnx"], 2, &["missing.onnx"]);
}
