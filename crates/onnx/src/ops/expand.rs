//! Expand: numpy's broadcast of `x` with a constant shape.

use veritorch_graph::model::index::broadcast;

use super::constant_of_shape::shape_from;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let wanted = shape_from(&l.ints_input(1, "the shape")?)?;
    let shape = broadcast(&x.shape, &wanted)
        .ok_or_else(|| Stop::invalid(format!("{:?} does not expand to {wanted:?}", x.shape)))?;
    let y = l.expand("expand", &x, &shape)?;
    l.set(0, y);
    Ok(())
}
