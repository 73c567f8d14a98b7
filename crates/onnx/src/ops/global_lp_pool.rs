//! GlobalLpPool: `(sum |x|^p)^(1/p)` over all axes behind batch and channels.

use veritorch_graph::model::ModelOp;

use super::lp_pool::{exponent, powers, root};
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let p = exponent(l)?;
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let powers = powers(l, &x, p)?;
    let axes: Vec<usize> = (2..x.shape.len()).collect();
    let shape = (0..x.shape.len()).map(|k| if k < 2 { x.shape[k] } else { 1 }).collect();
    let sums = l.emit("sums", ModelOp::ReduceSum { axes }, &[&powers], shape)?;
    let y = root(l, &sums, p)?;
    l.set(0, y);
    Ok(())
}
