//! A toy protocol, masked and not: what is recorded holds on the true secrets and on no others, and what is sent is uniform.

use p3_field::{Field, PrimeCharacteristicRing, PrimeField64};

use super::*;
use crate::field::{E2, E3};

const DOMAIN: &str = "toy";
const LOG_LEN: usize = 2;

/// `sum_x u(x) v(x) = sum`, and `u(0)` is not zero.
#[derive(Clone)]
struct Witness {
    u: Vec<i64>,
    v: Vec<i64>,
}

impl Witness {
    fn new(u: [i64; 4], v: [i64; 4]) -> Self {
        Self { u: u.to_vec(), v: v.to_vec() }
    }

    fn sum(&self) -> i64 {
        self.u.iter().zip(&self.v).map(|(u, v)| u * v).sum()
    }
}

/// Two witnesses of one statement.
fn witnesses() -> [Witness; 2] {
    let pair = [Witness::new([1, 0, 0, 0], [100, 0, 0, 0]), Witness::new([9, 8, -3, 5], [4, 1, -2, 10])];
    assert_eq!(pair.each_ref().map(Witness::sum), [100, 100]);
    pair
}

fn extension<E: Ext>(values: &[i64]) -> Vec<E> {
    values.iter().map(|&value| E::from_int(value)).collect()
}

/// The messages of the toy protocol: an element and its inverse, the rounds of a sumcheck, what it ends in, and a combination of that.
fn prove_toy<E: Ext>(transcript: &mut ProverTranscript, witness: &Witness, sum: i64) {
    prove_with_inverse(transcript, witness, sum, E::from_int(witness.u[0]).try_inverse().unwrap_or_default());
}

fn prove_with_inverse<E: Ext>(transcript: &mut ProverTranscript, witness: &Witness, sum: i64, inverse: E) {
    let (u, v) = (extension::<E>(&witness.u), extension::<E>(&witness.v));
    transcript.send("first", &[u[0], inverse]);
    let mut products = Products { terms: vec![vec![Mle::new(u), Mle::new(v)]] };
    sumcheck::prove(transcript, "rounds", &mut [&mut products], &[E::from_int(sum)]);
    let [u, v] = [0, 1].map(|factor: usize| products.terms[0][factor].value());
    transcript.send("ends", &[u, v]);
    let weight: E = transcript.challenge("weight");
    transcript.send("combination", &[u + weight * v]);
}

fn verify_toy<E: Ext>(transcript: &mut VerifierTranscript<'_>, sum: i64) -> Result<(), TranscriptError> {
    let first = transcript.receive::<E>("first", 2)?;
    let one = transcript.product(&first[0], &first[1])?;
    transcript.check_zero("first", one - Value::public(E::ONE))?;
    let shape = Shape { num_vars: LOG_LEN, degree: 2 };
    let (_, left) = sumcheck::verify(transcript, "rounds", &[shape], &[Value::public(E::from_int(sum))])?;
    let ends = transcript.receive::<E>("ends", 2)?;
    let end = transcript.product(&ends[0], &ends[1])?;
    transcript.check_zero("ends", left - end)?;
    let weight: E = transcript.challenge("weight");
    let combination = transcript.receive_one::<E>("combination")?;
    transcript.check_zero("combination", ends[0].clone() + &ends[1] * weight - combination)
}

fn layout<E: Ext>() -> PadLayout {
    let mut rehearsal = VerifierTranscript::rehearse(DOMAIN);
    rehearsal.mask();
    verify_toy::<E>(&mut rehearsal, 0).unwrap();
    PadLayout::new(rehearsal.masking())
}

fn secrets<E: Ext>(seed: u64) -> PadSecrets<E> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    PadSecrets::random(&layout::<E>(), &mut SecretRng::from_seed(&key))
}

fn masked_proof<E: Ext>(witness: &Witness, sum: i64, secrets: &PadSecrets<E>, pads: Pads) -> Vec<u8> {
    let mut transcript = ProverTranscript::new(DOMAIN);
    transcript.mask(pads);
    prove_toy::<E>(&mut transcript, witness, sum);
    prove(&mut transcript, &secrets.layout, secrets);
    transcript.unmask();
    transcript.into_proof()
}

type Checks<E> = Vec<(&'static str, Value<E>)>;

fn recorded<E: Ext>(proof: &[u8], sum: i64) -> Result<Checks<E>, TranscriptError> {
    let mut transcript = VerifierTranscript::new(DOMAIN, proof);
    transcript.mask();
    verify_toy::<E>(&mut transcript, sum)?;
    verify::<E>(&mut transcript, &layout::<E>())?;
    let checks = transcript.take_checks();
    transcript.finish()?;
    Ok(checks)
}

/// Names of the checks that do not hold on these secrets.
fn failing<E: Ext>(checks: &Checks<E>, secrets: &PadSecrets<E>) -> Vec<&'static str> {
    checks.iter().filter(|(_, value)| secrets.reveal(value) != E::ZERO).map(|(name, _)| *name).collect()
}

const ALL_CHECKS: [&str; 3 + NUM_CHECKS] = ["first", "ends", "combination", ROUNDS, RELATIONS[0], RELATIONS[1], RELATIONS[2]];

fn honest_proofs_satisfy_every_check<E: Ext>() {
    for (seed, witness) in (0..40).zip(witnesses().into_iter().cycle()) {
        let secrets = secrets::<E>(seed);
        let proof = masked_proof(&witness, 100, &secrets, secrets.pads());
        let checks = recorded::<E>(&proof, 100).unwrap();
        assert_eq!(checks.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ALL_CHECKS);
        assert_eq!(failing(&checks, &secrets), Vec::<&str>::new());
        // Everything that is sent has a pad, but for the three ends.
        assert_eq!(proof.len(), (secrets.layout.num_pads() + 3) * E::DEGREE * 8);
    }
}

#[test]
fn honest() {
    honest_proofs_satisfy_every_check::<E2>();
    honest_proofs_satisfy_every_check::<E3>();
}

#[test]
fn layouts() {
    let layout = layout::<E2>();
    // 2 + 2 * 2 + 2 + 1 messages, two products and four dummies in eight slots.
    assert_eq!(layout.messages(), &Masking { num_pads: 9, products: vec![(0, 1), (6, 7)] });
    assert_eq!((layout.log_slots(), layout.num_pads(), layout.len()), (3, 18, 18 + 8 + 6));
    let keys = (0..18).map(Hidden::Pad).chain((0..8).map(Hidden::Dummy)).chain((0..6).map(Hidden::Product));
    assert!(keys.map(|key| layout.position(key)).eq((0..32).map(Some)));
    for missing in [Hidden::Pad(18), Hidden::Dummy(8), Hidden::Product(6)] {
        assert_eq!(layout.position(missing), None);
    }
    let slots: Vec<(usize, [Hidden; 3])> = layout.slots().collect();
    assert_eq!(slots.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(), [2, 3, 0, 1, 6, 7]);
    assert_eq!(slots[1].1, [Hidden::Pad(6), Hidden::Pad(7), Hidden::Product(1)]);
    assert_eq!(slots[5].1, [Hidden::Dummy(3), Hidden::Dummy(7), Hidden::Product(5)]);

    let secrets = secrets::<E3>(1);
    let cells = secrets.cells();
    assert_eq!(cells.len(), 3 * 32);
    for position in 0..32 {
        let limbs: Vec<u64> = (0..3).map(|d: usize| cells[d * 32 + position].as_canonical_u64()).collect();
        let key = layout.slots().find_map(|(_, keys)| keys.into_iter().find(|&key| layout.position(key) == Some(position)));
        if let Some(key) = key {
            assert_eq!(secrets.element(key).limbs(), limbs);
        }
    }

    let plain = PadLayout::new(Masking { num_pads: 5, products: Vec::new() });
    assert_eq!((plain.len(), plain.num_pads(), plain.position(Hidden::Dummy(0)), plain.is_empty()), (5, 5, None, false));
    assert!(PadLayout::new(Masking::default()).is_empty());
}

#[test]
fn without_products_nothing_is_added() {
    let layout = PadLayout::new(Masking { num_pads: 1, products: Vec::new() });
    let secrets = PadSecrets::<E2>::random(&layout, &mut SecretRng::from_seed(&[5; 32]));
    let mut transcript = ProverTranscript::new(DOMAIN);
    transcript.mask(secrets.pads());
    transcript.send("value", &[E2::TWO]);
    prove(&mut transcript, &layout, &secrets);
    transcript.unmask();
    assert_eq!(transcript.proof_so_far().len(), 16);
    let mut verifier = VerifierTranscript::new(DOMAIN, transcript.proof_so_far());
    verifier.mask();
    let value = verifier.receive_one::<E2>("value").unwrap();
    verify::<E2>(&mut verifier, &layout).unwrap();
    assert_eq!(secrets.reveal(&value), E2::TWO);
    verifier.finish().unwrap();
}

#[test]
fn every_byte_that_is_sent_is_checked() {
    let [witness, _] = witnesses();
    let secrets = secrets::<E2>(2);
    let proof = masked_proof(&witness, 100, &secrets, secrets.pads());
    for byte in 0..proof.len() {
        for bit in [1, 0x80] {
            let mut altered = proof.clone();
            altered[byte] ^= bit;
            if let Ok(checks) = recorded::<E2>(&altered, 100) {
                assert_ne!(failing(&checks, &secrets), Vec::<&str>::new(), "byte {byte}");
            }
        }
    }
    for len in (0..proof.len()).step_by(8) {
        assert!(matches!(recorded::<E2>(&proof[..len], 100), Err(TranscriptError::Truncated { .. })));
    }
}

#[test]
fn every_committed_element_is_checked() {
    let [witness, _] = witnesses();
    let honest = secrets::<E2>(3);
    let checks = recorded::<E2>(&masked_proof(&witness, 100, &honest, honest.pads()), 100).unwrap();
    for limb in 0..honest.limbs.len() {
        let mut other = secrets::<E2>(3);
        other.limbs[limb] ^= 1;
        assert_ne!(failing(&checks, &other), Vec::<&str>::new(), "limb {limb}");
    }
}

/// A prover that commits to something else than the product of two pads can have any inverse, but is caught by the argument on products.
#[test]
fn products_that_are_none() {
    let [witness, _] = witnesses();
    let delta = E2::from_int(5);
    let mut forged = secrets::<E2>(4);
    let position = forged.position(Hidden::Product(0));
    let product = forged.element(Hidden::Product(0)) + delta;
    forged.set(position, product);
    let mut transcript = ProverTranscript::new(DOMAIN);
    transcript.mask(forged.pads());
    // `first * inverse + delta = 1` instead of `first * inverse = 1`.
    prove_with_inverse(&mut transcript, &witness, 100, (E2::ONE - delta) * E2::from_int(witness.u[0]).inverse());
    prove(&mut transcript, &forged.layout, &forged);
    let checks = recorded::<E2>(&transcript.into_proof(), 100).unwrap();
    assert_eq!(failing(&checks, &forged), [ROUNDS]);
}

/// Ends `a, b, c` that fit the last claim, but not the committed elements: each relation is needed.
#[test]
fn ends_that_are_none() {
    let [witness, _] = witnesses();
    let secrets = secrets::<E2>(6);
    let proof = masked_proof(&witness, 100, &secrets, secrets.pads());
    let ends_at = proof.len() - 3 * 16;
    let words: Vec<u64> = proof[ends_at..].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
    let ends: Vec<E2> = words.chunks(2).map(E2::from_limbs).collect();
    let [a, b, c]: [E2; 3] = ends.try_into().unwrap();
    let cases: [([E2; 3], &[&str]); 4] = [
        ([a + E2::ONE, b, c + b], &[RELATIONS[0], RELATIONS[2]]),
        ([a, b + E2::ONE, c + a], &[RELATIONS[1], RELATIONS[2]]),
        ([a, b, c + E2::ONE], &[ROUNDS, RELATIONS[2]]),
        ([a * E2::TWO, b * E2::TWO.inverse(), c], &[RELATIONS[0], RELATIONS[1]]),
    ];
    for (ends, expected) in cases {
        let mut forged = proof[..ends_at].to_vec();
        forged.extend(ends.iter().flat_map(Ext::limbs).flat_map(u64::to_le_bytes));
        assert_eq!(failing(&recorded::<E2>(&forged, 100).unwrap(), &secrets), expected);
    }
}

#[test]
fn another_protocol_than_the_rehearsed_one_is_refused() {
    let [witness, _] = witnesses();
    let honest = secrets::<E2>(7);
    let proof = masked_proof(&witness, 100, &honest, honest.pads());
    let masking = layout::<E2>().messages().clone();
    let mut fewer_products = masking.clone();
    fewer_products.products.pop();
    let mut other_factor = masking.clone();
    other_factor.products[1] = (6, 8);
    let more_pads = Masking { num_pads: masking.num_pads + 1, ..masking };
    for masking in [fewer_products, other_factor, more_pads] {
        let mut transcript = VerifierTranscript::new(DOMAIN, &proof);
        transcript.mask();
        verify_toy::<E2>(&mut transcript, 100).unwrap();
        let error = verify::<E2>(&mut transcript, &PadLayout::new(masking));
        assert!(matches!(error, Err(TranscriptError::Rehearsal { pads: 9, products: 2, .. })), "{error:?}");
    }
}

/// Recorded checks cannot be forgotten, and products of combinations are an error.
#[test]
fn what_is_masked_is_accounted_for() {
    let [witness, _] = witnesses();
    let honest = secrets::<E2>(8);
    let proof = masked_proof(&witness, 100, &honest, honest.pads());
    let mut transcript = VerifierTranscript::new(DOMAIN, &proof);
    transcript.mask();
    verify_toy::<E2>(&mut transcript, 100).unwrap();
    verify::<E2>(&mut transcript, &layout::<E2>()).unwrap();
    assert_eq!(transcript.finish(), Err(TranscriptError::Check { check: "first" }));

    let mut transcript = VerifierTranscript::new(DOMAIN, &proof);
    transcript.mask();
    let a = transcript.receive_one::<E2>("a").unwrap();
    let b = transcript.receive_one::<E2>("b").unwrap();
    let (combination, scaled) = (a.clone() + b.clone(), a.clone() * E2::TWO);
    for other in [&combination, &scaled] {
        assert_eq!(transcript.product(&a, other), Err(TranscriptError::Product));
    }
    assert_eq!(transcript.product(&combination, &Value::public(E2::TWO)), Ok(&combination * E2::TWO));
    assert_eq!(transcript.masking().products, []);
    let product = transcript.product(&a, &b).unwrap();
    assert_eq!(honest.reveal(&product), honest.reveal(&a) * honest.reveal(&b));
}

/// Pad `i` is added to message `i` and to nothing else: with another pad `i`, what is sent before stays, and message `i` differs by the difference
/// of the pads. A message is therefore uniform, given all earlier ones, if its pad is.
#[test]
fn every_message_has_a_pad_of_its_own() {
    let [_, witness] = witnesses();
    let element = |proof: &[u8], index: usize| {
        let words: Vec<u64> = proof[16 * index..][..16].chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        E2::from_limbs(&words)
    };
    let honest = secrets::<E2>(9);
    let proof = masked_proof(&witness, 100, &honest, honest.pads());
    for pad in 0..honest.layout.num_pads() {
        let mut other = secrets::<E2>(9);
        let own = other.element(Hidden::Pad(pad as u32));
        let delta = E2::from_limbs(&[17, 3]);
        other.set(pad, own + delta);
        let changed = masked_proof(&witness, 100, &honest, other.pads());
        assert_eq!(changed[..16 * pad], proof[..16 * pad]);
        assert_eq!(element(&changed, pad), element(&proof, pad) + delta);
    }
}

#[test]
fn masked_and_unmasked_transcripts_accept_the_same() {
    let mut cases = Vec::new();
    for witness in witnesses() {
        cases.extend([99, 100, 101, -100].map(|sum| (witness.clone(), sum)));
    }
    cases.push((Witness::new([0, 10, 0, 0], [0, 10, 0, 0]), 100));
    cases.push((Witness::new([0, 10, 0, 0], [0, 10, 0, 0]), 7));
    let mut accepted = 0;
    for (seed, (witness, sum)) in (20..).zip(&cases) {
        let mut transcript = ProverTranscript::new(DOMAIN);
        prove_toy::<E2>(&mut transcript, witness, *sum);
        let proof = transcript.into_proof();
        let mut verifier = VerifierTranscript::new(DOMAIN, &proof);
        let unmasked = verify_toy::<E2>(&mut verifier, *sum);
        let secrets = secrets::<E2>(seed);
        let checks = recorded::<E2>(&masked_proof(witness, *sum, &secrets, secrets.pads()), *sum).unwrap();
        let failing = failing(&checks, &secrets);
        match unmasked {
            Ok(()) => assert_eq!(failing, Vec::<&str>::new()),
            // The unmasked verifier stops at the first.
            Err(TranscriptError::Check { check }) => assert_eq!(failing.first(), Some(&check)),
            Err(error) => panic!("{error}"),
        }
        accepted += usize::from(unmasked.is_ok());
    }
    assert_eq!(accepted, 2);
}

/// The prover reads its own messages for the checks that the verifier will record, whether or not they hold.
#[test]
fn a_replay_records_and_does_not_judge() {
    let [witness, _] = witnesses();
    let honest = secrets::<E2>(10);
    for sum in [100, 101] {
        let proof = masked_proof(&witness, sum, &honest, honest.pads());
        let mut replay = VerifierTranscript::replay(DOMAIN, &proof);
        replay.mask();
        verify_toy::<E2>(&mut replay, sum).unwrap();
        verify::<E2>(&mut replay, &layout::<E2>()).unwrap();
        assert_eq!(replay.take_checks::<E2>(), recorded::<E2>(&proof, sum).unwrap());
    }
    let mut transcript = ProverTranscript::new(DOMAIN);
    prove_toy::<E2>(&mut transcript, &witness, 101);
    let proof = transcript.into_proof();
    assert_eq!(verify_toy::<E2>(&mut VerifierTranscript::new(DOMAIN, &proof), 101), Err(TranscriptError::Check { check: "ends" }));
    assert_eq!(verify_toy::<E2>(&mut VerifierTranscript::replay(DOMAIN, &proof), 101), Ok(()));
}

/// Counts of four bits, for each pair of base-field elements of the proof and each alone.
struct Counts {
    words: usize,
    runs: u32,
    alone: Vec<[u32; 16]>,
    pairs: Vec<[u32; 16]>,
}

impl Counts {
    fn of(proofs: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut counts = Self { words: 0, runs: 0, alone: Vec::new(), pairs: Vec::new() };
        for proof in proofs {
            let words: Vec<usize> = proof.chunks(8).map(|word| usize::from(word[0])).collect();
            counts.words = words.len();
            counts.runs += 1;
            counts.alone.resize(words.len(), [0; 16]);
            counts.pairs.resize(words.len() * words.len(), [0; 16]);
            for (i, &first) in words.iter().enumerate() {
                counts.alone[i][first & 15] += 1;
                for (j, &second) in words.iter().enumerate().skip(i + 1) {
                    counts.pairs[i * words.len() + j][(first & 3) << 2 | second & 3] += 1;
                }
            }
        }
        counts
    }

    fn chi_square(&self, counts: &[u32; 16]) -> f64 {
        let mean = f64::from(self.runs) / 16.0;
        counts.iter().map(|&count| (f64::from(count) - mean).powi(2) / mean).sum()
    }

    /// Words that are not uniform, and pairs that are not uniform although each is. With 15 degrees of freedom, a uniform one is above 80 with a
    /// probability of `1e-10`.
    fn suspects(&self) -> Vec<(usize, usize)> {
        let alone: Vec<usize> = (0..self.words).filter(|&i| self.chi_square(&self.alone[i]) > 80.0).collect();
        let pairs = (0..self.words).flat_map(|i| (i + 1..self.words).map(move |j| (i, j)));
        let pairs = pairs.filter(|&(i, j)| self.chi_square(&self.pairs[i * self.words + j]) > 80.0);
        let pairs = pairs.filter(|(i, j)| !alone.contains(i) && !alone.contains(j));
        alone.iter().map(|&i| (i, i)).chain(pairs).collect()
    }
}

const RUNS: u64 = 3000;

#[test]
fn what_is_sent_is_uniform_for_every_witness() {
    for (first, witness) in (0..).step_by(RUNS as usize).zip(witnesses()) {
        let proofs = (first..first + RUNS).map(|seed| {
            let secrets = secrets::<E2>(seed);
            masked_proof(&witness, 100, &secrets, secrets.pads())
        });
        assert_eq!(Counts::of(proofs).suspects(), []);
    }
}

/// The same test sees a message without a pad, and two messages under one.
#[test]
fn a_missing_pad_is_seen() {
    let [_, witness] = witnesses();
    let suspects = |change: &dyn Fn(&mut Vec<u64>)| {
        let proofs = (0..RUNS).map(|seed| {
            let secrets = secrets::<E2>(seed);
            let mut limbs = Zeroizing::new(secrets.limbs[..2 * secrets.layout.num_pads()].to_vec());
            change(&mut limbs);
            masked_proof(&witness, 100, &secrets, Pads::from_limbs(limbs, 2))
        });
        Counts::of(proofs).suspects()
    };
    for pad in 0..2 {
        assert_eq!(suspects(&|limbs| limbs[2 * pad..][..2].fill(0)), [(2 * pad, 2 * pad), (2 * pad + 1, 2 * pad + 1)]);
    }
    let reused = suspects(&|limbs| limbs.copy_within(0..2, 2));
    assert_eq!(reused, [(0, 2), (1, 3)]);
}

/// The bound on dummies, by counting over fields of three and five elements.
#[test]
fn dummies_hide_the_ends() {
    for (p, m) in [(3usize, 2u32), (3, 3), (3, 4), (5, 2), (5, 3)] {
        for e in (0..p.pow(m)).map(|index| digits(index, p, m)).filter(|e| e.iter().all(|&e| e > 0)) {
            let mut counts = vec![0usize; p.pow(3)];
            let dot = |a: &[usize], b: &[usize]| a.iter().zip(b).map(|(a, b)| a * b).sum::<usize>() % p;
            for x in (0..p.pow(m)).map(|index| digits(index, p, m)) {
                let scaled: Vec<usize> = x.iter().zip(&e).map(|(x, e)| x * e % p).collect();
                for y in (0..p.pow(m)).map(|index| digits(index, p, m)) {
                    counts[(dot(&x, &e) * p + dot(&y, &e)) * p + dot(&scaled, &y)] += 1;
                }
            }
            let total = p.pow(2 * m) as f64;
            let uniform = 1.0 / p.pow(3) as f64;
            let distance: f64 = counts.iter().map(|&count| (count as f64 / total - uniform).abs()).sum::<f64>() / 2.0;
            assert!(distance <= (p as f64).powi(1 - m as i32), "p = {p}, e = {e:?}: {distance}");
        }
    }
}

fn digits(index: usize, base: usize, count: u32) -> Vec<usize> {
    (0..count).map(|digit| index / base.pow(digit) % base).collect()
}

#[test]
fn the_soundness_error_is_that_of_point_and_rounds() {
    let terms = layout::<E2>().security_terms::<E2>();
    assert_eq!(terms.len(), 2);
    assert!((terms[1].1 - (E2::BITS - 9f64.log2())).abs() < 1e-9);
    assert_eq!(PadLayout::new(Masking::default()).security_terms::<E2>(), []);
}
