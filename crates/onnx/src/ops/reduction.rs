//! What the reductions share: axes as attribute or input, `keepdims`, `noop_with_empty_axes`, folding of integers.

use veritorch_graph::model::index::{broadcast_strides, for_each_index, offset};
use veritorch_graph::model::{ModelOp, UnaryFn};

use crate::builder::{Operand, Stop};
use crate::constant::Data;
use crate::lowering::{Lowering, axes, require_float};

/// A reduction's operand and where it goes.
pub(super) struct Reduction {
    pub(super) x: Operand,
    pub(super) axes: Vec<usize>,
    /// Reduced axes stay with extent 1.
    pub(super) kept: Vec<usize>,
    /// The result's shape.
    pub(super) shape: Vec<usize>,
}

pub(super) fn reduction(l: &mut Lowering<'_>) -> Result<Reduction, Stop> {
    let x = l.input(0)?;
    let keep = l.int("keepdims", 1)? != 0;
    let no_axes_is_none = l.int("noop_with_empty_axes", 0)? != 0;
    let named = match l.ints("axes")? {
        Some(named) => Some(named),
        None => l.optional_ints(1, "the axes")?,
    };
    let rank = x.shape.len();
    let axes = match named {
        Some(named) if !named.is_empty() => axes(&named, rank)?,
        _ if no_axes_is_none => Vec::new(),
        _ => (0..rank).collect(),
    };
    let kept: Vec<usize> = (0..rank)
        .map(|k| if axes.contains(&k) { 1 } else { x.shape[k] })
        .collect();
    let shape = if keep {
        kept.clone()
    } else {
        (0..rank)
            .filter(|k| !axes.contains(k))
            .map(|k| x.shape[k])
            .collect()
    };
    Ok(Reduction {
        x,
        axes,
        kept,
        shape,
    })
}

/// `g(sum f(x))` over the node's axes.
pub(super) fn sum_of(
    l: &mut Lowering<'_>,
    f: fn(&mut Lowering<'_>, &Operand) -> Result<Operand, Stop>,
    g: Option<UnaryFn>,
) -> Result<(), Stop> {
    let r = reduction(l)?;
    require_float(&r.x, "the input")?;
    let terms = f(l, &r.x)?;
    let op = ModelOp::ReduceSum { axes: r.axes.clone() };
    let mut y = l.emit("sum", op, &[&terms], r.kept.clone())?;
    if let Some(g) = g {
        y = l.emit("function", ModelOp::Unary(g), &[&y], r.kept.clone())?;
    }
    let y = l.reshape("shape", &y, r.shape)?;
    l.set(0, y);
    Ok(())
}

impl Reduction {
    /// Number of entries that go into one.
    pub(super) fn count(&self) -> usize {
        self.axes.iter().map(|&k| self.x.shape[k]).product()
    }

    /// The result where the operand is integers known now.
    pub(super) fn fold_ints(
        &self,
        l: &mut Lowering<'_>,
        start: i64,
        f: fn(i64, i64) -> Option<i64>,
    ) -> Result<Option<Operand>, Stop> {
        let Some(Data::Int(data)) = self.x.data() else {
            return Ok(None);
        };
        let mut out = vec![Some(start); self.kept.iter().product()];
        let to = broadcast_strides(&self.kept, &self.x.shape);
        let mut at = 0;
        for_each_index(&self.x.shape, |index| {
            let target = &mut out[offset(index, &to)];
            *target = target.and_then(|sum| f(sum, data[at]));
            at += 1;
        });
        let data: Option<Vec<i64>> = out.into_iter().collect();
        let data = data.ok_or_else(|| Stop::invalid("the result does not fit 64 bits"))?;
        l.constant("fold", self.shape.clone(), Data::Int(data))
            .map(Some)
    }
}
