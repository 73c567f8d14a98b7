//! `C = A B` in single precision, alike on every machine: each sum runs over k in order, multiply and add rounded
//! separately, so neither the number of threads nor the width of the vectors shows in the result.

const ROWS: usize = 6;
const COLUMNS: usize = 32;

/// `c [m, n] = a [m, k] b [k, n]`, all row-major.
pub(super) fn gemm(a: &[f32], b: &[f32], c: &mut [f32], [m, k, n]: [usize; 3]) {
    debug_assert_eq!((a.len(), b.len(), c.len()), (m * k, k * n, m * n));
    let mut panel = vec![0.0f32; k * COLUMNS];
    for column in (0..n).step_by(COLUMNS) {
        let width = COLUMNS.min(n - column);
        for (row, target) in panel.chunks_exact_mut(COLUMNS).enumerate() {
            target[..width].copy_from_slice(&b[row * n + column..row * n + column + width]);
            target[width..].fill(0.0);
        }
        let mut row = 0;
        while row < m {
            let height = ROWS.min(m - row);
            let block = match height {
                ROWS => tile::<ROWS>(&a[row * k..], &panel, k),
                _ => partial(&a[row * k..], &panel, k, height),
            };
            for (offset, sums) in block.iter().take(height).enumerate() {
                let start = (row + offset) * n + column;
                c[start..start + width].copy_from_slice(&sums[..width]);
            }
            row += height;
        }
    }
}

fn tile<const R: usize>(a: &[f32], panel: &[f32], k: usize) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0f32; COLUMNS]; R];
    let rows: [&[f32]; R] = std::array::from_fn(|r| &a[r * k..(r + 1) * k]);
    for (position, b) in panel.chunks_exact(COLUMNS).enumerate() {
        for (sum, row) in sums.iter_mut().zip(&rows) {
            let factor = row[position];
            for (sum, &b) in sum.iter_mut().zip(b) {
                *sum += factor * b;
            }
        }
    }
    let mut out = [[0.0f32; COLUMNS]; ROWS];
    out[..R].copy_from_slice(&sums);
    out
}

fn partial(a: &[f32], panel: &[f32], k: usize, height: usize) -> [[f32; COLUMNS]; ROWS] {
    match height {
        1 => tile::<1>(a, panel, k),
        2 => tile::<2>(a, panel, k),
        3 => tile::<3>(a, panel, k),
        4 => tile::<4>(a, panel, k),
        _ => tile::<5>(a, panel, k),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition() {
        for [m, k, n] in [[1, 1, 1], [7, 5, 33], [12, 40, 64], [5, 3, 31]] {
            let a: Vec<f32> = (0..m * k).map(|i| (i % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i % 5) as f32 - 2.0).collect();
            let mut c = vec![0.0; m * n];
            gemm(&a, &b, &mut c, [m, k, n]);
            for i in 0..m {
                for j in 0..n {
                    let sum: f32 = (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
                    assert_eq!(c[i * n + j], sum, "{m} {k} {n} at {i} {j}");
                }
            }
        }
    }
}
