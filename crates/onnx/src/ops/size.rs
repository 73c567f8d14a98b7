//! Size: the number of entries of `x`, which is known now.

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let count: usize = l.input(0)?.shape.iter().product();
    let operand = l.constant("size", Vec::new(), Data::Int(vec![i64::try_from(count).unwrap_or(i64::MAX)]))?;
    l.set(0, operand);
    Ok(())
}
