//! Pow: `y = a^b` with a constant exponent, one number: 1, 2, 3 and 4 as products, 0.5 as Sqrt, -1 as Reciprocal, others as a
//! function. Constants fold; a positive constant to the power of `b` is `exp(b * log a)`.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::{both_floats, both_ints};
use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::element::Kind;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    let ints = |x: i64, y: i64| u32::try_from(y).ok().and_then(|y| x.checked_pow(y));
    let y = if let Some(y) = both_ints(l, "pow", ints, &a, &b)? {
        y
    } else {
        require_float(&a, "the base")?;
        let b = as_float(l, &b)?;
        match both_floats(l, "pow", |x, y| Ok(x.powf(y)), &a, &b)? {
            Some(y) => y,
            None => power(l, &a, &b)?,
        }
    };
    l.set(0, y);
    Ok(())
}

fn power(l: &mut Lowering<'_>, a: &Operand, b: &Operand) -> Result<Operand, Stop> {
    if let Some(base) = a.floats() {
        if !base.iter().all(|&x| x > 0.0) {
            return Err(Stop::unsupported("a base that is not positive to the power of a tensor"));
        }
        let data = Data::Float(base.iter().map(|&x| x.ln()).collect());
        let log = l.constant("log", a.shape.clone(), data)?;
        let product = l.binary("mul", ModelOp::Mul, b, &log)?;
        let shape = product.shape.clone();
        return l.emit("exp", ModelOp::Unary(UnaryFn::Exp), &[&product], shape);
    }
    let exponent = match b.floats().and_then(|data| data.split_first()) {
        Some((&first, rest)) if rest.iter().all(|x| x.to_bits() == first.to_bits()) && first.is_finite() => first,
        Some(_) => return Err(Stop::unsupported("different exponents")),
        None => return Err(Stop::hinted("the exponent depends on the model's input", "use constant exponents")),
    };
    #[expect(clippy::float_cmp, reason = "these exponents themselves are meant")]
    let y = if exponent == 1.0 {
        a.clone()
    } else if exponent == 2.0 || exponent == 3.0 || exponent == 4.0 {
        let square = l.binary("square", ModelOp::Mul, a, a)?;
        if exponent == 2.0 {
            square
        } else {
            l.binary("power", ModelOp::Mul, &square, if exponent == 3.0 { a } else { &square })?
        }
    } else {
        let function = match exponent {
            0.5 => UnaryFn::Sqrt,
            -1.0 => UnaryFn::Reciprocal,
            exponent => UnaryFn::Pow { exponent },
        };
        l.emit("function", ModelOp::Unary(function), &[a], a.shape.clone())?
    };
    let shape = veritorch_graph::model::index::broadcast(&a.shape, &b.shape)
        .ok_or_else(|| Stop::invalid(format!("{:?} and {:?} do not broadcast", a.shape, b.shape)))?;
    l.expand("shape", &y, &shape)
}

/// Exponents may be integers where the base is float.
fn as_float(l: &mut Lowering<'_>, b: &Operand) -> Result<Operand, Stop> {
    match b.data() {
        #[expect(clippy::cast_precision_loss, reason = "exponents are small")]
        Some(Data::Int(data)) => {
            l.constant("exponent", b.shape.clone(), Data::Float(data.iter().map(|&x| x as f32).collect()))
        }
        _ if b.kind == Kind::Float => Ok(b.clone()),
        _ => Err(Stop::unsupported(format!("the exponent is {}", b.kind.name()))),
    }
}
