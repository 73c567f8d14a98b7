//! `--link output=input:OTHER.vk:OTHER.proof`: a committed tensor that two proofs share.

use std::path::PathBuf;

use serde_json::{Value, json};
use veritorch::commitment::{Link, PortCommitment, Side, check_link};
use veritorch::{Error, Proof, Verification, Verifier};

use crate::failure::Failure;

/// A link that is asked for.
pub(crate) struct Asked {
    from: End,
    to: End,
    key: PathBuf,
    proof: PathBuf,
}

struct End {
    side: Side,
    name: Option<String>,
}

impl Asked {
    /// Reads `SIDE[.NAME]=SIDE[.NAME]:KEY:PROOF`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let unreadable = || Failure::usage("--link", format!("`{text}`, expected output=input:OTHER.vk:OTHER.proof"));
        let (from, rest) = text.split_once('=').ok_or_else(unreadable)?;
        let (to, files) = rest.split_once(':').ok_or_else(unreadable)?;
        let (key, proof) = files.rsplit_once(':').filter(|(key, proof)| !key.is_empty() && !proof.is_empty()).ok_or_else(unreadable)?;
        let end = |text: &str| {
            let (side, name) = text.split_once('.').map_or((text, None), |(side, name)| (side, Some(name.to_owned())));
            let side = [Side::Input, Side::Output].into_iter().find(|known| known.name() == side).ok_or_else(unreadable)?;
            Ok::<_, Failure>(End { side, name })
        };
        Ok(Self { from: end(from)?, to: end(to)?, key: key.into(), proof: proof.into() })
    }

    /// Verifies the other proof and compares.
    pub(crate) fn check(&self, verification: &Verification) -> Result<Checked, Error> {
        let verifier = Verifier::load(&self.key)?;
        let other = Proof::load(&self.proof).and_then(|proof| verifier.verify(&proof)).map_err(|error| match error.exit_code() {
            1 => Error::Link {
                first: format!("`{}`", verification.model),
                second: format!("`{}`", self.proof.display()),
                reason: format!("the second proof is refused: {error}"),
            },
            _ => error,
        })?;
        let end = |end: &End| (end.side, end.name.clone());
        let ((side, name), (other_side, other_name)) = (end(&self.from), end(&self.to));
        let link = check_link(verification, (side, name.as_deref()), &other, (other_side, other_name.as_deref()))?;
        Ok(Checked { link, other })
    }
}

/// A link that holds.
pub(crate) struct Checked {
    link: Link,
    other: Verification,
}

impl Checked {
    /// One line.
    pub(crate) fn to_text(&self, model: &str) -> String {
        let Link { from, to, model: other } = &self.link;
        format!(
            "linked            {} `{}` of `{model}` is {} `{}` of `{other}`, whose proof is valid: {}\n",
            from.side, from.name, to.side, to.name, from.identity
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        let end = |port: &PortCommitment| json!({ "side": port.side.name(), "name": port.name });
        json!({
            "from": end(&self.link.from),
            "to": end(&self.link.to),
            "identity": self.link.from.identity,
            "model": self.other.model,
            "circuit_digest": self.other.circuit_digest,
            "model_commitment": self.other.model_commitment,
            "statement": self.other.to_string(),
        })
    }
}

/// Committed ports of a proof.
pub(crate) fn commitments_to_json(verification: &Verification) -> Vec<Value> {
    let row = |port: &PortCommitment| json!({ "side": port.side.name(), "name": port.name, "identity": port.identity, "scale": port.scale });
    verification.commitments.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read() {
        let link = Asked::parse("output.y.1=input:dir/b.vk:b.proof").ok().unwrap();
        assert_eq!((link.from.side, link.from.name.as_deref()), (Side::Output, Some("y.1")));
        assert_eq!((link.to.side, link.to.name), (Side::Input, None));
        assert_eq!((link.key, link.proof), (PathBuf::from("dir/b.vk"), PathBuf::from("b.proof")));
        for bad in ["", "output", "output=input", "output=input:b.vk", "weights=input:b.vk:b.proof", "output=input::b.proof"] {
            assert!(Asked::parse(bad).is_err(), "{bad}");
        }
    }
}
