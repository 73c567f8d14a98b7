//! Operators that move entries.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    let image = [1, 4, 2, 3];
    let alone = |name, operator| Net::new(name).input("x", &image).node(operator, &["x"], &["y"]);
    let before_relu =
        |name, operator| Net::new(name).input("x", &image).node(operator, &["x"], &["h"]);
    let relu = |net: Net| net.node("Relu", &["h"], &["y"]).outputs(&["y"]);
    vec![
        alone("identity", "Identity").outputs(&["y"]),
        relu(before_relu("dropout", "Dropout")),
        relu(before_relu("cast", "Cast").with_int("to", 11)),
        relu(before_relu("flatten", "Flatten").with_int("axis", 2)),
        relu(Net::new("reshape").input("x", &image).ints("shape", &[0, -1, 6]).node("Reshape", &["x", "shape"], &["h"])),
        alone("transpose alone", "Transpose").with_ints("perm", &[0, 3, 1, 2]).outputs(&["y"]),
        Net::new("transpose between layers")
            .input("x", &[1, 3, 4])
            .weight("w", &[4, 5])
            .weight("v", &[3, 2])
            .node("MatMul", &["x", "w"], &["h"])
            .node("Relu", &["h"], &["r"])
            .node("Transpose", &["r"], &["t"])
            .with_ints("perm", &[0, 2, 1])
            .node("MatMul", &["t", "v"], &["y"])
            .outputs(&["y"]),
        Net::new("squeeze and unsqueeze")
            .input("x", &[1, 4, 1, 3])
            .ints("out", &[2])
            .ints("in", &[-1, 1])
            .node("Squeeze", &["x", "out"], &["s"])
            .node("Unsqueeze", &["s", "in"], &["h"])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("concatenation")
            .input("a", &[1, 2, 3])
            .input("b", &[1, 1, 3])
            .weight("c", &[1, 2, 3])
            .node("Concat", &["a", "c", "b"], &["h"])
            .with_int("axis", 1)
            .node("Relu", &["h"], &["y"])
            .outputs(&["y", "h"]),
        Net::new("split")
            .input("x", &image)
            .ints("parts", &[1, 3])
            .node("Split", &["x", "parts"], &["a", "b"])
            .with_int("axis", 1)
            .node("Add", &["a", "b"], &["s"])
            .node("Relu", &["s"], &["y"])
            .outputs(&["y", "b"]),
        Net::new("slice, backwards")
            .input("x", &[1, 4, 7])
            .ints("starts", &[3, -1])
            .ints("ends", &[0, 0])
            .ints("axes", &[1, 2])
            .ints("steps", &[-1, -3])
            .node("Slice", &["x", "starts", "ends", "axes", "steps"], &["h"])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("padding with a constant")
            .input("x", &image)
            .ints("pads", &[0, 1, 0, 2, 0, 0, 1, 0])
            .floats("value", &[], &[0.75])
            .node("Pad", &["x", "pads", "value"], &["h"])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("padding by reflection, and cropping")
            .input("x", &[1, 2, 4, 5])
            .ints("pads", &[0, 0, 2, -1, 0, 0, 1, 2])
            .node("Pad", &["x", "pads"], &["h"])
            .with_text("mode", "reflect")
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        relu(Net::new("tile").input("x", &[1, 2, 3]).ints("repeats", &[1, 3, 2]).node("Tile", &["x", "repeats"], &["h"])),
        relu(Net::new("expand").input("x", &[1, 2, 1]).ints("shape", &[3, 1, 4]).node("Expand", &["x", "shape"], &["h"])),
        relu(
            Net::new("gather")
                .input("x", &image)
                .ints("indices", &[2, 0, -1, 0, 1])
                .node("Gather", &["x", "indices"], &["h"])
                .with_int("axis", 3),
        ),
        relu(before_relu("depth to space", "DepthToSpace").with_int("blocksize", 2)),
        relu(
            Net::new("space to depth")
                .input("x", &[1, 1, 4, 6])
                .node("SpaceToDepth", &["x"], &["h"])
                .with_int("blocksize", 2),
        ),
    ]
}

#[test]
fn wiring() {
    run(&cases());
}
