//! The checker: every rule that a model graph obeys between any two passes.
//!
//! * values: names unique and not empty, extents at least 1, constants as long as their shape and finite;
//! * nodes: names unique, operands produced before they are read, one producer per value, none for inputs and constants;
//! * operators: the shape rule of [`ModelOp::check_shapes`], weights and biases of convolutions, masks and embedding tables constant;
//! * inputs and outputs: distinct, outputs produced.

use std::collections::BTreeSet;

use super::index::element_count;
use super::{ModelError, ModelGraph, ModelOp, Node, Value, ValueId};

impl ModelGraph {
    /// Checks every rule of the model graph.
    ///
    /// # Errors
    /// The first rule that is broken, naming the value or node.
    pub fn check(&self) -> Result<(), ModelError> {
        let mut names = BTreeSet::new();
        for value in &self.values {
            check_value(value)?;
            if !names.insert(value.name.as_str()) {
                return Err(value_error(value, "another value has the same name"));
            }
        }
        let mut ready: Vec<bool> = self
            .values
            .iter()
            .map(|value| value.constant.is_some())
            .collect();
        for &id in &self.inputs {
            let value = self.checked_value(id, "the graph's inputs")?;
            if ready[id.index()] {
                return Err(value_error(
                    value,
                    "is an input twice, or an input and a constant",
                ));
            }
            ready[id.index()] = true;
        }
        let mut names = BTreeSet::new();
        for node in &self.nodes {
            if !names.insert(node.name.as_str()) {
                return Err(node_error(node, "another node has the same name"));
            }
            self.check_node(node, &mut ready)?;
        }
        let mut seen = BTreeSet::new();
        for &id in &self.outputs {
            let value = self.checked_value(id, "the graph's outputs")?;
            if !ready[id.index()] {
                return Err(value_error(value, "is an output that nothing produces"));
            }
            if !seen.insert(id) {
                return Err(value_error(value, "is an output twice"));
            }
        }
        Ok(())
    }

    fn check_node(&self, node: &Node, ready: &mut [bool]) -> Result<(), ModelError> {
        let mut shapes: Vec<&[usize]> = Vec::with_capacity(node.inputs.len());
        for &id in &node.inputs {
            let value = self.checked_value(id, &node.name)?;
            if !ready[id.index()] {
                return Err(node_error(
                    node,
                    format!("reads `{}` before it is produced", value.name),
                ));
            }
            shapes.push(&value.shape);
        }
        let output = self.checked_value(node.output, &node.name)?;
        if ready[node.output.index()] {
            return Err(node_error(
                node,
                format!("`{}` has another producer", output.name),
            ));
        }
        node.op
            .check_shapes(&shapes, &output.shape)
            .map_err(|error| error.at(&node.name))?;
        let fixed = match node.op {
            ModelOp::Conv { .. } | ModelOp::Softmax { .. } => 1..node.inputs.len(),
            ModelOp::Embedding => 0..1,
            ModelOp::Trees { .. } => 1..3,
            _ => 0..0,
        };
        for &id in &node.inputs[fixed] {
            let value = self.value(id);
            if value.constant.is_none() {
                return Err(node_error(
                    node,
                    format!("operand `{}` is not constant", value.name),
                ));
            }
        }
        ready[node.output.index()] = true;
        Ok(())
    }

    fn checked_value(&self, id: ValueId, place: &str) -> Result<&Value, ModelError> {
        self.values.get(id.index()).ok_or_else(|| ModelError::Node {
            node: place.to_owned(),
            reason: format!("value {} of {}", id.0, self.values.len()),
        })
    }
}

fn check_value(value: &Value) -> Result<(), ModelError> {
    if value.name.is_empty() {
        return Err(value_error(
            value,
            format!("a value of shape {:?} has no name", value.shape),
        ));
    }
    let count = element_count(&value.shape).filter(|&count| count > 0);
    let Some(count) = count else {
        return Err(value_error(
            value,
            format!("shape {:?} is empty or too large", value.shape),
        ));
    };
    if let Some(constant) = &value.constant {
        if constant.len() != count {
            return Err(value_error(
                value,
                format!("shape {:?} holds {} numbers", value.shape, constant.len()),
            ));
        }
        let data = constant.read();
        if let Some(at) = data.iter().position(|x| !x.is_finite()) {
            return Err(value_error(value, format!("entry {at} is {}", data[at])));
        }
    }
    Ok(())
}

fn value_error(value: &Value, reason: impl Into<String>) -> ModelError {
    ModelError::Value {
        value: value.name.clone(),
        reason: reason.into(),
    }
}

fn node_error(node: &Node, reason: impl Into<String>) -> ModelError {
    ModelError::Node {
        node: node.name.clone(),
        reason: reason.into(),
    }
}
