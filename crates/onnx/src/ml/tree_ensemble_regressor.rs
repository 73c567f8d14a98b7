//! TreeEnsembleRegressor: sums or means of leaves for each target.

use super::forest::read;
use super::scores::post_transform;
use super::tree_ensemble::sums;
use crate::builder::Stop;
use crate::lowering::Lowering;

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let num_targets = usize::try_from(l.int("n_targets", 1)?).map_err(|_| Stop::invalid("a negative number of targets"))?;
    let base = l.numbers("base_values")?.unwrap_or_default();
    let mean = match l.string("aggregate_function", "SUM")?.as_str() {
        "SUM" => false,
        "AVERAGE" => true,
        other => return Err(Stop::unsupported(format!("aggregate_function {other}"))),
    };
    let (forest, _) = read(l, "target", num_targets)?;
    let y = sums(l, forest, mean, base)?;
    let y = post_transform(l, &y)?;
    l.set(0, y);
    Ok(())
}
