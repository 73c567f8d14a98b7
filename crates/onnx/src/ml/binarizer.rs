//! Binarizer: 1 where an entry exceeds `threshold`, else 0: the greater of `threshold` and the entry.

use veritorch_graph::model::ModelOp;

use crate::builder::Stop;
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?.as_float();
    let threshold = l.float("threshold", 0.0)?;
    // ArgMax of (threshold, x): ties go to the threshold.
    let mut lines = x.shape.clone();
    lines.push(1);
    let column = l.reshape("column", &x, lines.clone())?;
    let limit = l.constant("threshold", vec![1], Data::Float(vec![threshold]))?;
    let difference = l.binary("difference", ModelOp::Sub, &column, &limit)?;
    let signs = l.constant("signs", vec![2], Data::Float(vec![0.0, 1.0]))?;
    let both = l.binary("both", ModelOp::Mul, &difference, &signs)?;
    let rank = lines.len();
    let y = l.emit("above", ModelOp::ArgMax { axis: rank - 1, select_last: false }, &[&both], lines)?;
    let y = l.reshape("shape", &y, x.shape)?;
    l.set(0, crate::builder::Operand { kind: Kind::Float, ..y });
    Ok(())
}
