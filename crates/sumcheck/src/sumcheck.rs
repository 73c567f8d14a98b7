//! The batched sumcheck: instances of different sizes and degrees under one set of challenges.
//!
//! Instance `j` claims `sum_x g_j(x) = s_j` over `n_j` variables. The batch proves `sum_j lambda^j s_j`; with
//! `n = max n_j`, an instance is extended to `n` variables by `2^-(n - n_j) g_j`, so that its rounds before it joins
//! are constants, and all instances share the last coordinates of the point. Soundness error: `J / |E|` for the batching and
//! `sum_rounds degree / |E|`. [Lund, Fortnow, Karloff, Nisan 1992; Thaler 2022, sec. 4.1]

use crate::field::Ext;
use crate::mle::{Mle, product_evaluations};
use crate::transcript::{ProverTranscript, Transcript, TranscriptError, Value, VerifierTranscript};

/// One instance on the prover's side.
pub trait Instance<E: Ext> {
    /// Variables that are not bound.
    fn num_vars(&self) -> usize;
    /// Degree of a round polynomial.
    fn degree(&self) -> usize;
    /// The round polynomial at `0, 1, .., degree`, given that it sums to `claim` over `{0, 1}`.
    fn evaluations(&self, claim: E) -> Vec<E>;
    /// Binds the most significant variable.
    fn bind(&mut self, r: E);
}

/// `sum_x sum_k f_k(x) g_k(x)`, degree 2, or with three factors each, degree 3.
#[derive(Clone, Debug)]
pub struct Products<E: Ext> {
    /// The summands; all have the same number of factors (2 or 3) and of variables.
    pub terms: Vec<Vec<Mle<E>>>,
}

impl<E: Ext> Instance<E> for Products<E> {
    fn num_vars(&self) -> usize {
        self.terms[0][0].num_vars()
    }

    fn degree(&self) -> usize {
        self.terms[0].len()
    }

    fn evaluations(&self, claim: E) -> Vec<E> {
        let mut sums = vec![E::ZERO; self.degree()];
        for term in &self.terms {
            let factors: Vec<&Mle<E>> = term.iter().collect();
            for (sum, value) in sums.iter_mut().zip(product_evaluations(&factors)) {
                *sum += value;
            }
        }
        sums.insert(1, claim - sums[0]);
        sums
    }

    fn bind(&mut self, r: E) {
        self.terms.iter_mut().flatten().for_each(|factor| factor.bind(r));
    }
}

/// Number of variables and degree of an instance: public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Variables.
    pub num_vars: usize,
    /// Degree of a round polynomial.
    pub degree: usize,
}

/// Where a batch ended.
#[derive(Clone, Debug)]
pub struct Reduced<E> {
    /// All challenges, in the order drawn. Instance `j` ends at the last `n_j` of them.
    pub point: Vec<E>,
    /// `lambda^j 2^-(n - n_j)`: the claim that is left is `sum_j weights[j] g_j(point)`.
    pub weights: Vec<E>,
}

impl<E: Ext> Reduced<E> {
    /// The point of an instance with this many variables.
    #[must_use]
    pub fn tail(&self, num_vars: usize) -> &[E] {
        &self.point[self.point.len() - num_vars..]
    }
}

fn weights<E: Ext>(shapes: &[Shape], lambda: E) -> (usize, usize, Vec<E>) {
    let rounds = shapes.iter().map(|shape| shape.num_vars).max().unwrap_or(0);
    let degree = shapes.iter().map(|shape| shape.degree).max().unwrap_or(0);
    let half = E::TWO.inverse();
    let weights = shapes
        .iter()
        .scan(E::ONE, |power, shape| {
            let weight = *power * half.exp_u64((rounds - shape.num_vars) as u64);
            *power *= lambda;
            Some(weight)
        })
        .collect();
    (rounds, degree, weights)
}

/// The polynomial with these values at `0, 1, ..`, at `x`.
fn interpolate<E: Ext>(values: &[E], x: E) -> E {
    lagrange(values.len(), x).into_iter().zip(values).map(|(basis, &value)| basis * value).sum()
}

/// The Lagrange basis on `0, 1, .., count - 1`, at `x`.
#[must_use]
pub fn lagrange<E: Ext>(count: usize, x: E) -> Vec<E> {
    (0..count)
        .map(|i| {
            let mut numerator = E::ONE;
            let mut denominator = E::ONE;
            for j in (0..count).filter(|&j| j != i) {
                numerator *= x - E::from_int(j as i64);
                denominator *= E::from_int(i as i64 - j as i64);
            }
            numerator * denominator.inverse()
        })
        .collect()
}

/// Runs the batch. The caller sends what its instances end in.
///
/// # Panics
/// If an instance breaks its shape.
pub fn prove<E: Ext>(
    transcript: &mut ProverTranscript,
    label: &'static str,
    instances: &mut [&mut dyn Instance<E>],
    claims: &[E],
) -> Reduced<E> {
    assert_eq!(instances.len(), claims.len());
    let shapes: Vec<Shape> =
        instances.iter().map(|i| Shape { num_vars: i.num_vars(), degree: i.degree() }).collect();
    let lambda = if shapes.len() > 1 { transcript.challenge(label) } else { E::ONE };
    let (rounds, degree, weights) = weights(&shapes, lambda);
    let mut claims = claims.to_vec();
    let half = E::TWO.inverse();
    // `pending[j]` is what an instance that has not joined contributes to the claim.
    let mut pending: Vec<E> = weights
        .iter()
        .zip(&claims)
        .zip(&shapes)
        .map(|((&w, &s), shape)| w * s * E::TWO.exp_u64((rounds - shape.num_vars) as u64))
        .collect();
    let mut point = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let mut message = vec![E::ZERO; degree + 1];
        let mut own: Vec<Option<Vec<E>>> = Vec::with_capacity(instances.len());
        for (j, instance) in instances.iter().enumerate() {
            if shapes[j].num_vars < rounds - round {
                pending[j] *= half;
                message.iter_mut().for_each(|value| *value += pending[j]);
                own.push(None);
                continue;
            }
            let evaluations = instance.evaluations(claims[j]);
            for (t, value) in message.iter_mut().enumerate() {
                let at = evaluations.get(t).copied();
                *value += weights[j] * at.unwrap_or_else(|| interpolate(&evaluations, E::from_int(t as i64)));
            }
            own.push(Some(evaluations));
        }
        // g(1) follows from the claim.
        let sent: Vec<E> = message.iter().enumerate().filter(|(t, _)| *t != 1).map(|(_, &v)| v).collect();
        transcript.send(label, &sent);
        let r = transcript.challenge(label);
        for (j, instance) in instances.iter_mut().enumerate() {
            if let Some(evaluations) = &own[j] {
                claims[j] = interpolate(evaluations, r);
                instance.bind(r);
            }
        }
        point.push(r);
    }
    Reduced { point, weights }
}

/// Checks the batch; returns the point and the claim `sum_j weights[j] g_j(point)` that is left.
///
/// # Errors
/// If the proof is too short.
pub fn verify<E: Ext>(
    transcript: &mut VerifierTranscript<'_>,
    label: &'static str,
    shapes: &[Shape],
    claims: &[Value<E>],
) -> Result<(Reduced<E>, Value<E>), TranscriptError> {
    let lambda = if shapes.len() > 1 { transcript.challenge(label) } else { E::ONE };
    let (rounds, degree, weights) = weights(shapes, lambda);
    let mut claim: Value<E> = claims
        .iter()
        .scan(E::ONE, |power, value| {
            let term = value * *power;
            *power *= lambda;
            Some(term)
        })
        .sum();
    let mut point = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let sent = transcript.receive::<E>(label, degree)?;
        let mut sent = sent.into_iter();
        let at_zero = sent.next().unwrap_or(Value::zero());
        let at_one = claim - at_zero.clone();
        let values = [at_zero, at_one].into_iter().chain(sent);
        let r: E = transcript.challenge(label);
        claim = lagrange(degree + 1, r).into_iter().zip(values).map(|(basis, value)| value * basis).sum();
        point.push(r);
    }
    Ok((Reduced { point, weights }, claim))
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeCharacteristicRing;

    use super::*;
    use crate::field::{E2, E3, F};

    fn table<E: Ext>(num_vars: usize, seed: u64) -> Vec<E> {
        (0..1u64 << num_vars)
            .map(|i| E::from_basis_coefficients_fn(|d| F::from_u64((i + 3 * d as u64 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4)))
            .collect()
    }

    fn product_sum<E: Ext>(terms: &[Vec<Vec<E>>]) -> E {
        terms
            .iter()
            .map(|term| (0..term[0].len()).map(|x| term.iter().map(|f| f[x]).product::<E>()).sum::<E>())
            .sum()
    }

    fn batch<E: Ext>() {
        let tables = [
            vec![vec![table::<E>(7, 1), table(7, 2)], vec![table(7, 3), table(7, 4)]],
            vec![vec![table(3, 5), table(3, 6), table(3, 7)]],
            vec![vec![table(0, 8), table(0, 9)]],
        ];
        let claims: Vec<E> = tables.iter().map(|terms| product_sum(terms)).collect();
        let mut instances: Vec<Products<E>> = tables
            .iter()
            .map(|terms| Products { terms: terms.iter().map(|t| t.iter().map(|f| Mle::new(f.clone())).collect()).collect() })
            .collect();
        let shapes: Vec<Shape> = instances.iter().map(|i| Shape { num_vars: i.num_vars(), degree: i.degree() }).collect();
        let mut transcript = ProverTranscript::new("test");
        let mut refs: Vec<&mut dyn Instance<E>> = instances.iter_mut().map(|i| i as &mut dyn Instance<E>).collect();
        let reduced = prove(&mut transcript, "batch", &mut refs, &claims);
        let proof = transcript.into_proof();
        let accepts = |proof: &[u8], claims: &[E]| {
            let mut transcript = VerifierTranscript::new("test", proof);
            let values: Vec<Value<E>> = claims.iter().map(|&c| Value::public(c)).collect();
            let (own, left) = verify(&mut transcript, "batch", &shapes, &values)?;
            let expected: E = own
                .weights
                .iter()
                .zip(&tables)
                .zip(&shapes)
                .map(|((&w, terms), shape)| {
                    let at = |f: &Vec<E>| Mle::new(f.clone()).evaluate(own.tail(shape.num_vars));
                    w * terms.iter().map(|t| t.iter().map(at).product::<E>()).sum::<E>()
                })
                .sum();
            transcript.check_zero("final", left - Value::public(expected))?;
            transcript.finish()
        };
        assert_eq!(reduced.point.len(), 7);
        accepts(&proof, &claims).unwrap();
        for wrong in 0..claims.len() {
            let mut claims = claims.clone();
            claims[wrong] += E::ONE;
            assert_eq!(accepts(&proof, &claims), Err(TranscriptError::Check { check: "final" }));
        }
        for byte in (0..proof.len()).step_by(17) {
            let mut proof = proof.clone();
            proof[byte] ^= 1;
            assert!(accepts(&proof, &claims).is_err());
        }
    }

    #[test]
    fn batches_of_different_sizes_and_degrees() {
        batch::<E2>();
        batch::<E3>();
    }
}
