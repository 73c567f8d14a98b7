//! ONNX files by hand: the protobuf fields of `onnx.proto` that small models need.

/// A length-delimited field.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

/// An integer field.
fn number(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3][..], &varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn tensor(name: &str, shape: &[usize], data: &[f32]) -> Vec<u8> {
    let dims: Vec<u8> = shape.iter().flat_map(|&extent| number(1, extent as u64)).collect();
    let raw: Vec<u8> = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    [dims, number(2, 1), field(8, name.as_bytes()), field(9, &raw)].concat()
}

/// A float value; extents of 0 are open axes named `length`.
fn value(name: &str, shape: &[usize]) -> Vec<u8> {
    let dim = |&extent: &usize| if extent == 0 { field(2, b"length") } else { number(1, extent as u64) };
    let dims: Vec<u8> = shape.iter().flat_map(|extent| field(1, &dim(extent))).collect();
    let kind = field(1, &[number(1, 1), field(2, &dims)].concat());
    [field(1, name.as_bytes()), field(2, &kind)].concat()
}

fn node(op: &str, name: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| field(1, input.as_bytes())).collect();
    [inputs, field(2, output.as_bytes()), field(3, name.as_bytes()), field(4, op.as_bytes())].concat()
}

fn model(nodes: &[Vec<u8>], initializers: &[Vec<u8>], input: Vec<u8>, output: Vec<u8>) -> Vec<u8> {
    let repeat = |number: u8, items: &[Vec<u8>]| items.iter().flat_map(|item| field(number, item)).collect::<Vec<u8>>();
    let graph = [
        repeat(1, nodes),
        field(2, b"classifier"),
        repeat(5, initializers),
        field(11, &input),
        field(12, &output),
    ]
    .concat();
    [number(1, 8), field(7, &graph), field(8, &number(2, 17))].concat()
}

fn weights(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 29 + seed * 53 + 7) % 41) as f32 / 20.0 - 1.0).collect()
}

/// `x [1, 4] -> Gemm -> Relu -> Gemm -> y [1, 3]`.
pub(crate) fn classifier(seed: usize) -> Vec<u8> {
    perceptron(seed, 4, 6, 3)
}

/// `x [1, inputs] -> Gemm -> Relu -> Gemm -> y [1, outputs]`.
pub(crate) fn perceptron(seed: usize, inputs: usize, hidden: usize, outputs: usize) -> Vec<u8> {
    let nodes = [
        node("Gemm", "fc1", &["x", "w1", "b1"], "h"),
        node("Relu", "relu1", &["h"], "r"),
        node("Gemm", "fc2", &["r", "w2", "b2"], "y"),
    ];
    let initializers = [
        tensor("w1", &[inputs, hidden], &weights(inputs * hidden, seed)),
        tensor("b1", &[hidden], &weights(hidden, seed + 1)),
        tensor("w2", &[hidden, outputs], &weights(hidden * outputs, seed + 2)),
        tensor("b2", &[outputs], &weights(outputs, seed + 3)),
    ];
    model(&nodes, &initializers, value("x", &[1, inputs]), value("y", &[1, outputs]))
}

/// `x [1, length] * gate [1, length] -> Gemm -> y [1, 3]`.
pub(crate) fn open() -> Vec<u8> {
    let nodes = [node("Mul", "product", &["x", "gate"], "h"), node("Gemm", "fc", &["h", "w", "b"], "y")];
    let initializers = [tensor("w", &[4, 3], &weights(12, 1)), tensor("b", &[3], &weights(3, 2))];
    let bytes = model(&nodes, &initializers, value("x", &[1, 0]), value("y", &[1, 3]));
    // messages that occur twice are merged: this adds an input to the graph
    [bytes, field(7, &field(11, &value("gate", &[1, 0])))].concat()
}

/// A model with two operators that are not supported.
pub(crate) fn unsupported() -> Vec<u8> {
    let nodes = [node("Einstein", "relativity", &["x"], "h"), node("Bohr", "atom", &["h"], "y")];
    model(&nodes, &[], value("x", &[1, 4]), value("y", &[1, 4]))
}

/// A model whose weights hold a NaN.
pub(crate) fn nan_weights() -> Vec<u8> {
    let nodes = [node("Gemm", "fc1", &["x", "w1"], "y")];
    let mut data = weights(12, 1);
    data[5] = f32::NAN;
    model(&nodes, &[tensor("w1", &[4, 3], &data)], value("x", &[1, 4]), value("y", &[1, 3]))
}
