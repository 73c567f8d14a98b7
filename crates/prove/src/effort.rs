//! How many claims reach each tensor, and how long the public vectors are that the verifier writes out for them: both follow from the
//! circuit alone, and both are bounded before any work is done, since a verifying key may come from a stranger.

use veritorch_graph::circuit::{AxisFactor, Circuit, CircuitError, Constraint, Op, Tensor, Term, Visibility};

use crate::lookups::Lookups;
use crate::schedule::{Step, schedule};
use crate::tensor::PortLink;

/// Claims that a rewrite passes on one by one; more are merged into one first.
pub(crate) const MAX_REWRITES: usize = 64;
/// Field elements of all vectors of one proof, and of one vector.
const MAX_ELEMENTS: usize = 1 << 28;
const MAX_VECTOR: usize = 1 << 26;

/// What the claims on a tensor come to, from above.
#[derive(Clone, Copy, Debug, Default)]
struct Arrivals {
    num_claims: usize,
    /// Whether a form may be one vector over several axes.
    joint: bool,
}

/// Upper bound for the number of claims that arrive at each tensor of an instantiated circuit.
///
/// # Errors
/// If the verifier would have to write out more than 2^28 field elements, or a vector of more than 2^26, naming the tensor.
pub(crate) fn count_claims(circuit: &Circuit, lookups: &Lookups, links: &[PortLink]) -> Result<Vec<usize>, CircuitError> {
    let mut arrivals = vec![Arrivals::default(); circuit.tensors.len()];
    let zeros = circuit.constraints.iter().filter_map(|constraint| match constraint {
        Constraint::Zero { tensor } => Some(tensor),
        Constraint::Lookup { .. } => None,
    });
    let is_public = circuit.policy.output == Visibility::Public;
    let outputs = circuit.outputs.iter().filter(|_| is_public).map(|port| &port.tensor);
    let columns = lookups.columns.iter().flatten().chain(&lookups.entries);
    for tensor in columns.chain(zeros).chain(outputs).chain(links.iter().map(|link| &link.tensor)) {
        arrivals[tensor.index()].num_claims += 1;
    }
    let mut total = 0usize;
    for step in schedule(circuit) {
        match step {
            Step::Rewrite(id) => {
                let tensor = circuit.tensor(id);
                let Arrivals { num_claims, joint } = arrivals[id.index()];
                let passed = num_claims.min(MAX_REWRITES);
                let own = if joint { tensor.len() } else { extents(&tensor.shape) };
                let (elements, joint) = match &tensor.op {
                    Op::Linear { terms, constant } => linear(circuit, own, extents(&tensor.shape), terms, constant, joint),
                    Op::Reshape { x } => {
                        let (longest, splits) = longest_run(&tensor.shape, &circuit.tensor(*x).shape);
                        let longest = if joint { tensor.len() } else { longest };
                        (own.saturating_add(longest), joint || splits)
                    }
                    _ => (0, false),
                };
                let longest = if joint { tensor.len() } else { tensor.shape.iter().copied().max().unwrap_or(1) };
                total = total.saturating_add(passed.saturating_mul(elements));
                if total > MAX_ELEMENTS || (num_claims > 0 && longest > MAX_VECTOR) {
                    return Err(too_long(tensor));
                }
                for operand in tensor.op.operands() {
                    let slot = &mut arrivals[operand.index()];
                    slot.num_claims = slot.num_claims.saturating_add(passed);
                    slot.joint |= joint;
                }
            }
            Step::Wave(ids) => {
                for operand in ids.iter().flat_map(|&id| circuit.tensor(id).op.operands()) {
                    arrivals[operand.index()].num_claims += 1;
                }
            }
        }
    }
    // The verifier evaluates the claims on public inputs itself.
    let inputs = circuit.inputs.iter().filter(|_| circuit.policy.input == Visibility::Public);
    for tensor in inputs.map(|port| port.tensor) {
        total = total.saturating_add(arrivals[tensor.index()].num_claims.saturating_mul(circuit.tensor(tensor).len()));
        if total > MAX_ELEMENTS {
            return Err(too_long(circuit.tensor(tensor)));
        }
    }
    // So it does with those on noise, which it computes first.
    for (tensor, own) in circuit.tensors.iter().zip(&arrivals) {
        if matches!(tensor.op, Op::Noise { .. }) {
            total = total.saturating_add(own.num_claims.saturating_mul(2).saturating_mul(tensor.len()));
            if total > MAX_ELEMENTS || (own.num_claims > 0 && tensor.len() > MAX_VECTOR) {
                return Err(too_long(tensor));
            }
        }
    }
    Ok(arrivals.into_iter().map(|arrivals| arrivals.num_claims).collect())
}

fn too_long(tensor: &Tensor) -> CircuitError {
    CircuitError::Tensor {
        tensor: tensor.name.clone(),
        node: tensor.node.clone(),
        reason: format!("shape {:?}: its proofs would take too long to verify", tensor.shape),
    }
}

/// Elements of the vectors that rewriting one claim takes, and whether the operands' may be joint.
fn linear(
    circuit: &Circuit,
    own: usize,
    separable: usize,
    terms: &[Term],
    constant: &[(i64, Vec<AxisFactor>)],
    joint: bool,
) -> (usize, bool) {
    let is_identity = terms.iter().all(|term| term.map.is_identity());
    let own = if is_identity { own } else { separable };
    let operands = terms.iter().map(|term| extents(&circuit.tensor(term.x).shape).saturating_add(own));
    // Sums over all indices and over intervals are taken from sums of first entries.
    let joint = joint && is_identity;
    let constants = constant.iter().map(|(_, factors)| {
        let is_plain = factors.iter().all(|factor| !matches!(factor, AxisFactor::Values(_)));
        if is_plain && !joint { factors.len() } else { own }
    });
    (operands.chain(constants).fold(own, usize::saturating_add), joint)
}

fn extents(shape: &[usize]) -> usize {
    shape.iter().fold(0, |sum, &extent| sum.saturating_add(extent))
}

/// The longest of the shortest runs of axes with equal numbers of entries on both sides, and whether one has several axes.
fn longest_run(output: &[usize], input: &[usize]) -> (usize, bool) {
    let is_long = |n: &&usize| **n > 1;
    let (mut output, mut input) = (output.iter().filter(is_long), input.iter().filter(is_long));
    let (mut longest, mut splits) = (1usize, false);
    while let (Some(&first), Some(&second)) = (output.next(), input.next()) {
        let (mut left, mut right) = (first, second);
        while left != right {
            splits = true;
            let (short, axes) = if left < right { (&mut left, &mut output) } else { (&mut right, &mut input) };
            let Some(&next) = axes.next() else { break };
            *short = short.saturating_mul(next);
        }
        longest = longest.max(left.max(right));
    }
    (longest, splits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_those_of_equal_products() {
        assert_eq!(longest_run(&[2, 3, 64, 12], &[2, 3, 768]), (768, true));
        assert_eq!(longest_run(&[5, 1, 7], &[5, 7]), (7, false));
        assert_eq!(longest_run(&[6, 4], &[4, 6]), (24, true));
        assert_eq!(longest_run(&[1], &[1, 1]), (1, false));
    }
}
