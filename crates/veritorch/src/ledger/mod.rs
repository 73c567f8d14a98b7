//! The ledger: how many openings of a model commitment are left, counted before anything of a proof is revealed.
//!
//! The masks of a table cover a number of openings ([`veritorch_commitment::model`]). The file `MODEL.vt.ledger` holds a [`Grant`] of
//! them; the machine keeps a record of its own ([`state`]). To take an opening is, under the grant's lock: read both, go on
//! from the higher count, write both with the count raised, wait for the disk. Whatever happens afterwards, the opening is gone.
//! A grant is bound to the machine of its first use; [`Ledger::split`] makes grants for others.

mod counter;
mod error;
mod file;
mod grant;
mod state;

use std::path::{Path, PathBuf};

use veritorch_sumcheck::random::SecretRng;

pub use error::LedgerError;
pub use file::ledger_path;
pub use grant::{Grant, RenewalRight};

pub(crate) use counter::Counter;
pub(crate) use state::State;

use crate::inspect::hex;
use crate::{Error, artefact};

/// The ledger of one committed table.
#[derive(Clone, Debug)]
pub struct Ledger {
    path: PathBuf,
    table: [u8; 32],
    state: State,
}

impl Ledger {
    /// The ledger of a `.vt` whose table has this identity.
    pub(crate) fn of(model: &Path, table: [u8; 32]) -> Result<Self, Error> {
        Ok(Self { path: ledger_path(model), table, state: State::of_user()? })
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The grant as it stands: the later one of the file and of this machine's record.
    ///
    /// # Errors
    /// The ledger is missing and unknown, cannot be read, or is of another table.
    pub fn grant(&self) -> Result<Grant, Error> {
        let mut grant = match file::read(&self.path)? {
            Some(grant) => grant,
            None => self.state.best(&self.table)?.ok_or_else(|| LedgerError::Missing { path: self.path.clone() })?,
        };
        if grant.table != self.table {
            let (expected, actual) = (hex(&self.table), hex(&grant.table));
            return Err(LedgerError::Foreign { path: self.path.clone(), expected, actual }.into());
        }
        if let Some(record) = self.state.record(&grant)? {
            grant.merge(&record);
        }
        Ok(grant)
    }

    /// Whether the grant is bound to another machine than this one.
    ///
    /// # Errors
    /// This machine's id cannot be read or made.
    pub fn is_elsewhere(&self, grant: &Grant) -> Result<bool, Error> {
        let machine = self.state.machine()?;
        Ok(grant.machine.is_some_and(|bound| bound != machine))
    }

    /// Changes the grant under its lock; when this returns, the change is on the disk. A change that fails leaves it as it was.
    fn update(&self, change: impl FnOnce(&mut Grant) -> Result<(), LedgerError>) -> Result<Grant, Error> {
        const ATTEMPTS: usize = 100;
        for _ in 0..ATTEMPTS {
            let seen = self.grant()?;
            let _lock = self.state.lock(&seen)?;
            let mut grant = self.grant()?;
            if grant.id != seen.id {
                continue;
            }
            if self.is_elsewhere(&grant)? {
                return Err(LedgerError::OtherMachine { path: self.path.clone() }.into());
            }
            grant.machine = Some(self.state.machine()?);
            change(&mut grant)?;
            self.state.write(&grant)?;
            file::write(&self.path, &grant)?;
            return Ok(grant);
        }
        Err(LedgerError::Unsteady { path: self.path.clone() }.into())
    }

    /// Takes one opening for a proof.
    pub(crate) fn reserve(&self) -> Result<(), Error> {
        let change = |grant: &mut Grant| match grant.take(1) {
            true => Ok(()),
            false => Err(used_up(Some(&self.path), grant)),
        };
        self.update(change).map(|_| ())
    }

    /// Takes the opening that is kept for the renewal.
    pub(crate) fn reserve_renewal(&self) -> Result<(), Error> {
        let change = |grant: &mut Grant| match grant.renewal {
            RenewalRight::Kept => {
                grant.renewal = RenewalRight::Used;
                Ok(())
            }
            RenewalRight::Used => Err(LedgerError::Renewed { path: Some(self.path.clone()) }),
            RenewalRight::Elsewhere => Err(LedgerError::RenewedElsewhere { path: self.path.clone() }),
        };
        self.update(change).map(|_| ())
    }

    /// Gives `openings` to a new grant, written to a file that is not there yet. They are gone from this ledger before the new one
    /// exists. The new grant is bound to the machine that uses it first.
    ///
    /// # Errors
    /// There are not as many, the file exists or cannot be written, or this grant is of another machine.
    pub fn split(&self, openings: u64, other: &Path) -> Result<Grant, Error> {
        if openings == 0 {
            return Err(Error::Option { option: "openings", reason: "0, expected at least 1".to_owned() });
        }
        artefact::check_destination(other)?;
        if other.exists() {
            return Err(LedgerError::Exists { path: other.to_owned() }.into());
        }
        let new = Grant::new(self.table, random()?, openings, RenewalRight::Elsewhere);
        self.update(|grant| match grant.take(openings) {
            true => {
                grant.given = grant.given.saturating_add(openings);
                Ok(())
            }
            false => Err(LedgerError::TooFew { path: self.path.clone(), asked: openings, left: grant.left() }),
        })?;
        file::write(other, &new)?;
        Ok(new)
    }
}

/// The error for a grant without openings.
fn used_up(path: Option<&Path>, grant: &Grant) -> LedgerError {
    let renewable = grant.renewal == RenewalRight::Kept;
    LedgerError::UsedUp { path: path.map(Path::to_owned), openings: grant.openings, renewable }
}

/// Random bytes.
fn random<const N: usize>() -> Result<[u8; N], LedgerError> {
    let mut bytes = [0; N];
    SecretRng::from_os().map_err(|_| LedgerError::NoRandomness)?.fill(&mut bytes);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
