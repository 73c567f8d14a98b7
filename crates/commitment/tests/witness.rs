//! Attacks on the witness commitment, and its honest run.

use std::panic::Location;

use p3_field::PrimeCharacteristicRing;
use veritorch_commitment::{Cells, CommitmentError, SecurityLevel, StackLayout, TensorClaim, WitnessData, WitnessScheme};
use veritorch_sumcheck::field::P;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, F, Factor, Form, ProverTranscript, TranscriptError, Value, VerifierTranscript};

const DOMAIN: &str = "witness test";

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Tensors with forms that the transcript's challenges fix.
struct Setting {
    shapes: Vec<Vec<usize>>,
    tensors: Vec<Vec<i64>>,
}

impl Setting {
    fn new(log_scale: usize) -> Self {
        let shapes = vec![vec![3, 1 << log_scale], vec![5, 7, 3], vec![1 << log_scale], vec![], vec![2, 2]];
        let mut state = 7;
        let tensors = shapes
            .iter()
            .map(|shape: &Vec<usize>| {
                (0..shape.iter().product::<usize>()).map(|_| (random(&mut state) as i64) >> 40).collect()
            })
            .collect();
        Self { shapes, tensors }
    }

    fn scheme<E: Ext>(&self) -> WitnessScheme<E> {
        WitnessScheme::new(StackLayout::new(&self.shapes), SecurityLevel::default()).unwrap()
    }

    fn forms<E: Ext>(&self, transcript: &mut impl Transcript) -> Vec<(usize, Form<E>)> {
        let mut point = |vars| transcript.challenges::<E>("point", vars);
        let vars = |len: usize| len.next_power_of_two().trailing_zeros() as usize;
        let mut forms = Vec::new();
        for (tensor, shape) in self.shapes.iter().enumerate() {
            let factors = shape.iter().map(|&len| Factor::Eq(point(vars(len)))).collect();
            forms.push((tensor, Form::separable(factors)));
        }
        forms.push((1, Form::joint(3, point(105))));
        forms.push((2, Form::separable(vec![Factor::Powers(F::from_u64(12345))])));
        forms.push((0, Form::separable(vec![Factor::Explicit(point(3)), Factor::Powers(F::from_u64(3))])));
        forms
    }

    fn value<E: Ext>(&self, tensor: usize, form: &Form<E>) -> E {
        form.vector(&self.shapes[tensor]).iter().zip(&self.tensors[tensor]).map(|(&a, &b)| a * E::from_int(b)).sum()
    }

    fn commit<E: Ext>(&self) -> ([u8; 32], WitnessData<E>) {
        let views: Vec<&dyn Cells> = self.tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
        self.scheme().commit(&views).unwrap()
    }

    /// A proof in which the prover claims `values + change` and leaves out one claim when it merges them.
    fn prove<E: Ext>(&self, change: &[(usize, E)], dropped: Option<usize>) -> Vec<u8> {
        self.prove_under(self, change, dropped)
    }

    /// The same about `self`, but with the root of another stack.
    fn prove_under<E: Ext>(&self, committed: &Self, change: &[(usize, E)], dropped: Option<usize>) -> Vec<u8> {
        let scheme = self.scheme::<E>();
        let mut transcript = ProverTranscript::new(DOMAIN);
        let (root, _) = committed.commit::<E>();
        let (_, data) = self.commit::<E>();
        transcript.send_bytes("root", &root);
        let forms = self.forms::<E>(&mut transcript);
        let mut values: Vec<E> = forms.iter().map(|(tensor, form)| self.value(*tensor, form)).collect();
        for &(claim, by) in change {
            values[claim] += by;
        }
        transcript.send("values", &values);
        let mut claims: Vec<TensorClaim<E>> =
            forms.into_iter().zip(values).map(|((tensor, form), value)| TensorClaim { tensor, form, value }).collect();
        if let Some(claim) = dropped {
            claims.remove(claim);
        }
        scheme.open(&mut transcript, data, &claims).unwrap();
        transcript.into_proof()
    }

    fn verify<E: Ext>(&self, proof: &[u8]) -> Result<(), CommitmentError> {
        let scheme = self.scheme::<E>();
        let mut transcript = VerifierTranscript::new(DOMAIN, proof);
        let root = transcript.receive_bytes::<32>("root")?;
        let forms = self.forms::<E>(&mut transcript);
        let values: Vec<Value<E>> = transcript.receive("values", forms.len())?;
        let claims: Vec<TensorClaim<E, Value<E>>> =
            forms.into_iter().zip(values).map(|((tensor, form), value)| TensorClaim { tensor, form, value }).collect();
        scheme.verify(&mut transcript, &root, &claims)?;
        Ok(transcript.finish()?)
    }
}

#[track_caller]
fn refused(result: Result<(), CommitmentError>) -> CommitmentError {
    match result {
        Ok(()) => panic!("accepted at {}", Location::caller()),
        Err(error) => error,
    }
}

fn sumcheck_refused(error: &CommitmentError) -> bool {
    matches!(error, CommitmentError::Transcript(TranscriptError::Check { check: "witness sumcheck" }))
}

fn honest<E: Ext>(log_scale: usize) {
    let setting = Setting::new(log_scale);
    let proof = setting.prove::<E>(&[], None);
    setting.verify::<E>(&proof).unwrap();
    let bound = setting.scheme::<E>();
    assert!(bound.security_terms(8).iter().all(|term| term.bits >= 104.0), "{:?}", bound.security_terms(8));
}

#[test]
fn honest_openings_are_accepted() {
    for log_scale in [3, 9, 12] {
        honest::<E2>(log_scale);
        honest::<E3>(log_scale);
    }
}

#[test]
fn a_wrong_claim_is_refused_whichever_it_is() {
    let setting = Setting::new(8);
    for claim in 0..8 {
        let error = refused(setting.verify::<E2>(&setting.prove(&[(claim, E2::ONE)], None)));
        assert!(sumcheck_refused(&error), "{error}");
    }
}

#[test]
fn two_wrong_claims_that_cancel_are_refused() {
    let setting = Setting::new(8);
    let error = refused(setting.verify::<E2>(&setting.prove(&[(0, E2::ONE), (1, -E2::ONE)], None)));
    assert!(sumcheck_refused(&error), "{error}");
}

#[test]
fn a_claim_that_the_prover_drops_is_refused() {
    let setting = Setting::new(8);
    for claim in 0..8 {
        let error = refused(setting.verify::<E2>(&setting.prove::<E2>(&[(claim, E2::ONE)], Some(claim))));
        assert!(sumcheck_refused(&error), "{error}");
    }
}

#[test]
fn an_opening_of_another_stack_is_refused() {
    // Every claim is true of the stack that is opened, but the root is another's.
    let setting = Setting::new(8);
    let mut other = Setting::new(8);
    other.tensors[2][17] += 1;
    let error = refused(setting.verify::<E2>(&other.prove_under::<E2>(&setting, &[], None)));
    assert!(matches!(error, CommitmentError::Opening { .. }), "{error}");
}

#[test]
fn another_layout_is_refused() {
    let setting = Setting::new(8);
    let proof = setting.prove::<E2>(&[], None);
    let mut transposed = Setting::new(8);
    transposed.shapes[1] = vec![7, 5, 3];
    refused(transposed.verify::<E2>(&proof));
    let larger = Setting::new(10);
    refused(larger.verify::<E2>(&proof));
}

#[test]
fn every_byte_flip_is_refused() {
    let setting = Setting::new(6);
    let proof = setting.prove::<E2>(&[], None);
    // A stride that is prime to every record length, over all bits.
    for (count, byte) in (0..proof.len()).step_by(29).enumerate() {
        let mut proof = proof.clone();
        proof[byte] ^= 1 << (count % 8);
        refused(setting.verify::<E2>(&proof));
    }
}

#[test]
fn truncated_and_extended_proofs_are_refused() {
    let setting = Setting::new(6);
    let proof = setting.prove::<E2>(&[], None);
    for len in (0..proof.len()).step_by(997).chain([proof.len() - 1]) {
        refused(setting.verify::<E2>(&proof[..len]));
    }
    let error = refused(setting.verify::<E2>(&[proof.as_slice(), &[0]].concat()));
    assert!(matches!(error, CommitmentError::Transcript(TranscriptError::Trailing { bytes: 1 })));
}

/// Where the embedded proof starts: after root, values, sumcheck and the value in clear.
fn embedded_start(setting: &Setting) -> usize {
    let vars = StackLayout::new(&setting.shapes).num_vars();
    32 + 8 * 16 + vars * 2 * 16 + 16
}

#[test]
fn bytes_after_the_embedded_proof_are_refused() {
    let setting = Setting::new(6);
    let proof = setting.prove::<E2>(&[], None);
    let start = embedded_start(&setting);
    let len = u32::from_le_bytes(proof[start..start + 4].try_into().unwrap());
    assert_eq!(start + 4 + len as usize, proof.len());
    let mut longer = proof.clone();
    longer[start..start + 4].copy_from_slice(&(len + 1).to_le_bytes());
    longer.push(0);
    let error = refused(setting.verify::<E2>(&longer));
    assert!(error.to_string().contains("1 bytes follow"), "{error}");
    longer[start..start + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = refused(setting.verify::<E2>(&longer));
    assert!(matches!(error, CommitmentError::Transcript(TranscriptError::Malformed { .. })));
}

#[test]
fn non_canonical_field_elements_in_the_embedded_proof_are_refused() {
    let setting = Setting::new(6);
    let proof = setting.prove::<E2>(&[], None);
    let start = embedded_start(&setting) + 4;
    let mut tried = 0;
    // Wherever eight bytes can be read as a small field element, p is added to it.
    for byte in start..proof.len() - 8 {
        let word = u64::from_le_bytes(proof[byte..byte + 8].try_into().unwrap());
        if word < (1 << 32) - 1 {
            let mut proof = proof.clone();
            proof[byte..byte + 8].copy_from_slice(&(word + P).to_le_bytes());
            refused(setting.verify::<E2>(&proof));
            tried += 1;
        }
    }
    assert!(tried > 0);
}

#[test]
fn overlong_varints_in_the_embedded_proof_are_refused() {
    let setting = Setting::new(6);
    let proof = setting.prove::<E2>(&[], None);
    let start = embedded_start(&setting);
    let len = u32::from_le_bytes(proof[start..start + 4].try_into().unwrap());
    // The embedded proof starts with the number of out-of-domain answers, which is 0: written in two bytes.
    assert_eq!(proof[start + 4], 0);
    let mut longer = proof[..start].to_vec();
    longer.extend_from_slice(&(len + 1).to_le_bytes());
    longer.extend_from_slice(&[0x80, 0x00]);
    longer.extend_from_slice(&proof[start + 5..]);
    let error = refused(setting.verify::<E2>(&longer));
    assert!(error.to_string().contains("canonical"), "{error}");
}

#[test]
fn random_bytes_never_panic() {
    let setting = Setting::new(6);
    let honest = setting.prove::<E2>(&[], None);
    let mut state = 3;
    for round in 0..200 {
        let mut proof = honest.clone();
        let from = random(&mut state) as usize % proof.len();
        let to = (from + 1 + random(&mut state) as usize % (1 + round)).min(proof.len());
        for byte in &mut proof[from..to] {
            *byte = random(&mut state) as u8;
        }
        if proof != honest {
            refused(setting.verify::<E2>(&proof));
        }
    }
}

#[test]
fn misfitting_claims_are_errors() {
    let setting = Setting::new(6);
    let scheme = setting.scheme::<E2>();
    let claim = |tensor, form| TensorClaim { tensor, form, value: Value::public(E2::ZERO) };
    let cases = [
        claim(9, Form { factors: vec![] }),
        claim(0, Form::separable(vec![Factor::Eq(vec![E2::ONE; 2])])),
        claim(0, Form::separable(vec![Factor::Eq(vec![E2::ONE; 3]), Factor::Eq(vec![E2::ONE; 6])])),
        claim(4, Form::joint(2, vec![E2::ONE; 5])),
        claim(1, Form::separable(vec![Factor::Powers(F::ONE), Factor::Powers(F::ONE), Factor::Powers(F::ONE)])),
    ];
    for case in cases {
        let mut transcript = VerifierTranscript::new(DOMAIN, &[]);
        let error = refused(scheme.verify(&mut transcript, &[0; 32], &[case]));
        assert!(matches!(error, CommitmentError::Claim { claim: 0, .. }), "{error}");
    }
    let views: Vec<&dyn Cells> = setting.tensors.iter().take(4).map(|tensor| tensor as &dyn Cells).collect();
    assert!(matches!(scheme.commit(&views), Err(CommitmentError::Count { expected: 5, actual: 4, .. })));
}
