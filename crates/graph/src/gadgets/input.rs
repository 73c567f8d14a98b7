//! An input of the model.
//!
//! # Semantics
//! Integers in `[min, min + 2^log_len)`; the encoder rounds real values to them and saturates.
//!
//! # Relation
//! Where the policy keeps inputs private, each entry is looked up in the range (by limbs beyond 16 bits). Public inputs
//! are compared with the tensor's range by the verifier.
//!
//! # Uniqueness
//! Nothing is chosen.
//!
//! # Cost
//! One lookup per private entry up to 16 bits, two beyond.
//!
//! # Soundness error
//! That of the lookup argument.
//!
//! # References
//! DESIGN, section 3: the input's rounding rule is part of the circuit.

use super::range;
use crate::circuit::{CircuitBuilder, CircuitError, TensorId};

/// Adds the next input of the model with its range check; a real value is `integer * scale`.
///
/// # Errors
/// If the range leaves the field's safe range or the shape is not valid.
pub fn input(
    builder: &mut CircuitBuilder,
    name: &str,
    shape: &[usize],
    (min, log_len): (i64, u32),
    scale: f64,
) -> Result<TensorId, CircuitError> {
    let x = builder.source(name, shape, (min, min + (1 << log_len) - 1), scale)?;
    if builder.has_private_input() {
        range(builder, name, x, min, log_len)?;
    }
    Ok(x)
}
