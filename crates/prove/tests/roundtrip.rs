//! Honest proofs are accepted; statements, proofs and keys that were touched are not.

#[expect(unreachable_pub, reason = "shared with the malicious provers inside the crate")]
mod circuits;
mod renewal;

use circuits::Case;
use veritorch_prove::{InMemory, Profile, ProveError, Proof, ProvingKey, Setup, Silent, prove, verify};

fn key(case: &Case, profile: Profile) -> ProvingKey {
    ProvingKey::setup(case.circuit.clone(), case.params.clone(), profile, &Silent).unwrap()
}

fn batch(case: &Case, samples: usize) -> Vec<Vec<i64>> {
    let sample = |x: &Vec<i64>, k: usize| x.iter().map(|v| (v + 3 * k as i64).clamp(-128, 127)).collect::<Vec<_>>();
    case.inputs.iter().map(|x| (0..samples).flat_map(|k| sample(x, k)).collect()).collect()
}

#[test]
fn honest_proofs_are_accepted() {
    for case in circuits::all() {
        for (profile, samples) in [(Profile::Standard, 1), (Profile::Standard, 3), (Profile::High, 2)] {
            let key = key(&case, profile);
            let proven = prove(&key, &batch(&case, samples), samples, &InMemory::new(1), &Silent).unwrap();
            let verified = verify(&key.vk, &proven.proof).unwrap_or_else(|e| panic!("{} {profile:?}: {e}", case.name));
            assert!(verified.security.bits >= profile.target_bits(), "{}: {:?}", case.name, verified.security);
        }
    }
}

#[test]
fn changed_statements_are_refused() {
    for case in circuits::all() {
        let key = key(&case, Profile::Standard);
        let proof = prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
        for output in 0..proof.statement.outputs.len() {
            let mut other = proof.clone();
            other.statement.outputs[output][0] ^= 1;
            assert!(verify(&key.vk, &other).is_err(), "{}: output {output}", case.name);
        }
        let mut other = proof.clone();
        other.statement.batch = 2;
        assert!(verify(&key.vk, &other).is_err());
        let mut other = proof;
        other.statement.inputs = if other.statement.inputs.is_empty() { case.inputs.clone() } else { Vec::new() };
        assert!(verify(&key.vk, &other).is_err());
    }
}

#[test]
fn changed_bytes_are_refused() {
    let case = circuits::residual();
    let key = key(&case, Profile::Standard);
    let proof = prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
    let len = proof.transcript.len();
    let mut positions: Vec<usize> = (0..len).step_by(len / 150).collect();
    positions.extend([1, 33, 40, len - 1]);
    for position in positions {
        let mut other = proof.clone();
        other.transcript[position] ^= 0x10;
        assert!(verify(&key.vk, &other).is_err(), "byte {position} of {len}");
    }
    for cut in [0, 1, 31, len / 2, len - 1] {
        let other = Proof { transcript: proof.transcript[..cut].to_vec(), ..proof.clone() };
        assert!(verify(&key.vk, &other).is_err(), "cut at {cut}");
    }
    let mut other = proof;
    other.transcript.push(0);
    assert!(verify(&key.vk, &other).is_err(), "trailing byte");
}

#[test]
fn every_proof_uses_up_an_opening() {
    let case = circuits::mlp();
    let private = key(&case, Profile::Standard);
    let openings = InMemory::new(1);
    let _ = prove(&private, &case.inputs, 1, &openings, &Silent).unwrap();
    assert_eq!(openings.left(), 0);
    let error = prove(&private, &case.inputs, 1, &openings, &Silent).unwrap_err();
    assert!(matches!(error, ProveError::Openings(_)), "{error}");
    let public = Setup { lifetime: 0, ..Setup::default() };
    let public = ProvingKey::setup(case.circuit, case.params, public, &Silent).unwrap();
    let _ = prove(&public, &case.inputs, 1, &openings, &Silent).unwrap();
}

#[test]
fn proofs_for_other_models_are_refused() {
    let (one, other) = (circuits::mlp(), circuits::mlp());
    let mut values: Vec<Vec<i64>> = (0..other.params.len()).map(|p| other.params.values(p)).collect();
    values[0][0] ^= 1;
    let params = veritorch_execute::Params::from_values(&other.circuit.params, &values).unwrap();
    let changed = ProvingKey::setup(other.circuit, params, Profile::Standard, &Silent).unwrap();
    let key = key(&one, Profile::Standard);
    let proof = prove(&key, &one.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
    let _ = verify(&key.vk, &proof).unwrap();
    assert!(verify(&changed.vk, &proof).is_err());
    assert!(verify(&self::key(&circuits::residual(), Profile::Standard).vk, &proof).is_err());
}
