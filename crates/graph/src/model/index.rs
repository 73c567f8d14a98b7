//! Row-major indexing: `offset(i) = sum_k i_k * stride_k`, `stride_k = prod_{j > k} shape_j`.

/// Most entries that one tensor may have: keeps every later product inside 64 bits.
pub const MAX_ELEMENTS: usize = 1 << 31;

/// Most axes that one tensor may have.
pub const MAX_RANK: usize = 32;

/// Number of entries of a shape, or `None` above [`MAX_ELEMENTS`] or [`MAX_RANK`].
#[must_use]
pub fn element_count(shape: &[usize]) -> Option<usize> {
    if shape.len() > MAX_RANK {
        return None;
    }
    if shape.contains(&0) {
        return Some(0);
    }
    let mut count = 1usize;
    for &extent in shape {
        count = count.checked_mul(extent)?;
        if count > MAX_ELEMENTS {
            return None;
        }
    }
    Some(count)
}

/// Row-major strides.
#[must_use]
pub fn strides(shape: &[usize]) -> Vec<usize> {
    let mut out = vec![1; shape.len()];
    for k in (0..shape.len().saturating_sub(1)).rev() {
        out[k] = out[k + 1] * shape[k + 1];
    }
    out
}

/// numpy's broadcast of two shapes, or `None` where they do not fit.
#[must_use]
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let extent = |shape: &[usize], k: usize| -> usize {
        (k + shape.len())
            .checked_sub(rank)
            .map_or(1, |at| shape[at])
    };
    (0..rank)
        .map(|k| match (extent(a, k), extent(b, k)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// Strides with which an operand is read when it is broadcast to `shape`: 0 on repeated axes.
///
/// The operand must broadcast to `shape`.
#[must_use]
pub fn broadcast_strides(operand: &[usize], shape: &[usize]) -> Vec<usize> {
    let own = strides(operand);
    let missing = shape.len() - operand.len();
    (0..shape.len())
        .map(|k| {
            if k < missing || operand[k - missing] == 1 {
                0
            } else {
                own[k - missing]
            }
        })
        .collect()
}

/// Calls `visit` with every index of `shape`, in row-major order.
pub fn for_each_index(shape: &[usize], mut visit: impl FnMut(&[usize])) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    loop {
        visit(&index);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

/// `sum_k index_k * stride_k`.
#[must_use]
pub fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(i, s)| i * s).sum()
}
