//! The file as a whole, the header and the trailer.

use talaria_db_spec::forever::{MAXIMUM_RECORDS, MINIMUM_FILE};
use talaria_db_spec::version;
use zerocopy::little_endian::{U16, U32, U64};

use super::{List, PROTEINS};

pub(super) fn list(list: &mut List) {
    file(list);
    header(list);
    features(list);
    limits(list);
    trailer(list);
}

// EVIDENCE: F-1, F-2, H-1, H-8
fn file(list: &mut List) {
    list.reject_image("F-1", "short", "0001-empty", "a byte less than the shortest file", |image| {
        image.bytes_mut().truncate(usize::try_from(MINIMUM_FILE).unwrap() - 1);
    });
    list.reject_image("F-2", "header-page", PROTEINS, "a byte after the section table", |image| {
        image.bytes_mut()[4095] = 1
    });
    list.reject_image("F-2", "between-sections", PROTEINS, "a byte after the last section", |image| {
        let end = image.bytes().len() - 65;
        assert_eq!(std::mem::replace(&mut image.bytes_mut()[end], 1), 0, "padding");
    });
    list.reject_image("H-1", "magic", PROTEINS, "one letter of the magic in lower case", |image| {
        image.bytes_mut()[1] = b't'
    });
    list.reject_image("H-1", "text-mode", PROTEINS, "a transfer in text mode took carriage returns away", |image| {
        let bytes = image.bytes().to_vec();
        let mut pairs = bytes.iter().copied().zip(bytes.iter().copied().skip(1).chain([0]));
        *image.bytes_mut() = pairs.by_ref().filter(|&pair| pair != (b'\r', b'\n')).map(|(byte, _)| byte).collect();
    });
    list.reject_image("H-8", "cut", PROTEINS, "the last 64 bytes are missing", |image| {
        let length = image.bytes().len() - 64;
        image.bytes_mut().truncate(length);
    });
    list.reject_image("H-8", "longer", PROTEINS, "64 bytes too many at the end", |image| {
        image.bytes_mut().extend_from_slice(&[0; 64]);
    });
    list.reject_image(
        "H-8",
        "file-length",
        PROTEINS,
        "header and trailer agree on a length that is not the file's",
        |image| {
            image.change_header(|header| header.file_length += 64);
        },
    );
}

// EVIDENCE: H-2, H-3, H-4, H-5, H-7
fn header(list: &mut List) {
    list.reject_image("H-2", "checksum", PROTEINS, "a bit of the header has flipped", |image| {
        image.bytes_mut()[32] ^= 1
    });
    for (name, version, shows) in
        [("version-0", 0, "version 0 never was"), ("version-2", 2, "a file from the future, for readers of version 2")]
    {
        list.reject_image("H-3", name, PROTEINS, shows, |image| {
            image.change_header(|header| {
                header.read_version = U16::new(version);
                header.write_version = U16::new(version);
            });
        });
    }
    list.reject_image("H-4", "write-version", PROTEINS, "written by an older version than may read it", |image| {
        image.change_header(|header| header.write_version = U16::ZERO);
    });
    list.reject_image("H-5", "header-size", PROTEINS, "a header page of 8192 bytes", |image| {
        image.change_header(|header| header.header_size = U32::new(8192));
    });
    list.reject_image("H-7", "reserved", PROTEINS, "the first reserved field", |image| {
        image.change_header(|header| header.reserved = U16::new(1));
    });
    list.reject_image("H-7", "reserved-end", PROTEINS, "the last reserved field", |image| {
        image.change_header(|header| header.reserved_end = U32::new(1 << 31));
    });
}

// EVIDENCE: H-6, S-7
fn features(list: &mut List) {
    list.reject_image("S-7", "no-deltas", PROTEINS, "feature deltas, and no delta stream", |image| {
        image.change_header(|header| header.required_features = U64::new(version::REQUIRED_DELTAS));
    });
    list.reject_image("H-6", "unknown-feature", PROTEINS, "a required feature that is not known", |image| {
        image.change_header(|header| header.required_features = U64::new(1 << 63));
    });
}

// EVIDENCE: H-9, H-11, H-12, H-13
fn limits(list: &mut List) {
    list.reject_image("H-9", "section-count", PROTEINS, "more than 1024 sections", |image| {
        image.change_header(|header| header.section_count = U32::new(1025));
    });
    for (name, offset, shows) in [
        ("table-unaligned", 160, "the table is not at a multiple of 64"),
        ("table-in-header", 64, "the table starts in the header"),
        ("table-outside", 1 << 40, "the table is not in the file"),
        ("table-overflow", u64::MAX - 63, "the end of the table has no number"),
    ] {
        list.reject_image("H-9", name, PROTEINS, shows, |image| {
            image.change_header(|header| header.table_offset = U64::new(offset));
        });
    }
    list.reject_image("H-11", "record-count", PROTEINS, "more than 2^40 records", |image| {
        image.change_header(|header| header.record_count = U64::new(MAXIMUM_RECORDS + 1));
    });
    for (name, size, shows) in [
        ("block-size-odd", 3000, "no power of two"),
        ("block-size-small", 512, "less than 1 KiB"),
        ("block-size-large", 1 << 24, "more than 8 MiB"),
        ("block-size-zero", 0, "no size at all"),
    ] {
        list.reject_image("H-12", name, PROTEINS, &format!("size of the sequence blocks: {shows}"), |image| {
            image.change_header(|header| header.sequence_block_size = U32::new(size));
        });
    }
    list.reject_image("H-12", "text-block-size", PROTEINS, "size of the text blocks: no power of two", |image| {
        image.change_header(|header| header.text_block_size = U32::new(16385));
    });
    list.reject_image("H-13", "alphabet", PROTEINS, "alphabet 4", |image| {
        image.change_header(|header| header.alphabet = 4)
    });
    list.reject_image("H-13", "order", PROTEINS, "order 3", |image| image.change_header(|header| header.order = 3));
    list.reject_image("H-13", "no-order", PROTEINS, "order 0", |image| image.change_header(|header| header.order = 0));
}

// EVIDENCE: T-1, T-2, T-3
fn trailer(list: &mut List) {
    list.reject_image("T-1", "magic", PROTEINS, "a trailer of zeros: the file was never finished", |image| {
        let start = image.bytes().len() - 64;
        image.bytes_mut()[start..].fill(0);
    });
    list.reject_image("T-2", "checksum", PROTEINS, "a bit of the trailer has flipped", |image| {
        let start = image.bytes().len() - 64;
        image.bytes_mut()[start + 40] ^= 1;
    });
    list.reject_image("T-2", "reserved", PROTEINS, "the first reserved field", |image| {
        image.change_trailer(|trailer| trailer.reserved = U32::new(1));
    });
    list.reject_image("T-2", "reserved-end", PROTEINS, "the last reserved field, which no checksum covers", |image| {
        image.change_trailer(|trailer| trailer.reserved_end = U32::new(1));
    });
    list.reject_image("T-3", "file-length", PROTEINS, "another length than in the header", |image| {
        image.change_trailer(|trailer| trailer.file_length += 1);
    });
    list.reject_image("T-3", "table-offset", PROTEINS, "another table than in the header", |image| {
        image.change_trailer(|trailer| trailer.table_offset += 64);
    });
    list.reject_image("T-3", "section-count", PROTEINS, "fewer sections than in the header", |image| {
        image.change_trailer(|trailer| trailer.section_count -= 1);
    });
    list.reject_image("T-3", "table-checksum", PROTEINS, "the checksum of another table", |image| {
        image.change_trailer(|trailer| trailer.table_checksum += 1);
    });
    list.reject_image("T-3", "header-checksum", PROTEINS, "the trailer of another file", |image| {
        image.change_trailer(|trailer| trailer.header_checksum += 1);
    });
}
