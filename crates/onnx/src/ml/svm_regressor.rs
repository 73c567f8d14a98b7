//! SVMRegressor: `sum_v c_v K(x, v) + rho`.

use super::scores::post_transform;
use super::svm::{decide, kernels};
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?.as_float();
    if l.int("one_class", 0)? != 0 {
        return Err(Stop::unsupported("one_class"));
    }
    let coefficients = l.floats("coefficients")?.unwrap_or_default();
    let rho = l.floats("rho")?.unwrap_or_default();
    let count = usize::try_from(l.int("n_supports", 0)?).unwrap_or(0);
    let y = if count == 0 {
        super::linear_regressor::product(l, &x, &coefficients, &rho)?
    } else {
        if coefficients.len() != count || rho.len() != 1 {
            return Err(Stop::invalid(format!("{} coefficients and {} rho for {count} support vectors", coefficients.len(), rho.len())));
        }
        let kernels = kernels(l, &x, count)?;
        decide(l, &kernels, coefficients, rho)?
    };
    let y = post_transform(l, &y)?;
    l.set(0, y);
    Ok(())
}
