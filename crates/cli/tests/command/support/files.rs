//! NumPy files, written by hand so that wrong ones can be made as well.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An `.npy` file with these raw entries.
pub(crate) fn npy(descr: &str, shape: &[usize], entries: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|extent| format!("{extent},")).collect();
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    text.extend(std::iter::repeat_n(' ', 128 - text.len() - 11));
    text.push('\n');
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), entries].concat()
}

/// An archive of float32 arrays.
pub(crate) fn npz(arrays: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let raw = |data: &[f32]| data.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    archive(&arrays.iter().map(|(name, shape, data)| (*name, npy("<f4", shape, &raw(data)))).collect::<Vec<_>>())
}

/// An archive of `.npy` files, compressed.
pub(crate) fn archive(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in arrays {
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Numbers in [-1, 1] that repeat late.
pub(crate) fn wave(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * i * 37 + i * 11) % 201) as f32 / 100.0 - 1.0).collect()
}
