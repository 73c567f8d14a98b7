//! Float executor of the model graph for calibration: many samples, all cores, the same result on every machine.
//!
//! Convolutions and products with constants run as matrix products over several samples at once; everything else is
//! the graph's reference evaluator, sample by sample.

mod conv;
mod gemm;

use rayon::prelude::*;
use veritorch_graph::model::{Constant, ModelGraph, ModelOp, Node, Operand, UnaryFn, ValueId, evaluate_node};

use crate::QuantiseError;

/// Samples that one thread works on at a time.
const CHUNK: usize = 16;

/// Values of a chunk of samples.
pub(crate) struct Chunk {
    /// Index of the first sample.
    pub(crate) first: usize,
    /// Samples in the chunk.
    pub(crate) samples: usize,
    /// Per value of the graph, `samples * len` numbers; empty for constants.
    pub(crate) values: Vec<Vec<f32>>,
}

/// Checks the lengths of data for the model's inputs, and that every number is finite; gives the number of samples.
///
/// # Errors
/// No samples, a length that is not a multiple of the input's, different numbers of samples, or a number that is not finite.
pub fn count_samples(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<usize, QuantiseError> {
    if inputs.len() != graph.inputs.len() {
        return Err(QuantiseError::InputCount { expected: graph.inputs.len(), actual: inputs.len() });
    }
    let mut samples = None;
    for (&id, data) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(id);
        let len = value.len();
        if data.is_empty() {
            return Err(QuantiseError::EmptyCalibration { input: value.name.clone() });
        }
        if data.len() % len != 0 {
            return Err(QuantiseError::InputLength {
                input: value.name.clone(),
                shape: value.shape.clone(),
                expected: len,
                actual: data.len(),
            });
        }
        let mine = data.len() / len;
        let first = *samples.get_or_insert(mine);
        if first != mine {
            return Err(QuantiseError::SampleCount { input: value.name.clone(), expected: first, actual: mine });
        }
        if let Some(index) = data.iter().position(|v| !v.is_finite()) {
            return Err(QuantiseError::InputNotFinite {
                input: value.name.clone(),
                sample: index / len,
                index: index % len,
                value: data[index],
            });
        }
    }
    samples.ok_or(QuantiseError::InputCount { expected: 1, actual: 0 })
}

/// Runs the model on all samples; `visit` sees each chunk's values, and its results come back in order.
///
/// # Errors
/// As [`count_samples`], an operator that the evaluator refuses, or a value that is not finite, naming the node.
pub(crate) fn run<T: Send>(
    graph: &ModelGraph,
    inputs: &[Vec<f32>],
    visit: impl Fn(&Chunk) -> T + Sync,
) -> Result<Vec<T>, QuantiseError> {
    let samples = count_samples(graph, inputs)?;
    (0..samples.div_ceil(CHUNK))
        .into_par_iter()
        .map(|index| {
            let first = index * CHUNK;
            let count = CHUNK.min(samples - first);
            let mut values = vec![Vec::new(); graph.values.len()];
            for (&id, data) in graph.inputs.iter().zip(inputs) {
                let len = graph.value(id).len();
                values[id.index()] = data[first * len..(first + count) * len].to_vec();
            }
            for node in &graph.nodes {
                let result = run_node(graph, node, &values, count)?;
                if let Some(index) = result.iter().position(|v| !v.is_finite()) {
                    return Err(QuantiseError::NotFinite {
                        node: node.name.clone(),
                        sample: first + index / graph.value(node.output).len(),
                        value: result[index],
                    });
                }
                values[node.output.index()] = result;
            }
            Ok(visit(&Chunk { first, samples: count, values }))
        })
        .collect()
}

/// The model's outputs on all samples: per output, `samples * len` numbers.
///
/// # Errors
/// As [`run`].
pub fn outputs(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, QuantiseError> {
    let chunks = run(graph, inputs, |chunk| {
        graph.outputs.iter().map(|&id| operand(graph, id, &chunk.values, chunk.samples)).collect::<Vec<_>>()
    })?;
    let mut outputs = vec![Vec::new(); graph.outputs.len()];
    for chunk in chunks {
        for (output, part) in outputs.iter_mut().zip(chunk) {
            output.extend(part);
        }
    }
    Ok(outputs)
}

fn operand(graph: &ModelGraph, id: ValueId, values: &[Vec<f32>], samples: usize) -> Vec<f32> {
    match graph.value(id).data() {
        Some(data) => data.repeat(samples),
        None => values[id.index()].clone(),
    }
}

fn run_node(graph: &ModelGraph, node: &Node, values: &[Vec<f32>], samples: usize) -> Result<Vec<f32>, QuantiseError> {
    let constant = |k: usize| node.inputs.get(k).and_then(|&id| graph.value(id).constant.as_ref());
    let read = |k: usize| constant(k).map(Constant::read);
    let shape = |k: usize| graph.value(node.inputs[k]).shape.as_slice();
    let output = &graph.value(node.output).shape;
    match &node.op {
        ModelOp::Conv { strides, pads, dilations, groups }
            if constant(0).is_none()
                && shape(0).len() == 4
                && constant(1).is_some()
                && node.inputs.len() == 2 + usize::from(constant(2).is_some()) =>
        {
            let (x, w) = (shape(0), shape(1));
            let conv = conv::Conv {
                channels: [x[1], output[1]],
                input: [x[2], x[3]],
                output: [output[2], output[3]],
                kernel: [w[2], w[3]],
                strides: *strides,
                pads: *pads,
                dilations: *dilations,
                groups: *groups,
            };
            let data = &values[node.inputs[0].index()];
            Ok(conv.run(data, &read(1).unwrap_or_default(), read(2).as_deref(), samples * x[0]))
        }
        ModelOp::MatMul if constant(0).is_none() && constant(1).is_some() && shape(1).len() == 2 => {
            let (inner, columns) = (shape(1)[0], shape(1)[1]);
            let data = &values[node.inputs[0].index()];
            let rows = data.len() / inner;
            let mut y = vec![0.0; rows * columns];
            gemm::gemm(data, &read(1).unwrap_or_default(), &mut y, [rows, inner, columns]);
            Ok(y)
        }
        ModelOp::Unary(UnaryFn::Relu) if constant(0).is_none() => {
            Ok(values[node.inputs[0].index()].iter().map(|x| x.max(0.0)).collect())
        }
        _ => {
            let constants: Vec<_> = node.inputs.iter().map(|&id| graph.value(id).data()).collect();
            let mut y = Vec::with_capacity(samples * graph.value(node.output).len());
            for sample in 0..samples {
                let operands: Vec<Operand<'_>> = node
                    .inputs
                    .iter()
                    .zip(&constants)
                    .map(|(&id, constant)| {
                        let value = graph.value(id);
                        let data = match constant {
                            Some(constant) => constant,
                            None => &values[id.index()][sample * value.len()..][..value.len()],
                        };
                        Operand { shape: &value.shape, data }
                    })
                    .collect();
                let part = evaluate_node(&node.op, &operands, output)
                    .map_err(|error| QuantiseError::Model { node: node.name.clone(), reason: error.to_string() })?;
                y.extend(part);
            }
            Ok(y)
        }
    }
}
