//! Operators that only move entries, over any entry type: importers use them on integer constants too.

use crate::model::index::{broadcast_strides, for_each_index, offset, strides};
use crate::model::{ModelError, ModelOp};

/// Result of an operator that only moves entries; `fill` stands where no operand's entry lands.
///
/// Operands are `(shape, entries)`. Shapes must obey the operator's rule ([`ModelOp::check_shapes`]), except that
/// extents of 0 are welcome here.
///
/// # Errors
/// [`ModelError::Operator`] for an operator that computes.
pub fn wire<T: Copy>(
    op: &ModelOp,
    operands: &[(&[usize], &[T])],
    output_shape: &[usize],
    fill: T,
) -> Result<Vec<T>, ModelError> {
    let mut out = vec![fill; output_shape.iter().product()];
    let Some(&(shape, data)) = operands.first() else {
        return Ok(out);
    };
    let (from, to) = (strides(shape), strides(output_shape));
    // reads: result index -> operand offset
    let mut read = |source: &dyn Fn(&[usize]) -> usize| {
        let mut at = 0;
        for_each_index(output_shape, |index| {
            out[at] = data[source(index)];
            at += 1;
        });
    };
    match op {
        ModelOp::Reshape => out.copy_from_slice(data),
        ModelOp::Transpose { perm } => {
            let permuted: Vec<usize> = perm.iter().map(|&k| from[k]).collect();
            read(&|index| offset(index, &permuted));
        }
        ModelOp::Slice { starts, steps } => read(&|index| {
            (0..index.len())
                .map(|k| {
                    let jump = steps[k].unsigned_abs() as usize * index[k];
                    from[k]
                        * if steps[k] < 0 {
                            starts[k] - jump
                        } else {
                            starts[k] + jump
                        }
                })
                .sum()
        }),
        ModelOp::Expand => {
            let repeated = broadcast_strides(shape, output_shape);
            read(&|index| offset(index, &repeated));
        }
        ModelOp::Gather { axis, indices } => read(&|index| {
            (0..index.len())
                .map(|k| {
                    from[k]
                        * if k == *axis {
                            indices[index[k]]
                        } else {
                            index[k]
                        }
                })
                .sum()
        }),
        // writes: operand index -> result offset
        ModelOp::Pad { before, .. } => {
            let ones = vec![1; before.len()];
            scatter(shape, data, &mut out, &to, before, &ones);
        }
        ModelOp::ZeroStuff { starts, steps } => scatter(shape, data, &mut out, &to, starts, steps),
        ModelOp::Concat { axis } => {
            let ones = vec![1; output_shape.len()];
            let mut starts = vec![0; output_shape.len()];
            for (shape, data) in operands {
                scatter(shape, data, &mut out, &to, &starts, &ones);
                starts[*axis] += shape[*axis];
            }
        }
        _ => {
            return Err(ModelError::Operator {
                op: op.name(),
                reason: "computes, does not only move entries".to_owned(),
            });
        }
    }
    Ok(out)
}

fn scatter<T: Copy>(
    shape: &[usize],
    data: &[T],
    out: &mut [T],
    to: &[usize],
    starts: &[usize],
    steps: &[usize],
) {
    let mut at = 0;
    for_each_index(shape, |index| {
        let target: usize = (0..index.len())
            .map(|k| to[k] * (starts[k] + steps[k] * index[k]))
            .sum();
        out[target] = data[at];
        at += 1;
    });
}
