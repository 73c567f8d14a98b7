//! ConstantOfShape: one value (0 by default) in a shape that is known now.

use veritorch_graph::model::index::element_count;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let value = l.tensor("value")?.map_or(Data::Float(vec![0.0]), |constant| constant.data);
    let shape = shape_from(&l.ints_input(0, "the shape")?)?;
    let count = element_count(&shape).ok_or_else(|| Stop::invalid(format!("{shape:?} is too large")))?;
    l.charge(count)?;
    let data = match value {
        Data::Float(x) if x.len() == 1 => Data::Float(vec![x[0]; count]),
        Data::Int(x) if x.len() == 1 => Data::Int(vec![x[0]; count]),
        Data::Bool(x) if x.len() == 1 => Data::Bool(vec![x[0]; count]),
        other => return Err(Stop::invalid(format!("value has {} entries, expected 1", other.len()))),
    };
    let operand = l.constant("value", shape, data)?;
    l.set(0, operand);
    Ok(())
}

/// Extents from integers.
pub(super) fn shape_from(extents: &[i64]) -> Result<Vec<usize>, Stop> {
    extents
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| Stop::invalid(format!("negative extent in {extents:?}"))))
        .collect()
}
