//! Calibration: the range of every value of the model on sample data.

use veritorch_graph::model::{ModelGraph, ModelOp};

use crate::QuantiseError;
use crate::float;

/// What calibration saw.
#[derive(Clone, Debug)]
pub(crate) struct Calibration {
    /// Least and greatest number per value of the graph; `(0, 0)` for constants.
    ranges: Vec<(f32, f32)>,
    /// Tighter magnitudes by value, where they were measured to be better.
    tightened: Vec<Option<f64>>,
    /// Per value that a linear layer reads: the mean of each of its channels.
    means: Vec<Vec<f64>>,
    /// Per value: an input that holds multiples of 1/255 of its maximum only.
    bytes: Vec<bool>,
    /// Per output, `samples * len` numbers.
    pub(crate) outputs: Vec<Vec<f32>>,
}

impl Calibration {
    /// Runs the float model on all samples.
    ///
    /// # Errors
    /// As [`float::run`].
    pub(crate) fn run(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<Self, QuantiseError> {
        let read = linear_operands(graph);
        let chunks = float::run(graph, inputs, |chunk| {
            let sums: Vec<Vec<f64>> = read
                .iter()
                .zip(&chunk.values)
                .map(|(layout, values)| layout.map_or_else(Vec::new, |layout| channel_sums(values, layout)))
                .collect();
            let ranges: Vec<_> = chunk.values.iter().map(|values| range(values)).collect();
            let outputs: Vec<_> = graph.outputs.iter().map(|id| chunk.values[id.index()].clone()).collect();
            (ranges, outputs, sums, chunk.samples)
        })?;
        let mut ranges: Vec<Option<(f32, f32)>> = vec![None; graph.values.len()];
        let mut outputs = vec![Vec::new(); graph.outputs.len()];
        let mut means: Vec<Vec<f64>> = vec![Vec::new(); graph.values.len()];
        let mut samples = 0;
        // In the order of the chunks: the sum does not depend on which thread was first.
        for (chunk_ranges, chunk_outputs, chunk_sums, count) in chunks {
            samples += count;
            for (whole, part) in means.iter_mut().zip(chunk_sums) {
                whole.resize(part.len(), 0.0);
                whole.iter_mut().zip(part).for_each(|(whole, part)| *whole += part);
            }
            for (whole, part) in ranges.iter_mut().zip(chunk_ranges) {
                *whole = match (*whole, part) {
                    (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                    (whole, part) => whole.or(part),
                };
            }
            for (whole, part) in outputs.iter_mut().zip(chunk_outputs) {
                whole.extend(part);
            }
        }
        for (index, (means, layout)) in means.iter_mut().zip(&read).enumerate() {
            if let Some([channels, _]) = layout {
                let per_channel = (samples * graph.values[index].len() / channels) as f64;
                means.iter_mut().for_each(|mean| *mean /= per_channel);
            }
        }
        let mut bytes = vec![false; graph.values.len()];
        for (&id, data) in graph.inputs.iter().zip(inputs) {
            bytes[id.index()] = is_bytes(data);
        }
        Ok(Self {
            ranges: ranges.into_iter().map(|range| range.unwrap_or((0.0, 0.0))).collect(),
            tightened: vec![None; graph.values.len()],
            means,
            bytes,
            outputs,
        })
    }

    /// Least number of a value.
    pub(crate) fn min(&self, value: usize) -> f32 {
        self.ranges[value].0
    }

    /// Greatest magnitude of a value.
    pub(crate) fn magnitude(&self, value: usize) -> f64 {
        let (min, max) = self.ranges[value];
        self.tightened[value].unwrap_or(f64::from(min.abs().max(max.abs())))
    }

    /// Whether an input is a picture's bytes, up to one factor.
    pub(crate) fn is_bytes(&self, value: usize) -> bool {
        self.bytes[value]
    }

    /// Mean of each channel of a linear layer's operand: axis 1 of a convolution's, the last of a product's. Empty elsewhere.
    pub(crate) fn means(&self, value: usize) -> &[f64] {
        &self.means[value]
    }

    /// Takes another magnitude for a value.
    pub(crate) fn tighten(&mut self, value: usize, magnitude: f64) {
        self.tightened[value] = Some(magnitude);
    }
}

/// `[channels, entries after the channel axis]` of the values that linear layers read.
fn linear_operands(graph: &ModelGraph) -> Vec<Option<[usize; 2]>> {
    let mut read = vec![None; graph.values.len()];
    for node in &graph.nodes {
        let Some(id) = node.inputs.first().filter(|&&id| graph.value(id).constant.is_none()) else { continue };
        let shape = &graph.value(*id).shape;
        match (&node.op, shape.as_slice()) {
            (ModelOp::Conv { .. }, [_, channels, rest @ ..]) => {
                read[id.index()] = Some([*channels, rest.iter().product()]);
            }
            // A value that both kinds read keeps the convolution's layout.
            (ModelOp::MatMul, [.., inner]) if read[id.index()].is_none() => read[id.index()] = Some([*inner, 1]),
            _ => {}
        }
    }
    read
}

fn channel_sums(values: &[f32], [channels, inner]: [usize; 2]) -> Vec<f64> {
    let mut sums = vec![0.0; channels];
    for (index, run) in values.chunks(inner.max(1)).enumerate() {
        sums[index % channels] += run.iter().map(|&v| f64::from(v)).sum::<f64>();
    }
    sums
}

fn range(values: &[f32]) -> Option<(f32, f32)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(min, max), &v| (min.min(v), max.max(v))))
}

/// Not negative, and every number within 1/1000 of a multiple of max / 255.
fn is_bytes(data: &[f32]) -> bool {
    let Some((min, max)) = range(data) else { return false };
    min >= 0.0
        && max > 0.0
        && data.iter().all(|&v| {
            let steps = f64::from(v) / f64::from(max) * 255.0;
            (steps - steps.round()).abs() < 1e-3
        })
}
