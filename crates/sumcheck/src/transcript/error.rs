//! Why a proof is refused while it is read.

use thiserror::Error;

/// Why a proof was refused while it was read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TranscriptError {
    /// The proof ends before the message does.
    #[error("proof ends inside message `{label}`: {needed} bytes needed, {left} left")]
    Truncated {
        /// Message.
        label: &'static str,
        /// Bytes that the message has.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A field element is not in canonical form.
    #[error("message `{label}`: element {index} is not a canonical field element")]
    NonCanonical {
        /// Message.
        label: &'static str,
        /// Position in the message, in base-field elements.
        index: usize,
    },
    /// An embedded proof is longer than it can be, or cannot be decoded.
    #[error("message `{label}` cannot be decoded: {reason}")]
    Malformed {
        /// Message.
        label: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Bytes follow the last message.
    #[error("{bytes} bytes follow the last message of the proof")]
    Trailing {
        /// Their number.
        bytes: usize,
    },
    /// A proof-of-work witness is wrong.
    #[error("proof of work for `{label}` is missing: {bits} bits asked for")]
    Grinding {
        /// What it stands before.
        label: &'static str,
        /// Bits asked for.
        bits: usize,
    },
    /// An equation of the verifier does not hold.
    #[error("check `{check}` failed")]
    Check {
        /// Name of the check.
        check: &'static str,
    },
    /// A product of two masked values of which one is not a message as it was received.
    #[error("a product of masked values needs two single messages, not combinations")]
    Product,
    /// More messages or products than can be counted.
    #[error("message `{label}`: more than 2^32 pads")]
    TooManyPads {
        /// Message.
        label: &'static str,
    },
    /// The protocol did not ask for the pads and products that its rehearsal asked for.
    #[error("{pads} pads and {products} products were used, where the rehearsal used {expected_pads} and {expected_products}")]
    Rehearsal {
        /// Pads used.
        pads: usize,
        /// Products used.
        products: usize,
        /// Pads of the rehearsal.
        expected_pads: usize,
        /// Products of the rehearsal.
        expected_products: usize,
    },
}
