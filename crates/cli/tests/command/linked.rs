//! Committed inputs and outputs: commitments made beforehand, and models that are chained.

use crate::support::{Place, files, onnx};

/// `a` commits input and output, `b` takes the output of `a`.
fn chained() -> Place {
    let place = Place::new();
    let compile = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--name", "first"];
    place.good(&[&compile[..], &["--input", "committed", "--output", "committed"]].concat());
    place.write("second.onnx", &onnx::perceptron(5, 3, 4, 2));
    let calibration: Vec<f32> = files::wave(96).iter().map(|value| 16.0 * value).collect();
    place.write("cal2.npz", &files::npz(&[("x", &[32, 3], &calibration)]));
    let compile = ["compile", "second.onnx", "--calibration", "cal2.npz", "-o", "b.vt", "--name", "second"];
    place.good(&[&compile[..], &["--input", "committed", "--input-like", "a.vk"]].concat());
    place
}

fn permissions(place: &Place, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_scan_is_committed_and_two_models_are_chained() {
    let place = chained();
    // Who has the data commits to it.
    let text = place.good(&["commit-tensor", "x.npz", "-o", "x.commitment", "--for", "a.vk", "--openings", "2"]);
    assert!(text.contains("committed to `x` [1, 4]: ") && text.contains("x.commitment.opening"), "{text}");
    assert_eq!(permissions(&place, "x.commitment.opening"), 0o600);

    let proven = place.json(&["prove", "a.vt", "--input-commitment", "x.commitment", "-o", "a.proof", "--json"]);
    assert_eq!(proven["commitments"][0]["path"], "a.proof.output.commitment");
    assert!(place.path("a.proof.output.commitment").exists() && !place.path("a.proof.input.commitment").exists());
    assert_eq!(permissions(&place, "a.proof.output.commitment.opening"), 0o600);
    let verified = place.json(&["verify", "a.vk", "a.proof", "--expect-input", "x.commitment", "--json"]);
    assert_eq!(verified["policy"]["input"], "committed");
    assert!(verified["inputs"].is_null() && verified["outputs"].is_null());
    assert_eq!(verified["commitments"].as_array().unwrap().len(), 2);
    assert_eq!(verified["commitments"][0]["side"], "input");

    // The second model takes the committed output as it is.
    place.good(&["prove", "b.vt", "--input-commitment", "a.proof.output.commitment", "-o", "b.proof"]);
    let link = ["--link", "output=input:b.vk:b.proof"];
    let text = place.good(&[&["verify", "a.vk", "a.proof"][..], &link].concat());
    assert!(text.contains("linked            output `y` of `first` is input `x` of `second`"), "{text}");
    let linked = place.json(&[&["verify", "a.vk", "a.proof", "--json"][..], &link].concat());
    assert_eq!(linked["links"][0]["identity"], verified["commitments"][1]["identity"]);
    assert_eq!(linked["links"][0]["model"], "second");
    place.good(&["verify", "a.vk", "a.proof", "--link", "output.y=input.x:b.vk:b.proof"]);
    place.good(&["verify", "b.vk", "b.proof", "--link", "input=output:a.vk:a.proof"]);
    place.good(&["verify", "b.vk", "b.proof", "--expect-input", "a.proof.output.commitment"]);

    // What is not linked.
    place.bad(&["verify", "a.vk", "a.proof", "--link", "input=input:b.vk:b.proof"], 1, &["not linked", "the commitments differ"]);
    place.bad(&["verify", "b.vk", "b.proof", "--expect-input", "x.commitment"], 1, &["not linked", "differ"]);
    place.bad(&["verify", "a.vk", "a.proof", "--link", "output=output:b.vk:b.proof"], 2, &["does not commit its output"]);
    place.bad(&["verify", "a.vk", "a.proof", "--link", "output.z=input:b.vk:b.proof"], 2, &["no committed output `z`"]);
    place.bad(&["verify", "a.vk", "a.proof", "--link", "output=input:b.vk"], 2, &["--link", "expected output=input:"]);
    place.bad(&["verify", "a.vk", "a.proof", "--link", "output=input:b.vk:a.proof"], 1, &["the second proof is refused"]);

    // Another proof of the same input: the same input commitment, another output commitment.
    place.good(&["prove", "a.vt", "--input", "x.npz", "--input-commitment", "x.commitment", "-o", "c.proof"]);
    place.good(&["verify", "a.vk", "c.proof", "--expect-input", "x.commitment"]);
    place.bad(&["verify", "a.vk", "c.proof", "--link", "output=input:b.vk:b.proof"], 1, &["the commitments differ"]);
    // Both openings are used.
    place.bad(&["prove", "a.vt", "--input-commitment", "x.commitment", "-o", "d.proof"], 2, &["2 openings", "used"]);
    assert!(!place.path("d.proof").exists());
}

#[test]
fn commitments_that_do_not_fit_are_refused() {
    let place = chained();
    place.good(&["commit-tensor", "x.npz", "-o", "x.commitment", "--for", "a.vk"]);
    place.write("other.npz", &files::npz(&[("x", &[1, 4], &[0.5, -0.25, 0.0, 0.1])]));
    let prove = ["prove", "a.vt", "-o", "a.proof", "--input-commitment"];
    place.bad(&[&prove[..], &["x.commitment", "--input", "other.npz"]].concat(), 2, &["input `x`", "not a commitment to these values"]);
    // Made in other steps, for another profile, of another size.
    place.good(&["commit-tensor", "x.npz", "-o", "steps.commitment", "--scale", "0.001"]);
    place.bad(&[&prove[..], &["steps.commitment"]].concat(), 2, &["steps of [0.001]"]);
    let scale = place.json(&["inspect", "a.vk", "--json"])["inputs"][0]["scale"].clone();
    let scale = scale.as_array().map_or(scale.clone(), |all| all[0].clone()).to_string();
    place.good(&["commit-tensor", "x.npz", "-o", "high.commitment", "--scale", &scale, "--profile", "high"]);
    place.bad(&[&prove[..], &["high.commitment"]].concat(), 2, &["another security profile"]);
    place.write("long.npz", &files::npz(&[("x", &[1, 5], &[0.0; 5])]));
    place.good(&["commit-tensor", "long.npz", "-o", "long.commitment", "--scale", &scale]);
    place.bad(&[&prove[..], &["long.commitment"]].concat(), 2, &["shape [1, 5]"]);
    // In the model's own steps, without its key.
    place.good(&["commit-tensor", "x.npz", "-o", "same.commitment", "--scale", &scale]);
    place.good(&[&prove[..], &["same.commitment", "--input", "x.npz"]].concat());
    // An opening beside another commitment, and none at all.
    std::fs::copy(place.path("x.commitment"), place.path("same.commitment")).unwrap();
    place.bad(&[&prove[..], &["same.commitment"]].concat(), 2, &["does not open the commitment"]);
    std::fs::remove_file(place.path("same.commitment.opening")).unwrap();
    place.bad(&[&prove[..], &["same.commitment"]].concat(), 2, &["cannot read", "same.commitment.opening"]);
    // A model without the policy.
    place.good(&["compile", "model.onnx", "--calibration", "cal.npz", "-o", "p.vt"]);
    place.bad(&["prove", "p.vt", "-o", "p.proof", "--input-commitment", "x.commitment", "--input", "x.npz"], 2, &["--input committed"]);
    place.good(&["prove", "p.vt", "-o", "p.proof", "--input", "x.npz"]);
    place.bad(&["verify", "p.vk", "p.proof", "--expect-input", "x.commitment"], 2, &["does not commit its input"]);
    place.bad(&["prove", "a.vt", "-o", "a.proof"], 2, &["--input"]);
}

#[test]
fn whole_numbers_are_committed_as_they_are() {
    let place = Place::new();
    let bytes: Vec<u8> = [3i32, -7, 1 << 20].iter().flat_map(|value| value.to_le_bytes()).collect();
    place.write("n.npz", &files::archive(&[("n", files::npy("<i4", &[3], &bytes))]));
    let made = place.json(&["commit-tensor", "n.npz", "-o", "n.commitment", "--json"]);
    assert_eq!(made["arrays"][0]["scale"], serde_json::json!([1.0]));
    assert_eq!(made["arrays"][0]["name"], "n");
    let again = place.json(&["commit-tensor", "n.npz", "-o", "m.commitment", "--json"]);
    assert_ne!(made["arrays"][0]["identity"], again["arrays"][0]["identity"], "commitments are salted");
    place.bad(&["commit-tensor", "x.npz", "-o", "x.commitment", "--scale", "0"], 2, &["above 0"]);
    place.bad(&["commit-tensor", "x.npz", "-o", "x.commitment", "--scale", "1", "--openings", "0"], 2, &["0 openings"]);
    place.bad(&["commit-tensor", "x.npz", "-o", "x.commitment", "--scale", "1e-12"], 2, &["x"]);
    assert!(!place.path("x.commitment").exists() && !place.path("x.commitment.opening").exists());
}

#[test]
fn a_model_is_compiled_for_a_commitment_that_was_there_before() {
    let place = Place::new();
    let made = place.json(&["commit-tensor", "x.npz", "-o", "x.commitment", "--json"]);
    let scale = made["arrays"][0]["scale"][0].as_f64().unwrap();
    assert_eq!(scale.log2().fract(), 0.0, "{scale} is no power of two");
    let compile = ["compile", "model.onnx", "--calibration", "cal.npz", "-o", "a.vt", "--input", "committed"];
    place.good(&[&compile[..], &["--input-like", "x.commitment"]].concat());
    place.good(&["prove", "a.vt", "--input-commitment", "x.commitment", "--input", "x.npz", "-o", "a.proof"]);
    place.good(&["verify", "a.vk", "a.proof", "--expect-input", "x.commitment"]);
    place.bad(&[&compile[..], &["--input-like", "a.proof"]].concat(), 2, &["a.proof"]);
}

#[test]
fn commitments_are_made_where_none_is_given() {
    let place = chained();
    let proven = place.json(&["prove", "a.vt", "--input", "x.npz", "-o", "a.proof", "--openings", "3", "--json"]);
    assert_eq!(proven["commitments"].as_array().unwrap().len(), 2);
    place.good(&["verify", "a.vk", "a.proof", "--expect-input", "a.proof.input.commitment", "--expect-output", "a.proof.output.commitment"]);
    place.good(&["prove", "a.vt", "--input-commitment", "a.proof.input.commitment", "-o", "b.proof"]);
    place.good(&["verify", "a.vk", "b.proof", "--link", "input=input:a.vk:a.proof"]);
}
