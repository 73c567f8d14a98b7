//! Every message of a proof has a test that changes it: a label that is not in the manifest fails, and so does one that no circuit sends.

use std::collections::BTreeMap;

use veritorch_graph::circuit::{Policy, Term};
use veritorch_sumcheck::ProverTranscript;

use super::*;

/// What refuses a proof whose challenges are not those that its later messages were made for: the next equation, or proof of work.
const LATER: &[&str] = &["check `points` failed", "check `contractions` failed", "check `constant` failed", "check `public input` failed", "check `noise` failed", WORK, OPENING_WORK];
const WORK: &str = "proof of work for `model columns` is missing";
const OPENING_WORK: &str = "proof of work for `opening combination` is missing";
const ROW: &str = "check `combination sumcheck` failed";
/// What refuses a proof that passes a proof of work by luck, once in 4096: columns are drawn elsewhere.
const LUCK: &[&str] = &[OPENING_WORK, PATHS, "cannot be decoded", "proof ends inside message"];
/// A length or a count of an embedded message.
const LENGTH: &[&str] = &["cannot be decoded", "proof ends inside message", "bytes follow"];
const PATHS: &str = "its paths do not lead to the root";

/// Labels of messages in the order in which a proof has them first, and what may refuse a proof without masks in which such a message is another one. With
/// masks, equations are one claim of the opening and have no names; labels without a refusal are sent with masks only.
const MANIFEST: &[(&str, &[&[&str]])] = &[
    ("witness root", &[&["check `lookup halves` failed"]]),
    ("lookup root", &[&["check `lookup root` failed"]]),
    ("lookup halves", &[&["check `lookup halves` failed"]]),
    ("lookup round", &[&["check `lookup halves` failed"]]),
    ("lookup columns", &[&["check `lookup denominators` failed"]]),
    ("lookup multiplicities", &[&["check `lookup numerators` failed"]]),
    ("lookup entries", &[&["check `lookup denominators` failed"]]),
    ("link value", &[LATER, &[WORK], LUCK]),
    ("linear terms", &[LATER, LUCK]),
    ("points", &[LATER, LUCK]),
    ("point values", &[LATER, LUCK]),
    ("contractions", &[LATER, LUCK]),
    ("operand values", &[LATER, LUCK]),
    ("model sumcheck", &[&[WORK], LUCK]),
    ("model proximity", &[&[WORK], LUCK]),
    ("combination root", &[&[WORK], LUCK]),
    ("model columns", &[LENGTH, &[WORK], LUCK]),
    ("products: rounds", &[]),
    ("products: ends", &[]),
    ("mask sum", &[]),
    ("opening sumcheck", &[LUCK]),
    ("opening proximity", &[LUCK]),
    ("opening combination", &[LUCK]),
    ("opening tail", &[]),
    ("witness columns", &[LENGTH, &[PATHS]]),
    ("combination columns", &[LENGTH, &[PATHS]]),
    ("combination sumcheck", &[&[ROW]]),
    ("combination value", &[&[ROW]]),
    ("combination opening", &[LENGTH, &["opening `combination opening` refused"]]),
];

/// A proof, message by message: labels with their places.
struct Parts {
    key: ProvingKey,
    public: Public<E2>,
    proof: Proof,
    parts: Vec<(&'static str, usize, usize)>,
}

impl Parts {
    fn new(case: &Case, hidden: bool) -> Self {
        let setup = Setup { lifetime: usize::from(hidden), ..Setup::default() };
        let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), setup, &Silent).unwrap();
        let circuit = case.circuit.instantiate(1);
        let witness = execute(&circuit, &key.params, &case.inputs).unwrap();
        let outputs = witness.outputs(&circuit);
        let tensors = committed_tensors(&key, &case.inputs, &outputs);
        let statement = stated(&circuit, &case.inputs, &outputs, &tensors);
        let public = Public::<E2>::with_masks::<ProveError>(&key.vk, &Sizes::of(&statement), hidden).unwrap();
        let counts = multiplicities(&circuit, &public.plan.lookups, &witness);
        let openings = InMemory::new(8);
        let tensors: Vec<Counted<'_>> = tensors.iter().map(|tensor| Counted { tensor, openings: &openings }).collect();
        let secret = Secret { witness: &witness, multiplicities: &counts, openings: &openings, tensors: &tensors, seed: None };
        let (transcript, _): (ProverTranscript, _) = prove_witness(&key, &public, &statement, &secret, Clock::new(&Silent)).unwrap();
        let mut start = 0;
        let parts = transcript
            .parts()
            .iter()
            .map(|&(label, len)| {
                start += len;
                (label, start - len, len)
            })
            .collect();
        Self { key, public, proof: Proof { statement, transcript: transcript.into_proof() }, parts }
    }

    fn verify(&self, proof: &Proof) -> Result<(), String> {
        verify_in(&self.key.vk, &self.public, proof).map(|_| ()).map_err(|error| error.to_string())
    }

    /// First, middle and last message of each label: a bit in its first and in a middle word.
    fn tampered(&self) -> impl Iterator<Item = (&'static str, Proof)> + '_ {
        let mut by_label: BTreeMap<&'static str, Vec<(usize, usize)>> = BTreeMap::new();
        for &(label, start, len) in self.parts.iter().filter(|(_, _, len)| *len > 0) {
            by_label.entry(label).or_default().push((start, len));
        }
        by_label.into_iter().flat_map(move |(label, places)| {
            let chosen = [places[0], places[places.len() / 2], places[places.len() - 1]];
            let bytes = chosen.into_iter().flat_map(|(start, len)| [start, start + len / 16 * 8]);
            bytes.collect::<Vec<_>>().into_iter().map(move |byte| {
                let mut proof = self.proof.clone();
                proof.transcript[byte] ^= 1;
                (label, proof)
            })
        })
    }
}

#[test]
fn every_label_of_a_proof_is_tampered_with() {
    let mut sent: Vec<&str> = Vec::new();
    let mut refusals: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for case in circuits::all().into_iter().chain([committed()]) {
        for hidden in [false, true] {
            let parts = Parts::new(&case, hidden);
            parts.verify(&parts.proof).unwrap();
            for (label, proof) in parts.tampered() {
                let refusal = parts.verify(&proof).expect_err(label);
                let known = refusals.entry(label).or_default();
                if !hidden && !known.contains(&refusal) {
                    known.push(refusal);
                }
            }
            sent.extend(parts.parts.iter().map(|(label, ..)| *label));
        }
    }
    for (label, refusals) in &refusals {
        let Some((_, allowed)) = MANIFEST.iter().find(|(known, _)| known == label) else {
            panic!("no test changes message `{label}`: {refusals:?}");
        };
        for refusal in refusals {
            assert!(allowed.concat().iter().any(|allowed| refusal.contains(allowed)), "message `{label}`: {refusal}");
        }
    }
    for (label, _) in MANIFEST {
        assert!(sent.contains(label), "no circuit sends message `{label}`");
    }
}

/// Nothing to look up, nothing to commit to, nothing to hide.
fn doubled(policy: Policy) -> Case {
    let mut b = circuits::Builder::new("doubled", policy);
    let x = b.input(&[5]);
    let y = b.b.linear("twice", &[5], vec![Term::identity(x, 2, 1)], Vec::new()).unwrap();
    b.b.output("y", y, &[5], vec![1.0]);
    b.finish("doubled")
}

#[test]
fn circuits_without_weights_hints_or_secrets_are_proved() {
    let (public, private) = (Visibility::Public, Visibility::Private);
    for (input, output) in [(public, public), (public, private), (private, public), (private, private)] {
        let case = doubled(Policy { input, output, ..circuits::POLICY });
        for lifetime in [0, 64] {
            let setup = Setup { lifetime, ..Setup::default() };
            let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), setup, &Silent).unwrap();
            let proof = crate::prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
            let _ = verify(&key.vk, &proof).unwrap();
            if output == public {
                let mut other = proof;
                other.statement.outputs[0][2] ^= 2;
                assert!(verify(&key.vk, &other).is_err(), "{input:?} {output:?} {lifetime}");
            }
        }
    }
}

#[test]
fn hostile_lifetimes_are_refused_without_panic() {
    let case = circuits::mlp();
    let key = ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent).unwrap();
    let proof = crate::prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
    for lifetime in [0, 1, 1 << 10, (1 << 20) - 1, 1 << 20, usize::MAX] {
        let mut vk = key.vk.clone();
        vk.lifetime = lifetime;
        assert!(verify(&vk, &proof).is_err(), "lifetime {lifetime}");
    }
}
