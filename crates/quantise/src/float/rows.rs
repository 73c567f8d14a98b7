//! Operators that work along rows: sums and products with broadcasting, normalisation, softmax. Each gives the same numbers as
//! the graph's reference evaluator, bit for bit: sums run in double precision, in the same order, and are rounded once.
#![expect(clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]

use veritorch_graph::model::index::{broadcast_strides, for_each_index, offset};

/// `f` of two operands that broadcast to `shape`; a run of the last axis is read at a time.
pub(super) fn binary(
    [a, b]: [(&[usize], &[f32]); 2],
    shape: &[usize],
    f: impl Fn(f64, f64) -> f64,
) -> Vec<f32> {
    let f = |x: f32, y: f32| f(f64::from(x), f64::from(y)) as f32;
    if a.0 == b.0 {
        return a.1.iter().zip(b.1).map(|(&x, &y)| f(x, y)).collect();
    }
    let Some((&run, outer)) = shape.split_last() else { return vec![f(a.1[0], b.1[0])] };
    let (from_a, from_b) = (broadcast_strides(a.0, shape), broadcast_strides(b.0, shape));
    let last = outer.len();
    let mut out = Vec::with_capacity(shape.iter().product());
    for_each_index(outer, |index| {
        let (x, y) = (&a.1[offset(index, &from_a)..], &b.1[offset(index, &from_b)..]);
        match (from_a[last], from_b[last]) {
            (0, 0) => out.extend(std::iter::repeat_n(f(x[0], y[0]), run)),
            (0, _) => out.extend(y[..run].iter().map(|&y| f(x[0], y))),
            (_, 0) => out.extend(x[..run].iter().map(|&x| f(x, y[0]))),
            _ => out.extend(x[..run].iter().zip(&y[..run]).map(|(&x, &y)| f(x, y))),
        }
    });
    out
}

/// `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)` over each run of `len` entries; the mean is zero where it is not centred.
pub(super) fn normalize(x: &[f32], len: usize, epsilon: f64, centred: bool) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(len) {
        let mean = if centred { row.iter().map(|&v| f64::from(v)).sum::<f64>() / len as f64 } else { 0.0 };
        let square = row.iter().map(|&v| (f64::from(v) - mean) * (f64::from(v) - mean)).sum::<f64>() / len as f64;
        let deviation = (square + epsilon).sqrt();
        out.extend(row.iter().map(|&v| ((f64::from(v) - mean) / deviation) as f32));
    }
    out
}

/// Softmax along the last axis; entries whose mask is zero do not exist.
pub(super) fn softmax(shape: &[usize], x: &[f32], mask: Option<(&[usize], &[f32])>) -> Vec<f32> {
    let Some((&run, outer)) = shape.split_last() else { return vec![1.0; x.len()] };
    let mut out = vec![0.0; x.len()];
    let strides = mask.map(|(own, _)| broadcast_strides(own, shape));
    let mut row = vec![0.0f64; run];
    let mut start = 0;
    for_each_index(outer, |index| {
        for (at, (value, &x)) in row.iter_mut().zip(&x[start..]).enumerate() {
            let is_real = match (mask, &strides) {
                (Some((_, mask)), Some(strides)) => mask[offset(index, strides) + at * strides[outer.len()]] != 0.0,
                _ => true,
            };
            *value = if is_real { f64::from(x) } else { f64::NEG_INFINITY };
        }
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if max > f64::NEG_INFINITY {
            row.iter_mut().for_each(|value| *value = libm::exp(*value - max));
            let sum: f64 = row.iter().sum();
            out[start..start + run].iter_mut().zip(&row).for_each(|(y, e)| *y = (e / sum) as f32);
        }
        start += run;
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use veritorch_graph::model::{ModelOp, Operand, evaluate_node};

    fn noise(len: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 % 613) as f32 - 300.0) / 97.0).collect()
    }

    /// The reference evaluator's result.
    fn reference(op: &ModelOp, operands: &[(&[usize], &[f32])], shape: &[usize]) -> Vec<f32> {
        let operands: Vec<Operand<'_>> = operands.iter().map(|&(shape, data)| Operand { shape, data }).collect();
        evaluate_node(op, &operands, shape).unwrap()
    }

    #[test]
    fn the_same_as_the_reference_bit_for_bit() {
        let shape = [2, 3, 5];
        let x = noise(30);
        for own in [[2, 3, 5].as_slice(), &[5], &[1, 3, 1], &[2, 1, 5], &[], &[2, 3, 1]] {
            let y = noise(own.iter().product());
            let pair = [(shape.as_slice(), x.as_slice()), (own, y.as_slice())];
            assert_eq!(binary(pair, &shape, |a, b| a * b), reference(&ModelOp::Mul, &pair, &shape));
            let swapped = [pair[1], pair[0]];
            assert_eq!(binary(swapped, &shape, |a, b| a - b), reference(&ModelOp::Sub, &swapped, &shape));
        }
        for centred in [false, true] {
            let op = ModelOp::Normalize { axes: vec![1, 2], epsilon: 1e-5, centred };
            let expected = reference(&op, &[(&shape, &x)], &shape);
            assert_eq!(normalize(&x, 15, f64::from(1e-5f32), centred), expected);
        }
        let op = ModelOp::Softmax { axis: 2 };
        assert_eq!(softmax(&shape, &x, None), reference(&op, &[(&shape, &x)], &shape));
        let mask = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let masks: (&[usize], &[f32]) = (&[3, 5], &mask);
        assert_eq!(softmax(&shape, &x, Some(masks)), reference(&op, &[(&shape, &x), masks], &shape));
    }
}
