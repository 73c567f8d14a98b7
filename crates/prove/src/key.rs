//! Keys: what the prover keeps and what the verifier is given.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use veritorch_commitment::model::MaskSeed;
use veritorch_commitment::{ColumnTree, CommitmentError, ModelLayout, ModelProver, SecurityLevel};
use veritorch_execute::Params;
use veritorch_graph::circuit::{Circuit, CircuitError};
use veritorch_graph::model::Bytes;
use veritorch_sumcheck::random::SecretRng;

use crate::clock::Clock;
use crate::error::{ProveError, VerifyError};
use crate::progress::Progress;
use crate::security::{Profile, security};

/// What a verifier needs to check proofs of one committed model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyingKey {
    /// The computation.
    pub circuit: Circuit,
    /// Root of the model commitment; its layout follows from the circuit.
    pub model_root: [u8; 32],
    /// Field extension and security target.
    pub profile: Profile,
    /// Proofs that the masks of the model commitment cover; 0 if the weights are public and nothing masks them.
    pub lifetime: usize,
    /// The segments that the circuit is proved in, each with a model commitment of its own; none where it is proved as one. Then
    /// `model_root` is a hash of theirs.
    pub segments: Vec<SegmentRoot>,
    /// Where the key is that of a segment; it follows from the whole circuit's and is never read from a file.
    #[serde(skip)]
    pub part_of: Option<PartOf>,
}

/// What the key of a segment has from that of the whole circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartOf {
    /// A hash of the whole key's digest and the segment's number.
    pub digest: [u8; 32],
    /// Bits by which a proof of the segment has to be better than the profile asks for.
    pub margin: usize,
}

/// A segment of a key's circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRoot {
    /// Its first tensor; 0 for the first segment.
    pub start: u32,
    /// Root of the commitment to its weights.
    pub root: [u8; 32],
}

/// Proofs that a model commitment covers unless its owner asks for another number.
pub const DEFAULT_LIFETIME: usize = 24;

/// What the owner of a model chooses when it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Field extension and security target.
    pub profile: Profile,
    /// Proofs that the masks of the model commitment cover; 0 for public weights.
    pub lifetime: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self::from(Profile::default())
    }
}

impl From<Profile> for Setup {
    fn from(profile: Profile) -> Self {
        Self { profile, lifetime: DEFAULT_LIFETIME }
    }
}

impl VerifyingKey {
    /// Whether the circuit is proved in several segments.
    #[must_use]
    pub fn is_segmented(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Bits by which a proof has to be better than the profile asks for.
    pub(crate) fn margin(&self) -> usize {
        self.part_of.map_or(0, |part| part.margin)
    }

    /// What each commitment is asked for.
    pub(crate) fn level(&self) -> SecurityLevel {
        self.profile.level_with(self.margin())
    }

    /// Whether the key is one that proofs can be checked with, whoever made it.
    ///
    /// # Errors
    /// The circuit breaks a rule or has a batch axis already, or the segments are not parts of it.
    pub fn validate(&self) -> Result<(), VerifyError> {
        self.check()
    }

    /// The same, with the caller's error.
    pub(crate) fn check<X: From<CircuitError> + From<CommitmentError>>(&self) -> Result<(), X> {
        if self.is_segmented() {
            return self.checked_parts().map(drop);
        }
        self.circuit.check()?;
        if self.circuit.batch != 0 {
            return Err(CommitmentError::Count { what: "samples that the key's circuit is made for", expected: 0, actual: self.circuit.batch }.into());
        }
        Ok(())
    }

    /// The layout of the model commitment.
    pub(crate) fn model_layout(&self) -> Result<ModelLayout, CommitmentError> {
        // One opening more is kept for the renewal of the commitment.
        let num_openings = if self.lifetime == 0 { 0 } else { self.lifetime.saturating_add(1) };
        ModelLayout::new(&self.circuit.params, num_openings, self.level())
    }

    /// BLAKE3 of everything in the key: what a proof is bound to.
    ///
    /// # Panics
    /// Never: encoding into memory cannot fail.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        if let Some(part) = self.part_of {
            return part.digest;
        }
        let bytes = postcard::to_stdvec(self).expect("encoding into memory cannot fail");
        blake3::derive_key("veritorch 2026 verifying key digest v1", &bytes)
    }
}

/// What the owner of the model keeps: the key, the weights and the data that opens their commitment.
#[derive(Clone, Debug)]
pub struct ProvingKey {
    /// The public part.
    pub vk: VerifyingKey,
    /// The weights.
    pub params: Params,
    /// The weights as committed matrices.
    pub(crate) model: Model,
}

/// Committed weights.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    /// Of a circuit that is proved as one.
    Whole(ModelProver),
    /// Of each segment; its matrix is made when its turn comes.
    Segments(Vec<StoredTable<'static>>),
}

/// What is kept of a commitment to weights, beside the weights. It is secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredTable<'a> {
    seed: MaskSeed,
    tree: Cow<'a, ColumnTree>,
}

impl std::fmt::Debug for StoredTable<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "StoredTable({} levels)", self.tree.depth())
    }
}

impl<'a> StoredTable<'a> {
    pub(crate) fn of(model: &'a ModelProver) -> Self {
        Self { seed: *model.seed(), tree: Cow::Borrowed(model.tree()) }
    }

    /// The same, where it is.
    fn borrowed(&self) -> StoredTable<'_> {
        StoredTable { seed: self.seed, tree: Cow::Borrowed(&self.tree) }
    }

    /// The same, for itself.
    pub(crate) fn into_owned(self) -> StoredTable<'static> {
        StoredTable { seed: self.seed, tree: Cow::Owned(self.tree.into_owned()) }
    }

    pub(crate) fn load(self, vk: &VerifyingKey, params: &Params) -> Result<ModelProver, ProveError> {
        let model = ModelProver::load(vk.model_layout()?, params, self.seed, self.tree.into_owned())?;
        if model.root() == vk.model_root { Ok(model) } else { Err(ProveError::OtherModel) }
    }
}

/// What is stored of a proving key beside its weights ([`Params::stored`]). It is secret.
#[derive(Serialize, Deserialize)]
pub struct StoredKey<'a> {
    vk: Cow<'a, VerifyingKey>,
    tables: Vec<StoredTable<'a>>,
}

impl ProvingKey {
    /// What is to be stored beside the weights.
    #[must_use]
    pub fn stored(&self) -> StoredKey<'_> {
        let tables = match &self.model {
            Model::Whole(model) => vec![StoredTable::of(model)],
            Model::Segments(tables) => tables.iter().map(StoredTable::borrowed).collect(),
        };
        StoredKey { vk: Cow::Borrowed(&self.vk), tables }
    }

    /// A key that was stored, with its weights at these bytes, which are read where they are.
    ///
    /// # Errors
    /// The parts do not belong together, or the circuit breaks a rule.
    pub fn from_stored(stored: StoredKey<'_>, weights: &Bytes, range: Range<usize>) -> Result<Self, ProveError> {
        let (vk, mut tables) = (stored.vk.into_owned(), stored.tables);
        vk.check::<ProveError>()?;
        let params = Params::from_stored(vk.circuit.params.clone(), weights, range)?;
        let expected = vk.segments.len().max(1);
        if tables.len() != expected {
            return Err(CommitmentError::Count { what: "committed tables", expected, actual: tables.len() }.into());
        }
        let model = match tables.pop() {
            Some(table) if tables.is_empty() => Model::Whole(table.load(&vk, &params)?),
            last => {
                tables.extend(last);
                Model::Segments(tables.into_iter().map(StoredTable::into_owned).collect())
            }
        };
        Ok(Self { vk, params, model })
    }

    /// Commits to the weights.
    ///
    /// # Errors
    /// If the circuit breaks a rule, the weights do not fit it, or a proof of one sample would be below the profile's
    /// security level.
    pub fn setup(circuit: Circuit, params: Params, setup: impl Into<Setup>, progress: &dyn Progress) -> Result<Self, ProveError> {
        let Setup { profile, lifetime } = setup.into();
        circuit.check()?;
        params.check(&circuit.params)?;
        let mut clock = Clock::new(progress);
        clock.begin("commit to the model")?;
        let mut vk = VerifyingKey { circuit, model_root: [0; 32], profile, lifetime, segments: Vec::new(), part_of: None };
        let model = commit(&vk, &params)?;
        vk.model_root = model.root();
        let actual = security(&vk, 1)?.bits;
        let expected = profile.target_bits();
        if actual < expected {
            return Err(ProveError::Security { expected, actual });
        }
        Ok(Self { vk, params, model: Model::Whole(model) })
    }

    /// The committed weights of a key without segments.
    pub(crate) fn model(&self) -> Result<&ModelProver, ProveError> {
        match &self.model {
            Model::Whole(model) => Ok(model),
            Model::Segments(_) => Err(ProveError::Segmented),
        }
    }
}

/// Commits to weights under masks of a fresh seed.
pub(crate) fn commit(vk: &VerifyingKey, params: &Params) -> Result<ModelProver, ProveError> {
    let mut seed = MaskSeed::default();
    SecretRng::from_os()?.fill(&mut seed);
    Ok(ModelProver::commit(vk.model_layout()?, params, seed)?)
}
