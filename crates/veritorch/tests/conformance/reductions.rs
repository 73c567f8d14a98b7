//! Sums, means and extremes over axes.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    let reduce = |name, operator| Net::new(name).input("x", &[1, 3, 4, 2]).node(operator, &["x"], &["y"]);
    vec![
        Net::new("sum over axes from an input")
            .input("x", &[1, 3, 4, 2])
            .ints("axes", &[-1, 1])
            .node("ReduceSum", &["x", "axes"], &["y"])
            .outputs(&["y"]),
        reduce("mean over axes", "ReduceMean").with_ints("axes", &[2, 3]).with_int("keepdims", 0).outputs(&["y"]),
        reduce("mean over everything", "ReduceMean").outputs(&["y"]),
        reduce("greatest over an axis", "ReduceMax").with_ints("axes", &[2]).outputs(&["y"]),
        reduce("least over axes", "ReduceMin").with_ints("axes", &[1, 3]).with_int("keepdims", 0).outputs(&["y"]),
        reduce("sum of magnitudes", "ReduceL1").with_ints("axes", &[2]).outputs(&["y"]),
        reduce("length", "ReduceL2").with_ints("axes", &[2]).outputs(&["y"]),
        reduce("sum of squares", "ReduceSumSquare").with_ints("axes", &[2]).outputs(&["y"]),
        reduce("log of the sum of exponentials", "ReduceLogSumExp").with_ints("axes", &[2]).outputs(&["y"]),
        Net::new("log of a sum")
            .input("x", &[1, 3, 4, 2])
            .node("Sigmoid", &["x"], &["s"])
            .node("ReduceLogSum", &["s"], &["y"])
            .with_ints("axes", &[2])
            .outputs(&["y"]),
        Net::new("mean of a layer into a layer")
            .input("x", &[1, 2, 4, 4])
            .weight("w", &[4, 2, 3, 3])
            .weight("v", &[4, 3])
            .node("Conv", &["x", "w"], &["h"])
            .node("Relu", &["h"], &["r"])
            .node("ReduceMean", &["r"], &["m"])
            .with_ints("axes", &[2, 3])
            .with_int("keepdims", 0)
            .node("MatMul", &["m", "v"], &["y"])
            .outputs(&["y"]),
    ]
}

#[test]
fn reductions() {
    run(&cases());
}
