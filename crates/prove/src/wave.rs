//! How claims travel: one step of the schedule, `prove` beside `verify`.
//!
//! A wave is two batches of sumchecks, each under one set of challenges. The first prepares the claims (a point over the
//! output channels, or over everything), the second contracts; where that ends are claims on operands.

use std::ops::{Add, Mul};

use veritorch_graph::circuit::{Circuit, Op, TensorId, Term};
use veritorch_sumcheck::sumcheck::{self, Instance, Products, Shape};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, Form, ProverTranscript, TranscriptError, Value, VerifierTranscript};

use crate::claim::{Claim, ClaimSet, Operand, ParamForm};
use crate::contract::contract;
use crate::effort::MAX_REWRITES;
use crate::contraction::{Contraction, Preparation, Values, preparation};
use crate::point::PointReduction;
use crate::rewrite::{can_rewrite, constant_value, derived_term, inverse_coefficient, reshape, transpose};
use crate::schedule::Step;

/// What both sides do with the value of a claim.
pub(crate) trait Scale<E>: Sized + Add<Output = Self> + Mul<E, Output = Self> {}
impl<E, V: Add<Output = V> + Mul<E, Output = V>> Scale<E> for V {}

/// Claims on one tensor on their way into a sumcheck.
enum Job<E, V> {
    /// Nothing to prepare.
    Ready(TensorId, Vec<Claim<E, V>>),
    /// To be reduced to a point, with the claim of that sumcheck.
    Reduce(TensorId, PointReduction<E>, V),
}

impl<E: Ext, V: Scale<E>> Job<E, V> {
    fn contract(circuit: &Circuit, tensor: TensorId, claims: Vec<Claim<E, V>>, transcript: &mut impl Transcript) -> Self {
        let forms: Vec<&Form<E>> = claims.iter().map(|claim| &claim.form).collect();
        match preparation(circuit, tensor, &forms) {
            Preparation::None => Self::Ready(tensor, claims),
            Preparation::Point => Self::merge(circuit, tensor, claims, transcript),
            Preparation::Axis(axis) => match claims.into_iter().next() {
                Some(claim) => Self::Reduce(tensor, PointReduction::along(circuit, tensor, claim.form, axis), claim.value),
                None => Self::Ready(tensor, Vec::new()),
            },
        }
    }

    fn rewrite(circuit: &Circuit, tensor: TensorId, claims: Vec<Claim<E, V>>, transcript: &mut impl Transcript) -> Self {
        let op = &circuit.tensor(tensor).op;
        if claims.len() <= MAX_REWRITES && claims.iter().all(|claim| can_rewrite(op, &claim.form)) {
            Self::Ready(tensor, claims)
        } else {
            Self::merge(circuit, tensor, claims, transcript)
        }
    }

    fn merge(circuit: &Circuit, tensor: TensorId, claims: Vec<Claim<E, V>>, transcript: &mut impl Transcript) -> Self {
        let Some((forms, weights, value)) = merge(claims, transcript) else {
            return Self::Ready(tensor, Vec::new());
        };
        Self::Reduce(tensor, PointReduction::all(circuit, tensor, forms, weights), value)
    }
}

/// Forms, powers of a challenge, and the claims' values combined with them.
fn merge<E: Ext, V: Scale<E>>(claims: Vec<Claim<E, V>>, transcript: &mut impl Transcript) -> Option<(Vec<Form<E>>, Vec<E>, V)> {
    let mu = if claims.len() > 1 { transcript.challenge("merge claims") } else { E::ONE };
    let weights: Vec<E> = mu.powers().take(claims.len()).collect();
    let (forms, values): (Vec<Form<E>>, Vec<V>) = claims.into_iter().map(|claim| (claim.form, claim.value)).unzip();
    let value = values.into_iter().zip(&weights).map(|(value, &weight)| value * weight).reduce(Add::add)?;
    Some((forms, weights, value))
}

/// A contraction with the claim of its sumcheck.
fn contraction<E: Ext, V: Scale<E>>(
    circuit: &Circuit,
    tensor: TensorId,
    claims: Vec<Claim<E, V>>,
    transcript: &mut impl Transcript,
) -> Option<(Contraction<E>, V)> {
    let (forms, weights, value) = merge(claims, transcript)?;
    Some((Contraction::new(circuit, tensor, &forms, &weights)?, value))
}

/// One step on the prover's side.
pub(crate) fn prove_step<E: Ext>(
    circuit: &Circuit,
    step: &Step,
    values: Values<'_>,
    claims: &mut ClaimSet<E, E>,
    transcript: &mut ProverTranscript,
) {
    match step {
        Step::Rewrite(tensor) => {
            let job = Job::rewrite(circuit, *tensor, claims.take(*tensor), transcript);
            for (tensor, own) in prove_points(vec![job], values, transcript) {
                own.iter().for_each(|claim| prove_rewrite(circuit, tensor, claim, values, claims, transcript));
            }
        }
        Step::Wave(tensors) => {
            let jobs =
                tensors.iter().map(|&tensor| Job::contract(circuit, tensor, claims.take(tensor), transcript)).collect();
            let prepared = prove_points(jobs, values, transcript);
            prove_contractions(circuit, prepared, values, claims, transcript);
        }
    }
}

/// One step on the verifier's side.
pub(crate) fn verify_step<E: Ext>(
    circuit: &Circuit,
    step: &Step,
    claims: &mut ClaimSet<E, Value<E>>,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(), TranscriptError> {
    match step {
        Step::Rewrite(tensor) => {
            let job = Job::rewrite(circuit, *tensor, claims.take(*tensor), transcript);
            for (tensor, own) in verify_points(vec![job], transcript)? {
                for claim in own {
                    verify_rewrite(circuit, tensor, &claim, claims, transcript)?;
                }
            }
            Ok(())
        }
        Step::Wave(tensors) => {
            let jobs =
                tensors.iter().map(|&tensor| Job::contract(circuit, tensor, claims.take(tensor), transcript)).collect();
            let prepared = verify_points(jobs, transcript)?;
            verify_contractions(circuit, prepared, claims, transcript)
        }
    }
}

type Prepared<E, V> = Vec<(TensorId, Vec<Claim<E, V>>)>;

fn prove_points<E: Ext>(jobs: Vec<Job<E, E>>, values: Values<'_>, transcript: &mut ProverTranscript) -> Prepared<E, E> {
    let reductions: Vec<(&PointReduction<E>, E)> = jobs
        .iter()
        .filter_map(|job| match job {
            Job::Reduce(_, reduction, claim) => Some((reduction, *claim)),
            Job::Ready(..) => None,
        })
        .collect();
    let mut instances: Vec<Products<E>> = reductions.iter().map(|(reduction, _)| reduction.tables(values)).collect();
    let sums: Vec<E> = reductions.iter().map(|(_, claim)| *claim).collect();
    let reduced = run(transcript, "points", &mut instances, &sums);
    let ends: Vec<E> = instances.iter().map(|products| products.terms[0][1].value()).collect();
    transcript.send("point values", &ends);
    let mut ends = ends.into_iter();
    jobs.into_iter()
        .map(|job| match job {
            Job::Ready(tensor, claims) => (tensor, claims),
            Job::Reduce(tensor, reduction, _) => {
                let form = reduction.result(reduced.tail(reduction.sumcheck_shape().num_vars));
                (tensor, ends.next().map(|value| Claim { form, value }).into_iter().collect())
            }
        })
        .collect()
}

fn verify_points<E: Ext>(
    jobs: Vec<Job<E, Value<E>>>,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<Prepared<E, Value<E>>, TranscriptError> {
    let (shapes, sums): (Vec<Shape>, Vec<Value<E>>) = jobs
        .iter()
        .filter_map(|job| match job {
            Job::Reduce(_, reduction, claim) => Some((reduction.sumcheck_shape(), claim.clone())),
            Job::Ready(..) => None,
        })
        .unzip();
    let (reduced, left) = sumcheck::verify(transcript, "points", &shapes, &sums)?;
    let mut ends = transcript.receive::<E>("point values", shapes.len())?.into_iter();
    let mut weights = reduced.weights.iter();
    let mut expected = Value::zero();
    let mut prepared = Vec::with_capacity(jobs.len());
    for job in jobs {
        match job {
            Job::Ready(tensor, claims) => prepared.push((tensor, claims)),
            Job::Reduce(tensor, reduction, _) => {
                let point = reduced.tail(reduction.sumcheck_shape().num_vars);
                if let (Some(value), Some(&weight)) = (ends.next(), weights.next()) {
                    // A rehearsal asks for shapes alone.
                    let factor = if transcript.is_rehearsal() { E::ONE } else { reduction.public_factor(point) };
                    expected += &value * (factor * weight);
                    prepared.push((tensor, vec![Claim { form: reduction.result(point), value }]));
                }
            }
        }
    }
    transcript.check_zero("points", left - expected)?;
    Ok(prepared)
}

fn prove_contractions<E: Ext>(
    circuit: &Circuit,
    prepared: Prepared<E, E>,
    values: Values<'_>,
    claims: &mut ClaimSet<E, E>,
    transcript: &mut ProverTranscript,
) {
    let jobs: Vec<(Contraction<E>, E)> =
        prepared.into_iter().filter_map(|(tensor, own)| contraction(circuit, tensor, own, transcript)).collect();
    let mut instances: Vec<Products<E>> = jobs.iter().map(|(contraction, _)| contraction.tables(values)).collect();
    let sums: Vec<E> = jobs.iter().map(|(_, claim)| *claim).collect();
    let reduced = run(transcript, "contractions", &mut instances, &sums);
    // The last two factors are the operands; a public factor stands before them.
    let ends: Vec<[E; 2]> = instances
        .iter()
        .map(|products| {
            let factors = &products.terms[0];
            [factors[factors.len() - 2].value(), factors[factors.len() - 1].value()]
        })
        .collect();
    transcript.send("operand values", ends.as_flattened());
    for ((contraction, _), ends) in jobs.iter().zip(ends) {
        let point = reduced.tail(contraction.shape().num_vars);
        for (operand, value) in contraction.operands(point).into_iter().zip(ends) {
            claims.push_operand(operand, value);
        }
    }
}

fn verify_contractions<E: Ext>(
    circuit: &Circuit,
    prepared: Prepared<E, Value<E>>,
    claims: &mut ClaimSet<E, Value<E>>,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(), TranscriptError> {
    let jobs: Vec<(Contraction<E>, Value<E>)> =
        prepared.into_iter().filter_map(|(tensor, own)| contraction(circuit, tensor, own, transcript)).collect();
    let shapes: Vec<Shape> = jobs.iter().map(|(contraction, _)| contraction.shape()).collect();
    let sums: Vec<Value<E>> = jobs.iter().map(|(_, claim)| claim.clone()).collect();
    let (reduced, left) = sumcheck::verify(transcript, "contractions", &shapes, &sums)?;
    let ends = transcript.receive::<E>("operand values", 2 * jobs.len())?;
    let (ends, _) = ends.as_chunks::<2>();
    let mut expected = Value::zero();
    for (((contraction, _), [left, right]), &weight) in jobs.iter().zip(ends).zip(&reduced.weights) {
        let point = reduced.tail(contraction.shape().num_vars);
        let factor = if transcript.is_rehearsal() { E::ONE } else { contraction.public_factor(point) };
        expected += transcript.product(left, right)? * (factor * weight);
        for (operand, value) in contraction.operands(point).into_iter().zip([left, right]) {
            claims.push_operand(operand, value.clone());
        }
    }
    transcript.check_zero("contractions", left - expected)
}

fn run<E: Ext>(
    transcript: &mut ProverTranscript,
    label: &'static str,
    instances: &mut [Products<E>],
    sums: &[E],
) -> sumcheck::Reduced<E> {
    let mut instances: Vec<&mut dyn Instance<E>> = instances.iter_mut().map(|i| i as &mut dyn Instance<E>).collect();
    sumcheck::prove(transcript, label, &mut instances, sums)
}

/// The operand of a term with the form that is claimed on it.
fn term_operand<E: Ext>(circuit: &Circuit, tensor: TensorId, term: &Term, form: &Form<E>) -> Operand<E> {
    let form = transpose(circuit, tensor, term, form);
    match circuit.tensor(term.x).op {
        // Biases: one row of the model's matrix. The circuit's checker asks for shape `[1, 1, len]`.
        Op::Weight { param } => {
            let mut vectors = form.spans(&circuit.tensor(term.x).shape).map(|(span, factor)| factor.vector(span.iter().product()));
            let kernel = vectors.next().unwrap_or_default();
            let scale: E = vectors.next().unwrap_or_default().into_iter().product();
            let column = vectors.next().unwrap_or_default().into_iter().map(|value| value * scale).collect();
            let column = veritorch_sumcheck::Factor::Explicit(column);
            Operand::Param(ParamForm { param, kernel, output: Vec::new(), column })
        }
        _ => Operand::Tensor(term.x, form),
    }
}

fn prove_rewrite<E: Ext>(
    circuit: &Circuit,
    tensor: TensorId,
    claim: &Claim<E, E>,
    values: Values<'_>,
    claims: &mut ClaimSet<E, E>,
    transcript: &mut ProverTranscript,
) {
    let shape = &circuit.tensor(tensor).shape;
    match &circuit.tensor(tensor).op {
        Op::Reshape { x } => claims.push(*x, reshape(shape, &circuit.tensor(*x).shape, &claim.form), claim.value),
        Op::Linear { terms, constant } => {
            let derived = derived_term(circuit, terms);
            let operands: Vec<Operand<E>> =
                terms.iter().map(|term| term_operand(circuit, tensor, term, &claim.form)).collect();
            let mut left = claim.value - constant_value(constant, shape, &claim.form);
            let mut ends = vec![E::ZERO; terms.len()];
            let mut sent = Vec::with_capacity(terms.len());
            for (k, (term, operand)) in terms.iter().zip(&operands).enumerate().filter(|(k, _)| *k != derived) {
                ends[k] = match operand {
                    Operand::Tensor(id, form) => contract(values.tensor(*id), &circuit.tensor(*id).shape, form),
                    Operand::Param(form) => form.evaluate(values.params),
                };
                left -= ends[k] * E::from_int(term.coefficient);
                sent.push(ends[k]);
            }
            transcript.send("linear terms", &sent);
            if let Some(term) = terms.get(derived) {
                ends[derived] = left * inverse_coefficient::<E>(term);
            }
            for (operand, value) in operands.into_iter().zip(ends) {
                claims.push_operand(operand, value);
            }
        }
        _ => {}
    }
}

fn verify_rewrite<E: Ext>(
    circuit: &Circuit,
    tensor: TensorId,
    claim: &Claim<E, Value<E>>,
    claims: &mut ClaimSet<E, Value<E>>,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(), TranscriptError> {
    let shape = &circuit.tensor(tensor).shape;
    match &circuit.tensor(tensor).op {
        Op::Reshape { x } => claims.push(*x, reshape(shape, &circuit.tensor(*x).shape, &claim.form), claim.value.clone()),
        Op::Linear { terms, constant } => {
            let derived = derived_term(circuit, terms);
            let sent = transcript.receive::<E>("linear terms", terms.len().saturating_sub(1))?;
            let mut left = claim.value.clone() - Value::public(constant_value(constant, shape, &claim.form));
            let others = terms.iter().enumerate().filter(|(k, _)| *k != derived);
            for ((_, term), value) in others.zip(&sent) {
                left = left - value * E::from_int(term.coefficient);
            }
            // Claims are pushed in the order of the terms, as the prover does.
            let mut sent = sent.into_iter();
            for (k, term) in terms.iter().enumerate() {
                let value = if k == derived { Some(&left * inverse_coefficient::<E>(term)) } else { sent.next() };
                if let Some(value) = value {
                    claims.push_operand(term_operand(circuit, tensor, term, &claim.form), value);
                }
            }
            if terms.is_empty() {
                transcript.check_zero("constant", left)?;
            }
        }
        _ => {}
    }
    Ok(())
}
