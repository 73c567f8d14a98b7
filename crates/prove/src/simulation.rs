//! A whole proof without a witness.
//!
//! *The simulator* ([`simulator`]) is given circuit, profile, lifetime and the form of the messages. It makes a key, whose columns are uniform, and a
//! proof under it: each padded message is uniform, and what the verifier's equations leave open follows from them as in `docs/security.md`, section 4. Its
//! oracle is the real one but for the tree under the witness root, which is fixed when its columns are known. The verifier of the opening accepts what
//! it makes.
//!
//! *The comparison.* Honest proofs under fresh keys for two secrets, and simulated ones, are compared in the distribution of each message and of pairs of
//! messages, by their low bits. Generators are seeded and one thread works, so that the numbers are the same each time. A statistic
//! of `k` degrees of freedom exceeds `k + 2 sqrt(k t) + 2 t` with probability `e^-t` at most [Laurent and Massart 2000, lemma 1].
//!
//! *The masks of the model.* Who knows the weights subtracts them from the columns that are shown: what is left is uniform, and zero where there
//! are no masks. The other masks are switched off one by one where they are made: `crates/commitment/src/opening/hiding.rs`, `crates/sumcheck/src/products/tests.rs`.

mod simulator;

use p3_field::{PrimeCharacteristicRing, PrimeField64};
use veritorch_commitment::ModelProver;
use veritorch_execute::execute;
use veritorch_graph::circuit::{Policy, Visibility};
use veritorch_graph::gadgets::{Quotient, function_table, requantise};
use veritorch_sumcheck::field::{P, int};
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, F, VerifierTranscript};

use crate::clock::Clock;
use crate::key::Model;
use crate::malicious::circuits::{Builder, Case};
use crate::malicious::multiplicities;
use crate::protocol::{COMBINATION_ROOT, DOMAIN, messages, prove_witness};
use crate::public::Public;
use crate::request::Secret;
use crate::tensor::Sizes;
use crate::{InMemory, Profile, ProveError, ProvingKey, Silent, Statement, VerifyingKey};

use simulator::simulate;

/// Proofs of each kind.
const RUNS: usize = 160;
/// Low bits of a word that are counted.
const BITS: usize = 2;
/// Words whose pairs are counted.
const PAIRED: usize = 40;

/// The messages of a proof: their labels and where they lie.
struct Messages {
    bytes: Vec<u8>,
    parts: Vec<(&'static str, usize)>,
}

/// A dense layer, a rescaling and a table, all secret.
fn tiny(weights: [i64; 6], inputs: [i64; 3]) -> Case {
    let policy = Policy { input: Visibility::Private, output: Visibility::Private, weights: Visibility::Private };
    let mut b = Builder::new("tiny", policy);
    let x = b.input(&[3]);
    let w = b.weight_of([1, 2, 3], weights.to_vec());
    let acc = b.b.dense("fc", x, w).unwrap();
    let table = function_table(&mut b.b, "clamp", -(1 << 5), 6, |q| q.clamp(0, 15) as i32);
    let y = requantise(&mut b.b, "y", acc, 7, Quotient::Function(table)).unwrap().value;
    b.b.output("y", y, &[2], vec![1.0]);
    let mut case = b.finish("tiny");
    case.inputs = vec![inputs.to_vec()];
    case
}

/// Two secrets for circuits with the same key but for its root.
fn secrets() -> [Case; 2] {
    [tiny([-7, 3, 5, 7, -6, 7], [0; 3]), tiny([7, -5, 3, 6, 7, -7], [127, -128, 90])]
}

fn seed(kind: u8, run: usize) -> [u8; 32] {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&(run as u64).to_le_bytes());
    seed
}

/// What everybody knows of a key, but for its root.
fn keyless(case: &Case, lifetime: usize) -> VerifyingKey {
    VerifyingKey { circuit: case.circuit.clone(), model_root: [0; 32], profile: Profile::Standard, lifetime, segments: Vec::new(), part_of: None }
}

/// An honest proof under a fresh key.
fn honest(case: &Case, lifetime: usize, seed: [u8; 32]) -> (Messages, ProvingKey) {
    let mut vk = keyless(case, lifetime);
    let mut model_seed = [0; 32];
    SecretRng::from_seed(&seed).fill(&mut model_seed);
    let model = ModelProver::commit(vk.model_layout().unwrap(), &case.params, model_seed).unwrap();
    vk.model_root = model.root();
    let key = ProvingKey { vk, params: case.params.clone(), model: Model::Whole(model) };
    let sizes = Sizes { batch: 1, formats: Vec::new() };
    let public = Public::<E2>::new::<ProveError>(&key.vk, &sizes).unwrap();
    let witness = execute(&public.plan.circuit, &key.params, &case.inputs).unwrap();
    let counts = multiplicities(&public.plan.circuit, &public.plan.lookups, &witness);
    let statement = Statement::empty(&public.plan.circuit, &sizes);
    let mut own = seed;
    own[31] ^= 0x80;
    let secret = Secret { witness: &witness, multiplicities: &counts, openings: &InMemory::new(2), tensors: &[], seed: Some(own) };
    let (transcript, _) = prove_witness(&key, &public, &statement, &secret, Clock::new(&Silent)).unwrap();
    let parts = transcript.parts().to_vec();
    (Messages { bytes: transcript.into_proof(), parts }, key)
}

/// On one thread: proofs of work are then the first ones.
fn alone<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(run)
}

/// Words of all messages: of long ones the first and last. Proofs of work and what WHIR makes of the combined row are left out.
fn words(messages: &Messages) -> Vec<(&'static str, u64)> {
    let mut words = Vec::new();
    let mut start = 0;
    for &(label, len) in &messages.parts {
        let bytes = &messages.bytes[start..start + len];
        start += len;
        let is_embedded = label.ends_with("columns") && !label.starts_with("lookup");
        if len == 8 || label == "combination opening" {
            continue;
        }
        let body = if is_embedded { &bytes[4..] } else { bytes };
        let all: Vec<u64> = body.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        let ends = all.len().saturating_sub(4);
        let chosen = all.iter().enumerate().filter(|(index, _)| *index < 8 || *index >= ends);
        words.extend(chosen.map(|(_, &word)| (label, word)));
    }
    words
}

fn low(word: u64) -> usize {
    (word as usize) % (1 << BITS)
}

/// Counts of one word, or of two at once.
fn histogram(samples: &[Vec<u64>], one: usize, other: Option<usize>) -> Vec<f64> {
    let mut counts = vec![0.0; 1 << (BITS * if other.is_some() { 2 } else { 1 })];
    for sample in samples {
        counts[low(sample[one]) + other.map_or(0, |other| low(sample[other]) << BITS)] += 1.0;
    }
    counts
}

/// What a statistic may reach when this many are looked at.
fn limit(bins: usize, tests: usize) -> f64 {
    let (k, t) = (bins as f64 - 1.0, (1e9 * tests as f64).ln());
    k + 2.0 * (k * t).sqrt() + 2.0 * t
}

fn against_uniform(counts: &[f64]) -> f64 {
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    counts.iter().map(|count| (count - mean).powi(2) / mean).sum()
}

fn against_other(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).filter(|(a, b)| *a + *b > 0.0).map(|(a, b)| (a - b).powi(2) / (a + b)).sum()
}

#[test]
fn whole_proofs_are_simulated() {
    let [first, second] = secrets();
    assert_eq!(first.circuit, second.circuit, "the key says nothing of the weights");
    let (form, _) = alone(|| honest(&first, 1, seed(9, 0)));
    let mut kinds: Vec<Vec<Vec<(&'static str, u64)>>> = Vec::new();
    for (kind, case) in (1..).zip([&first, &second]) {
        kinds.push((0..RUNS).map(|run| words(&alone(|| honest(case, 1, seed(kind, run)).0))).collect());
    }
    let vk = keyless(&first, 1);
    kinds.push((0..RUNS).map(|run| words(&alone(|| simulate(&vk, &form.parts, &mut SecretRng::from_seed(&seed(3, run)))))).collect());
    let labels: Vec<&str> = kinds[0][0].iter().map(|(label, _)| *label).collect();
    for samples in kinds.iter().flatten() {
        assert!(samples.iter().map(|(label, _)| *label).eq(labels.iter().copied()), "the same messages of the same lengths");
    }
    let samples: Vec<Vec<Vec<u64>>> =
        kinds.iter().map(|kind| kind.iter().map(|sample| sample.iter().map(|(_, word)| *word).collect()).collect()).collect();
    assert!(labels.len() > 200, "{}", labels.len());
    // The first and the last word of each label are paired.
    let mut paired: Vec<usize> = (0..labels.len()).filter(|&word| word == 0 || labels[word] != labels[word - 1]).collect();
    paired.extend((0..labels.len()).rev().take(PAIRED.saturating_sub(paired.len())));
    let pairs = paired.iter().flat_map(|&one| paired.iter().filter(move |&&other| other < one).map(move |&other| (one, Some(other))));
    let positions: Vec<(usize, Option<usize>)> = (0..labels.len()).map(|word| (word, None)).chain(pairs).collect();
    let tests = 6 * positions.len();
    for (one, other) in positions {
        let counts: Vec<Vec<f64>> = samples.iter().map(|samples| histogram(samples, one, other)).collect();
        let limit = limit(counts[0].len(), tests);
        let name = (labels[one], other.map(|other| labels[other]));
        for (kind, own) in counts.iter().enumerate() {
            assert!(against_uniform(own) < limit, "kind {kind}: words {one} {other:?} of {name:?} are not uniform: {own:?}");
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            assert!(against_other(&counts[a], &counts[b]) < limit, "kinds {a} and {b} differ in words {one} {other:?} of {name:?}");
        }
    }
}

/// What the first column of the model that a proof shows is without the weights.
fn without_weights(proof: &Messages, key: &ProvingKey) -> u64 {
    let sizes = Sizes { batch: 1, formats: Vec::new() };
    let public = Public::<E2>::new::<ProveError>(&key.vk, &sizes).unwrap();
    let statement = Statement::empty(&public.plan.circuit, &sizes);
    let mut transcript = VerifierTranscript::new(DOMAIN, &proof.bytes);
    let _ = messages::<E2>(&key.vk, &public.plan, &statement, &mut transcript).unwrap();
    let _: [u8; 32] = transcript.receive_bytes(COMBINATION_ROOT).unwrap();
    transcript.check_grinding("model columns", public.plan.level.grinding).unwrap();
    let layout = &public.plan.model;
    let position = transcript.indices("model columns", layout.num_queries(), layout.log_domain()).into_iter().min().unwrap();
    let x = simulator::point_of(layout.log_domain(), position);
    let placement = &layout.placements()[0];
    let row = placement.row(0, 0, 0);
    let [_, outputs, columns] = placement.shape;
    let known: F = (0..outputs * columns)
        .map(|i| {
            let column = placement.first_column + ((i / columns) << placement.log_column) + i % columns;
            int(key.params.values(0)[i]) * x.exp_u64(column as u64)
        })
        .sum();
    let at = proof.parts.iter().position(|(label, len)| *label == "model columns" && *len > 8).unwrap();
    let start: usize = proof.parts[..at].iter().map(|(_, len)| len).sum::<usize>() + 4 + 8 * row;
    let shown = u64::from_le_bytes(proof.bytes[start..start + 8].try_into().unwrap());
    assert!(shown < P);
    (F::from_u64(shown) - known).as_canonical_u64()
}

#[test]
fn the_masks_of_the_model_are_needed() {
    let [_, case] = secrets();
    for (lifetime, is_hidden) in [(1, true), (0, false)] {
        let samples: Vec<Vec<u64>> = (0..RUNS)
            .map(|run| {
                alone(|| {
                    let (messages, key) = honest(&case, lifetime, seed(5, run));
                    vec![without_weights(&messages, &key)]
                })
            })
            .collect();
        let counts = histogram(&samples, 0, None);
        assert_eq!(against_uniform(&counts) < limit(counts.len(), 2), is_hidden, "lifetime {lifetime}: {counts:?}");
    }
}
