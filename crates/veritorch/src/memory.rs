//! Memory: what proving takes, estimated beforehand, and the process's greatest resident memory, from Linux's `/proc`.

use std::fs;

use veritorch_graph::segments::Demand;

/// Bytes of the prover per unit of a circuit's demand: estimates from what is kept of each; rather too many than too few.
mod bytes {
    /// Values, cells, code word, the opening's weights.
    pub(super) const CELL: u64 = 64;
    /// Values of tensors that are not committed.
    pub(super) const ENTRY: u64 = 10;
    /// Mapped weights, the committed matrix, and what combines its rows.
    pub(super) const WEIGHT: u64 = 4;
    /// Encoded rows and their tree.
    pub(super) const BOUNDARY: u64 = 200;
    /// Tables, multiplicities, the program.
    pub(super) const FIXED: u64 = 48 << 20;
}

/// Bytes that proving takes, roughly.
#[must_use]
pub(crate) fn estimate(demand: Demand) -> u64 {
    let Demand { cells, entries, weights, boundary } = demand;
    let parts = [(cells, bytes::CELL), (entries, bytes::ENTRY), (weights, bytes::WEIGHT), (boundary, bytes::BOUNDARY)];
    parts.iter().fold(bytes::FIXED, |total, (count, each)| total.saturating_add(count.saturating_mul(*each)))
}

/// Greatest resident memory since the start, or since [`reset_peak`]; `None` where the system does not tell.
#[must_use]
pub(crate) fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Starts the measurement of [`peak_bytes`] anew, where the system allows it.
pub(crate) fn reset_peak() {
    // `5` resets the high water mark [proc_pid_clear_refs(5)]; elsewhere the peak stays that of the whole process.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_peak_follows_what_is_used() {
        let before = peak_bytes().unwrap();
        let block = vec![1u8; 64 << 20];
        assert!(block.iter().map(|&byte| u64::from(byte)).sum::<u64>() == 64 << 20);
        assert!(peak_bytes().unwrap() >= before + (32 << 20));
    }
}
