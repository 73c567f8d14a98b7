//! How the parts of a proof, and of a renewal, stand one after the other.
//!
//! For each segment: some roots, a length (u64), as many bytes.

/// Bytes of a root.
const ROOT_LEN: usize = 32;

/// Puts a segment's part behind the others.
pub(super) fn put(bytes: &mut Vec<u8>, roots: &[[u8; ROOT_LEN]], part: &[u8]) {
    bytes.extend(roots.as_flattened());
    bytes.extend((part.len() as u64).to_le_bytes());
    bytes.extend(part);
}

/// Takes a segment's roots, of which there are `num_roots`, and its part off the front; `None` if the bytes end before.
pub(super) fn take<'a>(bytes: &mut &'a [u8], num_roots: usize) -> Option<(Vec<[u8; ROOT_LEN]>, &'a [u8])> {
    let mut roots = Vec::new();
    for _ in 0..num_roots {
        roots.push(*bytes.split_off(..ROOT_LEN)?.as_array()?);
    }
    let len = u64::from_le_bytes(*bytes.split_off(..8)?.as_array()?);
    Some((roots, bytes.split_off(..usize::try_from(len).ok()?)?))
}
