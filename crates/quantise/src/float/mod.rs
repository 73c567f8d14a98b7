//! Float executor of the model graph for calibration: many samples, all cores, the same result on every machine.
//!
//! Convolutions and products with constants run as matrix products over several samples at once, products of activations, sums,
//! normalisations and softmaxes row by row; everything else is the graph's reference evaluator, sample by sample. A
//! value is dropped behind its last reader.

mod conv;
mod gemm;
mod rows;

use std::collections::BTreeMap;

use rayon::prelude::*;
use veritorch_graph::model::index::{broadcast_strides, for_each_index, offset};
use veritorch_graph::model::{Constant, ModelGraph, ModelOp, Node, Operand, UnaryFn, Value, evaluate_node};

use crate::QuantiseError;

/// Samples that one thread works on at a time, where they are not too large.
const CHUNK: usize = 16;
/// Most numbers of one value that are worked on at a time.
const CHUNK_LEN: usize = 1 << 24;

/// One value on a chunk of samples.
pub(crate) struct Seen<'a> {
    /// Index in the graph.
    pub(crate) value: usize,
    /// Index of the first sample.
    pub(crate) first: usize,
    /// Some samples, one after the other.
    pub(crate) data: &'a [f32],
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

/// Runs the model on all samples; `visit` sees each value that depends on the input, in the order of the graph, and gathers what
/// it needs of a chunk; the chunks come back in order.
///
/// # Errors
/// As [`count_samples`], an operator that the evaluator refuses, or a value that is not finite, naming the node.
pub(crate) fn run<T: Default + Send>(
    graph: &ModelGraph,
    inputs: &[Vec<f32>],
    visit: impl Fn(&mut T, &Seen<'_>) + Sync,
) -> Result<Vec<T>, QuantiseError> {
    let samples = count_samples(graph, inputs)?;
    let largest = graph.values.iter().filter(|value| value.constant.is_none()).map(Value::len).max().unwrap_or(1);
    let chunk = CHUNK.min(CHUNK_LEN / largest.max(1)).max(1);
    let last_use = last_use(graph);
    (0..samples.div_ceil(chunk))
        .into_par_iter()
        .map(|index| {
            let first = index * chunk;
            let count = chunk.min(samples - first);
            let mut gathered = T::default();
            let mut values = vec![Vec::new(); graph.values.len()];
            for (&id, data) in graph.inputs.iter().zip(inputs) {
                let len = graph.value(id).len();
                let data = &data[first * len..(first + count) * len];
                visit(&mut gathered, &Seen { value: id.index(), first, data });
                values[id.index()] = data.to_vec();
            }
            for (at, node) in graph.nodes.iter().enumerate() {
                let result = run_node(graph, node, &values, count)?;
                if let Some(index) = result.iter().position(|v| !v.is_finite()) {
                    return Err(QuantiseError::NotFinite {
                        node: node.name.clone(),
                        sample: first + index / graph.value(node.output).len(),
                        value: result[index],
                    });
                }
                let value = node.output.index();
                visit(&mut gathered, &Seen { value, first, data: &result });
                values[value] = result;
                for id in node.inputs.iter().chain([&node.output]).filter(|id| last_use[id.index()] <= at) {
                    values[id.index()] = Vec::new();
                }
            }
            Ok(gathered)
        })
        .collect()
}

/// Per value the index of the last node that reads it; 0 where none does.
fn last_use(graph: &ModelGraph) -> Vec<usize> {
    let mut last = vec![0; graph.values.len()];
    for (at, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|id| last[id.index()] = at);
    }
    last
}

/// The model's outputs on all samples: per output, `samples * len` numbers.
///
/// # Errors
/// As [`run`].
pub fn outputs(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<Vec<Vec<f32>>, QuantiseError> {
    let samples = count_samples(graph, inputs)?;
    let chunks = run(graph, inputs, |kept: &mut BTreeMap<usize, Vec<f32>>, seen| {
        if graph.outputs.iter().any(|id| id.index() == seen.value) {
            kept.insert(seen.value, seen.data.to_vec());
        }
    })?;
    Ok(graph
        .outputs
        .iter()
        .map(|&id| match graph.value(id).data() {
            Some(data) => data.repeat(samples),
            None => chunks.iter().filter_map(|kept| kept.get(&id.index())).flatten().copied().collect(),
        })
        .collect())
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
        ModelOp::Reshape if constant(0).is_none() => Ok(values[node.inputs[0].index()].clone()),
        ModelOp::Normalize { axes, epsilon, centred }
            if constant(0).is_none() && axes.iter().copied().eq(shape(0).len() - axes.len()..shape(0).len()) =>
        {
            let len = axes.iter().map(|&axis| shape(0)[axis]).product();
            Ok(rows::normalize(&values[node.inputs[0].index()], len, f64::from(*epsilon), *centred))
        }
        op => {
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
                let pair = || [0, 1].map(|k: usize| (operands[k].shape, operands[k].data));
                let part = match op {
                    ModelOp::MatMul => matmul(pair(), output),
                    ModelOp::Add => rows::binary(pair(), output, |a, b| a + b),
                    ModelOp::Sub => rows::binary(pair(), output, |a, b| a - b),
                    ModelOp::Mul => rows::binary(pair(), output, |a, b| a * b),
                    ModelOp::Div => rows::binary(pair(), output, |a, b| a / b),
                    ModelOp::Softmax { axis } if axis + 1 == output.len() => {
                        let mask = operands.get(1).map(|mask| (mask.shape, mask.data));
                        rows::softmax(output, operands[0].data, mask)
                    }
                    op => evaluate_node(op, &operands, output)
                        .map_err(|error| QuantiseError::Model { node: node.name.clone(), reason: error.to_string() })?,
                };
                y.extend(part);
            }
            Ok(y)
        }
    }
}

/// `a [.., M, K] b [.., K, N]`, leading axes broadcast to the result's.
fn matmul([a, b]: [(&[usize], &[f32]); 2], shape: &[usize]) -> Vec<f32> {
    let (outer, matrix) = shape.split_at(shape.len() - 2);
    let (m, n, k) = (matrix[0], matrix[1], a.0[a.0.len() - 1]);
    let from = |own: &[usize]| broadcast_strides(&own[..own.len() - 2], outer);
    let (from_a, from_b) = (from(a.0), from(b.0));
    let mut y = vec![0.0; shape.iter().product()];
    let mut parts = y.chunks_mut(m * n);
    for_each_index(outer, |index| {
        let Some(part) = parts.next() else { return };
        let a = &a.1[offset(index, &from_a) * m * k..][..m * k];
        let b = &b.1[offset(index, &from_b) * k * n..][..k * n];
        gemm::gemm(a, b, part, [m, k, n]);
    });
    y
}
