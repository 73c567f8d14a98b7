//! Rescaling by a power of two, with the activation function fused.
//!
//! # Semantics
//! `q = floor(t / 2^s)`, and `y = f(q)` where a function table is given. The caller adds `2^(s-1)` to t, so that q is t
//! rounded to the nearest (halves upward), and the multiplier: `t = acc * M + 2^(s-1)`. Saturation is part of the table.
//!
//! # Relation
//! `t - 2^s q` is looked up in `[0, 2^s)`, and `(q, y)` in the table (or q in a range). For `s > 16` the shift is done
//! in steps of at most 16 bits: `floor(floor(t / 2^a) / 2^b) = floor(t / 2^(a+b))`.
//!
//! # Uniqueness
//! q takes one of n consecutive values and the remainder one of 2^s, with `n 2^s <= 2^63 < p`, so
//! `(q, rem) -> 2^s q + rem` is injective modulo p: every field value of t has at most one pair.
//!
//! # Cost
//! Two lookups and two committed columns (one without a function table) per entry; one of each more per 16 bits of shift
//! beyond the first. The remainder is virtual.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! DESIGN, section 4, items 2 and 3.

use super::range::{LIMB, pin};
use super::table::apply_table;
use crate::circuit::{CircuitBuilder, CircuitError, Table, TableId, TensorId, Term};

/// What the quotient is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotient {
    /// It is the result, and lies in `[min, min + 2^log_len)`.
    Range {
        /// Least value; divisible by 2^16 where `log_len` is greater than 16.
        min: i64,
        /// Logarithm of the number of values, at most 48.
        log_len: u32,
    },
    /// The result is this function of it.
    Function(TableId),
}

/// Quotients in `[-2^15, 2^15)`.
#[must_use]
pub fn signed_range() -> Quotient {
    Quotient::Range { min: -(1 << 15), log_len: 16 }
}

/// Result of [`requantise`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requantised {
    /// `floor(t / 2^s)`.
    pub quotient: TensorId,
    /// `f(quotient)`, or the quotient itself.
    pub value: TensorId,
    /// Remainders of the steps, lowest first; one for `s <= 16`, then it is `t mod 2^s`.
    pub remainders: Vec<TensorId>,
}

/// Adds `y = f(floor(t / 2^shift))`.
///
/// # Errors
/// If the shift is 0, or quotient and shift together need more than 63 bits.
pub fn requantise(
    builder: &mut CircuitBuilder,
    name: &str,
    t: TensorId,
    shift: u32,
    target: Quotient,
) -> Result<Requantised, CircuitError> {
    let log_len = match target {
        Quotient::Range { log_len, .. } => log_len,
        Quotient::Function(table) => {
            builder.circuit().tables.get(table.index()).map_or(64, |table| table.len().ilog2())
        }
    };
    if shift == 0 || shift + log_len > 63 {
        return Err(builder.error(name, format!("shift by {shift} of a quotient of {log_len} bits, expected at most 63 together")));
    }
    let mut remainders = Vec::new();
    let mut pinned = Vec::new();
    let (mut quotient, mut left) = (t, shift);
    while left > 0 {
        let step = left.min(LIMB);
        left -= step;
        let part = if left == 0 { format!("{name}:quotient") } else { format!("{name}:limb") };
        let (q, remainder) = split(builder, &part, quotient, step, &mut pinned)?;
        remainders.push(remainder);
        quotient = q;
    }
    let value = match target {
        Quotient::Range { min, log_len } => {
            pin(builder, name, quotient, min, log_len, &mut pinned)?;
            quotient
        }
        Quotient::Function(table) => {
            // The lookup bounds the quotient as well: it stays even where the value itself is not needed.
            let y = builder.lookup_hint(name, quotient, table)?;
            pinned.push(y);
            builder.constrain(table, vec![quotient, y], pinned.clone());
            y
        }
    };
    Ok(Requantised { quotient, value, remainders })
}

/// One step: quotient hint, virtual remainder and the remainder's lookup. The quotient itself is not bounded yet.
pub(super) fn split(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    shift: u32,
    pinned: &mut Vec<TensorId>,
) -> Result<(TensorId, TensorId), CircuitError> {
    let shape = builder.shape(x).to_vec();
    let q = builder.floor_shift_hint(name, x, shift)?;
    pinned.push(q);
    let base = name.strip_suffix(":quotient").unwrap_or(name);
    let terms = vec![Term::identity(x, 1, shape.len()), Term::identity(q, -(1 << shift), shape.len())];
    let remainder = builder.linear(&format!("{base}:remainder"), &shape, terms, Vec::new())?;
    builder.narrow(remainder, 0, (1 << shift) - 1);
    let table = builder.table(Table::Range { min: 0, log_len: shift });
    builder.constrain(table, vec![remainder], pinned.clone());
    Ok((q, remainder))
}

/// Adds a table that saturates an integer function: `values[i] = f(min + i)`.
///
/// # Panics
/// If `log_len` is greater than 20.
pub fn function_table(builder: &mut CircuitBuilder, name: &str, min: i64, log_len: u32, f: impl Fn(i64) -> i32) -> TableId {
    assert!(log_len <= 20, "tables have at most 2^20 rows");
    let values = (0..1i64 << log_len).map(|i| f(min + i)).collect();
    builder.table(Table::Function { min, values, name: name.to_owned() })
}

/// [`apply_table`] with a table made on the spot.
///
/// # Errors
/// As [`apply_table`].
pub(super) fn apply_function(
    builder: &mut CircuitBuilder,
    name: &str,
    x: TensorId,
    (table_name, min, log_len): (&str, i64, u32),
    f: impl Fn(i64) -> i32,
) -> Result<TensorId, CircuitError> {
    let table = function_table(builder, table_name, min, log_len, f);
    apply_table(builder, name, x, table)
}
