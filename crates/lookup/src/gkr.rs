//! The sum of fractions by GKR: the protocol.
//!
//! A binary tree over `2^n` leaves `num_i / den_i`: node `i` of a layer has the children `2 i` and `2 i + 1` and
//! `num = n0 d1 + n1 d0`, `den = d0 d1`. The root is `0 / D`, and `D` is shown to be non-zero by its inverse. A layer turns claims on
//! `num` and `den` into
//!
//! `sum_x eq(r, x) [n0(x) d1(x) + n1(x) d0(x) + lambda d0(x) d1(x)] = num(r) + lambda den(r)`,
//!
//! a sumcheck that binds the *least* significant variable first, so that blocks of leaves stay apart for as long as
//! possible, and ends in claims on the four halves `n0, n1, d0, d1` at a point of the parents. They need not be merged: they are
//! `h(0)` and `h(1)` of the next layer's first round, which binds the bit that tells the halves apart. Only those of the leaves are
//! merged, by one challenge that becomes the last coordinate. Points have the most significant bit first, as everywhere.
//!
//! A round polynomial is `eq(r_i, X) h(X)` with `h` of degree 2; `h(0)` and the leading coefficient `h(inf)` are sent (`h(inf)` alone
//! in the first round), and `h(1)` follows from the claim `(1 - r_i) h(0) + r_i h(1)`. The claim that is carried on is `h(c)`, without
//! any factor of eq. [Papini and Haböck 2023; Gruen 2024, sec. 3; Thaler 2013]
//!
//! Soundness: a round errs with probability at most `2 / |E|`, combining numerator and denominator by `lambda` or merging the halves
//! with `1 / |E|`: in all at most `n (n + 1) / |E|`.
//!
//! # Transcript
//! `D, 1 / D`. For each layer, the root's children first: challenge `lambda`; for each round the message and a challenge; the halves.
//! Last the merging challenge.

use std::ops::{Add, Mul, Sub};

use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, ProverTranscript, TranscriptError, Value, VerifierTranscript};

use crate::error::LookupError;
use crate::layout::Layout;
use crate::layer::{Children, LayerState, Scratch};
use crate::leaves::LookupLeaves;
use crate::tree::Layer;

/// Labels of the messages, in order.
pub(crate) const ROOT: &str = "lookup root";
pub(crate) const COMBINE: &str = "lookup combine";
pub(crate) const ROUND: &str = "lookup round";
pub(crate) const HALVES: &str = "lookup halves";
pub(crate) const MERGE: &str = "lookup merge";

/// Claims on the leaves.
#[derive(Clone, Debug)]
pub(crate) struct LeafClaim<E, V> {
    /// Point, most significant bit first.
    pub(crate) point: Vec<E>,
    /// Numerators at the point.
    pub(crate) num: V,
    /// Denominators at the point.
    pub(crate) den: V,
}

/// The claim on the leaves; and numerators and denominators of each block of at least two leaves, by its number, at its own
/// coordinates of the point.
pub(crate) type Proved<E> = (LeafClaim<E, E>, Vec<(usize, [E; 2])>);

/// Proves that the fractions sum to zero and that no denominator is zero.
pub(crate) fn prove<E: Ext>(
    transcript: &mut ProverTranscript,
    leaves: Layer<E>,
    lookups: &[LookupLeaves<E>],
    layout: &Layout,
) -> Result<Proved<E>, LookupError> {
    let num_vars = layout.num_vars;
    let layers = layers(leaves, lookups, num_vars);
    let [_, den] = layers[num_vars].layer.root();
    let inverse = den.try_inverse().ok_or(LookupError::Unlucky)?;
    transcript.send(ROOT, &[den, inverse]);
    prove_layers(transcript, layers, layout.blocks.len())
}

/// All layers, the leaves first, the root last.
fn layers<E: Ext>(layer: Layer<E>, lookups: &[LookupLeaves<E>], num_vars: usize) -> Vec<Children<'_, E>> {
    let mut layers = Vec::with_capacity(num_vars + 1);
    layers.push(Children { layer, leaves: lookups, parents: Vec::new() });
    for _ in 0..num_vars {
        let above = layers[layers.len() - 1].above();
        layers.push(above);
    }
    layers
}

/// From the root, which comes last, through the layers below it to claims on the leaves.
fn prove_layers<E: Ext>(transcript: &mut ProverTranscript, mut layers: Vec<Children<'_, E>>, blocks: usize) -> Result<Proved<E>, LookupError> {
    layers.pop();
    let mut scratch: Scratch<E> = vec![Vec::new(); blocks];
    let mut point: Vec<E> = Vec::new();
    let mut ends = None;
    while let Some(children) = layers.pop() {
        let lambda: E = transcript.challenge(COMBINE);
        let mut state = LayerState::new(&children, lambda)?;
        let mut next = Vec::with_capacity(point.len() + 1);
        if ends.is_some() {
            // Variables are bound from the last to the first; the one that tells the two halves of the layer above apart comes
            // after `point` and is bound before it.
            let mut message = vec![state.first_round(&point)];
            for left in (0..=point.len()).rev() {
                transcript.send(ROUND, &message);
                let c: E = transcript.challenge(ROUND);
                message = state.bind(c, left.checked_sub(1).map(|left| &point[..left]), &mut scratch).to_vec();
                next.push(c);
            }
        }
        next.reverse();
        point = next;
        let (own, of_blocks) = state.ends();
        transcript.send(HALVES, &own);
        ends = Some((own, of_blocks));
        children.recycle(&mut scratch);
    }
    let (ends, of_blocks) = ends.ok_or(LookupError::Unlucky)?;
    let claim = leaf_claim(transcript, point, ends);
    let merge = claim.point[claim.point.len() - 1];
    let merged = of_blocks.into_iter().map(|(slot, [n0, n1, d0, d1])| (slot, [n0 + (n1 - n0) * merge, d0 + (d1 - d0) * merge]));
    Ok((claim, merged.collect()))
}

/// Merges the claims on the two halves of the leaves.
fn leaf_claim<E: Ext, V>(transcript: &mut impl Transcript, mut point: Vec<E>, [n0, n1, d0, d1]: [V; 4]) -> LeafClaim<E, V>
where
    V: Clone + Add<Output = V> + Sub<Output = V> + Mul<E, Output = V>,
{
    let merge: E = transcript.challenge(MERGE);
    point.push(merge);
    LeafClaim { point, num: n0.clone() + (n1 - n0) * merge, den: d0.clone() + (d1 - d0) * merge }
}

/// Checks the tree over `2^num_vars` leaves; the claims that are left are for the caller to check.
///
/// # Errors
/// If the proof is too short or an equation does not hold.
pub(crate) fn verify<E: Ext>(
    transcript: &mut VerifierTranscript<'_>,
    num_vars: usize,
) -> Result<LeafClaim<E, Value<E>>, LookupError> {
    let [den, inverse] = receive(transcript, ROOT)?;
    let product = transcript.product(&den, &inverse)?;
    transcript.check_zero(ROOT, product - Value::public(E::ONE))?;
    let mut point: Vec<E> = Vec::new();
    let mut ends: Option<[Value<E>; 4]> = None;
    for _ in 0..num_vars {
        let lambda: E = transcript.challenge(COMBINE);
        let mut next = Vec::with_capacity(point.len() + 1);
        // The root's numerator is zero.
        let mut sum = &den * lambda;
        if let Some([n0, n1, d0, d1]) = &ends {
            let [slope] = receive(transcript, ROUND)?;
            let c: E = transcript.challenge(ROUND);
            sum = extrapolate(n0.clone() + d0 * lambda, n1.clone() + d1 * lambda, slope, c);
            next.push(c);
        }
        for &r in point.iter().rev() {
            let [at_zero, slope] = receive(transcript, ROUND)?;
            let c: E = transcript.challenge(ROUND);
            let at_one = (sum - &at_zero * (E::ONE - r)) * r.try_inverse().ok_or(LookupError::Unlucky)?;
            sum = extrapolate(at_zero, at_one, slope, c);
            next.push(c);
        }
        next.reverse();
        point = next;
        let [n0, n1, d0, d1] = receive(transcript, HALVES)?;
        let num = transcript.product(&n0, &d1)? + transcript.product(&n1, &d0)?;
        let den = transcript.product(&d0, &d1)?;
        transcript.check_zero(HALVES, num + den * lambda - sum)?;
        ends = Some([n0, n1, d0, d1]);
    }
    Ok(leaf_claim(transcript, point, ends.ok_or(LookupError::Unlucky)?))
}

/// `h(c)` from `h(0)`, `h(1)` and `h(inf)`.
fn extrapolate<E: Ext>(at_zero: Value<E>, at_one: Value<E>, at_infinity: Value<E>, c: E) -> Value<E> {
    at_zero * (E::ONE - c) + at_one * c + at_infinity * (c.square() - c)
}

fn receive<E: Ext, const N: usize>(transcript: &mut VerifierTranscript<'_>, label: &'static str) -> Result<[Value<E>; N], TranscriptError> {
    transcript.receive::<E>(label, N)?.try_into().map_err(|_| TranscriptError::Truncated { label, needed: N, left: 0 })
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeCharacteristicRing;
    use veritorch_sumcheck::E2;

    use super::*;

    fn leaves(num: &[i64], den: &[i64]) -> Layer<E2> {
        let pairs = num.iter().zip(den).map(|(&num, &den)| [E2::from_int(num), E2::from_int(den)]);
        Layer { pieces: Vec::new(), singles: pairs.enumerate().collect() }
    }

    fn layout(num_vars: usize) -> Layout {
        Layout { blocks: Vec::new(), live: 1 << num_vars, num_vars }
    }

    fn root(num: &[i64], den: &[i64]) -> [E2; 2] {
        layers(leaves(num, den), &[], num.len().ilog2() as usize).pop().unwrap().layer.root()
    }

    /// The root as the prover claims it, then the layers as they are.
    fn refusal(num: &[i64], den: &[i64], root: [i64; 2]) -> Result<(), LookupError> {
        let num_vars = num.len().ilog2() as usize;
        let mut transcript = ProverTranscript::new("test");
        transcript.send(ROOT, &root.map(E2::from_int));
        prove_layers(&mut transcript, layers(leaves(num, den), &[], num_vars), 0)?;
        let proof = transcript.into_proof();
        verify::<E2>(&mut VerifierTranscript::new("test", &proof), num_vars).map(|_| ())
    }

    fn check(check: &'static str) -> Result<(), LookupError> {
        Err(LookupError::Transcript(TranscriptError::Check { check }))
    }

    #[test]
    fn zero_denominators_prove_nothing() {
        // 1/2 + 1/1 has the root 3/2: not a sum of zero. With zero denominators the numerator of the root is zero.
        let (num, den) = ([1, 1, 5, 7], [2, 1, 0, 0]);
        assert_eq!(root(&num, &den), [E2::ZERO; 2]);
        for inverse in [0, 1, 2] {
            assert_eq!(refusal(&num, &den, [0, inverse]), check(ROOT));
        }
        // A denominator of the root that is not that of the leaves.
        assert_eq!(refusal(&num, &den, [1, 1]), check(HALVES));
        let mut transcript = ProverTranscript::new("test");
        assert_eq!(prove(&mut transcript, leaves(&num, &den), &[], &layout(2)).map(|_| ()).unwrap_err(), LookupError::Unlucky);
    }

    #[test]
    fn a_sum_that_is_not_zero_is_refused() {
        assert_eq!(refusal(&[1, -1], &[1, 1], [1, 1]), Ok(()));
        assert_eq!(refusal(&[1, -2], &[1, 1], [1, 1]), check(HALVES));
        assert_eq!(refusal(&[1, 1, -1, -1, 0, 0, 0, 1], &[1; 8], [1, 1]), check(HALVES));
    }

    #[test]
    fn claims_on_the_leaves_are_true() {
        for log_len in 1usize..7 {
            let len = 1i64 << log_len;
            let num: Vec<i64> = (0..len).map(|i| if i < len / 2 { i + 1 } else { len / 2 - i - 1 }).collect();
            let den: Vec<i64> = (0..len).map(|i| 5 + i % (len / 2)).collect();
            let mut transcript = ProverTranscript::new("test");
            let (own, _) = prove(&mut transcript, leaves(&num, &den), &[], &layout(log_len)).unwrap();
            let proof = transcript.into_proof();
            let mut transcript = VerifierTranscript::new("test", &proof);
            let claim = verify::<E2>(&mut transcript, log_len).unwrap();
            assert_eq!(claim.point, own.point);
            let at = |values: &[i64]| veritorch_sumcheck::mle::Mle::new(values.iter().map(|&v| E2::from_int(v)).collect()).evaluate(&claim.point);
            assert_eq!((claim.num, claim.den), (Value::public(at(&num)), Value::public(at(&den))));
            assert_eq!((own.num, own.den), (at(&num), at(&den)));
            transcript.finish().unwrap();
        }
    }
}
