//! Calibration: the range of every value of the model on sample data.

use std::collections::BTreeMap;

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
    /// Per value: the mean of the roots of its magnitudes, and the mean of its squares.
    moments: Vec<[f64; 2]>,
    /// Per value: an input that holds multiples of 1/255 of its maximum only.
    bytes: Vec<bool>,
    /// Per input that trees read: the numbers of each entry, ascending.
    columns: BTreeMap<usize, Vec<Vec<f32>>>,
    /// Per output, `samples * len` numbers.
    pub(crate) outputs: Vec<Vec<f32>>,
}

/// What one chunk of samples says of one value.
struct Gathered {
    range: Option<(f32, f32)>,
    sums: Vec<f64>,
    moments: [f64; 2],
    output: Vec<f32>,
}

impl Calibration {
    /// Runs the float model on all samples.
    ///
    /// # Errors
    /// As [`float::run`].
    pub(crate) fn run(graph: &ModelGraph, inputs: &[Vec<f32>]) -> Result<Self, QuantiseError> {
        let read = linear_operands(graph);
        let is_output: Vec<bool> = {
            let mut is_output = vec![false; graph.values.len()];
            graph.outputs.iter().for_each(|id| is_output[id.index()] = true);
            is_output
        };
        let chunks = float::run(graph, inputs, |gathered: &mut BTreeMap<usize, Gathered>, seen| {
            gathered.insert(
                seen.value,
                Gathered {
                    range: range(seen.data),
                    sums: read[seen.value].map_or_else(Vec::new, |layout| channel_sums(seen.data, layout)),
                    moments: seen.data.iter().map(|&v| f64::from(v)).fold([0.0; 2], |[roots, squares], v| {
                        [roots + v.abs().sqrt(), squares + v * v]
                    }),
                    output: if is_output[seen.value] { seen.data.to_vec() } else { Vec::new() },
                },
            );
        })?;
        let count = graph.values.len();
        let mut ranges: Vec<Option<(f32, f32)>> = vec![None; count];
        let mut outputs = vec![Vec::new(); graph.outputs.len()];
        let (mut means, mut moments) = (vec![Vec::new(); count], vec![[0.0; 2]; count]);
        let samples = crate::count_samples(graph, inputs)?;
        // In the order of the chunks: the sum does not depend on which thread was first.
        for (value, part) in chunks.into_iter().flatten() {
            means[value].resize(part.sums.len(), 0.0);
            means[value].iter_mut().zip(part.sums).for_each(|(whole, part)| *whole += part);
            let entries = (samples * graph.values[value].len()) as f64;
            moments[value].iter_mut().zip(part.moments).for_each(|(whole, part)| *whole += part / entries);
            ranges[value] = match (ranges[value], part.range) {
                (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                (whole, part) => whole.or(part),
            };
            for (whole, id) in outputs.iter_mut().zip(&graph.outputs) {
                if id.index() == value {
                    whole.extend_from_slice(&part.output);
                }
            }
        }
        for (index, (means, layout)) in means.iter_mut().zip(&read).enumerate() {
            if let Some([channels, _]) = layout {
                let per_channel = (samples * graph.values[index].len() / channels) as f64;
                means.iter_mut().for_each(|mean| *mean /= per_channel);
            }
        }
        let mut bytes = vec![false; graph.values.len()];
        let mut columns = BTreeMap::new();
        for (&id, data) in graph.inputs.iter().zip(inputs) {
            bytes[id.index()] = is_bytes(data);
            let is_read = |node: &veritorch_graph::model::Node| matches!(node.op, ModelOp::Trees { .. }) && node.inputs[0] == id;
            if graph.nodes.iter().any(is_read) {
                let len = graph.value(id).len();
                let column = |k: usize| {
                    let mut column: Vec<f32> = data.iter().skip(k).step_by(len).copied().collect();
                    column.sort_unstable_by(f32::total_cmp);
                    column
                };
                columns.insert(id.index(), (0..len).map(column).collect());
            }
        }
        Ok(Self {
            ranges: ranges.into_iter().map(|range| range.unwrap_or((0.0, 0.0))).collect(),
            tightened: vec![None; graph.values.len()],
            means,
            moments,
            bytes,
            columns,
            outputs,
        })
    }

    /// Least number of a value.
    pub(crate) fn min(&self, value: usize) -> f32 {
        self.ranges[value].0
    }

    /// Least and greatest number of a value.
    pub(crate) fn range(&self, value: usize) -> (f32, f32) {
        self.ranges[value]
    }

    /// The numbers of each entry of an input that trees read, ascending.
    pub(crate) fn columns(&self, value: usize) -> Option<Vec<Vec<f32>>> {
        self.columns.get(&value).cloned()
    }

    /// Greatest magnitude of a value.
    pub(crate) fn magnitude(&self, value: usize) -> f64 {
        let (min, max) = self.ranges[value];
        self.tightened[value].unwrap_or(f64::from(min.abs().max(max.abs())))
    }

    /// Typical magnitude of a value's entries, which a few outliers hardly move: the square of the mean root.
    pub(crate) fn typical(&self, value: usize) -> f64 {
        self.moments[value][0] * self.moments[value][0]
    }

    /// Root mean square of a value's entries.
    pub(crate) fn root_mean_square(&self, value: usize) -> f64 {
        self.moments[value][1].sqrt()
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
