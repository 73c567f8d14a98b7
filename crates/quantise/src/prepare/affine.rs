//! `(g n + b) W = n (diag(g) W) + b W` for `n` behind a [`ModelOp::Normalize`]: where all readers are products with constant
//! matrices, scale and bias vanish into them. What is rescaled then are normalised values, which no scale has spread, and one
//! integer multiplier serves all of them. The scale stays as private as the weights.

use std::collections::BTreeSet;

use veritorch_graph::model::{Constant, ModelGraph, ModelOp, Node, Value, ValueId};

/// A scale or a bias along the last axis.
#[derive(Clone, Copy)]
enum Step {
    Scale(ValueId),
    Bias(ValueId),
}

/// Folds wherever it can.
pub(super) fn fold(graph: &mut ModelGraph) {
    let starts: Vec<ValueId> = graph
        .nodes
        .iter()
        .filter(|node| matches!(node.op, ModelOp::Normalize { .. }))
        .map(|node| node.output)
        .collect();
    for &start in &starts {
        let steps = chain(graph, start);
        let Some(&(_, end)) = steps.last() else { continue };
        if let Some((products, wirings)) = readers(graph, end) {
            let steps: Vec<Step> = steps.into_iter().map(|(step, _)| step).collect();
            replace(graph, end, start, &wirings);
            // From the last: what is inserted moves what follows.
            for product in products.into_iter().collect::<BTreeSet<_>>().into_iter().rev() {
                absorb(graph, product, &steps);
            }
        }
    }
    if starts.is_empty() {
        return;
    }
    let live = live(graph);
    graph.nodes.retain(|node| live[node.output.index()]);
    // Weights that scaled copies have replaced.
    for (value, live) in graph.values.iter_mut().zip(live) {
        if let (Some(constant), false) = (&mut value.constant, live) {
            *constant = Vec::new().into();
        }
    }
}

/// The scales and biases behind a value, each its only reader, with their results.
fn chain(graph: &ModelGraph, start: ValueId) -> Vec<(Step, ValueId)> {
    let mut steps = Vec::new();
    let mut at = start;
    loop {
        let mut reading = graph.nodes.iter().filter(|node| node.inputs.contains(&at));
        let (Some(node), None) = (reading.next(), reading.next()) else { return steps };
        let [a, b] = node.inputs[..] else { return steps };
        let other = if a == at { b } else { a };
        let shape = &graph.value(at).shape;
        let constant = graph.value(other);
        let is_vector = constant.shape.last() == shape.last() && Some(&constant.len()) == shape.last();
        if graph.outputs.contains(&at) || constant.constant.is_none() || !is_vector || graph.value(node.output).shape != *shape {
            return steps;
        }
        let step = match node.op {
            ModelOp::Mul => Step::Scale(other),
            ModelOp::Add => Step::Bias(other),
            _ => return steps,
        };
        steps.push((step, node.output));
        at = node.output;
    }
}

/// The products with constant matrices that read a value, also through wiring that leaves the last axis alone, and that wiring,
/// by index of the node; `None` where anything else reads it.
fn readers(graph: &ModelGraph, end: ValueId) -> Option<(Vec<usize>, Vec<usize>)> {
    let (mut products, mut wirings, mut pending) = (Vec::new(), Vec::new(), vec![end]);
    while let Some(at) = pending.pop() {
        if graph.outputs.contains(&at) {
            return None;
        }
        let shape = &graph.value(at).shape;
        let last = shape.len() - 1;
        for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.inputs.contains(&at)) {
            let keeps_last = match &node.op {
                ModelOp::MatMul => {
                    let weights = graph.value(node.inputs[1]);
                    if node.inputs[0] != at || weights.constant.is_none() || weights.shape.len() != 2 {
                        return None;
                    }
                    products.push(index);
                    continue;
                }
                ModelOp::Reshape => graph.value(node.output).shape.last() == shape.last(),
                ModelOp::Slice { starts, steps } => {
                    starts[last] == 0 && steps[last] == 1 && graph.value(node.output).shape.last() == shape.last()
                }
                ModelOp::Gather { axis, .. } => *axis != last,
                ModelOp::Transpose { perm } => perm[last] == last,
                _ => false,
            };
            if !keeps_last {
                return None;
            }
            wirings.push(index);
            pending.push(node.output);
        }
    }
    (!products.is_empty()).then_some((products, wirings))
}

/// Lets every reader of `old` read `new`; values on the way get names of their own, because they no longer hold the user's.
fn replace(graph: &mut ModelGraph, old: ValueId, new: ValueId, wirings: &[usize]) {
    for node in &mut graph.nodes {
        for input in node.inputs.iter_mut().filter(|input| **input == old) {
            *input = new;
        }
    }
    for &wiring in wirings {
        let output = graph.nodes[wiring].output;
        let name = format!("{}:normalised", graph.value(output).name);
        graph.values[output.index()].name = name;
    }
}

/// Folds the steps into one product.
fn absorb(graph: &mut ModelGraph, product: usize, steps: &[Step]) {
    let weights = graph.nodes[product].inputs[1];
    let Value { name, shape, .. } = graph.value(weights);
    let (inner, columns) = (shape[0], shape[1]);
    let (name, shape) = (name.clone(), shape.clone());
    let numbers = |graph: &ModelGraph, id: ValueId| -> Vec<f64> {
        graph.value(id).data().unwrap_or_default().iter().map(|&v| f64::from(v)).collect()
    };
    let (mut factors, mut shift) = (vec![1.0f64; inner], vec![0.0f64; inner]);
    // From the last step to the first: each stands nearer to the normalised value.
    for step in steps.iter().rev() {
        let (Step::Scale(id) | Step::Bias(id)) = *step;
        let by = numbers(graph, id);
        for ((factor, shift), by) in factors.iter_mut().zip(&mut shift).zip(by) {
            match step {
                Step::Scale(_) => *factor *= by,
                Step::Bias(_) => *shift += by * *factor,
            }
        }
    }
    let mut bias = vec![0.0f64; columns];
    if shift.iter().any(|&by| by != 0.0) {
        for (row, by) in numbers(graph, weights).chunks(columns).zip(shift) {
            bias.iter_mut().zip(row).for_each(|(sum, w)| *sum += by * w);
        }
    }
    let matrix = graph.value(weights).constant.as_ref().map(|matrix| matrix.scaled_rows(&factors));
    let scaled = push(graph, name.clone(), shape, matrix);
    graph.nodes[product].inputs[1] = scaled;
    if bias.iter().all(|&v| v == 0.0) {
        return;
    }
    let bias: Vec<f32> = bias.iter().map(|&v| v as f32).collect();
    let bias = push(graph, format!("{name}:shift"), vec![columns], Some(bias.into()));
    let Node { name, output, source, .. } = graph.nodes[product].clone();
    let shape = graph.value(output).shape.clone();
    let before = push(graph, format!("{}:unshifted", graph.value(output).name), shape, None);
    graph.nodes[product].output = before;
    let add = Node { name: format!("{name}:shift"), op: ModelOp::Add, inputs: vec![before, bias], output, source };
    graph.nodes.insert(product + 1, add);
}

fn push(graph: &mut ModelGraph, name: String, shape: Vec<usize>, constant: Option<Constant>) -> ValueId {
    let id = ValueId(u32::try_from(graph.values.len()).unwrap_or(u32::MAX));
    graph.values.push(Value { name, shape, constant });
    id
}

/// Per value whether an output needs it.
fn live(graph: &ModelGraph) -> Vec<bool> {
    let mut live = vec![false; graph.values.len()];
    graph.outputs.iter().for_each(|id| live[id.index()] = true);
    for node in graph.nodes.iter().rev() {
        if live[node.output.index()] {
            node.inputs.iter().for_each(|id| live[id.index()] = true);
        }
    }
    live
}
