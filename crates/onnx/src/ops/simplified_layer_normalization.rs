//! SimplifiedLayerNormalization: onnxruntime's name of RMSNormalization, written by its graph optimiser.

pub(super) use super::rms_normalization::lower;
