//! Frames: the form that bytes have in a temporary file.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | payload length: at least 1, at most 65536 |
//! | 4 | stored length: less than the payload's if compressed with LZ4, the same if stored as it is |
//! | 4 | CRC-32 of the two lengths and the stored bytes |
//! | stored length | the stored bytes |
//!
//! Integers are little-endian. Frames lie one after the other, without padding. The file lives no longer than the
//! process, so there is no version and no magic number; damage is what the checksum is for, not malice.

use std::io::{self, ErrorKind};
use std::ops::Range;

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

use super::file::SpillFile;
use crate::error::Result;

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 12;

/// What frames are read from.
pub(crate) trait FrameSource {
    /// Reads exactly `into.len()` bytes from byte `at` on.
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()>;

    /// Most payload bytes of a frame.
    fn frame(&self) -> usize;

    /// What it is, as errors name it.
    fn what(&self) -> &str;
}

impl FrameSource for SpillFile {
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(into, at)
    }

    fn frame(&self) -> usize {
        self.spill().frame()
    }

    fn what(&self) -> &str {
        self.what()
    }
}

/// Appends frames to a file.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    out: Vec<u8>,
}

impl FrameWriter {
    /// Memory that a writer of payloads of up to `frame` bytes takes.
    pub(crate) const fn memory(frame: usize) -> usize {
        HEADER + get_maximum_output_size(frame)
    }

    /// A writer of payloads of up to `frame` bytes.
    pub(crate) fn new(frame: usize) -> Self {
        Self { out: vec![0; Self::memory(frame)] }
    }

    /// Appends one frame. `payload` has at least one byte, and no more than the writer was made for.
    pub(super) fn append(&mut self, file: &mut SpillFile, payload: &[u8]) -> Result<()> {
        file.append(self.encode(payload))
    }

    /// One frame, of such a payload.
    pub(crate) fn encode(&mut self, payload: &[u8]) -> &[u8] {
        let body = &mut self.out[HEADER..];
        let stored = match compress_into(payload, body) {
            Ok(stored) if stored < payload.len() => stored,
            _ => {
                body[..payload.len()].copy_from_slice(payload);
                payload.len()
            }
        };
        // Both lengths are far below 32 bits.
        self.out[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        self.out[4..8].copy_from_slice(&(stored as u32).to_le_bytes());
        let crc = checksum(&self.out[..8], &self.out[HEADER..HEADER + stored]);
        self.out[8..HEADER].copy_from_slice(&crc.to_le_bytes());
        &self.out[..HEADER + stored]
    }
}

/// Reads the frames of a part of a file, in order.
#[derive(Debug)]
pub(crate) struct FrameReader {
    at: u64,
    end: u64,
}

impl FrameReader {
    /// A reader of the frames in the bytes `range`.
    pub(crate) fn new(range: Range<u64>) -> Self {
        Self { at: range.start, end: range.end }
    }

    /// Replaces `payload` by the next frame's; false, and an empty payload, at the end. `stored` is scratch space that
    /// readers may share; neither vector gets longer than a full frame.
    ///
    /// # Errors
    /// What the system says, [`ErrorKind::InvalidData`] if a frame is not what was written, and
    /// [`ErrorKind::UnexpectedEof`] if the file is shorter. The payload is then empty, and the reader where it was.
    pub(crate) fn next(
        &mut self,
        file: &impl FrameSource,
        stored: &mut Vec<u8>,
        payload: &mut Vec<u8>,
    ) -> io::Result<bool> {
        payload.clear();
        if self.at == self.end {
            return Ok(false);
        }
        let read = self.read(file, stored, payload);
        match read {
            Ok(length) => self.at += length,
            Err(_) => payload.clear(),
        }
        read.map(|_| true)
    }

    /// The frame's length in the file.
    fn read(&self, file: &impl FrameSource, stored: &mut Vec<u8>, payload: &mut Vec<u8>) -> io::Result<u64> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, self.at)?;
        let (words, _) = header.as_chunks::<4>();
        let word = |index: usize| u32::from_le_bytes(words[index]);
        let (payload_len, stored_len, crc) = (word(0) as usize, word(1) as usize, word(2));
        // The lengths are not yet checked, but must not make anything allocate more than a frame.
        let length = HEADER as u64 + stored_len as u64;
        let possible = (1..=file.frame()).contains(&payload_len) && stored_len <= payload_len;
        if !possible || length > self.end - self.at {
            return Err(self.damage(file, "its lengths cannot be"));
        }
        let compressed = stored_len < payload_len;
        let bytes = if compressed { &mut *stored } else { &mut *payload };
        bytes.clear();
        bytes.resize(stored_len, 0);
        file.read_exact_at(bytes, self.at + HEADER as u64)?;
        if checksum(&header[..8], bytes) != crc {
            return Err(self.damage(file, "its checksum differs"));
        }
        if compressed {
            payload.resize(payload_len, 0);
            if !decompress_into(stored, payload).is_ok_and(|length| length == payload_len) {
                return Err(self.damage(file, "it does not decompress"));
            }
        }
        Ok(length)
    }

    fn damage(&self, file: &impl FrameSource, reason: &str) -> io::Error {
        let text = format!("{}: the frame at byte {} was damaged on disk: {reason}", file.what(), self.at);
        io::Error::new(ErrorKind::InvalidData, text)
    }
}

fn checksum(lengths: &[u8], stored: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(lengths);
    hasher.update(stored);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{FRAME, Spill};
    use super::*;
    use crate::memory::budget::Budget;

    fn file_of(payloads: &[Vec<u8>]) -> SpillFile {
        let spill = Spill::new(Budget::new(0), std::env::temp_dir(), None);
        let mut file = SpillFile::create(&spill, "a test").unwrap();
        let mut writer = FrameWriter::new(FRAME);
        payloads.iter().for_each(|payload| writer.append(&mut file, payload).unwrap());
        file
    }

    fn read_all(file: &SpillFile) -> io::Result<Vec<Vec<u8>>> {
        let (mut stored, mut payload, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let mut frames = FrameReader::new(0..file.len());
        while frames.next(file, &mut stored, &mut payload)? {
            all.push(payload.clone());
        }
        Ok(all)
    }

    /// Bytes that do not compress.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn full_frames_of_any_kind() {
        let payloads = [noise(FRAME), vec![7; FRAME], noise(1)];
        let file = file_of(&payloads);
        assert_eq!(read_all(&file).unwrap(), payloads);
        let raw = (FRAME + 1 + 3 * HEADER) as u64;
        assert!(file.len() > raw && file.len() < raw + 1024);
    }

    #[test]
    fn a_flipped_bit_is_found_anywhere() {
        let file = file_of(&[noise(100), vec![7; 200], noise(1)]);
        for at in 0..file.len() {
            file.flip(at);
            let error = read_all(&file).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "byte {at}: {error}");
            file.flip(at);
        }
        assert!(read_all(&file).is_ok());
    }

    #[test]
    fn a_frame_stays_in_its_range() {
        let file = file_of(&[noise(100), noise(100)]);
        let mut frames = FrameReader::new(0..file.len() / 2 - 1);
        let error = frames.next(&file, &mut Vec::new(), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let mut beyond = FrameReader::new(file.len()..file.len() + 50);
        let error = beyond.next(&file, &mut Vec::new(), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn payloads_come_back(payloads in prop::collection::vec(prop::collection::vec(0_u8..4, 1..300), 0..8)) {
            prop_assert_eq!(read_all(&file_of(&payloads)).unwrap(), payloads);
        }
    }
}
