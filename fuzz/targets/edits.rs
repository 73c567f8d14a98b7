//! Damages a valid file as the fuzzer says, so that it starts behind the first length check.

/// Applies records of six bytes: three of position, one of operation, two of operand.
pub fn edit(mut bytes: Vec<u8>, script: &[u8]) -> Vec<u8> {
    for record in script.chunks_exact(6) {
        let position = usize::from(record[0]) | usize::from(record[1]) << 8 | usize::from(record[2]) << 16;
        let position = position % bytes.len().max(1);
        let (value, run) = (record[4], usize::from(record[5]));
        let end = (position + run).min(bytes.len());
        match record[3] % 6 {
            0 => {
                if let Some(byte) = bytes.get_mut(position) {
                    *byte ^= value;
                }
            }
            1 => bytes[position.min(end)..end].fill(value),
            2 => {
                bytes.drain(position.min(end)..end);
            }
            3 => {
                bytes.splice(position..position, std::iter::repeat_n(value, run));
            }
            4 => bytes.truncate(position),
            _ => {
                let copy = bytes[position.min(end)..end].to_vec();
                bytes.extend(copy);
            }
        }
    }
    bytes
}
