//! The opening of a proof's stacks: its honest run, and what it refuses.

use p3_field::PrimeCharacteristicRing;
use veritorch_commitment::{Cells, CommitmentError, MatrixData, Opening, Place, Relations, SecurityLevel, TensorClaim};
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, F, Factor, Form, ProverTranscript, Value, VerifierTranscript};

const DOMAIN: &str = "opening test";

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

/// Tensors on two stacks, with forms that the transcript's challenges fix.
struct Setting {
    shapes: [Vec<Vec<usize>>; 2],
    tensors: [Vec<Vec<i64>>; 2],
    hidden: bool,
}

impl Setting {
    fn new(log_scale: usize, hidden: bool) -> Self {
        let shapes = [vec![vec![3, 1 << log_scale], vec![5, 7, 3], vec![1 << log_scale], vec![], vec![2, 2]], vec![vec![2, 1 << (log_scale - 1)]]];
        let mut state = 7;
        let tensors = shapes.clone().map(|shapes| {
            let fill = |shape: &Vec<usize>| (0..shape.iter().product::<usize>()).map(|_| (random(&mut state) as i64) >> 40).collect();
            shapes.iter().map(fill).collect()
        });
        Self { shapes, tensors, hidden }
    }

    fn opening<E: Ext>(&self) -> Opening<E> {
        Opening::new(&self.shapes, self.hidden, SecurityLevel { bits: 104, grinding: 4 }).unwrap()
    }

    fn forms<E: Ext>(&self, transcript: &mut impl Transcript) -> Vec<(usize, usize, Form<E>)> {
        let mut point = |vars| transcript.challenges::<E>("point", vars);
        let vars = |len: usize| len.next_power_of_two().trailing_zeros() as usize;
        let mut forms = Vec::new();
        for (stack, shapes) in self.shapes.iter().enumerate() {
            for (tensor, shape) in shapes.iter().enumerate() {
                let factors = shape.iter().map(|&len| Factor::Eq(point(vars(len)))).collect();
                forms.push((stack, tensor, Form::separable(factors)));
            }
        }
        forms.push((0, 1, Form::joint(3, point(105))));
        forms.push((0, 2, Form::separable(vec![Factor::Powers(F::from_u64(12345))])));
        forms.push((1, 0, Form::separable(vec![Factor::Explicit(point(2)), Factor::Powers(F::from_u64(3))])));
        forms
    }

    fn relations<E: Ext>(&self, transcript: &mut impl Transcript) -> Relations<E> {
        let claims = self
            .forms::<E>(transcript)
            .into_iter()
            .map(|(stack, tensor, form)| {
                let vector = form.vector(&self.shapes[stack][tensor]);
                let value: E = vector.iter().zip(&self.tensors[stack][tensor]).map(|(&a, &b)| a * E::from_int(b)).sum();
                TensorClaim { terms: vec![(Place { stack, tensor }, form)], value: Value::public(value) }
            })
            .collect();
        Relations { claims, checks: Vec::new(), pads: None }
    }

    fn prove<E: Ext>(&self) -> Vec<u8> {
        let opening = self.opening::<E>();
        let mut transcript = ProverTranscript::new(DOMAIN);
        let mut rng = self.hidden.then(|| SecretRng::from_os().unwrap());
        let matrices: Vec<MatrixData> = self
            .tensors
            .iter()
            .enumerate()
            .map(|(stack, tensors)| {
                let cells: Vec<&dyn Cells> = tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
                let (root, data) = opening.commit(stack, &cells, rng.as_mut()).unwrap();
                transcript.send_bytes("root", &root);
                data
            })
            .collect();
        let relations = self.relations::<E>(&mut transcript);
        opening.open(&mut transcript, matrices, &relations).unwrap();
        transcript.into_proof()
    }

    fn verify<E: Ext>(&self, proof: &[u8], change: impl Fn(&mut Relations<E>)) -> Result<(), CommitmentError> {
        let mut transcript = VerifierTranscript::new(DOMAIN, proof);
        let roots = [transcript.receive_bytes("root")?, transcript.receive_bytes("root")?];
        let mut relations = self.relations::<E>(&mut transcript);
        change(&mut relations);
        self.opening::<E>().verify(&mut transcript, &roots, &relations)?;
        Ok(transcript.finish()?)
    }
}

fn honest_and_false_claims<E: Ext>() {
    for (log_scale, hidden) in [(4, true), (9, false), (12, true), (14, true), (14, false)] {
        let setting = Setting::new(log_scale, hidden);
        let proof = setting.prove::<E>();
        setting.verify::<E>(&proof, |_| {}).unwrap();
        for claim in 0..9 {
            let error = setting.verify::<E>(&proof, |relations| {
                let value = &mut relations.claims[claim].value;
                *value = value.clone() + Value::public(E::ONE);
            });
            assert!(error.is_err(), "claim {claim}");
        }
    }
}

#[test]
fn true_claims_are_shown_and_false_ones_refused() {
    honest_and_false_claims::<E2>();
    honest_and_false_claims::<E3>();
}
