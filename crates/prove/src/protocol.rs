//! `prove` beside `verify`.
//!
//! # Transcript
//! 0. statement: digest of the verifying key, batch, public inputs and outputs;
//! 1. root of the witness: private inputs, hints and multiplicities;
//! 2. the lookup argument, which ends in claims on looked-up tensors and on multiplicities;
//! 3. points for zero constraints and for public outputs, whose claims follow from the statement;
//! 4. the steps of the schedule, which move claims from results to operands until they stand on inputs, hints and weights;
//! 5. the opening of the model commitment;
//! 6. the opening of the witness.
//!
//! Claims on public inputs are checked against the statement.

use veritorch_commitment::model;
use veritorch_commitment::{
    Cells, CommitmentError, ModelLayout, ParamClaim, SecurityLevel, StackLayout, TensorClaim, WitnessScheme,
};
use veritorch_execute::{TensorData, Witness, execute};
use veritorch_graph::circuit::{Circuit, Constraint, Op, TensorId, Visibility};
use veritorch_lookup::LookupError;
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{E2, E3, Ext, Form, ProverTranscript, Value, VerifierTranscript};

use crate::claim::ClaimSet;
use crate::clock::{Clock, Timings};
use crate::contraction::Values;
use crate::error::{ProveError, VerifyError};
use crate::key::{ProvingKey, VerifyingKey};
use crate::lookups::Lookups;
use crate::progress::Progress;
use crate::schedule::schedule;
use crate::security::{Extension, SecurityReport, extension, security_in};
use crate::statement::{Proof, Statement};
use crate::wave::{prove_step, verify_step};

const DOMAIN: &str = "veritorch 2026 proof v1";
const WITNESS_ROOT: &str = "witness root";
const CONSTRAINT_POINT: &str = "constraint point";

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

/// Proves a batch of samples: `inputs[i]` holds the samples of input `i` one after the other.
///
/// # Errors
/// If an input does not fit or leaves a table's domain, the security level is out of reach, or the caller interrupts.
pub fn prove(key: &ProvingKey, inputs: &[Vec<i64>], batch: usize, progress: &dyn Progress) -> Result<Proven, ProveError> {
    if batch == 0 || batch > MAX_BATCH {
        return Err(ProveError::Batch { batch });
    }
    match extension(&key.vk, batch) {
        Extension::Quadratic => prove_in::<E2>(key, inputs, batch, progress),
        Extension::Cubic => prove_in::<E3>(key, inputs, batch, progress),
    }
}

/// Verifies a proof against a key. Never panics, whatever the bytes.
///
/// # Errors
/// The check that failed.
pub fn verify(key: &VerifyingKey, proof: &Proof) -> Result<Verified, VerifyError> {
    key.circuit.check()?;
    check_statement(&key.circuit, &proof.statement)?;
    match extension(key, proof.statement.batch) {
        Extension::Quadratic => verify_in::<E2>(key, proof),
        Extension::Cubic => verify_in::<E3>(key, proof),
    }
}

/// The public objects of one proof, which both sides derive from the key and the batch.
pub(crate) struct Public<E: Ext> {
    pub(crate) circuit: Circuit,
    pub(crate) lookups: Lookups,
    pub(crate) witness: WitnessScheme<E>,
    pub(crate) model: ModelLayout,
    pub(crate) level: SecurityLevel,
    /// The tensor's place in the witness stack, if it is committed.
    slots: Vec<Option<usize>>,
    /// The place of a table's multiplicities in the witness stack.
    multiplicity_slots: Vec<Option<usize>>,
}

impl<E: Ext> Public<E> {
    pub(crate) fn new<X>(key: &VerifyingKey, batch: usize) -> Result<Self, X>
    where
        X: From<LookupError> + From<CommitmentError>,
    {
        let circuit = key.circuit.instantiate(batch);
        let lookups = Lookups::new(&circuit)?;
        let mut shapes = Vec::new();
        let mut slots = vec![None; circuit.tensors.len()];
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            if circuit.is_committed(TensorId(index as u32)) {
                slots[index] = Some(shapes.len());
                shapes.push(tensor.shape.clone());
            }
        }
        let mut multiplicity_slots = vec![None; circuit.tables.len()];
        for table in lookups.argument.used_tables() {
            multiplicity_slots[table] = Some(shapes.len());
            shapes.push(vec![circuit.tables[table].len()]);
        }
        let level = key.profile.level();
        let witness = WitnessScheme::new(StackLayout::new(&shapes), level)?;
        let model = ModelLayout::new(&circuit.params)?;
        Ok(Self { circuit, lookups, witness, model, level, slots, multiplicity_slots })
    }

    /// Upper bound for the number of claims that the operands of live tensors send to a tensor.
    pub(crate) fn num_consumers(&self, tensor: TensorId) -> usize {
        let columns = self.lookups.columns.iter().flatten().filter(|id| **id == tensor).count();
        self.num_readers(tensor) + columns + self.circuit.outputs.len()
    }

    /// Upper bound for the number of claims on the witness.
    pub(crate) fn num_witness_claims(&self) -> usize {
        let claims = self.slots.iter().enumerate().filter(|(_, slot)| slot.is_some());
        claims.map(|(index, _)| self.num_consumers(TensorId(index as u32))).sum::<usize>() + self.circuit.tables.len()
    }

    /// One entry for each claim on the weights: their operand tensors' consumers.
    pub(crate) fn param_claims(&self) -> Vec<usize> {
        let weights = self.circuit.tensors.iter().enumerate();
        weights
            .filter_map(|(index, tensor)| match tensor.op {
                Op::Weight { param } => Some((param, self.num_readers(TensorId(index as u32)))),
                _ => None,
            })
            .flat_map(|(param, readers)| std::iter::repeat_n(param, readers))
            .collect()
    }

    fn num_readers(&self, tensor: TensorId) -> usize {
        let read = |id: &&TensorId| **id == tensor;
        self.circuit.tensors.iter().map(|t| t.op.operands().iter().filter(read).count()).sum()
    }

    /// What the witness commitment has to open, in the order of its stack.
    fn witness_claims<V>(&self, claims: &mut ClaimSet<E, V>, multiplicities: Vec<(usize, Form<E>, V)>) -> Vec<TensorClaim<E, V>> {
        let mut all = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(tensor) = *slot {
                let own = claims.take(TensorId(index as u32));
                all.extend(own.into_iter().map(|claim| TensorClaim { tensor, form: claim.form, value: claim.value }));
            }
        }
        all.extend(multiplicities.into_iter().filter_map(|(table, form, value)| {
            Some(TensorClaim { tensor: self.multiplicity_slots.get(table).copied()??, form, value })
        }));
        all
    }

    /// Tensors whose entries are public, with those entries: outputs, and zero constraints.
    fn constrained<'a>(&'a self, statement: &'a Statement) -> impl Iterator<Item = (TensorId, Option<&'a [i64]>)> {
        let zeros = self.circuit.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::Zero { tensor } => Some((*tensor, None)),
            Constraint::Lookup { .. } => None,
        });
        let outputs = self.circuit.outputs.iter().zip(&statement.outputs);
        zeros.chain(outputs.map(|(port, values)| (port.tensor, Some(values.as_slice()))))
    }

    /// Claims on tensors whose entries are public, at points drawn now.
    fn constraint_claims(&self, statement: &Statement, transcript: &mut impl Transcript) -> Vec<(TensorId, Form<E>, E)> {
        self.constrained(statement)
            .map(|(tensor, entries)| {
                let shape = &self.circuit.tensor(tensor).shape;
                let point = transcript.challenges(CONSTRAINT_POINT, padded_vars(shape));
                let form = Form::at_point(shape, &point);
                let value = entries.map_or(E::ZERO, |entries| public_value(&form, shape, entries));
                (tensor, form, value)
            })
            .collect()
    }
}

/// `<form, T>` for public entries.
fn public_value<E: Ext>(form: &Form<E>, shape: &[usize], entries: &[i64]) -> E {
    form.vector(shape).into_iter().zip(entries).map(|(weight, &entry)| weight * E::from_int(entry)).sum()
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
    inputs: &[Vec<i64>],
    batch: usize,
    progress: &dyn Progress,
) -> Result<Proven, ProveError> {
    let mut clock = Clock::new(progress);
    clock.begin("prepare")?;
    let public = Public::<E>::new::<ProveError>(&key.vk, batch)?;
    let expected = key.vk.profile.target_bits();
    let actual = security_in(&public)?.bits;
    if actual < expected {
        return Err(ProveError::Security { expected, actual });
    }
    clock.begin("execute")?;
    let witness = execute(&public.circuit, &key.params, inputs)?;
    let multiplicities = public.lookups.argument.multiplicities(&public.lookups.values(&witness.values))?;
    let outputs = witness.outputs(&public.circuit);
    let shown = |visibility, tensors: &[Vec<i64>]| if visibility == Visibility::Public { tensors.to_vec() } else { Vec::new() };
    let policy = public.circuit.policy;
    let statement = Statement { batch, inputs: shown(policy.input, inputs), outputs: shown(policy.output, &outputs) };
    let (transcript, timings) = prove_witness(key, &public, &statement, &witness, &multiplicities, clock)?;
    let sizes = transcript.sizes();
    Ok(Proven { proof: Proof { statement, transcript: transcript.into_proof() }, outputs, sizes, timings })
}

/// Everything after the execution: steps 1 to 6 of the transcript. It does not check that the statement holds.
pub(crate) fn prove_witness<E: Ext>(
    key: &ProvingKey,
    public: &Public<E>,
    statement: &Statement,
    witness: &Witness,
    multiplicities: &[Vec<u32>],
    mut clock: Clock<'_>,
) -> Result<(ProverTranscript, Timings), ProveError> {
    let circuit = &public.circuit;
    let values = Values { tensors: &witness.values, params: &key.params };
    let columns = public.lookups.values(&witness.values);

    clock.begin("commit")?;
    let mut transcript = ProverTranscript::new(DOMAIN);
    absorb_statement(&key.vk, statement, &mut transcript);
    let committed = public.slots.iter().enumerate().filter(|(_, slot)| slot.is_some());
    let mut cells: Vec<&dyn Cells> = committed.map(|(index, _)| as_cells(&witness.values[index])).collect();
    let counts: Vec<Vec<i64>> = public
        .lookups
        .argument
        .used_tables()
        .into_iter()
        .map(|table| multiplicities[table].iter().map(|&count| i64::from(count)).collect())
        .collect();
    cells.extend(counts.iter().map(|counts| counts as &dyn Cells));
    let (root, data) = public.witness.commit(&cells)?;
    transcript.send_bytes(WITNESS_ROOT, &root);

    clock.begin("lookups")?;
    let mut claims = ClaimSet::<E, E>::new(circuit.tensors.len());
    let outcome = public.lookups.argument.prove::<E>(&mut transcript, &columns, multiplicities)?;
    for claim in outcome.columns {
        claims.push(public.lookups.columns[claim.source][claim.column], claim.form, claim.value);
    }

    clock.begin("linear layers")?;
    for (tensor, form, value) in public.constraint_claims(statement, &mut transcript) {
        claims.push(tensor, form, value);
    }
    for step in schedule(circuit) {
        prove_step(circuit, &step, values, &mut claims, &mut transcript);
        clock.check()?;
    }

    clock.begin("open model")?;
    let params: Vec<ParamClaim<E>> =
        std::mem::take(&mut claims.params).into_iter().map(|(form, value)| form.into_claim(value)).collect();
    key.model.open(&mut transcript, public.level, &params)?;

    clock.begin("open witness")?;
    let multiplicities = outcome.multiplicities.into_iter().map(|claim| (claim.source, claim.form, claim.value)).collect();
    let claims = public.witness_claims(&mut claims, multiplicities);
    public.witness.open(&mut transcript, data, &claims)?;
    Ok((transcript, clock.finish()))
}

fn verify_in<E: Ext>(key: &VerifyingKey, proof: &Proof) -> Result<Verified, VerifyError> {
    let statement = &proof.statement;
    let public = Public::<E>::new::<VerifyError>(key, statement.batch)?;
    let security = security_in(&public)?;
    if security.bits < key.profile.target_bits() {
        return Err(VerifyError::Security { expected: key.profile.target_bits(), actual: security.bits });
    }
    let circuit = &public.circuit;

    let mut transcript = VerifierTranscript::new(DOMAIN, &proof.transcript);
    absorb_statement(key, statement, &mut transcript);
    let root = transcript.receive_bytes(WITNESS_ROOT)?;

    let mut claims = ClaimSet::<E, Value<E>>::new(circuit.tensors.len());
    let outcome = public.lookups.argument.verify::<E>(&mut transcript)?;
    for claim in outcome.columns {
        if let Some(&tensor) = public.lookups.columns.get(claim.source).and_then(|own| own.get(claim.column)) {
            claims.push(tensor, claim.form, claim.value);
        }
    }

    for (tensor, form, value) in public.constraint_claims(statement, &mut transcript) {
        claims.push(tensor, form, Value::public(value));
    }
    for step in schedule(circuit) {
        verify_step(circuit, &step, &mut claims, &mut transcript)?;
    }
    for (tensor, entries) in public_inputs(circuit, statement) {
        let shape = &circuit.tensor(tensor).shape;
        for claim in claims.take(tensor) {
            let value = public_value(&claim.form, shape, entries);
            transcript.check_zero("public input", claim.value - Value::public(value))?;
        }
    }

    let params: Vec<ParamClaim<E, Value<E>>> =
        std::mem::take(&mut claims.params).into_iter().map(|(form, value)| form.into_claim(value)).collect();
    model::verify(&public.model, &key.model_root, &mut transcript, public.level, &params)?;

    let multiplicities = outcome.multiplicities.into_iter().map(|claim| (claim.source, claim.form, claim.value)).collect();
    let own = public.witness_claims(&mut claims, multiplicities);
    public.witness.verify(&mut transcript, &root, &own)?;
    transcript.finish()?;
    Ok(Verified { security })
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
