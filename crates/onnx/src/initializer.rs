//! `TensorProto` to [`Constant`]: typed fields, raw bytes and external files, lengths checked before allocation.

use veritorch_graph::model::index::element_count;
use veritorch_graph::model::{bfloat16, half};

use crate::constant::{Constant, Data};
use crate::element::{Element, Kind, type_name};
use crate::error::OnnxError;
use crate::external::ExternalFiles;
use crate::proto::{EXTERNAL, Tensor};

/// Reads a tensor. Entries may be infinite (bounds, masks) or NaN: the node that needs a number says so.
pub(crate) fn read(
    tensor: &Tensor,
    name: &str,
    files: &mut ExternalFiles,
) -> Result<Constant, OnnxError> {
    let fail = |reason: String| OnnxError::Tensor {
        tensor: name.to_owned(),
        reason,
    };
    let shape = tensor
        .dims
        .iter()
        .map(|&d| {
            usize::try_from(d).map_err(|_| fail(format!("negative extent in {:?}", tensor.dims)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let count =
        element_count(&shape).ok_or_else(|| fail(format!("{shape:?} has too many entries")))?;
    let element = Element::from_code(tensor.data_type.into()).ok_or_else(|| {
        fail(format!(
            "entries of type {} are not supported",
            type_name(tensor.data_type.into())
        ))
    })?;
    let bytes = count * element.size();
    let data = if tensor.data_location == EXTERNAL {
        from_bytes(
            element,
            files.bytes(&tensor.external_data, bytes).map_err(fail)?,
        )
    } else if !tensor.raw_data.is_empty() {
        if tensor.raw_data.len() != bytes {
            return Err(fail(format!(
                "shape {shape:?} takes {bytes} bytes, got {}",
                tensor.raw_data.len()
            )));
        }
        from_bytes(element, &tensor.raw_data)
    } else {
        from_fields(element, tensor)
    }
    .map_err(fail)?;
    if data.len() != count {
        return Err(fail(format!(
            "shape {shape:?} has {count} entries, got {}",
            data.len()
        )));
    }
    Ok(Constant { shape, data })
}

fn from_bytes(element: Element, bytes: &[u8]) -> Result<Data, String> {
    fn each<const N: usize, T>(bytes: &[u8], f: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|&chunk| f(chunk))
            .collect()
    }
    Ok(match element {
        Element::F32 => Data::Float(each(bytes, f32::from_le_bytes)),
        Element::F16 => Data::Float(each(bytes, |b| half(u16::from_le_bytes(b)))),
        Element::Bf16 => Data::Float(each(bytes, |b| bfloat16(u16::from_le_bytes(b)))),
        Element::F64 => Data::Float(each(bytes, |b| single(f64::from_le_bytes(b)))),
        Element::U8 => Data::Int(each(bytes, |b: [u8; 1]| b[0].into())),
        Element::I8 => Data::Int(each(bytes, |b| i8::from_le_bytes(b).into())),
        Element::U16 => Data::Int(each(bytes, |b| u16::from_le_bytes(b).into())),
        Element::I16 => Data::Int(each(bytes, |b| i16::from_le_bytes(b).into())),
        Element::I32 => Data::Int(each(bytes, |b| i32::from_le_bytes(b).into())),
        Element::U32 => Data::Int(each(bytes, |b| u32::from_le_bytes(b).into())),
        Element::I64 => Data::Int(each(bytes, i64::from_le_bytes)),
        Element::U64 => Data::Int(
            each(bytes, u64::from_le_bytes)
                .into_iter()
                .map(signed)
                .collect::<Result<_, _>>()?,
        ),
        Element::Bool => Data::Bool(each(bytes, |b: [u8; 1]| b[0] != 0)),
    })
}

fn from_fields(element: Element, tensor: &Tensor) -> Result<Data, String> {
    let bits = |x: i32| u16::try_from(x).map_err(|_| format!("{x} is no 16-bit pattern"));
    Ok(match element {
        Element::F32 => Data::Float(tensor.float_data.clone()),
        Element::F64 => Data::Float(tensor.double_data.iter().map(|&x| single(x)).collect()),
        Element::F16 => Data::Float(
            tensor
                .int32_data
                .iter()
                .map(|&x| bits(x).map(half))
                .collect::<Result<_, _>>()?,
        ),
        Element::Bf16 => Data::Float(
            tensor
                .int32_data
                .iter()
                .map(|&x| bits(x).map(bfloat16))
                .collect::<Result<_, _>>()?,
        ),
        Element::I64 => Data::Int(tensor.int64_data.clone()),
        Element::U32 | Element::U64 => Data::Int(
            tensor
                .uint64_data
                .iter()
                .map(|&x| signed(x))
                .collect::<Result<_, _>>()?,
        ),
        Element::Bool => Data::Bool(tensor.int32_data.iter().map(|&x| x != 0).collect()),
        Element::U8 | Element::I8 | Element::U16 | Element::I16 | Element::I32 => {
            debug_assert_eq!(element.kind(), Kind::Int);
            Data::Int(tensor.int32_data.iter().map(|&x| x.into()).collect())
        }
    })
}

/// Rounds to single precision; magnitudes beyond it become infinite and are refused as such.
#[expect(
    clippy::cast_possible_truncation,
    reason = "weights are single precision in the model graph"
)]
fn single(x: f64) -> f32 {
    x as f32
}

fn signed(x: u64) -> Result<i64, String> {
    i64::try_from(x).map_err(|_| format!("{x} does not fit 63 bits"))
}
