//! `prove` beside `verify`.
//!
//! # Transcript
//! 0. statement: digest of the verifying key, batch, public inputs and outputs, commitments to inputs and outputs;
//! 1. root of the witness: private inputs, hints, multiplicities and pads; from here on every message is padded;
//! 2. the lookup argument, which ends in claims on looked-up tensors, on tensors whose entries are tables, and on multiplicities;
//! 3. points for zero constraints and for public outputs, whose claims follow from the statement; points for committed inputs and outputs
//!    with the values that are claimed of tensor and commitment;
//! 4. the steps of the schedule, which move claims from results to operands until they stand on inputs, hints and weights;
//! 5. combined rows of the model and of each tensor commitment: their root, then columns of the model and of each commitment;
//! 6. the argument that products of pads are products; no message is padded after it;
//! 7. the opening of all that was committed.
//!
//! Claims on public inputs and on noise of public seeds are checked against the statement. The prover learns what its opening has to show by running the
//! verifier over the messages that it has sent: the two cannot drift apart.

use veritorch_commitment::model::{self, InMemory, Openings, Reduction, Reservation};
use veritorch_commitment::{Cells, ModelProver, ParamClaim, Place, Relations, TensorClaim};
use veritorch_execute::{TensorData, execute};
use veritorch_graph::circuit::{Circuit, Op, TensorId, Visibility};
use veritorch_sumcheck::products::{self, PadSecrets};
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, Form, ProverTranscript, Value, VerifierTranscript};

use crate::claim::ClaimSet;
use crate::clock::{Clock, Timings};
use crate::contract::contract;
use crate::contraction::Values;
use crate::error::{ProveError, VerifyError};
use crate::key::{ProvingKey, VerifyingKey};
use crate::noise;
use crate::progress::Progress;
use crate::public::{COMBINATIONS, Plan, Public, WITNESS, public_value};
use crate::request::{Request, Secret, commit_outputs};
use crate::schedule::schedule;
use crate::segments::{self, Forgetful};
use crate::security::{AnyPublic, SecurityReport, any_public, security_in};
use crate::statement::{Proof, Statement};
use crate::tensor::{CommittedTensor, Counted, LINK_VALUE, Linking, Sizes, TensorFormat, check_commitments};
use crate::wave::{prove_step, verify_step};

pub(crate) const DOMAIN: &str = "veritorch 2026 proof v2";
pub(crate) const WITNESS_ROOT: &str = "witness root";
pub(crate) const COMBINATION_ROOT: &str = "combination root";

/// A proof with what the prover learned on the way.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The proof.
    pub proof: Proof,
    /// Outputs, whether public or not: one vector per output, samples first.
    pub outputs: Vec<Vec<i64>>,
    /// The commitments to outputs, if the policy commits outputs, with one opening used.
    pub committed_outputs: Vec<CommittedTensor>,
    /// What the proof is worth.
    pub security: SecurityReport,
    /// Bytes of the proof under each label of the transcript.
    pub sizes: Vec<(String, usize)>,
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
    prove_linked(key, inputs, batch, openings, &Linking::default(), progress)
}

/// As [`prove`], for circuits with committed inputs or outputs. Each committed input uses up an opening of its commitment.
///
/// # Errors
/// As [`prove`]; if the committed tensors are not the inputs', or an output's range is too wide to be committed.
pub fn prove_linked(
    key: &ProvingKey,
    inputs: &[Vec<i64>],
    batch: usize,
    openings: &dyn Openings,
    linking: &Linking<'_>,
    progress: &dyn Progress,
) -> Result<Proven, ProveError> {
    if batch == 0 || batch > MAX_BATCH {
        return Err(ProveError::Batch { batch });
    }
    if key.vk.is_segmented() {
        return segments::prove(key, inputs, batch, openings, linking, &Forgetful, progress);
    }
    let request = Request { inputs, openings, linking };
    match any_public::<ProveError>(&key.vk, &request.sizes(key, batch)?)? {
        AnyPublic::Quadratic(public) => prove_in::<E2>(key, &public, &request, progress),
        AnyPublic::Cubic(public) => prove_in::<E3>(key, &public, &request, progress),
    }
}

/// Verifies a proof against a key. Never panics, whatever the bytes.
///
/// # Errors
/// The check that failed.
pub fn verify(key: &VerifyingKey, proof: &Proof) -> Result<Verified, VerifyError> {
    if key.is_segmented() {
        return segments::verify(key, proof);
    }
    key.check::<VerifyError>()?;
    verify_checked(key, proof)
}

/// The same for a key without segments that was checked.
pub(crate) fn verify_checked(key: &VerifyingKey, proof: &Proof) -> Result<Verified, VerifyError> {
    check_statement(&key.circuit, &proof.statement)?;
    match any_public::<VerifyError>(key, &Sizes::of(&proof.statement))? {
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
    for commitment in &statement.commitments {
        let TensorFormat { num_planes, num_openings, margin } = commitment.format;
        let sizes = [num_planes, num_openings, margin].map(|size| (size as u64).to_le_bytes()).concat();
        transcript.absorb("committed tensor", &[sizes.as_slice(), &commitment.root].concat());
    }
}

fn prove_in<E: Ext>(
    key: &ProvingKey,
    public: &Public<E>,
    request: &Request<'_>,
    progress: &dyn Progress,
) -> Result<Proven, ProveError> {
    let mut clock = Clock::new(progress);
    let plan = &public.plan;
    let expected = key.vk.profile.target_bits();
    let security = security_in(public);
    let actual = security.bits;
    if actual < expected {
        return Err(ProveError::Security { expected, actual });
    }
    clock.begin("execute")?;
    let Request { inputs, openings, linking } = request;
    let witness = execute(&plan.circuit, &key.params, inputs)?;
    let multiplicities = plan.lookups.argument.multiplicities(&plan.lookups.values(&witness.values), &plan.lookups.entries(&witness.values))?;
    let outputs = witness.outputs(&plan.circuit);
    let shown = |visibility, tensors: &[Vec<i64>]| if visibility == Visibility::Public { tensors.to_vec() } else { Vec::new() };
    let policy = plan.circuit.policy;
    let committed_outputs = commit_outputs(&key.vk, &outputs, linking.output_openings)?;
    let own: Vec<InMemory> = committed_outputs.iter().map(|tensor| InMemory::new(tensor.commitment().format.num_openings)).collect();
    let mut tensors = linking.inputs.clone();
    tensors.extend(committed_outputs.iter().zip(&own).map(|(tensor, openings)| Counted { tensor, openings }));
    let statement = Statement {
        batch: plan.circuit.batch,
        inputs: shown(policy.input, inputs),
        outputs: shown(policy.output, &outputs),
        commitments: tensors.iter().map(|counted| counted.tensor.commitment()).collect(),
    };
    let secret = Secret {
        witness: &witness,
        multiplicities: &multiplicities,
        openings: *openings,
        tensors: &tensors,
        #[cfg(test)]
        seed: None,
    };
    let (transcript, timings) = prove_witness(key, public, &statement, &secret, clock)?;
    let sizes = transcript.sizes().into_iter().map(|(label, bytes)| (label.to_owned(), bytes)).collect();
    drop(tensors);
    let proof = Proof { statement, transcript: transcript.into_proof() };
    Ok(Proven { proof, outputs, committed_outputs, security, sizes, timings })
}

/// Everything after the execution: steps 1 to 7 of the transcript. It does not check that the statement holds.
pub(crate) fn prove_witness<E: Ext>(
    key: &ProvingKey,
    public: &Public<E>,
    statement: &Statement,
    secret: &Secret<'_>,
    mut clock: Clock<'_>,
) -> Result<(ProverTranscript, Timings), ProveError> {
    let &Secret { witness, multiplicities, openings, tensors, .. } = secret;
    let plan = &public.plan;
    let circuit = &plan.circuit;
    let values = Values { tensors: &witness.values, params: &key.params };
    let columns = plan.lookups.values(&witness.values);

    clock.begin("commit")?;
    let model = if plan.has_weights() { Some((key.model()?, openings)) } else { None };
    let matrices = model.into_iter().chain(tensors.iter().map(|counted| (counted.tensor.prover(), counted.openings)));
    let reserve = |(prover, openings): (_, &dyn Openings)| {
        let reservation = Reservation::take(ModelProver::layout(prover), openings).map_err(ProveError::Openings)?;
        Ok((prover, reservation))
    };
    let long_lived: Vec<(&ModelProver, Reservation)> = matrices.map(reserve).collect::<Result<_, ProveError>>()?;
    let mut rng = if plan.hidden { Some(secret.rng()?) } else { None };
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
    let entries = plan.lookups.entries(&witness.values);
    let outcome = plan.lookups.argument.prove::<E>(&mut transcript, &columns, &entries, multiplicities)?;
    for claim in outcome.columns {
        claims.push(plan.lookups.columns[claim.source][claim.column], claim.form, claim.value);
    }
    for claim in outcome.entries {
        claims.push_operand(plan.lookups.entry(circuit, claim.source, claim.form)?, claim.value);
    }

    clock.begin("linear layers")?;
    for (tensor, form, value) in plan.constraint_claims(statement, &mut transcript) {
        claims.push(tensor, form, value);
    }
    let mut opened: Vec<Vec<ParamClaim<E>>> = Vec::new();
    for link in &plan.links {
        let form = link.form::<E>(circuit, &mut transcript);
        let value = contract(values.tensor(link.tensor), &circuit.tensor(link.tensor).shape, &form);
        transcript.send(LINK_VALUE, &[value]);
        opened.push(vec![link.claim(circuit, &form, value)]);
        claims.push(link.tensor, form, value);
    }
    for step in schedule(circuit) {
        prove_step(circuit, &step, values, &mut claims, &mut transcript);
        clock.check()?;
    }

    clock.begin("open model")?;
    if !long_lived.is_empty() {
        if plan.has_weights() {
            opened.insert(0, claims.take_params());
        }
        let mut tensors = Vec::new();
        for ((prover, _), claims) in long_lived.iter().zip(&opened) {
            tensors.extend(prover.combine(&mut transcript, claims)?.tensors());
        }
        let cells: Vec<&dyn Cells> = tensors.iter().map(|tensor| tensor as &dyn Cells).collect();
        let (root, data) = public.opening.commit(COMBINATIONS, &cells, rng.as_mut())?;
        transcript.send_bytes(COMBINATION_ROOT, &root);
        matrices.push(data);
        for (prover, reservation) in long_lived {
            prover.show_columns(&mut transcript, plan.level, reservation);
        }
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
pub(crate) fn relations<E: Ext>(
    key: &VerifyingKey,
    public: &Public<E>,
    statement: &Statement,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(Vec<[u8; 32]>, Relations<E>), VerifyError> {
    let plan = &public.plan;
    let Messages { root, mut claims, reductions } = messages(key, plan, statement, transcript)?;
    let mut roots = vec![root];
    if !reductions.is_empty() {
        roots.push(transcript.receive_bytes(COMBINATION_ROOT)?);
        let mut place = Place { stack: COMBINATIONS, tensor: 0 };
        for ((layout, root), reduction) in plan.matrices(key, statement).into_iter().zip(reductions) {
            claims.extend(model::verify_columns(layout, root, transcript, plan.level, reduction, place)?);
            place.tensor += model::combined_shapes::<E>(layout).len();
        }
    }
    if let Some(layout) = &public.pads {
        products::verify::<E>(transcript, layout)?;
    }
    transcript.unmask();
    Ok((roots, Relations { claims, checks: transcript.take_checks(), pads: public.pad_tensor() }))
}

/// What steps 0 to 5 leave to be shown, but for the columns of long-lived matrices.
#[must_use]
pub(crate) struct Messages<E> {
    root: [u8; 32],
    claims: Vec<TensorClaim<E>>,
    /// One for each of [`Plan::matrices`].
    reductions: Vec<Reduction<E>>,
}

/// Steps 0 to 5 for the verifier, up to the combined rows: all messages that are padded but those of step 6.
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
    for claim in outcome.entries {
        claims.push_operand(plan.lookups.entry(circuit, claim.source, claim.form)?, claim.value);
    }

    for (tensor, form, value) in plan.constraint_claims(statement, transcript) {
        claims.push(tensor, form, Value::public(value));
    }
    let mut opened: Vec<Vec<ParamClaim<E, Value<E>>>> = Vec::new();
    for link in &plan.links {
        let form = link.form::<E>(circuit, transcript);
        let value = transcript.receive_one::<E>(LINK_VALUE)?;
        opened.push(vec![link.claim(circuit, &form, value.clone())]);
        claims.push(link.tensor, form, value);
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
    for tensor in noise::noises(circuit) {
        let own = claims.take(tensor);
        let shape = &circuit.tensor(tensor).shape;
        let entries = if own.is_empty() || transcript.is_rehearsal() { Vec::new() } else { noise::entries(circuit, statement, tensor) };
        for claim in own {
            let value = public_value(&claim.form, shape, &entries);
            transcript.check_zero("noise", claim.value - Value::public(value))?;
        }
    }

    if plan.has_weights() {
        opened.insert(0, claims.take_params());
    }
    let mut reductions = Vec::with_capacity(opened.len());
    for ((layout, root), claims) in plan.matrices(key, statement).into_iter().zip(&opened) {
        reductions.push(model::verify_combination(layout, root, transcript, claims)?);
    }
    let multiplicities: Vec<(usize, Form<E>, Value<E>)> =
        outcome.multiplicities.into_iter().map(|claim| (claim.source, claim.form, claim.value)).collect();
    let claims = plan.witness_claims(&mut claims, multiplicities);
    Ok(Messages { root, claims, reductions })
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
pub(crate) fn check_statement(circuit: &Circuit, statement: &Statement) -> Result<(), VerifyError> {
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
    check_commitments(circuit, statement)
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
