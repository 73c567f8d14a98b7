//! SPLIT_V: parts of given sizes (input 1) along an axis (input 2).

use veritorch_onnx::building::Stop;

use super::split::split;
use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // the number of outputs
    l.skip(0);
    let x = l.input(0)?;
    let sizes = l.ints(1, "the sizes")?;
    let &[axis] = l.ints(2, "the axes")?.as_slice() else { return Err(Stop::invalid("expected one axis")) };
    if sizes.len() != l.num_outputs() {
        return Err(Stop::invalid(format!("{} sizes for {} parts", sizes.len(), l.num_outputs())));
    }
    split(l, &x, axis, &sizes)
}
