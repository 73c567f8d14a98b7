//! False relations, and what is bent to them.

use veritorch_sumcheck::products::PadLayout;
use veritorch_sumcheck::transcript::{Hidden, Masking};

use super::*;

#[test]
fn a_false_claim_or_check_is_refused_whichever_it_is() {
    let setting = Setting::<E2>::new(1);
    let committed = commit(&setting, 1);
    for relation in 0..NUM_CLAIMS + NUM_CHECKS {
        let deviation = Deviation { constants: vec![(relation, E2::ONE)], ..Deviation::default() };
        assert_eq!(refused(&setting, &committed, &deviation), EQUATION, "relation {relation}");
    }
    // One false relation makes up for another: claims on one tensor, on two, on two stacks, a claim and a check.
    for (one, other) in [(0, 3), (0, 1), (1, 4), (4, 5), (0, NUM_CLAIMS), (NUM_CLAIMS, NUM_CLAIMS + 1)] {
        for sign in [E2::ONE, -E2::ONE] {
            let deviation = Deviation { constants: vec![(one, E2::TWO), (other, sign * E2::TWO)], ..Deviation::default() };
            assert_eq!(refused(&setting, &committed, &deviation), EQUATION, "relations {one} and {other}");
        }
    }
}

#[test]
fn masks_do_not_make_up_for_a_false_claim() {
    let setting = Setting::<E2>::new(1);
    let committed = commit(&setting, 1);
    for constants in [vec![], vec![(0, E2::ONE)]] {
        for deviation in [
            Deviation { mask_sum: E2::ONE, constants: constants.clone(), ..Deviation::default() },
            Deviation { mask_sum: -E2::ONE, constants: constants.clone(), ..Deviation::default() },
            Deviation { proximity: E2::ONE, constants: constants.clone(), ..Deviation::default() },
            Deviation { mask_sum: E2::ONE, proximity: E2::TWO, constants, ..Deviation::default() },
        ] {
            assert_eq!(refused(&setting, &committed, &deviation), EQUATION);
        }
    }
}

#[test]
fn a_combined_row_that_is_bent_to_the_claim_is_refused() {
    let setting = Setting::<E3>::new(1);
    let committed = commit(&setting, 1);
    for relation in 0..NUM_CLAIMS + NUM_CHECKS {
        let deviation = Deviation { constants: vec![(relation, E3::ONE)], bend: true, ..Deviation::default() };
        assert_eq!(refused(&setting, &committed, &deviation), EQUATION);
    }
    for deviation in [Deviation { mask_sum: E3::ONE, bend: true, ..Deviation::default() }, Deviation { proximity: E3::ONE, bend: true, ..Deviation::default() }] {
        assert_eq!(refused(&setting, &committed, &deviation), EQUATION);
    }
}

#[test]
fn a_tail_that_is_not_the_combination_is_refused() {
    let setting = Setting::<E2>::new(1);
    let committed = commit(&setting, 1);
    for index in [0, setting.opening.code.tail - 1] {
        assert_eq!(refused(&setting, &committed, &Deviation { tail: Some((index, E2::ONE)), ..Deviation::default() }), EQUATION);
    }
    // The tail could make every column fit if the columns were known before it is sent.
    let deviation = Deviation { constants: vec![(0, E2::ONE)], bend_tail: true, ..Deviation::default() };
    assert_eq!(refused(&setting, &committed, &deviation), EQUATION);
}

#[test]
fn relations_that_are_changed_dropped_or_moved_are_refused() {
    let setting = Setting::<E2>::new(1);
    let proof = prove(&setting, &commit(&setting, 1), &Deviation::default());
    let changes: [Change<'_, E2>; 8] = [
        &|_, relations| drop(relations.claims.pop()),
        &|_, relations| drop(relations.claims.remove(0)),
        &|_, relations| drop(relations.checks.pop()),
        &|_, relations| relations.claims.swap(0, 3),
        &|_, relations| relations.checks.swap(0, 1),
        &|_, relations| relations.claims[0].terms[0].1.factors[0].1 = Factor::Eq(vec![E2::ONE; 2]),
        &|_, relations| {
            let terms = relations.claims[5].terms.drain(..1).collect();
            relations.claims[5].terms = terms;
        },
        // A pad in the place of another.
        &|_, relations| {
            let value = &relations.claims[4].value;
            let moved = value.hidden().iter().map(|&(_, coefficient)| (Hidden::Pad(3), coefficient));
            relations.claims[4].value = Value::linear(value.constant(), moved.collect::<Vec<_>>());
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert!(check(&setting, &proof, change).is_err(), "change {index}");
    }
}

#[test]
fn pads_that_lie_elsewhere_are_refused() {
    let setting = Setting::<E2>::new(1);
    let proof = prove(&setting, &commit(&setting, 1), &Deviation::default());
    let error = |change: Change<'_, E2>| check(&setting, &proof, change).unwrap_err();
    // No tensor of pads, no such tensor, one of another shape, fewer pads than are spoken of.
    for change in [
        &(|_: &mut Vec<Root>, relations: &mut Relations<E2>| relations.pads = None) as Change<'_, E2>,
        &|_, relations| relations.pads.as_mut().unwrap().0 = 9,
        &|_, relations| relations.pads.as_mut().unwrap().0 = 0,
        &|_, relations| relations.pads.as_mut().unwrap().1 = PadLayout::new(Masking { num_pads: 2, products: Vec::new() }),
    ] {
        assert_eq!(error(change), CommitmentError::Pad);
    }
    // As many elements in another order.
    let other = PadLayout::new(Masking { num_pads: 3, products: vec![(0, 0), (0, 1), (1, 1)] });
    assert_eq!(other.len(), setting.pads.1.len());
    assert_eq!(error(&|_, relations| relations.pads.as_mut().unwrap().1 = other.clone()).to_string(), EQUATION);
}
