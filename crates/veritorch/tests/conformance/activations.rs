//! Functions of one number, softmax, and indices of extremes.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    let shape = [1, 3, 5];
    let function = |name, operator| Net::new(name).input("x", &shape).node(operator, &["x"], &["y"]);
    let behind_a_layer = |name, operator| {
        Net::new(name)
            .input("x", &[1, 6])
            .weight("w", &[6, 5])
            .node("MatMul", &["x", "w"], &["h"])
            .node(operator, &["h"], &["y"])
    };
    vec![
        function("relu of the input", "Relu").outputs(&["y"]),
        behind_a_layer("relu", "Relu").outputs(&["y"]),
        behind_a_layer("leaky relu", "LeakyRelu").with_float("alpha", 0.2).outputs(&["y"]),
        Net::new("prelu, one slope per channel")
            .input("x", &[1, 3, 2, 2])
            .floats("slope", &[3, 1, 1], &[0.25, -0.5, 0.1])
            .node("PRelu", &["x", "slope"], &["y"])
            .outputs(&["y"]),
        Net::new("clip, bounds as inputs")
            .input("x", &shape)
            .floats("low", &[], &[-0.5])
            .floats("high", &[], &[1.25])
            .node("Clip", &["x", "low", "high"], &["y"])
            .outputs(&["y"]),
        behind_a_layer("clip, bounds as attributes", "Clip").with_float("min", 0.0).with_float("max", 6.0).opset(9).outputs(&["y"]),
        function("sigmoid", "Sigmoid").outputs(&["y"]),
        behind_a_layer("tanh", "Tanh").outputs(&["y"]),
        behind_a_layer("hard sigmoid", "HardSigmoid").with_float("alpha", 0.3).with_float("beta", 0.4).outputs(&["y"]),
        behind_a_layer("hard swish", "HardSwish").outputs(&["y"]),
        behind_a_layer("elu", "Elu").with_float("alpha", 0.7).outputs(&["y"]),
        function("celu", "Celu").with_float("alpha", 1.5).outputs(&["y"]),
        function("selu", "Selu").outputs(&["y"]),
        behind_a_layer("softplus", "Softplus").outputs(&["y"]),
        Net::new("softplus as an exporter writes it")
            .input("x", &shape)
            .floats("most", &[], &[20.0])
            .node("Softplus", &["x"], &["s"])
            .node("Greater", &["x", "most"], &["far"])
            .node("Where", &["far", "x", "s"], &["y"])
            .outputs(&["y"]),
        behind_a_layer("softmax", "Softmax").with_int("axis", -1).outputs(&["y"]),
        function("softmax on the middle axis", "Softmax").with_int("axis", 1).outputs(&["y"]),
        behind_a_layer("argmax", "ArgMax").with_int("axis", 1).index("y"),
        function("argmax, last index, without its axis", "ArgMax")
            .with_int("axis", -1)
            .with_int("keepdims", 0)
            .with_int("select_last_index", 1)
            .index("y"),
        function("argmin", "ArgMin").with_int("axis", 1).index("y"),
    ]
}

#[test]
fn functions() {
    run(&cases());
}
