//! The header page and the trailer: what a file says of itself at both ends.

use zerocopy::FromBytes;

use super::{ENTRY, number_of};
use crate::alphabet::Alphabet;
use crate::error::SpecError;
use crate::forever::{
    HEADER_MAGIC, HEADER_PAGE, HEADER_SIZE, MAXIMUM_BLOCK, MAXIMUM_RECORDS, MAXIMUM_SECTIONS, MINIMUM_BLOCK,
    MINIMUM_FILE, SECTION_ALIGNMENT, TRAILER_MAGIC, TRAILER_SIZE,
};
use crate::header::{Header, ORDER_INPUT, ORDER_SIMILARITY};
use crate::trailer::Trailer;
use crate::version;

/// Checks the first 128 bytes of a file of `file_length` bytes, all but the section table.
///
/// # Errors
/// F-1 or one of H-1 to H-13.
pub fn header(bytes: &[u8], file_length: u64) -> Result<Header, SpecError> {
    let broken = |field, rule, got, expected| Err(SpecError::violation("header", field, rule, 0, got, expected));
    let magic = bytes.get(..8).unwrap_or(bytes);
    if magic != HEADER_MAGIC {
        return broken("magic", "H-1", number(magic), number(&HEADER_MAGIC));
    }
    if file_length < MINIMUM_FILE {
        return Err(SpecError::violation("file", "length", "F-1", 0, file_length, MINIMUM_FILE));
    }
    let Ok((header, _)) = Header::read_from_prefix(bytes) else {
        return Err(SpecError::violation("file", "length", "F-1", 0, number_of(bytes.len()), HEADER_SIZE));
    };
    let checksum = header.compute_checksum();
    if header.header_checksum.get() != checksum {
        return broken("header_checksum", "H-2", header.header_checksum.get().into(), checksum.into());
    }
    let read_version = header.read_version.get();
    if read_version == 0 || read_version > version::READ_VERSION {
        return broken("read_version", "H-3", read_version.into(), version::READ_VERSION.into());
    }
    if header.write_version.get() < read_version {
        return broken("write_version", "H-4", header.write_version.get().into(), read_version.into());
    }
    if u64::from(header.header_size.get()) != HEADER_PAGE {
        return broken("header_size", "H-5", header.header_size.get().into(), HEADER_PAGE);
    }
    let unknown = header.required_features.get() & !version::REQUIRED_KNOWN;
    if unknown != 0 {
        let bit = unknown.trailing_zeros();
        let name = version::required_name(bit).unwrap_or("unknown");
        return Err(SpecError::Unsupported { what: "required feature", name, number: bit.into(), rule: "H-6" });
    }
    if header.reserved.get() != 0 || header.reserved_end.get() != 0 {
        return broken("reserved", "H-7", u64::from(header.reserved.get()) | u64::from(header.reserved_end.get()), 0);
    }
    if header.file_length.get() != file_length {
        return broken("file_length", "H-8", header.file_length.get(), file_length);
    }
    if header.section_count.get() > MAXIMUM_SECTIONS {
        return broken("section_count", "H-9", header.section_count.get().into(), MAXIMUM_SECTIONS.into());
    }
    let table = header.table_offset.get();
    let table_end = table.checked_add(u64::from(header.section_count.get()) * ENTRY);
    let last = file_length - TRAILER_SIZE;
    if table < HEADER_SIZE || !table.is_multiple_of(SECTION_ALIGNMENT) || table_end.is_none_or(|end| end > last) {
        return broken("table_offset", "H-9", table, last);
    }
    if header.record_count.get() > MAXIMUM_RECORDS {
        return broken("record_count", "H-11", header.record_count.get(), MAXIMUM_RECORDS);
    }
    for (field, size) in
        [("sequence_block_size", header.sequence_block_size.get()), ("text_block_size", header.text_block_size.get())]
    {
        if !size.is_power_of_two() || !(MINIMUM_BLOCK..=MAXIMUM_BLOCK).contains(&size) {
            return broken(field, "H-12", size.into(), MAXIMUM_BLOCK.into());
        }
    }
    Alphabet::from_byte(header.alphabet)?;
    if header.order != ORDER_INPUT && header.order != ORDER_SIMILARITY {
        return broken("order", "H-13", header.order.into(), ORDER_SIMILARITY.into());
    }
    Ok(header)
}

/// Checks the last 64 bytes of a file against its header.
///
/// # Errors
/// T-1, T-2 or T-3.
pub fn trailer(bytes: &[u8], header: &Header) -> Result<(), SpecError> {
    let at = header.file_length.get().saturating_sub(TRAILER_SIZE);
    let broken = |field, rule, got, expected| Err(SpecError::violation("trailer", field, rule, at, got, expected));
    let Ok(trailer) = Trailer::read_from_bytes(bytes) else {
        return broken("length", "T-1", number_of(bytes.len()), TRAILER_SIZE);
    };
    if trailer.magic != TRAILER_MAGIC {
        return broken("magic", "T-1", number(&trailer.magic), number(&TRAILER_MAGIC));
    }
    let checksum = trailer.compute_checksum();
    if trailer.trailer_checksum.get() != checksum {
        return broken("trailer_checksum", "T-2", trailer.trailer_checksum.get().into(), checksum.into());
    }
    if trailer.reserved.get() != 0 || trailer.reserved_end.get() != 0 {
        return broken("reserved", "T-2", (trailer.reserved.get() | trailer.reserved_end.get()).into(), 0);
    }
    let pairs = [
        ("file_length", trailer.file_length.get(), header.file_length.get()),
        ("table_offset", trailer.table_offset.get(), header.table_offset.get()),
        ("section_count", trailer.section_count.get().into(), header.section_count.get().into()),
        ("table_checksum", trailer.table_checksum.get().into(), header.table_checksum.get().into()),
        ("header_checksum", trailer.header_checksum.get().into(), header.header_checksum.get().into()),
    ];
    for (field, got, expected) in pairs {
        if got != expected {
            return broken(field, "T-3", got, expected);
        }
    }
    Ok(())
}

/// Up to eight bytes as a number in the order in which a dump shows them.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |value, &byte| value << 8 | u64::from(byte))
}
