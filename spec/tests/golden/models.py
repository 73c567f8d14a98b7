"""Writes the models behind the golden proofs and their inputs: `python models.py FOLDER`. Needs the `onnx` package.

All weights and inputs are random numbers from a fixed seed.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
INT = TensorProto.INT64


def weight(rng: np.random.Generator, name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array((rng.standard_normal(shape) / shape[-1] ** 0.5).astype(np.float32), name)


def save(folder: Path, name: str, nodes, inputs, outputs, constants, *classical) -> None:
    def info(values):
        return [helper.make_tensor_value_info(value, kind, shape) for value, kind, shape in values]

    graph = helper.make_graph(nodes, name, info(inputs), info(outputs), list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), *classical])
    model.ir_version = 9
    onnx.checker.check_model(model)
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def main(folder: Path) -> None:
    rng = np.random.default_rng(7)
    node = helper.make_node
    save(
        folder,
        "mlp",
        [
            node("Gemm", ["x", "w1", "b1"], ["h"], name="fc1"),
            node("Relu", ["h"], ["r"], name="relu"),
            node("Gemm", ["r", "w2", "b2"], ["y"], name="fc2"),
        ],
        [("x", FLOAT, [1, 6])],
        [("y", FLOAT, [1, 4])],
        [weight(rng, "w1", 6, 16), weight(rng, "b1", 16), weight(rng, "w2", 16, 4), weight(rng, "b2", 4)],
    )
    # Every kind of operator that claims travel through: grouped and plain convolutions, wiring, shapes that are no powers
    # of two, products of activations with each other, maxima.
    save(
        folder,
        "mixed",
        [
            node("Conv", ["x", "g"], ["c1"], name="grouped", group=3, strides=[2, 2], pads=[1, 1, 1, 1]),
            node("Relu", ["c1"], ["r1"], name="relu"),
            node("Concat", ["r1", "r1"], ["wide"], name="concat", axis=3),
            node("Conv", ["wide", "d", "e"], ["c2"], name="dilated", dilations=[2, 1]),
            node("MaxPool", ["c2"], ["m"], name="pool", kernel_shape=[1, 3]),
            node("Reshape", ["m", "s1"], ["q"], name="reshape"),
            node("Transpose", ["q"], ["k"], name="transpose", perm=[0, 2, 1]),
            node("MatMul", ["q", "k"], ["a"], name="scores"),
            node("Sigmoid", ["a"], ["p"], name="sigmoid"),
            node("Mul", ["p", "a"], ["u"], name="gate"),
            node("Reshape", ["u", "s2"], ["f"], name="flatten"),
            node("Gemm", ["f", "w"], ["y"], name="head"),
        ],
        [("x", FLOAT, [1, 3, 7, 7])],
        [("y", FLOAT, [1, 3]), ("u", FLOAT, [1, 5, 5])],
        [
            weight(rng, "g", 6, 1, 3, 3),
            weight(rng, "d", 5, 6, 2, 2),
            weight(rng, "e", 5),
            weight(rng, "w", 25, 3),
            numpy_helper.from_array(np.array([1, 5, 10]), "s1"),
            numpy_helper.from_array(np.array([1, 25]), "s2"),
        ],
    )
    for name, shape in (("mlp", (1, 6)), ("mixed", (1, 3, 7, 7))):
        np.savez(folder / f"{name}-calibration.npz", x=rng.standard_normal((32, *shape)).astype(np.float32))
        np.savez(folder / f"{name}-input.npz", x=rng.standard_normal((3, *shape)).astype(np.float32))
    # Every hint: ids that choose rows, roots and reciprocals, a causal mask, a quotient of tensors.
    tokens, width = 5, 8
    save(
        folder,
        "transformer",
        [
            node("Gather", ["table", "ids"], ["x"], name="embedding"),
            node("LayerNormalization", ["x", "scale", "bias"], ["n"], name="norm"),
            node("MatMul", ["n", "wq"], ["q"], name="queries"),
            node("MatMul", ["n", "wk"], ["k"], name="keys"),
            node("MatMul", ["n", "wv"], ["v"], name="values"),
            node("Transpose", ["k"], ["t"], name="transpose", perm=[0, 2, 1]),
            node("MatMul", ["q", "t"], ["s"], name="scores"),
            node("Add", ["s", "mask"], ["m"], name="mask"),
            node("Softmax", ["m"], ["p"], name="softmax", axis=-1),
            node("MatMul", ["p", "v"], ["a"], name="attention"),
            node("Add", ["x", "a"], ["r"], name="residual"),
            node("Sigmoid", ["r"], ["g"], name="sigmoid"),
            node("Add", ["g", "one"], ["d"], name="divisor"),
            node("Div", ["r", "d"], ["u"], name="quotient"),
            node("MatMul", ["u", "head"], ["y"], name="head"),
        ],
        [("ids", INT, [1, tokens])],
        [("y", FLOAT, [1, tokens, 3])],
        [
            weight(rng, "table", 12, width),
            weight(rng, "scale", width),
            weight(rng, "bias", width),
            *(weight(rng, name, width, width) for name in ("wq", "wk", "wv")),
            weight(rng, "head", width, 3),
            numpy_helper.from_array(np.triu(np.full((tokens, tokens), -np.inf, np.float32), 1), "mask"),
            numpy_helper.from_array(np.ones(1, np.float32), "one"),
        ],
    )
    np.savez(folder / "transformer-calibration.npz", ids=rng.integers(0, 12, (32, 1, tokens)))
    np.savez(folder / "transformer-input.npz", ids=rng.integers(0, 12, (2, 1, tokens)))
    # Entries of weights and of activations at private places: three trees of two levels.
    trees, leaf = range(3), ["LEAF"] * 4
    save(
        folder,
        "forest",
        [
            node(
                "TreeEnsembleRegressor",
                ["x"],
                ["y"],
                name="forest",
                domain="ai.onnx.ml",
                n_targets=2,
                nodes_treeids=[tree for tree in trees for _ in range(7)],
                nodes_nodeids=[*range(7)] * 3,
                nodes_featureids=[int(n) for _ in trees for n in (*rng.integers(0, 5, 3), 0, 0, 0, 0)],
                nodes_modes=["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", *leaf] * 3,
                nodes_values=[float(v) for _ in trees for v in (*rng.standard_normal(3).astype(np.float32), 0, 0, 0, 0)],
                nodes_truenodeids=[1, 3, 5, 0, 0, 0, 0] * 3,
                nodes_falsenodeids=[2, 4, 6, 0, 0, 0, 0] * 3,
                target_treeids=[tree for tree in trees for _ in range(8)],
                target_nodeids=[3, 3, 4, 4, 5, 5, 6, 6] * 3,
                target_ids=[0, 1] * 12,
                target_weights=[float(v) for v in rng.standard_normal(24).astype(np.float32)],
            )
        ],
        [("x", FLOAT, [1, 5])],
        [("y", FLOAT, [1, 2])],
        [],
        helper.make_opsetid("ai.onnx.ml", 3),
    )
    np.savez(folder / "forest-calibration.npz", x=rng.standard_normal((32, 1, 5)).astype(np.float32))
    np.savez(folder / "forest-input.npz", x=rng.standard_normal((3, 1, 5)).astype(np.float32))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
