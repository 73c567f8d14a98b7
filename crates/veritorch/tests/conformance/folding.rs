//! Operators that fold away: shapes, and constants of every kind beside a Relu.

use crate::net::{Case, Net};
use crate::pipeline::run;

/// `relu(x + c)` with `c [3]` computed from constants.
fn added(net: Net) -> Case {
    net.input("x", &[1, 2, 3]).node("Add", &["x", "c"], &["s"]).node("Relu", &["s"], &["y"]).outputs(&["y"])
}

/// `relu(reshape(x, shape))` with `shape` computed from constants.
fn reshaped(net: Net) -> Case {
    net.node("Reshape", &["x", "shape"], &["r"]).node("Relu", &["r"], &["y"]).outputs(&["y"])
}

pub(crate) fn cases() -> Vec<Case> {
    let numbers = |name| Net::new(name).floats("a", &[3], &[0.5, 1.75, 2.25]).floats("b", &[3], &[1.0, -0.5, 2.25]);
    let chosen = |net: Net| added(net.node("Where", &["flags", "a", "b"], &["c"]));
    vec![
        reshaped(
            Net::new("shape arithmetic")
                .input("x", &[2, 3, 4])
                .ints("first", &[0])
                .ints("rest", &[-1])
                .node("Shape", &["x"], &["dims"])
                .node("Gather", &["dims", "first"], &["head"])
                .with_int("axis", 0)
                .node("Concat", &["head", "rest"], &["shape"])
                .with_int("axis", 0),
        ),
        reshaped(
            Net::new("product of extents, remainder, range")
                .input("x", &[2, 3, 4])
                .int("zero", 0)
                .int("three", 3)
                .int("one", 1)
                .ints("four", &[4])
                .ints("axes", &[0])
                .ints("six", &[6])
                .node("Range", &["one", "three", "one"], &["counts"])
                .node("ReduceProd", &["counts"], &["two"])
                .with_int("keepdims", 1)
                .node("Size", &["x"], &["all"])
                .node("Unsqueeze", &["all", "axes"], &["sum"])
                .node("Div", &["sum", "two"], &["twelve"])
                .node("Mod", &["sum", "twelve"], &["nothing"])
                .node("Max", &["nothing", "twelve", "two"], &["rows"])
                .node("Min", &["four", "two", "six"], &["columns"])
                .node("Concat", &["rows", "columns"], &["shape"])
                .with_int("axis", 0),
        ),
        added(
            Net::new("constants by attribute and by shape")
                .ints("extent", &[3])
                .node("Constant", &[], &["k"])
                .with_tensor("value", &[3], &[0.5, -0.25, 1.0])
                .node("ConstantOfShape", &["extent"], &["half"])
                .with_tensor("value", &[1], &[0.5])
                .node("CastLike", &["half", "k"], &["like"])
                .node("Mul", &["k", "like"], &["c"]),
        ),
        added(
            numbers("functions of constants")
                .node("Exp", &["b"], &["exp"])
                .node("Log", &["exp"], &["log"])
                .node("Abs", &["log"], &["abs"])
                .node("Sqrt", &["abs"], &["root"])
                .node("Reciprocal", &["a"], &["inverse"])
                .node("Ceil", &["inverse"], &["up"])
                .node("Floor", &["a"], &["down"])
                .node("Pow", &["root", "a"], &["power"])
                .node("Sum", &["power", "up", "down"], &["c"]),
        ),
        added(
            numbers("waves, signs and rounding")
                .int("axis", 0)
                .node("Sin", &["a"], &["sin"])
                .node("Cos", &["b"], &["cos"])
                .node("Round", &["a"], &["whole"])
                .node("Sign", &["b"], &["sign"])
                .node("CumSum", &["a", "axis"], &["running"])
                .node("Sum", &["sin", "cos", "whole", "sign", "running"], &["c"]),
        ),
        added(
            numbers("chosen and placed entries")
                .ints("order", &[2, 0, 1])
                .ints("last", &[1])
                .node("GatherElements", &["a", "order"], &["turned"])
                .with_int("axis", 0)
                .node("ScatterElements", &["b", "order", "a"], &["placed"])
                .with_int("axis", 0)
                .node("Unsqueeze", &["order", "last"], &["rows"])
                .node("GatherND", &["a", "rows"], &["picked"])
                .node("ScatterND", &["b", "rows", "a"], &["put"])
                .node("NonZero", &["b"], &["where"])
                .node("Gather", &["a", "where"], &["there"])
                .node("Sum", &["turned", "placed", "picked", "put", "there"], &["c"]),
        ),
        added(
            numbers("matrices of constants")
                .weight("m", &[3, 3])
                .ints("order", &[2, 0, 1])
                .int("depth", 3)
                .floats("values", &[2], &[0.25, 1.5])
                .ints("axes", &[0])
                .node("EyeLike", &["m"], &["eye"])
                .node("Trilu", &["m"], &["low"])
                .with_int("upper", 0)
                .node("OneHot", &["order", "depth", "values"], &["hot"])
                .node("Sum", &["eye", "low", "hot"], &["all"])
                .node("ReduceSum", &["all", "axes"], &["c"])
                .with_int("keepdims", 0),
        ),
        added(
            numbers("bits")
                .ints("i", &[5, 3, 6])
                .ints("j", &[1, 6, 4])
                .opset(18)
                .node("BitwiseAnd", &["i", "j"], &["both"])
                .node("BitwiseOr", &["i", "j"], &["either"])
                .node("BitwiseXor", &["both", "either"], &["one"])
                .node("CastLike", &["one", "a"], &["c"]),
        ),
        chosen(
            numbers("what is no number")
                .bools("p", &[true, false, true])
                .node("IsInf", &["a"], &["infinite"])
                .node("IsNaN", &["a"], &["none"])
                .node("Or", &["infinite", "none"], &["odd"])
                .node("Xor", &["odd", "p"], &["flags"]),
        ),
        chosen(numbers("equal").node("Equal", &["a", "b"], &["flags"])),
        chosen(numbers("less").node("Less", &["a", "b"], &["flags"])),
        chosen(numbers("less or equal").node("LessOrEqual", &["a", "b"], &["flags"])),
        chosen(numbers("greater").node("Greater", &["a", "b"], &["flags"])),
        chosen(numbers("greater or equal").node("GreaterOrEqual", &["a", "b"], &["flags"])),
        chosen(
            numbers("logic")
                .bools("p", &[true, false, true])
                .bools("q", &[true, true, false])
                .node("And", &["p", "q"], &["both"])
                .node("Not", &["both"], &["some"])
                .node("Or", &["some", "both"], &["either"])
                .node("And", &["either", "p"], &["flags"]),
        ),
    ]
}

#[test]
fn constants() {
    run(&cases());
}
