//! What was written of a file, kept as checksums of its stretches, so that it can be read back and compared.
//!
//! A system may report more bytes as written than it has taken: a write that lies leaves zeros or a short end, which
//! nothing notices until somebody reads. The comparison asks for what the system holds, mostly from its cache; that the
//! medium holds it too is what syncing is for.
//!
//! Costs a CRC-32 of what is written, and at the end one reading of the file and another CRC-32.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crc32fast::Hasher;

/// Bytes that are read back at once.
const BUFFER: u64 = 256 << 10;

/// Stretches of a file, each written from its start to its end.
#[derive(Debug, Default)]
pub(super) struct Written {
    stretches: Vec<Stretch>,
    /// The furthest byte.
    end: u64,
}

#[derive(Debug)]
struct Stretch {
    start: u64,
    end: u64,
    checksum: Hasher,
}

impl Written {
    /// Notes that `bytes` were written at `offset`, where nothing was written before.
    pub(super) fn note(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let end = offset.saturating_add(bytes.len() as u64);
        self.end = self.end.max(end);
        match self.stretches.iter_mut().rev().find(|stretch| stretch.end == offset) {
            Some(stretch) => {
                stretch.checksum.update(bytes);
                stretch.end = end;
            }
            None => {
                let mut checksum = Hasher::new();
                checksum.update(bytes);
                self.stretches.push(Stretch { start: offset, end, checksum });
            }
        }
    }

    /// Bytes from the start of the file to the furthest one that was written.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether the file is as long as what was written.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if not; what the system says.
    pub(super) fn check_length(&self, file: &File) -> io::Result<()> {
        let length = file.metadata()?.len();
        if length == self.end {
            return Ok(());
        }
        Err(damaged(format!("{} bytes were written, and it has {length}", self.end)))
    }

    /// Reads the file back and compares it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if it has other bytes; what the system says.
    pub(super) fn check_bytes(&self, file: &File) -> io::Result<()> {
        let mut buffer = vec![0; usize::try_from(BUFFER.min(self.end)).unwrap_or_default()];
        for Stretch { start, end, checksum } in &self.stretches {
            let (mut at, mut found) = (*start, Hasher::new());
            while at < *end {
                let count = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
                let part = &mut buffer[..count];
                file.read_exact_at(part, at)?;
                found.update(part);
                at += count as u64;
            }
            if found.finalize() != checksum.clone().finalize() {
                return Err(damaged(format!("bytes {start} to {end} are not those that were written")));
            }
        }
        Ok(())
    }
}

fn damaged(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it was read back and is damaged: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_there_is_noticed() {
        let file = tempfile::tempfile().unwrap();
        let mut written = Written::default();
        let bytes: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
        // In pieces that follow each other, with the start last, as containers are written.
        for (offset, part) in [(4096, &bytes[4096..300_000]), (300_000, &bytes[300_000..]), (0, &bytes[..4096])] {
            file.write_all_at(part, offset).unwrap();
            written.note(part, offset);
        }
        written.note(b"", 17);
        assert_eq!((written.stretches.len(), written.end()), (2, 700_000));
        let check = || written.check_length(&file).and_then(|()| written.check_bytes(&file));
        check().unwrap();
        for at in [0, 4095, 4096, 299_999, 300_000, 699_999] {
            file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
            assert_eq!(check().unwrap_err().kind(), io::ErrorKind::InvalidData, "byte {at}");
            file.write_all_at(&[bytes[at]], at as u64).unwrap();
        }
        check().unwrap();
        for length in [699_999, 700_001, 0] {
            file.set_len(length).unwrap();
            assert_eq!(check().unwrap_err().kind(), io::ErrorKind::InvalidData, "{length} bytes");
        }
    }
}
