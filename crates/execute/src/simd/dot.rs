//! Dot products of `i16` vectors in tiles of four rows and a few positions:
//! `tile[p][r] = sum_k w[r, k] * x[base_p + offset(k)]` by `vpdpwssd` (two products per 32-bit lane).

/// Entries of one vector step.
pub(crate) const LANES: usize = 32;

/// Rows of a tile.
pub(crate) const ROWS: usize = 4;

/// Where the right vectors of a dot product lie, relative to their bases: contiguous runs of whole steps,
/// against consecutive steps of the left rows.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    /// `(offset, number of steps)`.
    runs: Vec<(usize, usize)>,
    /// Step of the left rows that the first run meets.
    first_step: usize,
    /// Total number of steps.
    num_steps: usize,
    /// One past the greatest offset that is read.
    span: usize,
}

impl Runs {
    fn new(runs: Vec<(usize, usize)>, first_step: usize) -> Self {
        let num_steps = runs.iter().map(|run| run.1).sum();
        let span = runs.iter().map(|(offset, steps)| offset + steps * LANES).max().unwrap_or(0);
        Self { runs, first_step, num_steps, span }
    }

    /// Cuts runs of `(offset, number of steps)` into groups of at most `max_steps` steps.
    pub(crate) fn split(runs: &[(usize, usize)], max_steps: usize) -> Vec<Self> {
        let mut groups = Vec::new();
        let (mut group, mut first_step, mut filled) = (Vec::new(), 0, 0);
        for &(mut offset, mut steps) in runs {
            while steps > 0 {
                let taken = steps.min(max_steps - filled);
                group.push((offset, taken));
                offset += taken * LANES;
                steps -= taken;
                filled += taken;
                if filled == max_steps {
                    groups.push(Self::new(std::mem::take(&mut group), first_step));
                    first_step += filled;
                    filled = 0;
                }
            }
        }
        if !group.is_empty() {
            groups.push(Self::new(group, first_step));
        }
        groups
    }
}

/// The tile of one group of runs. `w` holds [`ROWS`] rows of `w.len() / ROWS` entries. With `WIDE` the lanes are
/// added up in 64 bits, so only each lane must fit 32 bits; else results are exact modulo `2^32`.
///
/// # Panics
/// If a run leaves `w` or `x`.
#[inline]
pub(crate) fn dot_tile<const P: usize, const WIDE: bool>(
    w: &[i16],
    x: &[i16],
    bases: [usize; P],
    runs: &Runs,
) -> [[i64; ROWS]; P] {
    let stride = w.len() / ROWS;
    assert!((runs.first_step + runs.num_steps) * LANES <= stride, "runs leave the left rows");
    for base in bases {
        assert!(base.checked_add(runs.span).is_some_and(|end| end <= x.len()), "runs leave the right vectors");
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
    {
        // SAFETY: the instructions were detected. Row `r` is read at `r * stride + first_step * LANES` onwards,
        // `num_steps * LANES` entries, within the row by the first assertion; `x` is read below `base + span`.
        return unsafe { avx512::dot_tile::<P, WIDE>(w, stride, x, bases, runs) };
    }
    portable(w, x, bases, runs, WIDE)
}

fn portable<const P: usize>(w: &[i16], x: &[i16], bases: [usize; P], runs: &Runs, wide: bool) -> [[i64; ROWS]; P] {
    let stride = w.len() / ROWS;
    let mut tile = [[0i64; ROWS]; P];
    for (results, base) in tile.iter_mut().zip(bases) {
        for (r, result) in results.iter_mut().enumerate() {
            let mut at = r * stride + runs.first_step * LANES;
            for &(offset, steps) in &runs.runs {
                let len = steps * LANES;
                let right = &x[base + offset..base + offset + len];
                for (w, x) in w[at..at + len].chunks_exact(LANES).zip(right.chunks_exact(LANES)) {
                    let step = w.iter().zip(x).fold(0i64, |sum, (&w, &x)| sum + i64::from(w) * i64::from(x));
                    *result = result.wrapping_add(step);
                }
                at += len;
            }
            if !wide {
                *result = i64::from(*result as i32);
            }
        }
    }
    tile
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{LANES, ROWS, Runs};

    /// # Safety
    /// Row `r` of `w` at `r * stride` holds `first_step + num_steps` steps; `x[base + span - 1]` exists for each base.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    #[inline]
    pub(super) unsafe fn dot_tile<const P: usize, const WIDE: bool>(
        w: &[i16],
        stride: usize,
        x: &[i16],
        bases: [usize; P],
        runs: &Runs,
    ) -> [[i64; ROWS]; P] {
        let mut sums = [[_mm512_setzero_si512(); ROWS]; P];
        let mut at = runs.first_step * LANES;
        for &(offset, steps) in &runs.runs {
            for step in 0..steps {
                let mut rows = [_mm512_setzero_si512(); ROWS];
                for (r, row) in rows.iter_mut().enumerate() {
                    // SAFETY: within row `r` by the caller's promise on `first_step + num_steps`.
                    *row = unsafe { _mm512_loadu_si512(w.as_ptr().add(r * stride + at).cast()) };
                }
                for p in 0..P {
                    // SAFETY: below `base + span` by the caller's promise.
                    let right = unsafe { _mm512_loadu_si512(x.as_ptr().add(bases[p] + offset + step * LANES).cast()) };
                    for r in 0..ROWS {
                        sums[p][r] = _mm512_dpwssd_epi32(sums[p][r], rows[r], right);
                    }
                }
                at += LANES;
            }
        }
        let mut tile = [[0; ROWS]; P];
        for p in 0..P {
            let [a, b, c, d] = sums[p];
            tile[p] = if WIDE { wide_sums(a, b, c, d) } else { narrow_sums(a, b, c, d) };
        }
        tile
    }

    /// Sums of the sixteen lanes of four vectors, modulo `2^32`.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn narrow_sums(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [i64; ROWS] {
        let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
        let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
        let abcd = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
        let half = _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti64x4_epi64::<1>(abcd));
        let quarter = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
        let wide = _mm256_cvtepi32_epi64(quarter);
        [
            _mm256_extract_epi64::<0>(wide),
            _mm256_extract_epi64::<1>(wide),
            _mm256_extract_epi64::<2>(wide),
            _mm256_extract_epi64::<3>(wide),
        ]
    }

    /// Sums of the sixteen lanes of four vectors.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn wide_sums(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> [i64; ROWS] {
        let mut sums = [0; ROWS];
        for (sum, v) in sums.iter_mut().zip([a, b, c, d]) {
            let even = _mm512_srai_epi64::<32>(_mm512_slli_epi64::<32>(v));
            *sum = _mm512_reduce_add_epi64(_mm512_add_epi64(even, _mm512_srai_epi64::<32>(v)));
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check<const P: usize>(w: &[i16], x: &[i16], bases: [usize; P], runs: &Runs) {
        assert_eq!(dot_tile::<P, true>(w, x, bases, runs), portable(w, x, bases, runs, true));
        assert_eq!(dot_tile::<P, false>(w, x, bases, runs), portable(w, x, bases, runs, false));
    }

    proptest! {
        #[test]
        fn vectors_agree_with_the_portable_loop(
            steps in proptest::collection::vec((0usize..40, 0usize..4), 1..4),
            max_steps in 1usize..6,
            seed in any::<u64>(),
        ) {
            let mut state = seed | 1;
            let mut next = |bound: i64| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((state >> 33) as i64 % (2 * bound) - bound) as i16
            };
            let total: usize = steps.iter().map(|run| run.1).sum();
            let w: Vec<i16> = (0..ROWS * total * LANES).map(|_| next(128)).collect();
            let x: Vec<i16> = (0..400).map(|_| next(32768)).collect();
            for runs in Runs::split(&steps, max_steps) {
                check(&w, &x, [3], &runs);
                check(&w, &x, [0, 7], &runs);
                check(&w, &x, [1, 2, 5], &runs);
                check(&w, &x, [9, 2, 5, 0], &runs);
            }
        }
    }

    #[test]
    fn narrow_sums_wrap() {
        let runs = Runs::split(&[(0, 4)], usize::MAX);
        let (w, x) = (vec![i16::MIN; ROWS * 4 * LANES], vec![i16::MIN; 4 * LANES]);
        assert_eq!(dot_tile::<1, false>(&w, &x, [0], &runs[0]), portable(&w, &x, [0], &runs[0], false));
    }
}
