//! ZEROS_LIKE: zeros in the shape of `x`, real or whole as `x`.

use veritorch_graph::model::index::element_count;
use veritorch_onnx::building::{Data, Kind, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let count = element_count(&x.shape).ok_or_else(|| Stop::invalid(format!("shape {:?}", x.shape)))?;
    l.charge(count)?;
    let data = match x.kind {
        Kind::Float => Data::Float(vec![0.0; count]),
        Kind::Int => Data::Int(vec![0; count]),
        Kind::Bool => Data::Bool(vec![false; count]),
    };
    let y = l.constant("zeros", x.shape, data)?;
    l.set(0, y);
    Ok(())
}
