//! Add: `y = a + b` with numpy's broadcasting; integers fold.

use veritorch_graph::model::ModelOp;

use super::elementwise::arithmetic;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    let y = arithmetic(l, "add", ModelOp::Add, i64::checked_add, &a, &b)?;
    l.set(0, y);
    Ok(())
}
