//! Entries of a tensor chosen by private numbers.
//!
//! # Semantics
//! `y[i] = data[index[i]]`, where data is a weight or an activation of the same sample; the executor refuses other numbers.
//!
//! # Relation
//! `(index, y)` is a row of the table of data's entries: one table for all gathers from one tensor, its values committed like any others.
//!
//! # Uniqueness
//! The keys are the public numbers of entries, which differ, so one y stands beside each index whatever the entries are. Where data is an
//! activation, the entries of all samples are one table; the caller has bounded the index to those of one sample
//! ([`Circuit::check`](crate::circuit::Circuit::check) sees to it).
//!
//! # Cost
//! One lookup and one committed column; once per tensor and proof, a multiplicity and a table row for each of its entries.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! Haböck, *Multivariate lookups based on logarithmic derivatives*, 2022; docs/decisions/010-trees.md.

use crate::circuit::{CircuitBuilder, CircuitError, Table, TensorId};

/// Adds `data[index]`.
///
/// # Errors
/// If an extent of data is not a power of two.
pub fn gather(builder: &mut CircuitBuilder, name: &str, index: TensorId, data: TensorId) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(data);
    if shape.iter().any(|extent| !extent.is_power_of_two()) {
        return Err(builder.error(name, format!("entries of a tensor of shape {shape:?}, expected powers of two")));
    }
    let log_len = shape.iter().map(|extent| extent.ilog2()).sum();
    let table = builder.table(Table::Tensor { tensor: data, log_len });
    let y = builder.gather_hint(name, index, data)?;
    builder.constrain(table, vec![index, y], vec![y]);
    Ok(y)
}
