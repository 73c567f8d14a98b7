//! The builder's ranges, the checker's rules, the printer.

use super::*;
use crate::gadgets::{self, Quotient, Windows, function_table, requantise};

fn policy() -> Policy {
    Policy::default()
}

fn geometry() -> ConvGeometry {
    ConvGeometry { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1], groups: 1 }
}

/// Convolution with bias, rescale, relu, max pool and a dense layer.
fn network() -> Circuit {
    let mut b = CircuitBuilder::new("net", policy());
    let x = gadgets::input(&mut b, "image", &[1, 2, 4, 4], (0, 8), 0.5).unwrap();
    b.set_node("conv");
    let weights: Vec<i64> = (0..9 * 3 * 2).map(|i| i * 37 % 255 - 127).collect();
    let w = b.weight("conv.weight", [9, 3, 2], &weights).unwrap();
    let acc = b.conv("conv:accumulator", x, w, geometry(), [4, 4]).unwrap();
    let bias = b.weight("conv.bias", [1, 1, 3], &[70_000, -4, 0]).unwrap();
    let links = vec![
        AxisLink::Sum { input: 0 },
        AxisLink::Sum { input: 1 },
        AxisLink::Map { input: 2, output: 1, map: AxisMap::Identity },
        AxisLink::Broadcast { output: 0 },
        AxisLink::Broadcast { output: 2 },
        AxisLink::Broadcast { output: 3 },
    ];
    let terms = vec![
        Term { x: acc, coefficient: 1, map: SeparableMap::along(4, 1, AxisMap::Diagonal(vec![3, 5, 1])) },
        Term { x: bias, coefficient: 1, map: SeparableMap { links } },
    ];
    let half = vec![(1 << 15, vec![AxisFactor::Ones; 4])];
    let t = b.linear("conv:scaled", &[1, 3, 4, 4], terms, half).unwrap();
    let relu = function_table(&mut b, "relu to 0..=255", -256, 9, |q| i32::try_from(q.clamp(0, 255)).unwrap());
    let y = requantise(&mut b, "conv", t, 16, Quotient::Function(relu)).unwrap().value;
    b.set_node("pool");
    let windows = Windows { kernel: 2, stride: 2, dilation: 1, pad: 0, output: 2 };
    let y = gadgets::max_pool_axis(&mut b, "pool:columns", y, 3, windows).unwrap();
    let y = gadgets::max_pool_axis(&mut b, "pool", y, 2, windows).unwrap();
    b.set_node("fc");
    let y = b.reshape("flat", y, &[1, 12]).unwrap();
    let w = b.weight("fc.weight", [1, 2, 12], &[1; 24]).unwrap();
    let y = b.dense("logits", y, w).unwrap();
    b.output("logits", y, &[1, 2], vec![0.25, 0.5]);
    b.finish().unwrap()
}

#[test]
fn printed_network() {
    insta::assert_snapshot!(network().to_string());
}

#[test]
fn checked_alone_and_in_a_batch() {
    let circuit = network();
    circuit.check().unwrap();
    circuit.instantiate(3).check().unwrap();
    let decoded: Circuit = postcard::from_bytes(&postcard::to_stdvec(&circuit).unwrap()).unwrap();
    assert_eq!(decoded, circuit);
    assert_eq!(decoded.digest(), circuit.digest());
}

#[test]
fn a_gadget_circuit_needs_every_constraint() {
    let circuit = network();
    for index in 0..circuit.constraints.len() {
        let mut broken = circuit.clone();
        let removed = broken.constraints.remove(index);
        assert!(broken.check().is_err(), "{removed:?}");
    }
}

#[test]
fn ranges_are_worst_case_per_channel() {
    let mut b = CircuitBuilder::new("ranges", policy());
    let x = gadgets::input(&mut b, "x", &[2], (0, 4), 1.0).unwrap();
    let w = b.weight("w", [1, 3, 2], &[1, -1, 2, 3, -4, 0]).unwrap();
    let y = b.dense("y", x, w).unwrap();
    assert_eq!(b.range(y), (-60, 75));
    // 15 * 5 only where the factor is 1: the channel with factor 100 reaches 15.
    let map = SeparableMap::along(1, 0, AxisMap::Diagonal(vec![100, 1, 10]));
    let z = b.linear("z", &[3], vec![Term { x: y, coefficient: 1, map }], Vec::new()).unwrap();
    assert_eq!(b.range(z), (-1500, 1500));
    let total = SeparableMap::along(1, 0, AxisMap::Window { kernel: 3, stride: 1, dilation: 1, pad: 0 });
    let s = b.linear("s", &[1], vec![Term { x: z, coefficient: -1, map: total }], vec![(7, vec![AxisFactor::Ones])]).unwrap();
    assert_eq!(b.range(s), (-1575 + 7, 2100 + 7));
}

#[test]
fn what_can_leave_the_field_is_refused() {
    let mut b = CircuitBuilder::new("overflow", policy());
    b.set_node("scale");
    let x = gadgets::input(&mut b, "x", &[1], (0, 8), 1.0).unwrap();
    let error = b.linear("y", &[1], vec![Term::identity(x, 1 << 60, 1)], Vec::new()).unwrap_err();
    assert!(error.to_string().contains("`y` of node `scale`"), "{error}");
    assert!(b.weight("w", [1, 1, 1], &[1 << 40]).is_err());
    assert!(b.weight("w", [1, 1, 2], &[1]).is_err());
}

#[test]
fn tables_are_stored_once_and_names_are_unique() {
    let mut b = CircuitBuilder::new("tables", policy());
    let x = gadgets::input(&mut b, "x", &[1], (0, 8), 1.0).unwrap();
    let range = |b: &mut CircuitBuilder| b.table(Table::Range { min: 0, log_len: 8 });
    assert_eq!(range(&mut b), range(&mut b));
    let term = || vec![Term::identity(x, 2, 1)];
    let first = b.linear("y", &[1], term(), Vec::new()).unwrap();
    let second = b.linear("y", &[1], term(), Vec::new()).unwrap();
    assert_eq!((b.name(first), b.name(second)), ("y", "y#2"));
}

/// Mutations that a hostile key might carry; each breaks one rule.
#[test]
fn hostile_circuits_are_refused_without_panic() {
    type Change = fn(&mut Circuit);
    fn linear(circuit: &mut Circuit) -> &mut Vec<Term> {
        circuit
            .tensors
            .iter_mut()
            .find_map(|tensor| match &mut tensor.op {
                Op::Linear { terms, .. } => Some(terms),
                _ => None,
            })
            .unwrap()
    }
    fn conv(circuit: &mut Circuit) -> &mut ConvGeometry {
        circuit
            .tensors
            .iter_mut()
            .find_map(|tensor| match &mut tensor.op {
                Op::Conv { geometry, .. } => Some(geometry),
                _ => None,
            })
            .unwrap()
    }
    let changes: Vec<(&str, Change)> = vec![
        ("operand after its result", |c| linear(c)[0].x = TensorId(u32::MAX)),
        ("zero coefficient", |c| linear(c)[0].coefficient = 0),
        ("huge coefficient", |c| linear(c)[0].coefficient = i64::MIN),
        ("axis twice", |c| {
            let links = &mut linear(c)[0].map.links;
            links[0] = links[1].clone();
        }),
        ("axis missing", |c| {
            linear(c)[0].map.links.pop();
        }),
        ("axis out of range", |c| linear(c)[0].map.links[0] = AxisLink::Sum { input: usize::MAX }),
        ("factors for another extent", |c| {
            linear(c)[0].map = SeparableMap::along(4, 1, AxisMap::Diagonal(vec![1]));
        }),
        ("gather out of range", |c| linear(c)[0].map = SeparableMap::along(4, 1, AxisMap::Gather(vec![0, 1, 9]))),
        ("window without end", |c| {
            let window = AxisMap::Window { kernel: usize::MAX, stride: 1, dilation: 1, pad: 0 };
            linear(c)[0].map = SeparableMap::along(4, 1, window);
        }),
        ("still step", |c| linear(c)[0].map = SeparableMap::along(4, 1, AxisMap::Strided { start: 0, step: 0 })),
        ("stride 0", |c| conv(c).strides = [0, 1]),
        ("kernel of another weight", |c| conv(c).kernel = [1, 3]),
        ("groups 0", |c| conv(c).groups = 0),
        ("pads without end", |c| conv(c).pads = [usize::MAX; 2]),
        ("extent 0", |c| c.tensors[0].shape[0] = 0),
        ("shape that overflows", |c| c.tensors[0].shape = vec![1 << 40, 1 << 40]),
        ("empty range", |c| c.tensors[0].min = c.tensors[0].max + 1),
        ("input twice", |c| {
            let tensor = Tensor { name: "again".to_owned(), ..c.tensors[0].clone() };
            c.tensors.push(tensor);
        }),
        ("name twice", |c| c.tensors[1].name = c.tensors[0].name.clone()),
        ("weight that is not there", |c| c.params.clear()),
        ("table that is not there", |c| c.tables.clear()),
        ("table of 2^63 rows", |c| c.tables[0] = Table::Range { min: 0, log_len: 63 }),
        ("table of 3 rows", |c| c.tables[1] = Table::Function { min: 0, values: vec![1, 2, 3], name: String::new() }),
        ("planes", |c| c.params[0].num_planes = 9),
        ("columns", |c| {
            if let Constraint::Lookup { columns, .. } = &mut c.constraints[0] {
                columns.clear();
            }
        }),
        ("weight as a column", |c| {
            let weight = c.tensors.iter().position(|tensor| matches!(tensor.op, Op::Weight { .. })).unwrap();
            if let Constraint::Lookup { columns, .. } = &mut c.constraints[0] {
                columns[0] = TensorId(u32::try_from(weight).unwrap());
            }
        }),
        ("no outputs", |c| c.outputs.clear()),
        ("port shape", |c| c.outputs[0].shape = vec![3]),
        ("port scale", |c| c.outputs[0].scale = vec![f64::NAN]),
        ("port scales", |c| c.outputs[0].scale = vec![1.0; 5]),
        ("port tensor", |c| c.inputs[0].tensor = TensorId(3)),
        ("batch that is not there", |c| c.batch = 2),
        ("another shift", |c| {
            for tensor in &mut c.tensors {
                if let Op::FloorShift { shift, .. } = &mut tensor.op {
                    *shift = 15;
                }
            }
        }),
        ("another table for the value", |c| {
            let table = c.tables.len();
            c.tables.push(Table::Function { min: 0, values: vec![0; 2], name: String::new() });
            for tensor in &mut c.tensors {
                if let Op::Lookup { table: own, .. } = &mut tensor.op {
                    *own = TableId(u32::try_from(table).unwrap());
                }
            }
        }),
        ("input range wider than its check", |c| c.tensors[0].max = 10),
    ];
    for (what, change) in changes {
        let mut circuit = network();
        change(&mut circuit);
        let error = circuit.check().expect_err(what);
        assert!(!error.to_string().is_empty());
    }
}

mod bytes {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever decodes is checked without panic.
        #[test]
        fn changed_bytes_never_panic(changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
            let mut bytes = postcard::to_stdvec(&network()).unwrap();
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            if let Ok(circuit) = postcard::from_bytes::<Circuit>(&bytes) {
                let _ = circuit.check();
            }
        }
    }
}
