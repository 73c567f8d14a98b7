//! Softsign: `y = x / (1 + |x|)`.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let abs = l.emit("abs", ModelOp::Unary(UnaryFn::Abs), &[&x], x.shape.clone())?;
    let one = l.scalar("one", 1.0)?;
    let sum = l.binary("add", ModelOp::Add, &abs, &one)?;
    let y = l.binary("div", ModelOp::Div, &x, &sum)?;
    l.set(0, y);
    Ok(())
}
