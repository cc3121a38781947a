//! The page headers of a Parquet file, checked before it is decoded.
//!
//! A column consists of pages, each with a header that says how many values and bytes follow. The decoder reserves what a
//! header says, and a request for more memory than there is ends the process: unlike a panic it cannot be caught. So
//! headers are read here first. They are written in Thrift's compact protocol
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>), of which structures of numbers
//! are needed, and everything else is skipped.

/// Deepest nesting of structures and lists that is followed; a page header has two.
const DEEPEST: u32 = 8;

/// Numbers of the fields of `PageHeader` in parquet.thrift.
mod field {
    pub const UNCOMPRESSED_SIZE: i64 = 2;
    pub const COMPRESSED_SIZE: i64 = 3;
    pub const DATA_PAGE: i64 = 5;
    pub const DICTIONARY_PAGE: i64 = 7;
    pub const DATA_PAGE_V2: i64 = 8;
    /// Of each of the three structures.
    pub const NUM_VALUES: i64 = 1;
}

/// True if the pages of a column that starts at byte `start` of the file and has `n_values` values are there, and no header
/// asks for more than `most` bytes or values.
pub(super) fn are_plausible(file: &[u8], start: u64, n_values: u64, most: u64) -> bool {
    let mut seen = 0_u64;
    let Ok(mut position) = usize::try_from(start) else { return false };
    while seen < n_values {
        let Some(rest) = file.get(position..) else { return false };
        let mut reader = Compact { bytes: rest };
        let Some(header) = Header::read(&mut reader) else { return false };
        let Some(size) = usize::try_from(header.compressed_size).ok().filter(|&size| size <= reader.bytes.len()) else {
            return false;
        };
        let fits = |number: i64| u64::try_from(number).is_ok_and(|number| number <= most);
        if !fits(header.uncompressed_size) || !fits(header.n_values) {
            return false;
        }
        if header.holds_data {
            seen += header.n_values as u64;
        }
        // A header is not empty, so that the loop ends.
        position = file.len() - reader.bytes.len() + size;
    }
    true
}

/// What is needed of a page's header.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    uncompressed_size: i64,
    compressed_size: i64,
    n_values: i64,
    /// False of a page with a dictionary, whose values are not those of the column.
    holds_data: bool,
}

impl Header {
    fn read(reader: &mut Compact<'_>) -> Option<Self> {
        let mut header = Self::default();
        let mut id = 0;
        while let Some(kind) = reader.field(&mut id)? {
            match (id, kind) {
                (field::UNCOMPRESSED_SIZE, Kind::Integer) => header.uncompressed_size = reader.integer()?,
                (field::COMPRESSED_SIZE, Kind::Integer) => header.compressed_size = reader.integer()?,
                (field::DATA_PAGE | field::DATA_PAGE_V2 | field::DICTIONARY_PAGE, Kind::Structure) => {
                    header.holds_data = id != field::DICTIONARY_PAGE;
                    header.n_values = Self::n_values(reader)?;
                }
                (_, kind) => reader.skip(kind, DEEPEST)?,
            }
        }
        Some(header)
    }

    fn n_values(reader: &mut Compact<'_>) -> Option<i64> {
        let (mut n_values, mut id) = (0, 0);
        while let Some(kind) = reader.field(&mut id)? {
            match (id, kind) {
                (field::NUM_VALUES, Kind::Integer) => n_values = reader.integer()?,
                (_, kind) => reader.skip(kind, DEEPEST - 1)?,
            }
        }
        Some(n_values)
    }
}

/// A type of the compact protocol, as far as it matters for skipping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// True or false: in the field's header, or a byte in a list.
    Flag,
    Byte,
    /// 16, 32 or 64 bits.
    Integer,
    Double,
    Binary,
    List,
    Map,
    Structure,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            1 | 2 => Self::Flag,
            3 => Self::Byte,
            4..=6 => Self::Integer,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Structure,
            _ => return None,
        })
    }
}

/// Reads from the front; `None` where the bytes end or mean nothing.
struct Compact<'a> {
    bytes: &'a [u8],
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn advance(&mut self, n: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(n).ok()?..)?;
        Some(())
    }

    /// A number of variable length, seven bits a byte.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A signed number: 0, −1, 1, −2, ... are 0, 1, 2, 3, ...
    fn integer(&mut self) -> Option<i64> {
        let coded = self.varint()?;
        Some((coded >> 1) as i64 ^ -((coded & 1) as i64))
    }

    /// The next field of a structure: its kind, and its number in `id`; `Some(None)` at the end.
    fn field(&mut self, id: &mut i64) -> Option<Option<Kind>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => self.integer()?,
            delta => id.checked_add(i64::from(delta))?,
        };
        Kind::of(head & 0x0f).map(Some)
    }

    fn skip(&mut self, kind: Kind, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            Kind::Flag => Some(()),
            Kind::Byte => self.advance(1),
            Kind::Integer => self.varint().map(|_| ()),
            Kind::Double => self.advance(8),
            Kind::Binary => {
                let length = self.varint()?;
                self.advance(length)
            }
            Kind::List => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let kind = Kind::of(head & 0x0f)?;
                (0..length).try_for_each(|_| self.element(kind, depth))
            }
            Kind::Map => {
                let length = self.varint()?;
                if length == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                let (key, value) = (Kind::of(kinds >> 4)?, Kind::of(kinds & 0x0f)?);
                (0..length).try_for_each(|_| {
                    self.element(key, depth)?;
                    self.element(value, depth)
                })
            }
            Kind::Structure => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth)?;
                }
                Some(())
            }
        }
    }

    /// An element of a list or map, where flags have a byte of their own: every element takes one at least.
    fn element(&mut self, kind: Kind, depth: u32) -> Option<()> {
        if kind == Kind::Flag { self.advance(1) } else { self.skip(kind, depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of `n_values` values and `size` bytes, with an encoding and a structure that is skipped.
    fn page(n_values: i64, size: i64) -> Vec<u8> {
        let zigzag = |number: i64| {
            let mut coded = ((number << 1) ^ (number >> 63)) as u64;
            let mut bytes = Vec::new();
            while coded >= 0x80 {
                bytes.push(coded as u8 | 0x80);
                coded >>= 7;
            }
            bytes.push(coded as u8);
            bytes
        };
        let mut bytes = vec![0x15, 0]; // 1: type, data page
        bytes.extend([0x15].into_iter().chain(zigzag(size))); // 2: uncompressed size
        bytes.extend([0x15].into_iter().chain(zigzag(size))); // 3: compressed size
        bytes.extend([0x2c, 0x15].into_iter().chain(zigzag(n_values))); // 5: data page, 1: number of values
        bytes.extend([0x15, 0, 0x1c, 0x18, 1, b'x', 0, 0]); // 2: encoding, 3: structure of a text; ends
        bytes.extend([0]);
        bytes.extend(vec![7; usize::try_from(size).unwrap_or(0)]);
        bytes
    }

    #[test]
    fn pages_are_followed_to_the_last_value() {
        let file = [b"PAR1".to_vec(), page(3, 5), page(4, 200)].concat();
        assert!(are_plausible(&file, 4, 7, 1000));
        assert!(!are_plausible(&file, 4, 8, 1000), "there is no third page");
        assert!(!are_plausible(&file[..file.len() - 1], 4, 7, 1000), "the last page is cut");
        assert!(!are_plausible(&file, 4, 7, 100), "more bytes than allowed");
        assert!(!are_plausible(&file, 5, 7, 1000) && !are_plausible(&file, 1 << 40, 1, 1000));
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for (n_values, size) in [(-1, 5), (i64::from(i32::MAX), 5), (3, -5), (i64::MIN, 5), (3, i64::MIN)] {
            assert!(!are_plausible(&page(n_values, size), 0, 3, 1000), "{n_values} values, {size} bytes");
        }
    }

    #[test]
    fn any_bytes_end() {
        for first in 0..=255_u8 {
            are_plausible(&[first, 0xff, 0x7f, first, 0, 0, first, 0xff, 0xff, 0xff, 0xff, 0x0f], 0, 1, 1 << 30);
        }
        // A page without bytes or values, again and again.
        assert!(!are_plausible(&page(0, 0).repeat(4), 0, 1, 1000));
    }
}
