//! The importer on small files written byte by byte.

mod bytes;
mod hostile;
mod masks;
mod types;
