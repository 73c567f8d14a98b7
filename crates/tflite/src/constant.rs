//! Constants of the file: bytes to numbers, quantised ones to the real numbers that they stand for.

use veritorch_graph::model::index::element_count;
use veritorch_graph::model::{bfloat16, half};
use veritorch_onnx::building::{Constant, Data, Kind};

use crate::builtin::{Element, element_name};
use crate::flatbuffer::Fault;
use crate::schema::{Quantisation, Tensor};

/// Entry type of a tensor.
pub(crate) fn element(tensor: &Tensor<'_>) -> Result<Element, Fault> {
    Element::from_code(tensor.element).ok_or_else(|| format!("entries of type {} are not supported", element_name(tensor.element)))
}

/// Kind of a tensor's entries; what is quantised stands for real numbers.
pub(crate) fn kind(tensor: &Tensor<'_>) -> Result<Kind, Fault> {
    Ok(match element(tensor)? {
        _ if tensor.quantisation.is_some() => Kind::Float,
        Element::F32 | Element::F16 | Element::F64 | Element::Bf16 => Kind::Float,
        Element::Bool => Kind::Bool,
        _ => Kind::Int,
    })
}

/// A constant's numbers as they stand in the file.
pub(crate) fn read(tensor: &Tensor<'_>) -> Result<Constant, Fault> {
    let element = element(tensor)?;
    let count = element_count(&tensor.shape).ok_or_else(|| format!("shape {:?} is too large", tensor.shape))?;
    if count.checked_mul(element.size()) != Some(tensor.data.len()) {
        return Err(format!("{} bytes for shape {:?} of {element:?}", tensor.data.len(), tensor.shape));
    }
    let bytes = tensor.data;
    let data = match element {
        Element::F32 => Data::Float(numbers(bytes, f32::from_le_bytes)),
        Element::F16 => Data::Float(numbers(bytes, |b| half(u16::from_le_bytes(b)))),
        Element::Bf16 => Data::Float(numbers(bytes, |b| bfloat16(u16::from_le_bytes(b)))),
        #[expect(clippy::cast_possible_truncation, reason = "the graph computes in single precision")]
        Element::F64 => Data::Float(numbers(bytes, |b| f64::from_le_bytes(b) as f32)),
        Element::I8 => Data::Int(numbers(bytes, |b| i8::from_le_bytes(b).into())),
        Element::U8 => Data::Int(numbers(bytes, |b| u8::from_le_bytes(b).into())),
        Element::I16 => Data::Int(numbers(bytes, |b| i16::from_le_bytes(b).into())),
        Element::I32 => Data::Int(numbers(bytes, |b| i32::from_le_bytes(b).into())),
        Element::U32 => Data::Int(numbers(bytes, |b| u32::from_le_bytes(b).into())),
        Element::I64 => Data::Int(numbers(bytes, i64::from_le_bytes)),
        Element::Bool => Data::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
    };
    Ok(Constant { shape: tensor.shape.clone(), data })
}

fn numbers<const N: usize, T>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|&chunk| number(chunk)).collect()
}

/// Scale and zero point of each index of the quantised axis, or one for all.
pub(crate) fn steps(quantisation: &Quantisation<'_>, shape: &[usize]) -> Result<(Vec<f32>, Vec<i64>), Fault> {
    let axis = usize::try_from(quantisation.axis).ok().and_then(|axis| shape.get(axis)).copied();
    if quantisation.count() != 1 && Some(quantisation.count()) != axis {
        return Err(format!("{} scales along axis {} of shape {shape:?}", quantisation.count(), quantisation.axis));
    }
    let scales = quantisation.scales()?;
    let mut zero_points = quantisation.zero_points()?;
    if zero_points.is_empty() {
        zero_points = vec![0; scales.len()];
    }
    if zero_points.len() != scales.len() {
        return Err(format!("{} scales, {} zero points", scales.len(), zero_points.len()));
    }
    if let Some(scale) = scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0)) {
        return Err(format!("a scale is {scale}"));
    }
    if let Some(zero_point) = zero_points.iter().find(|zero_point| zero_point.unsigned_abs() > 1 << 16) {
        return Err(format!("a zero point is {zero_point}"));
    }
    Ok((scales, zero_points))
}

/// A quantised constant's integers less their zero points, as numbers that single precision holds.
#[expect(clippy::cast_precision_loss, reason = "magnitudes are checked")]
pub(crate) fn centred(constant: Constant, quantisation: &Quantisation<'_>) -> Result<Constant, Fault> {
    let Data::Int(data) = &constant.data else { return Err("is quantised, but holds no integers".to_owned()) };
    let (_, zero_points) = steps(quantisation, &constant.shape)?;
    let channel = channel(quantisation, &constant.shape, zero_points.len());
    let data: Vec<i64> = data.iter().enumerate().map(|(at, &x)| x - zero_points[channel(at)]).collect();
    if let Some(x) = data.iter().find(|x| x.unsigned_abs() > 1 << 24) {
        return Err(format!("{x} is beyond 2^24, which single precision does not hold exactly"));
    }
    Ok(Constant { shape: constant.shape, data: Data::Float(data.iter().map(|&x| x as f32).collect()) })
}

/// Which of `count` scales an entry has.
fn channel(quantisation: &Quantisation<'_>, shape: &[usize], count: usize) -> impl Fn(usize) -> usize + use<> {
    let inner = match usize::try_from(quantisation.axis) {
        Ok(axis) if count > 1 => shape.iter().skip(axis + 1).product::<usize>().max(1),
        _ => usize::MAX,
    };
    move |at| at / inner % count.max(1)
}

/// The real numbers that a constant stands for.
#[expect(clippy::cast_precision_loss, reason = "integers of at most 32 bits, rounded as the interpreter does")]
pub(crate) fn dequantised(constant: Constant, quantisation: &Quantisation<'_>) -> Result<Constant, Fault> {
    let Data::Int(data) = &constant.data else { return Err("is quantised, but holds no integers".to_owned()) };
    let (scales, zero_points) = steps(quantisation, &constant.shape)?;
    let channel = channel(quantisation, &constant.shape, scales.len());
    let real = |(at, &x): (usize, &i64)| {
        let k = channel(at);
        (x - zero_points[k]) as f32 * scales[k]
    };
    let data = data.iter().enumerate().map(real).collect();
    Ok(Constant { shape: constant.shape, data: Data::Float(data) })
}
