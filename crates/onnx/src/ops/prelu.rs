//! PRelu: `y = x` where `x >= 0`, else `slope * x`, slope constant and broadcast to `x`.
//!
//! One slope for all is LeakyRelu; otherwise `y = r + slope * (x - r)` with `r = relu(x)`.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::unary;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (x, slope) = (l.input(0)?, l.input(1)?);
    require_float(&x, "the input")?;
    let Some(slopes) = slope.floats() else {
        return Err(Stop::unsupported("the slope depends on the model's input"));
    };
    match slopes.split_first() {
        Some((&first, rest)) if rest.iter().all(|s| s.to_bits() == first.to_bits()) && first.is_finite() => {
            unary(l, UnaryFn::LeakyRelu { slope: first })
        }
        _ => {
            let positive = l.emit("relu", ModelOp::Unary(UnaryFn::Relu), &[&x], x.shape.clone())?;
            let negative = l.binary("negative", ModelOp::Sub, &x, &positive)?;
            let sloped = l.binary("slope", ModelOp::Mul, &negative, &slope)?;
            if sloped.shape != x.shape {
                return Err(Stop::invalid(format!("slope {:?} does not broadcast to {:?}", slope.shape, x.shape)));
            }
            let y = l.binary("add", ModelOp::Add, &positive, &sloped)?;
            l.set(0, y);
            Ok(())
        }
    }
}
