//! Quotients of two tensors, exact on the integers: `floor(a 2^k / b)`.

use veritorch_graph::circuit::Term;
use veritorch_graph::gadgets;
use veritorch_graph::model::Node;

use super::emit::IDENTITY;
use super::sum::Int;
use super::{Lowering, State, Unsupported};
use crate::scales::Format;

/// Most bits by which a dividend is widened.
const MOST_SHIFT: f64 = 28.0;

impl Lowering<'_> {
    /// The divisor keeps to one side of zero on the calibration data, and saturates at one step on that side.
    pub(super) fn div(&mut self, node: &Node) -> Result<State, Unsupported> {
        let shape = self.shape(node.output).to_vec();
        let (a, b) = (node.inputs[0], node.inputs[1]);
        let (min, max) = self.calibration.range(b.index());
        if min <= 0.0 && max >= 0.0 {
            return Err(Unsupported::reason(format!("a divisor in {min}..={max}, expected one side of zero alone")));
        }
        let sign = if min > 0.0 { 1 } else { -1 };
        let name = self.graph.value(node.output).name.clone();
        let divisor = self.operand(b)?;
        let (lo, hi) = self.builder.range(divisor.tensor);
        let own = self.shape(b).to_vec();
        let terms = vec![Term::identity(divisor.tensor, sign, own.len())];
        let tensor = self.builder.linear(&format!("{name}:side"), &own, terms, Vec::new())?;
        let log_keys = 64 - lo.unsigned_abs().max(hi.unsigned_abs()).leading_zeros() + 1;
        let format = Format { scale: divisor.scale, min: 1, max: (1 << (log_keys - 1)) - 1 };
        let table = self.table(IDENTITY, divisor.scale, format, -(1 << (log_keys - 1)), log_keys);
        let tensor = gadgets::apply_table(&mut self.builder, &format!("{name}:divisor"), tensor, table)?;
        let divisor = self.repeated(&format!("{name}:divisors"), Int { tensor, scale: divisor.scale }, &own, &shape)?;
        let dividend = self.broadcast_int(a, &shape)?;
        let wanted = self.formats.narrow(node.output.index()).scale;
        let shift = libm::log2(dividend.scale / divisor.scale / wanted).round().clamp(0.0, MOST_SHIFT);
        let terms = vec![Term::identity(dividend.tensor, sign << shift as u32, shape.len())];
        let widened = self.builder.linear(&format!("{name}:dividend"), &shape, terms, Vec::new())?;
        let tensor = gadgets::divide(&mut self.builder, &name, widened, divisor.tensor)?;
        Ok(State::Int(Int { tensor, scale: dividend.scale / divisor.scale * libm::exp2(-shift) }))
    }
}
