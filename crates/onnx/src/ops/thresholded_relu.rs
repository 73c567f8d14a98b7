//! ThresholdedRelu: `y = x` where `x > alpha`, else 0.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1.0)?;
    if !alpha.is_finite() {
        return Err(Stop::invalid(format!("alpha {alpha}")));
    }
    unary(l, UnaryFn::ThresholdedRelu { alpha })
}
