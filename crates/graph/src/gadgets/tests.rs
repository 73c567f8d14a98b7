//! Uniqueness by brute force: for field values of the operand, honest or not, every assignment of the hints that
//! satisfies the constraints is found, and there is exactly one (or none, where the gadget refuses).

mod fixed_point;

use super::*;
use crate::circuit::{
    AxisFactor, AxisLink, AxisMap, Circuit, CircuitBuilder, Constraint, Op, Policy, SeparableMap, Table, TensorId, Term,
    Visibility,
};

mod paths;

const P: u64 = 0xffff_ffff_0000_0001;

fn to_field(v: i64) -> u64 {
    if v < 0 { P - v.unsigned_abs() } else { v.unsigned_abs() }
}

fn from_field(v: u64) -> i64 {
    if v > P / 2 { -i64::try_from(P - v).unwrap() } else { i64::try_from(v).unwrap() }
}

fn add(a: u64, b: u64) -> u64 {
    u64::try_from((u128::from(a) + u128::from(b)) % u128::from(P)).unwrap()
}

fn mul(a: u64, b: u64) -> u64 {
    u64::try_from(u128::from(a) * u128::from(b) % u128::from(P)).unwrap()
}

fn power(base: u64, exponent: u64) -> u64 {
    (0..64).rev().fold(1, |acc, bit| {
        let square = mul(acc, acc);
        if exponent >> bit & 1 == 1 { mul(square, base) } else { square }
    })
}

/// All matrices of a map, as one sparse list `(output offset, input offset, factor)`.
fn entries(map: &SeparableMap, input: &[usize], output: &[usize]) -> Vec<(usize, usize, i64)> {
    let stride = |shape: &[usize], axis: usize| shape[axis + 1..].iter().product::<usize>();
    let mut all = vec![(0, 0, 1)];
    for link in &map.links {
        let part: Vec<(usize, usize, i64)> = match link {
            AxisLink::Map { input: i, output: o, map } => map
                .entries(input[*i], output[*o])
                .into_iter()
                .map(|(to, from, m)| (to * stride(output, *o), from * stride(input, *i), m))
                .collect(),
            AxisLink::Broadcast { output: o } => (0..output[*o]).map(|j| (j * stride(output, *o), 0, 1)).collect(),
            AxisLink::Sum { input: i } => (0..input[*i]).map(|j| (0, j * stride(input, *i), 1)).collect(),
        };
        all = all
            .iter()
            .flat_map(|&(to, from, m)| part.iter().map(move |&(t, f, n)| (to + t, from + f, m * n)))
            .collect();
    }
    all
}

fn unravel(mut index: usize, shape: &[usize]) -> Vec<usize> {
    let mut out = vec![0; shape.len()];
    for (slot, extent) in out.iter_mut().zip(shape).rev() {
        *slot = index % extent;
        index /= extent;
    }
    out
}

/// A virtual tensor over the field.
fn virtual_tensor(circuit: &Circuit, index: usize, values: &[Vec<u64>]) -> Vec<u64> {
    let tensor = &circuit.tensors[index];
    match &tensor.op {
        Op::Linear { terms, constant } => {
            let mut y = vec![0; tensor.len()];
            for term in terms {
                let x = circuit.tensor(term.x);
                for (to, from, m) in entries(&term.map, &x.shape, &tensor.shape) {
                    let factor = mul(to_field(m), to_field(term.coefficient));
                    y[to] = add(y[to], mul(factor, values[term.x.index()][from]));
                }
            }
            for (value, factors) in constant {
                for (at, y) in y.iter_mut().enumerate() {
                    let index = unravel(at, &tensor.shape);
                    let factor: i64 = factors.iter().zip(&index).map(|(factor, &j)| factor.at(j)).product();
                    *y = add(*y, to_field(value * factor));
                }
            }
            y
        }
        Op::Mul { a, b } => {
            values[a.index()].iter().zip(&values[b.index()]).map(|(&a, &b)| mul(a, b)).collect()
        }
        Op::Reshape { x } => values[x.index()].clone(),
        Op::MatMul { a, b } => {
            let (a_shape, b_shape) = (&circuit.tensor(*a).shape, &circuit.tensor(*b).shape);
            let (inner, columns) = (*a_shape.last().unwrap(), *b_shape.last().unwrap());
            let rows = a_shape[a_shape.len() - 2];
            (0..tensor.len())
                .map(|at| {
                    let (lead, row, column) = (at / columns / rows, at / columns % rows, at % columns);
                    (0..inner).fold(0, |sum, k| {
                        let left = values[a.index()][(lead * rows + row) * inner + k];
                        add(sum, mul(left, values[b.index()][(lead * inner + k) * columns + column]))
                    })
                })
                .collect()
        }
        Op::Noise { seed, table } => {
            let Table::Function { values: rows, .. } = &circuit.tables[table.index()] else { panic!("no function") };
            let seed: Vec<i64> = values[seed.index()].iter().map(|&word| from_field(word)).collect();
            crate::circuit::noise::noise(&seed, rows, tensor.len()).map(to_field).collect()
        }
        op => panic!("{} is not virtual or not used by gadgets", op.name()),
    }
}

/// Every admissible assignment of all tensors, at most `limit`.
fn solutions(circuit: &Circuit, inputs: &[Vec<u64>], limit: usize) -> Vec<Vec<Vec<u64>>> {
    let mut found = Vec::new();
    search(circuit, inputs, &mut Vec::new(), &mut found, limit);
    found
}

fn search(circuit: &Circuit, inputs: &[Vec<u64>], values: &mut Vec<Vec<u64>>, found: &mut Vec<Vec<Vec<u64>>>, limit: usize) {
    let index = values.len();
    if found.len() >= limit {
        return;
    }
    let Some(tensor) = circuit.tensors.get(index) else {
        found.push(values.clone());
        return;
    };
    match tensor.op {
        Op::Input { index } => descend(circuit, inputs, values, inputs[index].clone(), found, limit),
        // Weights stand behind the inputs.
        Op::Weight { param } => {
            descend(circuit, inputs, values, inputs[circuit.inputs.len() + param].clone(), found, limit);
        }
        _ if tensor.op.is_hint() => {
            let choices: Vec<Vec<u64>> = (0..tensor.len()).map(|entry| candidates(circuit, index, entry, values)).collect();
            let mut pick = vec![0; choices.len()];
            if choices.iter().any(Vec::is_empty) {
                return;
            }
            loop {
                let value = choices.iter().zip(&pick).map(|(choices, &at)| choices[at]).collect();
                descend(circuit, inputs, values, value, found, limit);
                let Some(next) = (0..pick.len()).rev().find(|&k| pick[k] + 1 < choices[k].len()) else { return };
                pick[next] += 1;
                pick[next + 1..].fill(0);
            }
        }
        _ => {
            let value = virtual_tensor(circuit, index, values);
            descend(circuit, inputs, values, value, found, limit);
        }
    }
}

fn descend(
    circuit: &Circuit,
    inputs: &[Vec<u64>],
    values: &mut Vec<Vec<u64>>,
    value: Vec<u64>,
    found: &mut Vec<Vec<Vec<u64>>>,
    limit: usize,
) {
    values.push(value);
    let holds = circuit.constraints.iter().all(|constraint| match constraint {
        Constraint::Lookup { table, columns } => {
            let last = columns.iter().map(|column| column.index()).max().unwrap();
            last + 1 != values.len()
                || (0..values[last].len()).all(|entry| {
                    let row: Vec<u64> = columns.iter().map(|column| values[column.index()][entry]).collect();
                    is_row(&circuit.tables[table.index()], &row, values)
                })
        }
        Constraint::Zero { tensor } => {
            tensor.index() + 1 != values.len() || values[tensor.index()].iter().all(|&v| v == 0)
        }
    });
    if holds {
        search(circuit, inputs, values, found, limit);
    }
    values.pop();
}

fn is_row(table: &Table, row: &[u64], values: &[Vec<u64>]) -> bool {
    let Some(at) = table.row(from_field(row[0])) else { return false };
    match table {
        Table::Range { .. } => true,
        Table::Function { values, .. } => row[1] == to_field(values[at].into()),
        Table::Tensor { tensor, .. } => row[1] == values[tensor.index()][at],
    }
}



/// A superset of the values that a hint's entry can take under the constraints.
fn candidates(circuit: &Circuit, index: usize, entry: usize, values: &[Vec<u64>]) -> Vec<u64> {
    let id = TensorId(u32::try_from(index).unwrap());
    let in_tables = |v: u64| {
        circuit.constraints.iter().all(|constraint| match constraint {
            Constraint::Lookup { table, columns } if columns[0] == id => {
                circuit.tables[table.index()].row(from_field(v)).is_some()
            }
            _ => true,
        })
    };
    let table_values = circuit.constraints.iter().find_map(|constraint| match constraint {
        Constraint::Lookup { table, columns } if columns.contains(&id) => Some((table.index(), columns[0] == id)),
        _ => None,
    });
    let mut all: Vec<u64> = match circuit.tensors[index].op {
        // The remainder lies in [0, 2^s): these are all quotients for which it does.
        Op::FloorShift { x, shift } => {
            let inverse = power(to_field(1 << shift), P - 2);
            let x = values[x.index()][entry];
            (0..1u64 << shift).map(|rem| mul(add(x, P - rem), inverse)).collect()
        }
        // What the differences to the line's first entry can be.
        Op::Largest { x, .. } => {
            let first = values[x.index()][entry * circuit.tensor(x).shape.last().unwrap()];
            (-64..64).map(|difference| add(first, to_field(difference))).collect()
        }
        _ => match table_values {
            Some((table, true)) => {
                let table = &circuit.tables[table];
                (table.min()..=table.max()).map(to_field).collect()
            }
            Some((table, false)) => match &circuit.tables[table] {
                Table::Function { values, .. } => values.iter().map(|&v| to_field(v.into())).collect(),
                Table::Range { .. } => Vec::new(),
                Table::Tensor { tensor, .. } => values[tensor.index()].clone(),
            },
            None => panic!("`{}` stands in no lookup", circuit.tensors[index].name),
        },
    };
    all.retain(|&v| in_tables(v));
    all.sort_unstable();
    all.dedup();
    all
}

fn builder(input: Visibility) -> CircuitBuilder {
    CircuitBuilder::new("test", Policy { input, ..Policy::default() })
}

/// Input of this shape that any field value may enter: hostile weights in front could produce it.
fn free(builder: &mut CircuitBuilder, shape: &[usize], log_range: u32) -> TensorId {
    input(builder, "x", shape, (-(1 << log_range), log_range + 1), 1.0).unwrap()
}

fn finish(mut builder: CircuitBuilder, y: TensorId) -> Circuit {
    let shape = builder.shape(y).to_vec();
    builder.output("y", y, &shape, vec![1.0]);
    let circuit = builder.finish().unwrap();
    every_constraint_is_needed(&circuit);
    circuit
}

/// The checker refuses the circuit without any one of its constraints, and with any remainder's range doubled.
fn every_constraint_is_needed(circuit: &Circuit) {
    for index in 0..circuit.constraints.len() {
        let mut broken = circuit.clone();
        broken.constraints.remove(index);
        assert!(broken.check().is_err(), "constraint {index} is not needed:\n{circuit}");
    }
}

/// The result for an input, if it is unique; panics if there are two.
fn unique(circuit: &Circuit, inputs: &[u64]) -> Option<Vec<i64>> {
    let all = solutions(circuit, &[inputs.to_vec()], 2);
    assert!(all.len() < 2, "two assignments for {inputs:?}: {all:?}");
    let y = circuit.outputs[0].tensor.index();
    all.first().map(|values| values[y].iter().map(|&v| from_field(v)).collect())
}

/// Field values that a hostile owner might aim for: around fractions of p.
fn hostile() -> impl Iterator<Item = u64> {
    let anchors = (1..16).flat_map(|k| [P / 16 * k, P / k, (P / k).wrapping_sub(1 << 20) % P]);
    anchors.flat_map(|anchor| (0..40).map(move |d| (anchor + d) % P))
}

#[test]
fn requantise_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1], 6);
    let table = function_table(&mut b, "relu", -8, 4, |q| i32::try_from(q.max(0)).unwrap());
    let y = requantise(&mut b, "y", x, 3, Quotient::Function(table)).unwrap();
    let circuit = finish(b, y.value);
    for v in -200..200i64 {
        let expected = (-64..64).contains(&v).then(|| vec![(v >> 3).max(0)]);
        assert_eq!(unique(&circuit, &[to_field(v)]), expected, "at {v}");
    }
    for v in hostile() {
        let inside = (-64..64).contains(&from_field(v));
        assert_eq!(unique(&circuit, &[v]).is_some(), inside, "at {v}");
    }
}

#[test]
fn requantise_by_two_limbs_is_unique() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1], 18);
    let y = requantise(&mut b, "y", x, 17, Quotient::Range { min: -2, log_len: 2 }).unwrap();
    let circuit = finish(b, y.value);
    for v in [-(1 << 18), -(1 << 17) - 1, -1, 0, 1, (1 << 17) - 1, 1 << 17, (1 << 18) - 1] {
        assert_eq!(unique(&circuit, &[to_field(v)]), Some(vec![v >> 17]), "at {v}");
    }
    for v in [1 << 18, -(1 << 18) - 1] {
        assert_eq!(unique(&circuit, &[to_field(v)]), None, "at {v}");
    }
    assert_eq!(unique(&circuit, &[P / 3]), None);
}

#[test]
fn maximum_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[2], 2);
    let y = reduce_max(&mut b, "y", x, 0).unwrap();
    let circuit = finish(b, y);
    for p in -4..4i64 {
        for q in -4..4 {
            assert_eq!(unique(&circuit, &[to_field(p), to_field(q)]), Some(vec![p.max(q)]));
        }
    }
    for v in hostile() {
        // The relation holds over the field: the difference is a key, or there is no assignment.
        let b = add(v, 3);
        assert_eq!(unique(&circuit, &[v, b]), Some(vec![from_field(b)]));
        assert_eq!(unique(&circuit, &[v, add(v, 100)]), None);
    }
}

#[test]
fn wide_maximum_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[2], 16);
    let y = reduce_max(&mut b, "y", x, 0).unwrap();
    let circuit = finish(b, y);
    for (p, q) in [(-65536, 65535), (65535, -65536), (7, 7), (0, 1), (1, 0)] {
        assert_eq!(unique(&circuit, &[to_field(p), to_field(q)]), Some(vec![p.max(q)]));
    }
    assert_eq!(unique(&circuit, &[P / 2, 0]), None);
}

#[test]
fn windows_never_take_padding() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1, 5], 3);
    let windows = Windows { kernel: 3, stride: 2, dilation: 1, pad: 1, output: 3 };
    let y = max_pool_axis(&mut b, "y", x, 1, windows).unwrap();
    let circuit = finish(b, y);
    let v = [-5, -7, -8, -2, -6].map(to_field);
    assert_eq!(unique(&circuit, &v), Some(vec![-5, -2, -2]));
}

#[test]
fn argmax_breaks_ties_by_rule() {
    for select_last in [false, true] {
        let mut b = builder(Visibility::Public);
        let x = free(&mut b, &[3], 1);
        let y = argmax(&mut b, "y", x, 0, select_last).unwrap();
        let circuit = finish(b, y);
        for code in 0..64i64 {
            let v = [code % 4 - 2, code / 4 % 4 - 2, code / 16 - 2];
            let max = v.iter().max().unwrap();
            let expected = if select_last { v.iter().rposition(|x| x == max) } else { v.iter().position(|x| x == max) };
            let expected = i64::try_from(expected.unwrap()).unwrap();
            assert_eq!(unique(&circuit, &v.map(to_field)), Some(vec![expected]), "{v:?}");
        }
    }
}

/// `(circuit, expected index)` for scores of `[-2, 2)`.
fn draws(n: usize, temperature: f64, top_k: Option<usize>) -> (Circuit, impl Fn(&[i64], &[i64]) -> i64) {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[n], 1);
    let seed = input(&mut b, "seed", &[2], (0, 16), 1.0).unwrap();
    let y = sample(&mut b, "y", x, seed, Draw { label: "noise", temperature, top_k }).unwrap();
    let circuit = finish(b, y);
    let rows: Vec<i32> = (0..1 << 13).map(|row| (8.0 * temperature * gumbel(row, 13)).round() as i32).collect();
    let expected = move |x: &[i64], seed: &[i64]| {
        let noise: Vec<i64> = crate::circuit::noise::noise(seed, &rows, n).collect();
        let mut sorted = x.to_vec();
        sorted.sort_unstable_by_key(|&x| -x);
        let threshold = top_k.map_or(i64::MIN, |k| sorted[k - 1]);
        let above = |x: i64| i64::from(top_k.is_some_and(|k| k < n) && x > threshold);
        let best = (0..n).filter(|&i| x[i] >= threshold).max_by_key(|&i| (8 * x[i] + above(x[i]) + noise[i], n - i));
        i64::try_from(best.unwrap()).unwrap()
    };
    (circuit, expected)
}

#[test]
fn a_draw_is_unique_and_right() {
    for top_k in [None, Some(1), Some(2), Some(3)] {
        let (circuit, expected) = draws(3, 0.3, top_k);
        for code in 0..64i64 {
            let x = [code % 4 - 2, code / 4 % 4 - 2, code / 16 - 2];
            let seed = [code, 7];
            let all = solutions(&circuit, &[x.map(to_field).to_vec(), seed.map(to_field).to_vec()], 2);
            assert_eq!(all.len(), 1, "{x:?} {top_k:?}");
            let y = from_field(all[0][circuit.outputs[0].tensor.index()][0]);
            assert_eq!(y, expected(&x, &seed), "{x:?} {top_k:?}");
        }
        // Scores that only a hostile owner's weights give: the differences decide, or there is no assignment.
        for base in [P / 2, P - 1, 12345, P / 3] {
            let x = [base, add(base, 1), add(base, 2)];
            let seed = [1, 2].map(to_field).to_vec();
            assert!(solutions(&circuit, &[x.to_vec(), seed], 2).len() <= 1, "{base} {top_k:?}");
        }
    }
}

#[test]
fn a_threshold_is_refused_unless_it_is_counted() {
    let (circuit, _) = draws(4, 0.3, Some(2));
    let largest = circuit.tensors.iter().position(|tensor| matches!(tensor.op, Op::Largest { .. })).unwrap();
    let refused = |change: &dyn Fn(&mut Circuit)| {
        let mut broken = circuit.clone();
        change(&mut broken);
        broken.check().unwrap_err().to_string()
    };
    for other in [1, 3] {
        let refusal = refused(&|circuit| circuit.tensors[largest].op = match circuit.tensors[largest].op {
            Op::Largest { x, .. } => Op::Largest { x, rank: other },
            ref op => op.clone(),
        });
        assert!(refusal.contains("place"), "{refusal}");
    }
    let step = circuit.tables.iter().position(|table| matches!(table, Table::Function { name, .. } if name == "step")).unwrap();
    let Table::Function { min, values: rows, .. } = &circuit.tables[step] else { panic!("no function") };
    for (key, value) in [(0, 1), (0, -1), (1, 0), (-1, 0), (*min, 1)] {
        let at = usize::try_from(key - min).unwrap();
        assert_ne!(rows[at], value);
        let refusal = refused(&|circuit| {
            if let Table::Function { values, .. } = &mut circuit.tables[step] {
                values[at] = value;
            }
        });
        assert!(refusal.contains("place"), "{refusal}");
    }
    let refusal = refused(&|circuit| circuit.policy.input = Visibility::Private);
    assert!(refusal.contains("public input"), "{refusal}");
    let mut b = builder(Visibility::Private);
    let x = free(&mut b, &[4], 1);
    let refusal = sample(&mut b, "y", x, x, Draw { label: "noise", temperature: 1.0, top_k: None }).unwrap_err().to_string();
    assert!(refusal.contains("--input public"), "{refusal}");
}

/// Shares of many draws are those of the softmax.
#[test]
fn draws_follow_the_softmax() {
    let (n, temperature) = (6usize, 100.0);
    let x = [0i64, 50, 120, -80, 200, 199];
    let rows: Vec<i32> = (0..1 << 13).map(|row| (8.0 * temperature * gumbel(row, 13)).round() as i32).collect();
    for top_k in [n, 3] {
        let mut sorted = x;
        sorted.sort_unstable_by_key(|&x| -x);
        let threshold = sorted[top_k - 1];
        let weight = |i: usize| if x[i] >= threshold { (x[i] as f64 / temperature).exp() } else { 0.0 };
        let total: f64 = (0..n).map(weight).sum();
        let count = 200_000;
        let noise: Vec<i64> = crate::circuit::noise::noise(&[2026], &rows, n * count).collect();
        let mut drawn = vec![0usize; n];
        for noise in noise.chunks(n) {
            let real = (0..n).filter(|&i| x[i] >= threshold);
            drawn[real.max_by_key(|&i| (8 * x[i] + noise[i], n - i)).unwrap()] += 1;
        }
        for (i, &drawn) in drawn.iter().enumerate() {
            let (share, expected) = (drawn as f64 / count as f64, weight(i) / total);
            let deviation = (expected * (1.0 - expected) / count as f64).sqrt();
            assert!((share - expected).abs() <= 4.0 * deviation + 1e-4, "{i}: {share} instead of {expected}");
        }
    }
}

#[test]
fn reciprocal_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1], 3);
    // Divisors 1 to 16, bounded by their table whatever x is.
    let table = function_table(&mut b, "divisor", -8, 4, |q| i32::try_from(q + 9).unwrap());
    let s = apply_table(&mut b, "s", x, table).unwrap();
    let y = reciprocal(&mut b, "y", s, 6).unwrap();
    let circuit = finish(b, y);
    for v in -8..8i64 {
        assert_eq!(unique(&circuit, &[to_field(v)]), Some(vec![64 / (v + 9)]), "at {v}");
    }
    assert_eq!(unique(&circuit, &[to_field(8)]), None);
}

/// All field values near which a wrong root might fit: squares and their neighbours, and what a hostile owner might aim for.
#[test]
fn square_root_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let x = input(&mut b, "x", &[1], (0, 8), 1.0).unwrap();
    let y = square_root(&mut b, "y", x).unwrap();
    let circuit = finish(b, y);
    for v in 0..256i64 {
        assert_eq!(unique(&circuit, &[to_field(v)]), Some(vec![v.isqrt()]), "at {v}");
    }
    for v in hostile().chain([P - 1, 256]) {
        // Roots have four bits; whatever the operand is, there is one below, or no proof.
        let expected = (v < 256).then(|| vec![from_field(v).isqrt()]);
        assert_eq!(unique(&circuit, &[v]), expected, "at {v}");
    }
}

#[test]
fn square_root_of_a_negative_range_is_refused() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1], 3);
    assert!(square_root(&mut b, "y", x).is_err());
}

#[test]
fn divide_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let a = free(&mut b, &[1], 5);
    let x = input(&mut b, "b", &[1], (-2, 2), 1.0).unwrap();
    let table = function_table(&mut b, "divisor", -2, 2, |q| i32::try_from(q + 3).unwrap());
    let s = apply_table(&mut b, "s", x, table).unwrap();
    let y = divide(&mut b, "y", a, s).unwrap();
    let circuit = finish(b, y);
    let quotient = |a: u64, x: i64| {
        let all = solutions(&circuit, &[vec![a], vec![to_field(x)]], 2);
        assert!(all.len() < 2, "two assignments for {a} by {}: {all:?}", x + 3);
        all.first().map(|values| from_field(values[circuit.outputs[0].tensor.index()][0]))
    };
    for x in -2..2i64 {
        for v in -32..32i64 {
            assert_eq!(quotient(to_field(v), x), Some(v.div_euclid(x + 3)), "{v} by {}", x + 3);
        }
        // Quotients lie in [-32, 32), whatever the dividend is.
        for v in hostile() {
            let q = from_field(v).div_euclid(x + 3);
            assert_eq!(quotient(v, x), (-32..32).contains(&q).then_some(q), "{v} by {}", x + 3);
        }
    }
    assert_eq!(quotient(0, 2), None);
}

#[test]
fn division_by_what_is_unbounded_is_refused() {
    let mut b = builder(Visibility::Public);
    let x = input(&mut b, "x", &[1], (0, 4), 1.0).unwrap();
    let one = vec![(1, vec![AxisFactor::Ones])];
    let s = b.linear("s", &[1], vec![Term::identity(x, 1, 1)], one).unwrap();
    let y = divide(&mut b, "y", x, s).unwrap();
    b.output("y", y, &[1], vec![1.0]);
    assert!(b.finish().is_err(), "a public input bounds nothing for the checker");
}

/// Rows of every kind that a range admits are planned without leaving the field.
#[test]
fn normalisations_fit_their_range() {
    for (log_range, len) in [(7, 3), (15, 768), (15, 1024), (23, 4096), (23, 8192), (19, 288)] {
        for centred in [false, true] {
            for epsilon in [0.5, 4000.0] {
                let mut b = builder(Visibility::Public);
                let x = free(&mut b, &[2, len], log_range);
                let how = Normalisation { axes: &[1], epsilon: epsilon * len as f64 / 768.0, centred, bits: 12 };
                let y = normalize(&mut b, "y", x, &how);
                if log_range == 23 && epsilon < 1.0 {
                    assert!(y.is_err(), "{len} entries: a range of 2^24 beside an epsilon near 1");
                    continue;
                }
                let y = y.unwrap();
                let (lo, hi) = b.range(y.value);
                assert!(lo == -hi && hi.count_ones() == 1 && hi < 1 << 48, "{lo}..={hi}");
                let circuit = finish(b, y.value);
                assert!(circuit.tensors.len() < 40, "{circuit}");
            }
        }
    }
}

#[test]
fn reciprocal_of_an_unbounded_divisor_is_refused() {
    let mut b = builder(Visibility::Public);
    let x = input(&mut b, "x", &[1], (0, 4), 1.0).unwrap();
    let one = vec![(1, vec![AxisFactor::Ones])];
    let s = b.linear("s", &[1], vec![Term::identity(x, 1, 1)], one).unwrap();
    let y = reciprocal(&mut b, "y", s, 6).unwrap();
    b.output("y", y, &[1], vec![1.0]);
    assert!(b.finish().is_err(), "a public input bounds nothing for the checker");
}

#[test]
fn softmax_is_near_and_sums_to_one() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[4], 5);
    let step = 0.125;
    let y = softmax(&mut b, "y", x, 0, None, |d| libm::exp(d as f64 * step)).unwrap();
    assert!(b.refusals().is_empty(), "{:?}", b.refusals());
    let circuit = finish(b, y);
    assert_eq!(circuit.tensor(circuit.outputs[0].tensor).shape, [4]);
}

#[test]
fn masks_must_fit() {
    let exp = |d: i64| libm::exp(d as f64 * 0.125);
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[2, 3, 4], 5);
    assert!(softmax(&mut b, "y", x, 2, Some(&Mask::causal(4, 4)), exp).is_err());
    assert!(softmax(&mut b, "y", x, 1, Some(&Mask::causal(3, 4)), exp).is_err());
    assert!(softmax(&mut b, "y", x, 2, Some(&Mask::causal(3, 4)), exp).is_ok());
    assert!(b.refusals().is_empty(), "{:?}", b.refusals());
}

#[test]
fn attention_needs_every_constraint() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[2, 3, 4], 5);
    let v = input(&mut b, "v", &[2, 4, 5], (-128, 8), 1.0).unwrap();
    let y = attention(&mut b, "y", x, v, Some(&Mask::causal(3, 4)), |d| libm::exp(d as f64 * 0.125)).unwrap();
    let (lo, hi) = b.range(y.value);
    assert_eq!((lo, hi), (-(128 << y.log_scale), 127 << y.log_scale));
    let circuit = finish(b, y.value);
    assert!(circuit.tables.iter().all(|table| table.len() <= 1 << 16));
}

#[test]
fn one_hot_is_unique_and_right() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1], 4);
    let y = one_hot(&mut b, "y", x, 5).unwrap();
    assert_eq!(b.shape(y), [1, 8]);
    let shape = b.shape(y).to_vec();
    b.output("y", y, &shape, vec![1.0]);
    let circuit = b.finish().unwrap();
    for v in (0..40u64).chain(hostile()).chain([P - 1]) {
        let expected = (v < 5).then(|| (0..8).map(|k| i64::from(k == v)).collect());
        assert_eq!(unique(&circuit, &[v]), expected, "at {v}");
    }
    // The range of ids pins no hint, everything else does.
    let needed = |index: usize| {
        let mut broken = circuit.clone();
        broken.constraints.remove(index);
        broken.check().is_err()
    };
    assert_eq!((0..circuit.constraints.len()).filter(|&index| !needed(index)).count(), 1);
}

#[test]
fn private_inputs_are_range_checked() {
    for log_len in [3, 16, 17, 20] {
        let mut b = builder(Visibility::Private);
        let x = input(&mut b, "x", &[1], (0, log_len), 1.0).unwrap();
        let circuit = finish(b, x);
        assert_eq!(circuit.inputs[0].tensor, circuit.outputs[0].tensor);
        if log_len <= 17 {
            assert_eq!(unique(&circuit, &[(1 << log_len) - 1]), Some(vec![(1 << log_len) - 1]));
            assert_eq!(unique(&circuit, &[1 << log_len]), None);
            assert_eq!(unique(&circuit, &[P - 1]), None);
        }
    }
}

#[test]
fn dead_gadgets_leave_no_constraint() {
    let mut b = builder(Visibility::Public);
    let x = free(&mut b, &[1], 6);
    requantise(&mut b, "dead", x, 3, signed_range()).unwrap();
    let circuit = finish(b, x);
    assert_eq!((circuit.tensors.len(), circuit.constraints.len(), circuit.tables.len()), (1, 0, 0));
}

#[test]
fn refusals_name_what_can_leave_its_table() {
    let mut b = builder(Visibility::Public);
    b.set_node("layer");
    let x = free(&mut b, &[1], 10);
    requantise(&mut b, "y", x, 3, Quotient::Range { min: -8, log_len: 4 }).unwrap();
    let [refusal] = b.refusals() else { panic!("expected one refusal, got {:?}", b.refusals()) };
    assert_eq!((refusal.node.as_str(), refusal.reachable, refusal.domain), ("layer", (-128, 127), (-8, 7)));
}

#[test]
fn along_maps_one_axis() {
    let map = SeparableMap::along(2, 1, AxisMap::Strided { start: 1, step: 2 });
    assert!(!map.is_identity());
    assert!(SeparableMap::along(2, 1, AxisMap::Identity).is_identity());
}
