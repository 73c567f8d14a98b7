//! What the comparisons share: `a ? b` entry by entry, with numpy's broadcasting, as truth values.
//!
//! Constants are compared now. What depends on the input becomes a table over the difference: 1 where it is positive, not
//! negative, or zero. Whole numbers are compared exactly; real numbers that are nearer than one step of the difference's integers are equal.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::elementwise::charge_broadcast;
use crate::builder::Stop;
use crate::constant::{Data, zip};
use crate::element::Kind;
use crate::lowering::Lowering;

/// Which comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
        }
    }
}

pub(super) fn compare(l: &mut Lowering<'_>, how: Comparison) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    charge_broadcast(l, &a, &b)?;
    let known = match (a.data(), b.data()) {
        (Some(Data::Int(x)), Some(Data::Int(y))) => Some(zip((&a.shape, x), (&b.shape, y), |x, y| Ok(how.holds(x, y)))),
        (Some(Data::Float(x)), Some(Data::Float(y))) => Some(zip((&a.shape, x), (&b.shape, y), |x, y| Ok(how.holds(x, y)))),
        (Some(Data::Bool(x)), Some(Data::Bool(y))) => Some(zip((&a.shape, x), (&b.shape, y), |x, y| Ok(how.holds(x, y)))),
        _ => None,
    };
    if let Some(known) = known {
        let (shape, data) = known.map_err(Stop::Invalid)?;
        let y = l.constant("compare", shape, Data::Bool(data))?;
        l.set(0, y);
        return Ok(());
    }
    let (a, b) = (l.real(&a)?, l.real(&b)?);
    let (first, second) = match how {
        Comparison::Less | Comparison::LessOrEqual => (&b, &a),
        _ => (&a, &b),
    };
    let difference = l.binary("difference", ModelOp::Sub, first, second)?;
    let function = match how {
        Comparison::Equal => UnaryFn::Zero,
        Comparison::Greater | Comparison::Less => UnaryFn::Positive,
        Comparison::GreaterOrEqual | Comparison::LessOrEqual => UnaryFn::NonNegative,
    };
    let y = l.function("compare", function, &difference)?;
    let y = l.of_kind(y, Kind::Bool)?;
    l.set(0, y);
    Ok(())
}
