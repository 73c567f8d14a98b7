//! Models that are quantised already: their own integers, exactly.
//!
//! [`ModelOp::Quantize`](veritorch_graph::model::ModelOp) turns real numbers into whole ones; behind it sums, products and layers of whole numbers with whole
//! weights are emitted as they are (a unit of 1), and rescaled by the model's own multipliers. Nothing of it is calibrated.

use veritorch_graph::circuit::{MAX_LOG_TABLE, SeparableMap};
use veritorch_graph::gadgets::{apply_table, fixed_point, function_table};
use veritorch_graph::model::{FixedPoint, Node, ValueId};

use super::sum::{Int, Part, Sum};
use super::{Lowering, State, Unsupported};
use crate::scales::Format;

/// Greatest weight of one balanced byte: with it a layer's multiplier is 1.
const BYTE: f64 = 127.0;
/// Greatest offset that a weight's four bytes hold exactly.
const MOST_OFFSET: f64 = (127u64 << 24) as f64;

impl Lowering<'_> {
    /// Whole numbers: the operand has the format that [`Formats`](crate::scales::Formats) took from here.
    pub(super) fn quantize(&mut self, node: &Node, scale: f32, [min, max]: [i32; 2]) -> Result<State, Unsupported> {
        let (id, scale) = (node.inputs[0], f64::from(scale));
        let x = self.int(id)?;
        let (lo, hi) = self.builder.range(x.tensor);
        if x.scale == scale && lo >= min.into() && hi <= max.into() {
            return Ok(State::Int(Int { tensor: x.tensor, scale: 1.0 }));
        }
        let name = self.graph.value(node.output).name.clone();
        let format = Format { scale, min: min.into(), max: max.into() };
        let sum = Sum::of_tensor(self.shape(id), x, SeparableMap::identity(self.shape(id).len()));
        let int = self.rescale(&name, sum, None, format, self.calibration.magnitude(id.index()))?;
        Ok(State::Int(Int { tensor: int.tensor, scale: 1.0 }))
    }

    pub(super) fn fixed_point(&mut self, node: &Node, rule: &FixedPoint) -> Result<State, Unsupported> {
        let x = self.whole_int(node.inputs[0])?;
        let name = self.graph.value(node.output).name.clone();
        let tensor = fixed_point(&mut self.builder, &name, x.tensor, rule)?;
        Ok(State::Int(Int { tensor, scale: 1.0 }))
    }

    pub(super) fn integer_table(&mut self, node: &Node, min: i32, values: &[i32]) -> Result<State, Unsupported> {
        let x = self.whole_int(node.inputs[0])?;
        let (lo, hi) = self.builder.range(x.tensor);
        let min = i64::from(min);
        let log_len = values.len().next_power_of_two().ilog2().max(1);
        let (Some(&last), true) = (values.last(), log_len <= MAX_LOG_TABLE) else {
            return Err(Unsupported::reason(format!("a table of {} values", values.len())));
        };
        if lo < min || hi >= min + values.len() as i64 {
            let reason = format!("numbers in {lo}..={hi} for a table of {} values from {min} on", values.len());
            return Err(Unsupported::reason(reason));
        }
        let name = self.graph.value(node.output).name.clone();
        let value = |x: i64| usize::try_from(x - min).ok().and_then(|row| values.get(row)).copied().unwrap_or(last);
        let table = function_table(&mut self.builder, &format!("{name}: table"), min, log_len, value);
        let tensor = apply_table(&mut self.builder, &name, x.tensor, table)?;
        Ok(State::Int(Int { tensor, scale: 1.0 }))
    }

    /// The value as whole numbers without any rescale.
    fn whole_int(&mut self, id: ValueId) -> Result<Int, Unsupported> {
        let sum = match &self.states[id.index()] {
            State::Int(int) if int.scale == 1.0 => return Ok(*int),
            State::Sum(sum) => sum.clone(),
            _ => return Err(Unsupported::reason("a rescaling of numbers that are not whole")),
        };
        for part in &sum.parts {
            self.check_whole(part)?;
        }
        let offsets = sum.offsets.iter().flat_map(|offset| &offset.values);
        if let Some(offset) = offsets.into_iter().find(|v| v.fract() != 0.0 || v.abs() > MOST_OFFSET) {
            return Err(Unsupported::reason(format!("an offset of {offset}, expected whole numbers up to {MOST_OFFSET}")));
        }
        let name = format!("{}:sum", self.graph.value(id).name);
        let int = Int { tensor: self.emit_whole(&name, sum)?, scale: 1.0 };
        self.set_int(id, int);
        Ok(int)
    }

    /// Refuses what a unit of 1 would round.
    fn check_whole(&self, part: &Part) -> Result<(), Unsupported> {
        match part {
            Part::Tensor { factor, channel, .. } => {
                let factors = channel.as_ref().map_or([1.0].as_slice(), |(_, by)| by.as_slice());
                match factors.iter().find(|by| (factor * **by).fract() != 0.0) {
                    None => Ok(()),
                    Some(by) => Err(Unsupported::reason(format!("a factor of {}, expected a whole number", factor * by))),
                }
            }
            Part::Layer(layer) => {
                let data = self.constant(layer.weights.constant).unwrap_or_default();
                let is_whole = layer.weights.factors.is_empty() && data.iter().all(|w| w.fract() == 0.0);
                let greatest = layer.weights.greatest(&data);
                if is_whole && greatest <= BYTE && layer.x.scale == 1.0 {
                    return Ok(());
                }
                Err(Unsupported::reason(format!("weights up to {greatest}, expected whole numbers up to {BYTE} on whole numbers")))
            }
        }
    }
}
