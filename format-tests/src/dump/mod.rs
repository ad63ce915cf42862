//! A container as text: every field of the header, the table and the trailer, and every item below.
//!
//! It is written from the structures of `spec` and goes from the bytes, not through the engine's lookups; only blocks
//! are decoded by the engine. So a dump shows what a second reader would find. For sound containers only: others
//! panic.

mod clusters;
mod records;
mod streams;
mod text;

use std::fmt::Write as _;

use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::keys::KeyEntry;
use talaria_db_spec::section::{CHECKSUM_BLOCKS, CHECKSUM_PAGES, FLAG_DETAIL, SectionKind};
use talaria_db_spec::version;

use crate::draft::Draft;
use crate::image::Image;
use streams::Streams;

/// The text of a sound container.
#[must_use]
pub fn dump(bytes: &[u8]) -> String {
    let (image, draft) = (Image::new(bytes.to_vec()), Draft::parse(bytes));
    let streams = Streams::decode(&draft);
    let mut out = String::new();
    header(&mut out, &image);
    sections(&mut out, &image);
    trailer(&mut out, &image);
    streams.dump(&mut out);
    records::dump(&mut out, &draft, &streams);
    clusters::dump(&mut out, &draft);
    keys(&mut out, &draft);
    records::dump_sources(&mut out, &draft);
    let provenance = String::from_utf8_lossy(&draft.part(SectionKind::Provenance).bytes).into_owned();
    writeln!(out, "\nprovenance").unwrap();
    provenance.lines().for_each(|line| writeln!(out, "  {}", line.replace('\t', ": ")).unwrap());
    out
}

fn header(out: &mut String, image: &Image) {
    let header = image.header();
    writeln!(out, "header").unwrap();
    let mut field = |name: &str, value: String| writeln!(out, "  {name:20} {value}").unwrap();
    field("magic", text::quoted(&header.magic));
    field("read_version", header.read_version.to_string());
    field("write_version", header.write_version.to_string());
    field("header_size", header.header_size.to_string());
    field("required_features", features(header.required_features.get(), version::required_name));
    field("optional_features", features(header.optional_features.get(), version::optional_name));
    field("record_count", header.record_count.to_string());
    field("residue_count", header.residue_count.to_string());
    field("stored_residue_count", header.stored_residue_count.to_string());
    field("file_length", header.file_length.to_string());
    field("table_offset", header.table_offset.to_string());
    field("section_count", header.section_count.to_string());
    field("table_checksum", text::hex(header.table_checksum.get()));
    field("source_count", header.source_count.to_string());
    field("sequence_block_size", header.sequence_block_size.to_string());
    field("text_block_size", header.text_block_size.to_string());
    field("alphabet", text::alphabet(header.alphabet));
    field("order", header.order.to_string());
    field("reserved", format!("{} {}", header.reserved, header.reserved_end));
    field("unused", text::quoted(&header.unused));
    field("header_checksum", text::hex(header.header_checksum.get()));
}

fn features(bits: u64, name: fn(u32) -> Option<&'static str>) -> String {
    let names = (0..u64::BITS).filter(|bit| bits >> bit & 1 == 1).map(|bit| name(bit).unwrap_or("unknown"));
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn sections(out: &mut String, image: &Image) {
    writeln!(out, "\nsections").unwrap();
    for entry in image.entries() {
        let name = SectionKind::from_number(entry.kind.get()).map_or("unknown", |kind| kind.rules().name);
        write!(out, "  {:3} {name:21} at {:5}, {} bytes", entry.kind, entry.offset, entry.length).unwrap();
        write!(out, ", {} items of {}", entry.item_count, entry.item_size).unwrap();
        match entry.checksum_kind.get() {
            CHECKSUM_PAGES => write!(out, ", pages from {}, {}", entry.first_page, text::hex(entry.checksum.get())),
            CHECKSUM_BLOCKS => write!(out, ", checksums in blocks"),
            _ => write!(out, ", whole, {}", text::hex(entry.checksum.get())),
        }
        .unwrap();
        let flags = entry.flags.get();
        if flags != 0 {
            write!(out, ", flags {:#x}, detail {}", flags & !FLAG_DETAIL, (flags & FLAG_DETAIL) >> 8).unwrap();
        }
        assert_eq!((entry.reserved.get(), entry.reserved_end.get()), (0, 0), "reserved fields of a section");
        out.push('\n');
    }
}

fn trailer(out: &mut String, image: &Image) {
    let trailer = image.trailer();
    writeln!(out, "\ntrailer").unwrap();
    let mut field = |name: &str, value: String| writeln!(out, "  {name:20} {value}").unwrap();
    field("file_length", trailer.file_length.to_string());
    field("table_offset", trailer.table_offset.to_string());
    field("section_count", trailer.section_count.to_string());
    field("table_checksum", text::hex(trailer.table_checksum.get()));
    field("header_checksum", text::hex(trailer.header_checksum.get()));
    field("reserved", format!("{} {}", trailer.reserved, trailer.reserved_end));
    field("unused", text::quoted(&trailer.unused));
    field("trailer_checksum", text::hex(trailer.trailer_checksum.get()));
    field("magic", text::quoted(&trailer.magic));
}

/// The key index: which bucket leads to which records.
fn keys(out: &mut String, draft: &Draft) {
    let buckets = draft.integers(SectionKind::KeyBuckets);
    let entries = draft.integers(SectionKind::KeyEntries);
    let records = draft.items::<HeaderEntry>(SectionKind::HeaderTable).len();
    writeln!(out, "\nkey index: {} entries for {records} records", entries.len()).unwrap();
    for (bucket, pair) in buckets.windows(2).enumerate() {
        let [start, end] = pair else { continue };
        writeln!(out, "  bucket {bucket}: entries {start} to {end}").unwrap();
        for &bits in &entries[usize::try_from(*start).unwrap()..usize::try_from(*end).unwrap()] {
            let entry = KeyEntry::from_bits(bits);
            writeln!(out, "    fingerprint {:06x} -> record {}", entry.fingerprint(), entry.ordinal()).unwrap();
        }
    }
}
