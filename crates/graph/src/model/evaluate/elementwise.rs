//! Elementwise operators, matrix products, reductions, argmax and softmax.
#![expect(
    clippy::cast_possible_truncation,
    reason = "rounds to the graph's number type"
)]

use super::Operand;
use crate::model::{ModelError, ModelOp};
use crate::model::index::{broadcast_strides, for_each_index, offset, strides};

pub(super) fn binary(
    operands: &[Operand<'_>],
    shape: &[usize],
    f: impl Fn(f64, f64) -> f64,
) -> Vec<f32> {
    let (a, b) = (operands[0], operands[1]);
    let (from_a, from_b) = (
        broadcast_strides(a.shape, shape),
        broadcast_strides(b.shape, shape),
    );
    let mut out = Vec::with_capacity(shape.iter().product());
    for_each_index(shape, |index| {
        let (x, y) = (
            a.data[offset(index, &from_a)],
            b.data[offset(index, &from_b)],
        );
        out.push(f(f64::from(x), f64::from(y)) as f32);
    });
    out
}

/// `y[.., m, n] = sum_k a[.., m, k] b[.., k, n]`
pub(super) fn matmul(a: Operand<'_>, b: Operand<'_>, shape: &[usize]) -> Vec<f32> {
    let (outer, last) = shape.split_at(shape.len() - 2);
    let (rows, columns) = (last[0], last[1]);
    let inner = a.shape[a.shape.len() - 1];
    let outer_strides = |x: Operand<'_>| -> Vec<usize> {
        let matrix: usize = x.shape[x.shape.len() - 2..].iter().product();
        broadcast_strides(&x.shape[..x.shape.len() - 2], outer)
            .iter()
            .map(|s| s * matrix)
            .collect()
    };
    let (from_a, from_b) = (outer_strides(a), outer_strides(b));
    let mut out = Vec::with_capacity(shape.iter().product());
    let mut sums = vec![0.0f64; columns];
    for_each_index(outer, |index| {
        let (a, b) = (
            &a.data[offset(index, &from_a)..],
            &b.data[offset(index, &from_b)..],
        );
        for m in 0..rows {
            sums.fill(0.0);
            for k in 0..inner {
                let x = f64::from(a[m * inner + k]);
                for (sum, &y) in sums.iter_mut().zip(&b[k * columns..(k + 1) * columns]) {
                    *sum += x * f64::from(y);
                }
            }
            out.extend(sums.iter().map(|&sum| sum as f32));
        }
    });
    out
}

/// Folds every entry into the result entry that its index is broadcast from.
pub(super) fn reduce(
    x: Operand<'_>,
    shape: &[usize],
    start: f64,
    f: impl Fn(f64, f64) -> f64,
) -> Vec<f32> {
    let to = broadcast_strides(shape, x.shape);
    let mut out = vec![start; shape.iter().product()];
    let mut at = 0;
    for_each_index(x.shape, |index| {
        let target = &mut out[offset(index, &to)];
        *target = f(*target, f64::from(x.data[at]));
        at += 1;
    });
    out.into_iter().map(|sum| sum as f32).collect()
}

/// Calls `visit` with the entries of every line along `axis`, in row-major order of the other axes.
fn lines(x: Operand<'_>, axis: usize, mut visit: impl FnMut(usize, usize, &[f64])) {
    let step = strides(x.shape)[axis];
    let mut outer = x.shape.to_vec();
    outer[axis] = 1;
    let from = strides(x.shape);
    for_each_index(&outer, |index| {
        let start = offset(index, &from);
        let line: Vec<f64> = (0..x.shape[axis])
            .map(|k| f64::from(x.data[start + k * step]))
            .collect();
        visit(start, step, &line);
    });
}

#[expect(
    clippy::cast_precision_loss,
    reason = "indices are far below 2^24 where they matter"
)]
pub(super) fn arg_max(x: Operand<'_>, axis: usize, select_last: bool) -> Vec<f32> {
    let mut out = Vec::new();
    lines(x, axis, |_, _, line| {
        let mut best = 0;
        for (k, &value) in line.iter().enumerate() {
            if value > line[best] || (select_last && value >= line[best]) {
                best = k;
            }
        }
        out.push(best as f32);
    });
    out
}

/// Operands x and, where there is one, the mask.
pub(super) fn softmax(operands: &[Operand<'_>], axis: usize) -> Vec<f32> {
    let x = operands[0];
    let mut masked = x.data.to_vec();
    if let Some(mask) = operands.get(1) {
        let from = broadcast_strides(mask.shape, x.shape);
        let mut at = 0;
        for_each_index(x.shape, |index| {
            if mask.data[offset(index, &from)] == 0.0 {
                masked[at] = f32::NEG_INFINITY;
            }
            at += 1;
        });
    }
    let mut out = vec![0.0; x.data.len()];
    lines(Operand { shape: x.shape, data: &masked }, axis, |start, step, line| {
        let max = line.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if max == f64::NEG_INFINITY {
            return;
        }
        let exps: Vec<f64> = line.iter().map(|&value| libm::exp(value - max)).collect();
        let sum: f64 = exps.iter().sum();
        for (k, e) in exps.iter().enumerate() {
            out[start + k * step] = (e / sum) as f32;
        }
    });
    out
}

/// `(x - mean) / sqrt(mean((x - mean)^2) + epsilon)` over `axes`; the mean is zero where it is not centred.
pub(super) fn normalize(x: Operand<'_>, axes: &[usize], epsilon: f64, centred: bool) -> Vec<f32> {
    let mut groups = x.shape.to_vec();
    for &axis in axes {
        groups[axis] = 1;
    }
    let to = broadcast_strides(&groups, x.shape);
    let count = groups.iter().product::<usize>();
    let len = (x.data.len() / count) as f64;
    let mut group_of = Vec::with_capacity(x.data.len());
    for_each_index(x.shape, |index| group_of.push(offset(index, &to)));
    let mean = |f: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0f64; count];
        for (&group, &value) in group_of.iter().zip(x.data) {
            sums[group] += f(group, f64::from(value));
        }
        sums.into_iter().map(|sum| sum / len).collect::<Vec<f64>>()
    };
    let means = if centred { mean(&|_, value| value) } else { vec![0.0; count] };
    let squares = mean(&|group, value| (value - means[group]) * (value - means[group]));
    group_of
        .iter()
        .zip(x.data)
        .map(|(&group, &value)| ((f64::from(value) - means[group]) / (squares[group] + epsilon).sqrt()) as f32)
        .collect()
}

/// Rows of `table [V, H]` at `ids`.
pub(super) fn embedding(table: Operand<'_>, ids: Operand<'_>) -> Result<Vec<f32>, ModelError> {
    let (num_rows, len) = (table.shape[0], table.shape[1]);
    let mut out = Vec::with_capacity(ids.data.len() * len);
    for &id in ids.data {
        // Saturates; what is no whole number in range is refused below.
        let row = id as usize;
        if row >= num_rows || row as f32 != id {
            return Err(ModelError::Operator {
                op: ModelOp::Embedding.name(),
                reason: format!("id {id}, expected a whole number below {num_rows}"),
            });
        }
        out.extend_from_slice(&table.data[row * len..(row + 1) * len]);
    }
    Ok(out)
}
