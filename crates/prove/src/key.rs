//! Keys: what the prover keeps and what the verifier is given.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use veritorch_commitment::model::MaskSeed;
use veritorch_commitment::{ColumnTree, CommitmentError, ModelLayout, ModelProver};
use veritorch_execute::Params;
use veritorch_graph::circuit::{Circuit, CircuitError};
use veritorch_graph::model::Bytes;
use veritorch_sumcheck::random::SecretRng;

use crate::clock::Clock;
use crate::error::ProveError;
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
    /// What names the committed model across all its proofs: a hash of the commitment's layout and root.
    ///
    /// # Errors
    /// If the circuit's weights cannot be laid out.
    pub fn model_identity(&self) -> Result<[u8; 32], CommitmentError> {
        Ok(self.model_layout()?.identity(&self.model_root))
    }

    /// Whether the circuit is one that proofs can be made of: for any number of samples.
    ///
    /// # Errors
    /// If it breaks a rule, or has a batch axis already.
    pub(crate) fn check<X: From<CircuitError> + From<CommitmentError>>(&self) -> Result<(), X> {
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
        ModelLayout::new(&self.circuit.params, num_openings, self.profile.level())
    }

    /// BLAKE3 of everything in the key: what a proof is bound to.
    ///
    /// # Panics
    /// Never: encoding into memory cannot fail.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
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
    /// The weights as a committed matrix.
    pub(crate) model: ModelProver,
}

/// What is stored of a proving key beside its weights ([`Params::stored`]). It is secret.
#[derive(Serialize, Deserialize)]
pub struct StoredKey<'a> {
    vk: Cow<'a, VerifyingKey>,
    seed: MaskSeed,
    tree: Cow<'a, ColumnTree>,
}

impl ProvingKey {
    /// What is to be stored beside the weights.
    #[must_use]
    pub fn stored(&self) -> StoredKey<'_> {
        StoredKey { vk: Cow::Borrowed(&self.vk), seed: *self.model.seed(), tree: Cow::Borrowed(self.model.tree()) }
    }

    /// A key that was stored, with its weights at these bytes, which are read where they are.
    ///
    /// # Errors
    /// The parts do not belong together, or the circuit breaks a rule.
    pub fn from_stored(stored: StoredKey<'_>, weights: &Bytes, range: Range<usize>) -> Result<Self, ProveError> {
        let (vk, tree) = (stored.vk.into_owned(), stored.tree.into_owned());
        vk.check::<ProveError>()?;
        let params = Params::from_stored(vk.circuit.params.clone(), weights, range)?;
        let model = ModelProver::load(vk.model_layout()?, &params, stored.seed, tree)?;
        if model.root() != vk.model_root {
            return Err(ProveError::OtherModel);
        }
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
        let mut vk = VerifyingKey { circuit, model_root: [0; 32], profile, lifetime };
        let mut seed = MaskSeed::default();
        SecretRng::from_os()?.fill(&mut seed);
        let model = ModelProver::commit(vk.model_layout()?, &params, seed)?;
        vk.model_root = model.root();
        let actual = security(&vk, 1)?.bits;
        let expected = profile.target_bits();
        if actual < expected {
            return Err(ProveError::Security { expected, actual });
        }
        Ok(Self { vk, params, model })
    }
}
