//! Dropout: `y = x` at inference; training mode and the mask are refused.

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.float("ratio", 0.5)?;
    l.int("seed", 0)?;
    // the ratio matters in training only
    let _ = l.optional(1);
    if let Some(mode) = l.optional(2) {
        match mode.data() {
            Some(Data::Bool(flags)) if flags.iter().all(|&training| !training) => {}
            _ => return Err(Stop::hinted("training mode", "export the model after model.eval()")),
        }
    }
    let x = l.input(0)?;
    l.set(0, x);
    Ok(())
}
