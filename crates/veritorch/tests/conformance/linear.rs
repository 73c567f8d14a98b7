//! Convolutions, matrix products and normalisation.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Net::new("convolution, padded, with bias")
            .input("x", &[1, 3, 5, 4])
            .weight("w", &[4, 3, 3, 3])
            .weight("b", &[4])
            .node("Conv", &["x", "w", "b"], &["h"])
            .with_ints("pads", &[1, 1, 1, 1])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("convolution, strided, dilated, padded on one side")
            .input("x", &[1, 2, 7, 6])
            .weight("w", &[3, 2, 3, 2])
            .node("Conv", &["x", "w"], &["y"])
            .with_ints("strides", &[2, 1])
            .with_ints("dilations", &[1, 2])
            .with_ints("pads", &[0, 1, 2, 0])
            .outputs(&["y"]),
        Net::new("convolution in groups")
            .input("x", &[1, 4, 4, 4])
            .weight("w", &[6, 2, 2, 2])
            .node("Conv", &["x", "w"], &["h"])
            .with_int("group", 2)
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("convolution by channels")
            .input("x", &[1, 3, 5, 5])
            .weight("w", &[3, 1, 3, 3])
            .weight("b", &[3])
            .node("Conv", &["x", "w", "b"], &["h"])
            .with_int("group", 3)
            .with_text("auto_pad", "SAME_UPPER")
            .with_ints("strides", &[2, 2])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("convolution on one axis")
            .input("x", &[1, 3, 9])
            .weight("w", &[4, 3, 3])
            .node("Conv", &["x", "w"], &["y"])
            .with_ints("strides", &[2])
            .with_ints("pads", &[1, 1])
            .outputs(&["y"]),
        Net::new("transposed convolution")
            .input("x", &[1, 3, 3, 3])
            .weight("w", &[3, 2, 3, 3])
            .weight("b", &[2])
            .node("ConvTranspose", &["x", "w", "b"], &["h"])
            .with_ints("strides", &[2, 2])
            .with_ints("pads", &[1, 1, 1, 1])
            .with_ints("output_padding", &[1, 1])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("transposed convolution on one axis, in groups")
            .input("x", &[1, 4, 4])
            .weight("w", &[4, 2, 2])
            .node("ConvTranspose", &["x", "w"], &["y"])
            .with_int("group", 2)
            .outputs(&["y"]),
        Net::new("gemm with all attributes")
            .input("x", &[4, 2])
            .weight("w", &[5, 4])
            .weight("c", &[1, 5])
            .node("Gemm", &["x", "w", "c"], &["h"])
            .with_int("transA", 1)
            .with_int("transB", 1)
            .with_float("alpha", 0.25)
            .with_float("beta", 0.35)
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("two layers")
            .input("x", &[1, 6])
            .weight("w1", &[6, 7])
            .weight("b1", &[7])
            .weight("w2", &[7, 3])
            .node("Gemm", &["x", "w1", "b1"], &["h"])
            .node("Relu", &["h"], &["r"])
            .node("Gemm", &["r", "w2"], &["y"])
            .outputs(&["y"]),
        Net::new("constant on the left of a product")
            .weight("w", &[3, 4])
            .input("x", &[1, 4, 5])
            .node("MatMul", &["w", "x"], &["y"])
            .outputs(&["y"]),
        Net::new("product of tensors with leading axes")
            .input("a", &[1, 2, 3, 4])
            .input("b", &[1, 2, 4, 3])
            .node("MatMul", &["a", "b"], &["y"])
            .outputs(&["y"]),
        Net::new("attention")
            .input("q", &[1, 3, 4])
            .input("k", &[1, 3, 4])
            .input("v", &[1, 3, 2])
            .node("Transpose", &["k"], &["t"])
            .with_ints("perm", &[0, 2, 1])
            .node("MatMul", &["q", "t"], &["s"])
            .node("Softmax", &["s"], &["p"])
            .with_int("axis", -1)
            .node("MatMul", &["p", "v"], &["y"])
            .outputs(&["y"]),
        Net::new("normalisation behind a convolution")
            .input("x", &[1, 2, 3, 3])
            .weight("w", &[3, 2, 1, 1])
            .floats("scale", &[3], &[0.5, 1.5, -1.0])
            .weight("shift", &[3])
            .weight("mean", &[3])
            .floats("variance", &[3], &[0.25, 1.0, 2.0])
            .node("Conv", &["x", "w"], &["h"])
            .node("BatchNormalization", &["h", "scale", "shift", "mean", "variance"], &["n"])
            .node("Relu", &["n"], &["y"])
            .outputs(&["y"]),
        Net::new("normalisation of the input")
            .input("x", &[1, 3, 2, 2])
            .floats("scale", &[3], &[0.5, 1.5, -1.0])
            .weight("shift", &[3])
            .weight("mean", &[3])
            .floats("variance", &[3], &[0.25, 1.0, 2.0])
            .node("BatchNormalization", &["x", "scale", "shift", "mean", "variance"], &["y"])
            .outputs(&["y"]),
    ]
}

#[test]
fn layers() {
    run(&cases());
}
