//! Calibration: the range of every value of the model on sample data.

use veritorch_graph::model::ModelGraph;

use crate::QuantiseError;
use crate::float;

/// What calibration saw.
#[derive(Clone, Debug)]
pub(crate) struct Calibration {
    /// Least and greatest number per value of the graph; `(0, 0)` for constants.
    ranges: Vec<(f32, f32)>,
    /// Tighter magnitudes by value, where they were measured to be better.
    tightened: Vec<Option<f64>>,
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
        let chunks = float::run(graph, inputs, |chunk| {
            let ranges: Vec<_> = chunk.values.iter().map(|values| range(values)).collect();
            let outputs: Vec<_> = graph.outputs.iter().map(|id| chunk.values[id.index()].clone()).collect();
            (ranges, outputs)
        })?;
        let mut ranges: Vec<Option<(f32, f32)>> = vec![None; graph.values.len()];
        let mut outputs = vec![Vec::new(); graph.outputs.len()];
        for (chunk_ranges, chunk_outputs) in chunks {
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
        let mut bytes = vec![false; graph.values.len()];
        for (&id, data) in graph.inputs.iter().zip(inputs) {
            bytes[id.index()] = is_bytes(data);
        }
        Ok(Self {
            ranges: ranges.into_iter().map(|range| range.unwrap_or((0.0, 0.0))).collect(),
            tightened: vec![None; graph.values.len()],
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

    /// Takes another magnitude for a value.
    pub(crate) fn tighten(&mut self, value: usize, magnitude: f64) {
        self.tightened[value] = Some(magnitude);
    }
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
