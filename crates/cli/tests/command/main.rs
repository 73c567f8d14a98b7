//! The `veritorch` command from outside: what it writes, prints and returns.

mod folder;
mod hostile;
mod ledger;
mod linked;
mod support;
mod verbs;
