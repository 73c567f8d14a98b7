//! The Goldilocks field on canonical `u64` values: `2^64 = 2^32 - 1` and `2^96 = -1` modulo `p`.

/// `p = 2^64 - 2^32 + 1`.
pub(super) const P: u64 = 0xffff_ffff_0000_0001;

/// `2^64 mod p`.
const EPSILON: u64 = 0xffff_ffff;

/// `a + b mod p`.
#[inline(always)]
pub(super) fn add(a: u64, b: u64) -> u64 {
    let sum = a.wrapping_add(b);
    // Without carry `sum - p` if that is not negative; with carry `sum + 2^64 - p`: the same wrapped difference.
    if sum < a || sum >= P { sum.wrapping_sub(P) } else { sum }
}

/// `a * b mod p`.
#[inline(always)]
pub(super) fn mul(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let (low, high) = (product as u64, (product >> 64) as u64);
    let (top, middle) = (high >> 32, high & EPSILON);
    // low + middle * (2^32 - 1) - top
    let (mut difference, borrow) = low.overflowing_sub(top);
    if borrow {
        difference = difference.wrapping_sub(EPSILON);
    }
    let (mut sum, carry) = difference.overflowing_add((middle << 32).wrapping_sub(middle));
    if carry {
        sum = sum.wrapping_add(EPSILON);
    }
    if sum >= P { sum.wrapping_sub(P) } else { sum }
}

/// `a^exponent mod p`.
pub(super) fn power(mut a: u64, mut exponent: u64) -> u64 {
    let mut power = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = mul(power, a);
        }
        a = mul(a, a);
        exponent >>= 1;
    }
    power
}

/// `low + 2^32 * high mod p` for `|low|, |high| < 2^62`.
#[inline(always)]
pub(super) fn join(low: i64, high: i64) -> u64 {
    // 2^32 * high = 2^64 * top + 2^32 * middle, and 2^32 * middle < p.
    let (top, middle) = (high >> 32, (high as u64) << 32);
    let small = low + top * EPSILON as i64;
    let wrapped = small as u64;
    let small = if small < 0 { wrapped.wrapping_add(P) } else { wrapped };
    add(middle, small)
}

/// `sums[0] + 2^32 * sums[1]` or `sums[0] + 2^22 * sums[1] + 2^44 * sums[2] mod p`, for sums within `2^61`.
#[inline(always)]
pub(super) fn join_digits<const K: usize>(sums: [i64; K]) -> u64 {
    if K == 2 {
        return join(sums[0], sums[1]);
    }
    // 2^44 * s = 2^64 * (s >> 20) + 2^44 * (s mod 2^20), and 2^64 = 2^32 - 1.
    let top = sums[2] >> 20;
    let low = sums[0] + ((sums[1] & 0x3ff) << 22) - top;
    let high = (sums[1] >> 10) + top + ((sums[2] & 0xf_ffff) << 12);
    join(low, high)
}

/// Signed digits of a canonical value modulo `p`: two of 32 bits, or three of 22 bits.
#[inline(always)]
pub(super) fn digits<const K: usize>(value: u64) -> [i64; K] {
    let mut digits = [0; K];
    if K == 2 {
        // The representative in [-(p + 1) / 2, (p - 3) / 2], for which both digits fit 32 bits.
        let centred = if value >= P / 2 { value.wrapping_sub(P) as i64 } else { value as i64 };
        let low = centred as i32;
        digits[0] = i64::from(low);
        digits[1] = (centred - i64::from(low)) >> 32;
    } else {
        let low = ((value as i64) << 42) >> 42;
        // value < 2^64 and low >= -2^21: the difference is taken as an unsigned number below 2^64.
        let rest = (value.wrapping_sub(low as u64) >> 22) as i64;
        let middle = (rest << 42) >> 42;
        digits[0] = low;
        digits[1] = middle;
        digits[2] = (rest - middle) >> 22;
    }
    digits
}

/// `value mod p`.
#[cfg(test)]
pub(super) fn reduce(value: i128) -> u64 {
    value.rem_euclid(i128::from(P)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element() -> impl Strategy<Value = u64> {
        prop_oneof![0..P, Just(0), Just(P - 1), Just(EPSILON), Just(EPSILON + 1), (P - 9)..P]
    }

    fn sum() -> impl Strategy<Value = i64> {
        const MOST: i64 = 1 << 61;
        prop_oneof![-MOST..=MOST, Just(MOST), Just(-MOST), Just(0), Just(-1)]
    }

    fn check_digits(value: u64) {
        let (two, three) = (digits::<2>(value), digits::<3>(value));
        assert!(two.iter().all(|&digit| i32::try_from(digit).is_ok()), "{two:?}");
        assert!(three.iter().all(|digit| (-(1 << 21)..1 << 21).contains(digit)), "{three:?}");
        assert_eq!((join_digits(two), join_digits(three)), (value, value));
    }

    proptest! {
        #[test]
        fn sums_and_products(a in element(), b in element()) {
            let p = u128::from(P);
            prop_assert_eq!(u128::from(add(a, b)), (u128::from(a) + u128::from(b)) % p);
            prop_assert_eq!(u128::from(mul(a, b)), u128::from(a) * u128::from(b) % p);
        }

        #[test]
        fn joins(low in -(1i64 << 62) + 1..1i64 << 62, high in -(1i64 << 62) + 1..1i64 << 62) {
            prop_assert_eq!(join(low, high), reduce(i128::from(low) + (i128::from(high) << 32)));
        }

        #[test]
        fn digits_join(value in element()) {
            check_digits(value);
        }

        #[test]
        fn sums_of_digits_join(a in sum(), b in sum(), c in sum()) {
            let value = i128::from(a) + (i128::from(b) << 22) + (i128::from(c) << 44);
            prop_assert_eq!(join_digits([a, b, c]), reduce(value));
        }
    }

    #[test]
    fn joins_at_the_ends() {
        let most = (1i64 << 62) - 1;
        for value in [0, 1, P - 1, P - 2, P / 2 - 1, P / 2, P / 2 + 1, (1 << 31) - 1, 1 << 31, 1 << 63, (1 << 63) - 1] {
            check_digits(value);
        }
        for low in [-most, -1, 0, 1, most] {
            for high in [-most, -1, 0, 1, most] {
                assert_eq!(join(low, high), reduce(i128::from(low) + (i128::from(high) << 32)));
            }
        }
        assert_eq!(power(7, 5), 16807);
    }
}
