//! Clip: `y = min(max(x, min), max)`; bounds as attributes (before opset 11) or inputs, open where absent; constant integers fold.

use veritorch_graph::model::UnaryFn;

use super::elementwise::{unary, unary_of_any};
use crate::builder::Stop;
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    if let Some(Data::Int(data)) = x.data() {
        let bound = |l: &mut Lowering<'_>, k: usize, open: i64| -> Result<i64, Stop> {
            match l.optional_ints(k, "a bound")?.as_deref() {
                None => Ok(open),
                Some(&[bound]) => Ok(bound),
                Some(other) => Err(Stop::invalid(format!("bounds {other:?}"))),
            }
        };
        let (min, max) = (bound(l, 1, i64::MIN)?, bound(l, 2, i64::MAX)?);
        // ONNX: where min > max every entry becomes max
        let data = data.iter().map(|&x| x.max(min).min(max)).collect();
        let y = l.constant("clip", x.shape.clone(), Data::Int(data))?;
        l.set(0, y);
        return Ok(());
    }
    if x.kind == Kind::Int {
        let bound = |l: &mut Lowering<'_>, k: usize| -> Result<Option<f32>, Stop> {
            let Some(bound) = l.optional(k) else { return Ok(None) };
            match l.real(&bound)?.floats() {
                Some(&[bound]) => Ok(Some(bound)),
                _ => Err(Stop::unsupported("bounds that depend on the model's input")),
            }
        };
        let max = bound(l, 2)?.unwrap_or(f32::INFINITY);
        let min = bound(l, 1)?.unwrap_or(f32::NEG_INFINITY).min(max);
        return unary_of_any(l, UnaryFn::Clip { min, max });
    }
    let mut min = l.optional_float_attribute("min")?.or(l.optional_float(1, "min")?).unwrap_or(f32::NEG_INFINITY);
    let mut max = l.optional_float_attribute("max")?.or(l.optional_float(2, "max")?).unwrap_or(f32::INFINITY);
    if min.is_nan() || max.is_nan() {
        return Err(Stop::invalid("a bound is not a number"));
    }
    // exporters write "no bound" as the greatest number
    if min == f32::MIN {
        min = f32::NEG_INFINITY;
    }
    if max == f32::MAX {
        max = f32::INFINITY;
    }
    // ONNX: where min > max every entry becomes max
    min = min.min(max);
    match (min, max) {
        (f32::NEG_INFINITY, f32::INFINITY) => {
            require_float(&x, "the input")?;
            l.set(0, x);
            Ok(())
        }
        (0.0, f32::INFINITY) => unary(l, UnaryFn::Relu),
        _ => unary(l, UnaryFn::Clip { min, max }),
    }
}
