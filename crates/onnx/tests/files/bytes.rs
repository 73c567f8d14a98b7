//! Writes small ONNX files byte by byte, broken ones included.

/// A varint field.
pub(crate) fn number(tag: u32, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(tag << 3), &mut out);
    prost::encoding::encode_varint(value.cast_unsigned(), &mut out);
    out
}

/// A length-delimited field.
pub(crate) fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    prost::encoding::encode_varint(u64::from(tag << 3 | 2), &mut out);
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

/// A text field.
pub(crate) fn text(tag: u32, text: &str) -> Vec<u8> {
    field(tag, text.as_bytes())
}

/// A float tensor.
pub(crate) fn floats(name: &str, dims: &[i64], data: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensor(name, dims, 1, &raw)
}

/// An integer tensor.
pub(crate) fn ints(name: &str, dims: &[i64], data: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensor(name, dims, 7, &raw)
}

/// A tensor of any type from raw bytes.
pub(crate) fn tensor(name: &str, dims: &[i64], kind: i64, raw: &[u8]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|&d| number(1, d));
    [
        dims.collect(),
        number(2, kind),
        text(8, name),
        field(9, raw),
    ]
    .concat()
}

/// A tensor whose data is in another file.
pub(crate) fn external(name: &str, dims: &[i64], entries: &[(&str, &str)]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|&d| number(1, d));
    let entries = entries
        .iter()
        .flat_map(|(key, value)| field(13, &[text(1, key), text(2, value)].concat()));
    [
        dims.collect(),
        number(2, 1),
        text(8, name),
        entries.collect(),
        number(14, 1),
    ]
    .concat()
}

/// An attribute of integers.
pub(crate) fn ints_attribute(name: &str, values: &[i64]) -> Vec<u8> {
    let values = values.iter().flat_map(|&x| number(8, x));
    [text(1, name), values.collect(), number(20, 7)].concat()
}

/// An attribute of one integer.
pub(crate) fn int_attribute(name: &str, value: i64) -> Vec<u8> {
    [text(1, name), number(3, value), number(20, 2)].concat()
}

/// A node.
pub(crate) fn node(
    op: &str,
    name: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[Vec<u8>],
) -> Vec<u8> {
    let mut out: Vec<u8> = inputs.iter().flat_map(|x| text(1, x)).collect();
    out.extend(outputs.iter().flat_map(|x| text(2, x)));
    out.extend(text(3, name));
    out.extend(text(4, op));
    out.extend(attributes.iter().flat_map(|x| field(5, x)));
    out
}

/// A float value: extents above 0 as numbers, others open.
pub(crate) fn value(name: &str, dims: &[i64]) -> Vec<u8> {
    typed_value(name, dims, 1)
}

/// A value of an ONNX type, as [`value`].
pub(crate) fn typed_value(name: &str, dims: &[i64], kind: i64) -> Vec<u8> {
    let dims: Vec<u8> = dims
        .iter()
        .flat_map(|&d| {
            if d > 0 {
                field(1, &number(1, d))
            } else {
                field(1, &text(2, "open"))
            }
        })
        .collect();
    let kind = field(1, &[number(1, kind), field(2, &dims)].concat());
    [text(1, name), field(2, &kind)].concat()
}

/// A graph in parts.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Vec<u8>>,
    pub(crate) initializers: Vec<Vec<u8>>,
    pub(crate) inputs: Vec<Vec<u8>>,
    pub(crate) outputs: Vec<Vec<u8>>,
    pub(crate) value_infos: Vec<Vec<u8>>,
}

impl Graph {
    /// The file, with this operator set.
    pub(crate) fn file(&self, opset: i64) -> Vec<u8> {
        let mut graph = text(2, "test");
        for (tag, parts) in [
            (1, &self.nodes),
            (5, &self.initializers),
            (11, &self.inputs),
            (12, &self.outputs),
            (13, &self.value_infos),
        ] {
            graph.extend(parts.iter().flat_map(|part| field(tag, part)));
        }
        [number(1, 8), field(7, &graph), field(8, &number(2, opset))].concat()
    }
}

/// `y = relu(x W + b)`, `x [1, 2]`, `W [2, 3]`.
pub(crate) fn dense() -> Graph {
    Graph {
        nodes: vec![
            node("Gemm", "dense", &["x", "w", "b"], &["h"], &[]),
            node("Relu", "act", &["h"], &["y"], &[]),
        ],
        initializers: vec![
            floats("w", &[2, 3], &[1.0, -2.0, 3.0, 0.5, 0.25, -1.0]),
            floats("b", &[3], &[0.1, 0.2, 0.3]),
        ],
        inputs: vec![value("x", &[0, 2])],
        outputs: vec![value("y", &[0, 3])],
        value_infos: vec![],
    }
}
