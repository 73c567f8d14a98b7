//! IsNaN: which entries are no number. Constants fold; values that depend on the input are numbers, except that PyTorch's
//! softmax gives NaN on lines that are masked altogether.
//!
//! PyTorch's fused attention is `where(isnan(p), 0, p)` behind the softmax `p`: exactly what the model graph's softmax is.

use veritorch_graph::model::{ModelOp, ValueId};

use crate::builder::{Source, Stop};
use crate::constant::Data;
use crate::lowering::Lowering;
use crate::masked::dead_lines;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    l.charge(x.shape.iter().product())?;
    let flags = match (&x.source, x.data()) {
        (_, Some(Data::Float(data))) => data.iter().map(|x| x.is_nan()).collect(),
        (&Source::Value(id), _) => {
            if l.producer(id).is_none() {
                return Err(Stop::unsupported("asks whether the model's input is a number"));
            }
            dead_entries(l, id, &x.shape).unwrap_or_else(|| vec![false; x.shape.iter().product()])
        }
        _ => vec![false; x.shape.iter().product()],
    };
    let y = l.constant("is_nan", x.shape, Data::Bool(flags))?;
    l.set(0, y);
    Ok(())
}

/// Entries of a softmax on lines that its mask leaves nothing of.
pub(super) fn dead_entries(l: &Lowering<'_>, id: ValueId, shape: &[usize]) -> Option<Vec<bool>> {
    let node = l.producer(id)?;
    let (&ModelOp::Softmax { axis }, &[_, mask]) = (&node.op, node.inputs.as_slice()) else { return None };
    let (mask_shape, data) = l.constant_value(mask)?;
    Some(dead_lines((mask_shape, data), shape, axis))
}
