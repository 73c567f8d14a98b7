//! Classical models: trees, linear models, and what stands before them.

use crate::bytes::{number, tensor, text, field};
use crate::net::{Case, Net};
use crate::pipeline::run;

/// A model of `crates/onnx/tests/data`, with these operators of the classical domain.
macro_rules! exported {
    ($($name:literal: $($operator:literal)*,)*) => {
        vec![$(Case {
            name: $name,
            operators: vec![$($operator),*],
            file: include_bytes!(concat!("../../../onnx/tests/data/classical_", $name, ".onnx")).to_vec(),
            // Labels are among the outputs.
            is_index: true,
        }),*]
    };
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = exported! {
        "forest": "TreeEnsembleClassifier",
        "forest_regressor": "TreeEnsembleRegressor",
        "boosting": "TreeEnsembleClassifier",
        "lightgbm_two": "TreeEnsembleClassifier" "ZipMap",
        "xgboost": "TreeEnsembleClassifier",
        "logistic": "Scaler" "LinearClassifier" "Normalizer",
    };
    let floats = |name, shape: &[i64], data: &[f32]| {
        let raw: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
        attribute_of(name, &tensor("", shape, 1, &raw))
    };
    cases.extend([
        Net::new("a line through features")
            .input("x", &[1, 4])
            .ml("Imputer", &["x"], &["i"])
            .node("LinearRegressor", &["i"], &["y"])
            .classical()
            .with_floats("coefficients", &[0.5, -1.0, 0.25, 2.0])
            .with_floats("intercepts", &[0.75])
            .outputs(&["y"]),
        Net::new("features side by side, some of them")
            .input("x", &[1, 4])
            .input("z", &[1, 2])
            .ints("at", &[1, 3, 5])
            .ml("FeatureVectorizer", &["x", "z"], &["f"])
            .ml("ArrayFeatureExtractor", &["f", "at"], &["y"])
            .outputs(&["y"]),
        Net::new("above a threshold").input("x", &[1, 6]).ml("Binarizer", &["x"], &["y"]).with_float("threshold", 0.25).index("y"),
        Net::new("lines of categories")
            .input("x", &[1, 3])
            .ml("Binarizer", &["x"], &["b"])
            .ml("OneHotEncoder", &["b"], &["y"])
            .with_ints("cats_int64s", &[0, 1, 4])
            .index("y"),
        Net::new("numbers of classes")
            .input("x", &[1, 5])
            .node("ArgMax", &["x"], &["a"])
            .with_int("axis", 1)
            .ml("LabelEncoder", &["a"], &["y"])
            .with_ints("keys_int64s", &[0, 1, 2, 3, 4])
            .with_ints("values_int64s", &[7, 5, 3, 1, -1])
            .index("y"),
        Net::new("trees with leaves of their own")
            .input("x", &[1, 3])
            .ml("TreeEnsemble", &["x"], &["y"])
            .with_int("n_targets", 2)
            .with_ints("tree_roots", &[0, 2])
            .with_ints("nodes_featureids", &[0, 1, 2])
            .with_ints("nodes_truenodeids", &[0, 1, 3])
            .with_ints("nodes_falsenodeids", &[1, 2, 0])
            .with_ints("nodes_trueleafs", &[1, 1, 1])
            .with_ints("nodes_falseleafs", &[0, 1, 1])
            .with_ints("leaf_targetids", &[0, 1, 0, 1])
            .with_attribute(attribute_of("nodes_modes", &tensor("", &[3], 2, &[0, 1, 3])))
            .with_attribute(floats("nodes_splits", &[3], &[0.1, -0.4, 0.6]))
            .with_attribute(floats("leaf_weights", &[4], &[1.5, -2.0, 0.5, 3.0]))
            .outputs(&["y"]),
    ]);
    cases
}

/// An attribute that is a tensor.
fn attribute_of(name: &str, data: &[u8]) -> Vec<u8> {
    [text(1, name), field(5, data), number(20, 4)].concat()
}

#[test]
fn classical() {
    run(&cases());
}
