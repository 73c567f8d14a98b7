//! Decoding that accepts exactly one encoding of each value: no trailing bytes, no long varints.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes a value and encodes it again against the same bytes, without a copy.
pub(super) fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let value = decode_any::<T>(bytes)?;
    match postcard::serialize_with_flavor(&value, Same { rest: bytes }) {
        Ok(true) => Ok(value),
        _ => Err("the encoding is not canonical".to_owned()),
    }
}

/// Decodes a value from exactly these bytes.
pub(super) fn decode_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let (value, rest) = postcard::take_from_bytes::<T>(bytes).map_err(|error| format!("it does not decode: {error}"))?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes too many", rest.len())) }
}

/// Compares what is written with what is expected.
struct Same<'a> {
    rest: &'a [u8],
}

impl Flavor for Same<'_> {
    type Output = bool;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.rest = self.rest.strip_prefix(data).ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<bool> {
        Ok(self.rest.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_encoding_is_accepted() {
        let value = (300u64, vec![1u8, 2, 3], Some(-5i64));
        let bytes = postcard::to_stdvec(&value).unwrap();
        assert_eq!(decode::<(u64, Vec<u8>, Option<i64>)>(&bytes).unwrap(), value);
        let mut long = bytes.clone();
        long.push(0);
        assert!(decode::<(u64, Vec<u8>, Option<i64>)>(&long).unwrap_err().contains("too many"));
        assert!(decode::<(u64, Vec<u8>, Option<i64>)>(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn long_varints_are_refused() {
        assert_eq!(postcard::from_bytes::<u64>(&[0x81, 0x00]).unwrap(), 1);
        assert!(decode::<u64>(&[0x81, 0x00]).unwrap_err().contains("canonical"));
        assert_eq!(decode::<u64>(&[0x01]).unwrap(), 1);
    }
}
