//! Segments compute what the circuit computes; cuts that would free a hint are refused.

use std::collections::BTreeSet;

use super::*;
use crate::circuit::{AxisFactor, Term};
use crate::gadgets::{self, Quotient, requantise, signed_range};

/// Three dense layers with a skip connection over the second, a public input's constant and an output from the first.
fn network(policy: Policy) -> Circuit {
    let mut b = CircuitBuilder::new("net", policy);
    let x = gadgets::input(&mut b, "x", &[4, 8], (-128, 8), 1.0).unwrap();
    let layer = |b: &mut CircuitBuilder, name: &str, x: TensorId| {
        b.set_node(name);
        let w = b.weight(&format!("{name}.weight"), [1, 8, 8], &(0..64).map(|i| i * 29 % 200 - 100).collect::<Vec<_>>()).unwrap();
        let acc = b.dense(&format!("{name}:accumulator"), x, w).unwrap();
        requantise(b, name, acc, 12, signed_range()).unwrap().value
    };
    let first = layer(&mut b, "first", x);
    let second = layer(&mut b, "second", first);
    b.set_node("sum");
    let ones = b.linear("ones", &[4, 8], vec![], vec![(1, vec![AxisFactor::Ones; 2])]).unwrap();
    let terms = vec![Term::identity(first, 1, 2), Term::identity(second, 1, 2), Term::identity(ones, 5, 2)];
    let sum = b.linear("sum", &[4, 8], terms, vec![]).unwrap();
    let third = layer(&mut b, "third", sum);
    b.set_node("end");
    let terms = vec![Term::identity(third, 1, 2), Term::identity(ones, 1, 2)];
    let y = b.linear("y", &[4, 8], terms, vec![]).unwrap();
    b.output("early", first, &[4, 8], vec![1.0]);
    b.output("y", y, &[4, 8], vec![1.0]);
    b.finish().unwrap()
}

fn position(circuit: &Circuit, name: &str) -> u32 {
    circuit.tensors.iter().position(|tensor| tensor.name == name).unwrap() as u32
}

#[test]
fn a_cut_between_layers_gives_two_circuits() {
    for input in [Visibility::Private, Visibility::Public, Visibility::Committed] {
        let policy = Policy { input, ..Policy::default() };
        let circuit = network(policy);
        let cuts = [position(&circuit, "second.weight"), position(&circuit, "third.weight")];
        let segments = circuit.segments(&cuts).unwrap();
        assert_eq!(segments.len(), 3);
        assert_eq!(segments.iter().map(|segment| segment.params.clone()).collect::<Vec<_>>(), [[0], [1], [2]]);
        assert_eq!(segments[0].circuit.inputs[0].name, "x");
        assert_eq!(segments[0].circuit.policy, Policy { output: Visibility::Committed, ..policy });
        assert_eq!(segments[1].circuit.policy, Policy { input: Visibility::Committed, output: Visibility::Committed, ..policy });
        assert_eq!(segments[2].circuit.policy, Policy { input: Visibility::Committed, ..policy });
        let first = Import { segment: 0, output: 0 };
        assert_eq!(segments[1].imports, [first]);
        // The early output is carried to the last segment.
        assert_eq!(segments[2].imports, [first, Import { segment: 1, output: 0 }]);
        assert_eq!(Segment::readers(&segments, 0), [2]);
        let names: Vec<&str> = segments[2].circuit.outputs.iter().map(|port| port.name.as_str()).collect();
        assert_eq!(names, ["early", "y"]);
        // Nothing is lost: each tensor of the circuit stands in one segment under its name, but for the constant that two read.
        for tensor in &circuit.tensors {
            let own = segments.iter().flat_map(|segment| &segment.circuit.tensors);
            let count = own.filter(|other| other.name == tensor.name && other.op.name() == tensor.op.name()).count();
            assert_eq!(count, if tensor.name == "ones" { 2 } else { 1 }, "{}", tensor.name);
        }
        let own = |segment: &Segment| segment.circuit.constraints.len();
        let imports = [0, 1, 2];
        assert_eq!(segments.iter().zip(imports).map(|(segment, checks)| own(segment) - checks).sum::<usize>(), circuit.constraints.len());
    }
}

#[test]
fn no_cuts_leave_the_circuit() {
    let circuit = network(Policy::default());
    let [segment] = circuit.segments(&[]).unwrap().try_into().unwrap();
    assert_eq!(segment, Segment { params: vec![0, 1, 2], imports: Vec::new(), circuit });
}

#[test]
fn every_cut_gives_checked_segments_or_is_refused() {
    let circuit = network(Policy::default());
    let mut possible = BTreeSet::new();
    for cut in 1..circuit.tensors.len() as u32 {
        if circuit.segments(&[cut]).is_ok() {
            possible.insert(cut);
        }
    }
    assert!(possible.contains(&position(&circuit, "second.weight")));
    // Between a quotient and its remainder nothing would pin the quotient.
    let quotient = circuit.tensors.iter().position(|tensor| matches!(tensor.op, Op::FloorShift { .. })).unwrap() as u32;
    assert!(!possible.contains(&(quotient + 1)));
    for cuts in [&[0][..], &[3, 3], &[4, 3], &[circuit.tensors.len() as u32]] {
        assert!(circuit.segments(cuts).is_err(), "{cuts:?}");
    }
}

#[test]
fn weights_are_not_shared() {
    let mut b = CircuitBuilder::new("net", Policy::default());
    let x = gadgets::input(&mut b, "x", &[4, 8], (-128, 8), 1.0).unwrap();
    let w = b.weight("w", [1, 8, 8], &[1; 64]).unwrap();
    let mut y = x;
    for name in ["a", "b"] {
        let acc = b.dense(&format!("{name}:accumulator"), y, w).unwrap();
        y = requantise(&mut b, name, acc, 3, Quotient::Range { min: -(1 << 15), log_len: 16 }).unwrap().value;
    }
    b.output("y", y, &[4, 8], vec![1.0]);
    let circuit = b.finish().unwrap();
    let error = circuit.segments(&[position(&circuit, "b:accumulator")]).unwrap_err();
    assert!(error.to_string().contains("weight `w` has users in several segments"), "{error}");
}

#[test]
fn cuts_fit_the_budget() {
    let circuit = network(Policy::default());
    let estimate = |demand: Demand| demand.cells + demand.entries + demand.weights;
    assert_eq!(choose_cuts(&circuit, 10_000, estimate).unwrap(), [] as [u32; 0]);
    let whole = estimate(demands(&circuit, &[]).unwrap()[0]);
    let cuts = choose_cuts(&circuit, whole / 2, estimate).unwrap();
    assert!(!cuts.is_empty());
    assert!(demands(&circuit, &cuts).unwrap().into_iter().all(|demand| estimate(demand) <= whole / 2));
    let error = choose_cuts(&circuit, 20, estimate).unwrap_err();
    assert!(error.to_string().contains("takes about"), "{error}");
}
