//! The structures of the whole file.

use std::fmt::Write;

use serde_json::{Value, json};
use talaria_db::Database;
use talaria_db::database::Source;
use talaria_db::read::stream::StreamKind;
use talaria_db::spec::header::{ORDER_INPUT, ORDER_SIMILARITY};
use talaria_db::spec::section::{CHECKSUM_BLOCKS, CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionKind};
use talaria_db::spec::source::LineEnd;
use talaria_db::spec::version;

use crate::failure::Result;

/// Header, features, sections, sources, provenance, dictionaries, blocks.
pub(super) fn describe(database: &Database) -> Result<Value> {
    // Keys may repeat: a reduction adds its command to the one that built the container.
    let provenance: Vec<Value> =
        database.provenance()?.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    Ok(json!({
        "path": database.path().to_string_lossy(),
        "header": header(database),
        "sections": sections(database),
        "sources": database.sources()?.iter().map(source).collect::<Vec<_>>(),
        "provenance": provenance,
        "dictionaries": dictionaries(database),
        "blocks": blocks(database)?,
    }))
}

fn header(database: &Database) -> Value {
    let header = database.container().header();
    let order = match header.order {
        ORDER_INPUT => "input".to_owned(),
        ORDER_SIMILARITY => "similarity".to_owned(),
        other => other.to_string(),
    };
    json!({
        "read_version": header.read_version.get(),
        "write_version": header.write_version.get(),
        "required_features": features(header.required_features.get(), version::required_name),
        "optional_features": features(header.optional_features.get(), version::optional_name),
        "records": header.record_count.get(),
        "residues": header.residue_count.get(),
        "stored_residues": header.stored_residue_count.get(),
        "file_length": header.file_length.get(),
        "table_offset": header.table_offset.get(),
        "section_count": header.section_count.get(),
        "table_checksum": format!("{:08x}", header.table_checksum.get()),
        "source_count": header.source_count.get(),
        "sequence_block_size": header.sequence_block_size.get(),
        "text_block_size": header.text_block_size.get(),
        "alphabet": database.alphabet().name(),
        "order": order,
        "header_checksum": format!("{:08x}", header.header_checksum.get()),
    })
}

/// The names of the bits that are set; their numbers where they have none.
fn features(bits: u64, name: impl Fn(u32) -> Option<&'static str>) -> Vec<String> {
    let set = (0..u64::BITS).filter(|bit| bits >> bit & 1 == 1);
    set.map(|bit| name(bit).map_or_else(|| format!("bit {bit}"), str::to_owned)).collect()
}

fn sections(database: &Database) -> Vec<Value> {
    let container = database.container();
    let known = container.sections().iter().map(|section| {
        json!({
            "kind": section.kind.number(),
            "name": section.kind.rules().name,
            "offset": section.offset,
            "length": section.length,
            "items": section.item_count,
            "item_size": section.item_size,
            "checksum": checksum(section.kind.rules().checksum_kind),
        })
    });
    let unknown = container.unknown_sections().iter().map(|entry| {
        json!({
            "kind": entry.kind.get(),
            "name": "unknown",
            "offset": entry.offset.get(),
            "length": entry.length.get(),
            "items": entry.item_count.get(),
            "item_size": entry.item_size.get(),
            "checksum": checksum(entry.checksum_kind.get()),
        })
    });
    known.chain(unknown).collect()
}

fn checksum(kind: u32) -> String {
    match kind {
        CHECKSUM_WHOLE => "whole".to_owned(),
        CHECKSUM_PAGES => "pages".to_owned(),
        CHECKSUM_BLOCKS => "blocks".to_owned(),
        other => other.to_string(),
    }
}

fn source(source: &Source) -> Value {
    let line_end = match source.line_end {
        LineEnd::Lf => "LF",
        LineEnd::CrLf => "CR LF",
        LineEnd::Cr => "CR",
    };
    let compression = match source.compression {
        0 => "none",
        1 => "gzip",
        2 => "zstd",
        3 => "xz",
        _ => "bzip2",
    };
    let mut sha256 = String::with_capacity(64);
    for byte in source.sha256 {
        // Writing into a string does not fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    json!({
        "name": source.name,
        "bytes": source.byte_length,
        "first_record": source.first_record,
        "records": source.record_count,
        "line_width": source.line_width,
        "line_end": line_end,
        "preamble_bytes": source.preamble.len(),
        "compression": compression,
        "sha256": sha256,
    })
}

fn dictionaries(database: &Database) -> Value {
    let section = |kind| database.container().section(kind);
    json!({
        "count": section(SectionKind::DictionaryDirectory).map_or(0, |section| section.item_count),
        "bytes": section(SectionKind::DictionaryBytes).map_or(0, |section| section.length),
    })
}

fn blocks(database: &Database) -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for kind in StreamKind::ALL {
        for group in database.block_groups(kind)? {
            rows.push(json!({
                "stream": kind.name(),
                "codec": group.codec.name(),
                "packing": group.packing.name(),
                "dictionary": group.dictionary,
                "blocks": group.blocks,
                "stored": group.stored,
                "decoded": group.decoded,
            }));
        }
    }
    Ok(rows)
}
