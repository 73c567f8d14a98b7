//! The sum of fractions by GKR.
//!
//! A binary tree over `2^n` leaves `num_i / den_i`: node `i` of a layer has the children `2 i` and `2 i + 1` and
//! `num = n0 d1 + n1 d0`, `den = d0 d1`. A layer turns claims on `num` and `den` at a point `r` into
//!
//! `sum_x eq(r, x) [n0(x) d1(x) + n1(x) d0(x) + lambda d0(x) d1(x)] = num(r) + lambda den(r)`,
//!
//! a sumcheck that binds the *least* significant variable first, so that blocks of leaves stay apart for as long as
//! possible, and ends in claims on the four halves, which one more challenge merges: it is the new last coordinate.
//! The point of the leaves has the most significant bit first, as everywhere.
//!
//! A round polynomial is `eq(r_i, X) h(X)` with `h` of degree 2; `h(0)` and the leading coefficient `h(inf)` are sent, and
//! `h(1)` follows from the claim `(1 - r_i) h(0) + r_i h(1)`. The claim that is carried on is `h(c)`, without any factor of eq.
//! [Papini and Haböck 2023; Gruen 2024, sec. 3; Thaler 2013]

use rayon::prelude::*;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, ProverTranscript, TranscriptError, Value, VerifierTranscript};

use crate::error::LookupError;

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

/// Proves that the fractions sum to zero and that no denominator is zero.
pub(crate) fn prove<E: Ext>(
    transcript: &mut ProverTranscript,
    num: Vec<E>,
    den: Vec<E>,
) -> Result<LeafClaim<E, E>, LookupError> {
    let mut layers = vec![(num, den)];
    while let Some((num, den)) = layers.last()
        && den.len() > 1
    {
        layers.push(parents(num, den));
    }
    let (num, den) = layers.pop().map(|(num, den)| (num[0], den[0])).ok_or(LookupError::Unlucky)?;
    let inverse = den.try_inverse().ok_or(LookupError::Unlucky)?;
    transcript.send(ROOT, &[den, inverse]);
    prove_layers(transcript, layers, LeafClaim { point: Vec::new(), num, den })
}

/// From a claim on the root, through the layers below it (the leaves come first), to claims on the leaves.
fn prove_layers<E: Ext>(
    transcript: &mut ProverTranscript,
    mut layers: Vec<(Vec<E>, Vec<E>)>,
    mut claim: LeafClaim<E, E>,
) -> Result<LeafClaim<E, E>, LookupError> {
    while let Some((num, den)) = layers.pop() {
        let lambda: E = transcript.challenge(COMBINE);
        let mut halves = [split(&num), split(&den)].concat();
        let mut sum = claim.num + lambda * claim.den;
        let mut point = Vec::with_capacity(claim.point.len() + 1);
        let mut rest = claim.point.as_slice();
        while let Some((&r, high)) = rest.split_last() {
            rest = high;
            let weights = veritorch_sumcheck::mle::eq_table(high);
            let [at_zero, at_infinity] = round(&halves, &weights, lambda);
            transcript.send(ROUND, &[at_zero, at_infinity]);
            let c: E = transcript.challenge(ROUND);
            sum = next_sum(sum, at_zero, at_infinity, r, c).ok_or(LookupError::Unlucky)?;
            halves.par_iter_mut().for_each(|half| *half = half.chunks_exact(2).map(|pair| pair[0] + c * (pair[1] - pair[0])).collect());
            point.push(c);
        }
        point.reverse();
        let ends: Vec<E> = halves.iter().map(|half| half[0]).collect();
        transcript.send(HALVES, &ends);
        let merge: E = transcript.challenge(MERGE);
        point.push(merge);
        claim = LeafClaim { point, num: ends[0] + merge * (ends[1] - ends[0]), den: ends[2] + merge * (ends[3] - ends[2]) };
    }
    Ok(claim)
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
    transcript.check_zero(ROOT, den.product(inverse) - Value::public(E::ONE))?;
    let mut claim = LeafClaim { point: Vec::<E>::new(), num: Value::zero(), den };
    for _ in 0..num_vars {
        let lambda: E = transcript.challenge(COMBINE);
        let mut sum = claim.num + claim.den * lambda;
        let mut point = Vec::with_capacity(claim.point.len() + 1);
        for &r in claim.point.iter().rev() {
            let [at_zero, at_infinity] = receive(transcript, ROUND)?;
            let c: E = transcript.challenge(ROUND);
            let inverse = r.try_inverse().ok_or(LookupError::Unlucky)?;
            let at_one = (sum - at_zero * (E::ONE - r)) * inverse;
            sum = at_zero + (at_one - at_zero - at_infinity) * c + at_infinity * c.square();
            point.push(c);
        }
        point.reverse();
        let [n0, n1, d0, d1] = receive(transcript, HALVES)?;
        transcript.check_zero(HALVES, n0.product(d1) + n1.product(d0) + d0.product(d1) * lambda - sum)?;
        let merge: E = transcript.challenge(MERGE);
        point.push(merge);
        claim = LeafClaim { point, num: n0 + (n1 - n0) * merge, den: d0 + (d1 - d0) * merge };
    }
    Ok(claim)
}

fn receive<E: Ext, const N: usize>(transcript: &mut VerifierTranscript<'_>, label: &'static str) -> Result<[Value<E>; N], TranscriptError> {
    transcript.receive::<E>(label, N)?.try_into().map_err(|_| TranscriptError::Truncated { label, needed: N, left: 0 })
}

/// `h(c)` from `h(0)`, `h(inf)` and `(1 - r) h(0) + r h(1)`; nothing if `r` is zero.
fn next_sum<E: Ext>(sum: E, at_zero: E, at_infinity: E, r: E, c: E) -> Option<E> {
    let at_one = (sum - at_zero * (E::ONE - r)) * r.try_inverse()?;
    Some(at_zero + (at_one - at_zero - at_infinity) * c + at_infinity * c.square())
}

fn parents<E: Ext>(num: &[E], den: &[E]) -> (Vec<E>, Vec<E>) {
    num.par_chunks_exact(2)
        .zip(den.par_chunks_exact(2))
        .map(|(n, d)| (n[0] * d[1] + n[1] * d[0], d[0] * d[1]))
        .unzip()
}

fn split<E: Ext>(values: &[E]) -> Vec<Vec<E>> {
    (0..2).map(|side| values.iter().skip(side).step_by(2).copied().collect()).collect()
}

/// `[h(0), h(inf)]`.
fn round<E: Ext>(halves: &[Vec<E>], weights: &[E], lambda: E) -> [E; 2] {
    let layer = |v: [E; 4]| v[0] * v[3] + (v[1] + lambda * v[3]) * v[2];
    weights
        .par_iter()
        .enumerate()
        .map(|(x, &weight)| {
            let at_zero = layer([0, 1, 2, 3].map(|h| halves[h][2 * x]));
            let slope = layer([0, 1, 2, 3].map(|h| halves[h][2 * x + 1] - halves[h][2 * x]));
            [weight * at_zero, weight * slope]
        })
        .reduce(|| [E::ZERO; 2], |a, b| [a[0] + b[0], a[1] + b[1]])
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeCharacteristicRing;
    use veritorch_sumcheck::E2;

    use super::*;

    fn tree(num: &[i64], den: &[i64]) -> Vec<(Vec<E2>, Vec<E2>)> {
        let lift = |values: &[i64]| values.iter().map(|&value| E2::from_int(value)).collect::<Vec<E2>>();
        let mut layers = vec![(lift(num), lift(den))];
        while layers.last().unwrap().0.len() > 1 {
            let (num, den) = layers.last().unwrap();
            layers.push(parents(num, den));
        }
        layers
    }

    /// The root as the prover claims it, then the layers as they are.
    fn refusal(num: &[i64], den: &[i64], root: [i64; 2]) -> Result<(), LookupError> {
        let mut layers = tree(num, den);
        layers.pop();
        let num_vars = layers.len();
        let mut transcript = ProverTranscript::new("test");
        let root = root.map(E2::from_int);
        transcript.send(ROOT, &root);
        prove_layers(&mut transcript, layers, LeafClaim { point: Vec::new(), num: E2::ZERO, den: root[0] })?;
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
        assert_eq!(tree(&num, &den)[2], (vec![E2::ZERO], vec![E2::ZERO]));
        for inverse in [0, 1, 2] {
            assert_eq!(refusal(&num, &den, [0, inverse]), check(ROOT));
        }
        // A denominator of the root that is not that of the leaves.
        assert_eq!(refusal(&num, &den, [1, 1]), check(HALVES));
        let mut transcript = ProverTranscript::new("test");
        let (num, den) = tree(&num, &den).swap_remove(0);
        assert_eq!(prove(&mut transcript, num, den).unwrap_err(), LookupError::Unlucky);
    }

    #[test]
    fn a_sum_that_is_not_zero_is_refused() {
        assert_eq!(refusal(&[1, -1], &[1, 1], [1, 1]), Ok(()));
        assert_eq!(refusal(&[1, -2], &[1, 1], [1, 1]), check(HALVES));
        assert_eq!(refusal(&[1, 1, -1, -1, 0, 0, 0, 1], &[1; 8], [1, 1]), check(HALVES));
    }

    #[test]
    fn claims_on_the_leaves_are_true() {
        for log_len in 1..7 {
            let len = 1i64 << log_len;
            let num: Vec<i64> = (0..len).map(|i| if i < len / 2 { i + 1 } else { len / 2 - i - 1 }).collect();
            let den: Vec<i64> = (0..len).map(|i| 5 + i % (len / 2)).collect();
            let (num, den) = tree(&num, &den).swap_remove(0);
            let mut transcript = ProverTranscript::new("test");
            let own = prove(&mut transcript, num.clone(), den.clone()).unwrap();
            let proof = transcript.into_proof();
            let mut transcript = VerifierTranscript::new("test", &proof);
            let claim = verify::<E2>(&mut transcript, log_len).unwrap();
            assert_eq!(claim.point, own.point);
            let at = |values: &[E2]| veritorch_sumcheck::mle::Mle::new(values.to_vec()).evaluate(&claim.point);
            assert_eq!((claim.num, claim.den), (Value::public(at(&num)), Value::public(at(&den))));
            assert_eq!((own.num, own.den), (at(&num), at(&den)));
            transcript.finish().unwrap();
        }
    }
}
