//! LpPool: `(sum |x|^p)^(1/p)` over each window, p being 1 or 2.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::pooling::pool_of;
use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let p = exponent(l)?;
    let x = l.input(0)?;
    require_float(&x, "the input")?;
    let powers = powers(l, &x, p)?;
    pool_of(
        l,
        powers,
        |window| ModelOp::SumPool {
            kernel: window.kernel,
            strides: window.strides,
            pads: window.pads,
            dilations: window.dilations,
        },
        |l, sums, _, _| root(l, &sums, p),
    )
}

/// The attribute `p`.
pub(super) fn exponent(l: &Lowering<'_>) -> Result<i64, Stop> {
    match l.int("p", 2)? {
        p @ 1..=2 => Ok(p),
        p => Err(Stop::hinted(
            format!("p = {p}, expected 1 or 2"),
            "higher powers of small numbers vanish beside those of great ones in integers",
        )),
    }
}

/// `|x|^p`
pub(super) fn powers(l: &mut Lowering<'_>, x: &Operand, p: i64) -> Result<Operand, Stop> {
    if p == 1 { l.function("magnitude", UnaryFn::Abs, x) } else { l.binary("square", ModelOp::Mul, x, x) }
}

/// `x^(1/p)`
pub(super) fn root(l: &mut Lowering<'_>, x: &Operand, p: i64) -> Result<Operand, Stop> {
    if p == 1 { Ok(x.clone()) } else { l.function("root", UnaryFn::Sqrt, x) }
}
