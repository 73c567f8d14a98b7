//! Gemm: `y = alpha * A' B' + beta * C`, each of `A`, `B` transposed or not, `C` broadcast.
//!
//! Factors go into constant operands.

use veritorch_graph::model::ModelOp;

use super::matmul::matmul;
use crate::builder::Stop;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let alpha = l.float("alpha", 1.0)?;
    let beta = l.float("beta", 1.0)?;
    let (transpose_a, transpose_b) = (l.int("transA", 0)? != 0, l.int("transB", 0)? != 0);
    let (mut a, mut b) = (l.input(0)?, l.input(1)?);
    require_float(&a, "the input")?;
    if a.shape.len() != 2 || b.shape.len() != 2 {
        return Err(Stop::invalid(format!("expected matrices, got {:?} and {:?}", a.shape, b.shape)));
    }
    if transpose_a {
        a = l.transpose("transpose", &a, &[1, 0])?;
    }
    if transpose_b {
        b = l.transpose("transpose", &b, &[1, 0])?;
    }
    let scaled = if b.is_constant() { &mut b } else { &mut a };
    *scaled = l.scale("alpha", scaled, alpha)?;
    let mut y = matmul(l, "matmul", &a, &b)?;
    if let Some(c) = l.optional(2) {
        let c = l.scale("beta", &c, beta)?;
        let sum = l.binary("add", ModelOp::Add, &y, &c)?;
        if sum.shape != y.shape {
            return Err(Stop::invalid(format!("C {:?} does not broadcast to {:?}", c.shape, y.shape)));
        }
        y = sum;
    }
    l.set(0, y);
    Ok(())
}
