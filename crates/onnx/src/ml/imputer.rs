//! Imputer: replaces missing values. Circuits take finite numbers only, and NaN is what is missing in a float model: nothing is replaced.

use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.skip("imputed_value_floats");
    l.skip("imputed_value_int64s");
    if !l.float("replaced_value_float", f32::NAN)?.is_nan() || l.int("replaced_value_int64", 0)? != 0 {
        return Err(Stop::hinted("a missing value that is a number", "impute before the model, or mark missing values by NaN"));
    }
    let x = l.input(0)?;
    l.set(0, x);
    Ok(())
}
