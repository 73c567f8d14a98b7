//! A grant: the right to a number of openings of one committed table, and how many of them are gone.

use serde::{Deserialize, Serialize};

/// The right to renew a table, which exists once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewalRight {
    /// Another grant has it.
    Elsewhere,
    /// It is kept here.
    Kept,
    /// The table was renewed.
    Used,
}

/// A share of a table's openings. All counts only rise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Hash of the table's layout and root.
    pub table: [u8; 32],
    /// What tells this grant from the table's other ones: random.
    pub id: [u8; 16],
    /// Openings of the grant.
    pub openings: u64,
    /// How many of them are gone: used by proofs, or given away.
    pub used: u64,
    /// How many of those were given to other grants.
    pub given: u64,
    /// The right to renew the table.
    pub renewal: RenewalRight,
    /// The machine that the grant is bound to: none before its first use.
    pub machine: Option<[u8; 32]>,
}

impl Grant {
    /// A grant that nothing was taken of.
    pub(crate) fn new(table: [u8; 32], id: [u8; 16], openings: u64, renewal: RenewalRight) -> Self {
        Self { table, id, openings, used: 0, given: 0, renewal, machine: None }
    }

    /// Openings that are left.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.openings.saturating_sub(self.used)
    }

    /// Takes `count` openings, all or none.
    pub(crate) fn take(&mut self, count: u64) -> bool {
        let enough = count <= self.left();
        if enough {
            self.used += count;
        }
        enough
    }

    /// The later of two states of the same grant: a copy that was restored skips ahead.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.openings = self.openings.min(other.openings);
        self.used = self.used.max(other.used);
        self.given = self.given.max(other.given);
        self.renewal = self.renewal.max(other.renewal);
        self.machine = self.machine.or(other.machine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_rise() {
        let mut old = Grant::new([1; 32], [2; 16], 10, RenewalRight::Kept);
        let mut new = old.clone();
        assert!(new.take(4) && !new.take(7) && new.take(6));
        new.renewal = RenewalRight::Used;
        new.machine = Some([3; 32]);
        assert_eq!((new.left(), old.left()), (0, 10));
        old.merge(&new);
        assert_eq!(old, new);
        new.merge(&Grant::new([1; 32], [2; 16], 10, RenewalRight::Kept));
        assert_eq!(old, new);
    }
}
