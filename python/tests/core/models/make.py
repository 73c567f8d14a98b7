"""Writes the ONNX files of this folder. Needs the `onnx` package: `python make.py`."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
FLOAT = TensorProto.FLOAT


def weight(rng: np.random.Generator, name: str, *shape: int) -> onnx.TensorProto:
    fan_in = int(np.prod(shape[1:])) if len(shape) > 2 else shape[0]
    return numpy_helper.from_array((rng.standard_normal(shape) / fan_in**0.5).astype(np.float32), name)


def save(name: str, nodes, inputs, outputs, constants=(), opset: int = 17) -> None:
    def info(values):
        return [helper.make_tensor_value_info(value, FLOAT, shape) for value, shape in values]

    graph = helper.make_graph(nodes, name, info(inputs), info(outputs), list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="veritorch-tests")
    model.ir_version = 9
    if name != "unsupported":
        onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def main() -> None:
    rng = np.random.default_rng(7)
    node = helper.make_node

    save(
        "mlp",
        [
            node("Gemm", ["x", "w1", "b1"], ["h"], name="fc1"),
            node("Relu", ["h"], ["r"], name="relu"),
            node("Gemm", ["r", "w2", "b2"], ["y"], name="fc2"),
        ],
        [("x", ["N", 6])],
        [("y", ["N", 4])],
        [weight(rng, "w1", 6, 16), weight(rng, "b1", 16), weight(rng, "w2", 16, 4), weight(rng, "b2", 4)],
    )
    save(
        "two_ports",
        [
            node("Conv", ["image", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
            node("Relu", ["c"], ["features"], name="relu"),
            node("GlobalAveragePool", ["features"], ["g"], name="pool"),
            node("Flatten", ["g"], ["f"], name="flatten"),
            node("Add", ["f", "side"], ["sum"], name="add"),
        ],
        [("image", [1, 2, 6, 6]), ("side", [1, 3])],
        [("features", [1, 3, 6, 6]), ("sum", [1, 3])],
        [weight(rng, "w", 3, 2, 3, 3)],
    )
    save(
        "unsupported",
        [
            node("Relu", ["x"], ["r"], name="fine"),
            node("Bernoulli", ["r"], ["d"], name="draw"),
            node("NonMaxUnion", ["r"], ["u"], name="union"),
        ],
        [("x", [3, 3])],
        [("d", []), ("u", [3, 3])],
    )
    bad = np.ones((6, 4), np.float32)
    bad[2, 1] = np.nan
    save(
        "nan_weight",
        [node("MatMul", ["x", "w"], ["y"], name="fc")],
        [("x", [1, 6])],
        [("y", [1, 4])],
        [numpy_helper.from_array(bad, "w")],
    )

    save(
        "head",
        [node("Gemm", ["x", "w", "b"], ["y"], name="fc")],
        [("x", ["N", 4])],
        [("y", ["N", 3])],
        [weight(rng, "w", 4, 3), weight(rng, "b", 3)],
    )


if __name__ == "__main__":
    main()
