//! The printer: one line per input, constant, node and output.
//!
//! ```text
//! model mlp
//! input x [1, 784]
//! const w [784, 10]
//! h [1, 10] = MatMul(x, w)  // dense, model.py:12
//! output h
//! ```

use std::fmt;

use super::{Constant, FixedPoint, ModelGraph, ModelOp, UnaryFn};

impl fmt::Display for ModelGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "model {}", self.name)?;
        for &id in &self.inputs {
            let value = self.value(id);
            writeln!(f, "input {} {:?}", value.name, value.shape)?;
        }
        for value in &self.values {
            if let Some(constant) = &value.constant {
                write!(f, "const {} {:?}", value.name, value.shape)?;
                match constant {
                    Constant::Owned(data) if data.len() == 1 => writeln!(f, " = {}", data[0])?,
                    _ => writeln!(f)?,
                }
            }
        }
        for node in &self.nodes {
            let output = self.value(node.output);
            write!(
                f,
                "{} {:?} = {}(",
                output.name,
                output.shape,
                node.op.name()
            )?;
            for (k, &id) in node.inputs.iter().enumerate() {
                let comma = if k == 0 { "" } else { ", " };
                write!(f, "{comma}{}", self.value(id).name)?;
            }
            write!(f, "){}  // {}", node.op, node.name)?;
            match &node.source {
                Some(source) => writeln!(f, ", {source}")?,
                None => writeln!(f)?,
            }
        }
        for &id in &self.outputs {
            writeln!(f, "output {}", self.value(id).name)?;
        }
        Ok(())
    }
}

/// The attributes, each with a space before it; nothing where there are none.
impl fmt::Display for ModelOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conv {
                strides,
                pads,
                dilations,
                groups,
            } => {
                window(f, strides, pads, dilations)?;
                if *groups == 1 {
                    Ok(())
                } else {
                    write!(f, " groups={groups}")
                }
            }
            Self::MaxPool {
                kernel,
                strides,
                pads,
                dilations,
            }
            | Self::SumPool {
                kernel,
                strides,
                pads,
                dilations,
            } => {
                write!(f, " kernel={kernel:?}")?;
                window(f, strides, pads, dilations)
            }
            Self::Unary(function) => function.fmt(f),
            Self::ReduceSum { axes } | Self::ReduceMax { axes } => write!(f, " axes={axes:?}"),
            Self::Transpose { perm } => write!(f, " perm={perm:?}"),
            Self::Slice { starts, steps } => write!(f, " starts={starts:?} steps={steps:?}"),
            Self::Pad { before, value } => write!(f, " before={before:?} value={value}"),
            Self::ZeroStuff { starts, steps } => write!(f, " starts={starts:?} steps={steps:?}"),
            Self::Concat { axis } | Self::Softmax { axis } => write!(f, " axis={axis}"),
            Self::Gather { axis, indices } => match indices.as_slice() {
                short if short.len() <= 8 => write!(f, " axis={axis} indices={short:?}"),
                long => write!(
                    f,
                    " axis={axis} indices=[{} in {}..={}]",
                    long.len(),
                    bound(long.iter().min()),
                    bound(long.iter().max())
                ),
            },
            Self::ArgMax { axis, select_last } => {
                write!(
                    f,
                    " axis={axis}{}",
                    if *select_last { " select_last" } else { "" }
                )
            }
            Self::Sample { temperature, top_k } => {
                write!(f, " temperature={temperature}")?;
                top_k.map_or(Ok(()), |k| write!(f, " top_k={k}"))
            }
            Self::Normalize { axes, epsilon, centred } => {
                write!(f, " axes={axes:?} epsilon={epsilon}{}", if *centred { " centred" } else { "" })
            }
            Self::Trees { num_trees, depth, num_outputs } => write!(f, " trees={num_trees} depth={depth} outputs={num_outputs}"),
            Self::Quantize { scale, min, max } => write!(f, " scale={scale} min={min} max={max}"),
            Self::FixedPoint(rule) => {
                let FixedPoint { axis, multipliers, rounding, min, max, .. } = rule;
                write!(f, " axis={axis} multipliers={} rounded={rounding:?} min={min} max={max}", multipliers.len())
            }
            Self::Table { min, values } => write!(f, " min={min} values={}", values.len()),
            Self::MatMul
            | Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Embedding
            | Self::Reshape
            | Self::Expand => Ok(()),
        }
    }
}

/// The parameters, each with a space before it; nothing where there are none.
impl fmt::Display for UnaryFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeakyRelu { slope } => write!(f, " slope={slope}"),
            Self::Clip { min, max } => write!(f, " min={min} max={max}"),
            Self::HardSigmoid { alpha, beta } => write!(f, " alpha={alpha} beta={beta}"),
            Self::Elu { alpha } => write!(f, " alpha={alpha}"),
            Self::GeluTanh => write!(f, " approximate=tanh"),
            Self::Pow { exponent } => write!(f, " exponent={exponent}"),
            Self::Mod { divisor, truncated: false } => write!(f, " divisor={divisor}"),
            Self::Mod { divisor, truncated: true } => write!(f, " divisor={divisor} truncated"),
            Self::ThresholdedRelu { alpha } => write!(f, " alpha={alpha}"),
            Self::Shrink { bias, lambd } => write!(f, " bias={bias} lambd={lambd}"),
            Self::Relu
            | Self::Sigmoid
            | Self::Tanh
            | Self::HardSwish
            | Self::Softplus
            | Self::Gelu
            | Self::Silu
            | Self::Erf
            | Self::Exp
            | Self::Log
            | Self::Sqrt
            | Self::Reciprocal
            | Self::Abs
            | Self::Sin
            | Self::Cos
            | Self::Tan
            | Self::Asin
            | Self::Acos
            | Self::Atan
            | Self::Sinh
            | Self::Cosh
            | Self::Asinh
            | Self::Acosh
            | Self::Atanh
            | Self::Floor
            | Self::Ceil
            | Self::Round
            | Self::Truncate
            | Self::Sign
            | Self::Positive
            | Self::NonNegative
            | Self::Zero => Ok(()),
        }
    }
}

fn window(
    f: &mut fmt::Formatter<'_>,
    strides: &[usize; 2],
    pads: &[usize; 2],
    dilations: &[usize; 2],
) -> fmt::Result {
    for (name, pair, default) in [
        ("strides", strides, 1),
        ("pads", pads, 0),
        ("dilations", dilations, 1),
    ] {
        if *pair != [default; 2] {
            write!(f, " {name}={pair:?}")?;
        }
    }
    Ok(())
}

fn bound(index: Option<&usize>) -> usize {
    index.copied().unwrap_or_default()
}
