//! What And, Or and Xor share: constants fold; what depends on the input is a table over the sum of the truth values.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::charge_broadcast;
use crate::builder::Stop;
use crate::constant::{Data, zip};
use crate::element::Kind;
use crate::lowering::Lowering;

/// `f(a, b)`, which is `function(a + b - offset)` on 0 and 1.
pub(super) fn logic(
    l: &mut Lowering<'_>,
    f: fn(bool, bool) -> bool,
    offset: f32,
    function: UnaryFn,
) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    if a.kind != Kind::Bool || b.kind != Kind::Bool {
        return Err(Stop::invalid(format!("operands are {} and {}, expected boolean", a.kind.name(), b.kind.name())));
    }
    charge_broadcast(l, &a, &b)?;
    if let (Some(Data::Bool(x)), Some(Data::Bool(y))) = (a.data(), b.data()) {
        let (shape, data) = zip((&a.shape, x), (&b.shape, y), |x, y| Ok(f(x, y))).map_err(Stop::Invalid)?;
        let y = l.constant("logic", shape, Data::Bool(data))?;
        l.set(0, y);
        return Ok(());
    }
    let (a, b) = (l.real(&a)?, l.real(&b)?);
    let mut sum = l.binary("sum", ModelOp::Add, &a, &b)?;
    if offset != 0.0 {
        let offset = l.scalar("offset", offset)?;
        sum = l.binary("excess", ModelOp::Sub, &sum, &offset)?;
    }
    let y = l.function("logic", function, &sum)?;
    let y = l.of_kind(y, Kind::Bool)?;
    l.set(0, y);
    Ok(())
}
