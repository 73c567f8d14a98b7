//! ArgMin: ArgMax of `-x`.

use super::arg_max::arg_max;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let x = l.real(&x)?;
    let negated = l.scale("negate", &x, -1.0)?;
    arg_max(l, &negated)
}
