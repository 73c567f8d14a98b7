//! Proofs in segments: what they show, what is refused, and how an unfinished one goes on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use veritorch_graph::circuit::Policy;

use super::part::BOUNDARIES;
use super::*;
use crate::malicious::circuits::{self, Case};
use crate::tensor::TensorFormat;
use crate::{Link, Profile, Silent, verify as verify_proof};

/// Cuts that leave segments of a circuit.
fn possible_cuts(circuit: &Circuit) -> Vec<u32> {
    (1..circuit.tensors.len() as u32).filter(|&cut| circuit.segments(&[cut]).is_ok()).collect()
}

/// The case cut in about equal parts.
fn segmented(case: &Case, num_segments: usize, setup: impl Into<Setup>) -> ProvingKey {
    let possible = possible_cuts(&case.circuit);
    let cuts: Vec<u32> = (1..num_segments).map(|part| possible[part * possible.len() / num_segments]).collect();
    ProvingKey::setup_segments(case.circuit.clone(), case.params.clone(), &cuts, setup, &Silent).unwrap()
}

fn simple(key: &ProvingKey, case: &Case) -> Proven {
    prove_linked(key, &case.inputs, 1, &InMemory::new(1), &Linking::default(), &Silent).unwrap()
}

/// The parts of a proof: roots of exports with the transcript.
fn split(key: &VerifyingKey, proof: &Proof) -> Vec<(Vec<[u8; 32]>, Vec<u8>)> {
    let parts = key.parts::<VerifyError>().unwrap();
    let mut rest = proof.transcript.as_slice();
    let mut split = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let count = if index + 1 == parts.len() { 0 } else { part.vk.circuit.outputs.len() };
        let roots = (0..count).map(|_| rest.split_off(..32).unwrap().try_into().unwrap()).collect();
        let len = u64::from_le_bytes(rest.split_off(..8).unwrap().try_into().unwrap()) as usize;
        split.push((roots, rest.split_off(..len).unwrap().to_vec()));
    }
    split
}

fn framed(proof: &Proof, parts: &[(Vec<[u8; 32]>, Vec<u8>)]) -> Proof {
    let mut transcript = Vec::new();
    parts.iter().for_each(|(roots, own)| frames::put(&mut transcript, roots, own));
    Proof { transcript, ..proof.clone() }
}

#[test]
fn segments_prove_what_the_circuit_computes() {
    for case in circuits::all() {
        for batch in [1, 3] {
            let key = segmented(&case, 2 + batch % 2, Profile::Standard);
            let inputs: Vec<Vec<i64>> = case.inputs.iter().map(|values| values.repeat(batch)).collect();
            let expected = veritorch_execute::run(&case.circuit.instantiate(batch), &case.params, &inputs).unwrap();
            let openings = InMemory::new(1);
            let proven = prove_linked(&key, &inputs, batch, &openings, &Linking::default(), &Silent).unwrap();
            assert_eq!(openings.left(), 0);
            assert_eq!(proven.outputs, expected, "{}", case.name);
            assert_eq!(proven.proof.statement.outputs, expected, "{}", case.name);
            let verified = verify_proof(&key.vk, &proven.proof).unwrap();
            assert_eq!(verified.security, proven.security, "{}", case.name);
            assert!(verified.security.bits >= 100.0);
            assert!(verified.security.terms.iter().any(|term| term.name == BOUNDARIES));
            assert_eq!(proven.sizes.iter().map(|(_, bytes)| bytes).sum::<usize>(), proven.proof.transcript.len());
        }
    }
}

#[test]
fn policies_of_both_ends() {
    use Visibility::{Committed, Private, Public};
    let case = circuits::residual();
    for (input, output, weights) in [(Public, Public, Public), (Public, Private, Private), (Committed, Committed, Private)] {
        let circuit = Circuit { policy: Policy { input, output, weights }, ..case.circuit.clone() };
        let lifetime = usize::from(weights == Private);
        let case = Case { circuit, params: case.params.clone(), inputs: case.inputs.clone(), ..case };
        let key = segmented(&case, 2, Setup { lifetime, ..Setup::default() });
        let openings = InMemory::new(1);
        let committed: Vec<CommittedTensor> = if input == Committed {
            let format = TensorFormat { num_planes: 1, num_openings: 1, margin: 0 };
            case.inputs.iter().map(|values| CommittedTensor::commit(values.clone(), format, Profile::Standard).unwrap()).collect()
        } else {
            Vec::new()
        };
        let inputs = committed.iter().map(|tensor| Counted { tensor, openings: &openings }).collect();
        let linking = Linking { inputs, output_openings: 2 };
        let proven = prove_linked(&key, &case.inputs, 1, &InMemory::new(1), &linking, &Silent).unwrap();
        let _ = verify_proof(&key.vk, &proven.proof).unwrap();
        assert_eq!(proven.committed_outputs.len(), if output == Committed { case.circuit.outputs.len() } else { 0 });
        let mut other = proven.proof;
        if let Some(value) = other.statement.inputs.first_mut().and_then(|values| values.first_mut()) {
            *value ^= 1;
        } else if let Some(commitment) = other.statement.commitments.last_mut() {
            commitment.root[0] ^= 1;
        }
        assert!(verify_proof(&key.vk, &other).is_err());
    }
}

#[test]
fn parts_of_other_proofs_and_other_roots_are_refused() {
    let case = circuits::mlp();
    let key = segmented(&case, 2, Setup { lifetime: 2, ..Setup::default() });
    let mut other_case = circuits::mlp();
    other_case.inputs[0][0] ^= 1;
    let (one, other) = (simple(&key, &case).proof, simple(&key, &other_case).proof);
    let (own, foreign) = (split(&key.vk, &one), split(&key.vk, &other));
    assert_eq!(framed(&one, &own), one);
    let refused = |statement: &Proof, parts: &[(Vec<[u8; 32]>, Vec<u8>)], segment: usize| {
        let error = verify_proof(&key.vk, &framed(statement, parts)).unwrap_err();
        assert!(error.to_string().starts_with(&format!("segment {segment}: ")), "{error}");
    };
    // A prover that computes the second segment from other values than the first one gave: one root cannot be both.
    refused(&one, &[own[0].clone(), foreign[1].clone()], 2);
    refused(&other, &[own[0].clone(), foreign[1].clone()], 2);
    refused(&other, &[(foreign[0].0.clone(), own[0].1.clone()), foreign[1].clone()], 1);
    // A false output.
    let mut lie = one.clone();
    lie.statement.outputs[0][0] += 1;
    refused(&lie, &own, 2);
    for root in 0..own[0].0.len() {
        let mut touched = own.clone();
        touched[0].0[root][7] ^= 1;
        refused(&one, &touched, 1);
    }
}

#[test]
fn frames_of_other_lengths_are_refused() {
    let case = circuits::mlp();
    let key = segmented(&case, 2, Profile::Standard);
    let proof = simple(&key, &case).proof;
    let own = split(&key.vk, &proof);
    let at = 32 * own[0].0.len();
    let bytes = &proof.transcript;
    let changed = |transcript: Vec<u8>| verify_proof(&key.vk, &Proof { transcript, ..proof.clone() }).unwrap_err().to_string();
    assert!(changed([bytes.as_slice(), &[0]].concat()).contains("1 bytes follow the last segment"));
    assert!(changed(bytes[..at + 3].to_vec()).contains("ends within its roots and lengths"));
    assert!(changed(bytes[..bytes.len() - 1].to_vec()).contains("ends within its roots and lengths"));
    assert!(changed(Vec::new()).contains("ends within its roots and lengths"));
    for len in [0, own[0].1.len() as u64 - 1, own[0].1.len() as u64 + 1, u64::MAX] {
        let mut touched = bytes.clone();
        touched[at..at + 8].copy_from_slice(&len.to_le_bytes());
        changed(touched);
    }
}

#[test]
fn keys_that_are_cut_otherwise_are_refused() {
    let case = circuits::mlp();
    let key = segmented(&case, 2, Profile::Standard);
    let proof = simple(&key, &case).proof;
    let whole = ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent).unwrap();
    assert!(verify_proof(&whole.vk, &proof).is_err());
    let changes: [&dyn Fn(&mut VerifyingKey); 7] = [
        &|vk| vk.segments[1].root[0] ^= 1,
        &|vk| vk.model_root[0] ^= 1,
        &|vk| vk.segments[1].start = 0,
        &|vk| vk.segments[0].start = 1,
        &|vk| vk.segments[1].start = u32::MAX,
        &|vk| vk.segments.truncate(1),
        &|vk| vk.segments.clear(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut vk = key.vk.clone();
        change(&mut vk);
        assert!(verify_proof(&vk, &proof).is_err(), "change {index}");
    }
    // The commitment to a weight of another model.
    let mut vk = key.vk.clone();
    vk.segments[1].root[0] ^= 1;
    vk.model_root = root_of(&vk.segments);
    assert!(verify_proof(&vk, &proof).unwrap_err().to_string().starts_with("segment "));
}

#[derive(Default)]
struct Shelf(Mutex<BTreeMap<usize, Vec<u8>>>);

impl Store for Shelf {
    fn load(&self, segment: usize) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.lock().unwrap().get(&segment).cloned())
    }

    fn save(&self, segment: usize, bytes: &[u8]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.lock().unwrap().insert(segment, bytes.to_vec());
        Ok(())
    }
}

/// Stops when a segment begins.
struct StopAt(usize, AtomicBool);

impl Progress for StopAt {
    fn segment(&self, index: usize, _: usize) {
        self.1.store(index == self.0, Ordering::Relaxed);
    }

    fn interrupted(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

#[test]
fn an_unfinished_proof_goes_on_where_it_ended() {
    let case = circuits::residual();
    let key = segmented(&case, 3, Profile::Standard);
    let (shelf, openings) = (Shelf::default(), InMemory::new(4));
    let run = |progress: &dyn Progress| prove(&key, &case.inputs, 1, &openings, &Linking::default(), &shelf, progress);
    let stopped = run(&StopAt(2, AtomicBool::new(false))).unwrap_err();
    assert!(matches!(stopped, ProveError::Interrupted));
    assert_eq!((shelf.0.lock().unwrap().len(), openings.left()), (2, 3));
    let kept = shelf.0.lock().unwrap().clone();
    let proven = run(&Silent).unwrap();
    // An attempt is an opening, whether it ends well or not.
    assert_eq!(openings.left(), 2);
    let verified = verify_proof(&key.vk, &proven.proof).unwrap();
    assert_eq!(verified.security, proven.security);
    assert_eq!(proven.sizes.iter().map(|(_, bytes)| bytes).sum::<usize>(), proven.proof.transcript.len());
    let first: Finished = postcard::from_bytes(&kept[&0]).unwrap();
    assert_eq!(split(&key.vk, &proven.proof)[0].1, first.transcript);

    // What is damaged, of another batch or of another model is named.
    let refused = |change: &dyn Fn(&mut BTreeMap<usize, Vec<u8>>)| {
        let mut changed = kept.clone();
        change(&mut changed);
        *shelf.0.lock().unwrap() = changed;
        let error = run(&Silent).unwrap_err();
        assert!(matches!(error, ProveError::Kept { .. }), "{error}");
    };
    refused(&|kept| kept.get_mut(&0).unwrap().truncate(100));
    refused(&|kept| {
        let second = kept[&1].clone();
        kept.insert(0, second);
    });
}

#[test]
fn tables_of_all_segments_are_renewed_together() {
    let case = circuits::mlp();
    let key = segmented(&case, 2, Setup { lifetime: 2, ..Setup::default() });
    let openings = InMemory::new(1);
    let (renewed, link) = crate::renew(&key, &openings, &Silent).unwrap();
    assert_eq!(openings.left(), 0);
    let chain = [link];
    crate::verify_renewals(&renewed.vk, &chain).unwrap();
    let identity = |vk: &VerifyingKey, chain: &[Link]| crate::renewal::model_identity(vk, chain).unwrap();
    assert_eq!(identity(&key.vk, &[]), identity(&renewed.vk, &chain));
    assert_ne!(identity(&key.vk, &[]), identity(&renewed.vk, &[]));
    let _ = verify_proof(&renewed.vk, &simple(&renewed, &case).proof).unwrap();
    for change in [&|link: &mut Link| link.root[0] ^= 1, &|link: &mut Link| link.proof[3] ^= 1, &|link: &mut Link| link.proof.push(0)]
        as [&dyn Fn(&mut Link); 3]
    {
        let mut other = chain.clone();
        change(&mut other[0]);
        assert!(crate::verify_renewals(&renewed.vk, &other).is_err());
    }
    // Other weights are not a renewal.
    let other = segmented(&case, 2, Setup { lifetime: 2, ..Setup::default() });
    assert!(crate::verify_renewals(&other.vk, &chain).is_err());
}
