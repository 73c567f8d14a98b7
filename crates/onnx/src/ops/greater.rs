//! Greater: `a > b`; constants fold, a comparison with one number is kept for the `Where` that reads it.

use super::shape_arithmetic::{compare, finish};
use crate::builder::{Operand, Source, Stop};
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    match (&a.source, b.floats()) {
        (&Source::Value(value), Some(&[threshold])) if a.kind == Kind::Float => {
            let source = Source::Above { value, threshold };
            finish(l, Some(Operand { shape: a.shape, kind: Kind::Bool, source }))
        }
        _ => compare(l, |a, b| a > b, |a, b| a > b),
    }
}
