//! TopK for `k` = 1: the greatest (or least) entry along an axis and its index, the lowest where several are equal.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::lowering::{Lowering, axis, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let at = axis(l.int("axis", -1)?, x.shape.len())?;
    let largest = l.int("largest", 1)? != 0;
    l.int("sorted", 1)?;
    let k = match l.ints("k")? {
        Some(k) => k,
        None => match l.optional_int("k")? {
            Some(k) => vec![k],
            None => l.ints_input(1, "k")?,
        },
    };
    if k != [1] {
        return Err(Stop::unsupported(format!("the greatest {k:?} entries, expected one")));
    }
    let mut shape = x.shape.clone();
    shape[at] = 1;
    let sign = if largest { 1.0 } else { -1.0 };
    let signed = l.scale("sign", &x, sign)?;
    let value = l.emit("max", ModelOp::ReduceMax { axes: vec![at] }, &[&signed], shape.clone())?;
    let value = l.scale("value", &value, sign)?;
    let index = l.emit("arg_max", ModelOp::ArgMax { axis: at, select_last: false }, &[&signed], shape)?;
    l.set(0, value);
    l.set(1, index);
    Ok(())
}
