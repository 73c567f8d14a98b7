//! UNPACK: the entries along an axis (option 1) as tensors without it.

use veritorch_onnx::building::{Attributes, Data, Stop};

use crate::lowering::{Lowering, axis};

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // the number of outputs
    l.skip(0);
    let x = l.input(0)?;
    let at = axis(l.int(1, 0)?.into(), x.shape.len())?;
    if x.shape[at] != l.num_outputs() {
        return Err(Stop::invalid(format!("extent {} in {} parts", x.shape[at], l.num_outputs())));
    }
    for k in 0..l.num_outputs() {
        let index = l.constant(&format!("index_{k}"), Vec::new(), Data::Int(vec![i64::try_from(k).unwrap_or(i64::MAX)]))?;
        let part = l.apply("Gather", Attributes::new().int("axis", i64::try_from(at).unwrap_or(0)), &[&x, &index])?;
        l.set(k, part);
    }
    Ok(())
}
