//! Decoding row by row against whole passes, on small checkpoints of both architectures.

use std::path::PathBuf;

use veritorch_execute::{Decoder, Feed, run};
use veritorch_quantise::QuantiseOptions;

use super::{Head, LoadOptions, Sampling, TextStatement, compile_checkpoint, import_checkpoint};
use crate::zoo::Random;
use crate::{Array, CompileOptions, CompiledCircuit, Error, Policy, Silent, Visibility};

const SEQ_LEN: usize = 12;

fn random_ids(random: &mut Random, count: usize, vocabulary: usize) -> Vec<i64> {
    (0..count).map(|_| ((f64::from(random.uniform()) + 1.0) / 2.0 * vocabulary as f64) as i64 % vocabulary as i64).collect()
}

/// A checkpoint of this repository with its vocabulary, calibrated on random ids.
fn compiled(folder: &str, next_ids: bool) -> (CompiledCircuit, usize) {
    compiled_with(folder, Head { next_ids, ..Head::default() }, Visibility::Public)
}

fn compiled_with(folder: &str, head: Head, input: Visibility) -> (CompiledCircuit, usize) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let options = LoadOptions { head, ..LoadOptions::new(SEQ_LEN) };
    let checkpoint = import_checkpoint(&folder, &options, &Silent).unwrap();
    let vocabulary = checkpoint.vocabulary;
    let data = random_ids(&mut Random::new(7), 16 * SEQ_LEN, vocabulary).into_iter().map(|id| id as f32).collect();
    let calibration = [("input_ids".to_owned(), Array { shape: vec![16, SEQ_LEN], data })].into();
    let policy = Policy { input, ..Policy::default() };
    let quantise = QuantiseOptions { policy, ..QuantiseOptions::default() };
    let options = CompileOptions { quantise, lifetime: Some(4), ..CompileOptions::default() };
    (compile_checkpoint(checkpoint, &calibration, &options, &Silent).unwrap(), vocabulary)
}

fn whole(circuit: &CompiledCircuit, ids: &[i64]) -> Vec<i64> {
    run(&circuit.circuit().instantiate(1), &circuit.key.params, &[ids.to_vec()]).unwrap().remove(0)
}

/// Logits of every position, a prompt of `prefill` ids first and the rest one by one.
fn row_by_row(circuit: &CompiledCircuit, ids: &[i64], prefill: usize) -> Vec<i64> {
    let mut decoder = Decoder::new(circuit.circuit(), &circuit.key.params, &[Feed::Rows(1)]).unwrap().expect("attention alone mixes positions");
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
    let said = circuit.generate("Once upon", 4, None, &mut |_| (), &Silent).unwrap();
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
    let text = TextStatement { prompt: vec![1, 403, 407, 261], generated: vec![378, 432], seed: None };
    let mut rows = super::session::Session::new(&circuit, SEQ_LEN, None).unwrap();
    let mut passes = super::session::Session::by_whole_passes(&circuit, SEQ_LEN);
    assert_eq!(rows.next_id(&text).unwrap(), passes.next_id(&text).unwrap());
}

fn drawing(folder: &str, top_k: Option<usize>) -> CompiledCircuit {
    let sampling = Some(Sampling { temperature: 0.9, top_k });
    compiled_with(folder, Head { next_ids: true, sampling, ..Head::default() }, Visibility::Public).0
}

#[test]
fn cached_draws_are_those_of_a_whole_pass() {
    let mut random = Random::new(17);
    for (folder, top_k) in [("crates/checkpoint/tests/fixtures/gpt2", Some(3)), ("demo/data/stories260K", Some(20)), ("demo/data/stories260K", None)] {
        let circuit = drawing(folder, top_k);
        for seed in [0u64, 7, 0xdead_beef_0000_0001] {
            let ids = random_ids(&mut random, SEQ_LEN, 20);
            let words = super::statement::seed_words(seed);
            let whole = run(&circuit.circuit().instantiate(1), &circuit.key.params, &[ids.clone(), words.clone()]).unwrap().remove(0);
            let feeds = [Feed::Rows(1), Feed::Fixed(words)];
            let mut decoder = Decoder::new(circuit.circuit(), &circuit.key.params, &feeds).unwrap().expect("noise mixes no positions");
            let mut rows = decoder.extend(3, &[ids[..3].to_vec(), Vec::new()]).unwrap().remove(0);
            for &id in &ids[3..] {
                rows.extend(decoder.extend(1, &[vec![id], Vec::new()]).unwrap().remove(0));
            }
            assert_eq!(rows, whole, "{folder} {top_k:?} by {seed}");
        }
    }
}

#[test]
fn drawn_texts_are_proved_by_their_seed() {
    let circuit = drawing("demo/data/stories260K", Some(20));
    let said = |seed| circuit.generate("The", 6, Some(seed), &mut |_| (), &Silent).unwrap();
    let text = said(2026);
    assert_eq!(text, said(2026));
    assert!((0..4).any(|seed| said(seed).ids.generated != text.ids.generated), "seeds matter");
    let proof = circuit.prove_text(&text.ids, &Silent).unwrap().proof;
    let verifier = circuit.verifier();
    let _ = verifier.verify(&proof).unwrap();
    assert_eq!(verifier.text(&proof).unwrap(), text.ids);
    let drawing = verifier.drawing().expect("tokens are drawn");
    assert_eq!((drawing.temperature.as_str(), drawing.top_k), ("temperature 0.9", Some(20)));
    // Another token, and another seed, are another text.
    let mut lie = text.ids.clone();
    lie.generated[3] ^= 1;
    assert!(matches!(circuit.prove_text(&lie, &Silent), Err(Error::Text { .. })));
    let other = (0..50).map(|seed| TextStatement { seed: Some(seed), ..text.ids.clone() });
    assert!(other.into_iter().take(2).all(|lie| matches!(circuit.prove_text(&lie, &Silent), Err(Error::Text { .. }))));
    let mut forged = proof.clone();
    forged.proof.statement.inputs[1][0] ^= 1;
    assert!(verifier.verify(&forged).is_err());
    for (circuit, seed) in [(&circuit, None), (&compiled("demo/data/stories260K", true).0, Some(1))] {
        let error = circuit.generate("Once upon", 2, seed, &mut |_| (), &Silent).unwrap_err();
        assert!(matches!(error, Error::Option { option: "seed", .. }), "{error}");
    }
}

#[test]
fn hidden_texts_are_proved() {
    let head = Head { next_ids: true, hides_text: true, ..Head::default() };
    let shown = compiled("demo/data/stories260K", true).0;
    for input in [Visibility::Private, Visibility::Committed] {
        let (circuit, _) = compiled_with("demo/data/stories260K", head, input);
        let said = circuit.generate("Once upon", 4, None, &mut |_| (), &Silent).unwrap();
        assert_eq!(said, shown.generate("Once upon", 4, None, &mut |_| (), &Silent).unwrap());
        let proven = circuit.prove_text(&said.ids, &Silent).unwrap();
        assert_eq!(proven.committed_inputs.is_some(), input == Visibility::Committed);
        let verifier = circuit.verifier();
        let _ = verifier.verify(&proven.proof).unwrap();
        let hidden = verifier.hidden_text(&proven.proof).unwrap().expect("the text is hidden");
        assert_eq!((hidden.prompt, hidden.generated), (said.ids.prompt.len(), 4));
        assert!(verifier.text(&proven.proof).is_err());
        // Every token counts, the first and the last too; those of the prompt are the asker's.
        for position in [0, 3] {
            let mut lie = said.ids.clone();
            lie.generated[position] ^= 1;
            let error = circuit.prove_text(&lie, &Silent).unwrap_err();
            // What follows another token is another text as well.
            assert!(matches!(&error, Error::Text { reason } if reason.contains("the model does not say: ")), "{error}");
            if input == Visibility::Committed {
                break;
            }
        }
        // Outputs that deny a mistake are refused.
        let mut forged = proven.proof.clone();
        forged.proof.statement.outputs[1][0] -= 1;
        assert!(verifier.verify(&forged).is_err());
    }
    let (circuit, _) = compiled_with("demo/data/stories260K", Head { next_ids: true, ..Head::default() }, Visibility::Private);
    let text = TextStatement { prompt: vec![1, 403], generated: Vec::new(), seed: None };
    assert!(matches!(circuit.prove_text(&text, &Silent), Err(Error::Option { option: "model", .. })));
}

/// A trained GPT that sorts six digits from 0 to 2, at the default settings: ids are the digits and the first five of the sorted ones.
#[test]
fn a_trained_model_sorts() {
    let inputs: Vec<Vec<f32>> = (0..729u32)
        .map(|code| {
            let digits: Vec<u32> = (0..6).map(|place| code / 3u32.pow(place) % 3).collect();
            let mut sorted = digits.clone();
            sorted.sort_unstable();
            digits.iter().chain(&sorted[..5]).map(|&digit| digit as f32).collect()
        })
        .collect();
    let arrays = |rows: Vec<&Vec<f32>>| -> crate::Arrays {
        let shape = vec![rows.len(), 11];
        [("input_ids".to_owned(), Array { shape, data: rows.into_iter().flatten().copied().collect() })].into()
    };
    let of = |calibrates: bool| arrays(inputs.iter().enumerate().filter(|(k, _)| (k % 11 == 0) == calibrates).map(|(_, row)| row).collect());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/data/gpt-nano-sort");
    let head = Head { next_ids: true, ..Head::default() };
    let checkpoint = import_checkpoint(&folder, &LoadOptions { head, ..LoadOptions::new(11) }, &Silent).unwrap();
    let options = CompileOptions { held_out: Some(of(false)), lifetime: Some(2), ..CompileOptions::default() };
    let circuit = compile_checkpoint(checkpoint, &of(true), &options, &Silent).unwrap();
    let held_out = circuit.quantisation().held_out.as_ref().expect("a report");
    let logits = &held_out.outputs[0];
    assert_eq!((held_out.samples, held_out.refused), (662, 0));
    println!("agreement {:?}, drift {}, cosine {}", logits.agreement, logits.drift, logits.cosine);
    assert!(logits.agreement >= Some(0.997) && logits.drift <= 0.005);
    let next_ids = circuit.run(&arrays(inputs.iter().collect())).unwrap().outputs.remove("next_ids").unwrap().data;
    for (row, next) in inputs.iter().zip(next_ids.chunks(11)) {
        let mut sorted = row[..6].to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        assert_eq!(next[5..], sorted, "{row:?}");
    }
    let proof = circuit.prove(&arrays(vec![&inputs[500]]), &Silent).unwrap().proof;
    let _ = circuit.verifier().verify(&proof).unwrap();
}
