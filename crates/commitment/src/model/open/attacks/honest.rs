//! What must be accepted, and what is an error before anything is sent.

use veritorch_sumcheck::{E2, E3};

use super::*;
use crate::tree::ColumnTree;

fn honest<E: Ext>() {
    let model = model(1);
    let proof = prove::<E>(&model, &values(1), &Deviation::default());
    check::<E>(model.layout(), &model.root(), &proof).unwrap();

    // The prover of the attacks is the library's, step by step.
    let mut transcript = ProverTranscript::new(DOMAIN);
    let claims: Vec<ParamClaim<E>> = forms(&mut transcript).iter().map(|form| form.with_value(value(form, &values(1)))).collect();
    transcript.send("values", &claims.iter().map(|claim| claim.value).collect::<Vec<_>>());
    let combined = model.combine(&mut transcript, &claims).unwrap();
    let scheme = opening::<E>(model.layout());
    let (root, _) = commit(&scheme, &combined);
    transcript.send_bytes(COMBINATION, &root);
    model.show_columns(&mut transcript, LEVEL, reservation(&model));
    let own = transcript.into_proof();
    assert_eq!(own, proof[..own.len()]);
}

#[test]
fn honest_openings_are_accepted() {
    honest::<E2>();
    honest::<E3>();
}

#[test]
fn a_stored_tree_serves_as_well() {
    let first = model(1);
    let stored: ColumnTree = postcard::from_bytes(&postcard::to_stdvec(first.tree()).unwrap()).unwrap();
    let loaded = ModelProver::load(first.layout().clone(), &params(1), *first.seed(), stored).unwrap();
    let proof = prove::<E2>(&loaded, &values(1), &Deviation::default());
    check::<E2>(first.layout(), &first.root(), &proof).unwrap();
    let short = ModelProver::load(first.layout().clone(), &params(1), *first.seed(), ColumnTree::new(vec![[0; 32]; 2]));
    assert!(matches!(short, Err(CommitmentError::Count { what: "levels of a model's tree", .. })));
}

#[test]
fn weights_in_the_padding_are_no_part_of_a_claim() {
    let honest = model(1);
    let layout = honest.layout().clone();
    let len = 1usize << layout.log_columns();
    let mut matrix = honest.matrix().to_vec();
    let mut used = vec![false; matrix.len()];
    for placement in layout.placements() {
        let [kernel, outputs, columns] = placement.shape;
        for (plane, position, output) in (0..placement.num_planes * kernel * outputs).map(|i| (i / (kernel * outputs), i / outputs % kernel, i % outputs)) {
            let row = placement.row(plane, position, output >> placement.log_outputs);
            let low = output % (1 << placement.log_outputs);
            let start = row * len + placement.first_column + (low << placement.log_column);
            used[start..start + columns].fill(true);
        }
    }
    let mut state = 9;
    for (cell, _) in matrix.iter_mut().zip(used).filter(|(_, used)| !used) {
        *cell = random(&mut state) as i8;
    }
    assert_ne!(matrix, honest.matrix());
    let hostile = ModelProver::hostile(layout.clone(), matrix, None);
    assert_ne!(hostile.root(), honest.root());
    let proof = prove::<E2>(&hostile, &values(1), &Deviation::default());
    check::<E2>(&layout, &hostile.root(), &proof).unwrap();
}

#[test]
fn misfitting_claims_are_errors() {
    let model = model(1);
    let claim = |param, kernel: usize, point: usize, column| ParamClaim {
        param,
        kernel: vec![E2::ONE; kernel],
        output_point: vec![E2::ONE; point],
        column,
        value: E2::ONE,
    };
    let eq = |vars: usize| Factor::Eq(vec![E2::ONE; vars]);
    for case in [
        claim(4, 9, 3, eq(2)),
        claim(0, 8, 3, eq(2)),
        claim(0, 9, 4, eq(2)),
        claim(0, 9, 3, eq(1)),
        claim(0, 9, 3, Factor::Explicit(vec![E2::ONE; 4])),
    ] {
        let error = model.combine(&mut ProverTranscript::new(DOMAIN), std::slice::from_ref(&case)).err().unwrap();
        assert!(matches!(error, CommitmentError::ParamClaim { claim: 0, .. }), "{error}");
        let mut transcript = VerifierTranscript::new(DOMAIN, &[]);
        let error = verify_combination(model.layout(), &model.root(), &mut transcript, &[case.with_value(Value::zero())]).unwrap_err();
        assert!(matches!(error, CommitmentError::ParamClaim { claim: 0, .. }), "{error}");
    }
}

#[test]
fn bound_outputs_are_sums_over_real_outputs() {
    let model = model(1);
    let mut state = 4;
    for (param, info) in infos().iter().enumerate() {
        let [kernel, outputs, columns] = info.shape;
        let output: Vec<E2> = (0..outputs).map(|_| E2::from_limbs(&[random(&mut state) >> 1, random(&mut state) >> 1])).collect();
        let bound = model.bind_output(param, &output);
        assert_eq!(bound.len(), kernel * columns);
        let values = &values(1)[param];
        for (index, &sum) in bound.iter().enumerate() {
            let (k, c) = (index / columns, index % columns);
            let expected: E2 = (0..outputs).map(|o| output[o] * E2::from_int(values[(k * outputs + o) * columns + c])).sum();
            assert_eq!(sum, expected);
        }
    }
}

#[test]
fn every_term_of_the_error_reaches_the_level() {
    let layout = |level| ModelLayout::new(&infos(), OPENINGS, level).unwrap();
    let level = SecurityLevel::default();
    for term in security_terms::<E2>(&layout(level), level, 7, "model") {
        assert!(term.bits >= 104.0, "{term:?}");
    }
    let level = SecurityLevel { bits: 132, grinding: 12 };
    for term in security_terms::<E3>(&layout(level), level, 7, "model") {
        assert!(term.bits >= 132.0, "{term:?}");
    }
}
