//! BitShift: constants shifted by constants, to the right or to the left.
//!
//! What is shifted to the left must stay below 2^8: the importer does not keep the widths of integers, and wider ones would be cut.

use super::elementwise::both_ints;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    let shift: fn(i64, i64) -> Option<i64> = match l.string("direction", "")?.as_str() {
        "RIGHT" => |x, by| if x < 0 { None } else { u32::try_from(by).ok().map(|by| x.checked_shr(by).unwrap_or(0)) },
        "LEFT" => |x, by| {
            let factor = u32::try_from(by).ok().filter(|&by| by < 8).map(|by| 1 << by)?;
            x.checked_mul(factor).filter(|y| (0..256).contains(y))
        },
        other => return Err(Stop::invalid(format!("direction `{other}`"))),
    };
    let y = both_ints(l, "shift", shift, &a, &b)?;
    super::shape_arithmetic::finish(l, y)
}
