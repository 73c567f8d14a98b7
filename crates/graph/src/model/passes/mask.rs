//! Additive masks: `softmax(x + c)` with a constant `c` that is at least 10,000 below its line's maximum in places becomes
//! a softmax whose mask leaves those entries out; what else `c` holds stays a sum.
//!
//! `exp` of such a distance is zero in single precision. A `Where` that puts a great negative number comes as `x * m + c`
//! with `m` one on all entries that stay: the product goes as well.

use super::pattern::View;
use super::recognise::Chain;
use crate::model::index::{broadcast, broadcast_strides, for_each_index, offset};
use crate::model::{ModelOp, Node, ValueId};

/// Entries this far below the maximum of their line are masked.
const DISTANCE: f32 = 1e4;
/// Lines whose maximum is below this are all mask: their softmax depends on rounding, so that they stay as they are.
const LEAST_MAXIMUM: f32 = -1e5;

/// A constant of the graph.
type Tensor<'a> = (&'a [usize], &'a [f32]);

pub(super) fn find(view: &View<'_>, node: &Node) -> Option<Chain> {
    let &ModelOp::Softmax { axis } = &node.op else { return None };
    let (&input, masks) = node.inputs.split_first()?;
    let shape = view.shape(node.output);
    let (x, constant) = constant_operand(view, input, &ModelOp::Add)?;
    if view.shape(x) != shape {
        return None;
    }
    let mut extents = vec![1; shape.len().checked_sub(constant.0.len())?];
    extents.extend(constant.0);
    let (keep, rest) = split((&extents, constant.1), axis)?;
    let x = without_product(view, x, (&extents, &keep), shape);
    let (mask_shape, mask) = match masks.first() {
        Some(&other) => both((&extents, &keep), (view.shape(other), view.graph.value(other).constant.as_ref()?.owned()?))?,
        None => (extents.clone(), keep),
    };
    let mut chain = Chain::new(x);
    if rest.iter().any(|&x| x != 0.0) {
        chain = chain.with(ModelOp::Add, extents, rest);
    }
    Some(chain.with(node.op.clone(), mask_shape, mask))
}

/// A node's constant operand, and the other.
fn constant_operand<'a>(view: &View<'a>, id: ValueId, op: &ModelOp) -> Option<(ValueId, Tensor<'a>)> {
    let (a, b) = view.pair(id, op)?;
    let tensor = |id: ValueId| -> Option<Tensor<'a>> {
        Some((view.shape(id), view.graph.value(id).constant.as_ref()?.owned()?))
    };
    match (tensor(a), tensor(b)) {
        (None, Some(constant)) => Some((a, constant)),
        (Some(constant), None) => Some((b, constant)),
        _ => None,
    }
}

/// Ones where entries stay, and what is added to them; nothing where no entry is masked.
fn split((shape, data): Tensor<'_>, axis: usize) -> Option<(Vec<f32>, Vec<f32>)> {
    let mut lines = shape.to_vec();
    lines[axis] = 1;
    let to = broadcast_strides(&lines, shape);
    let mut line_of = Vec::with_capacity(data.len());
    for_each_index(shape, |index| line_of.push(offset(index, &to)));
    let mut greatest = vec![f32::NEG_INFINITY; lines.iter().product()];
    for (&line, &x) in line_of.iter().zip(data) {
        greatest[line] = greatest[line].max(x);
    }
    if greatest.iter().any(|&max| max < LEAST_MAXIMUM) {
        return None;
    }
    let stays = |line: usize, x: f32| greatest[line] - x < DISTANCE;
    if line_of.iter().zip(data).all(|(&line, &x)| stays(line, x)) {
        return None;
    }
    // softmax does not change where a line is shifted as a whole
    let shift = |line: usize| if greatest[line] <= -DISTANCE { greatest[line] } else { 0.0 };
    let keep = line_of.iter().zip(data).map(|(&line, &x)| f32::from(u8::from(stays(line, x)))).collect();
    let rest = line_of.iter().zip(data).map(|(&line, &x)| if stays(line, x) { x - shift(line) } else { 0.0 }).collect();
    Some((keep, rest))
}

/// `x` without a product by a constant that is one wherever the mask keeps entries.
fn without_product(view: &View<'_>, x: ValueId, keep: Tensor<'_>, shape: &[usize]) -> ValueId {
    let Some((inner, factor)) = constant_operand(view, x, &ModelOp::Mul) else { return x };
    let Some(joint) = broadcast(factor.0, keep.0).filter(|_| view.shape(inner) == shape) else { return x };
    let (from_factor, from_keep) = (broadcast_strides(factor.0, &joint), broadcast_strides(keep.0, &joint));
    let mut holds = true;
    for_each_index(&joint, |index| {
        #[expect(clippy::float_cmp, reason = "one changes nothing")]
        let is_one = factor.1[offset(index, &from_factor)] == 1.0;
        holds &= is_one || keep.1[offset(index, &from_keep)] == 0.0;
    });
    if holds { inner } else { x }
}

/// Entries that stay under both masks.
fn both(a: Tensor<'_>, b: Tensor<'_>) -> Option<(Vec<usize>, Vec<f32>)> {
    let shape = broadcast(a.0, b.0)?;
    let (from_a, from_b) = (broadcast_strides(a.0, &shape), broadcast_strides(b.0, &shape));
    let mut out = Vec::with_capacity(shape.iter().product());
    for_each_index(&shape, |index| {
        let stays = a.1[offset(index, &from_a)] != 0.0 && b.1[offset(index, &from_b)] != 0.0;
        out.push(f32::from(u8::from(stays)));
    });
    Some((shape, out))
}
