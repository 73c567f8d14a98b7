//! NumPy's array format [NEP 1]: magic, version, a Python dictionary, raw entries.
//!
//! The file's header is read before anything is allocated for it, and its length must be exactly what the header says.

/// The first bytes of every array.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Most entries of one array.
const MAX_ENTRIES: usize = 1 << 31;

/// Integers up to here are exact in a float32.
const EXACT: f64 = 16_777_216.0;

/// A type of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dtype {
    F32,
    F64,
    Int { bytes: usize, signed: bool },
    Bool,
}

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header {
    dtype: Dtype,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// An array with its entries as `f64`, or as `i64` where they are integers.
pub(super) struct Npy {
    pub(super) shape: Vec<usize>,
    pub(super) entries: Entries,
}

pub(super) enum Entries {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// Parses a whole file.
pub(super) fn parse(bytes: &[u8]) -> Result<Npy, String> {
    let (header, data) = header(bytes)?;
    let count = header.shape.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    let count = count.filter(|&count| count <= MAX_ENTRIES).ok_or_else(|| format!("shape {:?} is too large", header.shape))?;
    let width = header.dtype.width();
    if data.len() != count * width {
        return Err(format!(
            "shape {:?} takes {} bytes of entries, the file has {}",
            header.shape,
            count * width,
            data.len()
        ));
    }
    let chunks = data.chunks_exact(width);
    let entries = match header.dtype {
        Dtype::F32 => Entries::Floats(chunks.map(|c| f32::from_bits(bits(c, header.big_endian) as u32)).collect()),
        Dtype::F64 => Entries::Floats(
            chunks.map(|c| narrow(f64::from_bits(bits(c, header.big_endian)))).collect::<Result<_, _>>()?,
        ),
        Dtype::Int { bytes, signed } => {
            let unused = 64 - 8 * bytes as u32;
            let convert = |c: &[u8]| {
                let raw = bits(c, header.big_endian);
                if signed {
                    Ok(((raw << unused) as i64) >> unused)
                } else {
                    i64::try_from(raw).map_err(|_| format!("{raw} is too large"))
                }
            };
            Entries::Integers(chunks.map(convert).collect::<Result<_, _>>()?)
        }
        Dtype::Bool => Entries::Integers(data.iter().map(|&byte| i64::from(byte != 0)).collect()),
    };
    let entries = match (header.fortran, entries) {
        (false, entries) => entries,
        (true, Entries::Floats(values)) => Entries::Floats(to_row_major(&header.shape, &values)),
        (true, Entries::Integers(values)) => Entries::Integers(to_row_major(&header.shape, &values)),
    };
    Ok(Npy { shape: header.shape, entries })
}

impl Npy {
    /// The entries as float32, where nothing is lost but precision of float64.
    pub(super) fn into_floats(self) -> Result<Vec<f32>, String> {
        match self.entries {
            Entries::Floats(values) => Ok(values),
            Entries::Integers(values) => values
                .into_iter()
                .map(|value| {
                    let wide = value as f64;
                    if wide.abs() <= EXACT { Ok(wide as f32) } else { Err(format!("{value} is not exact in float32")) }
                })
                .collect(),
        }
    }
}

impl Dtype {
    fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Int { bytes, .. } => bytes,
            Self::Bool => 1,
        }
    }
}

fn bits(chunk: &[u8], big_endian: bool) -> u64 {
    let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    if big_endian { chunk.iter().fold(0, fold) } else { chunk.iter().rev().fold(0, fold) }
}

fn narrow(value: f64) -> Result<f32, String> {
    let narrow = value as f32;
    if value.is_finite() && !narrow.is_finite() { Err(format!("{value:e} is too large for float32")) } else { Ok(narrow) }
}

/// Reorders entries whose first axis runs fastest.
fn to_row_major<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut out = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..values.len() {
        let offset = index.iter().zip(shape).rev().fold(0, |offset, (&i, &extent)| offset * extent + i);
        out.push(values[offset]);
        for k in (0..shape.len()).rev() {
            index[k] += 1;
            if index[k] < shape[k] {
                break;
            }
            index[k] = 0;
        }
    }
    out
}

fn header(bytes: &[u8]) -> Result<(Header, &[u8]), String> {
    let truncated = || "the header is truncated".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as an .npy file")?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(truncated)?;
    let (length, rest) = match version[0] {
        1 => rest.split_at_checked(2),
        2 | 3 => rest.split_at_checked(4),
        other => return Err(format!("format version {other} is not known")),
    }
    .ok_or_else(truncated)?;
    let length = usize::try_from(bits(length, false)).map_err(|_| truncated())?;
    let (text, data) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let text = std::str::from_utf8(text).map_err(|_| "the header is not text")?;
    Ok((dictionary(text)?, data))
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn dictionary(text: &str) -> Result<Header, String> {
    let unreadable = || format!("the header is not readable: {:?}", text.chars().take(80).collect::<String>());
    let value = |key: &str| -> Option<&str> {
        let after = &text[text.find(&format!("'{key}'"))? + key.len() + 2..];
        Some(after.trim_start().strip_prefix(':')?.trim_start())
    };
    let descr = value("descr").ok_or_else(unreadable)?;
    let descr = match descr.strip_prefix('\'') {
        Some(rest) => rest.split('\'').next().ok_or_else(unreadable)?,
        None => return Err("records are not supported, only plain numbers".to_owned()),
    };
    let fortran = match value("fortran_order").ok_or_else(unreadable)? {
        v if v.starts_with("True") => true,
        v if v.starts_with("False") => false,
        _ => return Err(unreadable()),
    };
    let shape = value("shape").and_then(|v| v.strip_prefix('(')?.split_once(')')).ok_or_else(unreadable)?.0;
    let shape = shape
        .split(',')
        .map(str::trim)
        .filter(|extent| !extent.is_empty())
        .map(|extent| extent.trim_end_matches('L').parse::<usize>().map_err(|_| unreadable()))
        .collect::<Result<_, _>>()?;
    Ok(Header { dtype: dtype(descr)?, big_endian: descr.starts_with('>'), fortran, shape })
}

fn dtype(descr: &str) -> Result<Dtype, String> {
    let integer = |bytes, signed| Ok(Dtype::Int { bytes, signed });
    match descr.trim_start_matches(['<', '>', '=', '|']) {
        "f4" => Ok(Dtype::F32),
        "f8" => Ok(Dtype::F64),
        "i1" => integer(1, true),
        "i2" => integer(2, true),
        "i4" => integer(4, true),
        "i8" => integer(8, true),
        "u1" => integer(1, false),
        "u2" => integer(2, false),
        "u4" => integer(4, false),
        "u8" => integer(8, false),
        "b1" => Ok(Dtype::Bool),
        other => {
            let kind = match other.chars().next() {
                Some('O') => "Python objects",
                Some('c') => "complex numbers",
                Some('U' | 'S' | 'a') => "text",
                Some('f') => "floats of this width",
                Some('M' | 'm') => "dates",
                _ => "entries of this type",
            };
            Err(format!("dtype `{descr}`: {kind} are not supported, expected float32, float64, bool or integers"))
        }
    }
}

/// A float32 array as a file.
pub(super) fn encode(shape: &[usize], data: &[f32]) -> Vec<u8> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let mut text = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({extents}), }}");
    let unpadded = MAGIC.len() + 4 + text.len() + 1;
    text.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + text.len() + 4 * data.len());
    bytes.extend(MAGIC);
    bytes.extend([1, 0]);
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let text = format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes(), data].concat()
    }

    fn floats(bytes: &[u8]) -> Result<(Vec<usize>, Vec<f32>), String> {
        let npy = parse(bytes)?;
        Ok((npy.shape.clone(), npy.into_floats()?))
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![3], vec![2, 3], vec![0, 2]] {
            let data: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32 * -1.5).collect();
            let bytes = encode(&shape, &data);
            assert_eq!(bytes.len() % 64, (4 * data.len()) % 64);
            assert_eq!(floats(&bytes).unwrap(), (shape, data));
        }
    }

    #[test]
    fn numeric_types_are_converted() {
        let ints = |descr: &str, data: &[u8]| floats(&file(descr, "False", "(2,)", data)).unwrap().1;
        assert_eq!(ints("'|u1'", &[0, 255]), [0.0, 255.0]);
        assert_eq!(ints("'|i1'", &[0, 255]), [0.0, -1.0]);
        assert_eq!(ints("'<i2'", &[1, 0, 0xff, 0xff]), [1.0, -1.0]);
        assert_eq!(ints("'>u2'", &[1, 0, 0, 7]), [256.0, 7.0]);
        assert_eq!(ints("'|b1'", &[0, 1]), [0.0, 1.0]);
        assert_eq!(ints("'<i8'", &[(-5i64).to_le_bytes(), 9i64.to_le_bytes()].concat()), [-5.0, 9.0]);
        assert_eq!(ints("'<f8'", &[0.5f64.to_le_bytes(), (-3f64).to_le_bytes()].concat()), [0.5, -3.0]);
        assert_eq!(ints("'>f4'", &[1.5f32.to_be_bytes(), 2f32.to_be_bytes()].concat()), [1.5, 2.0]);
    }

    #[test]
    fn columns_first_is_turned_around() {
        let data: Vec<u8> = [1f32, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!(floats(&file("'<f4'", "True", "(2, 3)", &data)).unwrap().1, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn what_would_lose_something_is_refused() {
        let big = (1i64 << 24) + 1;
        assert!(floats(&file("'<i8'", "False", "(1,)", &big.to_le_bytes())).unwrap_err().contains("not exact"));
        assert!(floats(&file("'<f8'", "False", "(1,)", &1e300f64.to_le_bytes())).unwrap_err().contains("too large"));
        assert!(floats(&file("'<u8'", "False", "(1,)", &[0xff; 8])).unwrap_err().contains("too large"));
    }

    #[test]
    fn hostile_headers_are_errors() {
        for (bytes, reason) in [
            (file("'<c8'", "False", "(1,)", &[0; 8]), "complex"),
            (file("'|O'", "False", "(1,)", &[0; 8]), "Python objects"),
            (file("'<U3'", "False", "(1,)", &[0; 12]), "text"),
            (file("[('a', '<f4')]", "False", "(1,)", &[0; 4]), "records"),
            (file("'<f4'", "False", "(99999999999, 99999999999)", &[]), "too large"),
            (file("'<f4'", "False", "(4294967296,)", &[]), "too large"),
            (file("'<f4'", "False", "(-1,)", &[]), "not readable"),
            (file("'<f4'", "False", "(2,)", &[0; 4]), "takes 8 bytes"),
            (file("'<f4'", "False", "(1,)", &[0; 8]), "takes 4 bytes"),
            (file("'<f4'", "Maybe", "(1,)", &[0; 4]), "not readable"),
            (b"\x93NUMPY\x01\x00\xff\xff{}".to_vec(), "truncated"),
            (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "version 9"),
            (b"\x93NUM".to_vec(), "does not begin"),
        ] {
            let error = floats(&bytes).unwrap_err();
            assert!(error.contains(reason), "{error} does not say {reason}");
        }
        let good = encode(&[2, 2], &[1.0; 4]);
        for len in 0..good.len() {
            assert!(floats(&good[..len]).is_err());
        }
    }
}
