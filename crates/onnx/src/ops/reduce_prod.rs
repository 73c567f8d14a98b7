//! ReduceProd: the product over axes, one factor after the other; whole numbers too.

use veritorch_graph::model::ModelOp;

use super::reduction::reduction;
use crate::builder::Stop;
use crate::lowering::Lowering;

/// Most factors of one product that depends on the input: each is rounded once more.
const MOST_FACTORS: usize = 64;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let r = reduction(l)?;
    if let Some(y) = r.fold_ints(l, 1, i64::checked_mul)? {
        l.set(0, y);
        return Ok(());
    }
    let count = r.count();
    if count > MOST_FACTORS && !r.x.is_constant() {
        return Err(Stop::unsupported(format!("a product of {count} factors, expected at most {MOST_FACTORS}")));
    }
    let kind = r.x.kind;
    let x = l.real(&r.x)?;
    let perm: Vec<usize> =
        (0..x.shape.len()).filter(|k| !r.axes.contains(k)).chain(r.axes.iter().copied()).collect();
    let x = if perm.is_sorted() { x } else { l.transpose("last", &x, &perm)? };
    let lines = r.shape.iter().product::<usize>();
    let x = l.reshape("lines", &x, vec![lines, count])?;
    let mut product = None;
    for k in 0..count {
        let slice = ModelOp::Slice { starts: vec![0, k], steps: vec![1, 1] };
        let factor = l.emit(&format!("factor_{k}"), slice, &[&x], vec![lines, 1])?;
        product = Some(match product {
            None => factor,
            Some(product) => l.binary(&format!("product_{k}"), ModelOp::Mul, &product, &factor)?,
        });
    }
    let product = product.ok_or_else(|| Stop::invalid("a product of no factors"))?;
    let y = l.reshape("shape", &product, r.shape)?;
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}
