//! Decision trees: thresholds in the steps of the feature that they are compared with, leaves as fixed-point numbers.
//!
//! How thresholds are rounded: [`crate::features`].

use veritorch_graph::circuit::{AxisLink, AxisMap, SeparableMap, Term};
use veritorch_graph::gadgets::{self, Trees};
use veritorch_graph::model::Node;

use super::sum::Int;
use super::{Lowering, State, Unsupported};
use crate::features::WORD_BITS;
use crate::scales::tidy;

/// Greatest leaf value, so that sums over thousands of trees stay below 2^40.
const GREATEST_LEAF: f64 = (1u64 << 28) as f64;

impl Lowering<'_> {
    /// The sum of the leaves, exact.
    pub(super) fn trees(&mut self, node: &Node, num_trees: usize, depth: usize, num_outputs: usize) -> Result<State, Unsupported> {
        let x = self.int(node.inputs[0])?;
        let name = self.graph.value(node.output).name.clone();
        let (nodes, leaves) = (node.inputs[1], node.inputs[2]);
        let num_features = self.shape(node.inputs[0]).iter().product::<usize>();
        let (rows, columns) = (self.shape(leaves)[0], self.shape(leaves)[1]);
        let steps = self.steps.get(&node.inputs[0].index()).cloned().unwrap_or_else(|| vec![x.scale]);
        let (lo, hi) = self.builder.range(x.tensor);
        let bits = (2..=32).find(|&bits| -(1i64 << (bits - 1)) <= lo && hi < 1i64 << (bits - 1)).unwrap_or(32);
        let log_features = num_features.next_power_of_two().max(2).ilog2();
        if bits + log_features > WORD_BITS {
            return Err(Unsupported::reason(format!(
                "{num_features} features of {bits} bits: a node holds a feature's number and a threshold in {WORD_BITS} bits together; set fewer bits for the input"
            )));
        }
        let reach = 1i64 << (bits - 1);
        let columns_seen = self.calibration.columns(node.inputs[0].index()).unwrap_or_default();
        let Some(table) = self.constant(nodes) else { return Err(Unsupported::reason("nodes that depend on the input")) };
        let (mut words, mut children) = (Vec::new(), Vec::new());
        for row in table.chunks(3) {
            let (feature, child) = (row[0] as usize, row[2] as i64);
            let step = steps[feature % steps.len()];
            let seen = columns_seen.get(feature).map_or(&[][..], Vec::as_slice);
            let rounded = crate::features::threshold(seen, row[1], step).clamp(-reach, reach - 1);
            words.push((rounded << log_features) + feature as i64);
            children.push(child);
        }
        let Some(data) = self.constant(leaves) else { return Err(Unsupported::reason("leaves that depend on the input")) };
        let greatest = data.iter().fold(0.0f64, |max, v| max.max(f64::from(v.abs())));
        let scale = tidy(if greatest > 0.0 { greatest / GREATEST_LEAF } else { 1.0 });
        let values: Vec<Vec<i64>> =
            (0..columns).map(|k| data.iter().skip(k).step_by(columns).map(|&v| (f64::from(v) / scale).round() as i64).collect()).collect();
        // Rows that fill the table up lead to themselves.
        let len = rows.next_power_of_two();
        words.resize(len, (reach - 1) << log_features);
        children.extend(rows as i64..len as i64);
        let low = len.ilog2() / 2;
        let shape = [1, len >> low, 1 << low];
        let mut weight = |what: String, mut values: Vec<i64>| {
            values.resize(len, 0);
            self.weight(&format!("{name}:{what}"), shape, values)
        };
        let words = weight("nodes".to_owned(), words)?;
        let children = weight("children".to_owned(), children)?;
        let leaves = values.into_iter().enumerate().map(|(k, values)| weight(format!("leaves{k}"), values)).collect::<Result<_, _>>()?;
        let forest = Trees { num_trees, depth, words, log_features, children, leaves, bits };
        let reached = gadgets::trees(&mut self.builder, &name, x.tensor, &forest)?;
        let shape = [1, num_outputs];
        let mut terms = Vec::new();
        for (k, &values) in reached.iter().enumerate() {
            let (values, place) = if columns == 1 {
                let by_output = [num_trees / num_outputs, num_outputs];
                (self.builder.reshape(&format!("{name}:by_output"), values, &by_output)?, AxisMap::Identity)
            } else {
                let column = [num_trees, 1];
                let at = AxisMap::Strided { start: -(k as i64), step: 1 };
                (self.builder.reshape(&format!("{name}:column{k}"), values, &column)?, at)
            };
            let links = vec![
                AxisLink::Sum { input: 0 },
                AxisLink::Broadcast { output: 0 },
                AxisLink::Map { input: 1, output: 1, map: place },
            ];
            terms.push(Term { x: values, coefficient: 1, map: SeparableMap { links } });
        }
        let tensor = self.builder.linear(&name, &shape, terms, Vec::new())?;
        Ok(State::Int(Int { tensor, scale }))
    }
}
