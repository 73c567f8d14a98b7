//! Sums of products of unsigned and signed bytes by `vpdpbusd` (four products per 32-bit lane).

/// Rows whose bytes share a lane.
pub(crate) const GROUP: usize = 4;

/// Columns of a block.
pub(crate) const COLUMNS: usize = 256;

/// Groups of rows that are interleaved at a time.
const GROUPS: usize = 16;

/// Rows of [`dot_bytes`].
pub(crate) const TRIPLE: usize = 3;

/// Which column of the block lane `lane` of vector `vector` stands for, in the order that interleaving gives.
#[inline(always)]
pub(crate) fn column(vector: usize, lane: usize) -> usize {
    vector / 4 * 64 + lane / 4 * 16 + vector % 4 * 4 + lane % 4
}

/// `lanes[(vector * num_limbs + limb) * 16 + lane] = sum_r limbs[r / 4][limb][r % 4] * rows[r][start + column]` for the
/// columns of `start .. end`; see [`column`]. At most `2^16` rows, so that nothing overflows.
///
/// # Panics
/// If a slice is too short for the others, `end - start > COLUMNS` or `num_limbs` is no multiple of 8.
pub(crate) fn accumulate_rows(
    rows: &[&[i8]],
    start: usize,
    end: usize,
    limbs: &[u8],
    num_limbs: usize,
    lanes: &mut [i32],
) {
    assert!(start <= end && end - start <= COLUMNS && num_limbs.is_multiple_of(8), "at most one block of columns");
    assert!(rows.len() <= 1 << 16 && rows.iter().all(|row| end <= row.len()), "columns leave a row");
    assert!(limbs.len() >= rows.len().div_ceil(GROUP) * num_limbs * GROUP, "limbs for every group of rows");
    assert!(lanes.len() >= num_limbs * COLUMNS, "lanes for every limb and column");
    lanes.fill(0);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
    {
        // SAFETY: the instructions were detected; the assertions above are the function's conditions.
        unsafe { avx512::accumulate_rows(rows, start, end, limbs, num_limbs, lanes) };
        return;
    }
    accumulate_portably(rows, start, end, limbs, num_limbs, lanes);
}

fn accumulate_portably(
    rows: &[&[i8]],
    start: usize,
    end: usize,
    limbs: &[u8],
    num_limbs: usize,
    lanes: &mut [i32],
) {
    for (r, row) in rows.iter().enumerate() {
        let mut weights = [0i32; COLUMNS];
        weights.iter_mut().zip(&row[start..end]).for_each(|(weight, &w)| *weight = i32::from(w));
        for vector in 0..COLUMNS / 16 {
            let weights: [i32; 16] = std::array::from_fn(|lane| weights[column(vector, lane)]);
            for limb in 0..num_limbs {
                let byte = i32::from(limbs[(r / GROUP * num_limbs + limb) * GROUP + r % GROUP]);
                let lanes = &mut lanes[(vector * num_limbs + limb) * 16..][..16];
                lanes.iter_mut().zip(&weights).for_each(|(lane, weight)| *lane += byte * weight);
            }
        }
    }
}

/// `sums[r][b] = sum_i planes[b * (planes.len() / 8) + i] * rows[r][i]` for up to three rows of at most `2^16` entries.
///
/// # Panics
/// If there are more than three rows, or a plane is not the row's length rounded up to 64.
pub(crate) fn dot_bytes(rows: &[&[i8]], planes: &[u8]) -> [[i32; 8]; TRIPLE] {
    let stride = planes.len() / 8;
    assert!(rows.len() <= TRIPLE && stride <= 1 << 16, "at most three rows whose sums fit 32 bits");
    assert!(rows.iter().all(|row| row.len().next_multiple_of(64) == stride), "planes of the rows' length");
    let Some(&first) = rows.first() else { return [[0; 8]; TRIPLE] };
    assert!(rows.iter().all(|row| row.len() == first.len()), "rows of one length");
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
    {
        let row = |r: usize| *rows.get(r).unwrap_or(&first);
        // SAFETY: the instructions were detected; rows have one length and planes that length rounded up to 64.
        return unsafe { avx512::dot_bytes([row(0), row(1), row(2)], planes, stride) };
    }
    dot_portably(rows, planes)
}

fn dot_portably(rows: &[&[i8]], planes: &[u8]) -> [[i32; 8]; TRIPLE] {
    let mut sums = [[0; 8]; TRIPLE];
    for (row, sums) in rows.iter().zip(&mut sums) {
        for (sum, plane) in sums.iter_mut().zip(planes.chunks_exact((planes.len() / 8).max(1))) {
            *sum = row.iter().zip(plane).map(|(&w, &b)| i32::from(w) * i32::from(b)).sum();
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{COLUMNS, GROUP, GROUPS, TRIPLE};

    /// Vectors of sixteen columns in a block.
    const VECTORS: usize = COLUMNS / 16;

    /// # Safety
    /// `start <= end <= rows[r].len()`, `end - start <= COLUMNS`, `num_limbs` a multiple of 8, `limbs` of
    /// `num_limbs * GROUP` bytes per group of rows, `lanes` of `num_limbs * COLUMNS` entries.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) unsafe fn accumulate_rows(
        rows: &[&[i8]],
        start: usize,
        end: usize,
        limbs: &[u8],
        num_limbs: usize,
        lanes: &mut [i32],
    ) {
        let mut packed = [_mm512_setzero_si512(); GROUPS * VECTORS];
        for (batch, rows) in rows.chunks(GROUPS * GROUP).enumerate() {
            let num_groups = rows.len().div_ceil(GROUP);
            for (group, rows) in rows.chunks(GROUP).enumerate() {
                // SAFETY: `start <= end <= row.len()` for every row.
                unsafe { interleave(rows, start, end, &mut packed[group * VECTORS..][..VECTORS]) };
            }
            let limbs = &limbs[batch * GROUPS * num_limbs * GROUP..][..num_groups * num_limbs * GROUP];
            for vector in (0..(end - start).div_ceil(64) * 4).step_by(2) {
                for limb in (0..num_limbs).step_by(8) {
                    // SAFETY: `vector + 1 < VECTORS` and `limb + 7 < num_limbs`, for which `limbs` holds every group.
                    unsafe { multiply(&packed, num_groups, vector, limbs, limb, num_limbs, lanes) };
                }
            }
        }
    }

    /// Bytes of four rows side by side, sixteen columns per vector, in the order of [`super::column`].
    ///
    /// # Safety
    /// `start <= end <= row.len()` for every row.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    unsafe fn interleave(rows: &[&[i8]], start: usize, end: usize, packed: &mut [__m512i]) {
        for (piece, packed) in packed.chunks_exact_mut(4).enumerate() {
            let at = start + 64 * piece;
            if at >= end {
                return;
            }
            let mask = if end - at >= 64 { u64::MAX } else { (1 << (end - at)) - 1 };
            let mut bytes = [_mm512_setzero_si512(); GROUP];
            for (bytes, row) in bytes.iter_mut().zip(rows) {
                // SAFETY: only bytes `at .. end` of the row are read.
                *bytes = unsafe { _mm512_maskz_loadu_epi8(mask, row.as_ptr().add(at)) };
                // The same piece of the next block: rows lie too far apart for the processor to foresee it.
                _mm_prefetch::<_MM_HINT_T1>(row.as_ptr().wrapping_add(at + COLUMNS));
            }
            let [a, b, c, d] = bytes;
            let (ab, cd) = (_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d));
            packed[0] = _mm512_unpacklo_epi16(ab, cd);
            packed[1] = _mm512_unpackhi_epi16(ab, cd);
            let (ab, cd) = (_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d));
            packed[2] = _mm512_unpacklo_epi16(ab, cd);
            packed[3] = _mm512_unpackhi_epi16(ab, cd);
        }
    }

    /// Adds eight limbs of two vectors.
    ///
    /// # Safety
    /// `vector + 1 < VECTORS`; `limbs` holds `num_groups * num_limbs * GROUP` bytes and `lanes` `num_limbs * COLUMNS`
    /// entries; `limb + 8 <= num_limbs`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    unsafe fn multiply(
        packed: &[__m512i; GROUPS * VECTORS],
        num_groups: usize,
        vector: usize,
        limbs: &[u8],
        limb: usize,
        num_limbs: usize,
        lanes: &mut [i32],
    ) {
        let lanes = lanes.as_mut_ptr();
        let at = |v: usize, b: usize| ((vector + v) * num_limbs + limb + b) * 16;
        let mut sums = [[_mm512_setzero_si512(); 8]; 2];
        for (v, sums) in sums.iter_mut().enumerate() {
            for (b, sum) in sums.iter_mut().enumerate() {
                // SAFETY: vectors below VECTORS and limbs below `num_limbs` lie within `lanes`.
                *sum = unsafe { _mm512_loadu_si512(lanes.add(at(v, b)).cast()) };
            }
        }
        for group in 0..num_groups {
            let (first, second) = (packed[group * VECTORS + vector], packed[group * VECTORS + vector + 1]);
            let [left, right] = &mut sums;
            for (b, (left, right)) in left.iter_mut().zip(right).enumerate() {
                // SAFETY: four bytes of group `group` and limb `limb + b`.
                let bytes = unsafe {
                    limbs.as_ptr().add((group * num_limbs + limb + b) * GROUP).cast::<i32>().read_unaligned()
                };
                let bytes = _mm512_set1_epi32(bytes);
                *left = _mm512_dpbusd_epi32(*left, bytes, first);
                *right = _mm512_dpbusd_epi32(*right, bytes, second);
            }
        }
        for (v, sums) in sums.iter().enumerate() {
            for (b, &sum) in sums.iter().enumerate() {
                // SAFETY: as above.
                unsafe { _mm512_storeu_si512(lanes.add(at(v, b)).cast(), sum) };
            }
        }
    }

    /// # Safety
    /// The rows have one length `len`, and `planes` holds eight planes of `stride = len` rounded up to 64.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) unsafe fn dot_bytes(rows: [&[i8]; TRIPLE], planes: &[u8], stride: usize) -> [[i32; 8]; TRIPLE] {
        let len = rows[0].len();
        let mut sums = [[_mm512_setzero_si512(); 8]; TRIPLE];
        let whole = len / 64 * 64;
        let mut at = 0;
        while at < len {
            let mask = if at < whole { u64::MAX } else { (1 << (len - whole)) - 1 };
            let mut weights = [_mm512_setzero_si512(); TRIPLE];
            for (weights, row) in weights.iter_mut().zip(rows) {
                // SAFETY: only bytes below `len` are read.
                *weights = unsafe { _mm512_maskz_loadu_epi8(mask, row.as_ptr().add(at)) };
            }
            let [first, second, third] = &mut sums;
            for (b, ((first, second), third)) in first.iter_mut().zip(second).zip(third).enumerate() {
                // SAFETY: `at + 64 <= stride`.
                let bytes = unsafe { _mm512_loadu_si512(planes.as_ptr().add(b * stride + at).cast()) };
                *first = _mm512_dpbusd_epi32(*first, bytes, weights[0]);
                *second = _mm512_dpbusd_epi32(*second, bytes, weights[1]);
                *third = _mm512_dpbusd_epi32(*third, bytes, weights[2]);
            }
            at += 64;
        }
        let mut totals = [[0; 8]; TRIPLE];
        for (totals, sums) in totals.iter_mut().zip(&sums) {
            *totals = horizontal(sums);
        }
        totals
    }

    /// Sums of the sixteen lanes of eight vectors.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn horizontal(v: &[__m512i; 8]) -> [i32; 8] {
        let pair = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let quad = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
        let low = quad(pair(v[0], v[1]), pair(v[2], v[3]));
        let high = quad(pair(v[4], v[5]), pair(v[6], v[7]));
        // Lanes of 128 bits hold four partial sums each of `low` and `high`: add the halves, then the quarters.
        let fold = |v| _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64::<1>(v));
        let (low, high) = (fold(low), fold(high));
        let even = _mm256_permute2x128_si256::<0x20>(low, high);
        let odd = _mm256_permute2x128_si256::<0x31>(low, high);
        let mut sums = [0; 8];
        // SAFETY: eight 32-bit lanes.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi32(even, odd)) };
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: usize, len: usize) -> Vec<u8> {
        (0..len).map(|i| ((i * 7 + seed * 13) ^ (i >> 3) ^ (i * i)) as u8).collect()
    }

    fn signed(seed: usize, len: usize) -> Vec<i8> {
        bytes(seed, len).into_iter().map(|byte| byte as i8).collect()
    }

    #[test]
    fn rows_agree_with_the_portable_loop() {
        for num_rows in [1, 4, 6, 64, 67, 140] {
            for (start, end) in [(0, 1), (3, 70), (0, 256), (100, 356), (356, 400)] {
                for num_limbs in [8, 16, 24] {
                    let rows: Vec<Vec<i8>> = (0..num_rows).map(|r| signed(r, 400)).collect();
                    let rows: Vec<&[i8]> = rows.iter().map(Vec::as_slice).collect();
                    let mut limbs = bytes(5, num_rows.div_ceil(GROUP) * GROUP * num_limbs);
                    limbs[0] = 255;
                    let mut fast = vec![7; num_limbs * COLUMNS];
                    accumulate_rows(&rows, start, end, &limbs, num_limbs, &mut fast);
                    let mut slow = vec![0; num_limbs * COLUMNS];
                    accumulate_portably(&rows, start, end, &limbs, num_limbs, &mut slow);
                    assert!(fast == slow, "{num_rows} rows, columns {start}..{end}, {num_limbs} limbs");
                }
            }
        }
    }

    #[test]
    fn dots_agree_with_the_portable_loop() {
        for num_rows in 0..=3 {
            for len in [1, 63, 64, 65, 1000, 4096] {
                let rows: Vec<Vec<i8>> = (0..num_rows).map(|r| signed(r, len)).collect();
                let rows: Vec<&[i8]> = rows.iter().map(Vec::as_slice).collect();
                let planes = bytes(9, 8 * len.next_multiple_of(64));
                assert_eq!(dot_bytes(&rows, &planes)[..num_rows], dot_portably(&rows, &planes)[..num_rows]);
            }
        }
    }
}
