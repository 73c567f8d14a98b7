//! Rows of a table chosen by ids.
//!
//! # Semantics
//! `y[.., h] = w[0, h, id]` for ids in `0..V`; the executor refuses any other id.
//!
//! # Relation
//! `id = 2^b hi + lo` ([`requantise`](super::requantise)), `V - 1 - id` in a range; `D_hi[.., i] = [hi = i]` and `D_lo[.., j] = [lo = j]`, each entry
//! looked up by its difference in a table that is 1 at 0; `O = D_hi (x) D_lo` (virtual, a product with inner extent 1), and a dense layer.
//!
//! # Uniqueness
//! The digits are unique for every field value of the id, and each indicator is a function of its digit.
//!
//! # Cost
//! `2^ceil(n/2) + 2^floor(n/2)` lookups and committed entries per id, for `V <= 2^n`: 512 for 50,257 rows; one pass over the table per proof.
//!
//! # Soundness error
//! That of the lookup argument, and of two products.
//!
//! # References
//! SOUNDNESS, item 18.

use super::range::pin;
use super::requantise::{Quotient, apply_function, requantise};
use crate::circuit::{AxisFactor, AxisLink, AxisMap, CircuitBuilder, CircuitError, SeparableMap, TensorId, Term};

/// Logarithm of the largest table.
const MAX_LOG_LEN: u32 = 20;

/// Number of columns of [`one_hot`] for ids in `0..len`: the next power of two, at least 4.
#[must_use]
pub fn one_hot_len(len: usize) -> usize {
    len.next_power_of_two().max(4)
}

/// Adds `[.., one_hot_len(len)]` with 1 at each id, 0 elsewhere. Virtual.
///
/// # Errors
/// If `len` is greater than 2^20.
pub fn one_hot(builder: &mut CircuitBuilder, name: &str, ids: TensorId, len: usize) -> Result<TensorId, CircuitError> {
    let total = one_hot_len(len).ilog2();
    let shape = builder.shape(ids).to_vec();
    let rank = shape.len();
    if total > MAX_LOG_LEN || len == 0 {
        return Err(builder.error(name, format!("one of {len}, expected 1 to 2^{MAX_LOG_LEN}")));
    }
    let low = total / 2;
    let digits = requantise(builder, &format!("{name}:digit"), ids, low, Quotient::Range { min: 0, log_len: total - low })?;
    let rest = vec![Term::identity(ids, -1, rank)];
    let last = vec![(len as i64 - 1, vec![AxisFactor::Ones; rank])];
    let rest = builder.linear(&format!("{name}:rest"), &shape, rest, last)?;
    pin(builder, &format!("{name}:rest"), rest, 0, total, &mut vec![rest, digits.quotient])?;
    let [low_digit] = digits.remainders.as_slice() else {
        return Err(builder.error(name, "the lower digit needs one limb".to_owned()));
    };
    let high = equals(builder, &format!("{name}:high"), digits.quotient, total - low, rank)?;
    let low = equals(builder, &format!("{name}:low"), *low_digit, low, rank + 1)?;
    let product = builder.matmul(&format!("{name}:pair"), high, low)?;
    let mut shape = shape;
    shape.push(one_hot_len(len));
    builder.reshape(name, product, &shape)
}

/// `[.., 2^bits, 1]` or `[.., 1, 2^bits]`: 1 where the index on this axis is the digit.
fn equals(builder: &mut CircuitBuilder, name: &str, digit: TensorId, bits: u32, axis: usize) -> Result<TensorId, CircuitError> {
    let mut shape = builder.shape(digit).to_vec();
    let rank = shape.len();
    shape.extend([1, 1]);
    shape[axis] = 1 << bits;
    let kept = (0..rank).map(|axis| AxisLink::Map { input: axis, output: axis, map: AxisMap::Identity });
    let links = kept.chain([AxisLink::Broadcast { output: rank }, AxisLink::Broadcast { output: rank + 1 }]).collect();
    let mut index = vec![AxisFactor::Ones; rank + 2];
    index[axis] = AxisFactor::Values((0..1 << bits).collect());
    let terms = vec![Term { x: digit, coefficient: 1, map: SeparableMap { links } }];
    let difference = builder.linear(&format!("{name}:difference"), &shape, terms, vec![(-1, index)])?;
    let table = ("is zero", -(1i64 << bits), bits + 1);
    apply_function(builder, name, difference, table, |d| i32::from(d == 0))
}

/// Adds the rows `[.., H]` of a table `w [1, H, V]`, stored by columns; or `[1, H, one_hot_len(V)]`, filled up with zeros,
/// which saves a sumcheck over ids times V.
///
/// # Errors
/// If w has another number of columns, or V is greater than 2^20.
pub fn embedding(
    builder: &mut CircuitBuilder,
    name: &str,
    ids: TensorId,
    w: TensorId,
    len: usize,
) -> Result<TensorId, CircuitError> {
    let mut chosen = one_hot(builder, &format!("{name}:one_hot"), ids, len)?;
    let columns = builder.shape(w).last().copied().unwrap_or(0);
    if columns == len && len != one_hot_len(len) {
        let mut shape = builder.shape(chosen).to_vec();
        let axis = shape.len() - 1;
        shape[axis] = len;
        let map = SeparableMap::along(shape.len(), axis, AxisMap::Strided { start: 0, step: 1 });
        chosen = builder.linear(&format!("{name}:cut"), &shape, vec![Term { x: chosen, coefficient: 1, map }], Vec::new())?;
    }
    let (lo, hi) = builder.range(w);
    let y = builder.dense(name, chosen, w)?;
    builder.narrow(y, lo, hi);
    Ok(y)
}
