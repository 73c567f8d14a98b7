//! The weights of a model as planes of balanced base-256 digits: `w = sum_p 256^p * plane_p`, each plane an
//! `i8` matrix `[kernel, output, column]`, row-major. The prover and the model commitment read the planes.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use veritorch_graph::circuit::ParamInfo;
use veritorch_graph::model::Bytes;

use crate::ExecuteError;

/// The weights of a model, one entry per [`ParamInfo`] of its circuit.
#[derive(Clone)]
pub struct Params {
    infos: Vec<ParamInfo>,
    /// `[param][plane][(kernel * num_outputs + output) * num_columns + column]`.
    planes: Vec<Vec<Plane>>,
    /// Least and greatest value of each param.
    bounds: Vec<(i64, i64)>,
}

/// One byte plane: a view of memory, or of a file that is mapped.
#[derive(Clone)]
struct Plane {
    bytes: Bytes,
    range: Range<usize>,
}

impl From<Vec<i8>> for Plane {
    fn from(digits: Vec<i8>) -> Self {
        let range = 0..digits.len();
        Self { bytes: Arc::new(bytemuck::allocation::cast_vec::<i8, u8>(digits)), range }
    }
}

impl Plane {
    fn bytes(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.range.clone()]
    }

    fn digits(&self) -> &[i8] {
        bytemuck::cast_slice(self.bytes())
    }
}

/// Weights are equal if their entries are.
impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.infos == other.infos && self.stored().eq(other.stored())
    }
}

impl Eq for Params {}

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
            planes.push(byte_planes(values, info.num_planes).into_iter().map(Plane::from).collect());
        }
        Self::from_parts(infos.to_vec(), planes)
    }

    /// Takes weights that are byte planes already: `planes[param][plane]` is row-major `[kernel, output, column]`.
    ///
    /// # Errors
    /// [`ExecuteError::ParamCount`] or [`ExecuteError::ParamShape`].
    pub fn from_planes(infos: Vec<ParamInfo>, planes: Vec<Vec<Vec<i8>>>) -> Result<Self, ExecuteError> {
        Self::from_parts(infos, planes.into_iter().map(|planes| planes.into_iter().map(Plane::from).collect()).collect())
    }

    /// Takes weights from where [`Params::stored`] has put them: all planes one after the other, read where they are.
    ///
    /// # Errors
    /// [`ExecuteError::ParamCount`] or [`ExecuteError::ParamShape`]; the bytes are too few or too many.
    pub fn from_stored(infos: Vec<ParamInfo>, bytes: &Bytes, range: Range<usize>) -> Result<Self, ExecuteError> {
        let held = (**bytes).as_ref().len();
        let mut start = range.start;
        let mut planes = Vec::with_capacity(infos.len());
        for info in &infos {
            let len = num_entries(info)?;
            let mut own = Vec::with_capacity(info.num_planes);
            for _ in 0..info.num_planes {
                let end = start.checked_add(len).filter(|&end| end <= range.end.min(held));
                let end = end.ok_or_else(|| shape_error(info, "fewer bytes".to_owned()))?;
                own.push(Plane { bytes: Arc::clone(bytes), range: start..end });
                start = end;
            }
            planes.push(own);
        }
        if start != range.end {
            return Err(ExecuteError::ParamCount { expected: start - range.start, actual: range.len() });
        }
        Self::from_parts(infos, planes)
    }

    /// The planes of all params as bytes, in order: what is stored.
    pub fn stored(&self) -> impl Iterator<Item = &[u8]> {
        self.planes.iter().flatten().map(Plane::bytes)
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
            if let Some(plane) = planes.iter().find(|plane| plane.range.len() != len) {
                return Err(shape_error(info, format!("a plane of {} entries", plane.range.len())));
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

    /// Some of the weights, at these positions, where they are.
    ///
    /// # Panics
    /// If a position is out of range.
    #[must_use]
    pub fn select(&self, params: &[usize]) -> Self {
        Self {
            infos: params.iter().map(|&param| self.infos[param].clone()).collect(),
            planes: params.iter().map(|&param| self.planes[param].clone()).collect(),
            bounds: params.iter().map(|&param| self.bounds[param]).collect(),
        }
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
        self.planes[param][plane].digits()
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
        self.planes[param].iter().rev().fold(0, |value, plane| value * 256 + i64::from(plane.digits()[index]))
    }

    /// All weights of a tensor, row-major `[kernel, output, column]`.
    ///
    /// # Panics
    /// If `param` is out of range.
    #[must_use]
    pub fn values(&self, param: usize) -> Vec<i64> {
        values(&self.planes[param]).collect()
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

fn values(planes: &[Plane]) -> impl Iterator<Item = i64> {
    let digits: Vec<&[i8]> = planes.iter().map(Plane::digits).collect();
    (0..digits[0].len()).map(move |index| digits.iter().rev().fold(0, |value, digits| value * 256 + i64::from(digits[index])))
}

fn bounds(planes: &[Plane]) -> (i64, i64) {
    match planes {
        [plane] => least_and_greatest(plane.digits().iter().map(|&digit| i32::from(digit))),
        [low, high] => {
            let digits = low.digits().iter().zip(high.digits());
            least_and_greatest(digits.map(|(&low, &high)| 256 * i32::from(high) + i32::from(low)))
        }
        planes => values(planes).fold((i64::MAX, i64::MIN), |(min, max), value| (min.min(value), max.max(value))),
    }
}

fn least_and_greatest(values: impl Iterator<Item = i32>) -> (i64, i64) {
    let (min, max) = values.fold((i32::MAX, i32::MIN), |(min, max), value| (min.min(value), max.max(value)));
    (i64::from(min), i64::from(max))
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
            let bytes: Bytes = Arc::new([&[9; 3], params.stored().collect::<Vec<_>>().concat().as_slice(), &[9]].concat());
            let end = (*bytes).as_ref().len() - 1;
            assert_eq!(Params::from_stored(infos.to_vec(), &bytes, 3..end).unwrap(), params);
            for range in [3..end - 1, 3..end + 1, 4..end, end..end + 1, 3..end + 9] {
                assert!(Params::from_stored(infos.to_vec(), &bytes, range).is_err());
            }
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
        let params = Params::from_values(&infos, &[vec![1; 4]]).unwrap();
        assert!(params.check(&infos).is_ok());
        assert!(matches!(params.check(&[info(1, [2, 1, 2])]), Err(ExecuteError::ParamShape { .. })));
    }
}
