//! `prove` beside `verify`.
//!
//! # Transcript
//! 0. statement: digest of the verifying key, batch, public inputs and outputs;
//! 1. root of the witness: private inputs, hints, multiplicities and pads; from here on every message is padded;
//! 2. the lookup argument, which ends in claims on looked-up tensors and on multiplicities;
//! 3. points for zero constraints and for public outputs, whose claims follow from the statement;
//! 4. the steps of the schedule, which move claims from results to operands until they stand on inputs, hints and weights;
//! 5. the model's combined row: its root, then columns of the model;
//! 6. the argument that products of pads are products; no message is padded after it;
//! 7. the opening of all that was committed.
//!
//! Claims on public inputs are checked against the statement. The prover learns what its opening has to show by running the
//! verifier over the messages that it has sent: the two cannot drift apart.

use veritorch_commitment::model::{self, Openings, Reduction, Reservation};
use veritorch_commitment::{Cells, ParamClaim, Place, Relations, TensorClaim};
use veritorch_execute::{TensorData, Witness, execute};
use veritorch_graph::circuit::{Circuit, Op, TensorId, Visibility};
use veritorch_sumcheck::products::{self, PadSecrets};
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, Form, ProverTranscript, Value, VerifierTranscript};

use crate::claim::ClaimSet;
use crate::clock::{Clock, Timings};
use crate::contraction::Values;
use crate::error::{ProveError, VerifyError};
use crate::key::{ProvingKey, VerifyingKey};
use crate::progress::Progress;
use crate::public::{COMBINATIONS, Plan, Public, WITNESS, public_value};
use crate::schedule::schedule;
use crate::security::{AnyPublic, SecurityReport, any_public, security_in};
use crate::statement::{Proof, Statement};
use crate::wave::{prove_step, verify_step};

pub(crate) const DOMAIN: &str = "veritorch 2026 proof v2";
const WITNESS_ROOT: &str = "witness root";
const COMBINATION_ROOT: &str = "combination root";

/// A proof with what the prover learned on the way.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The proof.
    pub proof: Proof,
    /// Outputs, whether public or not: one vector per output, samples first.
    pub outputs: Vec<Vec<i64>>,
    /// Bytes of the proof under each label of the transcript.
    pub sizes: Vec<(&'static str, usize)>,
    /// Seconds of each phase.
    pub timings: Timings,
}

/// A proof that was accepted.
#[derive(Clone, Debug)]
#[must_use]
pub struct Verified {
    /// What it is worth.
    pub security: SecurityReport,
}

/// Proves a batch of samples: `inputs[i]` holds the samples of input `i` one after the other. One of the `openings` is used up as
/// soon as anything secret is committed to, whether there is a proof in the end or not.
///
/// # Errors
/// If an input does not fit or leaves a table's domain, the security level is out of reach, no opening of the model commitment
/// is left, or the caller interrupts.
pub fn prove(
    key: &ProvingKey,
    inputs: &[Vec<i64>],
    batch: usize,
    openings: &dyn Openings,
    progress: &dyn Progress,
) -> Result<Proven, ProveError> {
    if batch == 0 || batch > MAX_BATCH {
        return Err(ProveError::Batch { batch });
    }
    match any_public::<ProveError>(&key.vk, batch)? {
        AnyPublic::Quadratic(public) => prove_in::<E2>(key, &public, inputs, batch, openings, progress),
        AnyPublic::Cubic(public) => prove_in::<E3>(key, &public, inputs, batch, openings, progress),
    }
}

/// Verifies a proof against a key. Never panics, whatever the bytes.
///
/// # Errors
/// The check that failed.
pub fn verify(key: &VerifyingKey, proof: &Proof) -> Result<Verified, VerifyError> {
    key.check::<VerifyError>()?;
    check_statement(&key.circuit, &proof.statement)?;
    match any_public::<VerifyError>(key, proof.statement.batch)? {
        AnyPublic::Quadratic(public) => verify_in::<E2>(key, &public, proof),
        AnyPublic::Cubic(public) => verify_in::<E3>(key, &public, proof),
    }
}

fn absorb_statement(key: &VerifyingKey, statement: &Statement, transcript: &mut impl Transcript) {
    transcript.absorb("verifying key", &key.digest());
    transcript.absorb("batch", &(statement.batch as u64).to_le_bytes());
    for (label, tensors) in [("public inputs", &statement.inputs), ("public outputs", &statement.outputs)] {
        transcript.absorb(label, &(tensors.len() as u64).to_le_bytes());
        for tensor in tensors {
            let bytes: Vec<u8> = tensor.iter().flat_map(|value| value.to_le_bytes()).collect();
            transcript.absorb(label, &bytes);
        }
    }
}

fn prove_in<E: Ext>(
    key: &ProvingKey,
    public: &Public<E>,
    inputs: &[Vec<i64>],
    batch: usize,
    openings: &dyn Openings,
    progress: &dyn Progress,
) -> Result<Proven, ProveError> {
    let mut clock = Clock::new(progress);
    let plan = &public.plan;
    let expected = key.vk.profile.target_bits();
    let actual = security_in(public).bits;
    if actual < expected {
        return Err(ProveError::Security { expected, actual });
    }
    clock.begin("execute")?;
    let witness = execute(&plan.circuit, &key.params, inputs)?;
    let multiplicities = plan.lookups.argument.multiplicities(&plan.lookups.values(&witness.values))?;
    let outputs = witness.outputs(&plan.circuit);
    let shown = |visibility, tensors: &[Vec<i64>]| if visibility == Visibility::Public { tensors.to_vec() } else { Vec::new() };
    let policy = plan.circuit.policy;
    let statement = Statement { batch, inputs: shown(policy.input, inputs), outputs: shown(policy.output, &outputs) };
    let (transcript, timings) = prove_witness(key, public, &statement, &witness, &multiplicities, openings, clock)?;
    let sizes = transcript.sizes();
    Ok(Proven { proof: Proof { statement, transcript: transcript.into_proof() }, outputs, sizes, timings })
}

/// Everything after the execution: steps 1 to 7 of the transcript. It does not check that the statement holds.
pub(crate) fn prove_witness<E: Ext>(
    key: &ProvingKey,
    public: &Public<E>,
    statement: &Statement,
    witness: &Witness,
    multiplicities: &[Vec<u32>],
    openings: &dyn Openings,
    mut clock: Clock<'_>,
) -> Result<(ProverTranscript, Timings), ProveError> {
    let plan = &public.plan;
    let circuit = &plan.circuit;
    let values = Values { tensors: &witness.values, params: &key.params };
    let columns = plan.lookups.values(&witness.values);

    clock.begin("commit")?;
    let reservation = || Reservation::take(&plan.model, openings).map_err(ProveError::Openings);
    let reservation = plan.has_weights().then(reservation).transpose()?;
    let mut rng = if plan.hidden { Some(SecretRng::from_os()?) } else { None };
    let secrets = public.pads.as_ref().zip(rng.as_mut()).map(|(layout, rng)| PadSecrets::<E>::random(layout, rng));
    let mut transcript = ProverTranscript::new(DOMAIN);
    absorb_statement(&key.vk, statement, &mut transcript);
    let committed = plan.slots.iter().enumerate().filter(|(_, slot)| slot.is_some());
    let mut cells: Vec<&dyn Cells> = committed.map(|(index, _)| as_cells(&witness.values[index])).collect();
    let counts: Vec<Vec<i64>> = plan
        .lookups
        .argument
        .used_tables()
        .into_iter()
        .map(|table| multiplicities[table].iter().map(|&count| i64::from(count)).collect())
        .collect();
    cells.extend(counts.iter().map(|counts| counts as &dyn Cells));
    let pads = secrets.as_ref().map(PadSecrets::cells);
    cells.extend(pads.iter().map(|pads| pads as &dyn Cells));
    let (root, data) = public.opening.commit(WITNESS, &cells, rng.as_mut())?;
    transcript.send_bytes(WITNESS_ROOT, &root);
    let mut matrices = vec![data];
    if let Some(secrets) = &secrets {
        transcript.mask(secrets.pads());
    }

    clock.begin("lookups")?;
    let mut claims = ClaimSet::<E, E>::new(circuit.tensors.len());
    let outcome = plan.lookups.argument.prove::<E>(&mut transcript, &columns, multiplicities)?;
    for claim in outcome.columns {
        claims.push(plan.lookups.columns[claim.source][claim.column], claim.form, claim.value);
    }

    clock.begin("linear layers")?;
    for (tensor, form, value) in plan.constraint_claims(statement, &mut transcript) {
        claims.push(tensor, form, value);
    }
    for step in schedule(circuit) {
        prove_step(circuit, &step, values, &mut claims, &mut transcript);
        clock.check()?;
    }

    clock.begin("open model")?;
    if let Some(reservation) = reservation {
        let params: Vec<ParamClaim<E>> =
            std::mem::take(&mut claims.params).into_iter().map(|(form, value)| form.into_claim(value)).collect();
        let combined = key.model.combine(&mut transcript, &params)?;
        let tensors = combined.tensors();
        let cells: Vec<&dyn Cells> = tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
        let (root, data) = public.opening.commit(COMBINATIONS, &cells, rng.as_mut())?;
        transcript.send_bytes(COMBINATION_ROOT, &root);
        matrices.push(data);
        key.model.show_columns(&mut transcript, plan.level, reservation);
    }

    clock.begin("open witness")?;
    if let Some((layout, secrets)) = public.pads.as_ref().zip(secrets.as_ref()) {
        products::prove(&mut transcript, layout, secrets);
        transcript.unmask();
    }
    let mut replay = VerifierTranscript::replay(DOMAIN, transcript.proof_so_far());
    let (_, relations) = relations(&key.vk, public, statement, &mut replay)?;
    public.opening.open(&mut transcript, matrices, &relations)?;
    Ok((transcript, clock.finish()))
}

pub(crate) fn verify_in<E: Ext>(key: &VerifyingKey, public: &Public<E>, proof: &Proof) -> Result<Verified, VerifyError> {
    let security = security_in(public);
    if security.bits < key.profile.target_bits() {
        return Err(VerifyError::Security { expected: key.profile.target_bits(), actual: security.bits });
    }
    let mut transcript = VerifierTranscript::new(DOMAIN, &proof.transcript);
    let (roots, relations) = relations(key, public, &proof.statement, &mut transcript)?;
    public.opening.verify(&mut transcript, &roots, &relations)?;
    transcript.finish()?;
    Ok(Verified { security })
}

/// Steps 0 to 6 for the verifier: the roots of the stacks and what they have to be opened to.
fn relations<E: Ext>(
    key: &VerifyingKey,
    public: &Public<E>,
    statement: &Statement,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(Vec<[u8; 32]>, Relations<E>), VerifyError> {
    let plan = &public.plan;
    let Messages { root, mut claims, reduction } = messages(key, plan, statement, transcript)?;
    let mut roots = vec![root];
    if let Some(reduction) = reduction {
        roots.push(transcript.receive_bytes(COMBINATION_ROOT)?);
        let place = Place { stack: COMBINATIONS, tensor: 0 };
        claims.extend(model::verify_columns(&plan.model, &key.model_root, transcript, plan.level, reduction, place)?);
    }
    if let Some(layout) = &public.pads {
        products::verify::<E>(transcript, layout)?;
    }
    transcript.unmask();
    Ok((roots, Relations { claims, checks: transcript.take_checks(), pads: public.pad_tensor() }))
}

/// What steps 0 to 5 leave to be shown, but for the columns of the model.
#[must_use]
pub(crate) struct Messages<E> {
    root: [u8; 32],
    claims: Vec<TensorClaim<E>>,
    reduction: Option<Reduction<E>>,
}

/// Steps 0 to 5 for the verifier, up to the model's combined row: all messages that are padded but those of step 6.
pub(crate) fn messages<E: Ext>(
    key: &VerifyingKey,
    plan: &Plan,
    statement: &Statement,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<Messages<E>, VerifyError> {
    let circuit = &plan.circuit;
    absorb_statement(key, statement, transcript);
    let root = transcript.receive_bytes(WITNESS_ROOT)?;
    if plan.hidden {
        transcript.mask();
    }

    let mut claims = ClaimSet::<E, Value<E>>::new(circuit.tensors.len());
    let outcome = plan.lookups.argument.verify::<E>(transcript)?;
    for claim in outcome.columns {
        if let Some(&tensor) = plan.lookups.columns.get(claim.source).and_then(|own| own.get(claim.column)) {
            claims.push(tensor, claim.form, claim.value);
        }
    }

    for (tensor, form, value) in plan.constraint_claims(statement, transcript) {
        claims.push(tensor, form, Value::public(value));
    }
    for step in schedule(circuit) {
        verify_step(circuit, &step, &mut claims, transcript)?;
    }
    for (tensor, entries) in public_inputs(circuit, statement) {
        let shape = &circuit.tensor(tensor).shape;
        for claim in claims.take(tensor) {
            let value = public_value(&claim.form, shape, entries);
            transcript.check_zero("public input", claim.value - Value::public(value))?;
        }
    }

    let mut reduction = None;
    if plan.has_weights() {
        let params: Vec<ParamClaim<E, Value<E>>> =
            std::mem::take(&mut claims.params).into_iter().map(|(form, value)| form.into_claim(value)).collect();
        reduction = Some(model::verify_combination(&plan.model, &key.model_root, transcript, &params)?);
    }
    let multiplicities: Vec<(usize, Form<E>, Value<E>)> =
        outcome.multiplicities.into_iter().map(|claim| (claim.source, claim.form, claim.value)).collect();
    let claims = plan.witness_claims(&mut claims, multiplicities);
    Ok(Messages { root, claims, reduction })
}

/// Input tensors whose entries are in the statement.
fn public_inputs<'a>(circuit: &'a Circuit, statement: &'a Statement) -> impl Iterator<Item = (TensorId, &'a [i64])> {
    circuit.tensors.iter().enumerate().filter_map(|(index, tensor)| match tensor.op {
        Op::Input { index: input } if circuit.policy.input == Visibility::Public => {
            Some((TensorId(index as u32), statement.inputs.get(input)?.as_slice()))
        }
        _ => None,
    })
}

/// Entries of a statement's tensors that a verifier accepts: those that the integer graph can have.
fn check_statement(circuit: &Circuit, statement: &Statement) -> Result<(), VerifyError> {
    let refuse = |reason: String| Err(VerifyError::Statement { reason });
    if statement.batch == 0 || statement.batch > MAX_BATCH {
        return refuse(format!("a batch of {} samples, 1 to {MAX_BATCH} are possible", statement.batch));
    }
    let parts = [
        ("inputs", circuit.policy.input, &circuit.inputs, &statement.inputs),
        ("outputs", circuit.policy.output, &circuit.outputs, &statement.outputs),
    ];
    for (what, visibility, ports, tensors) in parts {
        let expected = if visibility == Visibility::Public { ports.len() } else { 0 };
        if tensors.len() != expected {
            return refuse(format!("{} public {what}, expected {expected}", tensors.len()));
        }
        for (port, entries) in ports.iter().zip(tensors) {
            let tensor = circuit.tensor(port.tensor);
            let expected = tensor.len().saturating_mul(statement.batch);
            if entries.len() != expected {
                return refuse(format!("`{}` has {} entries, expected {expected}", port.name, entries.len()));
            }
            if let Some(entry) = entries.iter().find(|entry| !(tensor.min..=tensor.max).contains(entry)) {
                return refuse(format!("`{}` has an entry {entry} outside [{}, {}]", port.name, tensor.min, tensor.max));
            }
        }
    }
    Ok(())
}

/// Samples in one proof.
pub const MAX_BATCH: usize = 1 << 20;

fn as_cells(data: &TensorData) -> &dyn Cells {
    match data {
        TensorData::I16(values) => values,
        TensorData::I32(values) => values,
        TensorData::I64(values) => values,
    }
}
