//! Making commitments: integers as they are, or floats in steps of a scale.

use std::collections::BTreeMap;
use std::path::Path;

use veritorch_graph::circuit::plane_range;
use veritorch_prove::{CommittedTensor, Profile, ProveError, TensorFormat, VerifyingKey};

use super::opening::CommitmentOpening;
use super::{Commitment, CommittedArray, Contents};
use crate::array::unravel;
use crate::port::{BatchForm, expected, match_arrays, quantise};
use crate::artefact::{File, Kind};
use crate::{Array, Arrays, Error, InputSteps, Verifier};

/// Bytes of committed integers whose range nothing says.
const PLANES: usize = 4;
/// Bytes of committed integers whose steps follow from the values.
const OWN_PLANES: usize = 2;

/// A tensor to commit to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extents.
    pub shape: Vec<usize>,
    /// Entries, last axis fastest.
    pub values: TensorValues,
}

/// Entries of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorValues {
    /// Whole numbers: steps.
    Integers(Vec<i64>),
    /// Real numbers, to be rounded to steps.
    Floats(Vec<f32>),
}

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// What one step of a committed integer stands for.
#[derive(Clone, Copy, Debug)]
pub enum Steps<'a> {
    /// As the inputs of the same names of this model: its scale, its rounding, its range, its security profile. Integers must be in range.
    For(&'a Verifier),
    /// This real value: floats are rounded to the nearest multiple, halves away from zero, integers count steps.
    Scale(f64, Profile),
    /// Integers in steps of 1; floats in steps of the least power of two for which those of an array take two bytes, which
    /// shows how large its greatest entry is up to a factor of two.
    Own(Profile),
}

/// Commits to tensors, each hidden through this many openings.
///
/// # Errors
/// Names and shapes that are not the model's; values that are not finite or out of range; no openings or too many.
pub fn commit(tensors: &Tensors, steps: Steps<'_>, num_openings: usize) -> Result<CommitmentOpening, Error> {
    if tensors.is_empty() {
        return Err(Error::NoSamples { what: "commitment", name: "(no array)".to_owned() });
    }
    match steps {
        Steps::For(verifier) => commit_for(verifier, tensors, num_openings),
        Steps::Scale(scale, _) if !(scale.is_finite() && scale > 0.0) => {
            Err(Error::Option { option: "scale", reason: format!("{scale}, expected a number above 0") })
        }
        Steps::Scale(scale, profile) => commit_steps(tensors, Some(scale), profile, num_openings),
        Steps::Own(profile) => commit_steps(tensors, None, profile, num_openings),
    }
}

fn commit_steps(tensors: &Tensors, scale: Option<f64>, profile: Profile, num_openings: usize) -> Result<CommitmentOpening, Error> {
    let committed = tensors.iter().map(|(name, tensor)| {
        let (values, scale, num_planes) = match &tensor.values {
            TensorValues::Integers(values) => (values.clone(), scale.unwrap_or(1.0), PLANES),
            TensorValues::Floats(values) => {
                if let Some(at) = values.iter().position(|value| !value.is_finite()) {
                    let index = unravel(at, &tensor.shape);
                    return Err(Error::NotFinite { what: "array", name: name.clone(), index, value: values[at] });
                }
                let num_planes = scale.map_or(OWN_PLANES, |_| PLANES);
                let scale = scale.unwrap_or_else(|| own_scale(values));
                // What is far too large saturates here and is refused by the commitment.
                (values.iter().map(|&value| (f64::from(value) / scale).round() as i64).collect(), scale, num_planes)
            }
        };
        let (least, most) = plane_range(num_planes);
        if let Some(value) = values.iter().find(|value| !(least..=most).contains(*value)) {
            let reason = format!("the step {value} is outside of [{least}, {most}]");
            return Err(Error::Dtype { what: "array", name: name.clone(), reason });
        }
        let port = (name.clone(), tensor.shape.clone(), vec![scale]);
        Ok((port, CommittedTensor::commit(values, TensorFormat { num_planes, num_openings, margin: 0 }, profile)?))
    });
    assemble(committed.collect::<Result<_, Error>>()?, profile, num_openings)
}

/// The least power of two in whose steps these values fit [`OWN_PLANES`] bytes; 1 for zeros.
fn own_scale(values: &[f32]) -> f64 {
    let magnitude = values.iter().fold(0.0f64, |max, &value| max.max(f64::from(value).abs()));
    let steps = plane_range(OWN_PLANES).1 as f64;
    let mut scale = 1.0f64;
    while scale * steps < magnitude {
        scale *= 2.0;
    }
    while magnitude > 0.0 && scale * steps >= 2.0 * magnitude {
        scale /= 2.0;
    }
    scale
}

/// Floats go through the model's own rounding, integers must be in its range.
fn commit_for(verifier: &Verifier, tensors: &Tensors, num_openings: usize) -> Result<CommitmentOpening, Error> {
    let circuit = verifier.circuit();
    let as_floats = |tensor: &Tensor| Array {
        shape: tensor.shape.clone(),
        data: match &tensor.values {
            TensorValues::Floats(values) => values.clone(),
            TensorValues::Integers(values) => vec![0.0; values.len()],
        },
    };
    let arrays: Arrays = tensors.iter().map(|(name, tensor)| (name.clone(), as_floats(tensor))).collect();
    let (arrays, form) = match_arrays("input", &expected(&circuit.inputs), &arrays)?;
    let mut integers = Vec::with_capacity(arrays.len());
    for (port, array) in circuit.inputs.iter().zip(arrays) {
        let tensor = circuit.tensor(port.tensor);
        integers.push(match tensors.get(&port.name).map(|tensor| &tensor.values) {
            Some(TensorValues::Integers(values)) => {
                if let Some(value) = values.iter().find(|value| !(tensor.min..=tensor.max).contains(value)) {
                    let reason = format!("the step {value} is outside of the model's [{}, {}]", tensor.min, tensor.max);
                    return Err(Error::Dtype { what: "input", name: port.name.clone(), reason });
                }
                values.clone()
            }
            _ => quantise(circuit, port, array).0,
        });
    }
    commit_inputs(&verifier.key, &integers, form, num_openings)
}

/// Commits to a model's inputs.
pub(crate) fn commit_inputs(
    key: &VerifyingKey,
    integers: &[Vec<i64>],
    form: BatchForm,
    num_openings: usize,
) -> Result<CommitmentOpening, Error> {
    let committed = key.circuit.inputs.iter().zip(integers).map(|(port, values)| {
        let tensor = key.circuit.tensor(port.tensor);
        let format = TensorFormat::of(tensor.min, tensor.max, num_openings)?;
        let named = (port.name.clone(), form.shape(&port.shape), port.scale.clone());
        Ok((named, CommittedTensor::commit(values.clone(), format, key.profile)?))
    });
    assemble(committed.collect::<Result<_, ProveError>>()?, key.profile, num_openings)
}

/// Steps and range that a model's input has to be compiled with to be linked: those of the only output of the model in a `.vk` file, or
/// those of the only array in a `.commitment` file. `path` is for errors only.
///
/// # Errors
/// The file is damaged or of another kind; it has several outputs, arrays or scales.
pub fn input_steps_like(path: &Path, bytes: &[u8]) -> Result<InputSteps, Error> {
    if File::parse(path, bytes)?.kind != Kind::Commitment {
        return Verifier::from_bytes(path, bytes)?.output_steps();
    }
    let commitment = Commitment::from_bytes(path, bytes)?;
    let [CommittedArray { scale, commitment, .. }] = commitment.arrays() else {
        let reason = format!("`{}` holds {} arrays, expected one", path.display(), commitment.arrays().len());
        return Err(Error::Option { option: "input-like", reason });
    };
    let [scale] = scale.as_slice() else {
        return Err(Error::Option { option: "input-like", reason: format!("{} scales, expected one", scale.len()) });
    };
    Ok(InputSteps { scale: *scale, range: Some(plane_range(commitment.format.num_planes)) })
}

/// Name, shape and scale.
type Named = (String, Vec<usize>, Vec<f64>);

fn assemble(committed: Vec<(Named, CommittedTensor)>, profile: Profile, num_openings: usize) -> Result<CommitmentOpening, Error> {
    let arrays = committed.iter().map(|((name, shape, scale), tensor)| CommittedArray {
        name: name.clone(),
        shape: shape.clone(),
        scale: scale.clone(),
        commitment: tensor.commitment(),
    });
    let contents = Contents { profile, arrays: arrays.collect() };
    CommitmentOpening::new(contents, committed.into_iter().map(|(_, tensor)| tensor).collect(), num_openings)
}

impl CommitmentOpening {
    /// The commitments that a prover made to a model's outputs, with what its ports say of them.
    pub(crate) fn of_outputs(
        key: &VerifyingKey,
        tensors: Vec<CommittedTensor>,
        form: BatchForm,
        num_openings: usize,
    ) -> Result<Self, Error> {
        let ports = key.circuit.outputs.iter();
        let committed = ports.zip(tensors).map(|(port, tensor)| ((port.name.clone(), form.shape(&port.shape), port.scale.clone()), tensor));
        assemble(committed.collect(), key.profile, num_openings)
    }
}
