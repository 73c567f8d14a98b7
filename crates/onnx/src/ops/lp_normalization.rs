//! LpNormalization: `y = x / sqrt(sum(x^2))` along `axis`, or `y = x / sum(|x|)` for `p` = 1.
//!
//! The first is `1 / sqrt(n)` times a normalisation by the mean of squares of the line's `n` entries.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::normalization::normalize;
use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let at = axis(l.int("axis", -1)?, x.shape.len())?;
    let y = match l.int("p", 2)? {
        2 => {
            let normal = normalize(l, &x, &[at], 0.0, false)?;
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "rounds to the graph's number type")]
            let factor = (1.0 / (x.shape[at] as f64).sqrt()) as f32;
            l.scale("length", &normal, factor)?
        }
        1 => {
            let abs = l.emit("abs", ModelOp::Unary(UnaryFn::Abs), &[&x], x.shape.clone())?;
            let mut shape = x.shape.clone();
            shape[at] = 1;
            let sum = l.emit("sum", ModelOp::ReduceSum { axes: vec![at] }, &[&abs], shape)?;
            l.binary("div", ModelOp::Div, &x, &sum)?
        }
        p => return Err(Stop::unsupported(format!("attribute `p` = {p}"))),
    };
    l.set(0, y);
    Ok(())
}
