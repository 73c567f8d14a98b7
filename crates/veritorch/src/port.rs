//! Between the user's floats and the circuit's integers: names, shapes, batches, rounding.
//!
//! An input is rounded as `clamp(round(x / scale), min, max)`, halves away from zero; an output is `integer * scale`.

use veritorch_graph::circuit::{Circuit, Port};

use crate::array::unravel;
use crate::{Array, Arrays, Error};

/// How samples lie in the caller's arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchForm {
    /// One sample in the model's own shape.
    Single,
    /// The model's leading axis has extent 1 and the arrays' has this many samples.
    Leading(usize),
    /// One more axis in front, with this many samples.
    Stacked(usize),
}

impl BatchForm {
    /// Number of samples.
    #[must_use]
    pub fn batch(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Leading(batch) | Self::Stacked(batch) => batch,
        }
    }

    /// How an array of this shape holds samples of the model's shape.
    pub(crate) fn of(shape: &[usize], sample: &[usize]) -> Option<Self> {
        if shape == sample {
            return Some(Self::Single);
        }
        match (shape.split_first(), sample.split_first()) {
            (Some((&batch, rest)), _) if rest == sample => Some(Self::Stacked(batch)),
            (Some((&batch, rest)), Some((1, rest_of_sample))) if rest == rest_of_sample => Some(Self::Leading(batch)),
            _ => None,
        }
    }

    /// Shape of an output that has this shape for one sample.
    #[must_use]
    pub fn shape(self, sample: &[usize]) -> Vec<usize> {
        match (self, sample.split_first()) {
            (Self::Single, _) => sample.to_vec(),
            (Self::Leading(batch), Some((1, rest))) => [&[batch], rest].concat(),
            (Self::Leading(batch) | Self::Stacked(batch), _) => [&[batch], sample].concat(),
        }
    }
}

/// The name and the shape for one sample of an input.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Name in the model.
    pub name: &'a str,
    /// Shape for one sample.
    pub shape: &'a [usize],
}

/// The caller's arrays in the order of the model, with the number of samples they agree on.
///
/// # Errors
/// Names, shapes, numbers of samples, and numbers that are not finite; `what` is "input", "calibration" or "output".
pub fn match_arrays<'a>(
    what: &'static str,
    expected: &[Expected<'_>],
    arrays: &'a Arrays,
) -> Result<(Vec<&'a Array>, BatchForm), Error> {
    let known = || expected.iter().map(|port| port.name.to_owned()).collect::<Vec<_>>();
    let missing = expected.iter().find(|port| !arrays.contains_key(port.name));
    let unknown = arrays.keys().find(|name| expected.iter().all(|port| port.name != name.as_str()));
    match (missing, unknown) {
        (Some(port), _) => {
            let given = arrays.keys().cloned().collect();
            return Err(Error::MissingArray { what, name: port.name.to_owned(), given });
        }
        (None, Some(name)) => return Err(Error::UnknownArray { what, name: name.clone(), known: known() }),
        (None, None) => {}
    }
    let mut form: Option<(&str, BatchForm)> = None;
    let mut matched = Vec::with_capacity(expected.len());
    for port in expected {
        let array = &arrays[port.name];
        let wrong_shape = || Error::Shape {
            what,
            name: port.name.to_owned(),
            expected: port.shape.to_vec(),
            actual: array.shape.clone(),
        };
        let this = BatchForm::of(&array.shape, port.shape).ok_or_else(wrong_shape)?;
        if this.batch() == 0 {
            return Err(Error::NoSamples { what, name: port.name.to_owned() });
        }
        if array.data.len() != array.shape.iter().product::<usize>() {
            return Err(wrong_shape());
        }
        if let Some(at) = array.data.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                what,
                name: port.name.to_owned(),
                index: unravel(at, &array.shape),
                value: array.data[at],
            });
        }
        form = match form {
            None => Some((port.name, this)),
            Some((other, known)) if known.batch() != this.batch() => {
                return Err(Error::Batches {
                    what,
                    first: other.to_owned(),
                    first_batch: known.batch(),
                    second: port.name.to_owned(),
                    second_batch: this.batch(),
                });
            }
            // The widest form wins: an input that says which axis is the batch speaks for the outputs.
            Some((other, known)) => Some((other, wider(known, this))),
        };
        matched.push(array);
    }
    Ok((matched, form.map_or(BatchForm::Single, |(_, form)| form)))
}

fn wider(a: BatchForm, b: BatchForm) -> BatchForm {
    let rank = |form| match form {
        BatchForm::Single => 0,
        BatchForm::Leading(_) => 1,
        BatchForm::Stacked(_) => 2,
    };
    if rank(b) > rank(a) { b } else { a }
}

/// An input's port as [`match_arrays`] wants it.
pub(crate) fn expected(ports: &[Port]) -> Vec<Expected<'_>> {
    ports.iter().map(|port| Expected { name: &port.name, shape: &port.shape }).collect()
}

/// Values of an input that lie outside the range it was calibrated on.
#[derive(Clone, Debug, PartialEq)]
pub struct Saturation {
    /// Name of the input.
    pub input: String,
    /// Number of values that were moved into the range.
    pub count: usize,
    /// Number of values.
    pub total: usize,
    /// The one that lies farthest outside.
    pub worst: f32,
    /// Least and greatest value that the circuit takes.
    pub range: (f64, f64),
}

impl std::fmt::Display for Saturation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (min, max) = self.range;
        write!(
            f,
            "input `{}`: {} of {} values lie outside the calibrated range [{min:.4}, {max:.4}] and saturate; the farthest is {}",
            self.input, self.count, self.total, self.worst
        )
    }
}

/// Integers of an input of a circuit for one sample, and a note where values lie more than 1/64 of the range outside it.
#[must_use]
pub fn quantise(circuit: &Circuit, port: &Port, array: &Array) -> (Vec<i64>, Option<Saturation>) {
    let tensor = circuit.tensor(port.tensor);
    let (min, max) = (tensor.min as f64, tensor.max as f64);
    let tolerance = (max - min) / 64.0;
    let scales = port.scale.len().max(1);
    let mut saturation: Option<(usize, f64, f32, f64)> = None;
    let integers = array.data.iter().enumerate().map(|(index, &value)| {
        let scale = port.scale.get(index % scales).copied().unwrap_or(1.0);
        let rounded = (f64::from(value) / scale).round();
        let beyond = (min - rounded).max(rounded - max);
        if beyond > tolerance {
            let (count, most, worst, of) = saturation.unwrap_or((0, 0.0, value, scale));
            saturation = Some(if beyond > most { (count + 1, beyond, value, scale) } else { (count + 1, most, worst, of) });
        }
        rounded.clamp(min, max) as i64
    });
    let integers = integers.collect();
    let note = saturation.map(|(count, _, worst, scale)| Saturation {
        input: port.name.clone(),
        count,
        total: array.data.len(),
        worst,
        range: (min * scale, max * scale),
    });
    (integers, note)
}

/// Values of a port in the model's units.
#[must_use]
pub fn dequantise(port: &Port, integers: &[i64], form: BatchForm) -> Array {
    let scales = port.scale.len().max(1);
    let data = integers
        .iter()
        .enumerate()
        .map(|(index, &integer)| (integer as f64 * port.scale.get(index % scales).copied().unwrap_or(1.0)) as f32)
        .collect();
    Array { shape: form.shape(&port.shape), data }
}

#[cfg(test)]
mod tests;
