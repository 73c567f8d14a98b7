//! Operators on the model's own integers, to the last bit as TensorFlow Lite's reference kernels compute them.
//!
//! An operand holds `c = q - zero_point`, whole numbers whose zero is the real zero: padding needs no care, and layers are sums of products of `c` and
//! the weights. Their results are rescaled in fixed point ([`FixedPoint`]); what is a function of one small integer, or of a small sum, is a table.

mod add;
mod average_pool;
mod functions;
mod hard_swish;
mod maximum;
mod mean;
mod mul;
pub(crate) mod quantize;
mod wiring;

use veritorch_graph::model::{FixedPoint, ModelOp, Rounding};
use veritorch_onnx::building::{Builder, Constant, Data, Operand, Site, Stop};

use crate::lowering::Lowering;
use crate::ops::Lower;

/// How integers stand for real numbers: `real = scale * (q - zero_point)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Steps {
    /// One, or one for each index of an axis.
    pub(crate) scales: Vec<f32>,
    pub(crate) zero_points: Vec<i64>,
    /// Least integer of the entry type.
    pub(crate) low: i64,
    /// Greatest.
    pub(crate) high: i64,
}

/// The steps of a tensor of activations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) scale: f32,
    pub(crate) zero_point: i64,
    /// Least integer less the zero point.
    pub(crate) min: i32,
    /// Greatest.
    pub(crate) max: i32,
}

impl Steps {
    /// One scale for all, in eight bits.
    pub(crate) fn one(&self) -> Result<Step, Stop> {
        let (&[scale], &[zero_point]) = (self.scales.as_slice(), self.zero_points.as_slice()) else {
            return Err(Stop::unsupported("activations with a scale for each channel"));
        };
        let bound = |q: i64| i32::try_from(q - zero_point).ok().filter(|c| c.abs() <= 1 << 9);
        match (bound(self.low), bound(self.high)) {
            (Some(min), Some(max)) => Ok(Step { scale, zero_point, min, max }),
            _ => Err(Stop::hinted("activations of more than 8 bits", "quantise to int8")),
        }
    }
}

impl Step {
    /// Integers that a fused activation leaves.
    pub(crate) fn activated(&self, activation: u8) -> Result<[i32; 2], Stop> {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let at = |real: f32| ((real / self.scale).round() as i32).clamp(self.min, self.max);
        match activation {
            0 => Ok([self.min, self.max]),
            1 => Ok([at(0.0), self.max]),
            2 => Ok([at(-1.0), at(1.0)]),
            3 => Ok([at(0.0), at(6.0)]),
            other => Err(Stop::unsupported(format!("fused activation {other} on integers"))),
        }
    }
}

/// The lowering of a known operator on integers; `on_reals` is its lowering on real numbers.
pub(crate) fn find(name: &str, on_reals: Lower) -> Result<Lower, Stop> {
    Ok(match name {
        // their end rescales
        "CONV_2D" | "DEPTHWISE_CONV_2D" | "TRANSPOSE_CONV" | "FULLY_CONNECTED" | "ARG_MAX" | "SHAPE" | "RANK" | "QUANTIZE" => on_reals,
        "ADD" => add::add,
        "SUB" => add::sub,
        "MUL" => mul::lower,
        "AVERAGE_POOL_2D" => average_pool::lower,
        "MEAN" => mean::lower,
        "MAXIMUM" => maximum::maximum,
        "MINIMUM" => maximum::minimum,
        "DEQUANTIZE" => quantize::dequantize,
        "SOFTMAX" | "LOG_SOFTMAX" => {
            let reason = "on integers: its reference kernel divides by Newton's method, which has no circuit yet";
            return Err(Stop::hinted(reason, "convert the model without its last softmax: its scores name the same classes"));
        }
        _ => match functions::find(name).or_else(|| wiring::find(name)) {
            Some(lower) => lower,
            None => return Err(Stop::hinted("on integers", "leave this operator in float, or use another one")),
        },
    })
}

/// Whether an operator works on integers.
pub(crate) fn is_supported(name: &str) -> bool {
    find(name, |_| Ok(())).is_ok()
}

/// An input of the model that is integers: cut to the type's range, less the zero point.
pub(crate) fn entered(builder: &mut Builder, name: &str, x: &Operand, steps: &Steps) -> Result<Operand, Stop> {
    let step = steps.one()?;
    let bound = |q: i64| i32::try_from(q).map_err(|_| Stop::invalid("an entry type of more than 32 bits"));
    let op = ModelOp::Quantize { scale: 1.0, min: bound(steps.low)?, max: bound(steps.high)? };
    let whole = builder.emit(Site { name, part: "whole", source: None }, op, &[x], x.shape.clone())?;
    shifted(builder, name, &whole, -step.zero_point)
}

/// An output of the model that is integers.
pub(crate) fn shown(builder: &mut Builder, name: &str, x: &Operand, steps: &Steps) -> Result<Operand, Stop> {
    shifted(builder, name, x, steps.one()?.zero_point)
}

#[expect(clippy::cast_precision_loss, reason = "zero points are small")]
fn shifted(builder: &mut Builder, name: &str, x: &Operand, by: i64) -> Result<Operand, Stop> {
    if by == 0 {
        return Ok(x.clone());
    }
    let by = Constant { shape: Vec::new(), data: Data::Float(vec![by as f32]) };
    let by = Operand::constant(format!("{name}/zero_point"), by);
    builder.emit(Site { name, part: "shifted", source: None }, ModelOp::Add, &[x, &by], x.shape.clone())
}

/// The sums of a layer rescaled by `input scale * weight scale / output scale` along `axis`, with the activation of option `k`.
pub(crate) fn end_of_layer(
    l: &mut Lowering<'_>,
    [x, w]: [usize; 2],
    k: usize,
    axis: usize,
    rounding: Rounding,
    y: &Operand,
) -> Result<Operand, Stop> {
    let (input, output) = (l.input_steps(x)?.one()?, l.output_steps(0)?.one()?);
    let weights = l.input_steps(w)?;
    if weights.zero_points.iter().any(|&zero_point| zero_point != 0) {
        return Err(Stop::hinted("weights with zero points", "convert with symmetric weights (int8)"));
    }
    let real = |&scale: &f32| f64::from(input.scale) * f64::from(scale) / f64::from(output.scale);
    let reals = weights.scales.iter().map(real).collect();
    rescaled(l, y, axis, reals, rounding, output.activated(l.byte(k)?)?)
}

/// `x` times real numbers in fixed point, one for all or one for each index of an axis.
pub(crate) fn rescaled(
    l: &mut Lowering<'_>,
    x: &Operand,
    axis: usize,
    by: Vec<f64>,
    rounding: Rounding,
    [min, max]: [i32; 2],
) -> Result<Operand, Stop> {
    let split = |&real: &f64| FixedPoint::multiplier(real).ok_or_else(|| Stop::invalid(format!("a multiplier of {real}")));
    let (multipliers, shifts) = by.iter().map(split).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let rule = FixedPoint { axis, multipliers, shifts, rounding, min, max };
    l.emit("rescale", ModelOp::FixedPoint(rule), &[x], x.shape.clone())
}

/// A function of the integers of `x`, which lie in a range.
pub(crate) fn tabulated(
    l: &mut Lowering<'_>,
    part: &str,
    x: &Operand,
    [min, max]: [i64; 2],
    f: impl Fn(i64) -> i64,
) -> Result<Operand, Stop> {
    let len = max.checked_sub(min).and_then(|span| usize::try_from(span).ok()).map(|span| span.saturating_add(1)).filter(|&len| len <= 1 << 20);
    let (Some(len), Ok(first)) = (len, i32::try_from(min)) else {
        return Err(Stop::unsupported(format!("a table for numbers in {min}..={max}, which has more than 2^20 rows")));
    };
    l.charge(len)?;
    let value = |x: i64| i32::try_from(f(x)).map_err(|_| Stop::invalid("a value beyond 32 bits"));
    let values = (min..=max).map(value).collect::<Result<Vec<_>, _>>()?;
    l.emit(part, ModelOp::Table { min: first, values }, &[x], x.shape.clone())
}

/// A table of the integers of input 0, clamped to the output's.
pub(crate) fn function(l: &mut Lowering<'_>, f: impl Fn(i64, Step, Step) -> i64) -> Result<(), Stop> {
    let (input, output) = (l.input_steps(0)?.one()?, l.output_steps(0)?.one()?);
    let x = l.input(0)?;
    let value = |c: i64| f(c, input, output).clamp(output.min.into(), output.max.into());
    let y = tabulated(l, "table", &x, [input.min.into(), input.max.into()], value)?;
    l.set(0, y);
    Ok(())
}

/// One multiplication in fixed point.
pub(crate) fn times(real: f64) -> Result<impl Fn(i64) -> i64, Stop> {
    let (multiplier, shift) = FixedPoint::multiplier(real).ok_or_else(|| Stop::invalid(format!("a multiplier of {real}")))?;
    let rule = FixedPoint { axis: 0, multipliers: vec![multiplier], shifts: vec![shift], rounding: Rounding::Twice, min: i32::MIN, max: i32::MAX };
    Ok(move |x| rule.rescaled(x, 0))
}
