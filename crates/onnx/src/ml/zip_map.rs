//! ZipMap: names for the entries of the last axis. The names are dropped: the result is the operand.

use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.skip("classlabels_int64s");
    l.skip("classlabels_strings");
    let x = l.input(0)?;
    l.set(0, x);
    Ok(())
}
