//! `compile FOLDER`: what is refused before the model is quantised.

use std::path::Path;

use crate::support::{Place, files};

fn stories() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/data/stories260K").display().to_string()
}

#[test]
fn folders_take_a_sequence_length() {
    let place = Place::new();
    place.write("prompts.txt", b"Once upon a time.\n");
    let before = place.names();
    let stories = stories();
    let compile = |model: &str, more: &[&str], says: &[&str]| {
        place.bad(&[&["compile", model, "-o", "a.vt"], more].concat(), 2, says);
    };
    compile(&stories, &["--calibration", "prompts.txt"], &["--seq-len: is missing"]);
    compile(&stories, &["--calibration", "prompts.txt", "--seq-len", "513"], &["sequence length 513, expected 1 to 512", "hint:"]);
    compile(&stories, &["--calibration", "prompts.txt", "--seq-len", "64"], &["tokens, expected at least 64"]);
    compile(&stories, &["--calibration", "none.txt", "--seq-len", "4"], &["cannot read `none.txt`"]);
    compile(&stories, &["--calibration", "cal.npz", "--seq-len", "4"], &["calibration `input_ids` is missing; given: x"]);
    compile("model.onnx", &["--calibration", "cal.npz", "--seq-len", "4"], &["--seq-len"]);
    compile(".", &["--calibration", "prompts.txt", "--seq-len", "4"], &["config.json", "hint: a checkpoint is a folder"]);
    place.write("prompts.bin", &[0xff, 0xfe]);
    compile(&stories, &["--calibration", "prompts.bin", "--seq-len", "4"], &["UTF-8"]);
    std::fs::remove_file(place.path("prompts.bin")).expect("removed");
    assert_eq!(place.names(), before);
}

#[test]
fn checkpoints_are_measured() {
    let place = Place::new();
    let report = place.json(&["bench", &stories(), "--seq-len", "4", "--repeat", "1", "--json"]);
    assert!(report["prove_seconds"].as_f64() > Some(0.0), "{report}");
    place.bad(&["bench", &stories()], 2, &["--seq-len: is missing"]);
    place.bad(&["bench", "--model", "mlp", "--seq-len", "4"], 2, &["--seq-len"]);
    place.bad(&["bench", "--model", "gpt2", "--seq-len", "1025"], 2, &["sequence length 1025, expected 1 to 1024"]);
}

#[test]
fn a_text_is_generated_and_proved() {
    let place = Place::new();
    let stories = stories();
    let prompts = format!("{stories}/prompts.txt");
    let compile = ["compile", &stories, "--seq-len", "16", "--calibration", &prompts, "-o", "s.vt", "--json"];
    place.write("held-out.txt", b"One day, a little girl went to the park with her mom and saw a big dog who was very sad.\n");
    let report = place.json(&[&compile[..], &["--input", "public", "--accuracy-report", "held-out.txt"]].concat());
    let agreement = report["quantisation"]["outputs"][0]["agreement"].as_f64().expect("a share");
    assert!(agreement > 0.98, "{agreement}");
    // The ids are the output; what is compared are the logits behind them.
    let held_out = &report["quantisation"]["held_out"];
    let logits = &held_out["outputs"][0];
    assert!(logits["cosine"].as_f64() > Some(0.9999) && logits["drift"].as_f64() < Some(0.01), "{held_out}");
    let [float, integer] = [0, 1].map(|model| logits["perplexity"][model].as_f64().expect("a perplexity"));
    assert!(float > 1.0 && (float - integer).abs() < 0.01 * float, "{float} {integer}");
    assert!(held_out["nodes"].as_array().is_some_and(|nodes| nodes.len() > 20), "{held_out}");

    let generate = ["generate", "s.vt", "--prompt", "Once upon a time", "--max-new-tokens", "5", "--proof", "s.proof"];
    assert_eq!(place.good(&generate), "Once upon a time, there was a little\n");
    let tokenizer = format!("{stories}/tokenizer.json");
    let verify = |proof: &'static str| ["verify", "s.vk", proof, "--text", &tokenizer].map(str::to_owned);
    let shown = place.good(&verify("s.proof").each_ref().map(String::as_str));
    assert!(shown.contains("prompt            \"Once upon a time\"\ntext              \", there was a little\"\n"), "{shown}");

    // The same text with a word that the model does not say: a proof of what the circuit makes of it, and no text.
    let ids = [1.0, 403.0, 407.0, 261.0, 378.0, 432.0, 383.0, 286.0, 261.0, 268.0, 1.0, 1.0, 1.0, 1.0, 5.0, 10.0];
    place.write("lie.npz", &files::npz(&[("input_ids", &[1, 16], &ids)]));
    place.good(&["prove", "s.vt", "--input", "lie.npz", "-o", "lie.proof"]);
    place.good(&["verify", "s.vk", "lie.proof"]);
    place.bad(&verify("lie.proof").each_ref().map(String::as_str), 1, &["token 9 is 268, the model says 376"]);

    let much = ["generate", "s.vt", "--prompt", "Once upon a time", "--max-new-tokens", "10"];
    place.bad(&much, 2, &["max-new-tokens", "expected at most 14"]);
    place.good(&[&compile[..], &["--logits"]].concat());
    place.bad(&generate, 2, &["not compiled for texts"]);
}

#[test]
fn a_text_is_drawn_by_its_seed() {
    let place = Place::new();
    let stories = stories();
    let prompts = format!("{stories}/prompts.txt");
    let compile = ["compile", &stories, "--seq-len", "16", "--calibration", &prompts, "-o", "s.vt", "--json"];
    let sample = ["--sample", "--temperature", "0.9", "--top-k", "20"];
    place.good(&[&compile[..], &sample].concat());
    let generate = ["generate", "s.vt", "--prompt", "Once upon a time", "--max-new-tokens", "8"];
    place.bad(&generate, 2, &["seed: is missing"]);
    let said = place.good(&[&generate[..], &["--seed", "18446744073709551615", "--proof", "s.proof"]].concat());
    assert!(said.starts_with("Once upon a time"), "{said}");
    let tokenizer = format!("{stories}/tokenizer.json");
    let shown = place.good(&["verify", "s.vk", "s.proof", "--text", &tokenizer]);
    let sampling = "sampling          each token drawn among the 20 likeliest with temperature 0.9, seeded with 18446744073709551615\n";
    assert!(shown.contains(sampling), "{shown}");
    let report = place.json(&["verify", "s.vk", "s.proof", "--text", &tokenizer, "--json"]);
    assert_eq!(report["text"]["sampling"]["seed"].as_u64(), Some(u64::MAX), "{report}");
    for (options, complaint) in [
        (["--sample", "--input", "private"].as_slice(), "--sample"),
        (&["--sample", "--temperature", "0"], "--temperature"),
        (&["--sample", "--top-k", "513"], "513"),
    ] {
        place.bad(&[&compile[..], options].concat(), 2, &[complaint]);
    }
}

#[test]
fn a_hidden_text_is_proved() {
    let place = Place::new();
    let stories = stories();
    let prompts = format!("{stories}/prompts.txt");
    let compile = ["compile", &stories, "--seq-len", "16", "--calibration", &prompts, "--json"];
    let tokenizer = format!("{stories}/tokenizer.json");
    for (policy, key, proof) in [("private", "p", "p.proof"), ("committed", "c", "c.proof")] {
        let (prover, verifier) = (format!("{key}.vt"), format!("{key}.vk"));
        place.good(&[&compile[..], &["--input", policy, "-o", &prover]].concat());
        let generate = ["generate", &prover, "--prompt", "Once upon a time", "--max-new-tokens", "5", "--proof", proof];
        assert_eq!(place.good(&generate), "Once upon a time, there was a little\n");
        let shown = place.good(&["verify", &verifier, proof, "--text", &tokenizer]);
        assert!(shown.contains("5 tokens of a prompt, and 5 that the model says after it\n"), "{shown}");
        assert!(!shown.contains("Once") && !shown.contains("little"), "{shown}");
        let is_committed = policy == "committed";
        let words = if is_committed { "text              under the commitment " } else { "text              private: " };
        assert!(shown.contains(words), "{shown}");
        assert_eq!(place.names().contains(&format!("{proof}.input.commitment.opening")), is_committed);
        if is_committed {
            place.good(&["verify", &verifier, proof, "--text", &tokenizer, "--expect-input", "c.proof.input.commitment"]);
        }
    }
    // A text with a token that the model does not say: a valid proof, which says that there is a mistake.
    let ids = [1.0, 403.0, 407.0, 261.0, 378.0, 432.0, 383.0, 286.0, 261.0, 268.0, 1.0, 1.0, 1.0, 1.0, 5.0, 10.0];
    place.write("lie.npz", &files::npz(&[("input_ids", &[1, 16], &ids)]));
    place.good(&["prove", "p.vt", "--input", "lie.npz", "-o", "lie.proof"]);
    place.bad(&["verify", "p.vk", "lie.proof", "--text", &tokenizer], 1, &["tokens of the text that the model does not say: 1"]);
}
