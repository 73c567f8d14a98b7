//! Public noise: a tensor that is a function of the statement alone.
//!
//! A sample's entry `i` (row-major) takes word i of the stream of the sample's seed: BLAKE3's extended output, 32 bits little-endian each,
//! under the key that [`DOMAIN`] derives, of the seed's integers as 8 bytes little-endian each. A word `w` chooses a row of the
//! table of `2^n` rows by its leading zeros and the bits behind its highest one:
//!
//! ```text
//! z = min(leading zeros of w, 31)        row = z 2^(n-5) + the n - 5 bits behind bit 31 - z
//! ```
//!
//! so that rows for small words, which are the tail of a distribution, are as fine as all others. With `v = w / 2^32`, row `(z, m)` stands
//! for `v` in `[2^-(z+1) (1 + m 2^(5-n)), 2^-(z+1) (1 + (m+1) 2^(5-n)))`.

/// Domain of the streams.
pub const DOMAIN: &str = "veritorch 2026 noise v1";
/// Logarithm of the number of classes of leading zeros.
pub const LOG_OCTAVES: u32 = 5;

/// The row of a table of `2^log_len` rows that a word chooses; `log_len` is at least [`LOG_OCTAVES`].
#[must_use]
pub fn row(word: u32, log_len: u32) -> usize {
    let zeros = word.leading_zeros().min(31);
    let bits = log_len.saturating_sub(LOG_OCTAVES).min(31);
    let behind = (u64::from(word) << (zeros + 1)) & u64::from(u32::MAX);
    let row = (u64::from(zeros) << bits) | (behind >> (32 - bits));
    usize::try_from(row).unwrap_or(usize::MAX)
}

/// The middle of a row's interval of `v`; what tables are made of.
#[must_use]
pub fn middle(row: usize, log_len: u32) -> f64 {
    let bits = log_len.saturating_sub(LOG_OCTAVES);
    let (zeros, behind) = (row >> bits, row & ((1 << bits) - 1));
    let mantissa = 1.0 + (behind as f64 + 0.5) / (1u64 << bits) as f64;
    libm::ldexp(mantissa, -(i32::try_from(zeros).unwrap_or(31) + 1))
}

/// Words of a stream that are made at a time.
const BLOCK: usize = 1 << 12;

/// The first `len` entries of a seed's noise, one after the other.
pub fn noise<'a>(seed: &[i64], values: &'a [i32], len: usize) -> impl Iterator<Item = i64> + use<'a> {
    let mut hasher = blake3::Hasher::new_derive_key(DOMAIN);
    for word in seed {
        hasher.update(&word.to_le_bytes());
    }
    let mut stream = hasher.finalize_xof();
    let log_len = values.len().checked_ilog2().unwrap_or(0);
    let blocks = (0..len).step_by(BLOCK).map(move |start| BLOCK.min(len - start));
    blocks.flat_map(move |count| {
        let mut bytes = vec![0u8; 4 * count];
        stream.fill(&mut bytes);
        let (words, _) = bytes.as_chunks::<4>();
        let block: Vec<i64> = words
            .iter()
            .map(|word| values.get(row(u32::from_le_bytes(*word), log_len)).copied().unwrap_or(0).into())
            .collect();
        block
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_intervals_of_the_word() {
        for log_len in [5, 6, 13, 20] {
            let mut last = None;
            for word in [u32::MAX, u32::MAX - 1, 0xc000_0000, 0x8000_0001, 0x8000_0000, 0x7fff_ffff, 0x4000_0000, 12345, 3, 2] {
                let row = row(word, log_len);
                assert!(row < 1 << log_len, "{word:#x}");
                let (v, width) = (f64::from(word) / 4_294_967_296.0, middle(row, log_len) / f64::from(1u32 << (log_len - 5)));
                assert!((middle(row, log_len) - v).abs() <= width, "{word:#x}: {v} in row {row}");
                assert!(last.is_none_or(|last| middle(row, log_len) <= last));
                last = Some(middle(row, log_len));
            }
            assert_eq!(row(0, log_len), row(1, log_len));
        }
    }

    #[test]
    fn streams_are_known() {
        let values: Vec<i32> = (0..1 << 13).collect();
        let first: Vec<i64> = noise(&[1, 2, 3, 4], &values, 4).collect();
        let long: Vec<i64> = noise(&[1, 2, 3, 4], &values, 10_000).collect();
        assert_eq!(first, long[..4]);
        assert_eq!(long.len(), 10_000);
        // The second verifier has the same numbers in its tests.
        assert_eq!(first, [1505, 51, 108, 1390]);
        assert_ne!(first, noise(&[1, 2, 3, 5], &values, 4).collect::<Vec<_>>());
        assert_eq!(noise(&[], &values, 0).count(), 0);
    }
}
