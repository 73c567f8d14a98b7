//! Functions, maxima, argmax and softmax.

use veritorch_graph::circuit::SeparableMap;
use veritorch_graph::gadgets::{self, SOFTMAX_LOG_SCALE, Windows};
use veritorch_graph::model::{Node, UnaryFn};

use super::emit::IDENTITY;
use super::sum::{Int, Sum};
use super::{Lowering, State, Unsupported};
use crate::scales::{Format, tidy};

/// Logarithm of the largest table that is applied to an integer tensor directly.
const LOG_DIRECT: u32 = 16;

impl Lowering<'_> {
    pub(super) fn unary(&mut self, node: &Node, function: UnaryFn) -> Result<State, Unsupported> {
        let id = node.inputs[0];
        let name = self.graph.value(node.output).name.clone();
        let format = self.formats.of(node.output.index());
        let magnitude = self.calibration.magnitude(id.index());
        let is_pending = self.uses[id.index()] == 1 && matches!(self.states[id.index()], State::Sum(_));
        if !is_pending {
            let int = self.int(id)?;
            let (lo, hi) = self.builder.range(int.tensor);
            let (min, log_keys) = keys(lo, hi);
            if log_keys <= LOG_DIRECT {
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

    pub(super) fn softmax(&mut self, node: &Node, axis: usize) -> Result<State, Unsupported> {
        let id = node.inputs[0];
        let name = self.graph.value(node.output).name.clone();
        let x = self.scores(node)?;
        let exp = |d: i64| libm::exp(d as f64 * x.scale);
        debug_assert_eq!(self.builder.shape(x.tensor), self.shape(id));
        let tensor = gadgets::softmax(&mut self.builder, &name, x.tensor, axis, None, exp)?;
        Ok(State::Int(Int { tensor, scale: 1.0 / f64::from(1u32 << SOFTMAX_LOG_SCALE) }))
    }

    /// Softmax's operand: 16 bits, steps of 2^-10 or four times the calibrated range.
    fn scores(&mut self, node: &Node) -> Result<Int, Unsupported> {
        let id = node.inputs[0];
        let shape = self.shape(id).to_vec();
        let sum = if let State::Sum(_) = self.states[id.index()] {
            self.as_sum(id)?
        } else {
            let int = self.int(id)?;
            let (lo, hi) = self.builder.range(int.tensor);
            if hi - lo < 1 << 16 {
                return Ok(int);
            }
            Sum::of_tensor(&shape, int, SeparableMap::identity(shape.len()))
        };
        let scale = tidy((self.calibration.magnitude(id.index()) / f64::from(1 << 13)).max(1.0 / 1024.0));
        let name = format!("{}:scores", self.graph.value(node.output).name);
        let t = self.emit(&format!("{name}:scaled"), sum, scale / 65_536.0, 1 << 15)?;
        let keys = self.keys_for(t, 16);
        if !self.settings.options.saturate || keys <= 16 {
            let scores = gadgets::requantise(&mut self.builder, &name, t, 16, gadgets::signed_range())?;
            return Ok(Int { tensor: scores.value, scale });
        }
        let (t, shift) = self.coarsen(&name, t, 16, 16)?;
        let key = scale * (1u64 << (shift - 16)) as f64;
        let format = Format { scale, min: -(1 << 15), max: (1 << 15) - 1 };
        let table = self.table(IDENTITY, key, format, -(1 << (keys - 1)), keys);
        let scores = gadgets::requantise(&mut self.builder, &name, t, shift, gadgets::Quotient::Function(table))?;
        Ok(Int { tensor: scores.value, scale })
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
