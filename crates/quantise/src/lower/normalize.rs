//! Normalisation: exact statistics of integer rows, and one rescale of the normalised values.

use veritorch_graph::circuit::SeparableMap;
use veritorch_graph::gadgets::{self, Normalisation};
use veritorch_graph::model::Node;

use super::sum::{Int, Sum};
use super::{Lowering, State, Unsupported};
use crate::options::MOST_BITS;
use crate::scales::row_bits;

/// Significant bits of `1 / sigma` on a row of typical size.
const DIGITS: f64 = 13.0;

impl Lowering<'_> {
    /// The operand is read as it is, up to 24 bits; the result waits for its rescale.
    pub(super) fn normalize(&mut self, node: &Node, axes: &[usize], epsilon: f64, centred: bool) -> Result<State, Unsupported> {
        let id = node.inputs[0];
        let shape = self.shape(id).to_vec();
        let bits = row_bits(self.graph, node).unwrap_or(MOST_BITS);
        let x = self.limbs(id, bits)?;
        let len: usize = axes.iter().map(|&axis| shape[axis]).product();
        // The gadget counts digits for the greatest row that x's format admits; typical ones are smaller and have more.
        let (lo, hi) = self.builder.range(x.tensor);
        let greatest = hi.max(-lo) as f64 * x.scale;
        let spare = (greatest / self.calibration.root_mean_square(id.index()).max(f64::MIN_POSITIVE)).log2();
        let how = Normalisation {
            axes,
            epsilon: len as f64 * epsilon / (x.scale * x.scale),
            centred,
            bits: (DIGITS - spare).ceil().clamp(8.0, 16.0) as u32,
        };
        let name = self.graph.value(node.output).name.clone();
        let result = gadgets::normalize(&mut self.builder, &format!("{name}:rows"), x.tensor, &how)?;
        let int = Int { tensor: result.value, scale: result.scale };
        Ok(State::Sum(Sum::of_tensor(&shape, int, SeparableMap::identity(shape.len()))))
    }
}
