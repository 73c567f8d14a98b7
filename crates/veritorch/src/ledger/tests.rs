//! Ledgers that are copied, restored, lost, damaged, split and shared.

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::*;

const TABLE: [u8; 32] = [9; 32];

/// A machine with a `.vt` of its own and the ledger that `compile` writes.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        fs::write(machine.path("id"), hex(&random::<16>().unwrap())).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ledger(&self, name: &str) -> Ledger {
        let state = State::at(self.path("state"), self.path("id")).unwrap();
        Ledger { path: self.path(name), table: TABLE, state }
    }

    fn compiled(openings: u64) -> (Self, Ledger) {
        let machine = Self::new();
        let ledger = machine.ledger("a.vt.ledger");
        file::write(&ledger.path, &Grant::new(TABLE, random().unwrap(), openings, RenewalRight::Kept)).unwrap();
        (machine, ledger)
    }
}

fn ledger_error(result: Result<(), Error>) -> LedgerError {
    match result.unwrap_err() {
        Error::Ledger(error) => error,
        error => panic!("{error}"),
    }
}

#[test]
fn openings_are_counted_until_none_is_left() {
    let (_machine, ledger) = Machine::compiled(2);
    for left in [1, 0] {
        ledger.reserve().unwrap();
        assert_eq!(ledger.grant().unwrap().left(), left);
    }
    let error = ledger_error(ledger.reserve());
    assert!(matches!(error, LedgerError::UsedUp { openings: 2, renewable: true, .. }), "{error}");
    assert!(error.hint().unwrap().contains("veritorch renew"));
    ledger.reserve_renewal().unwrap();
    assert!(matches!(ledger_error(ledger.reserve_renewal()), LedgerError::Renewed { .. }));
    assert!(matches!(ledger_error(ledger.reserve()), LedgerError::UsedUp { renewable: false, .. }));
}

#[test]
fn a_restored_copy_skips_ahead() {
    let (_machine, ledger) = Machine::compiled(5);
    let copy = fs::read(&ledger.path).unwrap();
    for _ in 0..3 {
        ledger.reserve().unwrap();
    }
    ledger.reserve_renewal().unwrap();
    fs::write(&ledger.path, copy).unwrap();
    assert_eq!(ledger.grant().unwrap().left(), 2);
    ledger.reserve().unwrap();
    assert_eq!(file::read(&ledger.path).unwrap().unwrap().used, 4);
    assert!(ledger.reserve_renewal().is_err());
}

#[test]
fn two_copies_on_one_machine_share_one_count() {
    let (machine, ledger) = Machine::compiled(3);
    let other = machine.ledger("b.vt.ledger");
    fs::copy(&ledger.path, &other.path).unwrap();
    ledger.reserve().unwrap();
    other.reserve().unwrap();
    ledger.reserve().unwrap();
    assert!(other.reserve().is_err());
}

#[test]
fn a_grant_belongs_to_the_machine_that_uses_it_first() {
    let (_machine, ledger) = Machine::compiled(3);
    let other = Machine::new();
    // Nothing was used: the grant may move.
    let moved = other.ledger("a.vt.ledger");
    fs::rename(&ledger.path, &moved.path).unwrap();
    moved.reserve().unwrap();
    let third = Machine::new();
    let copied = third.ledger("a.vt.ledger");
    fs::copy(&moved.path, &copied.path).unwrap();
    let error = ledger_error(copied.reserve());
    assert!(matches!(error, LedgerError::OtherMachine { .. }) && error.hint().unwrap().contains("ledger split"));
    assert_eq!(moved.grant().unwrap().left(), 2);
}

#[test]
fn a_split_grant_is_gone_here_and_good_elsewhere() {
    let (machine, ledger) = Machine::compiled(5);
    let out = machine.path("other.ledger");
    ledger.split(2, &out).unwrap();
    assert_eq!((ledger.grant().unwrap().left(), ledger.grant().unwrap().given), (3, 2));
    assert!(matches!(ledger.split(1, &out), Err(Error::Ledger(LedgerError::Exists { .. }))));
    let too_few = ledger.split(4, &machine.path("more.ledger"));
    assert!(matches!(too_few, Err(Error::Ledger(LedgerError::TooFew { asked: 4, left: 3, .. }))));
    assert_eq!(ledger.grant().unwrap().left(), 3);
    let other = Machine::new();
    let theirs = other.ledger("a.vt.ledger");
    fs::rename(&out, &theirs.path).unwrap();
    theirs.reserve().unwrap();
    theirs.reserve().unwrap();
    assert!(matches!(ledger_error(theirs.reserve()), LedgerError::UsedUp { renewable: false, .. }));
    assert!(matches!(ledger_error(theirs.reserve_renewal()), LedgerError::RenewedElsewhere { .. }));
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_record_and_never_from_nothing() {
    let (_machine, ledger) = Machine::compiled(4);
    let copy = fs::read(&ledger.path).unwrap();
    fs::remove_file(&ledger.path).unwrap();
    assert!(matches!(ledger_error(ledger.reserve()), LedgerError::Missing { .. }));
    fs::write(&ledger.path, copy).unwrap();
    ledger.reserve().unwrap();
    fs::remove_file(&ledger.path).unwrap();
    ledger.reserve().unwrap();
    assert_eq!(file::read(&ledger.path).unwrap().unwrap().left(), 2);
}

#[test]
fn damage_is_an_error_and_never_a_reset() {
    let (_machine, ledger) = Machine::compiled(4);
    ledger.reserve().unwrap();
    let bytes = fs::read(&ledger.path).unwrap();
    for len in 0..bytes.len() {
        fs::write(&ledger.path, &bytes[..len]).unwrap();
        assert!(ledger.reserve().is_err(), "cut at {len}");
        assert_eq!(fs::read(&ledger.path).unwrap(), &bytes[..len]);
    }
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1;
        fs::write(&ledger.path, &flipped).unwrap();
        assert!(ledger.reserve().is_err(), "byte {index}");
    }
    let foreign = Grant::new([8; 32], [1; 16], 100, RenewalRight::Kept);
    file::write(&ledger.path, &foreign).unwrap();
    assert!(matches!(ledger_error(ledger.reserve()), LedgerError::Foreign { .. }));
    fs::write(&ledger.path, bytes).unwrap();
    assert_eq!(ledger.grant().unwrap().left(), 3);
}

#[test]
fn threads_never_share_an_opening() {
    let (_machine, ledger) = Machine::compiled(20);
    let ledger = Arc::new(ledger);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            std::thread::spawn(move || (0..8).filter(|_| ledger.reserve().is_ok()).count())
        })
        .collect();
    let taken: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!((taken, ledger.grant().unwrap().left()), (20, 0));
}

#[test]
fn a_machine_without_an_id_makes_its_own() {
    let machine = Machine::new();
    fs::write(machine.path("id"), "uninitialized\n").unwrap();
    let state = State::at(machine.path("state"), machine.path("id")).unwrap();
    let own = state.machine().unwrap();
    assert_eq!(State::at(machine.path("state"), machine.path("id")).unwrap().machine().unwrap(), own);
    assert_ne!(State::at(machine.path("other"), machine.path("id")).unwrap().machine().unwrap(), own);
}

#[cfg(unix)]
#[test]
fn ledgers_and_records_are_their_owners() {
    use std::os::unix::fs::PermissionsExt;
    let (machine, ledger) = Machine::compiled(4);
    ledger.reserve().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&ledger.path), mode(&machine.path("state"))), (0o600, 0o700));
    for entry in fs::read_dir(machine.path("state")).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn counting_in_memory_ends_too_and_goes_on_in_the_file() {
    use veritorch_prove::Openings;
    let machine = Machine::new();
    let model = machine.path("a.vt");
    let counter = Counter::in_memory(TABLE, 3).unwrap();
    counter.reserve().unwrap();
    assert_eq!(counter.left().unwrap(), Some(2));
    counter.save_beside(&model).unwrap();
    assert_eq!(file::read(&ledger_path(&model)).unwrap().unwrap().left(), 2);
    let other = Counter::in_memory(TABLE, 1).unwrap();
    other.reserve().unwrap();
    let error = *other.reserve().unwrap_err().downcast::<Error>().unwrap();
    assert!(matches!(error, Error::Ledger(LedgerError::UsedUp { path: None, openings: 1, .. })));
    assert_eq!(Counter::in_memory(TABLE, 0).unwrap().left().unwrap(), None);
}
