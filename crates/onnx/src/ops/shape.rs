//! Shape: the extents of `x` from `start` to `end`, which are known now.

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = i64::try_from(x.shape.len()).unwrap_or(i64::MAX);
    let clamp = |k: i64| usize::try_from(if k < 0 { k.saturating_add(rank) } else { k }.clamp(0, rank)).unwrap_or(0);
    let start = clamp(l.int("start", 0)?);
    let end = clamp(l.int("end", rank)?).max(start);
    let extents: Vec<i64> = x.shape[start..end].iter().map(|&d| i64::try_from(d).unwrap_or(i64::MAX)).collect();
    let operand = l.constant("shape", vec![extents.len()], Data::Int(extents))?;
    l.set(0, operand);
    Ok(())
}
