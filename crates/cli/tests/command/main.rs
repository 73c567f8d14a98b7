//! The `veritorch` command from outside: what it writes, prints and returns.

mod hostile;
mod support;
mod verbs;
