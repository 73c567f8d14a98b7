//! Transpose: result axis `k` is operand axis `perm[k]`; without `perm` the axes are reversed.

use crate::builder::Stop;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let rank = x.shape.len();
    let perm = match l.ints("perm")? {
        Some(perm) => perm.iter().map(|&k| axis(k, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = perm.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(Stop::invalid(format!("{perm:?} does not permute {rank} axes")));
    }
    let y = l.transpose("transpose", &x, &perm)?;
    l.set(0, y);
    Ok(())
}
