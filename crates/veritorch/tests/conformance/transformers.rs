//! What transformers are made of: normalisations, attention, rotary positions, gated activations.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    let function = |name, operator, opset| {
        Net::new(name).opset(opset).input("x", &[1, 3, 5]).node(operator, &["x"], &["y"])
    };
    let image = |name, opset| Net::new(name).opset(opset).input("x", &[1, 4, 3, 4]);
    let rows = |name, opset| Net::new(name).opset(opset).input("x", &[1, 4, 6]).weight("scale", &[6]).weight("bias", &[6]);
    vec![
        rows("layer normalisation", 17)
            .node("LayerNormalization", &["x", "scale", "bias"], &["y"])
            .with_int("axis", -1)
            .with_float("epsilon", 1e-5)
            .outputs(&["y"]),
        rows("rms normalisation", 23).node("RMSNormalization", &["x", "scale"], &["y"]).outputs(&["y"]),
        rows("simplified layer normalisation", 17)
            .node("SimplifiedLayerNormalization", &["x", "scale"], &["y"])
            .with_int("axis", -1)
            .outputs(&["y"]),
        image("group normalisation", 21)
            .weight("scale", &[4])
            .weight("bias", &[4])
            .node("GroupNormalization", &["x", "scale", "bias"], &["y"])
            .with_int("num_groups", 2)
            .outputs(&["y"]),
        image("instance normalisation", 17)
            .weight("scale", &[4])
            .weight("bias", &[4])
            .node("InstanceNormalization", &["x", "scale", "bias"], &["y"])
            .outputs(&["y"]),
        image("mean and variance", 17).node("MeanVarianceNormalization", &["x"], &["y"]).outputs(&["y"]),
        rows("unit length", 17).node("LpNormalization", &["x"], &["y"]).with_int("axis", -1).with_int("p", 2).outputs(&["y"]),
        Net::new("causal attention")
            .opset(23)
            .input("q", &[1, 2, 4, 3])
            .input("k", &[1, 2, 4, 3])
            .input("v", &[1, 2, 4, 3])
            .node("Attention", &["q", "k", "v"], &["y"])
            .with_int("is_causal", 1)
            .outputs(&["y"]),
        Net::new("rotary positions")
            .opset(23)
            .input("x", &[1, 2, 4, 6])
            .weight("cos", &[1, 4, 3])
            .weight("sin", &[1, 4, 3])
            .node("RotaryEmbedding", &["x", "cos", "sin"], &["y"])
            .outputs(&["y"]),
        Net::new("einsum")
            .input("a", &[1, 3, 4])
            .input("b", &[1, 5, 4])
            .node("Einsum", &["a", "b"], &["y"])
            .with_text("equation", "bik,bjk->bij")
            .outputs(&["y"]),
        function("gelu", "Gelu", 20).outputs(&["y"]),
        function("gelu by tanh", "Gelu", 20).with_text("approximate", "tanh").outputs(&["y"]),
        function("erf", "Erf", 17).outputs(&["y"]),
        function("mish", "Mish", 18).outputs(&["y"]),
        function("softsign", "Softsign", 17).outputs(&["y"]),
        function("swish", "Swish", 24).outputs(&["y"]),
        function("log softmax", "LogSoftmax", 17).with_int("axis", -1).outputs(&["y"]),
        Case {
            is_index: true,
            ..Net::new("the greatest entry and its index")
                .input("x", &[1, 3, 5])
                .ints("k", &[1])
                .node("TopK", &["x", "k"], &["value", "index"])
                .with_int("axis", -1)
                .outputs(&["value", "index"])
        },
    ]
}

#[test]
fn parts_of_transformers() {
    run(&cases());
}
