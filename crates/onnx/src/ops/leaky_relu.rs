//! LeakyRelu: `y = x` where `x >= 0`, else `alpha * x`.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let slope = l.float("alpha", 0.01)?;
    if !slope.is_finite() {
        return Err(Stop::invalid(format!("alpha is {slope}")));
    }
    unary(l, UnaryFn::LeakyRelu { slope })
}
