//! Committed inputs and outputs: what links proofs.
//!
//! A tensor commitment is a model commitment with one param, the integers of an input or output of all samples in one row,
//! `[1, 1, len]`, by their balanced bytes. It is made once, hides the integers through a number of openings, and is binding: by unique
//! decoding every proof that opens its root speaks of the same field elements `T`. In a proof, a point `z` over the padded tensor
//! is drawn after the witness is committed; the prover sends `v`, which is claimed of both: `<eq(z), x> = v` on the circuit's
//! tensor and `sum_i eq(z)(i) sum_b 256^b byte_b(i) = v` on the commitment. If the two differ in one entry, both hold
//! with probability (variables of `x`) / |E| at most. [Schwartz-Zippel]
//!
//! Nothing says that the committed bytes are bytes, and nothing has to: the circuit's own tensor is range-checked or computed.

use serde::{Deserialize, Serialize};
use veritorch_commitment::model::{MaskSeed, Openings};
use veritorch_commitment::{ColumnTree, CommitmentError, ModelLayout, ModelProver, ParamClaim};
use veritorch_execute::Params;
use veritorch_graph::circuit::{Circuit, ParamInfo, Port, TensorId, Visibility, plane_range};
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, Factor, Form};

use crate::error::{ProveError, VerifyError};
use crate::key::VerifyingKey;
use crate::security::{MAX_MARGIN, Profile};
use crate::statement::Statement;

/// Openings that a tensor commitment covers unless its owner asks for another number.
pub const DEFAULT_TENSOR_OPENINGS: usize = 16;
/// Openings that a tensor commitment covers at most.
pub const MAX_TENSOR_OPENINGS: usize = 1 << 16;
/// Bytes of a committed integer at most.
pub const MAX_TENSOR_PLANES: usize = 7;

pub(crate) const LINK_POINT: &str = "link point";
pub(crate) const LINK_VALUE: &str = "link value";

/// The shape of a tensor commitment, beside the number of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TensorFormat {
    /// Bytes of each integer.
    pub num_planes: usize,
    /// Proofs that its masks cover.
    pub num_openings: usize,
    /// Bits by which an opening is better than the profile asks for: more than 0 where a proof has several segments.
    pub margin: usize,
}

impl TensorFormat {
    /// The smallest format for integers in `[min, max]`.
    ///
    /// # Errors
    /// If they take more than seven bytes.
    pub fn of(min: i64, max: i64, num_openings: usize) -> Result<Self, ProveError> {
        let fits = |planes: &usize| {
            let (low, high) = plane_range(*planes);
            low <= min && max <= high
        };
        let num_planes = (1..=MAX_TENSOR_PLANES).find(fits).ok_or(ProveError::TensorRange { min, max })?;
        Ok(Self { num_planes, num_openings, margin: 0 })
    }

    /// The same with this margin.
    #[must_use]
    pub(crate) fn with_margin(self, margin: usize) -> Self {
        Self { margin, ..self }
    }

    /// The layout of a commitment to this number of integers.
    pub(crate) fn layout(self, len: usize, profile: Profile) -> Result<ModelLayout, CommitmentError> {
        if !(1..=MAX_TENSOR_OPENINGS).contains(&self.num_openings) {
            return Err(CommitmentError::Openings { num_openings: self.num_openings, possible: MAX_TENSOR_OPENINGS });
        }
        ModelLayout::new(&[self.info(len)], self.num_openings, profile.level_with(self.margin))
    }

    fn info(self, len: usize) -> ParamInfo {
        ParamInfo { name: String::new(), shape: [1, 1, len], num_planes: self.num_planes }
    }
}

/// A commitment to a tensor, as a statement holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorCommitment {
    /// Root of the tree over the columns of the encoded integers.
    pub root: [u8; 32],
    /// Its shape.
    pub format: TensorFormat,
}

impl TensorCommitment {
    /// What names the committed tensor: a hash of the commitment's layout and root. Two proofs whose commitments have one identity
    /// speak of the same `len` integers.
    ///
    /// # Errors
    /// If the format is impossible.
    pub fn identity(&self, len: usize, profile: Profile) -> Result<[u8; 32], CommitmentError> {
        Ok(self.format.layout(len, profile)?.identity(&self.root))
    }
}

/// A committed tensor on the prover's side: its integers and what opens the commitment to them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct CommittedTensor {
    format: TensorFormat,
    profile: Profile,
    params: Params,
    prover: ModelProver,
}

/// A committed tensor as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: TensorFormat,
    profile: Profile,
    values: Vec<i64>,
    seed: MaskSeed,
    tree: ColumnTree,
}

impl From<CommittedTensor> for Stored {
    fn from(tensor: CommittedTensor) -> Self {
        let values = tensor.values();
        let CommittedTensor { format, profile, prover, .. } = tensor;
        Self { format, profile, values, seed: *prover.seed(), tree: prover.tree().clone() }
    }
}

impl TryFrom<Stored> for CommittedTensor {
    type Error = ProveError;

    fn try_from(stored: Stored) -> Result<Self, ProveError> {
        let Stored { format, profile, values, seed, tree } = stored;
        let layout = format.layout(values.len(), profile)?;
        let params = Params::from_values(&[format.info(values.len())], &[values])?;
        Ok(Self { prover: ModelProver::load(layout, &params, seed, tree)?, format, profile, params })
    }
}

impl CommittedTensor {
    /// Commits to integers with masks and salts of a fresh seed from the operating system.
    ///
    /// # Errors
    /// If there are no integers or too many, one does not fit the format, or there are no random bytes.
    pub fn commit(values: Vec<i64>, format: TensorFormat, profile: Profile) -> Result<Self, ProveError> {
        let layout = format.layout(values.len(), profile)?;
        let params = Params::from_values(&[format.info(values.len())], &[values])?;
        let mut seed = MaskSeed::default();
        SecretRng::from_os()?.fill(&mut seed);
        let prover = ModelProver::commit(layout, &params, seed)?;
        Ok(Self { format, profile, params, prover })
    }

    /// The integers.
    #[must_use]
    pub fn values(&self) -> Vec<i64> {
        self.params.values(0)
    }

    /// What statements hold of it.
    #[must_use]
    pub fn commitment(&self) -> TensorCommitment {
        TensorCommitment { root: self.prover.root(), format: self.format }
    }

    /// The security profile that it was made for.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What names the committed tensor.
    #[must_use]
    pub fn identity(&self) -> [u8; 32] {
        self.prover.layout().identity(&self.prover.root())
    }

    /// Other integers with the masks and the tree of these.
    #[cfg(test)]
    pub(crate) fn replayed(&self, values: &[i64]) -> Self {
        let stored = Stored::from(self.clone());
        Self::try_from(Stored { values: values.to_vec(), ..stored }).unwrap()
    }

    pub(crate) fn prover(&self) -> &ModelProver {
        &self.prover
    }
}

/// A committed tensor with who counts its openings.
#[derive(Clone, Copy)]
pub struct Counted<'a> {
    /// The tensor.
    pub tensor: &'a CommittedTensor,
    /// Who counts.
    pub openings: &'a dyn Openings,
}

/// What the prover brings for a circuit with committed inputs or outputs.
#[derive(Clone)]
pub struct Linking<'a> {
    /// One committed tensor for each input, in order, if the policy commits inputs; else none.
    pub inputs: Vec<Counted<'a>>,
    /// Openings that the commitments to outputs cover; their first is used by the proof that they are made in.
    pub output_openings: usize,
}

impl Default for Linking<'_> {
    fn default() -> Self {
        Self { inputs: Vec::new(), output_openings: DEFAULT_TENSOR_OPENINGS }
    }
}

/// Sizes that a proof's shape follows from, beside the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    /// One for each committed port, inputs first.
    pub(crate) formats: Vec<TensorFormat>,
}

impl Sizes {
    /// Those of a statement.
    pub(crate) fn of(statement: &Statement) -> Self {
        Self { batch: statement.batch, formats: statement.commitments.iter().map(|commitment| commitment.format).collect() }
    }

    /// Those of a proof whose commitments are made for it.
    pub(crate) fn usual(key: &VerifyingKey, batch: usize) -> Result<Self, ProveError> {
        let formats = committed_ports(&key.circuit).map(|(what, port)| {
            let margin = if what == "output" { key.output_margin() } else { 0 };
            Ok(format_of(&key.circuit, port, DEFAULT_TENSOR_OPENINGS)?.with_margin(margin))
        });
        Ok(Self { batch, formats: formats.collect::<Result<_, ProveError>>()? })
    }
}

/// The smallest format for the integers of a port.
pub(crate) fn format_of(circuit: &Circuit, port: &Port, num_openings: usize) -> Result<TensorFormat, ProveError> {
    let tensor = circuit.tensor(port.tensor);
    TensorFormat::of(tensor.min, tensor.max, num_openings)
}

/// Ports that the statement holds commitments to: `input` or `output` with the port, inputs first.
pub(crate) fn committed_ports(circuit: &Circuit) -> impl Iterator<Item = (&'static str, &Port)> {
    let policy = circuit.policy;
    let ports = [("input", policy.input, &circuit.inputs), ("output", policy.output, &circuit.outputs)];
    let committed = ports.into_iter().filter(|(_, visibility, _)| *visibility == Visibility::Committed);
    committed.flat_map(|(what, _, ports)| ports.iter().map(move |port| (what, port)))
}

/// A tensor of the instantiated circuit that is tied to a commitment.
#[derive(Clone, Debug)]
pub(crate) struct PortLink {
    /// `input NAME` or `output NAME`, for reports.
    pub(crate) name: String,
    pub(crate) tensor: TensorId,
    pub(crate) layout: ModelLayout,
}

impl PortLink {
    /// The links of an instantiated circuit.
    pub(crate) fn all(circuit: &Circuit, sizes: &Sizes, profile: Profile) -> Result<Vec<Self>, CommitmentError> {
        let links = committed_ports(circuit).zip(&sizes.formats).map(|((what, port), format)| {
            let len = circuit.tensor(port.tensor).len();
            Ok(Self { name: format!("{what} `{}`", port.name), tensor: port.tensor, layout: format.layout(len, profile)? })
        });
        links.collect()
    }

    /// The form that is claimed on both sides, at a point drawn now.
    pub(crate) fn form<E: Ext>(&self, circuit: &Circuit, transcript: &mut impl Transcript) -> Form<E> {
        let shape = &circuit.tensor(self.tensor).shape;
        Form::at_point(shape, &transcript.challenges::<E>(LINK_POINT, padded_vars(shape)))
    }

    /// The claim on the commitment.
    pub(crate) fn claim<E: Ext, V>(&self, circuit: &Circuit, form: &Form<E>, value: V) -> ParamClaim<E, V> {
        let column = Factor::Explicit(form.vector(&circuit.tensor(self.tensor).shape));
        ParamClaim { param: 0, kernel: vec![E::ONE], output_point: Vec::new(), column, value }
    }
}

/// Whether a statement has the commitments that the policy asks for.
pub(crate) fn check_commitments(circuit: &Circuit, statement: &Statement) -> Result<(), VerifyError> {
    let (expected, actual) = (committed_ports(circuit).count(), statement.commitments.len());
    if expected != actual {
        return Err(VerifyError::Statement { reason: format!("{actual} committed tensors, expected {expected}") });
    }
    for ((what, port), commitment) in committed_ports(circuit).zip(&statement.commitments) {
        let TensorFormat { num_planes, num_openings, margin } = commitment.format;
        if !(1..=MAX_TENSOR_PLANES).contains(&num_planes) || !(1..=MAX_TENSOR_OPENINGS).contains(&num_openings) || margin > MAX_MARGIN {
            let reason = format!("the commitment to {what} `{}` has {num_planes} byte planes, {num_openings} openings, {margin} bits of margin", port.name);
            return Err(VerifyError::Statement { reason });
        }
    }
    Ok(())
}
