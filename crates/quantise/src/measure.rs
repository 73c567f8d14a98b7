//! Runs the circuit on real-valued samples and compares it with the float model.

use std::collections::BTreeMap;

use rayon::prelude::*;
use veritorch_execute::{ExecuteError, Params, execute, run};
use veritorch_graph::circuit::{Circuit, Port, TensorId};
use veritorch_graph::model::{ModelGraph, ModelOp, ValueId};

use crate::float;
use crate::report::{HeldOutReport, NodeReport, OutputReport};
use crate::scales::token_ids;
use crate::{QuantiseError, count_samples};

/// Samples in one call of the executor.
const BATCH: usize = 16;
/// Samples on which errors of nodes are measured.
pub(crate) const NODE_SAMPLES: usize = 16;

/// Integers of an input: `round(x / scale)`, halves away from zero, saturated at the tensor's range.
#[must_use]
pub fn encode(circuit: &Circuit, port: &Port, real: &[f32]) -> Vec<i64> {
    let tensor = circuit.tensor(port.tensor);
    let channels = port.scale.len();
    real.iter()
        .enumerate()
        .map(|(index, &x)| ((f64::from(x) / port.scale[index % channels]).round() as i64).clamp(tensor.min, tensor.max))
        .collect()
}

/// Real values of an output.
#[must_use]
pub fn decode(port: &Port, integers: &[i64]) -> Vec<f64> {
    let channels = port.scale.len();
    integers.iter().enumerate().map(|(index, &q)| q as f64 * port.scale[index % channels]).collect()
}

/// The circuit's outputs on samples of the model's inputs: per sample, per output; `None` where it refuses the sample.
///
/// # Errors
/// Data that does not fit the circuit's inputs, or any failure of the executor but a refusal.
pub fn run_samples(
    circuit: &Circuit,
    params: &Params,
    inputs: &[Vec<f32>],
) -> Result<Vec<Option<Vec<Vec<f64>>>>, QuantiseError> {
    let lens: Vec<usize> = circuit.inputs.iter().map(|port| port.shape.iter().product()).collect();
    let samples = inputs.first().zip(lens.first()).map_or(0, |(data, len)| data.len() / len);
    let mut results = Vec::with_capacity(samples);
    let mut instances: Vec<(usize, Circuit)> = Vec::new();
    for first in (0..samples).step_by(BATCH) {
        let count = BATCH.min(samples - first);
        results.extend(run_batch(circuit, params, inputs, &lens, first, count, &mut instances)?);
    }
    Ok(results)
}

fn run_batch(
    circuit: &Circuit,
    params: &Params,
    inputs: &[Vec<f32>],
    lens: &[usize],
    first: usize,
    count: usize,
    instances: &mut Vec<(usize, Circuit)>,
) -> Result<Vec<Option<Vec<Vec<f64>>>>, QuantiseError> {
    if !instances.iter().any(|(batch, _)| *batch == count) {
        instances.push((count, circuit.instantiate(count)));
    }
    let Some((_, instance)) = instances.iter().find(|(batch, _)| *batch == count) else { return Ok(Vec::new()) };
    let encoded: Vec<Vec<i64>> = circuit
        .inputs
        .iter()
        .zip(inputs)
        .zip(lens)
        .map(|((port, data), len)| encode(circuit, port, &data[first * len..(first + count) * len]))
        .collect();
    match run(instance, params, &encoded) {
        Ok(outputs) => {
            let decoded: Vec<Vec<f64>> =
                circuit.outputs.iter().zip(&outputs).map(|(port, integers)| decode(port, integers)).collect();
            Ok((0..count)
                .map(|sample| {
                    let part = |whole: &Vec<f64>| whole[sample * whole.len() / count..][..whole.len() / count].to_vec();
                    Some(decoded.iter().map(part).collect())
                })
                .collect())
        }
        Err(ExecuteError::Refused { .. }) if count == 1 => Ok(vec![None]),
        Err(ExecuteError::Refused { .. }) => {
            // One of them: run them one by one.
            let mut results = Vec::with_capacity(count);
            for sample in first..first + count {
                results.extend(run_batch(circuit, params, inputs, lens, sample, 1, instances)?);
            }
            Ok(results)
        }
        Err(error) => Err(error.into()),
    }
}

/// A circuit with the prepared graph that it was made of, and samples to compare them on.
pub(crate) struct Measured<'a> {
    pub(crate) graph: &'a ModelGraph,
    pub(crate) circuit: &'a Circuit,
    pub(crate) params: &'a Params,
    /// Values of the graph, with the tensors that hold them and their scales.
    pub(crate) trace: &'a [(usize, String, f64)],
    pub(crate) inputs: &'a [Vec<f32>],
}

impl Measured<'_> {
    /// Errors of the scores behind each output, and of every value.
    ///
    /// # Errors
    /// As [`Measured::node_errors`]; data that does not fit the model.
    pub(crate) fn held_out(&self) -> Result<HeldOutReport, QuantiseError> {
        let samples = count_samples(self.graph, self.inputs)?;
        let mut scores = Vec::with_capacity(self.graph.outputs.len());
        for (&id, port) in self.graph.outputs.iter().zip(&self.circuit.outputs) {
            scores.push(self.scores(id).unwrap_or_else(|| (id.index(), port.clone())));
        }
        // The same circuit with the scores as its outputs.
        let mut circuit = self.circuit.clone();
        circuit.outputs = scores.iter().map(|(_, port)| port.clone()).collect();
        let results = run_samples(&circuit, self.params, self.inputs)?;
        let chunks = float::run(self.graph, self.inputs, |kept: &mut BTreeMap<usize, Vec<f32>>, seen| {
            if scores.iter().any(|(value, _)| *value == seen.value) {
                kept.insert(seen.value, seen.data.to_vec());
            }
        })?;
        let ids = token_ids(self.graph).and_then(|index| self.inputs.get(index)).map(Vec::as_slice);
        let compare = |(index, (value, port)): (usize, &(usize, Port))| {
            let float: Vec<f32> = chunks.iter().filter_map(|kept| kept.get(value)).flatten().copied().collect();
            let integer: Vec<Option<&[f64]>> = results.iter().map(|sample| sample.as_ref().map(|outputs| outputs[index].as_slice())).collect();
            OutputReport::compare(&port.name, port.shape.last().copied().unwrap_or(1), &float, &integer, ids)
        };
        Ok(HeldOutReport {
            samples,
            refused: results.iter().filter(|result| result.is_none()).count(),
            outputs: scores.iter().enumerate().map(compare).collect(),
            nodes: self.node_errors(samples.min(NODE_SAMPLES))?,
        })
    }

    /// The value whose greatest entry an output is the index of, with the port that would show it.
    fn scores(&self, output: ValueId) -> Option<(usize, Port)> {
        let node = self.graph.nodes.iter().find(|node| node.output == output)?;
        let id = *node.inputs.first().filter(|_| matches!(node.op, ModelOp::ArgMax { .. } | ModelOp::Sample { .. }))?;
        let (_, name, scale) = self.trace.iter().find(|(value, ..)| *value == id.index())?;
        let tensor = self.circuit.tensors.iter().position(|tensor| tensor.name == *name)?;
        let value = self.graph.value(id);
        let port = Port { name: value.name.clone(), tensor: TensorId(u32::try_from(tensor).ok()?), shape: value.shape.clone(), scale: vec![*scale] };
        Some((id.index(), port))
    }

    /// Error of every value of the graph that is an integer tensor of the circuit, on the first samples.
    ///
    /// # Errors
    /// As the float executor and the integer one; a refused sample counts as an error of the executor.
    pub(crate) fn node_errors(&self, samples: usize) -> Result<Vec<NodeReport>, QuantiseError> {
        let Self { graph, circuit, params, trace, inputs } = *self;
        let lens: Vec<usize> = circuit.inputs.iter().map(|port| port.shape.iter().product()).collect();
        let head: Vec<Vec<f32>> = inputs.iter().zip(&lens).map(|(data, len)| data[..samples * len].to_vec()).collect();
        let instance = circuit.instantiate(samples);
        let encoded: Vec<Vec<i64>> =
            circuit.inputs.iter().zip(&head).map(|(port, data)| encode(circuit, port, data)).collect();
        let witness = execute(&instance, params, &encoded)?;
        // Per traced value: square error and square.
        let tensors: BTreeMap<usize, (usize, f64, Vec<i64>)> = trace
            .par_iter()
            .filter_map(|(value, name, scale)| {
                let index = circuit.tensors.iter().position(|tensor| tensor.name == *name)?;
                Some((*value, (index, *scale, witness.values[index].to_i64())))
            })
            .collect();
        let chunks = float::run(graph, &head, |errors: &mut BTreeMap<usize, [f64; 3]>, seen| {
            let Some((_, scale, integers)) = tensors.get(&seen.value) else { return };
            let integers = &integers[seen.first * graph.values[seen.value].len()..];
            let mut sums = [0.0f64; 3];
            for (&real, &integer) in seen.data.iter().zip(integers) {
                let (real, integer) = (f64::from(real), integer as f64 * scale);
                sums[0] += (real - integer).powi(2);
                sums[1] += real.powi(2);
                sums[2] += integer.powi(2);
            }
            errors.insert(seen.value, sums);
        })?;
        Ok(tensors
            .iter()
            .map(|(value, (index, scale, _))| {
                let [square_error, square, other] = chunks.iter().filter_map(|chunk| chunk.get(value)).fold([0.0; 3], |mut sums, part| {
                    sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
                    sums
                });
                let tensor = &circuit.tensors[*index];
                let span = (tensor.max - tensor.min + 1).max(1) as u64;
                // |a - b|^2 = |a|^2 + |b|^2 - 2 a b
                let norms = (square * other).sqrt();
                NodeReport {
                    name: graph.values[*value].name.clone(),
                    scale: *scale,
                    bits: 64 - (span - 1).leading_zeros(),
                    drift: if square > 0.0 { (square_error / square).sqrt() } else { square_error.sqrt() },
                    cosine: if norms > 0.0 { (square + other - square_error) / (2.0 * norms) } else { f64::from(u8::from(square == other)) },
                }
            })
            .collect())
    }
}
