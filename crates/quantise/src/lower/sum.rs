//! Sums that are not rescaled yet: `real = sum factor * map(integers) + sum layer + constants`.
//!
//! A linear layer keeps its float weights here, so that scales, batch normalisation and the unit of the sum can
//! still be folded into them.

use veritorch_graph::circuit::{ConvGeometry, SeparableMap, TensorId};
use veritorch_graph::model::ValueId;

/// An integer tensor and the real value of 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Int {
    pub(super) tensor: TensorId,
    pub(super) scale: f64,
}

/// A linear layer whose weights are still real numbers.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Name of the weight in the user's model.
    pub(super) name: String,
    /// Operand.
    pub(super) x: Int,
    /// Convolution with these extents of the result, or a product with a matrix.
    pub(super) kind: Kind,
    /// Axis of the result along which output channels lie.
    pub(super) axis: usize,
    /// Its weights.
    pub(super) weights: Weights,
    /// Mean of the operand's entries under `[output channel group][rest]`, where calibration knows it: what rounding of the
    /// weights shifts on average is put back into the bias.
    pub(super) means: Vec<Vec<f64>>,
}

/// A constant of the model as a matrix `[output channel][rest]`, with factors that were folded into it.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// The constant.
    pub(super) constant: ValueId,
    /// `[output channels, rest]`.
    pub(super) extents: [usize; 2],
    /// Whether the constant is stored as `[rest][output channel]`.
    pub(super) transposed: bool,
    /// In the order in which they apply: one for all, or one per output channel.
    pub(super) factors: Vec<Vec<f64>>,
}

impl Weights {
    /// Greatest magnitude; `data` are the constant's numbers.
    pub(super) fn greatest(&self, data: &[f32]) -> f64 {
        let [outputs, inner] = self.extents;
        let factors: Vec<f64> =
            (0..outputs).map(|index| self.factors.iter().map(|factors| factors[index % factors.len()].abs()).product()).collect();
        let output = |at: usize| if self.transposed { at % outputs } else { at / inner };
        data.iter().enumerate().fold(0.0, |max, (at, &w)| f64::max(max, f64::from(w.abs()) * factors[output(at)]))
    }

    /// The weights of an output channel; `data` are the constant's numbers.
    pub(super) fn row(&self, data: &[f32], index: usize) -> Vec<f64> {
        let [outputs, inner] = self.extents;
        let (start, step) = if self.transposed { (index, outputs) } else { (index * inner, 1) };
        let mut row: Vec<f64> = data[start..].iter().step_by(step).take(inner).map(|&w| f64::from(w)).collect();
        for factors in &self.factors {
            let factor = factors[index % factors.len()];
            row.iter_mut().for_each(|w| *w *= factor);
        }
        row
    }
}

/// Kind of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Conv { geometry: ConvGeometry, output: [usize; 2] },
    Dense,
}

/// One summand.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// `factor * channel[j] * map(x)`, j along an axis of the result.
    Tensor { x: TensorId, map: SeparableMap, factor: f64, channel: Option<(usize, Vec<f64>)> },
    /// A linear layer.
    Layer(Layer),
}

impl Part {
    /// Real value of 1 of a tensor, the greatest along its channels.
    pub(super) fn step(&self) -> Option<f64> {
        let Self::Tensor { factor, channel, .. } = self else { return None };
        let largest = channel.as_ref().map_or(1.0, |(_, by)| by.iter().fold(0.0f64, |max, v| max.max(v.abs())));
        Some(factor.abs() * largest)
    }
}

/// A constant that broadcasts to the sum's shape; its shape has the same rank.
#[derive(Clone, Debug)]
pub(super) struct Offset {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

/// A sum with its shape.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub(super) shape: Vec<usize>,
    pub(super) parts: Vec<Part>,
    pub(super) offsets: Vec<Offset>,
}

impl Sum {
    pub(super) fn of_tensor(shape: &[usize], x: Int, map: SeparableMap) -> Self {
        let part = Part::Tensor { x: x.tensor, map, factor: x.scale, channel: None };
        Self { shape: shape.to_vec(), parts: vec![part], offsets: Vec::new() }
    }

    pub(super) fn of_layer(shape: &[usize], layer: Layer) -> Self {
        Self { shape: shape.to_vec(), parts: vec![Part::Layer(layer)], offsets: Vec::new() }
    }

    /// Multiplies everything by a number.
    pub(super) fn scale(mut self, by: f64) -> Self {
        for part in &mut self.parts {
            match part {
                Part::Tensor { factor, .. } => *factor *= by,
                Part::Layer(layer) => layer.weights.factors.push(vec![by]),
            }
        }
        self.offsets.iter_mut().flat_map(|offset| &mut offset.values).for_each(|v| *v *= by);
        self
    }

    /// Multiplies by numbers along an axis; `None` where a summand cannot take them.
    pub(super) fn scale_channels(mut self, axis: usize, by: &[f64]) -> Option<Self> {
        for part in &mut self.parts {
            match part {
                Part::Tensor { channel, .. } => match channel {
                    None => *channel = Some((axis, by.to_vec())),
                    Some((own, factors)) if *own == axis => {
                        factors.iter_mut().zip(by).for_each(|(factor, by)| *factor *= by);
                    }
                    Some(_) => return None,
                },
                Part::Layer(layer) if layer.axis == axis => layer.weights.factors.push(by.to_vec()),
                Part::Layer(_) => return None,
            }
        }
        for offset in &mut self.offsets {
            if offset.shape[axis] == 1 && by.len() > 1 {
                let inner: usize = offset.shape[axis + 1..].iter().product();
                offset.values = offset.values.chunks(inner).flat_map(|chunk| {
                    by.iter().flat_map(move |by| chunk.iter().map(move |v| v * by))
                }).collect();
                offset.shape[axis] = by.len();
            } else {
                let inner: usize = offset.shape[axis + 1..].iter().product();
                for (index, v) in offset.values.iter_mut().enumerate() {
                    *v *= by[index / inner % by.len()];
                }
            }
        }
        Some(self)
    }

    /// Adds a sum of the same shape.
    pub(super) fn add(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        for offset in other.offsets {
            self = self.offset(offset);
        }
        self
    }

    /// Adds a constant.
    pub(super) fn offset(mut self, offset: Offset) -> Self {
        match self.offsets.iter_mut().find(|other| other.shape == offset.shape) {
            Some(other) => other.values.iter_mut().zip(offset.values).for_each(|(a, b)| *a += b),
            None => self.offsets.push(offset),
        }
        self
    }

    /// Least real value of 1 among the tensors (the greatest along its channels); infinite without tensors.
    pub(super) fn finest(&self) -> f64 {
        self.parts.iter().filter_map(Part::step).filter(|&step| step > 0.0).fold(f64::INFINITY, f64::min)
    }

    /// The only tensor, where the sum is `factor * map(x)` with a non-zero scalar factor.
    pub(super) fn single(&self) -> Option<(TensorId, &SeparableMap, f64)> {
        match (self.parts.as_slice(), self.offsets.as_slice()) {
            ([Part::Tensor { x, map, factor, channel: None }], []) if *factor != 0.0 => Some((*x, map, *factor)),
            _ => None,
        }
    }
}
