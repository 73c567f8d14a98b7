//! OneHotEncoder: a line of truth values for each entry, one for each category, as 1 and 0.

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?.as_float();
    if l.strings("cats_strings")?.is_some_and(|texts| !texts.is_empty()) {
        return Err(Stop::hinted("categories that are texts", "circuits compute on numbers: encode texts before the model"));
    }
    l.int("zeros", 1)?;
    let categories = l.ints("cats_int64s")?.unwrap_or_default();
    if categories.is_empty() || categories.iter().any(|category| category.unsigned_abs() > 1 << 20) {
        return Err(Stop::unsupported(format!("{} categories, or one beyond 2^20", categories.len())));
    }
    // 1 - min(|x - c|, 1): exact for whole numbers.
    let mut column = x.shape.clone();
    column.push(1);
    let column = l.reshape("column", &x, column)?;
    let values = l.constant("categories", vec![categories.len()], Data::Float(categories.iter().map(|&c| c as f32).collect()))?;
    let difference = l.binary("difference", ModelOp::Sub, &column, &values)?;
    let size = l.emit("size", ModelOp::Unary(UnaryFn::Abs), &[&difference], difference.shape.clone())?;
    let other = l.emit("other", ModelOp::Unary(UnaryFn::Clip { min: 0.0, max: 1.0 }), &[&size], size.shape.clone())?;
    let one = l.scalar("one", 1.0)?;
    let y = l.binary("same", ModelOp::Sub, &one, &other)?;
    l.set(0, y);
    Ok(())
}
