//! Proofs that speak of one committed tensor.

#[expect(unreachable_pub, dead_code, reason = "shared with the other tests")]
mod circuits;

use circuits::{Builder, Case};
use veritorch_graph::circuit::{Policy, Visibility};
use veritorch_graph::gadgets::input;
use veritorch_prove::{CommittedTensor, Counted, InMemory, Linking, Profile, ProvingKey, Silent, TensorFormat, prove_linked, verify};

/// A committed input and a committed output in `[0, 255]`.
fn first() -> Case {
    let mut b = Builder::new("first", Policy { input: Visibility::Committed, output: Visibility::Committed, weights: Visibility::Private });
    let x = b.input(&[5]);
    let w = b.weight([1, 3, 5], 127);
    let acc = b.b.dense("fc", x, w).unwrap();
    let y = b.activate("relu", acc, 0, None);
    b.b.output("y", y, &[3], vec![1.0]);
    b.finish("first")
}

/// Takes the output of the first.
fn second() -> Case {
    let mut b = Builder::new("second", Policy { input: Visibility::Committed, ..Policy::default() });
    let x = input(&mut b.b, "x", &[3], (0, 8), 1.0).unwrap();
    let w = b.weight([1, 4, 3], 127);
    let logits = b.b.dense("fc", x, w).unwrap();
    b.b.output("logits", logits, &[4], vec![1.0]);
    b.finish("second")
}

fn key(case: &Case, profile: Profile) -> ProvingKey {
    ProvingKey::setup(case.circuit.clone(), case.params.clone(), profile, &Silent).unwrap()
}

#[test]
fn two_models_are_chained_by_a_committed_tensor() {
    for (profile, batch) in [(Profile::Standard, 1), (Profile::High, 3)] {
        let (a, b) = (key(&first(), profile), key(&second(), profile));
        let samples: Vec<i64> = (0..5 * batch as i64).map(|i| 17 * i % 100 - 50).collect();
        let scan = CommittedTensor::commit(samples.clone(), TensorFormat { num_planes: 1, num_openings: 3, margin: 0 }, profile).unwrap();
        let scans = InMemory::new(3);
        let linking = Linking { inputs: vec![Counted { tensor: &scan, openings: &scans }], output_openings: 2 };
        let one = prove_linked(&a, std::slice::from_ref(&samples), batch, &InMemory::new(1), &linking, &Silent).unwrap();
        let verified = verify(&a.vk, &one.proof).unwrap();
        assert_eq!(verified.security, one.security);
        assert!(one.security.bits >= profile.target_bits());
        assert!(one.security.terms.iter().any(|term| term.name.starts_with("output `y`: ")), "{:?}", one.security);
        assert_eq!(one.proof.statement.commitments[0], scan.commitment());
        assert_eq!(scans.left(), 2);

        let middle = &one.committed_outputs[0];
        assert_eq!(middle.values(), one.outputs[0]);
        // Its owner keeps it in a file.
        let middle: CommittedTensor = postcard::from_bytes(&postcard::to_stdvec(middle).unwrap()).unwrap();
        let middles = InMemory::new(1);
        let linking = Linking { inputs: vec![Counted { tensor: &middle, openings: &middles }], ..Linking::default() };
        let two = prove_linked(&b, &one.outputs, batch, &InMemory::new(1), &linking, &Silent).unwrap();
        let _ = verify(&b.vk, &two.proof).unwrap();
        let identities = [one.proof.statement.commitments[1], two.proof.statement.commitments[0]]
            .map(|commitment| commitment.identity(3 * batch, profile).unwrap());
        assert_eq!(identities[0], identities[1]);
        assert_eq!(identities[0], middle.identity());
        assert_ne!(identities[0], scan.identity());
    }
}

#[test]
fn commitments_hide_what_they_hold() {
    let commit = || CommittedTensor::commit(vec![1, 2, 3], TensorFormat { num_planes: 1, num_openings: 1, margin: 0 }, Profile::Standard).unwrap();
    assert_ne!(commit().commitment(), commit().commitment());
}

#[test]
fn formats_that_cannot_be_are_refused() {
    assert_eq!(TensorFormat::of(-128, 127, 1).unwrap().num_planes, 1);
    assert_eq!(TensorFormat::of(0, 255, 1).unwrap().num_planes, 2);
    assert_eq!(TensorFormat::of(-(1 << 54), 1 << 54, 1).unwrap().num_planes, 7);
    assert!(TensorFormat::of(0, 1 << 55, 1).is_err());
    let good = TensorFormat { num_planes: 1, num_openings: 1, margin: 0 };
    for (values, format) in [
        (vec![], good),
        (vec![128], good),
        (vec![1], TensorFormat { num_openings: 0, ..good }),
        (vec![1], TensorFormat { num_openings: usize::MAX, ..good }),
        (vec![1], TensorFormat { num_planes: 0, ..good }),
        (vec![1], TensorFormat { num_planes: 8, ..good }),
    ] {
        assert!(CommittedTensor::commit(values, format, Profile::Standard).is_err());
    }
}
