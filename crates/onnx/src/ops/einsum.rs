//! Einsum: sums of products over named axes, `ij,jk->ik`; any number of operands, taken two by two.
//!
//! Two operands become a matrix product: axes that both have and the result keeps are its batch, axes that both have and the
//! result does not keep are summed; without such axes the product is entry by entry. Axes that only one operand has are
//! summed first where the result does not keep them. An axis named twice in one operand is its diagonal.

use std::collections::BTreeMap;

use veritorch_graph::model::ModelOp;
use veritorch_graph::model::index::{for_each_index, offset, strides};

use super::matmul::matmul;
use super::scatter_nd::pick;
use crate::builder::{Operand, Stop};
use crate::lowering::{Lowering, require_float};

/// An operand and the name of each of its axes.
struct Named {
    x: Operand,
    axes: Vec<char>,
}

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let equation: String = l.string("equation", "")?.chars().filter(|c| !c.is_whitespace()).collect();
    let count = l.num_inputs();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != count || count == 0 {
        return Err(Stop::invalid(format!("equation `{equation}` for {count} operands")));
    }
    let mut operands = Vec::with_capacity(count);
    for (k, term) in terms.iter().enumerate() {
        let x = l.input(k)?;
        require_float(&x, "an operand")?;
        let axes = names(term, x.shape.len()).ok_or_else(|| Stop::invalid(format!("term `{term}` for {:?}", x.shape)))?;
        operands.push(diagonal(l, Named { x, axes })?);
    }
    let extents = extents(&operands)?;
    let wanted = match right {
        Some(right) => {
            let dots = extents.keys().filter(|c| c.is_ascii_digit()).count();
            names(right, right.chars().filter(|c| c.is_alphabetic()).count() + if right.contains("...") { dots } else { 0 })
                .ok_or_else(|| Stop::invalid(format!("result `{right}`")))?
        }
        None => implicit(left, &extents),
    };
    if wanted.iter().any(|name| !extents.contains_key(name)) || (1..wanted.len()).any(|k| wanted[..k].contains(&wanted[k])) {
        return Err(Stop::invalid(format!("equation `{equation}`: the result's axes")));
    }
    let mut rest = operands.into_iter();
    let Some(mut a) = rest.next() else { return Err(Stop::invalid("there are no operands")) };
    let rest: Vec<Named> = rest.collect();
    for (k, b) in rest.iter().enumerate() {
        let later = |name: &char| wanted.contains(name) || rest[k + 1..].iter().any(|x| x.axes.contains(name));
        a = product(l, a, b, &later)?;
    }
    let a = sum_out(l, a, &|name| wanted.contains(name))?;
    let y = arrange(l, &a, &wanted)?;
    l.set(0, y);
    Ok(())
}

/// Axis names of a term; the axes of an ellipsis are named by digits, the last one `9`.
fn names(term: &str, rank: usize) -> Option<Vec<char>> {
    let (before, after) = term.split_once("...").unwrap_or((term, ""));
    let letters = before.chars().count() + after.chars().count();
    let dots = rank.checked_sub(letters)?;
    if !term.replacen("...", "", 1).chars().all(char::is_alphabetic) || (dots > 0 && !term.contains("...")) || dots > 10 {
        return None;
    }
    Some(before.chars().chain(('0'..='9').skip(10 - dots)).chain(after.chars()).collect())
}

/// Without a result in the equation: axes of an ellipsis, then those named once, in order.
fn implicit(left: &str, extents: &BTreeMap<char, usize>) -> Vec<char> {
    let once = |name: &char| name.is_ascii_digit() || left.chars().filter(|c| c == name).count() == 1;
    extents.keys().copied().filter(once).collect()
}

fn extents(operands: &[Named]) -> Result<BTreeMap<char, usize>, Stop> {
    let mut extents = BTreeMap::new();
    for operand in operands {
        for (&name, &extent) in operand.axes.iter().zip(&operand.x.shape) {
            let known = *extents.entry(name).or_insert(extent);
            if known != extent {
                return Err(Stop::unsupported(format!("axis `{name}` has extents {known} and {extent}")));
            }
        }
    }
    Ok(extents)
}

/// Axes with the same name become one, their diagonal.
fn diagonal(l: &mut Lowering<'_>, operand: Named) -> Result<Named, Stop> {
    let mut axes: Vec<char> = Vec::new();
    let mut shape = Vec::new();
    let mut steps: Vec<usize> = Vec::new();
    for ((&name, &extent), step) in operand.axes.iter().zip(&operand.x.shape).zip(strides(&operand.x.shape)) {
        match axes.iter().position(|&other| other == name) {
            Some(k) if shape[k] == extent => steps[k] += step,
            Some(_) => return Err(Stop::invalid(format!("axis `{name}` has two extents"))),
            None => {
                axes.push(name);
                shape.push(extent);
                steps.push(step);
            }
        }
    }
    if axes.len() == operand.axes.len() {
        return Ok(operand);
    }
    l.charge(shape.iter().product())?;
    let mut places = Vec::new();
    for_each_index(&shape, |index| places.push(offset(index, &steps)));
    let x = pick(l, "diagonal", &[&operand.x], places, shape)?;
    Ok(Named { x, axes })
}

/// Sums over the axes that nothing keeps.
fn sum_out(l: &mut Lowering<'_>, a: Named, keeps: &dyn Fn(&char) -> bool) -> Result<Named, Stop> {
    let summed: Vec<usize> = (0..a.axes.len()).filter(|&k| !keeps(&a.axes[k])).collect();
    if summed.is_empty() {
        return Ok(a);
    }
    let kept: Vec<usize> = (0..a.axes.len()).map(|k| if summed.contains(&k) { 1 } else { a.x.shape[k] }).collect();
    let sum = l.emit("sum", ModelOp::ReduceSum { axes: summed.clone() }, &[&a.x], kept)?;
    let left: Vec<usize> = (0..a.axes.len()).filter(|k| !summed.contains(k)).collect();
    let x = l.reshape("summed", &sum, left.iter().map(|&k| a.x.shape[k]).collect())?;
    Ok(Named { x, axes: left.iter().map(|&k| a.axes[k]).collect() })
}

/// The operand with its axes in this order.
fn arrange(l: &mut Lowering<'_>, a: &Named, order: &[char]) -> Result<Operand, Stop> {
    let perm: Option<Vec<usize>> = order.iter().map(|name| a.axes.iter().position(|other| other == name)).collect();
    let perm = perm.filter(|perm| perm.len() == a.axes.len()).ok_or_else(|| Stop::invalid("axes differ"))?;
    if perm.is_sorted() { Ok(a.x.clone()) } else { l.transpose("order", &a.x, &perm) }
}

/// The product of two operands, summed over the axes that both have and `keeps` does not hold for.
fn product(l: &mut Lowering<'_>, a: Named, b: &Named, keeps: &dyn Fn(&char) -> bool) -> Result<Named, Stop> {
    let a = sum_out(l, a, &|name| keeps(name) || b.axes.contains(name))?;
    let b = sum_out(l, Named { x: b.x.clone(), axes: b.axes.clone() }, &|name| keeps(name) || a.axes.contains(name))?;
    let pick = |from: &Named, holds: &dyn Fn(&char) -> bool| -> Vec<char> { from.axes.iter().copied().filter(holds).collect() };
    let batch = pick(&a, &|name| b.axes.contains(name) && keeps(name));
    let inner = pick(&a, &|name| b.axes.contains(name) && !keeps(name));
    let rows = pick(&a, &|name| !b.axes.contains(name));
    let columns = pick(&b, &|name| !a.axes.contains(name));
    let axes = [batch.clone(), rows.clone(), columns.clone()].concat();
    let size = |from: &Named, names: &[char]| -> Vec<usize> {
        names.iter().filter_map(|name| from.axes.iter().position(|other| other == name)).map(|k| from.x.shape[k]).collect()
    };
    let (batch_shape, row_shape, column_shape) = (size(&a, &batch), size(&a, &rows), size(&b, &columns));
    let shape = [batch_shape.clone(), row_shape.clone(), column_shape.clone()].concat();
    let left = arrange(l, &a, &[batch.clone(), rows, inner.clone()].concat())?;
    if inner.is_empty() {
        let right = arrange(l, &b, &[batch, columns].concat())?;
        let left = l.reshape("left", &left, [batch_shape.clone(), row_shape.clone(), vec![1; column_shape.len()]].concat())?;
        let right = l.reshape("right", &right, [batch_shape, vec![1; row_shape.len()], column_shape].concat())?;
        let x = l.binary("product", ModelOp::Mul, &left, &right)?;
        return Ok(Named { x, axes });
    }
    let right = arrange(l, &b, &[batch, inner.clone(), columns].concat())?;
    let flat = |extents: &[usize]| -> usize { extents.iter().product() };
    let summed = flat(&size(&a, &inner));
    let matrix = |first: usize, second: usize| [batch_shape.clone(), vec![first, second]].concat();
    let left = l.reshape("left", &left, matrix(flat(&row_shape), summed))?;
    let right = l.reshape("right", &right, matrix(summed, flat(&column_shape)))?;
    let y = matmul(l, "matmul", &left, &right)?;
    let x = l.reshape("product", &y, shape)?;
    Ok(Named { x, axes })
}
