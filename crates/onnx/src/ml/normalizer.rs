//! Normalizer: each row over its greatest (`MAX`), the sum of magnitudes (`L1`), or the root of the sum of squares (`L2`).

use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Source, Stop};
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?.as_float();
    let axis = x.shape.len().checked_sub(1).ok_or_else(|| Stop::invalid("a number has no rows"))?;
    let (axes, mut row) = (vec![axis], x.shape.clone());
    row[axis] = 1;
    let norm = match l.string("norm", "MAX")?.as_str() {
        "MAX" => {
            let sizes = l.emit("sizes", ModelOp::Unary(UnaryFn::Abs), &[&x], x.shape.clone())?;
            l.emit("greatest", ModelOp::ReduceMax { axes }, &[&sizes], row)?
        }
        "L1" => {
            // Rows of probabilities: a sigmoid or softmax is its own magnitude.
            let sizes = if is_probability(l, &x) { x.clone() } else { l.emit("sizes", ModelOp::Unary(UnaryFn::Abs), &[&x], x.shape.clone())? };
            l.emit("sum", ModelOp::ReduceSum { axes }, &[&sizes], row)?
        }
        "L2" => {
            let square = l.binary("squares", ModelOp::Mul, &x, &x)?;
            let sum = l.emit("sum", ModelOp::ReduceSum { axes }, &[&square], row.clone())?;
            l.emit("root", ModelOp::Unary(UnaryFn::Sqrt), &[&sum], row)?
        }
        other => return Err(Stop::unsupported(format!("norm {other}"))),
    };
    let y = l.binary("quotient", ModelOp::Div, &x, &norm)?;
    l.set(0, y);
    Ok(())
}

/// Whether entries are probabilities by construction.
fn is_probability(l: &Lowering<'_>, x: &Operand) -> bool {
    let Source::Value(id) = x.source else { return false };
    l.producer(id).is_some_and(|node| matches!(node.op, ModelOp::Softmax { .. } | ModelOp::Unary(UnaryFn::Sigmoid)))
}
