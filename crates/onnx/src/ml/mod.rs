//! One file per operator of ONNX's domain `ai.onnx.ml`: classical models as scikit-learn, XGBoost and LightGBM export them.

use crate::builder::Stop;
use crate::ops::Lower;

mod forest;
mod scores;

macro_rules! operators {
    ($($name:literal => $module:ident,)*) => {
        $(mod $module;)*
        static OPERATORS: &[(&str, Lower)] = &[$(($name, $module::lower),)*];
    };
}

operators! {
    "ArrayFeatureExtractor" => array_feature_extractor,
    "Binarizer" => binarizer,
    "FeatureVectorizer" => feature_vectorizer,
    "Imputer" => imputer,
    "LabelEncoder" => label_encoder,
    "LinearClassifier" => linear_classifier,
    "LinearRegressor" => linear_regressor,
    "Normalizer" => normalizer,
    "OneHotEncoder" => one_hot_encoder,
    "Scaler" => scaler,
    "TreeEnsemble" => tree_ensemble,
    "TreeEnsembleClassifier" => tree_ensemble_classifier,
    "TreeEnsembleRegressor" => tree_ensemble_regressor,
    "ZipMap" => zip_map,
}

/// Whether this is the domain of these operators.
pub(crate) fn is_own(domain: &str) -> bool {
    domain == "ai.onnx.ml"
}

/// The lowering of an operator.
pub(crate) fn find(op_type: &str) -> Result<Lower, Stop> {
    let found = OPERATORS.iter().find(|(name, _)| *name == op_type);
    found.map(|(_, lower)| *lower).ok_or_else(|| match op_type {
        "SVMClassifier" | "SVMRegressor" => Stop::hinted("support vector machine", "use a linear model, trees or a network"),
        "CategoryMapper" | "DictVectorizer" => Stop::hinted("operator on texts", "circuits compute on numbers: encode texts before the model"),
        _ => Stop::hinted("operator", "replace it by supported operators"),
    })
}

/// All operators, sorted.
pub(crate) fn names() -> Vec<&'static str> {
    OPERATORS.iter().map(|(name, _)| *name).collect()
}
