//! `.npz` archives: a zip of `.npy` files, stored or deflated.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use veritorch::commitment::{Tensor, TensorValues, Tensors};
use veritorch::{Array, Arrays};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::npy::{self, Entries, Npy};
use super::{ArrayError, Loaded};

/// Most bytes of all arrays of one archive together, so that a small archive cannot fill the memory.
const MAX_BYTES: u64 = 1 << 33;

/// The arrays of a file as float32.
pub(crate) fn read(path: &Path) -> Result<Loaded, ArrayError> {
    let refused = |name: &str, reason| ArrayError::Array { path: path.to_owned(), name: name.to_owned(), reason };
    let float = |name: &str, npy: Npy| -> Result<Array, ArrayError> {
        let shape = npy.shape.clone();
        Ok(Array { shape, data: npy.into_floats().map_err(|reason| refused(name, reason))? })
    };
    match parse(path)? {
        Parsed::Single(npy) => Ok(Loaded::Single(path.to_owned(), float("(the only one)", npy)?)),
        Parsed::Named(arrays) => {
            let arrays: Result<Arrays, _> =
                arrays.into_iter().map(|(name, npy)| Ok((name.clone(), float(&name, npy)?))).collect();
            Ok(Loaded::Named(arrays?))
        }
    }
}

/// The arrays of a file as they are: whole numbers stay whole. A single array takes the only name there is.
pub(crate) fn read_tensors(path: &Path, names: Option<&[String]>) -> Result<Tensors, ArrayError> {
    let tensor = |npy: Npy| {
        let values = match npy.entries {
            Entries::Integers(values) => TensorValues::Integers(values),
            Entries::Floats(values) => TensorValues::Floats(values),
        };
        Tensor { shape: npy.shape, values }
    };
    match (parse(path)?, names) {
        (Parsed::Named(arrays), _) => Ok(arrays.into_iter().map(|(name, npy)| (name, tensor(npy))).collect()),
        (Parsed::Single(npy), None) => Ok(Tensors::from([("x".to_owned(), tensor(npy))])),
        (Parsed::Single(npy), Some([name])) => Ok(Tensors::from([(name.clone(), tensor(npy))])),
        (Parsed::Single(_), Some(names)) => {
            Err(ArrayError::Unnamed { path: path.to_owned(), what: "input", names: names.to_vec() })
        }
    }
}

/// The one array of whole numbers in a file.
pub(crate) fn read_integers(path: &Path) -> Result<Vec<i64>, ArrayError> {
    let (name, npy) = match parse(path)? {
        Parsed::Single(npy) => ("(the only one)".to_owned(), npy),
        Parsed::Named(arrays) => {
            let names: Vec<String> = arrays.keys().cloned().collect();
            match (arrays.into_iter().next(), names.len()) {
                (Some(only), 1) => only,
                _ => {
                    let reason = format!("expected one array of labels, got {}", names.join(", "));
                    return Err(ArrayError::NotArrays { path: path.to_owned(), reason });
                }
            }
        }
    };
    let refused = |reason| ArrayError::Array { path: path.to_owned(), name: name.clone(), reason };
    match npy.entries {
        Entries::Integers(values) => Ok(values),
        Entries::Floats(values) => match values.iter().find(|value| value.fract() != 0.0 || value.abs() > 1e9) {
            None => Ok(values.into_iter().map(|value| value as i64).collect()),
            Some(value) => Err(refused(format!("{value} is not a class"))),
        },
    }
}

enum Parsed {
    Single(Npy),
    Named(BTreeMap<String, Npy>),
}

fn parse(path: &Path) -> Result<Parsed, ArrayError> {
    let bytes = fs::read(path).map_err(|source| ArrayError::Io { path: path.to_owned(), source })?;
    let refused = |name: &str, reason: String| ArrayError::Array { path: path.to_owned(), name: name.to_owned(), reason };
    if bytes.starts_with(npy::MAGIC) {
        return Ok(Parsed::Single(npy::parse(&bytes).map_err(|reason| refused("(the only one)", reason))?));
    }
    let not_arrays = |reason: String| ArrayError::NotArrays { path: path.to_owned(), reason };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| not_arrays(error.to_string().to_lowercase()))?;
    let mut arrays = BTreeMap::new();
    let mut budget = MAX_BYTES;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| not_arrays(format!("entry {index}: {error}")))?;
        let file = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let Some(name) = file.strip_suffix(".npy") else {
            return Err(not_arrays(format!("`{file}` in it is not an .npy file")));
        };
        let name = name.to_owned();
        let mut bytes = Vec::new();
        let read = entry.take(budget + 1).read_to_end(&mut bytes);
        let read = read.map_err(|error| refused(&name, format!("the archive is damaged: {error}")))?;
        budget = budget
            .checked_sub(read as u64)
            .ok_or_else(|| refused(&name, format!("the arrays are larger than {MAX_BYTES} bytes")))?;
        let npy = npy::parse(&bytes).map_err(|reason| refused(&name, reason))?;
        if arrays.insert(name.clone(), npy).is_some() {
            return Err(refused(&name, "is in the archive twice".to_owned()));
        }
    }
    Ok(Parsed::Named(arrays))
}

/// The bytes of an archive; the same arrays give the same bytes.
pub(crate) fn write(arrays: &Arrays) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(true);
    for (name, array) in arrays {
        writer
            .start_file(format!("{name}.npy"), options)
            .and_then(|()| Ok(writer.write_all(&npy::encode(&array.shape, &array.data))?))
            .expect("writing to memory cannot fail");
    }
    writer.finish().expect("writing to memory cannot fail").into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn arrays() -> Arrays {
        let array = |shape: &[usize]| Array { shape: shape.to_vec(), data: vec![0.25; shape.iter().product()] };
        Arrays::from([("a".to_owned(), array(&[2, 3])), ("b/c".to_owned(), array(&[4]))])
    }

    #[test]
    fn archives_round_trip() {
        let file = stored(&write(&arrays()));
        let Loaded::Named(back) = read(file.path()).unwrap() else { panic!("not an archive") };
        assert_eq!(back, arrays());
        assert_eq!(write(&arrays()), write(&back));
    }

    #[test]
    fn damaged_archives_are_errors() {
        let good = write(&arrays());
        for len in 0..good.len() {
            assert!(read(stored(&good[..len]).path()).is_err(), "{len} of {} bytes", good.len());
        }
        for index in 0..good.len() {
            let mut bytes = good.clone();
            bytes[index] ^= 0x55;
            // Whatever comes of it, it is no panic.
            let _ = read(stored(&bytes).path());
        }
    }

    #[test]
    fn single_arrays_take_the_only_name() {
        let file = stored(&npy::encode(&[2], &[1.0, 2.0]));
        let names = ["x".to_owned()];
        let arrays = read(file.path()).unwrap().named("input", &names).unwrap();
        assert_eq!(arrays["x"].data, [1.0, 2.0]);
        let names = ["x".to_owned(), "y".to_owned()];
        assert!(matches!(read(file.path()).unwrap().named("input", &names), Err(ArrayError::Unnamed { .. })));
        assert_eq!(read_integers(file.path()).unwrap(), [1, 2]);
        let file = stored(&npy::encode(&[1], &[0.5]));
        assert!(read_integers(file.path()).unwrap_err().to_string().contains("not a class"));
    }
}
