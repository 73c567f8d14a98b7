//! Mean: `y = (x_0 + x_1 + ...) / n` with numpy's broadcasting.

use veritorch_graph::model::ModelOp;

use super::average_pool::reciprocal;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let mut sum = l.input(0)?;
    for k in 1..l.num_inputs() {
        let x = l.input(k)?;
        sum = l.binary("add", ModelOp::Add, &sum, &x)?;
    }
    let y = l.scale("mean", &sum, reciprocal(l.num_inputs()))?;
    l.set(0, y);
    Ok(())
}
