//! Data that is kept in memory compressed.
//!
//! A [`CompressedBuffer`] knows the length that it decompresses to, and gives back exactly that many bytes or an error.
//! LZ4 and Snappy cost an allocation beside the result; Zstandard keeps a context for each thread that compresses or
//! decompresses, of up to a few MiB for blocks of the usual size. It neither caches nor leases: whoever keeps buffers
//! leases [`CompressedBuffer::len`] of them.

use std::cell::RefCell;

use zstd::zstd_safe::{self, CCtx, DCtx};

use crate::error::{Error, Result};
use crate::memory::settings::Algorithm;
use crate::memory::zstandard;

thread_local! {
    static COMPRESS: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    static DECOMPRESS: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Compressed bytes, with what is needed to get the original back.
///
/// ```
/// use talaria_db::memory::compress::CompressedBuffer;
/// use talaria_db::memory::settings::Algorithm;
///
/// let data = b"ACGT".repeat(100);
/// let buffer = CompressedBuffer::compress(&data, Algorithm::Lz4, 1)?;
/// assert!(buffer.len() < data.len());
/// assert_eq!(buffer.decompress()?, data);
/// # Ok::<(), talaria_db::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressedBuffer {
    compressed: Box<[u8]>,
    original_length: usize,
    algorithm: Algorithm,
}

impl CompressedBuffer {
    /// Compresses `data`. `level` is from 1 to 9 and counts for Zstandard only.
    ///
    /// # Errors
    /// [`Error::Compressed`] if there is no memory, or `data` is too long for the algorithm (4 GiB for Snappy).
    pub fn compress(data: &[u8], algorithm: Algorithm, level: u32) -> Result<Self> {
        let refuse = |reason: String| refused(algorithm, reason);
        let most = Self::most(algorithm, data.len());
        let mut output = Vec::new();
        output.try_reserve_exact(most).map_err(|error| refuse(error.to_string()))?;
        match algorithm {
            Algorithm::Lz4 => {
                output.resize(most, 0);
                let length =
                    lz4_flex::block::compress_into(data, &mut output).map_err(|error| refuse(error.to_string()))?;
                output.truncate(length);
            }
            Algorithm::Zstd => {
                COMPRESS.with_borrow_mut(|context| {
                    zstandard::compressor(context)
                        .and_then(|context| context.compress(&mut output, data, level.clamp(1, 9) as i32))
                        .map_err(|code| refuse(zstd_safe::get_error_name(code).to_owned()))
                })?;
            }
            Algorithm::Snappy => {
                output.resize(most, 0);
                let length =
                    snap::raw::Encoder::new().compress(data, &mut output).map_err(|error| refuse(error.to_string()))?;
                output.truncate(length);
            }
        }
        Ok(Self { compressed: output.into_boxed_slice(), original_length: data.len(), algorithm })
    }

    /// Bytes that [`CompressedBuffer::compress`] takes for its result while it works on `length` bytes; what is not
    /// used of them is free when it is done.
    #[must_use]
    pub fn most(algorithm: Algorithm, length: usize) -> usize {
        match algorithm {
            Algorithm::Lz4 => lz4_flex::block::get_maximum_output_size(length),
            Algorithm::Zstd => zstd_safe::compress_bound(length),
            Algorithm::Snappy => snap::raw::max_compress_len(length),
        }
    }

    /// Bytes that a thread that compresses and one that decompresses keep beside buffers of `length` bytes.
    #[must_use]
    pub fn context(algorithm: Algorithm, level: u32, length: usize) -> u64 {
        // Tables of Zstandard have at most three entries a byte, of four bytes, from level 4 on.
        match (algorithm, level) {
            (Algorithm::Zstd, 4..) => 16 * length as u64 + (1 << 20),
            (Algorithm::Zstd, _) => length as u64 + (1 << 20),
            (Algorithm::Lz4 | Algorithm::Snappy, _) => 64 << 10,
        }
    }

    /// The original bytes.
    ///
    /// # Errors
    /// [`Error::Compressed`] if there is no memory, or the bytes do not decompress to the length that they had.
    pub fn decompress(&self) -> Result<Vec<u8>> {
        let mut output = Vec::new();
        output.try_reserve_exact(self.original_length).map_err(|error| refused(self.algorithm, error.to_string()))?;
        output.resize(self.original_length, 0);
        self.decompress_into(&mut output)?;
        Ok(output)
    }

    /// Puts the original bytes into `output`, which has [`CompressedBuffer::original_length`] of them.
    ///
    /// # Errors
    /// [`Error::Compressed`] if they do not decompress to that length.
    pub fn decompress_into(&self, output: &mut [u8]) -> Result<()> {
        let refuse = |reason: String| refused(self.algorithm, reason);
        let length = self.original_length;
        if output.len() != length {
            return Err(refuse(format!("there is room for {} bytes, {length} went in", output.len())));
        }
        let got = match self.algorithm {
            Algorithm::Lz4 => {
                lz4_flex::block::decompress_into(&self.compressed, output).map_err(|error| refuse(error.to_string()))?
            }
            Algorithm::Zstd => DECOMPRESS.with_borrow_mut(|context| {
                zstandard::decompressor(context)
                    .and_then(|context| context.decompress(output, &self.compressed))
                    .map_err(|code| refuse(zstd_safe::get_error_name(code).to_owned()))
            })?,
            Algorithm::Snappy => snap::raw::Decoder::new()
                .decompress(&self.compressed, output)
                .map_err(|error| refuse(error.to_string()))?,
        };
        if got == length { Ok(()) } else { Err(refuse(format!("{got} bytes came out, {length} went in"))) }
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.compressed.len()
    }

    /// Whether it takes no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.compressed.is_empty()
    }

    /// Bytes that [`CompressedBuffer::decompress`] gives.
    #[must_use]
    pub fn original_length(&self) -> usize {
        self.original_length
    }

    /// With what it is compressed.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn refused(algorithm: Algorithm, reason: String) -> Error {
    let format = match algorithm {
        Algorithm::Lz4 => "LZ4",
        Algorithm::Zstd => "Zstandard",
        Algorithm::Snappy => "Snappy",
    };
    Error::Compressed { path: "(memory)".into(), format, decoded: 0, reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Algorithm; 3] = [Algorithm::Lz4, Algorithm::Zstd, Algorithm::Snappy];

    proptest! {
        #[test]
        fn any_bytes_come_back(data in prop::collection::vec(0_u8..4, 0..3000), level in 0_u32..12) {
            for algorithm in ALL {
                let buffer = CompressedBuffer::compress(&data, algorithm, level).unwrap();
                prop_assert_eq!(buffer.decompress().unwrap(), &data[..]);
                prop_assert_eq!((buffer.original_length(), buffer.algorithm()), (data.len(), algorithm));
            }
        }

        #[test]
        fn damage_is_an_error_or_another_text_of_the_same_length(at in 0_usize..1000, flip in 1_u8..) {
            for algorithm in ALL {
                let mut buffer = CompressedBuffer::compress(&b"some text, some text".repeat(9), algorithm, 3).unwrap();
                let at = at % buffer.len();
                buffer.compressed[at] ^= flip;
                if let Ok(bytes) = buffer.decompress() {
                    prop_assert_eq!(bytes.len(), 180);
                }
            }
        }
    }

    #[test]
    fn levels_are_those_of_zstandard() {
        let text: Vec<u8> = (0..60_000_u64).map(|at| b"ACDEFGHIKL"[(at * at / 977 % 10) as usize]).collect();
        let length = |algorithm, level| CompressedBuffer::compress(&text, algorithm, level).unwrap().len();
        assert!(length(Algorithm::Zstd, 9) < length(Algorithm::Zstd, 1));
        assert_eq!(length(Algorithm::Lz4, 9), length(Algorithm::Lz4, 1));
    }

    #[test]
    fn another_length_is_refused() {
        for algorithm in ALL {
            let buffer = CompressedBuffer::compress(&[7; 500], algorithm, 3).unwrap();
            assert!(buffer.len() < 100, "{algorithm:?}");
            for original_length in [0, 499, 501] {
                let error = CompressedBuffer { original_length, ..buffer.clone() }.decompress().unwrap_err();
                assert!(matches!(error, Error::Compressed { .. }), "{algorithm:?}: {error}");
            }
            for room in [499, 501] {
                assert!(buffer.decompress_into(&mut vec![0; room]).is_err(), "{algorithm:?}");
            }
        }
    }
}
