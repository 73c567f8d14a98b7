//! Index of an entry that is drawn at random: softmax with a temperature, among the greatest entries, by a seed that is public.
//!
//! # Semantics
//! For scores `x` along the last axis, `T / step` the temperature in steps of x, and noise `g` from the Gumbel distribution:
//!
//! ```text
//! index = argmax over x_i >= t of 8 x_i + [x_i > t] + round(8 (T / step) g_i)
//! ```
//!
//! where t is the k-th greatest score, counted with multiplicity; ties of the sums go to the lowest index. An entry i among those is chosen with
//! probability `exp(x_i step / T) / sum_j exp(x_j step / T)` [Gumbel 1954], up to rounding. Without k, all entries are among them and
//! the bracket is 0. The noise is a table's entry by a word of the seed's stream ([`noise`](crate::circuit::noise)), one for each entry of x.
//!
//! # Relation
//! The noise is a public tensor that both sides compute. t is a hint; `(x - t, e)` is a row of the table that is `-2^m` below 0, 0 at 0 and 1 above;
//! `S = sum_i e_i` is `above - 2^m below`, whose quotient by `2^m` is `-below`, range-checked from `k - n` on;
//! `k - 1 - above` is range-checked from 0 on. e takes out what is below
//! t, because `2^m` exceeds the span of the noise, and [`argmax`](super::argmax) takes `8 x + e + noise`.
//!
//! # Uniqueness
//! t: see [`Circuit::check`](crate::circuit::Circuit::check); everything else as in argmax.
//!
//! # Cost
//! That of argmax over keys of four more bits than x; for the k greatest one lookup and one committed column per entry more.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! [Gumbel 1954]; [Maddison, Tarlow, Minka 2014]: the greatest of perturbed scores is a draw from their softmax.

use super::argmax;
use super::range::{covering, pin};
use super::requantise::{Quotient, function_table, requantise};
use crate::circuit::{AxisFactor, CircuitBuilder, CircuitError, SeparableMap, Table, TableId, TensorId, Term, noise};

/// Steps of the noise to a step of the scores.
const FINENESS: i64 = 8;
/// Logarithm of the rows of the noise's table.
const LOG_TABLE: u32 = 13;
/// Greatest temperature, in steps of the scores.
const MOST_STEPS: f64 = 32_768.0;

/// How an entry is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw<'a> {
    /// What people are told: `temperature 0.8`.
    pub label: &'a str,
    /// Steps of the scores that the temperature is.
    pub temperature: f64,
    /// Only entries that are among so many of the greatest; `None` for all.
    pub top_k: Option<usize>,
}

/// Minus the logarithm of minus the logarithm of a uniform number, by rows of [`noise`].
#[must_use]
pub fn gumbel(row: usize, log_len: u32) -> f64 {
    -libm::log(-libm::log1p(-noise::middle(row, log_len)))
}

/// Adds the index of an entry along the last axis, which stays with extent 1. `seed` is a public input.
///
/// # Errors
/// The seed is not public, the temperature is none, k is none of the axis, or a value leaves the field's safe range.
pub fn sample(builder: &mut CircuitBuilder, name: &str, x: TensorId, seed: TensorId, draw: Draw<'_>) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(x).to_vec();
    let Some((&extent, rank)) = shape.last().zip(shape.len().checked_sub(1)) else {
        return Err(builder.error(name, "a draw from a scalar".to_owned()));
    };
    let Draw { label, temperature, top_k } = draw;
    if !(temperature > 0.0 && temperature <= MOST_STEPS) {
        let reason = format!("a temperature of {temperature} steps of the scores, expected more than 0 and at most {MOST_STEPS}");
        return Err(builder.error(name, reason));
    }
    let table = noise_table(builder, label, temperature);
    let random = builder.noise(&format!("{name}:noise"), &shape, seed, table)?;
    let mut terms = vec![Term::identity(x, FINENESS, shape.len()), Term::identity(random, 1, shape.len())];
    match top_k {
        Some(k) if !(1..=extent).contains(&k) => {
            return Err(builder.error(name, format!("the greatest {k} of {extent} entries, expected 1 to {extent}")));
        }
        Some(k) if k < extent => {
            let steps = above_kth(builder, &format!("{name}:top"), x, k, random)?;
            terms.push(Term::identity(steps, 1, shape.len()));
        }
        _ => {}
    }
    let perturbed = builder.linear(&format!("{name}:perturbed"), &shape, terms, Vec::new())?;
    argmax(builder, name, perturbed, rank, false)
}

/// `round(8 temperature g)` by rows of [`noise`].
fn noise_table(builder: &mut CircuitBuilder, label: &str, temperature: f64) -> TableId {
    let values = (0..1usize << LOG_TABLE).map(|row| libm::round(FINENESS as f64 * temperature * gumbel(row, LOG_TABLE)) as i32);
    builder.table(Table::Function { min: 0, values: values.collect(), name: label.to_owned() })
}

/// `-2^m` where an entry is below the k-th greatest of its line, 0 where it is equal, 1 where it is above; `2^m` exceeds the span of `random`.
fn above_kth(builder: &mut CircuitBuilder, name: &str, x: TensorId, k: usize, random: TensorId) -> Result<TensorId, CircuitError> {
    let shape = builder.shape(x).to_vec();
    let (rank, axis) = (shape.len(), shape.len() - 1);
    let (n, k_) = (shape[axis] as i64, k as i64);
    let (lo, hi) = builder.range(x);
    let (low, high) = builder.range(random);
    let room = covering(0, k_ - 1).1.max(1);
    let height = (high - low + 1).max(n + (1 << room) + 1);
    let m = 64 - (height - 1).leading_zeros();
    let (min, log_len) = covering(lo.saturating_sub(hi).min(-1), hi.saturating_sub(lo).max(1));
    if log_len > 18 || m > 30 {
        let reason = format!("scores {lo}..={hi} with noise {low}..={high}, expected scores of at most 17 bits and noise of at most 30");
        return Err(builder.error(name, reason));
    }
    let threshold = builder.largest_hint(&format!("{name}:threshold"), x, k)?;
    let along = || SeparableMap::across(rank, &[axis]);
    let terms = vec![Term::identity(x, 1, rank), Term { x: threshold, coefficient: -1, map: along() }];
    let difference = builder.linear(&format!("{name}:difference"), &shape, terms, Vec::new())?;
    builder.narrow(difference, lo - hi, hi - lo);
    let table = function_table(builder, "step", min, log_len, |d| if d < 0 { -(1 << m) } else { i32::from(d > 0) });
    let steps = builder.lookup_hint(name, difference, table)?;
    builder.constrain(table, vec![difference, steps], vec![steps, threshold]);
    let mut row = shape.clone();
    row[axis] = 1;
    let sum = builder.linear(&format!("{name}:sum"), &row, vec![Term { x: steps, coefficient: 1, map: along() }], Vec::new())?;
    builder.narrow(sum, -((n - k_) << m), k_ - 1);
    let target = Quotient::Range { min: k_ - n, log_len: covering(0, n - k_).1 };
    let q = requantise(builder, &format!("{name}:below"), sum, m, target)?.quotient;
    let terms = vec![Term::identity(sum, -1, rank), Term::identity(q, 1 << m, rank)];
    let constant = vec![(k_ - 1, vec![AxisFactor::Ones; rank])];
    let above = builder.linear(&format!("{name}:room"), &row, terms, constant)?;
    builder.narrow(above, 0, k_ - 1);
    pin(builder, name, above, 0, room, &mut vec![threshold])?;
    Ok(steps)
}
