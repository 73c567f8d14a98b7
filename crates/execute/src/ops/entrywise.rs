//! Entrywise operators: products, reshapes, and the hints `floor(x / 2^s)`, `table[x]`, `floor(2^k / x)`, `floor(sqrt(x))`
//! and `floor(a / b)`.

use rayon::prelude::*;

use crate::data::{Entry, TensorData, TensorView, Width, build_entries, with_entries};

/// Entries of one task.
const CHUNK: usize = 1 << 14;

/// The first entry on which an operator is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outside {
    /// Row-major index.
    pub(crate) index: usize,
    /// The value.
    pub(crate) value: i64,
}

fn map<S: Entry, T: Entry>(x: &[S], f: impl Fn(i64) -> i64 + Sync) -> Vec<T> {
    let mut y = vec![T::default(); x.len()];
    y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = T::wrap(f(x.wide())));
    });
    y
}

/// Whether every entry lies in `[min, max]`: without branches, since that is nearly always so.
pub(super) fn all_within<S: Entry>(x: &[S], (min, max): (i64, i64)) -> bool {
    !x.iter().fold(false, |any, x| any | (x.wide() < min) | (x.wide() > max))
}

/// The first entry outside `[min, max]`.
pub(crate) fn outside(x: TensorView<'_>, min: i64, max: i64) -> Option<Outside> {
    with_entries!(x, |x| first_outside(x, min, max))
}

fn first_outside<S: Entry>(x: &[S], min: i64, max: i64) -> Option<Outside> {
    x.par_chunks(CHUNK).enumerate().find_map_first(|(chunk, x)| {
        if all_within(x, (min, max)) {
            return None;
        }
        let index = x.iter().position(|x| x.wide() < min || x.wide() > max)?;
        Some(Outside { index: chunk * CHUNK + index, value: x[index].wide() })
    })
}

/// The same values in the type for another range.
pub(crate) fn convert(x: TensorView<'_>, width: Width) -> TensorData {
    build_entries!(width, |T| with_entries!(x, |x| map::<_, T>(x, |x| x)))
}

/// `floor(x / 2^shift)`, and whether every entry lies in `range`, if one is given.
pub(crate) fn floor_shift(
    x: TensorView<'_>,
    shift: u32,
    width: Width,
    range: Option<(i64, i64)>,
) -> (TensorData, bool) {
    let shift = shift.min(63);
    let y = build_entries!(width, |T| with_entries!(x, |x| map::<_, T>(x, |x| x >> shift)));
    // `min <= floor(x / 2^s) <= max` if and only if `2^s min <= x < 2^s (max + 1)`: seen in the operand, which is not cut.
    let within = range.is_none_or(|(min, max)| {
        let (min, end) = (i128::from(min) << shift, (i128::from(max) + 1) << shift);
        let clamp = |v: i128| v.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        with_entries!(x, |x| x.par_chunks(CHUNK).all(|x| all_within(x, (clamp(min), clamp(end - 1)))))
    });
    (y, within)
}

fn map_pairs<A: Entry, B: Entry, T: Entry>(a: &[A], b: &[B], f: impl Fn(i64, i64) -> i64 + Sync) -> Vec<T> {
    let mut y = vec![T::default(); a.len()];
    let pairs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    y.par_chunks_mut(CHUNK).zip(pairs).for_each(|(y, (a, b))| {
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = T::wrap(f(a.wide(), b.wide()));
        }
    });
    y
}

/// `a * b`.
pub(crate) fn mul(a: TensorView<'_>, b: TensorView<'_>, width: Width) -> TensorData {
    build_entries!(width, |T| with_entries!(a, |a| with_entries!(b, |b| map_pairs::<_, _, T>(a, b, i64::wrapping_mul))))
}

/// `values[x - min]`.
pub(crate) fn lookup(x: TensorView<'_>, min: i64, values: &[i32], width: Width) -> Result<TensorData, Outside> {
    let last = min + values.len() as i64 - 1;
    if let Some(outside) = outside(x, min, last) {
        return Err(outside);
    }
    Ok(build_entries!(width, |T| {
        let mut y = vec![<T>::default(); x.len()];
        with_entries!(x, |x| {
            y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(y, x)| {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = <T as Entry>::wrap(i64::from(values[(x.wide() - min) as usize])));
            });
        });
        y
    }))
}

/// `data[index]` within each of so many equal parts of both.
pub(crate) fn gather(index: TensorView<'_>, data: TensorView<'_>, parts: usize, width: Width) -> Result<TensorData, Outside> {
    let rows = data.len() / parts;
    if let Some(outside) = outside(index, 0, rows as i64 - 1) {
        return Err(outside);
    }
    let own = (index.len() / parts).max(1);
    Ok(build_entries!(width, |T| with_entries!(index, |index| with_entries!(data, |data| {
        let mut y = vec![<T>::default(); index.len()];
        y.par_chunks_mut(own).zip(index.par_chunks(own)).enumerate().for_each(|(part, (y, index))| {
            let data = &data[part * rows..(part + 1) * rows];
            y.iter_mut().zip(index).for_each(|(y, index)| *y = <T as Entry>::wrap(data[index.wide() as usize].wide()));
        });
        y
    }))))
}

/// `floor(2^log_numerator / x)` for `x >= 1`.
pub(crate) fn reciprocal(x: TensorView<'_>, log_numerator: u32, width: Width) -> Result<TensorData, Outside> {
    if let Some(outside) = outside(x, 1, i64::MAX) {
        return Err(outside);
    }
    let numerator = 1i64 << log_numerator;
    Ok(build_entries!(width, |T| with_entries!(x, |x| map::<_, T>(x, |x| numerator / x))))
}

/// `floor(sqrt(x))` for `x >= 0`.
pub(crate) fn square_root(x: TensorView<'_>, width: Width) -> Result<TensorData, Outside> {
    if let Some(outside) = outside(x, 0, i64::MAX) {
        return Err(outside);
    }
    Ok(build_entries!(width, |T| with_entries!(x, |x| map::<_, T>(x, i64::isqrt))))
}

/// `floor(a / b)` for `b >= 1`.
pub(crate) fn divide(a: TensorView<'_>, b: TensorView<'_>, width: Width) -> Result<TensorData, Outside> {
    if let Some(outside) = outside(b, 1, i64::MAX) {
        return Err(outside);
    }
    Ok(build_entries!(width, |T| with_entries!(a, |a| with_entries!(b, |b| map_pairs::<_, _, T>(a, b, i64::div_euclid)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_outside_is_named() {
        let mut x = vec![5i64; 3 * CHUNK];
        let outside = |x: &[i64], min, max| first_outside(x, min, max);
        assert!(outside(&x, 0, 5).is_none());
        x[2 * CHUNK + 7] = 6;
        x[2 * CHUNK + 9] = -1;
        assert_eq!(outside(&x, 0, 5), Some(Outside { index: 2 * CHUNK + 7, value: 6 }));
        x[3] = -2;
        assert_eq!(outside(&x, 0, 5), Some(Outside { index: 3, value: -2 }));
    }
}
