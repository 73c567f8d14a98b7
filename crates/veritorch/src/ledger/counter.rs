//! Who counts the openings of a circuit that is in memory.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use veritorch_prove::Openings;

use super::grant::{Grant, RenewalRight};
use super::{Ledger, LedgerError, file, ledger_path, random, used_up};
use crate::Error;

/// Counts in memory until the circuit is saved or where it was loaded from, in the ledger from then on.
#[derive(Debug)]
pub(crate) struct Counter {
    table: [u8; 32],
    place: Mutex<Place>,
}

#[derive(Debug)]
enum Place {
    /// The weights are public.
    Nowhere,
    /// The circuit was never saved.
    Memory(Grant),
    /// Beside this `.vt`.
    Beside(PathBuf),
}

impl Counter {
    /// For a table that was made just now, whose masks cover this many proofs; 0 for public weights.
    pub(crate) fn in_memory(table: [u8; 32], openings: u64) -> Result<Self, LedgerError> {
        let place = match openings {
            0 => Place::Nowhere,
            _ => Place::Memory(Grant::new(table, random()?, openings, RenewalRight::Kept)),
        };
        Ok(Self { table, place: Mutex::new(place) })
    }

    /// For commitments to tensors that were made just now; they are not renewed.
    pub(crate) fn of_tensors(table: [u8; 32], openings: u64) -> Result<Self, LedgerError> {
        let grant = Grant::new(table, random()?, openings, RenewalRight::Elsewhere);
        Ok(Self { table, place: Mutex::new(Place::Memory(grant)) })
    }

    /// For a circuit that was loaded.
    pub(crate) fn beside(table: [u8; 32], model: &Path, is_public: bool) -> Self {
        let place = if is_public { Place::Nowhere } else { Place::Beside(absolute(model)) };
        Self { table, place: Mutex::new(place) }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> Result<Option<Ledger>, Error> {
        match &*self.place() {
            Place::Nowhere => Err(LedgerError::Public.into()),
            Place::Memory(_) => Ok(None),
            Place::Beside(model) => Ledger::of(model, self.table).map(Some),
        }
    }

    /// Openings that are left; none where they are not limited.
    pub(crate) fn left(&self) -> Result<Option<u64>, Error> {
        match &*self.place() {
            Place::Nowhere => Ok(None),
            Place::Memory(grant) => Ok(Some(grant.left())),
            Place::Beside(model) => Ok(Some(Ledger::of(model, self.table)?.grant()?.left())),
        }
    }

    /// Puts the ledger beside a `.vt` that is being saved, and counts there if it was counted in memory so far.
    pub(crate) fn save_beside(&self, model: &Path) -> Result<(), Error> {
        let mut place = self.place();
        let grant = match &*place {
            Place::Nowhere => return Ok(()),
            Place::Memory(grant) => grant.clone(),
            Place::Beside(old) if ledger_path(old) == ledger_path(model) => return Ok(()),
            Place::Beside(old) => Ledger::of(old, self.table)?.grant()?,
        };
        file::write(&ledger_path(model), &grant)?;
        if matches!(*place, Place::Memory(_)) {
            *place = Place::Beside(absolute(model));
        }
        Ok(())
    }

    fn take(&self) -> Result<(), Error> {
        let mut place = self.place();
        let ledger = match &mut *place {
            Place::Nowhere => return Err(LedgerError::Public.into()),
            Place::Memory(grant) => {
                let taken = grant.take(1);
                return if taken { Ok(()) } else { Err(used_up(None, grant).into()) };
            }
            Place::Beside(model) => Ledger::of(model, self.table)?,
        };
        // Proofs on other threads of this process wait at the ledger's own lock.
        drop(place);
        ledger.reserve()
    }

    fn take_renewal(&self) -> Result<(), Error> {
        let mut place = self.place();
        let ledger = match &mut *place {
            Place::Nowhere => return Err(LedgerError::Public.into()),
            Place::Memory(grant) if grant.renewal == RenewalRight::Kept => {
                grant.renewal = RenewalRight::Used;
                return Ok(());
            }
            Place::Memory(_) => return Err(LedgerError::Renewed { path: None }.into()),
            Place::Beside(model) => Ledger::of(model, self.table)?,
        };
        drop(place);
        ledger.reserve_renewal()
    }

    /// Who counts the opening that is kept for the renewal.
    pub(crate) fn for_renewal(&self) -> ForRenewal<'_> {
        ForRenewal(self)
    }
}

/// A path that stays right when the process changes its folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Openings for Counter {
    fn reserve(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.take()?)
    }
}

/// The one opening of a table that is kept for its renewal.
pub(crate) struct ForRenewal<'a>(&'a Counter);

impl Openings for ForRenewal<'_> {
    fn reserve(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.take_renewal()?)
    }
}
