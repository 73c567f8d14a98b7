//! Pooling and resizing.

use crate::net::{Case, Net};
use crate::pipeline::run;

pub(crate) fn cases() -> Vec<Case> {
    let image = [1, 2, 5, 6];
    let pool = |name, operator| Net::new(name).input("x", &image).node(operator, &["x"], &["y"]);
    vec![
        pool("max-pool", "MaxPool").with_ints("kernel_shape", &[2, 2]).with_ints("strides", &[2, 2]).outputs(&["y"]),
        Net::new("max-pool, padded, behind a layer")
            .input("x", &[1, 2, 5, 5])
            .weight("w", &[3, 2, 1, 1])
            .node("Conv", &["x", "w"], &["h"])
            .node("Relu", &["h"], &["r"])
            .node("MaxPool", &["r"], &["y"])
            .with_ints("kernel_shape", &[3, 3])
            .with_ints("strides", &[2, 2])
            .with_ints("pads", &[1, 1, 1, 1])
            .outputs(&["y"]),
        Net::new("max-pool on one axis, dilated")
            .input("x", &[1, 2, 8])
            .node("MaxPool", &["x"], &["y"])
            .with_ints("kernel_shape", &[3])
            .with_ints("dilations", &[2])
            .outputs(&["y"]),
        pool("average, padding left out, rounded up", "AveragePool")
            .with_ints("kernel_shape", &[3, 3])
            .with_ints("strides", &[2, 2])
            .with_ints("pads", &[1, 1, 1, 1])
            .with_int("ceil_mode", 1)
            .outputs(&["y"]),
        pool("average, padding counted", "AveragePool")
            .with_ints("kernel_shape", &[2, 3])
            .with_ints("pads", &[1, 0, 0, 1])
            .with_int("count_include_pad", 1)
            .outputs(&["y"]),
        pool("average of the image", "GlobalAveragePool").outputs(&["y"]),
        pool("length of the image", "GlobalLpPool").outputs(&["y"]),
        pool("greatest of the image", "GlobalMaxPool").outputs(&["y"]),
        Net::new("resize, nearest")
            .input("x", &[1, 2, 3, 2])
            .floats("scales", &[4], &[1.0, 1.0, 2.0, 3.0])
            .node("Resize", &["x", "", "scales"], &["h"])
            .with_text("mode", "nearest")
            .with_text("coordinate_transformation_mode", "asymmetric")
            .with_text("nearest_mode", "floor")
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
        Net::new("resize, linear")
            .input("x", &[1, 2, 3, 2])
            .ints("sizes", &[1, 2, 5, 4])
            .node("Resize", &["x", "", "", "sizes"], &["y"])
            .with_text("mode", "linear")
            .outputs(&["y"]),
        Net::new("upsample")
            .opset(9)
            .input("x", &[1, 2, 2, 3])
            .floats("scales", &[4], &[1.0, 1.0, 2.0, 2.0])
            .node("Upsample", &["x", "scales"], &["h"])
            .node("Relu", &["h"], &["y"])
            .outputs(&["y"]),
    ]
}

#[test]
fn pools_and_resizing() {
    run(&cases());
}
