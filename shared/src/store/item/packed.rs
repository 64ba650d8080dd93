//! Packed binary values: a version byte, then whole numbers and texts one after another.
//!
//! Numbers are LEB128: seven bits a byte, the lowest first, the highest bit set in all bytes but the
//! last. Signed ones are zigzag-encoded first, so that small ones stay short whatever their sign.

/// Writes a packed value.
#[derive(Debug)]
pub(crate) struct Packer(Vec<u8>);

impl Packer {
    /// Begins a value of this version.
    pub(crate) fn new(version: u8) -> Self {
        Self(vec![version])
    }

    /// Adds a whole number.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    /// Adds a signed number.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    /// Adds a text: its length in bytes, then UTF-8.
    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    /// The value.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Why a packed value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is of a version that this code does not know.
    #[error("it has the unknown version {0}")]
    Version(u8),
    /// It ends too early.
    #[error("it is cut short")]
    Short,
    /// There are bytes after its end.
    #[error("it has bytes after its end")]
    Long,
    /// Something in it is not what it must be.
    #[error("{0}")]
    Invalid(&'static str),
}

/// Reads a packed value from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Unpacker<'a>(&'a [u8]);

impl<'a> Unpacker<'a> {
    /// Begins to read a value that must be of this version.
    pub(crate) fn new(bytes: &'a [u8], version: u8) -> Result<Self, Unreadable> {
        match bytes.split_first() {
            None => Err(Unreadable::Short),
            Some((found, rest)) if *found == version => Ok(Self(rest)),
            Some((found, _)) => Err(Unreadable::Version(*found)),
        }
    }

    /// The next whole number.
    pub(crate) fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Unreadable::Short)?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable::Invalid("it has a number of more than 64 bits"))
    }

    /// The next signed number.
    pub(crate) fn signed(&mut self) -> Result<i64, Unreadable> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// The next number, as one that counts what follows: each takes at least a byte.
    pub(crate) fn length(&mut self) -> Result<usize, Unreadable> {
        let length = usize::try_from(self.number()?).map_err(|_| Unreadable::Short)?;
        if length <= self.0.len() { Ok(length) } else { Err(Unreadable::Short) }
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Unreadable::Invalid("it has a text that is no UTF-8"))
    }

    /// Ends the reading: nothing may be left.
    pub(crate) const fn finish(self) -> Result<(), Unreadable> {
        if self.0.is_empty() { Ok(()) } else { Err(Unreadable::Long) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_said() {
        let read = |bytes: &[u8]| Unpacker::new(bytes, 1).and_then(|mut packed| packed.number());
        assert_eq!(read(&[]), Err(Unreadable::Short));
        assert_eq!(read(&[2, 0]), Err(Unreadable::Version(2)));
        assert_eq!(read(&[1]), Err(Unreadable::Short));
        assert_eq!(read(&[1, 0x80]), Err(Unreadable::Short));
        assert_eq!(read(&[1, 0x80, 0x01]), Ok(128));
        let large = [1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(read(&large), Ok(u64::MAX));
        for last in [2, 0x81] {
            let too_large = [1, 255, 255, 255, 255, 255, 255, 255, 255, 255, last];
            assert!(matches!(read(&too_large), Err(Unreadable::Invalid(_))), "{last}");
        }
        let text = |bytes: &[u8]| {
            let mut packed = Unpacker::new(bytes, 1).unwrap();
            packed.text().and_then(|_| packed.finish())
        };
        assert_eq!(text(&[1, 1, b'a']), Ok(()));
        assert_eq!(text(&[1, 2, b'a']), Err(Unreadable::Short));
        assert_eq!(text(&[1, 1, b'a', b'b']), Err(Unreadable::Long));
        assert!(matches!(text(&[1, 1, 0xff]), Err(Unreadable::Invalid(_))));
    }

    proptest::proptest! {
        #[test]
        fn what_is_packed_is_unpacked(number: u64, signed: i64, text: String) {
            let mut packer = Packer::new(7);
            packer.number(number);
            packer.signed(signed);
            packer.text(&text);
            let bytes = packer.finish();
            let mut packed = Unpacker::new(&bytes, 7).unwrap();
            proptest::prop_assert_eq!(packed.number(), Ok(number));
            proptest::prop_assert_eq!(packed.signed(), Ok(signed));
            proptest::prop_assert_eq!(packed.text(), Ok(text.as_str()));
            proptest::prop_assert_eq!(packed.finish(), Ok(()));
        }
    }
}
