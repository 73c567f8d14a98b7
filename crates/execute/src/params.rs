//! The weights of a model as planes of balanced base-256 digits: `w = sum_p 256^p * plane_p`, each plane an
//! `i8` matrix `[kernel, output, column]`, row-major. The prover and the model commitment read the planes.

use std::fmt;

use rayon::prelude::*;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use veritorch_graph::circuit::ParamInfo;

use crate::ExecuteError;

/// The weights of a model, one entry per [`ParamInfo`] of its circuit.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Params {
    infos: Vec<ParamInfo>,
    /// `[param][plane][(kernel * num_outputs + output) * num_columns + column]`.
    planes: Vec<Vec<Plane>>,
    /// Least and greatest value of each param.
    bounds: Vec<(i64, i64)>,
}

/// One byte plane; serialised as a byte string.
#[derive(Clone, PartialEq, Eq)]
struct Plane(Vec<i8>);

#[derive(Deserialize)]
struct Stored {
    infos: Vec<ParamInfo>,
    planes: Vec<Vec<Plane>>,
}

#[derive(Serialize)]
struct Borrowed<'a> {
    infos: &'a [ParamInfo],
    planes: &'a [Vec<Plane>],
}

/// Digits of a weight at most: every sum of them is an `i64`. Circuits allow fewer.
const MAX_PLANES: usize = 7;

/// Least and greatest value of `num_planes` balanced digits: `[-128, 127] * (256^n - 1) / 255`.
#[must_use]
pub(crate) fn plane_range(num_planes: usize) -> (i64, i64) {
    let ones = (0..num_planes).fold(0, |ones, _| ones * 256 + 1);
    (-128 * ones, 127 * ones)
}

/// Weights are secrets: not one of them is printed.
impl std::fmt::Debug for Params {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Params({} tensors)", self.infos.len())
    }
}

impl Params {
    /// Splits weights into byte planes. `values[param]` is row-major `[kernel, output, column]`.
    ///
    /// # Errors
    /// [`ExecuteError::ParamCount`], [`ExecuteError::ParamShape`] or [`ExecuteError::ParamRange`].
    pub fn from_values(infos: &[ParamInfo], values: &[Vec<i64>]) -> Result<Self, ExecuteError> {
        if infos.len() != values.len() {
            return Err(ExecuteError::ParamCount { expected: infos.len(), actual: values.len() });
        }
        let mut planes = Vec::with_capacity(infos.len());
        for (info, values) in infos.iter().zip(values) {
            if values.len() != num_entries(info)? {
                return Err(shape_error(info, format!("{} entries", values.len())));
            }
            let (min, max) = plane_range(info.num_planes);
            if let Some(index) = values.iter().position(|value| !(min..=max).contains(value)) {
                return Err(ExecuteError::ParamRange {
                    param: info.name.clone(),
                    index,
                    value: values[index],
                    min,
                    max,
                });
            }
            planes.push(byte_planes(values, info.num_planes).into_iter().map(Plane).collect());
        }
        Self::from_parts(infos.to_vec(), planes)
    }

    /// Takes weights that are byte planes already: `planes[param][plane]` is row-major `[kernel, output, column]`.
    ///
    /// # Errors
    /// [`ExecuteError::ParamCount`] or [`ExecuteError::ParamShape`].
    pub fn from_planes(infos: Vec<ParamInfo>, planes: Vec<Vec<Vec<i8>>>) -> Result<Self, ExecuteError> {
        Self::from_parts(infos, planes.into_iter().map(|planes| planes.into_iter().map(Plane).collect()).collect())
    }

    fn from_parts(infos: Vec<ParamInfo>, planes: Vec<Vec<Plane>>) -> Result<Self, ExecuteError> {
        if infos.len() != planes.len() {
            return Err(ExecuteError::ParamCount { expected: infos.len(), actual: planes.len() });
        }
        for (info, planes) in infos.iter().zip(&planes) {
            let len = num_entries(info)?;
            if planes.len() != info.num_planes {
                return Err(shape_error(info, format!("{} planes", planes.len())));
            }
            if let Some(plane) = planes.iter().find(|plane| plane.0.len() != len) {
                return Err(shape_error(info, format!("a plane of {} entries", plane.0.len())));
            }
        }
        let bounds = planes.par_iter().map(|planes| bounds(planes)).collect();
        Ok(Self { infos, planes, bounds })
    }

    /// Checks that these are weights for a circuit with these params.
    ///
    /// # Errors
    /// [`ExecuteError::ParamCount`] or [`ExecuteError::ParamShape`].
    pub fn check(&self, infos: &[ParamInfo]) -> Result<(), ExecuteError> {
        if infos.len() != self.infos.len() {
            return Err(ExecuteError::ParamCount { expected: infos.len(), actual: self.infos.len() });
        }
        for (expected, actual) in infos.iter().zip(&self.infos) {
            if (expected.shape, expected.num_planes) != (actual.shape, actual.num_planes) {
                let actual = format!("shape {:?} with {} planes", actual.shape, actual.num_planes);
                return Err(shape_error(expected, actual));
            }
        }
        Ok(())
    }

    /// Names, shapes and numbers of planes.
    #[must_use]
    pub fn infos(&self) -> &[ParamInfo] {
        &self.infos
    }

    /// Number of weight tensors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Whether the model has no weights.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.infos.is_empty()
    }

    /// Byte plane `plane` of weight tensor `param`, row-major `[kernel, output, column]`; digit `256^plane`.
    ///
    /// # Panics
    /// If `param` or `plane` is out of range.
    #[must_use]
    pub fn plane(&self, param: usize, plane: usize) -> &[i8] {
        &self.planes[param][plane].0
    }

    /// Least and greatest weight of a tensor.
    ///
    /// # Panics
    /// If `param` is out of range.
    #[must_use]
    pub fn bounds(&self, param: usize) -> (i64, i64) {
        self.bounds[param]
    }

    /// Weight `index` of a tensor, row-major `[kernel, output, column]`.
    pub(crate) fn value(&self, param: usize, index: usize) -> i64 {
        value(&self.planes[param], index)
    }

    /// All weights of a tensor, row-major `[kernel, output, column]`.
    ///
    /// # Panics
    /// If `param` is out of range.
    #[must_use]
    pub fn values(&self, param: usize) -> Vec<i64> {
        let planes = &self.planes[param];
        (0..planes[0].0.len()).map(|index| value(planes, index)).collect()
    }
}

/// Values as `num_planes` planes of balanced base-256 digits; digits beyond are lost.
#[must_use]
pub fn byte_planes(values: &[i64], num_planes: usize) -> Vec<Vec<i8>> {
    (0..num_planes).map(|plane| digits(values, plane)).collect()
}

/// Digit `plane` of each value in balanced base 256.
fn digits(values: &[i64], plane: usize) -> Vec<i8> {
    let digit = |value: i64| (0..plane).fold(value, |value, _| (value - i64::from(value as i8)) >> 8) as i8;
    values.par_iter().map(|&value| digit(value)).collect()
}

fn value(planes: &[Plane], index: usize) -> i64 {
    planes.iter().rev().fold(0, |value, plane| value * 256 + i64::from(plane.0[index]))
}

fn bounds(planes: &[Plane]) -> (i64, i64) {
    if let [plane] = planes {
        let (min, max) = plane.0.iter().fold((i8::MAX, i8::MIN), |(min, max), &w| (min.min(w), max.max(w)));
        return (i64::from(min), i64::from(max));
    }
    (0..planes[0].0.len())
        .map(|index| value(planes, index))
        .fold((i64::MAX, i64::MIN), |(min, max), value| (min.min(value), max.max(value)))
}

fn num_entries(info: &ParamInfo) -> Result<usize, ExecuteError> {
    let len = info.shape.iter().try_fold(1usize, |len, &extent| len.checked_mul(extent));
    match len {
        Some(len) if len > 0 && (1..=MAX_PLANES).contains(&info.num_planes) => Ok(len),
        _ => Err(shape_error(info, format!("extents of at least 1 and 1 to {MAX_PLANES} planes required"))),
    }
}

fn shape_error(info: &ParamInfo, actual: String) -> ExecuteError {
    ExecuteError::ParamShape {
        param: info.name.clone(),
        expected_shape: info.shape,
        expected_planes: info.num_planes,
        actual,
    }
}

impl TryFrom<Stored> for Params {
    type Error = ExecuteError;

    fn try_from(stored: Stored) -> Result<Self, ExecuteError> {
        Self::from_parts(stored.infos, stored.planes)
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Borrowed { infos: &self.infos, planes: &self.planes }.serialize(serializer)
    }
}

impl Serialize for Plane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().map(|&w| w as u8).collect();
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de> Deserialize<'de> for Plane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Plane;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Plane, E> {
                Ok(Plane(bytes.iter().map(|&byte| byte as i8).collect()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Plane, A::Error> {
                let mut plane = Vec::new();
                while let Some(byte) = seq.next_element::<u8>()? {
                    plane.push(byte as i8);
                }
                Ok(Plane(plane))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(num_planes: usize, shape: [usize; 3]) -> ParamInfo {
        ParamInfo { name: "w".to_owned(), shape, num_planes }
    }

    #[test]
    fn values_survive_the_planes() {
        for num_planes in 1..=MAX_PLANES {
            let (min, max) = plane_range(num_planes);
            let values = vec![min, min + 1, -129, -128, -1, 0, 1, 127, 128, 129, max - 1, max];
            let values: Vec<i64> = values.into_iter().filter(|v| (min..=max).contains(v)).collect();
            let infos = [info(num_planes, [1, 1, values.len()])];
            let params = Params::from_values(&infos, std::slice::from_ref(&values)).unwrap();
            assert_eq!(params.values(0), values);
            assert_eq!(params.bounds(0), (min, max));
            let bytes = postcard::to_stdvec(&params).unwrap();
            assert_eq!(postcard::from_bytes::<Params>(&bytes).unwrap(), params);
        }
    }

    #[test]
    fn values_outside_the_planes_are_refused() {
        for num_planes in 1..=MAX_PLANES {
            let (min, max) = plane_range(num_planes);
            for value in [min - 1, max + 1] {
                let error = Params::from_values(&[info(num_planes, [1, 1, 2])], &[vec![0, value]]).unwrap_err();
                assert!(matches!(error, ExecuteError::ParamRange { index: 1, value: v, .. } if v == value));
            }
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let infos = [info(1, [1, 2, 2])];
        assert!(matches!(Params::from_values(&infos, &[]), Err(ExecuteError::ParamCount { expected: 1, actual: 0 })));
        assert!(matches!(Params::from_values(&infos, &[vec![0; 3]]), Err(ExecuteError::ParamShape { .. })));
        assert!(matches!(
            Params::from_planes(infos.to_vec(), vec![vec![vec![0; 4], vec![0; 4]]]),
            Err(ExecuteError::ParamShape { .. })
        ));
        let stored = Borrowed { infos: &infos, planes: &[vec![Plane(vec![0; 5])]] };
        assert!(postcard::from_bytes::<Params>(&postcard::to_stdvec(&stored).unwrap()).is_err());
        let params = Params::from_values(&infos, &[vec![1; 4]]).unwrap();
        assert!(params.check(&infos).is_ok());
        assert!(matches!(params.check(&[info(1, [2, 1, 2])]), Err(ExecuteError::ParamShape { .. })));
    }
}
