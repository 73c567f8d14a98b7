//! Div: `y = a / b`. By a constant it is a product by `1 / b`; whole numbers are rounded towards zero.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::{both_floats, both_ints};
use crate::builder::Stop;
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    if let Some(y) = both_ints(l, "div", i64::checked_div, &a, &b)? {
        l.set(0, y);
        return Ok(());
    }
    if let Some(y) = both_floats(l, "div", |x, y| Ok(x / y), &a, &b)? {
        l.set(0, y);
        return Ok(());
    }
    if a.kind != b.kind || a.kind == Kind::Bool {
        return Err(Stop::invalid(format!("divides {} by {} numbers", a.kind.name(), b.kind.name())));
    }
    let kind = a.kind;
    let (a, b) = (l.real(&a)?, l.real(&b)?);
    let y = match b.floats() {
        Some(divisor) => {
            if let Some(k) = divisor.iter().position(|&x| x == 0.0 || !(1.0 / x).is_finite()) {
                return Err(Stop::invalid(format!("entry {k} of the divisor is {}", divisor[k])));
            }
            let data = Data::Float(divisor.iter().map(|&x| 1.0 / x).collect());
            let reciprocal = l.constant("reciprocal", b.shape.clone(), data)?;
            l.binary("mul", ModelOp::Mul, &a, &reciprocal)?
        }
        None => l.binary("div", ModelOp::Div, &a, &b)?,
    };
    let y = if kind == Kind::Int { l.function("whole", UnaryFn::Truncate, &y)? } else { y };
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}
