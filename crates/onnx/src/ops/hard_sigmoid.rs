//! HardSigmoid: `y = min(max(alpha * x + beta, 0), 1)`.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 0.2)?;
    let beta = l.float("beta", 0.5)?;
    if !alpha.is_finite() || !beta.is_finite() {
        return Err(Stop::invalid(format!("alpha {alpha}, beta {beta}")));
    }
    unary(l, UnaryFn::HardSigmoid { alpha, beta })
}
