//! A function table applied to each entry.
//!
//! # Semantics
//! `y = table[x]`; the executor refuses an `x` that is not a key.
//!
//! # Relation
//! `(x, y)` is a row of the table.
//!
//! # Uniqueness
//! The keys of a table differ, so at most one `y` stands beside each `x`; an `x` that is no key has none.
//!
//! # Cost
//! One lookup and one committed column.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! Haböck, *Multivariate lookups based on logarithmic derivatives*, 2022.

use crate::circuit::{CircuitBuilder, CircuitError, TableId, TensorId};

/// Adds `y = table[x]`.
///
/// # Errors
/// If the table has one column.
pub fn apply_table(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    table: TableId,
) -> Result<TensorId, CircuitError> {
    let y = builder.lookup_hint(name, x, table)?;
    builder.constrain(table, vec![x, y], vec![y]);
    Ok(y)
}
