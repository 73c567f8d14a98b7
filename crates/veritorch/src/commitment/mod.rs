//! Commitments to inputs and outputs: the files `X.commitment`, for anyone, and `X.commitment.opening`, for its owner alone.
//!
//! A commitment is made by a circuit's prover while it proves, or beforehand by a third party that has the data ([`commit`]). Who holds the
//! opening can prove about the committed integers; everybody else can tell whether two proofs speak of the same ones ([`link`]).

mod link;
mod make;
mod opening;

pub use link::{Link, check_expected, check_link};
pub use make::{Steps, Tensor, TensorValues, Tensors, commit, input_steps_like};
pub use opening::{CommitmentOpening, opening_path};

pub(crate) use make::commit_inputs;
pub(crate) use opening::OncePerProof;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use veritorch_commitment::CommitmentError;
use veritorch_prove::{Profile, TensorCommitment};

use crate::artefact::{self, File, Kind};
use crate::inspect::hex;
use crate::{Error, Verification};

/// Which side of a model a port is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// An input.
    Input,
    /// An output.
    Output,
}

impl Side {
    /// `input` or `output`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A commitment to an input or output, as a verified proof speaks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct PortCommitment {
    /// Which side of the model.
    pub side: Side,
    /// Name in the model.
    pub name: String,
    /// What names the committed integers across proofs, in hex.
    pub identity: String,
    /// Real value of one step.
    pub scale: Vec<f64>,
}

/// A committed tensor with what its integers mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommittedArray {
    /// Name of the array.
    pub name: String,
    /// Shape, samples first where there are several.
    pub shape: Vec<usize>,
    /// Real value of one step.
    pub scale: Vec<f64>,
    /// The commitment.
    pub(crate) commitment: TensorCommitment,
}

impl CommittedArray {
    /// Number of integers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().fold(1, |len, &extent| len.saturating_mul(extent))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Proofs that the commitment's masks cover.
    #[must_use]
    pub fn num_openings(&self) -> usize {
        self.commitment.format.num_openings
    }

    fn identity(&self, profile: Profile) -> Result<[u8; 32], CommitmentError> {
        self.commitment.identity(self.len(), profile)
    }
}

/// Commitments to named arrays. The `.commitment` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Commitment {
    contents: Contents,
    /// Of each array.
    identities: Vec<[u8; 32]>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Contents {
    profile: Profile,
    arrays: Vec<CommittedArray>,
}

impl Commitment {
    fn new(contents: Contents) -> Result<Self, CommitmentError> {
        let identities = contents.arrays.iter().map(|array| array.identity(contents.profile)).collect::<Result<_, _>>()?;
        Ok(Self { contents, identities })
    }

    /// Reads a `.commitment` file.
    ///
    /// # Errors
    /// The file cannot be read, is of another kind or version, or is damaged.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bytes = artefact::read(path)?;
        Self::from_bytes(path, &bytes)
    }

    /// Reads the bytes of a `.commitment` file; `path` is for errors only.
    ///
    /// # Errors
    /// As [`Commitment::load`].
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let contents = File::parse_as(path, bytes, Kind::Commitment)?.section(0)?;
        Self::new(contents).map_err(|error| Error::Damaged {
            path: path.to_owned(),
            kind: Some(Kind::Commitment),
            section: "commitment".to_owned(),
            reason: error.to_string(),
        })
    }

    /// The bytes of a `.commitment` file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        artefact::encode(Kind::Commitment, &[artefact::encode_section(&self.contents)])
    }

    /// The committed arrays.
    #[must_use]
    pub fn arrays(&self) -> &[CommittedArray] {
        &self.contents.arrays
    }

    /// The security profile that the commitments were made for.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.contents.profile
    }

    /// The arrays with what names them across proofs, in hex.
    pub fn identities(&self) -> impl Iterator<Item = (&CommittedArray, String)> {
        self.contents.arrays.iter().zip(self.identities.iter().map(|identity| hex(identity)))
    }

    /// What names all of them together.
    pub(crate) fn identity(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("veritorch 2026 committed tensors");
        self.identities.iter().for_each(|identity| {
            hasher.update(identity);
        });
        hasher.finalize().into()
    }
}

impl Verification {
    /// The only committed port on a side, or the one of this name.
    ///
    /// # Errors
    /// [`Error::Option`] where there is none or a name is needed.
    pub fn committed(&self, side: Side, name: Option<&str>) -> Result<&PortCommitment, Error> {
        let own: Vec<&PortCommitment> = self.commitments.iter().filter(|port| port.side == side).collect();
        let names = || own.iter().map(|port| format!("{side}.{}", port.name)).collect::<Vec<_>>().join(", ");
        let refused = |reason| Error::Option { option: "link", reason };
        match (name, own.as_slice()) {
            (_, []) => Err(refused(format!("the policy of `{}` does not commit its {side}", self.model))),
            (None, [only]) => Ok(only),
            (None, _) => Err(refused(format!("`{}` has several committed {side}s; name one of {}", self.model, names()))),
            (Some(name), own) => {
                let found = own.iter().find(|port| port.name == name);
                found.copied().ok_or_else(|| refused(format!("`{}` has no committed {side} `{name}`, it has {}", self.model, names())))
            }
        }
    }
}
