//! MaxPool: the greatest entry of each window; positions outside never win. The indices are refused.

use veritorch_graph::model::ModelOp;

use super::pooling::pool;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    // the order of storage matters for the indices only
    l.int("storage_order", 0)?;
    pool(
        l,
        |window| ModelOp::MaxPool {
            kernel: window.kernel,
            strides: window.strides,
            pads: window.pads,
            dilations: window.dilations,
        },
        |_, pooled, _, _| Ok(pooled),
    )
}
