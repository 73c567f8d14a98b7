//! Whether proofs speak of the same committed tensor.
//!
//! Two ports are linked if their commitments have one identity, a hash of layout and root: then both proofs open one Merkle tree, and
//! both speak of the same integers. Their scales must agree as well, or one model would read the integers in other units than the
//! other wrote them in.

use super::{Commitment, PortCommitment, Side};
use crate::{Error, Verification};

/// Two ports that carry the same committed tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The first proof's port.
    pub from: PortCommitment,
    /// The second proof's port.
    pub to: PortCommitment,
    /// Name of the second proof's model.
    pub model: String,
}

/// Checks that a port of one verified proof carries the same tensor as a port of another.
///
/// # Errors
/// [`Error::Link`] naming what differs; [`Error::Option`] where a port is not committed or a name is needed.
pub fn check_link(
    first: &Verification,
    (side, name): (Side, Option<&str>),
    second: &Verification,
    (other_side, other_name): (Side, Option<&str>),
) -> Result<Link, Error> {
    let from = first.committed(side, name)?;
    let to = second.committed(other_side, other_name)?;
    let differs = |reason: String| Error::Link {
        first: format!("{} `{}` of `{}`", from.side, from.name, first.model),
        second: format!("{} `{}` of `{}`", to.side, to.name, second.model),
        reason,
    };
    if from.identity != to.identity {
        return Err(differs(format!("the commitments differ: {} and {}", from.identity, to.identity)));
    }
    if from.scale != to.scale {
        return Err(differs(format!("the scales differ: {:?} and {:?}", from.scale, to.scale)));
    }
    Ok(Link { from: from.clone(), to: to.clone(), model: second.model.clone() })
}

/// Checks that all committed ports on one side of a verified proof are those of a `.commitment` file, by name where there are
/// several.
///
/// # Errors
/// [`Error::Link`] naming what differs; [`Error::Option`] where the side is not committed.
pub fn check_expected(verification: &Verification, side: Side, expected: &Commitment) -> Result<(), Error> {
    let ports: Vec<&PortCommitment> = verification.commitments.iter().filter(|port| port.side == side).collect();
    if ports.is_empty() {
        verification.committed(side, None)?;
    }
    let arrays: Vec<_> = expected.identities().collect();
    let only = ports.len() == 1 && arrays.len() == 1;
    for port in ports {
        let differs = |reason: String| Error::Link {
            first: format!("{side} `{}` of `{}`", port.name, verification.model),
            second: "the commitment given".to_owned(),
            reason,
        };
        let Some((array, identity)) = arrays.iter().find(|(array, _)| only || array.name == port.name) else {
            return Err(differs("it has no array of this name".to_owned()));
        };
        if *identity != port.identity {
            return Err(differs(format!("the commitments differ: {} and {identity}", port.identity)));
        }
        if array.scale != port.scale {
            return Err(differs(format!("the scales differ: {:?} and {:?}", port.scale, array.scale)));
        }
    }
    Ok(())
}
