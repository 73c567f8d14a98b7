//! FeatureVectorizer: features side by side.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.skip("inputdimensions");
    let parts: Vec<Operand> = (0..l.num_inputs()).map(|k| Ok(l.input(k)?.as_float())).collect::<Result<_, Stop>>()?;
    let mut rows = Vec::with_capacity(parts.len());
    for (k, part) in parts.iter().enumerate() {
        let shape = if let [features] = part.shape[..] { vec![1, features] } else { part.shape.clone() };
        rows.push(l.reshape(&format!("row{k}"), part, shape)?);
    }
    let first = rows.first().ok_or_else(|| Stop::invalid("no features"))?;
    let mut shape = first.shape.clone();
    let axis = shape.len().checked_sub(1).ok_or_else(|| Stop::invalid("a number has no features"))?;
    shape[axis] = rows.iter().filter_map(|row| row.shape.last()).sum();
    let y = l.emit("features", ModelOp::Concat { axis }, &rows.iter().collect::<Vec<_>>(), shape)?;
    l.set(0, y);
    Ok(())
}
