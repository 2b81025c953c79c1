//! Image file directories: the form of TIFF files, and of EXIF inside other files.

/// The tag of the orientation.
const ORIENTATION: u16 = 274;

/// Numbers in the byte order of a file.
#[derive(Clone, Copy)]
struct Numbers<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Numbers<'_> {
    /// The number of `length` bytes, 2 to 8, at an offset.
    fn at(self, offset: u64, length: usize) -> Option<u64> {
        let start = usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(length)?)?;
        let push = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        })
    }
}

/// The single number of two bytes that a tag of the first directory has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    /// Where in the bytes it stands.
    pub(super) offset: usize,
    pub(super) value: u16,
    pub(super) big_endian: bool,
}

/// Finds a tag in the first directory. A directory has at most 65,535 entries, each of which is
/// looked at once.
pub(super) fn short(bytes: &[u8], tag: u16) -> Option<Short> {
    let big_endian = match bytes.get(..2)? {
        b"II" => false,
        b"MM" => true,
        _ => return None,
    };
    let numbers = Numbers { bytes, big_endian };
    // A BigTIFF has longer counts and offsets.
    let (directory, count, counted, entry, value) = match numbers.at(2, 2)? {
        42 => {
            let directory = numbers.at(4, 4)?;
            (directory, numbers.at(directory, 2)?, 2, 12, 8)
        }
        43 => {
            let directory = numbers.at(8, 8)?;
            (directory, numbers.at(directory, 8)?, 8, 20, 12)
        }
        _ => return None,
    };
    let entries = (0..count.min(u16::MAX.into()))
        .map_while(|i| directory.checked_add(counted + i * entry))
        .map_while(|offset| Some((offset, numbers.at(offset, 2)?)));
    let (offset, _) = entries.into_iter().find(|(_, found)| *found == u64::from(tag))?;
    const SHORT: u64 = 3;
    let has_short = numbers.at(offset + 2, 2)? == SHORT;
    let number = numbers.at(offset + value, 2)?;
    let offset = usize::try_from(offset + value).ok()?;
    has_short.then_some(Short { offset, value: u16::try_from(number).ok()?, big_endian })
}

/// The orientation in EXIF, 2 to 8; none where the image lies as it is to be seen.
pub(super) fn orientation(bytes: &[u8]) -> Option<u16> {
    short(bytes, ORIENTATION).map(|short| short.value).filter(|value| (2..=8).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with one entry of one short.
    fn directory(big_endian: bool, tag: u16, value: u16) -> Vec<u8> {
        let two = |n: u16| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let four = |n: u32| if big_endian { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut bytes = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        bytes.extend(two(42));
        bytes.extend(four(8));
        bytes.extend([two(1), two(tag), two(3)].concat());
        bytes.extend(four(1));
        bytes.extend([two(value), two(0)].concat());
        bytes.extend(four(0));
        bytes
    }

    #[test]
    fn an_orientation_is_read_in_both_byte_orders() {
        for big_endian in [false, true] {
            for value in 0..=9 {
                let bytes = directory(big_endian, ORIENTATION, value);
                let expected = (2..=8).contains(&value).then_some(value);
                assert_eq!(orientation(&bytes), expected, "{value}");
                assert_eq!(orientation(&directory(big_endian, 273, value)), None);
            }
        }
    }

    #[test]
    fn what_is_cut_or_points_outside_has_none() {
        let whole = directory(false, ORIENTATION, 6);
        for end in 0..20 {
            assert_eq!(orientation(&whole[..end]), None, "{end} bytes");
        }
        for offset in [u32::MAX, 26, 1 << 31] {
            let mut bytes = whole.clone();
            bytes[4..8].copy_from_slice(&offset.to_le_bytes());
            assert_eq!(orientation(&bytes), None);
        }
        let mut many = whole;
        many[8..10].copy_from_slice(&[255, 255]);
        assert_eq!(orientation(&many), Some(6), "the first entry is there");
        let mut big = b"II\x2b\0\x08\0\0\0".to_vec();
        big.extend([255; 16]);
        assert_eq!(orientation(&big), None);
    }
}
