//! Softmax, and averages under it: `softmax(scores) v` becomes `(sum e v) R`, so that no probability is ever rounded.

use veritorch_graph::circuit::SeparableMap;
use veritorch_graph::gadgets::{self, Mask, SOFTMAX_LOG_SCALE};
use veritorch_graph::model::{ModelOp, Node, ValueId};

use super::emit::IDENTITY;
use super::linear::product;
use super::sum::{Int, Sum};
use super::{Lowering, State, Unsupported};
use crate::scales::{Format, tidy};

/// Scores under a mask saturate here: a table of 2^16 exponentials then covers what the mask takes out, too.
const MASKED: i64 = (1 << 14) - (1 << 10);
/// Finest step of scores.
const FINEST_STEP: f64 = 1.0 / 1024.0;

/// Operand of a softmax that is not applied yet.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    x: Int,
    mask: Option<Mask>,
}

impl Lowering<'_> {
    pub(super) fn softmax(&mut self, node: &Node, axis: usize) -> Result<State, Unsupported> {
        let name = self.graph.value(node.output).name.clone();
        let mask = self.mask(node)?;
        let x = if self.settings.language { self.scores(node, mask.is_some())? } else { self.vision_scores(node)? };
        if self.is_average(node, axis) {
            return Ok(State::Scores(Scores { x, mask }));
        }
        let exp = |d: i64| libm::exp(d as f64 * x.scale);
        let tensor = gadgets::softmax(&mut self.builder, &name, x.tensor, axis, mask.as_ref(), exp)?;
        Ok(State::Int(Int { tensor, scale: 1.0 / f64::from(1u32 << SOFTMAX_LOG_SCALE) }))
    }

    /// The product of a softmax with its values, which waits for its rescale.
    pub(super) fn average(&mut self, node: &Node, scores: &Scores) -> Result<State, Unsupported> {
        let Scores { x, mask } = scores;
        let output = self.shape(node.output).to_vec();
        let values = self.shape(node.inputs[1]);
        let full = [&output[..output.len() - 2], &values[values.len() - 2..]].concat();
        let v = self.broadcast_int(node.inputs[1], &full)?;
        let name = self.graph.value(node.output).name.clone();
        let exp = |d: i64| libm::exp(d as f64 * x.scale);
        let average = gadgets::attention(&mut self.builder, &format!("{name}:attention"), x.tensor, v.tensor, mask.as_ref(), exp)?;
        let scale = v.scale * libm::exp2(-f64::from(average.log_scale));
        Ok(product(&output, Int { tensor: average.value, scale }))
    }

    /// Whether one product with values that depend on the input is all that reads a softmax along the last axis.
    fn is_average(&self, node: &Node, axis: usize) -> bool {
        let id = node.output;
        let shape = self.shape(id);
        self.settings.language
            && axis + 1 == shape.len()
            && self.uses[id.index()] == 1
            && self.graph.nodes.iter().any(|reader| {
                reader.op == ModelOp::MatMul
                    && reader.inputs[0] == id
                    && !self.is_constant(reader.inputs[1])
                    && self.shape(reader.output)[..shape.len() - 1] == shape[..shape.len() - 1]
            })
    }

    /// The mask, which speaks of the last two axes.
    fn mask(&self, node: &Node) -> Result<Option<Mask>, Unsupported> {
        let Some(&id) = node.inputs.get(1) else { return Ok(None) };
        let Some(data) = self.constant(id) else { return Err(Unsupported::reason("a mask that depends on the input")) };
        let (own, shape) = (self.shape(id), self.shape(node.inputs[0]));
        let [.., queries, keys] = *shape else { return Err(Unsupported::reason("a mask on a vector")) };
        let [own_queries, own_keys] = [2, 1].map(|k| own.len().checked_sub(k).map_or(1, |at| own[at]));
        if own_queries * own_keys != data.len() {
            return Err(Unsupported::reason("a mask that differs between samples or heads"));
        }
        let real = (0..queries * keys)
            .map(|at| data[(at / keys % own_queries) * own_keys + at % keys % own_keys] != 0.0)
            .collect();
        Ok(Some(Mask::new(keys, real)).filter(|mask| !mask.is_full()))
    }

    /// Softmax's operand: 16 bits, and a step that all softmaxes of the model share as near as they can, with their table.
    fn scores(&mut self, node: &Node, masked: bool) -> Result<Int, Unsupported> {
        let id = node.inputs[0];
        let (min, max) = if masked { (-MASKED, MASKED - 1) } else { (-(1 << 15), (1 << 15) - 1) };
        let sum = if let State::Sum(_) = self.states[id.index()] {
            self.as_sum(id)?
        } else {
            let int = self.int(id)?;
            let (lo, hi) = self.builder.range(int.tensor);
            if lo >= min && hi <= max {
                return Ok(int);
            }
            Sum::of_tensor(self.shape(id), int, SeparableMap::identity(self.shape(id).len()))
        };
        let greatest = self.softmax_operands().map(|id| self.calibration.magnitude(id.index())).fold(0.0, f64::max);
        // Without a mask a range refuses what lies beyond; with one the table saturates.
        let room = if masked { 1.25 } else { self.settings.margin };
        let step = libm::exp2(libm::log2((greatest * room / max as f64).max(FINEST_STEP)).ceil());
        let name = format!("{}:scores", self.graph.value(node.output).name);
        let magnitude = self.calibration.magnitude(id.index());
        self.settle(&name, sum, Format { scale: step, min, max }, magnitude)
    }

    /// Values that a softmax reads.
    fn softmax_operands(&self) -> impl Iterator<Item = ValueId> {
        self.graph.nodes.iter().filter(|node| matches!(node.op, ModelOp::Softmax { .. })).map(|node| node.inputs[0])
    }

    /// The same for a classifier's softmax: 16 bits, steps of 2^-10 or four times the calibrated range.
    fn vision_scores(&mut self, node: &Node) -> Result<Int, Unsupported> {
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
