//! Reshape: extents from a constant; 0 keeps the operand's (unless `allowzero`), -1 takes what is left.

use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let allow_zero = l.int("allowzero", 0)? != 0;
    let x = l.input(0)?;
    let wanted = l.ints_input(1, "the shape")?;
    let shape = resolve(&x.shape, &wanted, allow_zero)?;
    let y = l.reshape("reshape", &x, shape)?;
    l.set(0, y);
    Ok(())
}

fn resolve(from: &[usize], wanted: &[i64], allow_zero: bool) -> Result<Vec<usize>, Stop> {
    let fail = || Stop::invalid(format!("{from:?} does not reshape to {wanted:?}"));
    let count: usize = from.iter().product();
    let mut shape = Vec::with_capacity(wanted.len());
    let mut open = None;
    for (k, &extent) in wanted.iter().enumerate() {
        shape.push(match extent {
            -1 if open.is_none() => {
                open = Some(k);
                1
            }
            0 if !allow_zero => *from.get(k).ok_or_else(fail)?,
            _ => usize::try_from(extent).map_err(|_| fail())?,
        });
    }
    let known = shape.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent)).ok_or_else(fail)?;
    if let Some(k) = open {
        if known == 0 || !count.is_multiple_of(known) {
            return Err(fail());
        }
        shape[k] = count / known;
    } else if known != count {
        return Err(fail());
    }
    Ok(shape)
}
