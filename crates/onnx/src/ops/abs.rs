//! Abs: `y = |x|`; constant integers fold.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary_of_any;
use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let Some(Data::Int(data)) = x.data() else { return unary_of_any(l, UnaryFn::Abs) };
    let data: Option<Vec<i64>> = data.iter().map(|&x| x.checked_abs()).collect();
    let data = data.ok_or_else(|| Stop::invalid("the result does not fit 64 bits"))?;
    let y = l.constant("abs", x.shape, Data::Int(data))?;
    l.set(0, y);
    Ok(())
}
