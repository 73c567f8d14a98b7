//! Rows against whole passes, on an attention of one head, and circuits that mix positions in other ways.

use veritorch_graph::circuit::{AxisFactor, AxisLink, AxisMap, Circuit, CircuitBuilder, Policy, SeparableMap, TensorId, Term};
use veritorch_graph::gadgets::{Mask, attention, input};

use super::{Decoder, Feed};
use crate::{ExecuteError, Params, run};

const S: usize = 7;
const D: usize = 4;

fn builder() -> (CircuitBuilder, TensorId) {
    let mut b = CircuitBuilder::new("rows", Policy::default());
    let x = input(&mut b, "x", &[S, D], (-32, 6), 1.0).unwrap();
    (b, x)
}

fn finish(mut b: CircuitBuilder, y: TensorId) -> Circuit {
    let shape = b.shape(y).to_vec();
    b.output("y", y, &shape, vec![1.0]);
    b.finish().unwrap()
}

/// Values for every position, with factors of the position on the way.
fn attends(mask: Option<&Mask>) -> Circuit {
    let (mut b, x) = builder();
    let factors = Term {
        map: SeparableMap {
            links: vec![
                AxisLink::Map { input: 0, output: 0, map: AxisMap::Diagonal((1..=S as i64).collect()) },
                AxisLink::Map { input: 1, output: 1, map: AxisMap::Identity },
            ],
        },
        ..Term::identity(x, 1, 2)
    };
    let position = (3, vec![AxisFactor::Values((0..S as i64).rev().collect()), AxisFactor::Interval { start: 1, end: 3 }]);
    let late = (5, vec![AxisFactor::Interval { start: 4, end: S }, AxisFactor::Ones]);
    let values = b.linear("values", &[S, D], vec![factors], vec![position, late]).unwrap();
    let transposed = SeparableMap {
        links: (0..2).map(|axis| AxisLink::Map { input: axis, output: 1 - axis, map: AxisMap::Identity }).collect(),
    };
    let keys = b.linear("keys", &[D, S], vec![Term { x, coefficient: 1, map: transposed }], Vec::new()).unwrap();
    let scores = b.matmul("scores", x, keys).unwrap();
    let attended = attention(&mut b, "attention", scores, values, mask, |d| (d as f64 / 200.0).exp()).unwrap();
    finish(b, attended.value)
}

fn ids(seed: i64) -> Vec<i64> {
    (0..(S * D) as i64).map(|i| (i * 37 + seed * 11) % 64 - 32).collect()
}

fn decoder<'a>(circuit: &Circuit, params: &'a Params) -> Option<Decoder<'a>> {
    Decoder::new(circuit, params, &[Feed::Rows(0)]).unwrap()
}

#[test]
fn rows_are_those_of_a_whole_pass() {
    let circuit = attends(Some(&Mask::causal(S, S)));
    let params = Params::from_values(&[], &[]).unwrap();
    for prefill in 1..=S {
        let x = ids(prefill as i64);
        let whole = run(&circuit.instantiate(1), &params, std::slice::from_ref(&x)).unwrap();
        let mut decoder = decoder(&circuit, &params).unwrap();
        let mut rows = decoder.extend(prefill, &[x[..prefill * D].to_vec()]).unwrap().remove(0);
        for position in prefill..S {
            rows.extend(decoder.extend(1, &[x[position * D..(position + 1) * D].to_vec()]).unwrap().remove(0));
        }
        assert_eq!(rows, whole[0], "prefill of {prefill}");
        assert!(matches!(decoder.extend(1, &[vec![0; D]]), Err(ExecuteError::SequenceLength { expected: S, .. })));
    }
}

#[test]
fn a_refused_row_leaves_the_decoder_where_it_was() {
    let circuit = attends(Some(&Mask::causal(S, S)));
    let params = Params::from_values(&[], &[]).unwrap();
    let x = ids(1);
    let mut decoder = decoder(&circuit, &params).unwrap();
    let first = decoder.extend(3, &[x[..3 * D].to_vec()]).unwrap();
    assert!(matches!(decoder.extend(1, &[vec![32; D]]), Err(ExecuteError::Refused { .. })));
    assert!(matches!(decoder.extend(1, &[vec![0; D + 1]]), Err(ExecuteError::InputLength { expected: D, .. })));
    let rest = decoder.extend(S - 3, &[x[3 * D..].to_vec()]).unwrap();
    let whole = run(&circuit.instantiate(1), &params, &[x]).unwrap();
    assert_eq!([first[0].as_slice(), &rest[0]].concat(), whole[0]);
}

#[test]
fn a_position_that_sees_later_ones_is_refused() {
    let params = Params::from_values(&[], &[]).unwrap();
    let backwards = Mask::new(S, (0..S * S).map(|at| at % S >= at / S).collect());
    for mask in [None, Some(&backwards)] {
        let circuit = attends(mask);
        let mut decoder = decoder(&circuit, &params).unwrap();
        let error = decoder.extend(2, &[ids(1)[..2 * D].to_vec()]).unwrap_err();
        assert!(matches!(error, ExecuteError::NotCausal { .. }), "{error}");
    }
}

#[test]
fn positions_mixed_in_other_ways_have_no_plan() {
    let params = Params::from_values(&[], &[]).unwrap();
    let sum = {
        let (mut b, x) = builder();
        let term = Term { x, coefficient: 1, map: SeparableMap::across(2, &[0]) };
        let y = b.linear("sum", &[1, D], vec![term], Vec::new()).unwrap();
        finish(b, y)
    };
    let shift = {
        let (mut b, x) = builder();
        let map = SeparableMap::along(2, 0, AxisMap::Strided { start: -1, step: 1 });
        let y = b.linear("shift", &[S, D], vec![Term { x, coefficient: 1, map }], Vec::new()).unwrap();
        finish(b, y)
    };
    let merged = {
        let (mut b, x) = builder();
        let y = b.reshape("merged", x, &[S * D]).unwrap();
        finish(b, y)
    };
    let gram = {
        let (mut b, x) = builder();
        let transposed = b.reshape("other", x, &[D, S]).unwrap();
        let y = b.matmul("gram", transposed, x).unwrap();
        finish(b, y)
    };
    for circuit in [sum, shift, merged, gram] {
        assert!(decoder(&circuit, &params).is_none());
    }
}
