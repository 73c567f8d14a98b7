//! BATCH_MATMUL: `a b` of the last two axes, each transposed first or not; the axes before broadcast.

use veritorch_onnx::building::{Attributes, Operand, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // hybrid kernels' choice: the circuit quantises by its own calibration
    l.skip(2);
    let (a, b) = (operand(l, 0)?, operand(l, 1)?);
    let y = l.apply("MatMul", Attributes::new(), &[&a, &b])?;
    l.set(0, y);
    Ok(())
}

/// Input `k`, its last two axes exchanged where option `k` says so.
fn operand(l: &mut Lowering<'_>, k: usize) -> Result<Operand, Stop> {
    let x = l.input(k)?;
    if !l.flag(k)? {
        return Ok(x);
    }
    let mut perm: Vec<i64> = (0..).take(x.shape.len()).collect();
    let [.., a, b] = perm.as_mut_slice() else { return Err(Stop::invalid(format!("input {k} is {:?}", x.shape))) };
    std::mem::swap(a, b);
    l.transpose(&x, &perm)
}
