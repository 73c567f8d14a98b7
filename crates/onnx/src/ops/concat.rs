//! Concat: operands one after the other along `axis`; empty constants (old exporters write them) are left out.

use veritorch_graph::model::ModelOp;

use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let at = l.optional_int("axis")?.ok_or_else(|| Stop::invalid("attribute `axis` is missing"))?;
    let all = (0..l.num_inputs()).map(|k| l.input(k)).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<&Operand> = all.iter().filter(|x| !x.shape.contains(&0)).collect();
    let y = match (parts.as_slice(), all.first()) {
        ([], None) => return Err(Stop::invalid("there are no operands")),
        ([], Some(empty)) => empty.clone(),
        ([only], _) => (*only).clone(),
        ([first, rest @ ..], _) => {
            let at = axis(at, first.shape.len())?;
            let mut shape = first.shape.clone();
            for part in rest {
                let extent = part.shape.get(at).ok_or_else(|| Stop::invalid("operands differ in rank"))?;
                shape[at] = shape[at].saturating_add(*extent);
            }
            l.emit("concat", ModelOp::Concat { axis: at }, &parts, shape)?
        }
    };
    l.set(0, y);
    Ok(())
}
