//! Operators that only move integers, or take the greatest: as on real numbers, where operands and results have one scale.

use veritorch_onnx::building::Stop;

use super::Step;
use crate::lowering::Lowering;
use crate::ops::{self, Lower};

macro_rules! wiring {
    ($($name:literal => $module:ident,)*) => {
        static OPERATORS: &[(&str, Lower)] = &[$(($name, |l| {
            one_scale(l)?;
            ops::$module::lower(l)
        }),)*];
    };
}

wiring! {
    "CONCATENATION" => concatenation,
    "DEPTH_TO_SPACE" => depth_to_space,
    "EXPAND_DIMS" => expand_dims,
    "GATHER" => gather,
    "MAX_POOL_2D" => max_pool_2d,
    "MIRROR_PAD" => mirror_pad,
    "PACK" => pack,
    "PAD" => pad,
    "PADV2" => padv2,
    "RESHAPE" => reshape,
    "RESIZE_NEAREST_NEIGHBOR" => resize_nearest_neighbor,
    "REVERSE_V2" => reverse_v2,
    "SLICE" => slice,
    "SPACE_TO_DEPTH" => space_to_depth,
    "SPLIT" => split,
    "SPLIT_V" => split_v,
    "SQUEEZE" => squeeze,
    "STRIDED_SLICE" => strided_slice,
    "TRANSPOSE" => transpose,
    "UNPACK" => unpack,
}

pub(super) fn find(name: &str) -> Option<Lower> {
    OPERATORS.iter().find(|(known, _)| *known == name).map(|(_, lower)| *lower)
}

/// Refuses operands and results of different scales.
pub(super) fn one_scale(l: &Lowering<'_>) -> Result<(), Stop> {
    let inputs = (0..l.num_inputs()).filter_map(|k| l.input_steps(k).ok());
    let outputs = (0..l.num_outputs()).filter_map(|k| l.output_steps(k).ok());
    let steps = inputs.chain(outputs).map(|steps| steps.one()).collect::<Result<Vec<Step>, _>>()?;
    if steps.windows(2).all(|pair| pair[0] == pair[1]) {
        return Ok(());
    }
    Err(Stop::hinted("operands and results of different scales", "convert again: the converter gives them one scale"))
}
