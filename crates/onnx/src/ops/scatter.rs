//! Scatter: ScatterElements under the name that it had before operator set 11.

pub(super) use super::scatter_elements::lower;
