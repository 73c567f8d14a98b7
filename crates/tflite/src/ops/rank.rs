//! RANK: the number of axes.

use veritorch_onnx::building::{Data, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let y = l.constant("rank", Vec::new(), Data::Int(vec![i64::try_from(x.shape.len()).unwrap_or(0)]))?;
    l.set(0, y);
    Ok(())
}
