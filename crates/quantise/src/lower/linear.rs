//! Linear operators build sums; products of activations become virtual tensors.

use veritorch_graph::circuit::{AxisMap, ConvGeometry, SeparableMap, Term};
use veritorch_graph::model::{ModelOp, Node, ValueId};

use super::emit::broadcast;
use super::sum::{Int, Kind, Layer, Offset, Sum, Weights};
use super::{Lowering, State, Unsupported};
use crate::scales::tidy;

/// Greatest mantissa of a constant that stands as a tensor: two balanced bytes.
const CONSTANT_STEPS: f64 = 32_639.0;

/// Greatest factor of a product of activations in language models.
const FACTOR: i64 = 1 << 19;

impl Lowering<'_> {
    pub(super) fn conv(&mut self, node: &Node) -> Result<State, Unsupported> {
        let ModelOp::Conv { strides, pads, dilations, groups } = node.op else {
            return Err(Unsupported::reason("not a convolution"));
        };
        if !self.is_constant(node.inputs[1]) {
            return Err(Unsupported::reason("weights that depend on the input"));
        }
        let w_shape = self.shape(node.inputs[1]).to_vec();
        let output = self.shape(node.output).to_vec();
        let bias = match node.inputs.get(2) {
            Some(&id) => match self.constant(id) {
                Some(bias) => Some((self.graph.value(id).name.clone(), to_f64(&bias))),
                None => return Err(Unsupported::reason("a bias that depends on the input")),
            },
            None => None,
        };
        let x = self.operand(node.inputs[0])?;
        let geometry = ConvGeometry { kernel: [w_shape[2], w_shape[3]], strides, dilations, pads, groups };
        let inside = inside(&geometry, self.shape(node.inputs[0]), &output);
        let means = self
            .calibration
            .means(node.inputs[0].index())
            .chunks(w_shape[1])
            .map(|group| group.iter().flat_map(|mean| inside.iter().map(move |share| mean * share)).collect())
            .collect();
        let layer = Layer {
            name: self.graph.value(node.inputs[1]).name.clone(),
            x,
            kind: Kind::Conv { geometry, output: [output[2], output[3]] },
            axis: 1,
            weights: Weights {
                constant: node.inputs[1],
                extents: [w_shape[0], w_shape[1..].iter().product()],
                transposed: false,
                factors: Vec::new(),
            },
            means,
        };
        let mut sum = Sum::of_layer(&output, layer);
        if let Some((name, values)) = bias {
            sum = sum.offset(Offset { name, shape: vec![1, values.len(), 1, 1], values });
        }
        Ok(State::Sum(sum))
    }

    pub(super) fn matmul(&mut self, node: &Node) -> Result<State, Unsupported> {
        let (a, b) = (node.inputs[0], node.inputs[1]);
        if let State::Scores(scores) = &self.states[a.index()] {
            let scores = scores.clone();
            return self.average(node, &scores);
        }
        let output = self.shape(node.output).to_vec();
        let (a_shape, b_shape) = (self.shape(a).to_vec(), self.shape(b).to_vec());
        let is_matrix = b_shape.len() <= a_shape.len() && b_shape[..b_shape.len() - 2].iter().all(|&extent| extent == 1);
        if is_matrix && self.is_constant(b) && !self.is_constant(a) {
            let (inner, columns) = (b_shape[b_shape.len() - 2], b_shape[b_shape.len() - 1]);
            let name = self.graph.value(b).name.clone();
            let means = self.calibration.means(a.index());
            let means = if means.len() == inner { vec![means.to_vec()] } else { Vec::new() };
            let x = self.operand(a)?;
            let weights = Weights { constant: b, extents: [columns, inner], transposed: true, factors: Vec::new() };
            let layer = Layer { name, x, kind: Kind::Dense, axis: output.len() - 1, weights, means };
            return Ok(State::Sum(Sum::of_layer(&output, layer)));
        }
        let lead = &output[..output.len() - 2];
        let extend = |shape: &[usize]| [lead, &shape[shape.len() - 2..]].concat();
        let (a_full, b_full) = (extend(&a_shape), extend(&b_shape));
        let a = self.broadcast_int(a, &a_full)?;
        let b = self.broadcast_int(b, &b_full)?;
        let name = format!("{}:product", self.graph.value(node.output).name);
        let tensor = self.builder.matmul(&name, a.tensor, b.tensor)?;
        Ok(product(&output, Int { tensor, scale: a.scale * b.scale }))
    }

    /// `a + sign * b`.
    pub(super) fn add(&mut self, node: &Node, sign: f64) -> Result<State, Unsupported> {
        let shape = self.shape(node.output).to_vec();
        let mut total: Option<Sum> = None;
        let mut offsets = Vec::new();
        for (&id, factor) in node.inputs.iter().zip([1.0, sign]) {
            if let Some(values) = self.constant(id) {
                let values = values.iter().map(|&v| f64::from(v) * factor).collect();
                let own = aligned(self.shape(id), shape.len());
                offsets.push(Offset { name: self.graph.value(id).name.clone(), shape: own, values });
                continue;
            }
            let mut sum = self.summand(id, &shape)?;
            if factor != 1.0 {
                sum = sum.scale(factor);
            }
            total = Some(match total {
                Some(total) => total.add(sum),
                None => sum,
            });
        }
        let total = total.unwrap_or(Sum { shape, parts: Vec::new(), offsets: Vec::new() });
        Ok(State::Sum(offsets.into_iter().fold(total, Sum::offset)))
    }

    pub(super) fn mul(&mut self, node: &Node) -> Result<State, Unsupported> {
        let shape = self.shape(node.output).to_vec();
        let (first, second) = (node.inputs[0], node.inputs[1]);
        let (x, factor) = match (self.constant(first), self.constant(second)) {
            (None, Some(factor)) => (first, factor),
            (Some(factor), None) => (second, factor),
            _ => return self.product(node),
        };
        let factor = to_f64(&factor);
        let own = aligned(self.shape(if x == first { second } else { first }), shape.len());
        let axes: Vec<usize> = (0..own.len()).filter(|&k| own[k] > 1).collect();
        match axes.as_slice() {
            [] => {
                if let State::Int(int) = &self.states[x.index()]
                    && factor[0] > 0.0
                    && self.shape(x) == shape
                {
                    return Ok(State::Int(Int { tensor: int.tensor, scale: int.scale * factor[0] }));
                }
                Ok(State::Sum(self.summand(x, &shape)?.scale(factor[0])))
            }
            [axis] => {
                let sum = self.summand(x, &shape)?;
                if let Some(scaled) = sum.scale_channels(*axis, &factor) {
                    return Ok(State::Sum(scaled));
                }
                let int = self.int(x)?;
                let map = broadcast(self.shape(x), &shape);
                let sum = Sum::of_tensor(&shape, int, map).scale_channels(*axis, &factor);
                Ok(State::Sum(sum.ok_or_else(|| Unsupported::reason("factors along two axes"))?))
            }
            _ => self.product(node),
        }
    }

    /// Product of two tensors, entry by entry.
    fn product(&mut self, node: &Node) -> Result<State, Unsupported> {
        let shape = self.shape(node.output).to_vec();
        let a = self.broadcast_int(node.inputs[0], &shape)?;
        let b = self.broadcast_int(node.inputs[1], &shape)?;
        let name = format!("{}:product", self.graph.value(node.output).name);
        let tensor = self.builder.mul(&name, a.tensor, b.tensor)?;
        Ok(product(&shape, Int { tensor, scale: a.scale * b.scale }))
    }

    pub(super) fn reduce_sum(&mut self, node: &Node, axes: &[usize]) -> Result<State, Unsupported> {
        let x = self.operand(node.inputs[0])?;
        let (input, output) = (self.shape(node.inputs[0]), self.shape(node.output));
        let mut map = SeparableMap::identity(input.len());
        for &axis in axes {
            let window = AxisMap::Window { kernel: input[axis], stride: 1, dilation: 1, pad: 0 };
            map.links[axis] = SeparableMap::along(input.len(), axis, window).links[axis].clone();
        }
        Ok(State::Sum(Sum::of_tensor(output, x, map)))
    }

    /// `[kernel, strides, dilations, pads]`.
    pub(super) fn sum_pool(&mut self, node: &Node, geometry: [[usize; 2]; 4]) -> Result<State, Unsupported> {
        let x = self.operand(node.inputs[0])?;
        let output = self.shape(node.output);
        let rank = output.len();
        let [kernel, strides, dilations, pads] = geometry;
        let mut map = SeparableMap::identity(rank);
        for k in 0..2 {
            let axis = rank - 2 + k;
            let window =
                AxisMap::Window { kernel: kernel[k], stride: strides[k], dilation: dilations[k], pad: pads[k] };
            map.links[axis] = SeparableMap::along(rank, axis, window).links[axis].clone();
        }
        Ok(State::Sum(Sum::of_tensor(output, x, map)))
    }

    /// A value as a sum of this shape.
    fn summand(&mut self, id: ValueId, shape: &[usize]) -> Result<Sum, Unsupported> {
        if self.shape(id) == shape {
            return self.as_sum(id);
        }
        let int = self.settled(id)?;
        Ok(Sum::of_tensor(shape, int, broadcast(self.shape(id), shape)))
    }

    /// A factor of a product, repeated to a shape: at most 16 bits, in language models 20.
    pub(super) fn broadcast_int(&mut self, id: ValueId, shape: &[usize]) -> Result<Int, Unsupported> {
        let wide = self.int(id)?;
        let (lo, hi) = self.builder.range(wide.tensor);
        let int = if self.settings.language && hi.max(-lo) <= FACTOR { wide } else { self.operand(id)? };
        let name = format!("{}:repeated", self.graph.value(id).name);
        let own = self.shape(id).to_vec();
        self.repeated(&name, int, &own, shape)
    }

    /// A tensor of shape `own`, repeated to a shape.
    pub(super) fn repeated(&mut self, name: &str, int: Int, own: &[usize], shape: &[usize]) -> Result<Int, Unsupported> {
        if own == shape {
            return Ok(int);
        }
        let term = Term { x: int.tensor, coefficient: 1, map: broadcast(own, shape) };
        let tensor = self.builder.linear(name, shape, vec![term], Vec::new())?;
        Ok(Int { tensor, scale: int.scale })
    }

    /// A constant as a private tensor, at this scale or at its own.
    pub(super) fn constant_int(&mut self, id: ValueId, scale: Option<f64>) -> Result<Int, Unsupported> {
        let value = self.graph.value(id);
        let values = to_f64(&value.data().unwrap_or_default());
        let magnitude = values.iter().fold(0.0f64, |max, v| max.max(v.abs()));
        let scale = scale.unwrap_or_else(|| {
            let scale = tidy(if magnitude > 0.0 { magnitude / CONSTANT_STEPS } else { 1.0 });
            // In language models powers of two: products of activations with constants absorb no multiplier.
            if self.settings.language { libm::exp2(libm::log2(scale).ceil()) } else { scale }
        });
        let integers: Vec<i64> = values.iter().map(|v| (v / scale).round() as i64).collect();
        let (name, shape) = (value.name.clone(), value.shape.clone());
        let term = self.constant_term(&name, &shape, integers, &shape)?;
        let tensor = self.builder.linear(&format!("{name}:tensor"), &shape, vec![term], Vec::new())?;
        Ok(Int { tensor, scale })
    }
}

/// Per tap, the share of output positions at which it reads a real position.
fn inside(geometry: &ConvGeometry, x: &[usize], y: &[usize]) -> Vec<f64> {
    let share = |k: usize| -> Vec<f64> {
        let (extent, outputs) = (x[2 + k], y[2 + k]);
        (0..geometry.kernel[k])
            .map(|tap| {
                let real = (0..outputs)
                    .filter(|&j| {
                        (j * geometry.strides[k] + tap * geometry.dilations[k])
                            .checked_sub(geometry.pads[k])
                            .is_some_and(|at| at < extent)
                    })
                    .count();
                real as f64 / outputs as f64
            })
            .collect()
    };
    let (rows, columns) = (share(0), share(1));
    rows.iter().flat_map(|row| columns.iter().map(move |column| row * column)).collect()
}

pub(super) fn product(shape: &[usize], int: Int) -> State {
    State::Sum(Sum::of_tensor(shape, int, SeparableMap::identity(shape.len())))
}

fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// The shape with ones in front.
fn aligned(shape: &[usize], rank: usize) -> Vec<usize> {
    let mut own = vec![1; rank.saturating_sub(shape.len())];
    own.extend_from_slice(shape);
    own
}
