//! Records that can be sorted on disk.

/// A small record of a fixed size that can be sorted on disk.
///
/// Records that compare as equal must have the same bytes: their order among each other is not kept, and would depend
/// on the memory otherwise.
pub trait SortRecord: Copy + Ord + Send {
    /// Bytes on disk: at least 1, at most 65536.
    const SIZE: usize;

    /// Writes the record to `into`, which is [`SIZE`](Self::SIZE) bytes of zeros.
    fn write(&self, into: &mut [u8]);

    /// Reads the record from the [`SIZE`](Self::SIZE) bytes that [`write`](Self::write) wrote.
    fn read(from: &[u8]) -> Self;
}

/// Eight bytes, little-endian.
impl SortRecord for u64 {
    const SIZE: usize = 8;

    fn write(&self, into: &mut [u8]) {
        into.copy_from_slice(&self.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let (words, _) = from.as_chunks::<8>();
        u64::from_le_bytes(words[0])
    }
}

/// Sixteen bytes, little-endian.
impl SortRecord for (u64, u64) {
    const SIZE: usize = 16;

    fn write(&self, into: &mut [u8]) {
        into[..8].copy_from_slice(&self.0.to_le_bytes());
        into[8..].copy_from_slice(&self.1.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let (words, _) = from.as_chunks::<8>();
        (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
    }
}

/// Twenty-four bytes, little-endian.
impl SortRecord for (u64, u64, u64) {
    const SIZE: usize = 24;

    fn write(&self, into: &mut [u8]) {
        (self.0, self.1).write(&mut into[..16]);
        into[16..].copy_from_slice(&self.2.to_le_bytes());
    }

    fn read(from: &[u8]) -> Self {
        let (words, _) = from.as_chunks::<8>();
        (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]), u64::from_le_bytes(words[2]))
    }
}

/// Thirty-two bytes, little-endian.
impl SortRecord for (u64, u64, u64, u64) {
    const SIZE: usize = 32;

    fn write(&self, into: &mut [u8]) {
        (self.0, self.1).write(&mut into[..16]);
        (self.2, self.3).write(&mut into[16..]);
    }

    fn read(from: &[u8]) -> Self {
        let (first, second) = (<(u64, u64)>::read(&from[..16]), <(u64, u64)>::read(&from[16..]));
        (first.0, first.1, second.0, second.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<R: SortRecord>(record: R) -> Vec<u8> {
        let mut bytes = vec![0; R::SIZE];
        record.write(&mut bytes);
        bytes
    }

    #[test]
    fn words_are_little_endian_and_come_back() {
        let pair = (0x0807_0605_0403_0201, 0x1817_1615_1413_1211);
        let of_pair = bytes(pair);
        assert_eq!((of_pair[0], of_pair[7], of_pair[8], of_pair[15]), (0x01, 0x08, 0x11, 0x18));
        assert_eq!(<(u64, u64)>::read(&of_pair), pair);
        let triple = (pair.0, pair.1, u64::MAX - 1);
        let of_triple = bytes(triple);
        assert_eq!((&of_triple[..16], of_triple[16], of_triple[23]), (&of_pair[..], 0xfe, 0xff));
        assert_eq!(<(u64, u64, u64)>::read(&of_triple), triple);
        assert_eq!((bytes(pair.0), u64::read(&of_pair)), (of_pair[..8].to_vec(), pair.0));
        let four = (pair.0, pair.1, 3, u64::MAX);
        let of_four = bytes(four);
        assert_eq!((&of_four[..16], of_four[16], of_four[31]), (&of_pair[..], 3, 0xff));
        assert_eq!(<(u64, u64, u64, u64)>::read(&of_four), four);
    }
}
