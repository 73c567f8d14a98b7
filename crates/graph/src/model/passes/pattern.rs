//! Reading a graph for patterns: what makes a value, up to constant factors and offsets.

use crate::model::{ModelGraph, ModelOp, Node, UnaryFn, ValueId};

/// Longest chain of constant factors and offsets, deepest polynomial.
const MAX_DEPTH: usize = 8;

/// A graph with its producers.
pub(super) struct View<'a> {
    pub(super) graph: &'a ModelGraph,
    producer: Vec<Option<usize>>,
}

/// `factor * base + offset`.
#[derive(Clone, Copy)]
pub(super) struct Affine {
    pub(super) base: ValueId,
    pub(super) factor: f64,
    pub(super) offset: f64,
}

impl<'a> View<'a> {
    pub(super) fn new(graph: &'a ModelGraph) -> Self {
        let mut producer = vec![None; graph.values.len()];
        for (k, node) in graph.nodes.iter().enumerate() {
            producer[node.output.index()] = Some(k);
        }
        Self { graph, producer }
    }

    /// The node that makes a value.
    pub(super) fn node(&self, id: ValueId) -> Option<&'a Node> {
        self.producer[id.index()].map(|k| &self.graph.nodes[k])
    }

    pub(super) fn shape(&self, id: ValueId) -> &'a [usize] {
        &self.graph.value(id).shape
    }

    /// The number that every entry of a constant is.
    pub(super) fn number(&self, id: ValueId) -> Option<f64> {
        let (&first, rest) = self.graph.value(id).constant.as_ref()?.owned()?.split_first()?;
        rest.iter().all(|x| x.to_bits() == first.to_bits()).then_some(first.into())
    }

    /// The operand of a function.
    pub(super) fn operand_of(&self, id: ValueId, function: UnaryFn) -> Option<ValueId> {
        let node = self.node(id)?;
        (node.op == ModelOp::Unary(function)).then(|| node.inputs[0])
    }

    /// The value as a factor times another value plus an offset, as far as constant numbers reach.
    pub(super) fn affine(&self, id: ValueId) -> Affine {
        let mut found = Affine { base: id, factor: 1.0, offset: 0.0 };
        for _ in 0..MAX_DEPTH {
            let Some((base, factor, offset)) = self.affine_step(found.base) else { break };
            found = Affine {
                base,
                factor: found.factor * factor,
                offset: found.offset + found.factor * offset,
            };
        }
        found
    }

    /// The value as a factor times another value.
    pub(super) fn scaled(&self, id: ValueId) -> (ValueId, f64) {
        let (mut at, mut by) = (id, 1.0);
        for _ in 0..MAX_DEPTH {
            match self.affine_step(at) {
                Some((base, factor, 0.0)) => (at, by) = (base, by * factor),
                _ => break,
            }
        }
        (at, by)
    }

    fn affine_step(&self, id: ValueId) -> Option<(ValueId, f64, f64)> {
        let node = self.node(id)?;
        let &[a, b] = node.inputs.as_slice() else { return None };
        let (base, number, number_first) = match (self.number(a), self.number(b)) {
            (None, Some(number)) => (a, number, false),
            (Some(number), None) => (b, number, true),
            _ => return None,
        };
        if self.shape(base) != self.shape(id) {
            return None;
        }
        match (&node.op, number_first) {
            (ModelOp::Mul, _) if number != 0.0 => Some((base, number, 0.0)),
            (ModelOp::Div, false) if number != 0.0 => Some((base, 1.0 / number, 0.0)),
            (ModelOp::Add, _) => Some((base, 1.0, number)),
            (ModelOp::Sub, false) => Some((base, 1.0, -number)),
            (ModelOp::Sub, true) => Some((base, -1.0, number)),
            _ => None,
        }
    }

    /// The operands of a node of two operands.
    pub(super) fn pair(&self, id: ValueId, op: &ModelOp) -> Option<(ValueId, ValueId)> {
        let node = self.node(id).filter(|node| node.op == *op)?;
        match node.inputs.as_slice() {
            &[a, b] => Some((a, b)),
            _ => None,
        }
    }

    /// Coefficients of a polynomial in `x`, of degree 3 at most.
    pub(super) fn polynomial(&self, id: ValueId, x: ValueId) -> Option<[f64; 4]> {
        self.polynomial_within(id, x, MAX_DEPTH)
    }

    fn polynomial_within(&self, id: ValueId, x: ValueId, depth: usize) -> Option<[f64; 4]> {
        if id == x {
            return Some([0.0, 1.0, 0.0, 0.0]);
        }
        if let Some(number) = self.number(id) {
            return Some([number, 0.0, 0.0, 0.0]);
        }
        let depth = depth.checked_sub(1)?;
        let node = self.node(id)?;
        let &[a, b] = node.inputs.as_slice() else { return None };
        let (p, q) = (self.polynomial_within(a, x, depth)?, self.polynomial_within(b, x, depth)?);
        let mut out = [0.0; 4];
        match node.op {
            ModelOp::Add => (0..4).for_each(|k| out[k] = p[k] + q[k]),
            ModelOp::Sub => (0..4).for_each(|k| out[k] = p[k] - q[k]),
            ModelOp::Mul => {
                for (i, a) in p.into_iter().enumerate() {
                    for (j, b) in q.into_iter().enumerate() {
                        let term = a * b;
                        match out.get_mut(i + j) {
                            Some(coefficient) => *coefficient += term,
                            None if term != 0.0 => return None,
                            None => {}
                        }
                    }
                }
            }
            _ => return None,
        }
        Some(out)
    }
}

/// Equal but for rounding of constants.
pub(super) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 5e-6 * b.abs()
}
