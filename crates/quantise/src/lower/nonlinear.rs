//! Functions, maxima and argmax.

use veritorch_graph::gadgets::{self, Draw, Windows};
use veritorch_graph::model::{Node, UnaryFn};

use super::sum::Int;
use super::{Lowering, State, Unsupported};

/// Logarithm of the largest table that is applied to an integer tensor directly.
const LOG_DIRECT: u32 = 16;

/// The same for whole numbers, which no rescale may touch.
const LOG_WHOLE: u32 = 18;

impl Lowering<'_> {
    pub(super) fn unary(&mut self, node: &Node, function: UnaryFn) -> Result<State, Unsupported> {
        let id = node.inputs[0];
        let name = self.graph.value(node.output).name.clone();
        let format = self.formats.narrow(node.output.index());
        let magnitude = self.calibration.magnitude(id.index());
        let is_pending = self.uses[id.index()] == 1 && matches!(self.states[id.index()], State::Sum(_));
        let is_whole = self.formats.is_whole(id.index());
        if !is_pending || is_whole {
            let int = if is_whole { self.exact(id)? } else { self.int(id)? };
            let (lo, hi) = self.builder.range(int.tensor);
            let (min, log_keys) = keys(lo, hi);
            if log_keys <= if is_whole { LOG_WHOLE } else { LOG_DIRECT } {
                let table = self.table(function, int.scale, format, min, log_keys);
                let tensor = gadgets::apply_table(&mut self.builder, &name, int.tensor, table)?;
                return Ok(State::Int(Int { tensor, scale: format.scale }));
            }
        }
        let sum = self.as_sum(id)?;
        Ok(State::Int(self.rescale(&name, sum, Some(function), format, magnitude)?))
    }

    /// `[kernel, strides, dilations, pads]`.
    pub(super) fn max_pool(&mut self, node: &Node, geometry: [[usize; 2]; 4]) -> Result<State, Unsupported> {
        let x = self.int(node.inputs[0])?;
        let name = self.graph.value(node.output).name.clone();
        let output = self.shape(node.output).to_vec();
        let [kernel, strides, dilations, pads] = geometry;
        let mut tensor = x.tensor;
        for k in [1, 0] {
            let axis = output.len() - 2 + k;
            let windows = Windows {
                kernel: kernel[k],
                stride: strides[k],
                dilation: dilations[k],
                pad: pads[k],
                output: output[axis],
            };
            let part = if k == 0 { name.clone() } else { format!("{name}:columns") };
            tensor = gadgets::max_pool_axis(&mut self.builder, &part, tensor, axis, windows)?;
        }
        Ok(State::Int(Int { tensor, scale: x.scale }))
    }

    pub(super) fn reduce_max(&mut self, node: &Node, axes: &[usize]) -> Result<State, Unsupported> {
        let x = self.int(node.inputs[0])?;
        let name = self.graph.value(node.output).name.clone();
        let mut tensor = x.tensor;
        for &axis in axes {
            tensor = gadgets::reduce_max(&mut self.builder, &name, tensor, axis)?;
        }
        Ok(State::Int(Int { tensor, scale: x.scale }))
    }

    pub(super) fn argmax(&mut self, node: &Node, axis: usize, select_last: bool) -> Result<State, Unsupported> {
        let x = self.settled(node.inputs[0])?;
        let name = self.graph.value(node.output).name.clone();
        let tensor = gadgets::argmax(&mut self.builder, &name, x.tensor, axis, select_last)?;
        Ok(State::Int(Int { tensor, scale: 1.0 }))
    }

    pub(super) fn sample(&mut self, node: &Node, temperature: f32, top_k: Option<usize>) -> Result<State, Unsupported> {
        let scores = self.operand(node.inputs[0])?;
        let seed = self.int(node.inputs[1])?;
        let name = self.graph.value(node.output).name.clone();
        let draw = Draw { label: &format!("temperature {temperature}"), temperature: f64::from(temperature) / scores.scale, top_k };
        let tensor = gadgets::sample(&mut self.builder, &name, scores.tensor, seed.tensor, draw)?;
        Ok(State::Int(Int { tensor, scale: 1.0 }))
    }
}

/// `(min, log_len)` of the smallest `[0, 2^k)` or `[-2^k, 2^k)` around a range.
fn keys(lo: i64, hi: i64) -> (i64, u32) {
    let bits = |v: i64| 64 - v.max(0).leading_zeros();
    if lo >= 0 {
        return (0, bits(hi).max(1));
    }
    let k = bits(-(lo + 1)).max(bits(hi));
    (-(1 << k), k + 1)
}
