//! TRANSPOSE: result axis `k` is operand axis `perm[k]` (input 1).

use veritorch_onnx::building::{Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let perm = l.ints(1, "the axes")?;
    let y = l.transpose(&x, &perm)?;
    l.set(0, y);
    Ok(())
}
