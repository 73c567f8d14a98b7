//! NumPy arrays in and out, through the buffer protocol: no build against NumPy.

use std::collections::BTreeMap;

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyTuple};
use veritorch::{Array, Arrays};

/// Copies contiguous float32 arrays by name.
pub(crate) fn read(arrays: &BTreeMap<String, Bound<'_, PyAny>>) -> PyResult<Arrays> {
    arrays.iter().map(|(name, array)| Ok((name.clone(), read_one(array)?))).collect()
}

fn read_one(array: &Bound<'_, PyAny>) -> PyResult<Array> {
    let shape = array.getattr("shape")?.extract()?;
    let flat = array.call_method1("reshape", (-1,))?;
    let data = PyBuffer::<f32>::get(&flat)?.to_vec(array.py())?;
    Ok(Array { shape, data })
}

/// New, writable float32 arrays by name.
pub(crate) fn write<'py>(py: Python<'py>, arrays: &Arrays) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, array) in arrays {
        dict.set_item(name, write_one(py, array)?)?;
    }
    Ok(dict)
}

fn write_one<'py>(py: Python<'py>, array: &Array) -> PyResult<Bound<'py, PyAny>> {
    let bytes = PyByteArray::new_with(py, 4 * array.data.len(), |bytes| {
        for (slot, value) in bytes.chunks_exact_mut(4).zip(&array.data) {
            slot.copy_from_slice(&value.to_ne_bytes());
        }
        Ok(())
    })?;
    let flat = py.import("numpy")?.call_method1("frombuffer", (bytes, "f4"))?;
    flat.call_method1("reshape", (PyTuple::new(py, &array.shape)?,))
}
