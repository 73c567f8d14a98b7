//! Exact integer matrix products on `i16` vectors: `y[o, q] = sum_k w[o, k] * x[q, k]`.
//!
//! Operands of 16 bits and more are split into digits, mostly balanced, `x = sum_i 2^(16 i) x_i` and `w = sum_j 2^(8 j) w_j`,
//! and `sum_{i, j} 2^(16 i + 8 j) <w_j, x_i>` is taken modulo `2^64`, which the static range makes exact.
//! Long rows are cut so that no 32-bit lane overflows.

use crate::data::{Entry, Width};
use crate::simd::{LANES, ROWS, Runs, dot_tile};

/// Rows of the left operand.
pub(crate) trait Left: Sync {
    /// Writes digit `digit` (of `bits` bits; the whole value if it is the only one) of row `row` into `line`,
    /// whose layout is that of the runs. Entries between runs stay zero.
    fn fill(&self, row: usize, digit: Digit, line: &mut [i16]);
}

/// One balanced digit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digit {
    /// The value itself, which fits 16 bits.
    Whole,
    /// Coefficient of `256^i`.
    Byte(u32),
    /// A value of 16 bits modulo 256, not negative; the rest is [`Digit::High`].
    Low,
    /// `floor(value / 256)`.
    High,
}

impl Digit {
    /// The digit of this value.
    #[inline(always)]
    pub(crate) fn of(self, value: i64) -> i16 {
        match self {
            Self::Whole => value as i16,
            Self::Byte(i) => {
                let rest = (0..i).fold(value, |rest, _| rest.wrapping_sub(i64::from(rest as i8)) >> 8);
                i16::from(rest as i8)
            }
            Self::Low => (value & 255) as i16,
            Self::High => (value >> 8) as i16,
        }
    }
}

/// The digit of `2^(16 i)` in the balanced form of a value.
#[inline(always)]
pub(crate) fn word<T: Entry>(value: T, i: usize) -> i16 {
    let rest = (0..i).fold(value.wide(), |rest, _| rest.wrapping_sub(i64::from(rest as i16)) >> 16);
    rest as i16
}

/// How many balanced digits of `bits` bits hold `[min, max]`; digits beyond 64 bits vanish modulo `2^64`.
fn num_digits(min: i64, max: i64, bits: u32) -> usize {
    let (mut low, mut high) = (0i128, 0i128);
    let mut num = 0;
    while num == 0 || (num as u32 * bits < 64 && (i128::from(min) < low || i128::from(max) > high)) {
        low -= 1i128 << (bits * (num as u32 + 1) - 1);
        high += (1i128 << (bits * (num as u32 + 1) - 1)) - (1i128 << (bits * num as u32));
        num += 1;
    }
    num
}

/// How a product is computed exactly.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Words of the right operand.
    pub(crate) num_words: usize,
    /// Digits of the left operand.
    digits: Vec<Digit>,
    /// Whether lanes are added up in 64 bits.
    wide: bool,
    /// Runs cut where lanes might overflow.
    groups: Vec<Runs>,
    /// Entries of a left row.
    line: usize,
}

impl Plan {
    /// A plan for left entries and right entries within these bounds, along these runs of `(offset, steps)`.
    pub(crate) fn new(left: (i64, i64), right: (i64, i64), output: Width, runs: &[(usize, usize)]) -> Self {
        let num_steps: usize = runs.iter().map(|run| run.1).sum();
        let line = num_steps * LANES;
        let magnitude = |(min, max): (i64, i64)| min.unsigned_abs().max(max.unsigned_abs()).max(1);
        let num_words = num_digits(right.0, right.1, 16);
        let right = if num_words == 1 { magnitude(right) } else { 1 << 15 };
        let fits = Width::of(left.0, left.1) == Width::W16;
        if fits && num_words == 1 && output != Width::W64 {
            let groups = Runs::split(runs, usize::MAX);
            return Self { num_words, digits: vec![Digit::Whole], wide: false, groups, line };
        }
        // A step adds two products to each of the sixteen lanes.
        let most = |left: u64, products: u64| ((1u64 << 31) - 1) / (left * right * products);
        let (digits, left) = if fits && most(magnitude(left), 2) >= 8 {
            (vec![Digit::Whole], magnitude(left))
        } else if fits && num_digits(left.0, left.1, 8) > 2 {
            (vec![Digit::Low, Digit::High], 255)
        } else {
            ((0..num_digits(left.0, left.1, 8) as u32).map(Digit::Byte).collect(), 128)
        };
        let wide = most(left, LANES as u64) < num_steps as u64;
        let max_steps = most(left, if wide { 2 } else { LANES as u64 });
        Self { num_words, digits, wide, groups: Runs::split(runs, max_steps as usize), line }
    }

    /// Computes rows `rows` against positions `0 .. num_positions`, whose vectors begin at `base(q)` of each buffer in
    /// `words`, and hands each entry to `put(row - rows.start, q, value)`; values are exact modulo `2^64`, or modulo
    /// `2^32` where the result fits 32 bits.
    pub(crate) fn multiply(
        &self,
        left: &impl Left,
        rows: std::ops::Range<usize>,
        words: &[Vec<i16>],
        num_positions: usize,
        base: impl Fn(usize) -> usize,
        mut put: impl FnMut(usize, usize, i64),
    ) {
        let num_rows = rows.len();
        let mut lines = vec![vec![0i16; ROWS * self.line]; self.digits.len()];
        for block in (0..num_rows).step_by(ROWS) {
            for (lines, &digit) in lines.iter_mut().zip(&self.digits) {
                for (r, line) in lines.chunks_exact_mut(self.line).enumerate() {
                    if block + r < num_rows {
                        left.fill(rows.start + block + r, digit, line);
                    } else {
                        line.fill(0);
                    }
                }
            }
            let used = ROWS.min(num_rows - block);
            let mut q = 0;
            while q < num_positions {
                let mut emit = |p: usize, results: &[i64; ROWS]| {
                    for (r, &value) in results.iter().enumerate().take(used) {
                        put(block + r, q + p, value);
                    }
                };
                macro_rules! tile {
                    ($num:literal) => {{
                        let tile = self.tile::<$num>(&lines, words, std::array::from_fn(|p| base(q + p)));
                        tile.iter().enumerate().for_each(|(p, results)| emit(p, results));
                        q += $num;
                    }};
                }
                match num_positions - q {
                    1 => tile!(1),
                    2 => tile!(2),
                    3 => tile!(3),
                    4 | 5 | 7 => tile!(4),
                    _ => tile!(6),
                }
            }
        }
    }

    #[inline(always)]
    fn tile<const P: usize>(&self, lines: &[Vec<i16>], words: &[Vec<i16>], bases: [usize; P]) -> [[i64; ROWS]; P] {
        if let ([group], [line], [word], false) = (&self.groups[..], lines, words, self.wide) {
            return dot_tile::<P, false>(line, word, bases, group);
        }
        let mut sum = [[0i64; ROWS]; P];
        for (i, word) in words.iter().enumerate() {
            for (j, line) in lines.iter().enumerate() {
                let shift = 16 * i + 8 * j;
                if shift >= 64 {
                    continue;
                }
                for group in &self.groups {
                    let part = if self.wide {
                        dot_tile::<P, true>(line, word, bases, group)
                    } else {
                        dot_tile::<P, false>(line, word, bases, group)
                    };
                    for (sum, part) in sum.iter_mut().flatten().zip(part.iter().flatten()) {
                        *sum = sum.wrapping_add(part << shift);
                    }
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_hold_their_range() {
        assert_eq!(num_digits(-128, 127, 8), 1);
        assert_eq!(num_digits(-129, 0, 8), 2);
        assert_eq!(num_digits(0, 127 * 257, 8), 2);
        assert_eq!(num_digits(0, 127 * 257 + 1, 8), 3);
        assert_eq!(num_digits(i64::MIN, i64::MAX, 16), 4);
        assert_eq!(num_digits(0, 0, 16), 1);
        for value in [0, 1, -1, 127, 128, -32768, 32767, 65535, 1 << 40, i64::MAX, i64::MIN] {
            let words = (0..4).fold(0i64, |sum, i| sum.wrapping_add(i64::from(word(value, i)) << (16 * i)));
            let bytes = (0..8).fold(0i64, |sum, i| sum.wrapping_add(i64::from(Digit::Byte(i).of(value)) << (8 * i)));
            assert_eq!((words, bytes), (value, value));
        }
        for value in [0, 1, -1, 127, 128, 255, 256, -32768, 32767] {
            let halves = i64::from(Digit::Low.of(value)) + 256 * i64::from(Digit::High.of(value));
            assert_eq!(halves, value);
        }
    }

    #[test]
    fn lanes_never_overflow() {
        let plan = Plan::new((-32768, 32767), (-32768, 32767), Width::W64, &[(0, 100)]);
        assert_eq!(plan.digits, [Digit::Low, Digit::High], "balanced, 32767 needs a carry digit");
        assert!(plan.wide && plan.groups.len() == 1);
        let plan = Plan::new((-127, 127), (-128, 127), Width::W64, &[(0, 100)]);
        assert!(!plan.wide && plan.groups.len() == 1 && plan.digits.len() == 1);
    }
}
