//! The soundness error of an opening, term by term.

/// Bits asked of every term of the soundness error, and how many of them the prover's work may supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityLevel {
    /// Each term of the error is at most `2^-bits`.
    pub bits: usize,
    /// Zero bits that a proof of work before a query phase shows.
    pub grinding: usize,
}

impl Default for SecurityLevel {
    /// 104 bits per term, so that the sum of a proof's terms stays above 100.
    fn default() -> Self {
        Self { bits: 104, grinding: 12 }
    }
}

/// One term of the soundness error.
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityTerm {
    /// What can go wrong.
    pub name: String,
    /// `-log2` of its probability, work included.
    pub bits: f64,
}

impl SecurityTerm {
    /// A term.
    #[must_use]
    pub fn new(name: impl Into<String>, bits: f64) -> Self {
        Self { name: name.into(), bits }
    }
}

/// `-log2` of the sum of the terms' probabilities.
#[must_use]
pub fn total_bits(terms: &[SecurityTerm]) -> f64 {
    -terms.iter().map(|term| (-term.bits).exp2()).sum::<f64>().log2()
}
