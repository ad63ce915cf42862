//! The tables of `FORMAT.md` against the code: structures, section kinds, features, limits.

use std::mem::offset_of;

use talaria_db_format_tests::document::{self, Structure};
use talaria_db_format_tests::fixtures;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::header::Header;
use talaria_db_spec::layout::LayoutEntry;
use talaria_db_spec::membership::{MembershipEntry, WideMembershipEntry};
use talaria_db_spec::section::{SectionEntry, SectionKind};
use talaria_db_spec::shortcut::ShortcutEntry;
use talaria_db_spec::source::SourceEntry;
use talaria_db_spec::standing::StandingItem;
use talaria_db_spec::trailer::Trailer;
use talaria_db_spec::{address, forever, header, keys, version};

/// Name, size, and offset, size and name of every field of a structure, as the compiler lays it out.
macro_rules! structure {
    ($type:ty: $($field:ident)*) => {
        Structure {
            name: stringify!($type).to_owned(),
            size: size_of::<$type>(),
            fields: vec![$((
                offset_of!($type, $field),
                size_of_field(|whole: &$type| whole.$field),
                stringify!($field).to_owned(),
            )),*],
        }
    };
}

fn size_of_field<S, F>(_: impl FnOnce(&S) -> F) -> usize {
    size_of::<F>()
}

fn structures() -> Vec<Structure> {
    vec![
        structure!(Header: magic read_version write_version header_size required_features optional_features record_count
            residue_count stored_residue_count file_length table_offset section_count table_checksum source_count
            sequence_block_size text_block_size alphabet order reserved unused reserved_end header_checksum),
        structure!(SectionEntry: kind flags offset length item_size checksum_kind item_count checksum reserved
            first_page reserved_end),
        structure!(Trailer: file_length table_offset section_count table_checksum header_checksum reserved unused
            trailer_checksum reserved_end magic),
        structure!(HeaderEntry: text text_length id_length flags kind),
        structure!(BlockEntry: offset first_slot stored_length decoded_length checksum codec packing dictionary),
        structure!(SourceEntry: name_offset name_length preamble_length preamble_offset byte_length first_record
            record_count line_width line_end digest_kind compression reserved digest unused),
        structure!(LayoutEntry: ordinal address),
        structure!(DictionaryEntry: offset length codec reserved unused),
        structure!(MembershipEntry: representative identity coverage),
        structure!(WideMembershipEntry: representative identity coverage),
        structure!(StandingItem: members partial leaders standings),
        structure!(ShortcutEntry: from to),
    ]
}

fn format() -> String {
    fixtures::read_text(&document::path())
}

#[test]
fn structures_are_as_the_document_says() {
    let (documented, compiled) = (document::structures(&format()), structures());
    let names = |list: &[Structure]| list.iter().map(|structure| structure.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&documented), names(&compiled));
    for (documented, compiled) in documented.iter().zip(&compiled) {
        assert_eq!(documented.size, compiled.size, "size of {}", compiled.name);
        assert_eq!(documented.fields, compiled.fields, "fields of {}", compiled.name);
    }
}

#[test]
fn documented_structures_have_no_gaps() {
    for structure in document::structures(&format()) {
        let mut end = 0;
        for (offset, size, name) in &structure.fields {
            assert_eq!(*offset, end, "{}: {name} does not follow the field before it", structure.name);
            end += size;
        }
        assert_eq!(end, structure.size, "{} ends elsewhere", structure.name);
    }
}

/// Kinds with one item a record: the columns, and the optional columns of which the document does not say otherwise.
const ONE_A_RECORD: [u32; 9] = [1, 2, 3, 4, 40, 41, 42, 45, 48];

#[test]
fn section_kinds_are_as_the_document_says() {
    let rows = document::table(&format(), &["kind", "section", "item size", "checksum", "present"]);
    let mut documented = Vec::new();
    for row in &rows {
        let [kinds, names, sizes, checksums, present] = &row[..] else { panic!("five columns: {row:?}") };
        let kinds: Vec<u32> = kinds.split(", ").map(|kind| kind.parse().unwrap()).collect();
        let of_each = |cell: &str| -> Vec<String> { cell.split(", ").map(str::to_owned).collect() };
        let (sizes, checksums) = (of_each(sizes), of_each(checksums));
        let first = names.split(", ").next().unwrap();
        for (index, &kind) in kinds.iter().enumerate() {
            // "sequence directory, blocks" stands for "sequence directory" and "sequence blocks".
            let name = names.split(", ").nth(index).unwrap();
            let subject = first.rsplit_once(' ').map_or(first, |(subject, _)| subject);
            let name = if index == 0 || name.contains(' ') { name.to_owned() } else { format!("{subject} {name}") };
            let sizes: Vec<u32> = sizes[index].split(" or ").map(|size| size.parse().unwrap()).collect();
            documented.push((kind, name, sizes, checksums[index].parse().unwrap(), present == "always"));
        }
    }
    let compiled: Vec<_> = SectionKind::ALL
        .into_iter()
        .map(|kind| {
            let rules = kind.rules();
            (kind.number(), rules.name.to_owned(), rules.item_sizes.to_vec(), rules.checksum_kind, rules.always)
        })
        .collect();
    assert_eq!(documented, compiled);
    let per_record: Vec<u32> =
        SectionKind::ALL.into_iter().filter(|kind| kind.rules().per_record).map(SectionKind::number).collect();
    assert_eq!(per_record, ONE_A_RECORD);
    assert!(SectionKind::ALL.iter().all(|kind| SectionKind::from_number(kind.number()) == Some(*kind)));
}

#[test]
fn features_are_as_the_document_says() {
    let text = format();
    let documented = |head: &str| -> Vec<(u32, String)> {
        let rows = document::table(&text, &[head, "name", "meaning"]);
        rows.into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect()
    };
    let compiled = |name: fn(u32) -> Option<&'static str>| -> Vec<(u32, String)> {
        (0..u64::BITS).filter_map(|bit| Some((bit, name(bit)?.to_owned()))).collect()
    };
    assert_eq!(documented("required bit"), compiled(version::required_name));
    assert_eq!(documented("optional bit"), compiled(version::optional_name));
    let bits = [
        (version::REQUIRED_DELTAS, version::required_name as fn(u32) -> Option<&'static str>, "deltas"),
        (version::REQUIRED_PACKED_COLUMNS, version::required_name, "packed-columns"),
        (version::REQUIRED_COMPACT_MEMBERSHIP, version::required_name, "compact-membership"),
        (version::OPTIONAL_REDUCED, version::optional_name, "reduced"),
        (version::OPTIONAL_MEMBERSHIP, version::optional_name, "membership"),
    ];
    for (bit, name_of, name) in bits {
        assert_eq!((bit.count_ones(), name_of(bit.trailing_zeros())), (1, Some(name)));
    }
}

#[test]
fn limits_are_as_the_document_says() {
    let rows = document::table(&format(), &["what", "limit", "why"]);
    let documented: Vec<(&str, &str)> = rows.iter().map(|row| (&row[0][..], &row[1][..])).collect();
    let power = |value: u64| format!("2^{}", value.ilog2());
    assert_eq!(forever::MAXIMUM_RECORDS.count_ones(), 1);
    let expected = [
        ("records", power(forever::MAXIMUM_RECORDS)),
        ("residues a record", "2^63 - 1".to_owned()),
        ("blocks a stream", format!("2^{}", u64::BITS - forever::BYTE_BITS)),
        ("decoded block", format!("{} MiB", forever::MAXIMUM_BLOCK >> 20)),
        ("header text", "2^32 - 1 bytes".to_owned()),
        ("dictionary", format!("{} MiB", forever::MAXIMUM_DICTIONARY >> 20)),
        ("sections", forever::MAXIMUM_SECTIONS.to_string()),
        ("depth of deltas", "8".to_owned()),
    ];
    assert_eq!(documented, expected.iter().map(|(what, limit)| (*what, &limit[..])).collect::<Vec<_>>());
    assert!(
        address::PackedAddress::new(1 << 40, 0).is_none() && address::PackedAddress::new((1 << 40) - 1, 0).is_some()
    );
    assert_eq!(
        u64::from(forever::MAXIMUM_BLOCK),
        1 << (forever::BYTE_BITS - 1),
        "a byte after the last one has an address"
    );
}

#[test]
fn numbers_in_the_text_are_those_of_the_code() {
    let text = format();
    let holds = |sentence: &str| assert!(text.contains(sentence), "FORMAT.md does not say: {sentence}");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ");
    holds(&format!("`{}`", hex(&forever::HEADER_MAGIC)));
    holds(&format!("`{}`", hex(&forever::TRAILER_MAGIC)));
    holds(&format!("A file is at least {} bytes long.", forever::MINIMUM_FILE));
    holds(&format!("`header_size` is {}.", forever::HEADER_PAGE));
    holds(&format!("A writer aims at {} entries a bucket.", keys::ENTRIES_PER_BUCKET));
    holds(&format!("The key rules are {}.", keys::KEY_RULES));
    holds(&format!("of the residues: {} input, {} by similarity", header::ORDER_INPUT, header::ORDER_SIMILARITY));
    assert_eq!(
        (forever::HEADER_SIZE, forever::TRAILER_SIZE),
        (size_of::<Header>() as u64, size_of::<Trailer>() as u64)
    );
    assert_eq!((version::READ_VERSION, version::WRITE_VERSION), (1, 1), "the document is that of version 1");
}
