//! A small ONNX model under construction.

use crate::bytes::{Graph, field, floats, int_attribute, ints, ints_attribute, node, number, tensor, text, value};

/// One model of the kit.
#[derive(Clone)]
pub(crate) struct Case {
    /// What is special about it.
    pub(crate) name: &'static str,
    /// Its ONNX operators.
    pub(crate) operators: Vec<&'static str>,
    /// The file.
    pub(crate) file: Vec<u8>,
    /// Outputs are indices, which are exact wherever the greatest entry is clear.
    pub(crate) is_index: bool,
}

/// A node that is not closed yet: attributes may follow.
struct Open {
    operator: &'static str,
    inputs: Vec<&'static str>,
    outputs: Vec<&'static str>,
    classical: bool,
    attributes: Vec<Vec<u8>>,
}

/// A builder in the order of the file; attributes belong to the node before them.
pub(crate) struct Net {
    name: &'static str,
    opset: i64,
    graph: Graph,
    open: Vec<Open>,
}

impl Net {
    /// An empty model of opset 17.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, opset: 17, graph: Graph::default(), open: Vec::new() }
    }

    /// Another operator set.
    pub(crate) fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    /// A float input.
    pub(crate) fn input(mut self, name: &str, shape: &[i64]) -> Self {
        self.graph.inputs.push(value(name, shape));
        self
    }

    /// A constant with seeded numbers in -1 .. 1.
    pub(crate) fn weight(self, name: &str, shape: &[i64]) -> Self {
        let seed = self.graph.initializers.len() as u64 + 11;
        let len = shape.iter().product::<i64>() as usize;
        self.floats(name, shape, &noise(len, seed, 1.0))
    }

    /// A constant of floats.
    pub(crate) fn floats(mut self, name: &str, shape: &[i64], data: &[f32]) -> Self {
        self.graph.initializers.push(floats(name, shape, data));
        self
    }

    /// A constant list of integers.
    pub(crate) fn ints(mut self, name: &str, data: &[i64]) -> Self {
        self.graph.initializers.push(ints(name, &[data.len() as i64], data));
        self
    }

    /// A constant integer without axes.
    pub(crate) fn int(mut self, name: &str, data: i64) -> Self {
        self.graph.initializers.push(ints(name, &[], &[data]));
        self
    }

    /// A constant list of truth values.
    pub(crate) fn bools(mut self, name: &str, data: &[bool]) -> Self {
        let raw: Vec<u8> = data.iter().map(|&flag| u8::from(flag)).collect();
        self.graph.initializers.push(tensor(name, &[data.len() as i64], 9, &raw));
        self
    }

    /// A node.
    pub(crate) fn node(mut self, operator: &'static str, inputs: &[&'static str], outputs: &[&'static str]) -> Self {
        let (inputs, outputs) = (inputs.to_vec(), outputs.to_vec());
        self.open.push(Open { operator, inputs, outputs, classical: false, attributes: Vec::new() });
        self
    }

    /// A node of the domain of classical models.
    pub(crate) fn ml(self, operator: &'static str, inputs: &[&'static str], outputs: &[&'static str]) -> Self {
        self.node(operator, inputs, outputs).classical()
    }

    /// Puts the last node into the domain of classical models.
    pub(crate) fn classical(mut self) -> Self {
        self.open.last_mut().expect("a node").classical = true;
        self
    }

    /// An attribute of floats.
    pub(crate) fn with_floats(self, name: &str, values: &[f32]) -> Self {
        let values = values.iter().flat_map(|v| [&[0x3d][..], &v.to_le_bytes()].concat());
        self.with([text(1, name), values.collect(), number(20, 6)].concat())
    }

    /// An attribute as it is.
    pub(crate) fn with_attribute(self, attribute: Vec<u8>) -> Self {
        self.with(attribute)
    }

    /// An integer attribute.
    pub(crate) fn with_int(self, name: &str, value: i64) -> Self {
        self.with(int_attribute(name, value))
    }

    /// An attribute of integers.
    pub(crate) fn with_ints(self, name: &str, values: &[i64]) -> Self {
        self.with(ints_attribute(name, values))
    }

    /// A float attribute.
    pub(crate) fn with_float(self, name: &str, value: f32) -> Self {
        let entry = [&[0x15][..], &value.to_le_bytes()].concat();
        self.with([text(1, name), entry, number(20, 1)].concat())
    }

    /// A text attribute.
    pub(crate) fn with_text(self, name: &str, value: &str) -> Self {
        self.with([text(1, name), text(4, value), number(20, 3)].concat())
    }

    /// A tensor attribute of floats.
    pub(crate) fn with_tensor(self, name: &str, shape: &[i64], data: &[f32]) -> Self {
        self.with([text(1, name), field(5, &floats("", shape, data)), number(20, 4)].concat())
    }

    fn with(mut self, attribute: Vec<u8>) -> Self {
        self.open.last_mut().expect("a node stands before its attributes").attributes.push(attribute);
        self
    }

    /// The case with these outputs.
    pub(crate) fn outputs(mut self, names: &[&str]) -> Case {
        self.graph.outputs = names.iter().map(|name| text(1, name)).collect();
        let operators = self.open.iter().map(|open| open.operator).collect();
        for (index, Open { operator, inputs, outputs, classical, attributes }) in self.open.iter().enumerate() {
            let name = format!("{operator}_{index}");
            let mut bytes = node(operator, &name, inputs, outputs, attributes);
            if *classical {
                bytes.extend(text(7, "ai.onnx.ml"));
            }
            self.graph.nodes.push(bytes);
        }
        Case { name: self.name, operators, file: self.graph.file(self.opset), is_index: false }
    }

    /// The case with this output, which holds indices.
    pub(crate) fn index(self, name: &str) -> Case {
        Case { is_index: true, ..self.outputs(&[name]) }
    }
}

/// Seeded numbers in `-amplitude .. amplitude`.
pub(crate) fn noise(len: usize, seed: u64, amplitude: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * amplitude
    };
    (0..len).map(|_| next()).collect()
}
