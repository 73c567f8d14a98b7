//! Reference evaluator of the model graph: slow, obvious, one sample at a time.
//!
//! Sums run in double precision and are rounded once per entry, so results do not depend on an order of summation
//! that a faster executor would change.

mod elementwise;
mod integers;
mod sample;
mod trees;
mod window;
mod wiring;

pub use wiring::wire;

use super::{ModelError, ModelGraph, ModelOp};

/// A tensor that an operator reads, row-major.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// Extents.
    pub shape: &'a [usize],
    /// `shape.iter().product()` numbers.
    pub data: &'a [f32],
}

/// Values of the graph's outputs, in order, on these inputs, in order.
///
/// # Errors
/// A wrong number or length of inputs, or a node that breaks a shape rule.
pub fn evaluate(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, ModelError> {
    let values = evaluate_all(graph, inputs)?;
    Ok(graph
        .outputs
        .iter()
        .map(|id| values[id.index()].clone())
        .collect())
}

/// Values of every tensor of the graph, indexed like [`ModelGraph::values`].
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_all(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, ModelError> {
    if inputs.len() != graph.inputs.len() {
        return Err(ModelError::Input {
            input: format!("all {}", graph.inputs.len()),
            expected: graph.inputs.len(),
            actual: inputs.len(),
        });
    }
    let mut values: Vec<Vec<f32>> = graph
        .values
        .iter()
        .map(|v| v.data().unwrap_or_default().into_owned())
        .collect();
    for (&id, data) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(id);
        if data.len() != value.len() {
            return Err(ModelError::Input {
                input: value.name.clone(),
                expected: value.len(),
                actual: data.len(),
            });
        }
        values[id.index()].clone_from(data);
    }
    for node in &graph.nodes {
        let operands: Vec<Operand<'_>> = node
            .inputs
            .iter()
            .map(|&id| Operand {
                shape: &graph.value(id).shape,
                data: &values[id.index()],
            })
            .collect();
        let result = evaluate_node(&node.op, &operands, &graph.value(node.output).shape)
            .map_err(|e| e.at(&node.name))?;
        values[node.output.index()] = result;
    }
    Ok(values)
}

/// One operator's result, row-major in `output_shape`.
///
/// # Errors
/// [`ModelError::Operator`] where the shapes break the operator's rule or an operand has the wrong length.
pub fn evaluate_node(
    op: &ModelOp,
    operands: &[Operand<'_>],
    output_shape: &[usize],
) -> Result<Vec<f32>, ModelError> {
    let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape).collect();
    op.check_shapes(&shapes, output_shape)?;
    for operand in operands {
        let expected: usize = operand.shape.iter().product();
        if operand.data.len() != expected {
            let reason = format!(
                "operand of shape {:?} has {} entries",
                operand.shape,
                operand.data.len()
            );
            return Err(ModelError::Operator {
                op: op.name(),
                reason,
            });
        }
    }
    Ok(match op {
        ModelOp::Conv {
            strides,
            pads,
            dilations,
            groups,
        } => window::conv(operands, output_shape, *strides, *pads, *dilations, *groups),
        ModelOp::MaxPool {
            kernel,
            strides,
            pads,
            dilations,
        } => {
            let taps = window::Taps {
                kernel: *kernel,
                strides: *strides,
                pads: *pads,
                dilations: *dilations,
            };
            window::pool(operands[0], output_shape, taps, f64::NEG_INFINITY, f64::max)
        }
        ModelOp::SumPool {
            kernel,
            strides,
            pads,
            dilations,
        } => {
            let taps = window::Taps {
                kernel: *kernel,
                strides: *strides,
                pads: *pads,
                dilations: *dilations,
            };
            window::pool(operands[0], output_shape, taps, 0.0, |a, b| a + b)
        }
        ModelOp::MatMul => elementwise::matmul(operands[0], operands[1], output_shape),
        ModelOp::Add => elementwise::binary(operands, output_shape, |a, b| a + b),
        ModelOp::Sub => elementwise::binary(operands, output_shape, |a, b| a - b),
        ModelOp::Mul => elementwise::binary(operands, output_shape, |a, b| a * b),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounds to the graph's number type"
        )]
        ModelOp::Unary(function) => operands[0]
            .data
            .iter()
            .map(|&x| function.apply(f64::from(x)) as f32)
            .collect(),
        ModelOp::ReduceSum { .. } => {
            elementwise::reduce(operands[0], output_shape, 0.0, |a, b| a + b)
        }
        ModelOp::ReduceMax { .. } => {
            elementwise::reduce(operands[0], output_shape, f64::NEG_INFINITY, f64::max)
        }
        ModelOp::ArgMax { axis, select_last } => {
            elementwise::arg_max(operands[0], *axis, *select_last)
        }
        ModelOp::Sample { temperature, top_k } => sample::sample(operands[0], operands[1], *temperature, *top_k),
        ModelOp::Div => elementwise::binary(operands, output_shape, |a, b| a / b),
        ModelOp::Softmax { axis } => elementwise::softmax(operands, *axis),
        ModelOp::Normalize { axes, epsilon, centred } => {
            elementwise::normalize(operands[0], axes, f64::from(*epsilon), *centred)
        }
        ModelOp::Trees { num_trees, depth, num_outputs } => trees::trees(operands, *num_trees, *depth, *num_outputs)?,
        ModelOp::Quantize { scale, min, max } => integers::quantize(operands[0].data, *scale, [*min, *max]),
        ModelOp::FixedPoint(rule) => integers::fixed_point(operands[0], rule),
        ModelOp::Table { min, values } => integers::table(operands[0].data, *min, values),
        ModelOp::Embedding => elementwise::embedding(operands[0], operands[1])?,
        ModelOp::Transpose { .. }
        | ModelOp::Reshape
        | ModelOp::Slice { .. }
        | ModelOp::Pad { .. }
        | ModelOp::Concat { .. }
        | ModelOp::Expand
        | ModelOp::ZeroStuff { .. }
        | ModelOp::Gather { .. } => {
            let parts: Vec<(&[usize], &[f32])> =
                operands.iter().map(|x| (x.shape, x.data)).collect();
            let fill = if let ModelOp::Pad { value, .. } = op {
                *value
            } else {
                0.0
            };
            wire(op, &parts, output_shape, fill)?
        }
    })
}
