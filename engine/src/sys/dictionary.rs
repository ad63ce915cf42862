//! Dictionaries of Zstandard with tables of frequencies in front of their content (RFC 8878, section 5).
//!
//! Small frames need none of their own then: they are shorter, and coded and decoded faster. The library makes such
//! tables from samples in a millisecond, where it takes a hundred times as long to choose content; its safe interface
//! has only both together.

use std::ffi::c_uint;

use zstd::zstd_safe::SafeResult;
use zstd::zstd_safe::zstd_sys::{ZDICT_finalizeDictionary, ZDICT_isError, ZDICT_params_t};

/// Most bytes of the tables and what else stands before the content.
const HEADER: usize = 256;

/// A dictionary with this content and number, and tables for pieces like those of `samples` of `piece` bytes, which are
/// compressed at `level`.
///
/// # Errors
/// The library's code, as a rule that it got no memory.
pub(crate) fn with_tables(
    content: &[u8],
    samples: &[u8],
    piece: usize,
    level: i32,
    number: u32,
) -> Result<Vec<u8>, usize> {
    let sizes: Vec<usize> = samples.chunks(piece.max(1)).map(<[u8]>::len).collect();
    let count = c_uint::try_from(sizes.len()).unwrap_or(0);
    let parameters = ZDICT_params_t { compressionLevel: level, notificationLevel: 0, dictID: number };
    let mut bytes = vec![0; content.len() + HEADER];
    // SAFETY: `bytes`, `content` and `sizes` are given with their lengths (`count` is that of `sizes` or less), the
    // first `count` of `sizes` add up to the length of `samples` or less, and `bytes` overlaps with none of them.
    let length = unsafe {
        ZDICT_finalizeDictionary(
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            content.as_ptr().cast(),
            content.len(),
            samples.as_ptr().cast(),
            sizes.as_ptr(),
            count,
            parameters,
        )
    };
    checked(length)?;
    bytes.truncate(length);
    Ok(bytes)
}

fn checked(code: usize) -> SafeResult {
    // SAFETY: it compares numbers.
    if unsafe { ZDICT_isError(code) } == 0 { Ok(code) } else { Err(code) }
}

#[cfg(test)]
mod tests {
    use zstd::zstd_safe::{CDict, DDict, MAGIC_DICTIONARY};

    use super::*;

    fn text(lines: std::ops::Range<u32>) -> Vec<u8> {
        lines
            .flat_map(|number| format!("protein {} of {number:x}\n", number.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[test]
    fn small_frames_are_shorter_with_it_and_come_back() {
        let (content, samples, frame) = (text(0..200), text(200..4000), text(9000..9050));
        let with = with_tables(&content, &samples, 4096, 2, 32_768).unwrap();
        assert!(with.starts_with(&MAGIC_DICTIONARY.to_le_bytes()) && with.ends_with(&content));
        let coded = |dictionary: &[u8]| {
            let (mut coded, mut decoded) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
            let (coding, decoding) = (CDict::create(dictionary, 2), DDict::create(dictionary));
            zstd::zstd_safe::CCtx::create().compress_using_cdict(&mut coded, &frame, &coding).unwrap();
            zstd::zstd_safe::DCtx::create().decompress_using_ddict(&mut decoded, &coded, &decoding).unwrap();
            assert_eq!(decoded, frame);
            coded.len()
        };
        assert!(coded(&with) < coded(&content));
    }
}
