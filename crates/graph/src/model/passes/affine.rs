//! Products and sums by constants into the linear layer before them.
//!
//! * `conv(x, w, b) * m + a = conv(x, w * m, b * m + a)`, `m` and `a` one number for each output channel;
//! * `(x W) * m = x (W * m)`, `m` one number for each column;
//! * `(x + b) * m = x * m + b * m` where the product then goes into a layer;
//! * `(x + a) + b = x + (a + b)`, `(x * a) * b = x * (a * b)`.
//!
//! A batch normalisation behind a convolution or a dense layer is such a product and sum.

use std::collections::BTreeSet;

use super::links::{Links, constant_operand};
use crate::model::index::broadcast;
use crate::model::{ModelError, ModelGraph, ModelOp, Operand, ValueId, evaluate_node};

/// Folds products and sums by constants. True where something changed.
///
/// # Errors
/// None for a graph that satisfies [`ModelGraph::check`].
pub fn fold_affine(graph: &mut ModelGraph) -> Result<bool, ModelError> {
    let mut links = Links::new(graph);
    let mut dropped = BTreeSet::new();
    let mut changed = false;
    for k in 0..graph.nodes.len() {
        while let Some(done) = step(graph, &mut links, k) {
            changed = true;
            if let Done::Folded = done {
                dropped.insert(k);
                break;
            }
        }
    }
    let mut at = 0;
    graph.nodes.retain(|_| {
        at += 1;
        !dropped.contains(&(at - 1))
    });
    Ok(changed)
}

enum Done {
    /// The node is part of the one before it.
    Folded,
    /// The node became another one, which may fold in turn.
    Rewritten,
}

/// An affine node, `y = x op c`, and the node that produces `x` for it alone.
struct Site {
    node: usize,
    before: usize,
    x: ValueId,
    constant: ValueId,
    /// `c - x` rather than `x - c`.
    constant_first: bool,
}

fn step(graph: &mut ModelGraph, links: &mut Links, k: usize) -> Option<Done> {
    let (x, constant, constant_first) = constant_operand(graph, &graph.nodes[k])?;
    let before = links.producer(x).filter(|_| links.is_private(x))?;
    // broadcasting of x itself is no affine function of each entry
    if graph.value(x).shape != graph.value(graph.nodes[k].output).shape {
        return None;
    }
    let site = Site {
        node: k,
        before,
        x,
        constant,
        constant_first,
    };
    match graph.nodes[before].op {
        ModelOp::Conv { .. } => into_conv(graph, links, &site),
        ModelOp::MatMul => into_matmul(graph, links, &site),
        ModelOp::Add | ModelOp::Mul => join(graph, links, &site),
        _ => None,
    }
}

/// The node before writes the affine node's result.
fn absorb(graph: &mut ModelGraph, links: &mut Links, site: &Site) -> Done {
    links.drop_uses(&graph.nodes[site.node]);
    let output = graph.nodes[site.node].output;
    graph.nodes[site.before].output = output;
    links.set_producer(output, site.before);
    Done::Folded
}

/// The constant as one number for each index of `axis`, where it does not vary along other axes.
fn along(graph: &ModelGraph, constant: ValueId, shape: &[usize], axis: usize) -> Option<Vec<f32>> {
    let value = graph.value(constant);
    let constant = value.constant.as_ref()?;
    if constant.len() == 1 {
        return Some(vec![constant.read()[0]; shape[axis]]);
    }
    let missing = shape.len().checked_sub(value.shape.len())?;
    let only = value
        .shape
        .iter()
        .enumerate()
        .all(|(k, &extent)| extent == 1 || k + missing == axis);
    (only && constant.len() == shape[axis]).then(|| constant.read().into_owned())
}

fn into_conv(graph: &mut ModelGraph, links: &mut Links, site: &Site) -> Option<Done> {
    let numbers = along(graph, site.constant, &graph.value(site.x).shape, 1)?;
    let conv = &graph.nodes[site.before];
    let (w, b) = (
        graph.value(conv.inputs[1]),
        conv.inputs.get(2).map(|&id| graph.value(id)),
    );
    let weights = w.data()?;
    let channels = numbers.len();
    let bias = match b {
        Some(b) => b.data()?.into_owned(),
        None => vec![0.0; channels],
    };
    let is_product = matches!(graph.nodes[site.node].op, ModelOp::Mul);
    let is_difference = matches!(graph.nodes[site.node].op, ModelOp::Sub);
    // y = factor * conv + offset
    let factor = |o: usize| match (is_product, is_difference && site.constant_first) {
        (true, _) => f64::from(numbers[o]),
        (false, negated) => {
            if negated {
                -1.0
            } else {
                1.0
            }
        }
    };
    let offset = |o: usize| match (is_product, is_difference && !site.constant_first) {
        (true, _) => 0.0,
        (false, negated) => f64::from(numbers[o]) * if negated { -1.0 } else { 1.0 },
    };
    let per_channel = weights.len() / channels;
    let scaled = round(
        weights
            .iter()
            .enumerate()
            .map(|(at, &w)| f64::from(w) * factor(at / per_channel)),
    )?;
    let shifted = round(
        bias.iter()
            .enumerate()
            .map(|(o, &b)| f64::from(b) * factor(o) + offset(o)),
    )?;
    let (w_name, w_shape) = (w.name.clone(), w.shape.clone());
    let b_name = b.map_or_else(|| format!("{}/bias", conv.name), |b| b.name.clone());
    let has_bias = b.is_some();
    let mut inputs = conv.inputs.clone();
    if is_product || (is_difference && site.constant_first) {
        inputs[1] = replace(graph, links, inputs[1], &w_name, w_shape, scaled);
    }
    if has_bias {
        inputs[2] = replace(graph, links, inputs[2], &b_name, vec![channels], shifted);
    } else if !is_product {
        inputs.push(links.add_constant(graph, &b_name, vec![channels], shifted));
    }
    links.set_inputs(&mut graph.nodes[site.before], inputs);
    Some(absorb(graph, links, site))
}

fn into_matmul(graph: &mut ModelGraph, links: &mut Links, site: &Site) -> Option<Done> {
    if !matches!(graph.nodes[site.node].op, ModelOp::Mul) {
        return None;
    }
    let shape = graph.value(site.x).shape.clone();
    let numbers = along(graph, site.constant, &shape, shape.len() - 1)?;
    let inputs = graph.nodes[site.before].inputs.clone();
    let weights = graph.value(inputs[1]);
    let data = weights.data()?;
    let columns = *weights.shape.last()?;
    let scaled = round(
        data.iter()
            .enumerate()
            .map(|(at, &w)| f64::from(w) * f64::from(numbers[at % columns])),
    )?;
    let (name, w_shape) = (weights.name.clone(), weights.shape.clone());
    let id = replace(graph, links, inputs[1], &name, w_shape, scaled);
    links.set_inputs(&mut graph.nodes[site.before], vec![inputs[0], id]);
    Some(absorb(graph, links, site))
}

/// Two affine nodes in a row.
fn join(graph: &mut ModelGraph, links: &mut Links, site: &Site) -> Option<Done> {
    let (inner, inner_constant, _) = constant_operand(graph, &graph.nodes[site.before])?;
    let shape = &graph.value(site.x).shape;
    if graph.value(inner).shape != *shape {
        return None;
    }
    match (&graph.nodes[site.before].op, &graph.nodes[site.node].op) {
        (ModelOp::Add, ModelOp::Add) | (ModelOp::Mul, ModelOp::Mul) => {
            let op = graph.nodes[site.node].op.clone();
            let joined = combine(graph, links, &op, [inner_constant, site.constant])?;
            links.set_inputs(&mut graph.nodes[site.before], vec![inner, joined]);
            Some(absorb(graph, links, site))
        }
        (ModelOp::Add, ModelOp::Mul) => {
            let linear = links
                .producer(inner)
                .filter(|_| links.is_private(inner))
                .map(|p| &graph.nodes[p])?;
            let folds = match linear.op {
                ModelOp::Conv { .. } => along(graph, site.constant, shape, 1).is_some(),
                ModelOp::MatMul => {
                    graph.value(linear.inputs[1]).constant.is_some()
                        && along(graph, site.constant, shape, shape.len() - 1).is_some()
                }
                _ => false,
            };
            if !folds {
                return None;
            }
            let scaled = combine(graph, links, &ModelOp::Mul, [inner_constant, site.constant])?;
            // (inner + b) * m: the product goes first, in the sum's place, and folds into the layer in the next round
            let factor = site.constant;
            let [sum, product] = [site.before, site.node];
            let (head, tail) = graph.nodes.split_at_mut(product);
            let (earlier, later) = (&mut head[sum], &mut tail[0]);
            std::mem::swap(&mut earlier.op, &mut later.op);
            std::mem::swap(&mut earlier.name, &mut later.name);
            std::mem::swap(&mut earlier.source, &mut later.source);
            links.set_inputs(earlier, vec![inner, factor]);
            links.set_inputs(later, vec![site.x, scaled]);
            Some(Done::Rewritten)
        }
        _ => None,
    }
}

/// `a op b` as a new constant, no larger than the greater of the two.
fn combine(
    graph: &mut ModelGraph,
    links: &mut Links,
    op: &ModelOp,
    [a, b]: [ValueId; 2],
) -> Option<ValueId> {
    let (x, y) = (graph.value(a), graph.value(b));
    let shape = broadcast(&x.shape, &y.shape)?;
    if shape.iter().product::<usize>() > x.len().max(y.len()) {
        return None;
    }
    let (x_data, y_data) = (x.data()?, y.data()?);
    let operands = [
        Operand {
            shape: &x.shape,
            data: &x_data,
        },
        Operand {
            shape: &y.shape,
            data: &y_data,
        },
    ];
    let data = evaluate_node(op, &operands, &shape)
        .ok()
        .filter(|data| data.iter().all(|x| x.is_finite()))?;
    Some(links.add_instead(graph, a, shape, data))
}

/// A constant with new data: in place where only one node reads it.
fn replace(
    graph: &mut ModelGraph,
    links: &mut Links,
    id: ValueId,
    name: &str,
    shape: Vec<usize>,
    data: Vec<f32>,
) -> ValueId {
    if links.is_private(id) {
        let value = &mut graph.values[id.index()];
        (value.shape, value.constant) = (shape, Some(data.into()));
        id
    } else {
        links.add_constant(graph, name, shape, data)
    }
}

/// Rounds to single precision, unless a number leaves its range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounds to the graph's number type"
)]
fn round(numbers: impl Iterator<Item = f64>) -> Option<Vec<f32>> {
    numbers
        .map(|x| Some(x as f32).filter(|x| x.is_finite()))
        .collect()
}
