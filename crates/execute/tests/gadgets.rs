//! Gadgets run by the executor: every tensor against its definition in `i128`, every constraint held, and results against
//! real arithmetic.

mod oracle;

use proptest::prelude::*;
use veritorch_execute::{ExecuteError, Params, execute};
use veritorch_graph::circuit::{AxisFactor, Circuit, CircuitBuilder, Constraint, Policy, Table, TensorId, Term};
use veritorch_graph::gadgets::{
    Mask, Normalisation, SOFTMAX_LOG_SCALE, attention, divide, embedding, input, normalize, one_hot_len, softmax,
    square_root,
};

const SAMPLES: usize = 2;

/// A linear congruential generator.
struct Draw(u64);

impl Draw {
    fn within(&mut self, min: i64, max: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        min + ((self.0 >> 20) as i64).rem_euclid(max - min + 1)
    }

    fn many(&mut self, count: usize, min: i64, max: i64) -> Vec<i64> {
        (0..count).map(|_| self.within(min, max)).collect()
    }
}

fn builder() -> CircuitBuilder {
    CircuitBuilder::new("gadgets", Policy::default())
}

/// Finishes the circuit with these outputs and runs it; the values are those of the outputs.
fn run(mut b: CircuitBuilder, outputs: &[TensorId], weights: &[Vec<i64>], inputs: &[Vec<i64>]) -> Result<Vec<Vec<i64>>, ExecuteError> {
    for (index, &y) in outputs.iter().enumerate() {
        let shape = b.shape(y).to_vec();
        b.output(&format!("y{index}"), y, &shape, vec![1.0]);
    }
    let circuit = b.finish().unwrap().instantiate(SAMPLES);
    let params = Params::from_values(&circuit.params, weights).unwrap();
    let witness = execute(&circuit, &params, inputs)?;
    let expected = oracle::values(&circuit, weights, inputs);
    for ((tensor, actual), expected) in circuit.tensors.iter().zip(&witness.values).zip(&expected) {
        if !actual.is_empty() {
            assert_eq!(&actual.to_i64(), expected, "{}", tensor.name);
        }
    }
    circuit.constraints.iter().for_each(|constraint| holds(&circuit, constraint, &expected));
    Ok(witness.outputs(&circuit))
}

fn holds(circuit: &Circuit, constraint: &Constraint, values: &[Vec<i64>]) {
    match constraint {
        Constraint::Zero { tensor } => assert!(values[tensor.index()].iter().all(|&v| v == 0)),
        Constraint::Lookup { table, columns } => {
            let table = &circuit.tables[table.index()];
            for (at, &key) in values[columns[0].index()].iter().enumerate() {
                let row = table.row(key).unwrap_or_else(|| panic!("{key} of {} in {table:?}", circuit.tensor(columns[0]).name));
                if let Table::Function { values: own, .. } = table {
                    assert_eq!(i64::from(own[row]), values[columns[1].index()][at]);
                }
            }
        }
    }
}

/// Rows of `len` entries, the magnitude of each drawn from all that the range admits.
fn rows(draw: &mut Draw, count: usize, len: usize, bits: u32) -> Vec<i64> {
    (0..count)
        .flat_map(|_| {
            let (size, offset) = (draw.within(0, i64::from(bits) - 2), draw.within(0, i64::from(bits) - 2));
            let centre = draw.within(-(1 << offset), 1 << offset) / 2;
            draw.many(len, centre - (1 << size) / 2, centre + (1 << size) / 2)
        })
        .collect()
}

/// Largest error of a normalised row beside its largest real value, and that value's root mean square before.
fn normalised_errors(seed: u64, len: usize, bits: u32, epsilon: f64, centred: bool) -> Vec<(f64, f64)> {
    let mut draw = Draw(seed);
    let mut b = builder();
    let x = input(&mut b, "x", &[3, len], (-(1 << (bits - 1)), bits), 1.0).unwrap();
    let how = Normalisation { axes: &[1], epsilon, centred, bits: 12 };
    let y = normalize(&mut b, "y", x, &how).unwrap();
    let values = rows(&mut draw, 3 * SAMPLES, len, bits);
    let actual = run(b, &[y.value], &[], std::slice::from_ref(&values)).unwrap().remove(0);
    let errors = values.chunks(len).zip(actual.chunks(len)).map(|(x, actual)| {
        let mean = if centred { x.iter().sum::<i64>() as f64 / len as f64 } else { 0.0 };
        let squares: f64 = x.iter().map(|&x| (x as f64 - mean).powi(2)).sum();
        let sigma = ((squares + epsilon) / len as f64).sqrt();
        let real: Vec<f64> = x.iter().map(|&x| (x as f64 - mean) / sigma).collect();
        let size = real.iter().fold(0f64, |size, v| size.max(v.abs()));
        let error = real.iter().zip(actual).map(|(r, &a)| (r - a as f64 * y.scale).abs()).fold(0f64, f64::max);
        (error / size.max(1e-9), (squares / len as f64).sqrt())
    });
    errors.collect()
}

fn exp(step: f64) -> impl Fn(i64) -> f64 {
    move |d| (d as f64 * step).exp()
}

/// Softmax of real scores over the entries that the mask leaves.
fn real_softmax(scores: &[i64], step: f64, real: &[bool]) -> Vec<f64> {
    let max = scores.iter().zip(real).filter(|(_, real)| **real).map(|(s, _)| *s).max().unwrap_or(0);
    let e: Vec<f64> =
        scores.iter().zip(real).map(|(&s, &real)| if real { ((s - max) as f64 * step).exp() } else { 0.0 }).collect();
    let sum: f64 = e.iter().sum();
    e.into_iter().map(|e| if sum > 0.0 { e / sum } else { 0.0 }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_all_magnitudes_keep_their_digits(seed in any::<u64>(), len in 2usize..70, wide in any::<bool>(), centred in any::<bool>()) {
        let (bits, epsilon) = if wide { (24, 40.0 * len as f64) } else { (16, 0.01 * len as f64) };
        for (error, size) in normalised_errors(seed, len, bits, epsilon, centred) {
            // Beside entries of this size a mean is off by up to 1/4 of a unit, and the root by less; all else is below 2^-11.
            let allowed = 1.0 / 2048.0 + 0.3 / size.max(0.3);
            prop_assert!(error <= allowed, "error {error} of a row of size {size}");
        }
    }

    #[test]
    fn attention_is_near_real_arithmetic(seed in any::<u64>(), keys in 1usize..20, queries in 1usize..8, steep in any::<bool>()) {
        let mut draw = Draw(seed);
        let (width, heads, step) = (3, 2, if steep { 0.05 } else { 0.001 });
        let real: Vec<bool> = (0..queries * keys).map(|_| draw.within(0, 3) > 0).collect();
        let mask = Mask::new(keys, real.clone());
        let mut b = builder();
        let scores = input(&mut b, "scores", &[heads, queries, keys], (-(1 << 14), 15), 1.0).unwrap();
        let values = input(&mut b, "values", &[heads, keys, width], (-(1 << 15), 16), 1.0).unwrap();
        let seen = attention(&mut b, "attention", scores, values, Some(&mask), exp(step)).unwrap();
        let p = softmax(&mut b, "softmax", scores, 2, Some(&mask), exp(step)).unwrap();
        prop_assert!(b.refusals().is_empty());
        let span = if steep { 1 << 14 } else { 1 << 12 };
        let s = draw.many(SAMPLES * heads * queries * keys, -span, span - 1);
        let v = draw.many(SAMPLES * heads * keys * width, -(1 << 15), (1 << 15) - 1);
        let out = run(b, &[seen.value, p], &[], &[s.clone(), v.clone()]).unwrap();
        for row in 0..SAMPLES * heads * queries {
            let own = &real[row % queries * keys..][..keys];
            let expected = real_softmax(&s[row * keys..][..keys], step, own);
            for (k, &expected) in expected.iter().enumerate() {
                let actual = out[1][row * keys + k];
                prop_assert!((actual as f64 / f64::from(1 << SOFTMAX_LOG_SCALE) - expected).abs() < 1.0 / 4096.0);
                prop_assert!(own[k] || actual == 0, "a masked entry has {actual}");
            }
            for d in 0..width {
                let average: f64 = (0..keys).map(|k| expected[k] * v[(row / queries * keys + k) * width + d] as f64).sum();
                let actual = out[0][row * width + d] as f64 / (1u64 << seen.log_scale) as f64;
                prop_assert!((actual - average).abs() <= 12.0, "{actual} for {average}");
            }
        }
    }

    #[test]
    fn embeddings_are_rows(seed in any::<u64>(), len in 1usize..300, filled in any::<bool>()) {
        let mut draw = Draw(seed);
        let (width, columns) = (3, if filled { one_hot_len(len) } else { len });
        let table = draw.many(width * columns, -3000, 3000);
        let chosen_rows = |chosen: &[i64]| {
            let mut b = builder();
            let ids = input(&mut b, "ids", &[5], (0, 16), 1.0).unwrap();
            let w = b.weight("w", [1, width, columns], &table).unwrap();
            let y = embedding(&mut b, "y", ids, w, len).unwrap();
            run(b, &[y], std::slice::from_ref(&table), &[chosen.to_vec()])
        };
        let mut chosen = draw.many(SAMPLES * 5, 0, len as i64 - 1);
        let out = chosen_rows(&chosen).unwrap().remove(0);
        for (at, &value) in out.iter().enumerate() {
            prop_assert_eq!(value, table[at % width * columns + chosen[at / width] as usize]);
        }
        chosen[7] = len as i64;
        let refused = chosen_rows(&chosen);
        prop_assert!(matches!(refused, Err(ExecuteError::Refused { sample: 1, .. })), "{:?}", refused);
    }

    #[test]
    fn roots_and_quotients_are_exact(seed in any::<u64>(), bits in 1u32..40) {
        let mut draw = Draw(seed);
        let mut b = builder();
        let x = input(&mut b, "x", &[50], (0, bits), 1.0).unwrap();
        let a = input(&mut b, "a", &[50], (-(1 << 30), 31), 1.0).unwrap();
        let root = square_root(&mut b, "root", x).unwrap();
        let one = vec![(1, vec![AxisFactor::Ones])];
        let divisor = b.linear("divisor", &[50], vec![Term::identity(root, 1, 1)], one).unwrap();
        let quotient = divide(&mut b, "quotient", a, divisor).unwrap();
        let x = draw.many(50 * SAMPLES, 0, (1 << bits) - 1);
        let a = draw.many(50 * SAMPLES, -(1 << 30), (1 << 30) - 1);
        let out = run(b, &[root, quotient], &[], &[x.clone(), a.clone()]).unwrap();
        for at in 0..x.len() {
            prop_assert_eq!(out[0][at], x[at].isqrt());
            prop_assert_eq!(out[1][at], a[at].div_euclid(x[at].isqrt() + 1));
        }
    }
}
