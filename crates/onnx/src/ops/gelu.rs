//! Gelu: `y = x / 2 * (1 + erf(x / sqrt 2))`, or with `approximate` = `tanh`,
//! `y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.

use veritorch_graph::model::UnaryFn;

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    match l.string("approximate", "none")?.as_str() {
        "none" => unary(l, UnaryFn::Gelu),
        "tanh" => unary(l, UnaryFn::GeluTanh),
        other => Err(Stop::invalid(format!("attribute `approximate` is `{other}`"))),
    }
}
