//! Why an opening was not counted.

use std::path::PathBuf;

use thiserror::Error;

/// Why an opening could not be taken or given. Nothing was revealed.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// All openings are used.
    #[error("all {openings} openings of the model commitment are used{}", at(path.as_ref()))]
    UsedUp {
        /// The ledger; none for a circuit that was never saved.
        path: Option<PathBuf>,
        /// Openings of the grant.
        openings: u64,
        /// Whether the table can be renewed with this grant.
        renewable: bool,
    },
    /// More openings are asked for than are left.
    #[error("{asked} openings are asked for, `{}` has {left} left", path.display())]
    TooFew {
        /// The ledger.
        path: PathBuf,
        /// Openings asked for.
        asked: u64,
        /// Openings left.
        left: u64,
    },
    /// There is no ledger, and this machine never saw one.
    #[error("there is no ledger `{}`, without which nothing tells how many openings are left", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The ledger is of another table.
    #[error("`{}` counts the openings of another model: {actual}, expected {expected}", path.display())]
    Foreign {
        /// The ledger.
        path: PathBuf,
        /// The key's table, in hex.
        expected: String,
        /// The ledger's table, in hex.
        actual: String,
    },
    /// The grant was used on another machine before.
    #[error("the openings of `{}` belong to another machine, which used them first", path.display())]
    OtherMachine {
        /// The ledger.
        path: PathBuf,
    },
    /// Another process keeps replacing the ledger.
    #[error("`{}` changes all the time: is it replaced by another process?", path.display())]
    Unsteady {
        /// The ledger.
        path: PathBuf,
    },
    /// The file that would be written is there.
    #[error("`{}` exists; a ledger is never overwritten by another grant", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no folder for this machine's own records.
    #[error("no folder for this machine's record of openings: neither VERITORCH_STATE nor XDG_STATE_HOME nor HOME is set")]
    NoState,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
    /// The weights are public.
    #[error("the weights are public: openings are neither counted nor limited")]
    Public,
    /// A commitment that covers one proof has none left after a renewal.
    #[error("a commitment for a single proof is not renewed: the renewal's own proof would use up the new one")]
    TooShort,
    /// The table was renewed before.
    #[error("this table was renewed before, which can be done once{}", at(path.as_ref()))]
    Renewed {
        /// The ledger; none for a circuit that was never saved.
        path: Option<PathBuf>,
    },
    /// The grant was split off and does not renew.
    #[error("the grant of `{}` was split off another one, which keeps the right to renew", path.display())]
    RenewedElsewhere {
        /// The ledger.
        path: PathBuf,
    },
}

fn at(path: Option<&PathBuf>) -> String {
    path.map_or(String::new(), |path| format!(" (`{}`)", path.display()))
}

impl LedgerError {
    /// What can be done about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        const SPLIT: &str = "on the machine that holds openings: `veritorch ledger split MODEL.vt --openings N -o OTHER.ledger`; \
                             then copy OTHER.ledger here as MODEL.vt.ledger";
        Some(match self {
            Self::UsedUp { renewable: true, .. } => "`veritorch renew MODEL.vt -o NEW.vt` makes a new table of the same weights, under the same identity",
            Self::UsedUp { .. } | Self::OtherMachine { .. } | Self::TooFew { .. } => SPLIT,
            Self::Missing { .. } => {
                "`compile` wrote it beside the .vt: bring it along, or split openings off it with `veritorch ledger split`"
            }
            Self::Foreign { .. } => "put the ledger that was written with this .vt in its place",
            Self::Exists { .. } => "choose another name",
            Self::NoState => "set VERITORCH_STATE to a folder that outlives this process",
            Self::Renewed { .. } => "renew the table that came out of it",
            Self::RenewedElsewhere { .. } => "renew where the other grant is",
            Self::TooShort => "compile with a longer `--lifetime`",
            Self::Unsteady { .. } | Self::NoRandomness | Self::Public => return None,
        })
    }
}
