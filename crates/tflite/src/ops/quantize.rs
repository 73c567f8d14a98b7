//! QUANTIZE: real numbers to the model's own integers, or from one scale of integers to another.

pub(crate) use crate::integer::quantize::quantize as lower;
