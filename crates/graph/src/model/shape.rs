//! The shape rule of each operator: which result shapes fit these operands.
//!
//! Where the far padding of an operator follows from its result (`Conv`, pools, `Pad`, `ZeroStuff`) several shapes
//! fit; everywhere else exactly one does.

use super::index::{broadcast, element_count};
use super::{ModelError, ModelOp};

/// Greatest position that a window may reach: later sums of positions stay far inside 64 bits.
const MAX_POSITION: usize = 1 << 40;
/// Greatest padding of a maximum: its windows before the tensor are looked at one by one.
const MAX_MAX_POOL_PAD: usize = 1 << 24;

impl ModelOp {
    /// Checks operand count, operand shapes and the operator's attributes against the result's shape.
    ///
    /// # Errors
    /// [`ModelError::Operator`] with the rule that is broken, expected and actual.
    pub fn check_shapes(&self, operands: &[&[usize]], output: &[usize]) -> Result<(), ModelError> {
        rule(self, operands, output).map_err(|reason| ModelError::Operator {
            op: self.name(),
            reason,
        })
    }
}

type Rule = Result<(), String>;

fn rule(op: &ModelOp, operands: &[&[usize]], output: &[usize]) -> Rule {
    for shape in operands.iter().chain([&output]) {
        require(!shape.contains(&0), || {
            format!("extents must be at least 1, got {shape:?}")
        })?;
        require(element_count(shape).is_some(), || {
            format!("too many entries: {shape:?}")
        })?;
    }
    match op {
        ModelOp::Conv {
            strides,
            pads,
            dilations,
            groups,
        } => {
            count(operands, 2..=3)?;
            let (x, w) = (rank4(operands[0])?, rank4(operands[1])?);
            let out = rank4(output)?;
            require(*groups >= 1, || "groups must be at least 1".into())?;
            require(w[0] % groups == 0, || {
                format!("{} output channels in {groups} groups", w[0])
            })?;
            require(w[1].checked_mul(*groups) == Some(x[1]), || {
                format!(
                    "weights for {} channels in {groups} groups, input has {}",
                    w[1], x[1]
                )
            })?;
            equal("result [N, O]", &[x[0], w[0]], &out[..2])?;
            if let Some(bias) = operands.get(2) {
                equal("bias", &[w[0]], bias)?;
            }
            for k in 0..2 {
                window(w[2 + k], strides[k], pads[k], dilations[k], out[2 + k])?;
            }
            Ok(())
        }
        ModelOp::MaxPool {
            kernel,
            strides,
            pads,
            dilations,
        }
        | ModelOp::SumPool {
            kernel,
            strides,
            pads,
            dilations,
        } => {
            count(operands, 1..=1)?;
            let (x, out) = (rank4(operands[0])?, rank4(output)?);
            equal("result [N, C]", &x[..2], &out[..2])?;
            for k in 0..2 {
                window(kernel[k], strides[k], pads[k], dilations[k], out[2 + k])?;
                if matches!(op, ModelOp::MaxPool { .. }) {
                    windows_touch(
                        x[2 + k],
                        kernel[k],
                        strides[k],
                        pads[k],
                        dilations[k],
                        out[2 + k],
                    )?;
                }
            }
            Ok(())
        }
        ModelOp::MatMul => {
            count(operands, 2..=2)?;
            let (a, b) = (operands[0], operands[1]);
            require(a.len() >= 2 && b.len() >= 2, || {
                format!("ranks must be at least 2, got {a:?} and {b:?}")
            })?;
            let ((outer_a, last_a), (outer_b, last_b)) =
                (a.split_at(a.len() - 2), b.split_at(b.len() - 2));
            require(last_a[1] == last_b[0], || {
                format!("inner extents differ: {a:?} and {b:?}")
            })?;
            let mut shape = broadcast(outer_a, outer_b)
                .ok_or_else(|| format!("{a:?} and {b:?} do not broadcast"))?;
            shape.extend([last_a[0], last_b[1]]);
            equal("result", &shape, output)
        }
        ModelOp::Add | ModelOp::Sub | ModelOp::Mul | ModelOp::Div => {
            count(operands, 2..=2)?;
            let shape = broadcast(operands[0], operands[1]).ok_or_else(|| {
                format!("{:?} and {:?} do not broadcast", operands[0], operands[1])
            })?;
            equal("result", &shape, output)
        }
        ModelOp::Unary(_) => {
            count(operands, 1..=1)?;
            equal("result", operands[0], output)
        }
        ModelOp::ReduceSum { axes } | ModelOp::ReduceMax { axes } => {
            count(operands, 1..=1)?;
            require(axes.windows(2).all(|w| w[0] < w[1]), || {
                format!("axes must ascend: {axes:?}")
            })?;
            let mut shape = operands[0].to_vec();
            for &k in axes {
                axis(k, &shape)?;
                shape[k] = 1;
            }
            equal("result", &shape, output)
        }
        ModelOp::ArgMax { axis: k, .. } => {
            count(operands, 1..=1)?;
            axis(*k, operands[0])?;
            let mut shape = operands[0].to_vec();
            shape[*k] = 1;
            equal("result", &shape, output)
        }
        ModelOp::Sample { temperature, top_k } => {
            count(operands, 2..=2)?;
            let mut shape = operands[0].to_vec();
            let extent = shape.last_mut().ok_or_else(|| "a draw from a scalar".to_owned())?;
            require(temperature.is_finite() && *temperature > 0.0, || {
                format!("temperature must be greater than zero, got {temperature}")
            })?;
            require(top_k.is_none_or(|k| (1..=*extent).contains(&k)), || {
                format!("top_k {} of {extent} entries", top_k.unwrap_or(0))
            })?;
            *extent = 1;
            equal("result", &shape, output)
        }
        ModelOp::Softmax { axis: k } => {
            count(operands, 1..=2)?;
            axis(*k, operands[0])?;
            if let Some(mask) = operands.get(1) {
                require(broadcast(mask, operands[0]).as_deref() == Some(operands[0]), || {
                    format!("mask {mask:?} does not broadcast to {:?}", operands[0])
                })?;
            }
            equal("result", operands[0], output)
        }
        ModelOp::Normalize { axes, epsilon, .. } => {
            count(operands, 1..=1)?;
            require(!axes.is_empty() && axes.windows(2).all(|w| w[0] < w[1]), || {
                format!("axes must ascend: {axes:?}")
            })?;
            axes.iter().try_for_each(|&k| axis(k, operands[0]))?;
            require(epsilon.is_finite() && *epsilon > 0.0, || {
                format!("epsilon must be greater than zero, got {epsilon}")
            })?;
            equal("result", operands[0], output)
        }
        ModelOp::Trees { num_trees, num_outputs, .. } => {
            count(operands, 3..=3)?;
            let (x, nodes, leaves) = (operands[0], operands[1], operands[2]);
            let one_row = x.split_last().is_some_and(|(_, lead)| lead.iter().all(|&extent| extent == 1));
            require(one_row, || format!("features must be one row, got {x:?}"))?;
            let grouped = *leaves == [nodes.first().copied().unwrap_or(0), 1] && *num_outputs > 0 && num_trees.is_multiple_of(*num_outputs);
            let fits = matches!(nodes, [rows, 3] if *num_trees > 0 && num_trees <= rows && (grouped || *leaves == [*rows, *num_outputs]));
            require(fits, || format!("{num_trees} trees with {num_outputs} outputs do not fit nodes {nodes:?} and leaves {leaves:?}"))?;
            equal("result", &[1, *num_outputs], output)
        }
        ModelOp::Embedding => {
            count(operands, 2..=2)?;
            require(operands[0].len() == 2, || {
                format!("table must be [V, H], got {:?}", operands[0])
            })?;
            let shape = [operands[1], &operands[0][1..]].concat();
            equal("result", &shape, output)
        }
        ModelOp::Quantize { scale, min, max } => {
            count(operands, 1..=1)?;
            let fits = scale.is_finite() && *scale > 0.0 && min < max;
            require(fits, || format!("a step of {scale} in {min}..={max}"))?;
            equal("result", operands[0], output)
        }
        ModelOp::FixedPoint(rule) => {
            count(operands, 1..=1)?;
            let channels = rule.multipliers.len();
            let fits = channels == 1 || operands[0].get(rule.axis) == Some(&channels);
            require(fits && rule.shifts.len() == channels, || {
                format!("{channels} multipliers and {} shifts along axis {} of {:?}", rule.shifts.len(), rule.axis, operands[0])
            })?;
            let in_range = rule.multipliers.iter().all(|&m| m >= 0) && rule.shifts.iter().all(|s| (-31..=30).contains(s)) && rule.min < rule.max;
            require(in_range, || "a multiplier, shift or range is out of bounds".into())?;
            equal("result", operands[0], output)
        }
        ModelOp::Table { values, .. } => {
            count(operands, 1..=1)?;
            require((1..=1 << 20).contains(&values.len()), || format!("a table of {} values", values.len()))?;
            equal("result", operands[0], output)
        }
        ModelOp::Transpose { perm } => {
            count(operands, 1..=1)?;
            let mut sorted = perm.clone();
            sorted.sort_unstable();
            require(sorted.iter().copied().eq(0..operands[0].len()), || {
                format!("{perm:?} does not permute {} axes", operands[0].len())
            })?;
            let shape: Vec<usize> = perm.iter().map(|&k| operands[0][k]).collect();
            equal("result", &shape, output)
        }
        ModelOp::Reshape => {
            count(operands, 1..=1)?;
            require(element_count(operands[0]) == element_count(output), || {
                format!(
                    "{:?} and {output:?} have different numbers of entries",
                    operands[0]
                )
            })
        }
        ModelOp::Slice { starts, steps } => {
            count(operands, 1..=1)?;
            ranks(operands[0], output, &[starts.len(), steps.len()])?;
            for k in 0..output.len() {
                require(steps[k] != 0, || format!("step of axis {k} is zero"))?;
                let last = i128::try_from(starts[k]).unwrap_or(i128::MAX / 2)
                    + i128::from(steps[k]) * (output[k] as i128 - 1);
                let fits = starts[k] < operands[0][k] && last >= 0 && last < operands[0][k] as i128;
                require(fits, || {
                    format!(
                        "axis {k} reads {}..={last} of {}",
                        starts[k], operands[0][k]
                    )
                })?;
            }
            Ok(())
        }
        ModelOp::Pad { before, value } => {
            count(operands, 1..=1)?;
            ranks(operands[0], output, &[before.len()])?;
            require(value.is_finite(), || format!("pads with {value}"))?;
            for k in 0..output.len() {
                let end = before[k].checked_add(operands[0][k]);
                require(end.is_some_and(|end| end <= output[k]), || {
                    format!(
                        "axis {k}: {} entries at {} in {}",
                        operands[0][k], before[k], output[k]
                    )
                })?;
            }
            Ok(())
        }
        ModelOp::ZeroStuff { starts, steps } => {
            count(operands, 1..=1)?;
            ranks(operands[0], output, &[starts.len(), steps.len()])?;
            for k in 0..output.len() {
                let last = steps[k]
                    .checked_mul(operands[0][k] - 1)
                    .and_then(|span| span.checked_add(starts[k]));
                require(
                    steps[k] >= 1 && last.is_some_and(|last| last < output[k]),
                    || {
                        format!(
                            "axis {k}: {} entries from {} in steps of {} in {}",
                            operands[0][k], starts[k], steps[k], output[k]
                        )
                    },
                )?;
            }
            Ok(())
        }
        ModelOp::Concat { axis: k } => {
            count(operands, 1..=usize::MAX)?;
            axis(*k, operands[0])?;
            let mut shape = operands[0].to_vec();
            for operand in &operands[1..] {
                require(operand.len() == shape.len(), || {
                    format!("ranks differ: {shape:?} and {operand:?}")
                })?;
                shape[*k] = shape[*k].saturating_add(operand[*k]);
                let rest = |s: &[usize]| -> Vec<usize> {
                    s.iter()
                        .enumerate()
                        .filter(|(j, _)| j != k)
                        .map(|(_, &e)| e)
                        .collect()
                };
                equal("operand beside the axis", &rest(&shape), &rest(operand))?;
            }
            equal("result", &shape, output)
        }
        ModelOp::Expand => {
            count(operands, 1..=1)?;
            ranks(operands[0], output, &[])?;
            require(
                operands[0]
                    .iter()
                    .zip(output)
                    .all(|(&x, &y)| x == y || x == 1),
                || format!("{:?} does not expand to {output:?}", operands[0]),
            )
        }
        ModelOp::Gather { axis: k, indices } => {
            count(operands, 1..=1)?;
            axis(*k, operands[0])?;
            let mut shape = operands[0].to_vec();
            if let Some(index) = indices.iter().find(|&&index| index >= shape[*k]) {
                return Err(format!("index {index} on axis {k} of extent {}", shape[*k]));
            }
            shape[*k] = indices.len();
            equal("result", &shape, output)
        }
    }
}

fn require(holds: bool, reason: impl FnOnce() -> String) -> Rule {
    if holds { Ok(()) } else { Err(reason()) }
}

fn count(operands: &[&[usize]], wanted: std::ops::RangeInclusive<usize>) -> Rule {
    require(wanted.contains(&operands.len()), || {
        format!(
            "takes {} to {} operands, got {}",
            wanted.start(),
            wanted.end(),
            operands.len()
        )
    })
}

fn equal(what: &str, expected: &[usize], actual: &[usize]) -> Rule {
    require(expected == actual, || {
        format!("{what}: expected {expected:?}, got {actual:?}")
    })
}

fn axis(k: usize, shape: &[usize]) -> Rule {
    require(k < shape.len(), || {
        format!("axis {k} of a tensor of rank {}", shape.len())
    })
}

fn ranks(operand: &[usize], output: &[usize], attributes: &[usize]) -> Rule {
    let same = attributes
        .iter()
        .chain([&output.len()])
        .all(|&rank| rank == operand.len());
    require(same, || {
        format!("ranks differ: {operand:?} to {output:?}, attributes {attributes:?}")
    })
}

fn rank4(shape: &[usize]) -> Result<[usize; 4], String> {
    shape
        .try_into()
        .map_err(|_| format!("expected rank 4, got {shape:?}"))
}

fn window(kernel: usize, stride: usize, pad: usize, dilation: usize, out: usize) -> Rule {
    require(kernel >= 1 && stride >= 1 && dilation >= 1, || {
        "kernel, strides and dilations must be at least 1".into()
    })?;
    let reach = (out - 1)
        .checked_mul(stride)
        .zip((kernel - 1).checked_mul(dilation))
        .and_then(|(start, span)| start.checked_add(span));
    require(
        pad <= MAX_POSITION && reach.is_some_and(|reach| reach <= MAX_POSITION),
        || "window reaches too far".into(),
    )
}

/// Every window holds an entry. Only windows that start before the tensor can jump over it; behind it none may start.
fn windows_touch(
    extent: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    dilation: usize,
    out: usize,
) -> Rule {
    require(pad <= MAX_MAX_POOL_PAD, || format!("pads by {pad}"))?;
    require((out - 1) * stride < pad + extent, || {
        format!("window {} lies in the padding", out - 1)
    })?;
    for position in 0..out.min(pad.div_ceil(stride)) {
        let start = position * stride;
        let tap = (pad - start).div_ceil(dilation);
        let touches = tap < kernel && start + tap * dilation < pad + extent;
        require(touches, || {
            format!("window {position} of {out} lies in the padding")
        })?;
    }
    Ok(())
}
