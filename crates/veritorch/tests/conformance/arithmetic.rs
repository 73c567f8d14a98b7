//! Sums, differences, products and quotients, by tensors and by constants.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    let shape = [1, 3, 4];
    let two = |name, operator| {
        Net::new(name).input("a", &shape).input("b", &[3, 1]).node(operator, &["a", "b"], &["s"]).node("Relu", &["s"], &["y"])
    };
    let by_constant = |name, operator| {
        Net::new(name)
            .input("a", &shape)
            .floats("c", &[4], &[0.5, -1.25, 2.0, 0.75])
            .node(operator, &["a", "c"], &["s"])
            .node("Relu", &["s"], &["y"])
    };
    vec![
        two("sum of tensors", "Add").outputs(&["y"]),
        by_constant("sum with a constant", "Add").outputs(&["y"]),
        two("difference of tensors", "Sub").outputs(&["y"]),
        Net::new("constant less a tensor")
            .input("a", &shape)
            .weight("c", &[1, 3, 1])
            .node("Sub", &["c", "a"], &["y"])
            .outputs(&["y"]),
        two("product of tensors", "Mul").outputs(&["y"]),
        by_constant("product with a constant", "Mul").outputs(&["y"]),
        by_constant("quotient by a constant", "Div").outputs(&["y"]),
        Net::new("square").input("a", &shape).node("Mul", &["a", "a"], &["y"]).outputs(&["y"]),
        Net::new("negative").input("a", &shape).node("Neg", &["a"], &["n"]).node("Relu", &["n"], &["y"]).outputs(&["y", "n"]),
        Net::new("sum of three")
            .input("a", &shape)
            .input("b", &[4])
            .weight("c", &[3, 1])
            .node("Sum", &["a", "b", "c"], &["y"])
            .outputs(&["y"]),
        Net::new("mean of three")
            .input("a", &shape)
            .input("b", &[4])
            .weight("c", &[3, 1])
            .node("Mean", &["a", "b", "c"], &["y"])
            .outputs(&["y"]),
        Net::new("residual connection")
            .input("x", &[1, 5])
            .weight("w", &[5, 5])
            .weight("b", &[5])
            .node("Gemm", &["x", "w", "b"], &["h"])
            .node("Relu", &["h"], &["r"])
            .node("Add", &["r", "x"], &["s"])
            .node("Relu", &["s"], &["y"])
            .outputs(&["y"]),
    ]
}

#[test]
fn sums_and_products() {
    run(&cases());
}
