//! Elu: `y = x` where `x >= 0`, else `alpha * (exp(x) - 1)`.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1.0)?;
    if !alpha.is_finite() {
        return Err(Stop::invalid(format!("alpha is {alpha}")));
    }
    unary(l, UnaryFn::Elu { alpha })
}
