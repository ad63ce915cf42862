//! The records and the sources in a dump: columns, header texts, residues, layout.

use std::fmt::Write as _;

use talaria_db::read::stream::StreamKind;
use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::delta::{Body, Item};
use talaria_db_spec::layout::{LayoutEntry, Operation, Script};
use talaria_db_spec::section::SectionKind;
use talaria_db_spec::source::{LineEnd, SourceEntry};

use super::clusters::Clusters;
use super::streams::Streams;
use super::text;
use crate::draft::Draft;

/// Every record: its items of the columns, its header text, its residues, its script.
pub(super) fn dump(out: &mut String, draft: &Draft, streams: &Streams) {
    let entries = draft.items::<HeaderEntry>(SectionKind::HeaderTable);
    let lengths = draft.integers(SectionKind::Lengths);
    let offsets = draft.integers(SectionKind::Offsets);
    let has_layout = draft.parts.iter().any(|part| part.entry.kind.get() == SectionKind::LayoutIndex.number());
    let layout = if has_layout { draft.items::<LayoutEntry>(SectionKind::LayoutIndex) } else { Vec::new() };
    let clusters = Clusters::of(draft);
    writeln!(out, "\nrecords").unwrap();
    for (ordinal, ((entry, &length), &offset)) in entries.iter().zip(&lengths).zip(&offsets).enumerate() {
        let mut flags = text::alphabet(entry.kind);
        for (is_set, name) in
            [(entry.is_shared(), ", shared"), (entry.is_irregular(), ", irregular"), (entry.is_delta(), ", delta")]
        {
            flags.push_str(if is_set { name } else { "" });
        }
        let header = streams.item(StreamKind::Text, entry.text.get(), entry.text_length.get().into());
        writeln!(out, "  record {ordinal}: {flags}").unwrap();
        write!(out, "    header at {}, {} bytes", text::address(entry.text.get()), entry.text_length).unwrap();
        writeln!(out, ", id {}: {}", entry.id_length, text::quoted(&header)).unwrap();
        if entry.is_delta() {
            writeln!(out, "    delta at {}, {length}: {}", text::address(offset), delta(streams, offset)).unwrap();
        } else {
            let residues = streams.item(StreamKind::Sequence, offset, length);
            writeln!(out, "    residues at {}, {length}: {}", text::address(offset), text::quoted(&residues)).unwrap();
        }
        if let Some(line) = clusters.as_ref().map(|clusters| clusters.line(ordinal)) {
            writeln!(out, "    {line}").unwrap();
        }
        for kind in [SectionKind::GcContent, SectionKind::Complexity] {
            let Some(part) = draft.parts.iter().find(|part| part.entry.kind.get() == kind.number()) else { continue };
            let value = f32::from_le_bytes(part.bytes[4 * ordinal..4 * ordinal + 4].try_into().expect("four bytes"));
            writeln!(out, "    {} {value} ({})", kind.rules().name, text::hex(value.to_bits())).unwrap();
        }
        if let Some(item) = layout.iter().find(|item| item.ordinal.get() == ordinal as u64) {
            writeln!(out, "    layout at {}: {}", text::address(item.address.get()), script(streams, item, length))
                .unwrap();
        }
    }
}

/// An item of the delta stream.
fn delta(streams: &Streams, bits: u64) -> String {
    let bytes = streams.delta(bits);
    let (item, _) = Item::parse(&bytes).expect("a sound item");
    let strand = if item.reverse { ", reverse complement" } else { "" };
    let body = match item.body {
        Body::Substring(start) => format!("from {start}"),
        Body::Script(script) => {
            let operations: Vec<String> = script.operations().map(|operation| format!("{operation:?}")).collect();
            format!("{}; {}", operations.join(", "), text::quoted(script.residues()))
        }
    };
    let checksum = text::hex(item.checksum);
    format!("of record {}{strand}, depth {}, checksum {checksum}: {body}", item.parent, item.depth)
}

fn script(streams: &Streams, item: &LayoutEntry, residues: u64) -> String {
    let bytes = streams.script(item.address.get());
    let script = Script::parse(&bytes, residues).expect("a sound script");
    let operation = |operation| match operation {
        Operation::Lines { count, width } => format!("lines {count} x {width}"),
        Operation::Residues(count) => format!("residues {count}"),
        Operation::Bytes(bytes) => format!("bytes {}", text::quoted(bytes)),
    };
    let operations: Vec<String> = script.operations().map(operation).collect();
    format!("header end {}; {}", text::quoted(script.header_end()), operations.join(", "))
}

/// Every source.
pub(super) fn dump_sources(out: &mut String, draft: &Draft) {
    let strings = &draft.part(SectionKind::Strings).bytes;
    writeln!(out, "\nsources").unwrap();
    for (index, source) in draft.items::<SourceEntry>(SectionKind::Sources).iter().enumerate() {
        let text = |offset: u64, length: u32| {
            let start = usize::try_from(offset).unwrap();
            text::quoted(&strings[start..start + usize::try_from(length).unwrap()])
        };
        let line_end = LineEnd::from_byte(source.line_end, index as u64).expect("a line end").bytes();
        let (first, end) = (source.first_record.get(), source.first_record.get() + source.record_count.get());
        let digest: String = source.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(out, "  source {index}: {}", text(source.name_offset.get(), source.name_length.get())).unwrap();
        write!(out, ", {} bytes, compression {}", source.byte_length, source.compression).unwrap();
        writeln!(out, ", records {first} to {end}").unwrap();
        write!(out, "    lines of {}, ended by {}", source.line_width, text::quoted(line_end)).unwrap();
        writeln!(out, ", preamble {}", text(source.preamble_offset.get(), source.preamble_length.get())).unwrap();
        writeln!(out, "    digest {} {digest}", source.digest_kind).unwrap();
    }
}
