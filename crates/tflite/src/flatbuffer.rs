//! FlatBuffers, read where they lie: each offset and length is checked before it is followed, and nothing is copied.
//!
//! A file begins with the offset of its root table. A table begins with the distance back to its vtable: the lengths of vtable and
//! table in bytes, then one offset from the table's start for each field, 0 where the field is absent and has its
//! default. Tables, vectors and texts are distances forward from where they stand. Source: FlatBuffers' internals page.

/// Why bytes are no FlatBuffer.
pub(crate) type Fault = String;

/// A table of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Offsets of the fields.
    fields: &'a [u8],
}

/// Entries of one width, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vector<'a> {
    bytes: &'a [u8],
    /// Position of the first entry.
    at: usize,
    count: usize,
}

impl<'a> Table<'a> {
    /// The root table of a file with this identifier.
    pub(crate) fn root(bytes: &'a [u8], identifier: &str) -> Result<Self, Fault> {
        if bytes.get(4..8) != Some(identifier.as_bytes()) {
            return Err(format!("bytes 4 to 8 are not the identifier {identifier}"));
        }
        Self::new(bytes, follow(bytes, 0)?)
    }

    fn new(bytes: &'a [u8], at: usize) -> Result<Self, Fault> {
        let back = i64::from(i32::from_le_bytes(read(bytes, at)?));
        let vtable = i64::try_from(at).ok().and_then(|at| at.checked_sub(back)).and_then(|at| usize::try_from(at).ok());
        let vtable = vtable.ok_or_else(|| outside(at))?;
        let len = usize::from(u16::from_le_bytes(read(bytes, vtable)?));
        let fields = vtable.checked_add(len).and_then(|end| bytes.get(vtable..end)).ok_or_else(|| outside(vtable))?;
        let fields = fields.get(4..).ok_or_else(|| format!("the table at byte {at} has a vtable of {len} bytes"))?;
        Ok(Self { bytes, at, fields })
    }

    /// Position of a field, where it is present.
    fn field(&self, k: usize) -> Option<usize> {
        let (entries, _) = self.fields.as_chunks::<2>();
        let offset = entries.get(k).map(|&entry| usize::from(u16::from_le_bytes(entry)))?;
        (offset != 0).then(|| self.at.saturating_add(offset))
    }

    /// The fields that are present.
    pub(crate) fn present(&self) -> impl Iterator<Item = usize> + use<'a> {
        let (entries, _) = self.fields.as_chunks::<2>();
        entries.iter().enumerate().filter(|(_, entry)| **entry != [0; 2]).map(|(k, _)| k)
    }

    fn number<const N: usize>(&self, k: usize) -> Result<Option<[u8; N]>, Fault> {
        self.field(k).map(|at| read(self.bytes, at)).transpose()
    }

    pub(crate) fn u8(&self, k: usize) -> Result<u8, Fault> {
        Ok(self.number(k)?.map_or(0, u8::from_le_bytes))
    }

    pub(crate) fn u32(&self, k: usize) -> Result<u32, Fault> {
        Ok(self.number(k)?.map_or(0, u32::from_le_bytes))
    }

    pub(crate) fn u64(&self, k: usize) -> Result<u64, Fault> {
        Ok(self.number(k)?.map_or(0, u64::from_le_bytes))
    }

    pub(crate) fn i32(&self, k: usize, default: i32) -> Result<i32, Fault> {
        Ok(self.number(k)?.map_or(default, i32::from_le_bytes))
    }

    pub(crate) fn f32(&self, k: usize) -> Result<f32, Fault> {
        Ok(self.number(k)?.map_or(0.0, f32::from_le_bytes))
    }

    /// The table that a field points to.
    pub(crate) fn table(&self, k: usize) -> Result<Option<Self>, Fault> {
        self.field(k).map(|at| Self::new(self.bytes, follow(self.bytes, at)?)).transpose()
    }

    /// Entries of `width` bytes; none where the field is absent.
    pub(crate) fn vector(&self, k: usize, width: usize) -> Result<Vector<'a>, Fault> {
        let Some(field) = self.field(k) else { return Ok(Vector { bytes: self.bytes, at: 0, count: 0 }) };
        let start = follow(self.bytes, field)?;
        let count = u32::from_le_bytes(read(self.bytes, start)?) as usize;
        let at = start.saturating_add(4);
        let end = count.checked_mul(width).and_then(|len| len.checked_add(at));
        match end {
            Some(end) if end <= self.bytes.len() => Ok(Vector { bytes: self.bytes, at, count }),
            _ => Err(format!("{count} entries at byte {at} do not fit into the file")),
        }
    }

    /// Entries that are bytes.
    pub(crate) fn bytes(&self, k: usize) -> Result<&'a [u8], Fault> {
        let vector = self.vector(k, 1)?;
        vector.bytes.get(vector.at..vector.at.saturating_add(vector.count)).ok_or_else(|| outside(vector.at))
    }

    /// A text; empty where the field is absent.
    pub(crate) fn text(&self, k: usize) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes(k)?).map_err(|_| format!("field {k} of the table at byte {} is no text", self.at))
    }

    /// Whole numbers of 32 bits.
    pub(crate) fn ints(&self, k: usize) -> Result<Vec<i32>, Fault> {
        let vector = self.vector(k, 4)?;
        vector.numbers().map(|number| number.map(i32::from_le_bytes)).collect()
    }

    /// Tables, in their order.
    pub(crate) fn tables(&self, k: usize) -> Result<Vec<Self>, Fault> {
        let vector = self.vector(k, 4)?;
        (0..vector.count).map(|k| Self::new(vector.bytes, follow(vector.bytes, vector.at + 4 * k)?)).collect()
    }
}

impl<'a> Vector<'a> {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The entries, of the width that the vector was asked for.
    pub(crate) fn numbers<const N: usize>(self) -> impl Iterator<Item = Result<[u8; N], Fault>> + use<'a, N> {
        (0..self.count).map(move |k| read(self.bytes, self.at.saturating_add(N.saturating_mul(k))))
    }
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Fault> {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or_else(|| outside(at))
}

/// The position that an offset at `at` points to.
fn follow(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    let distance = u32::from_le_bytes(read(bytes, at)?) as usize;
    at.checked_add(distance).filter(|&to| to < bytes.len()).ok_or_else(|| outside(at))
}

fn outside(at: usize) -> Fault {
    format!("something at byte {at} points outside of the file")
}
