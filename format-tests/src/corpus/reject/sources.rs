//! The sources and their strings.

use talaria_db_spec::section::SectionKind;
use talaria_db_spec::source::SourceEntry;
use zerocopy::little_endian::{U32, U64};

use super::{List, PROTEINS, Row};

// EVIDENCE: P-1, P-2, P-3, P-4
pub(super) fn list(list: &mut List) {
    let cases: [Row<SourceEntry>; 14] = [
        ("P-1", "name", |source| source.name_length += 1, "a name that ends after the strings"),
        ("P-1", "name-overflow", |source| source.name_offset = U64::new(u64::MAX), "the end of a name has no number"),
        (
            "P-1",
            "preamble",
            |source| source.preamble_length = U32::new(1 << 20),
            "a preamble that ends after the strings",
        ),
        ("P-2", "first-record", |source| source.first_record = U64::new(1), "a source that does not start at record 0"),
        ("P-2", "fewer-records", |source| source.record_count -= 1, "a record of no source"),
        ("P-2", "more-records", |source| source.record_count += 1, "a source with a record that is not there"),
        ("P-3", "no-line-end", |source| source.line_end = 0, "line end 0"),
        ("P-3", "line-end", |source| source.line_end = 4, "line end 4"),
        ("P-3", "digest-kind", |source| source.digest_kind = 2, "a digest that is not known"),
        ("P-3", "compression", |source| source.compression = 5, "a compression that is not known"),
        ("P-3", "reserved", |source| source.reserved[4] = 1, "a reserved byte"),
        ("P-4", "digest", |source| source.digest[31] ^= 1, "a digest that the bytes have not"),
        ("P-4", "byte-length", |source| source.byte_length += 1, "a byte more than comes back"),
        ("P-4", "line-width", |source| source.line_width = U64::new(61), "lines that the source had not"),
    ];
    for (rule, name, change, shows) in cases {
        list.reject(rule, name, PROTEINS, shows, |draft| {
            draft.edit::<SourceEntry>(SectionKind::Sources, |sources| change(&mut sources[0]));
        });
    }
    list.reject("P-2", "gap", "0016-four-sources", "a record between two sources", |draft| {
        draft.edit::<SourceEntry>(SectionKind::Sources, |sources| {
            sources[0].record_count -= 1;
            sources[3].record_count += 1;
        });
    });
}
