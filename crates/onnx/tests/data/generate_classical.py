"""Writes classical models as scikit-learn, LightGBM and XGBoost export them, with onnxruntime's results: `python generate_classical.py FOLDER`.

Needs scikit-learn, skl2onnx, onnxmltools, lightgbm, xgboost and onnxruntime. Data are random numbers from a fixed seed.
"""

import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnxruntime
import xgboost
from onnx import TensorProto, helper
from onnxmltools.convert import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as OtherFloat
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

FEATURES, ROWS, TESTS = 6, 200, 24


def comparisons() -> bytes:
    """One tree with every comparison, on whole numbers, so that values meet thresholds."""
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    leaves = []

    def add(tree, node, feature, value, mode, yes, no):
        for name, entry in zip(nodes, (tree, node, feature, value, mode, yes, no)):
            nodes[name].append(entry)

    for tree, mode in enumerate(modes):
        add(tree, 0, tree, 1.0, mode, 1, 2)
        add(tree, 1, 0, 0.0, "LEAF", 0, 0)
        add(tree, 2, 0, 0.0, "LEAF", 0, 0)
        leaves += [(tree, 1, 0, 2.0**tree), (tree, 2, 1, 0.5 + tree)]
    attributes = {f"nodes_{name}": entries for name, entries in nodes.items()}
    for k, name in enumerate(("treeids", "nodeids", "ids", "weights")):
        attributes[f"target_{name}"] = [leaf[k] for leaf in leaves]
    node = helper.make_node(
        "TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=2, **attributes
    )
    shape = [None, FEATURES]
    graph = helper.make_graph(
        [node],
        "comparisons",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString(deterministic=True)


def main(folder: Path) -> None:
    rng = np.random.default_rng(11)
    x = rng.standard_normal((ROWS, FEATURES)).astype(np.float32)
    score = x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * rng.standard_normal(ROWS)
    three, two = np.digitize(score, [-0.5, 0.6]), (score > 0).astype(int)
    tests = rng.standard_normal((TESTS, FEATURES)).astype(np.float32)

    def sklearn(model, labels, **options) -> bytes:
        model.fit(x, labels)
        kind = [("X", FloatTensorType([None, FEATURES]))]
        options = {id(model): {"zipmap": False, **options}} if hasattr(model, "classes_") else None
        return convert_sklearn(model, initial_types=kind, options=options, target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString(
            deterministic=True
        )

    other = [("X", OtherFloat([None, FEATURES]))]
    light = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=6, verbose=-1, random_state=0).fit(x, three)
    light_two = lightgbm.LGBMClassifier(n_estimators=4, num_leaves=5, verbose=-1, random_state=0).fit(x, two)
    boosted = xgboost.XGBClassifier(n_estimators=3, max_depth=3, random_state=0).fit(x, three)
    regressed = xgboost.XGBRegressor(n_estimators=4, max_depth=3, random_state=0).fit(x, score)
    files = {
        "comparisons": comparisons(),
        "forest": sklearn(RandomForestClassifier(5, max_depth=4, random_state=0), three),
        "forest_two": sklearn(RandomForestClassifier(5, max_depth=4, random_state=0), two * 3 - 1),
        "forest_regressor": sklearn(RandomForestRegressor(4, max_depth=4, random_state=0), score),
        "boosting": sklearn(GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0), three),
        "boosting_two": sklearn(GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0), two),
        "lightgbm": convert_lightgbm(light, initial_types=other, zipmap=False, target_opset=15).SerializeToString(deterministic=True),
        "lightgbm_two": convert_lightgbm(light_two, initial_types=other, zipmap=True, target_opset=15).SerializeToString(deterministic=True),
        "xgboost": convert_xgboost(boosted, initial_types=other, target_opset=15).SerializeToString(deterministic=True),
        "xgboost_regressor": convert_xgboost(regressed, initial_types=other, target_opset=15).SerializeToString(deterministic=True),
        "logistic": sklearn(make_pipeline(StandardScaler(), LogisticRegression()), three),
        "logistic_two": sklearn(LogisticRegression(), two),
        "ridge": sklearn(make_pipeline(Normalizer(), Ridge()), score),
    }
    for name, data in files.items():
        own = rng.integers(-1, 4, (TESTS, FEATURES)).astype(np.float32) if name == "comparisons" else tests
        session = onnxruntime.InferenceSession(data)
        results = {"X": own}
        for output in session.get_outputs():
            value = session.run([output.name], {session.get_inputs()[0].name: own})[0]
            if isinstance(value, list):
                value = np.array([[row[key] for key in sorted(row)] for row in value], np.float32)
            results[output.name] = np.asarray(value, np.float32)
        (folder / f"classical_{name}.onnx").write_bytes(data)
        np.savez_compressed(folder / f"classical_{name}.npz", **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
