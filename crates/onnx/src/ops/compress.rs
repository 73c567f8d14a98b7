//! Compress: the entries along an axis at which the constant condition holds; of the flat tensor without an axis.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let named = l.optional_int("axis")?;
    let (x, condition) = (l.input(0)?, l.input(1)?);
    let Some(Data::Bool(flags)) = condition.data() else {
        return Err(Stop::hinted(
            "the condition depends on the model's input",
            "circuits have static shapes: compress by a constant condition",
        ));
    };
    let (x, at) = match named {
        Some(named) => (x.clone(), axis(named, x.shape.len())?),
        None => (l.reshape("flat", &x, vec![x.shape.iter().product()])?, 0),
    };
    if flags.len() > x.shape[at] {
        return Err(Stop::invalid(format!("{} flags for {} entries", flags.len(), x.shape[at])));
    }
    let indices: Vec<usize> = (0..flags.len()).filter(|&k| flags[k]).collect();
    let mut shape = x.shape.clone();
    shape[at] = indices.len();
    let y = l.emit("compress", ModelOp::Gather { axis: at, indices }, &[&x], shape)?;
    l.set(0, y);
    Ok(())
}
