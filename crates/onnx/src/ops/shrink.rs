//! Shrink: `y = x + bias` where `x < -lambd`, `x - bias` where `x > lambd`, else 0.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let bias = l.float("bias", 0.0)?;
    let lambd = l.float("lambd", 0.5)?;
    if !bias.is_finite() || !(lambd.is_finite() && lambd >= 0.0) {
        return Err(Stop::invalid(format!("bias {bias}, lambd {lambd}")));
    }
    unary(l, UnaryFn::Shrink { bias, lambd })
}
