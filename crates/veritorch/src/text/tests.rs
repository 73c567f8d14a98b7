//! Decoding row by row against whole passes, on small checkpoints of both architectures.

use std::path::PathBuf;

use veritorch_execute::{Decoder, run};
use veritorch_quantise::QuantiseOptions;

use super::{LoadOptions, TextStatement, compile_checkpoint, import_checkpoint};
use crate::zoo::Random;
use crate::{Array, CompileOptions, CompiledCircuit, Error, Policy, Silent, Visibility};

const SEQ_LEN: usize = 12;

fn random_ids(random: &mut Random, count: usize, vocabulary: usize) -> Vec<i64> {
    (0..count).map(|_| ((f64::from(random.uniform()) + 1.0) / 2.0 * vocabulary as f64) as i64 % vocabulary as i64).collect()
}

/// A checkpoint of this repository with its vocabulary, calibrated on random ids.
fn compiled(folder: &str, next_ids: bool) -> (CompiledCircuit, usize) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let options = LoadOptions { next_ids, ..LoadOptions::new(SEQ_LEN) };
    let checkpoint = import_checkpoint(&folder, &options, &Silent).unwrap();
    let vocabulary = checkpoint.vocabulary;
    let data = random_ids(&mut Random::new(7), 16 * SEQ_LEN, vocabulary).into_iter().map(|id| id as f32).collect();
    let calibration = [("input_ids".to_owned(), Array { shape: vec![16, SEQ_LEN], data })].into();
    let policy = Policy { input: Visibility::Public, ..Policy::default() };
    let quantise = QuantiseOptions { policy, ..QuantiseOptions::default() };
    let options = CompileOptions { quantise, lifetime: Some(4), ..CompileOptions::default() };
    (compile_checkpoint(checkpoint, &calibration, &options, &Silent).unwrap(), vocabulary)
}

fn whole(circuit: &CompiledCircuit, ids: &[i64]) -> Vec<i64> {
    run(&circuit.circuit().instantiate(1), &circuit.key.params, &[ids.to_vec()]).unwrap().remove(0)
}

/// Logits of every position, a prompt of `prefill` ids first and the rest one by one.
fn row_by_row(circuit: &CompiledCircuit, ids: &[i64], prefill: usize) -> Vec<i64> {
    let mut decoder = Decoder::new(circuit.circuit(), &circuit.key.params, &[1]).unwrap().expect("attention alone mixes positions");
    let mut rows = decoder.extend(prefill, &[ids[..prefill].to_vec()]).unwrap().remove(0);
    for &id in &ids[prefill..] {
        rows.extend(decoder.extend(1, &[vec![id]]).unwrap().remove(0));
    }
    assert_eq!(decoder.len(), ids.len());
    rows
}

#[test]
fn cached_rows_are_those_of_a_whole_pass() {
    for folder in ["crates/checkpoint/tests/fixtures/llama", "crates/checkpoint/tests/fixtures/gpt2", "demo/data/stories260K"] {
        let (circuit, vocabulary) = compiled(folder, false);
        let mut random = Random::new(11);
        for prefill in [1, 2, 5, SEQ_LEN - 1, SEQ_LEN] {
            let ids = random_ids(&mut random, SEQ_LEN, vocabulary);
            let whole = whole(&circuit, &ids);
            assert_eq!(row_by_row(&circuit, &ids, prefill), whole, "{folder}: prefill of {prefill}");
        }
    }
}

#[test]
fn later_ids_change_no_earlier_output() {
    for folder in ["crates/checkpoint/tests/fixtures/llama", "crates/checkpoint/tests/fixtures/gpt2"] {
        let (circuit, vocabulary) = compiled(folder, false);
        let mut random = Random::new(13);
        let ids = random_ids(&mut random, SEQ_LEN, vocabulary);
        let rows = whole(&circuit, &ids);
        for first in 1..SEQ_LEN {
            let later = random_ids(&mut random, SEQ_LEN - first, vocabulary);
            let changed = whole(&circuit, &[&ids[..first], &later].concat());
            assert_eq!(changed[..first * vocabulary], rows[..first * vocabulary], "{folder}: ids from {first} on");
        }
    }
}

#[test]
fn texts_that_the_model_does_not_say_are_not_proved() {
    let (circuit, _) = compiled("demo/data/stories260K", true);
    let said = circuit.generate("Once upon", 4, &mut |_| (), &Silent).unwrap();
    assert_eq!(said.ids.generated.len(), 4);
    let proof = circuit.prove_text(&said.ids, &Silent).unwrap().proof;
    assert_eq!(circuit.verifier().text(&proof).unwrap(), said.ids);
    let mut lie = said.ids.clone();
    lie.generated[2] ^= 1;
    let error = circuit.prove_text(&lie, &Silent).unwrap_err();
    let place = format!("token {} is {}", lie.prompt.len() + 2, lie.generated[2]);
    assert!(matches!(&error, Error::Text { reason } if reason.starts_with(&place)), "{error}");
}

#[test]
fn decoding_by_whole_passes_says_the_same() {
    let (circuit, _) = compiled("demo/data/stories260K", true);
    let text = TextStatement { prompt: vec![1, 403, 407, 261], generated: vec![378, 432] };
    let mut rows = super::session::Session::new(&circuit, SEQ_LEN).unwrap();
    let mut passes = super::session::Session::by_whole_passes(&circuit, SEQ_LEN);
    assert_eq!(rows.next_id(&text).unwrap(), passes.next_id(&text).unwrap());
}
