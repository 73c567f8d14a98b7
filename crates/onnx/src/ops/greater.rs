//! Greater: `a > b`, as [`comparison`](super::comparison) says. A comparison with one number is kept for the `Where` that
//! reads it, which may need none.

use super::comparison::{Comparison, compare};
use crate::builder::{Operand, Source, Stop};
use crate::element::Kind;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let (a, b) = (l.input(0)?, l.input(1)?);
    match (&a.source, b.floats()) {
        (&Source::Value(value), Some(&[threshold]))
            if a.kind == Kind::Float && b.shape.len() <= a.shape.len() && threshold.is_finite() =>
        {
            let source = Source::Above { value, threshold };
            l.set(0, Operand { shape: a.shape, kind: Kind::Bool, source });
            Ok(())
        }
        _ => compare(l, Comparison::Greater),
    }
}
