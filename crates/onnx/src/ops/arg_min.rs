//! ArgMin: ArgMax of `-x`.

use super::arg_max::arg_max;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let negated = l.scale("negate", &x, -1.0)?;
    arg_max(l, &negated)
}
