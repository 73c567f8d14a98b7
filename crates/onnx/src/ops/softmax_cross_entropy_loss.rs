//! SoftmaxCrossEntropyLoss: the [loss](super::negative_log_likelihood_loss) of the logarithms of a softmax over axis 1, and those logarithms.

use super::log_softmax::log_softmax;
use super::negative_log_likelihood_loss::loss;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    require_float(&x, "the scores")?;
    if x.shape.len() < 2 {
        return Err(Stop::invalid(format!("scores {:?}", x.shape)));
    }
    let logarithms = log_softmax(l, &x, 1)?;
    let y = loss(l, &logarithms)?;
    l.set(0, y);
    l.set(1, logarithms);
    Ok(())
}
