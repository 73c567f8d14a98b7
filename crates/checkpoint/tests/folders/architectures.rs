//! Outputs of the reference evaluator against those of transformers.

use std::fs;
use std::path::Path;

use veritorch_checkpoint::{Checkpoint, LoadOptions, load};
use veritorch_graph::model::{Constant, Element, evaluate};

use crate::{array, copy, distance, fixture};

const SEQ_LEN: usize = 12;

/// Loads the folder, evaluates the graph on the fixture's ids and compares its one output.
fn check(folder: &Path, output: &str) -> Checkpoint {
    let checkpoint = load(folder, &LoadOptions::new(SEQ_LEN)).expect("checkpoint");
    let graph = &checkpoint.graph;
    assert_eq!(graph.value(graph.outputs[0]).name, output);
    let expected = folder.join("expected.npz");
    let outputs = evaluate(graph, &[array(&expected, "input_ids")]).expect("evaluates");
    let distance = distance(&outputs[0], &array(&expected, output));
    assert!(distance < 1e-5, "{}: {distance}", folder.display());
    checkpoint
}

#[test]
fn llama_with_biases_and_llama3_rotary() {
    let checkpoint = check(&fixture("llama"), "logits");
    assert!(checkpoint.is_language_model && checkpoint.tokenizer.is_none());
    assert_eq!((checkpoint.seq_len, checkpoint.vocabulary), (SEQ_LEN, 40));
    assert_eq!(checkpoint.graph.name, "llama");
}

#[test]
fn llama_of_three_shards_tied_and_with_linear_rotary() {
    let checkpoint = check(&fixture("llama-sharded"), "logits");
    // weights stay in the file
    let graph = &checkpoint.graph;
    let weights = graph.values.iter().filter(|value| value.name.ends_with("proj.weight"));
    assert!(weights.clone().count() == 14 && weights.clone().all(|value| matches!(value.constant, Some(Constant::Stored(_)))));
    assert!(weights.clone().all(|value| format!("{:?}", value.constant).contains(&format!("{:?}", Element::Bf16))));
}

#[test]
fn gpt2_with_one_projection_for_three() {
    check(&fixture("gpt2"), "logits");
}

#[test]
fn names_without_a_prefix() {
    for (name, prefix, tensor) in [("gpt2", "transformer.", "h.0.attn.c_attn.weight"), ("llama", "", "model.norm.weight")] {
        let folder = copy(&fixture(name));
        let path = folder.path().join("model.safetensors");
        let bytes = fs::read(&path).expect("weights");
        let (length, rest) = bytes.split_first_chunk::<8>().expect("length");
        let (header, data) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("small"));
        let header = String::from_utf8(header.to_vec()).expect("text").replace(&format!("\"{prefix}"), "\"");
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat();
        fs::write(&path, bytes).expect("written");
        let checkpoint = check(folder.path(), "logits");
        assert!(checkpoint.graph.values.iter().any(|value| value.name == tensor), "{tensor}");
    }
}

#[test]
fn bert_as_an_encoder_and_as_a_sentence_embedding() {
    let folder = copy(&fixture("bert"));
    check(folder.path(), "sentence_embedding");
    fs::remove_file(folder.path().join("modules.json")).expect("removed");
    let checkpoint = check(folder.path(), "last_hidden_state");
    assert!(!checkpoint.is_language_model);
}

#[test]
fn token_types_as_an_input() {
    let folder = copy(&fixture("bert"));
    let options = LoadOptions { token_types: true, ..LoadOptions::new(SEQ_LEN) };
    let graph = load(folder.path(), &options).expect("checkpoint").graph;
    let names: Vec<&str> = graph.inputs.iter().map(|&id| graph.value(id).name.as_str()).collect();
    assert_eq!(names, ["input_ids", "token_type_ids"]);
    let expected = folder.path().join("expected.npz");
    let ids = array(&expected, "input_ids");
    let outputs = evaluate(&graph, &[ids.clone(), vec![0.0; SEQ_LEN]]).expect("evaluates");
    assert!(distance(&outputs[0], &array(&expected, "sentence_embedding")) < 1e-5);
    let others = evaluate(&graph, &[ids, vec![1.0; SEQ_LEN]]).expect("evaluates");
    assert!(distance(&others[0], &outputs[0]) > 1e-2);
}

#[test]
fn shorter_sequences_see_the_same_past() {
    let expected = fixture("llama").join("expected.npz");
    let graph = load(&fixture("llama"), &LoadOptions::new(5)).expect("checkpoint").graph;
    let outputs = evaluate(&graph, &[array(&expected, "input_ids")[..5].to_vec()]).expect("evaluates");
    assert!(distance(&outputs[0], &array(&expected, "logits")[..5 * 40]) < 1e-5);
}
