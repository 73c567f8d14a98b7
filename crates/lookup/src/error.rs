//! What can go wrong: a statement that makes no sense, a witness that is not in its table, a proof that is refused.

use thiserror::Error;
use veritorch_sumcheck::TranscriptError;

/// Errors of the lookup argument.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The statement itself is malformed; nothing can be proved or verified for it.
    #[error("lookup statement: {reason}")]
    Statement {
        /// What is wrong, with the table's or lookup's position.
        reason: String,
    },
    /// A column handed to the prover does not have the extent that the statement gives.
    #[error("lookup {lookup}, column {column}: expected {expected} entries, got {actual}")]
    ColumnLength {
        /// Position of the lookup.
        lookup: usize,
        /// Position of the column; the number of columns if that is what differs.
        column: usize,
        /// Entries that the statement gives.
        expected: usize,
        /// Entries handed over.
        actual: usize,
    },
    /// A multiplicity vector does not have one count per row.
    #[error("multiplicities of table {table}: expected {expected} counts, got {actual}")]
    MultiplicityLength {
        /// Position of the table.
        table: usize,
        /// Rows of the table, 0 if no lookup uses it.
        expected: usize,
        /// Counts handed over.
        actual: usize,
    },
    /// A value is not in its table, so no proof exists.
    #[error("lookup {lookup}: entry {entry} is {values:?}, which is no row of table {table}")]
    OutsideTable {
        /// Position of the lookup.
        lookup: usize,
        /// Row-major index of the entry.
        entry: usize,
        /// The tuple.
        values: Vec<i64>,
        /// Position of the table.
        table: usize,
    },
    /// A challenge fell on a value, or on zero where it is divided by: probability below `leaves / |E|`. Prove again with
    /// fresh randomness.
    #[error("a challenge hit a pole of the lookup fractions")]
    Unlucky,
    /// A proof was refused.
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
}
