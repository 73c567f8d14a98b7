//! MIRROR_PAD: entries of `x` itself around it, without the edge (`REFLECT`) or with it (`SYMMETRIC`).

use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let symmetric = match l.byte(0)? {
        0 => false,
        1 => true,
        other => return Err(Stop::invalid(format!("mode {other}"))),
    };
    let mut y = l.input(0)?;
    let ends = ends(l, y.shape.len())?;
    for (k, (before, after)) in ends.into_iter().enumerate() {
        let extent = i64::try_from(y.shape[k]).map_err(|_| Stop::invalid("extent too large"))?;
        let most = if symmetric { extent } else { extent - 1 };
        if before > most || after > most {
            return Err(Stop::invalid(format!("axis {k} of extent {extent} is padded by {before} and {after}")));
        }
        if (before, after) == (0, 0) {
            continue;
        }
        let last = extent - 1;
        let mirror = |at: i64| match at {
            ..0 if symmetric => -1 - at,
            ..0 => -at,
            at if at > last && symmetric => 2 * last + 1 - at,
            at if at > last => 2 * last - at,
            at => at,
        };
        let indices = (-before..extent + after).map(mirror).collect();
        let indices = l.list("indices", indices)?;
        y = l.apply("Gather", Attributes::new().int("axis", i64::try_from(k).unwrap_or(0)), &[&y, &indices])?;
    }
    l.set(0, y);
    Ok(())
}

/// What input 1 puts before and after each axis.
pub(super) fn ends(l: &mut Lowering<'_>, rank: usize) -> Result<Vec<(i64, i64)>, Stop> {
    let pads = l.ints(1, "the pads")?;
    let (pairs, rest) = pads.as_chunks::<2>();
    if pairs.len() != rank || !rest.is_empty() || pads.iter().any(|pad| !(0..=1 << 24).contains(pad)) {
        return Err(Stop::invalid(format!("pads {pads:?} for rank {rank}")));
    }
    Ok(pairs.iter().map(|&[before, after]| (before, after)).collect())
}
