//! False values, and rows that are bent to them.

use veritorch_sumcheck::{E2, E3};

use super::*;

#[test]
fn a_wrong_value_is_refused_whichever_it_is() {
    let model = model(1);
    for claim in 0..7 {
        let deviation = Deviation { values: vec![(claim, E2::ONE)], ..Deviation::default() };
        assert_eq!(refused(&model, &deviation), EQUATION);
    }
    let deviation = Deviation { values: vec![(2, E3::ONE), (3, -E3::ONE)], ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), EQUATION);
}

#[test]
fn a_dropped_claim_is_refused() {
    let model = model(1);
    for dropped in 0..7 {
        let mut transcript = ProverTranscript::new(DOMAIN);
        let mut claims: Vec<ParamClaim<E2>> = forms(&mut transcript).iter().map(|form| form.with_value(value(form, &values(1)))).collect();
        claims[dropped].value += E2::ONE;
        transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());
        claims.remove(dropped);
        let combined = model.combine(&mut transcript, &claims).unwrap();
        // The verifier's challenges are those of the prover up to here: what it expects of the row is not what the row has.
        let sent = transcript.into_proof();
        let reduction = reduce::<E2>(model.layout(), &model.root(), &mut VerifierTranscript::replay(DOMAIN, &sent)).unwrap();
        let has = Mle::new(combined.row).evaluate(&reduction.point);
        assert_ne!(Value::public(has), reduction.value);
    }
}

#[test]
fn a_wrong_value_of_the_proximity_combination_is_refused() {
    let model = model(1);
    assert_eq!(refused(&model, &Deviation { proximity: E2::ONE, ..Deviation::default() }), EQUATION);
    let deviation = Deviation { proximity: E2::ONE, denies: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), EQUATION);
}

#[test]
fn a_combined_row_that_is_bent_to_the_claim_is_refused() {
    let model = model(1);
    // The row has the expected value at the sumcheck's point; the columns do not fit it.
    let mut deviation = Deviation { values: vec![(0, E2::ONE)], bend: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), EQUATION);
    // Columns that fit better are not those of the root.
    deviation.bent_columns = true;
    assert_eq!(refused(&model, &deviation), ROOT);
    let deviation = Deviation { values: vec![(0, E3::ONE)], bend: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), EQUATION);
    let deviation = Deviation { proximity: E2::ONE, bend: true, ..Deviation::default() };
    assert_eq!(refused(&model, &deviation), EQUATION);
}

#[test]
fn every_byte_flip_is_refused() {
    let model = model(1);
    let proof = prove::<E2>(&model, &values(1), &Deviation::default());
    for (count, byte) in (0..proof.len()).step_by(proof.len() / 150).enumerate() {
        let mut proof = proof.clone();
        proof[byte] ^= 1 << (count % 8);
        assert!(check::<E2>(model.layout(), &model.root(), &proof).is_err(), "byte {byte}");
    }
    for len in (0..proof.len()).step_by(proof.len() / 20).chain([proof.len() - 1]) {
        check::<E2>(model.layout(), &model.root(), &proof[..len]).unwrap_err();
    }
}
