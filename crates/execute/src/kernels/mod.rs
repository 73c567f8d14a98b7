//! Sums of small integers times elements of the Goldilocks field, `p = 2^64 - 2^32 + 1`, on canonical `u64` values.
