//! Circuits through which many paths lead, and circuits whose proofs would take too long to verify: keys may come from strangers.

#[expect(unreachable_pub, dead_code, reason = "shared with the other tests")]
mod circuits;

use circuits::{Builder, Case};
use veritorch_graph::circuit::{AxisLink, AxisMap, Policy, SeparableMap, TensorId, Term};
use veritorch_prove::{InMemory, Profile, ProveError, ProvingKey, Silent, prove, verify};

fn key(case: &Case) -> Result<ProvingKey, ProveError> {
    ProvingKey::setup(case.circuit.clone(), case.params.clone(), Profile::Standard, &Silent)
}

fn add_flipped(b: &mut Builder, name: &str, x: TensorId) -> TensorId {
    let flip = SeparableMap::along(1, 0, AxisMap::Strided { start: 3, step: -1 });
    let terms = vec![Term::identity(x, 1, 1), Term { x, coefficient: 1, map: flip }];
    b.b.linear(name, &[4], terms, Vec::new()).unwrap()
}

#[test]
fn claims_do_not_double_with_each_layer() {
    let mut b = Builder::new("deep", Policy::default());
    let mut x = b.input(&[4]);
    for layer in 0..40 {
        x = add_flipped(&mut b, &format!("layer{layer}"), x);
    }
    b.b.output("y", x, &[4], vec![1.0]);
    let case = b.finish("deep");
    let key = key(&case).unwrap();
    let proven = prove(&key, &case.inputs, 1, &InMemory::new(1), &Silent).unwrap();
    let _ = verify(&key.vk, &proven.proof).unwrap();
    let mut other = proven.proof;
    other.statement.outputs[0][2] += 1;
    assert!(verify(&key.vk, &other).is_err());
}

#[test]
fn vectors_without_end_are_refused() {
    let mut b = Builder::new("wide", Policy::default());
    let x = b.input(&[4]);
    let rows = 1 << 28;
    let links = vec![AxisLink::Broadcast { output: 0 }, AxisLink::Map { input: 0, output: 1, map: AxisMap::Identity }];
    let repeat = Term { x, coefficient: 1, map: SeparableMap { links } };
    let wide = b.b.linear("wide", &[rows, 4], vec![repeat], Vec::new()).unwrap();
    let links = vec![AxisLink::Sum { input: 0 }, AxisLink::Map { input: 1, output: 0, map: AxisMap::Identity }];
    let y = b.b.linear("y", &[4], vec![Term { x: wide, coefficient: 1, map: SeparableMap { links } }], Vec::new()).unwrap();
    b.b.output("y", y, &[4], vec![1.0]);
    let case = b.finish("wide");
    let error = key(&case).unwrap_err();
    assert!(matches!(error, ProveError::Circuit(_)) && error.to_string().contains("too long to verify"), "{error}");
}
