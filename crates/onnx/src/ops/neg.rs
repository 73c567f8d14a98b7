//! Neg: `y = -x`, as a product by -1; integers fold.

use super::elementwise::both_ints;
use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    if matches!(x.data(), Some(Data::Int(_))) {
        let zero = l.constant("zero", Vec::new(), Data::Int(vec![0]))?;
        if let Some(y) = both_ints(l, "neg", i64::checked_sub, &zero, &x)? {
            l.set(0, y);
            return Ok(());
        }
    }
    let (kind, x) = (x.kind, l.real(&x)?);
    let y = l.scale("neg", &x, -1.0)?;
    let y = l.of_kind(y, kind)?;
    l.set(0, y);
    Ok(())
}
