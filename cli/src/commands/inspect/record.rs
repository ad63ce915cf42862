//! The structures behind one record.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use talaria_db::Database;
use talaria_db::read::clusters::Membership;
use talaria_db::read::stream::StreamKind;
use talaria_db::spec::address::PackedAddress;
use talaria_db::spec::alphabet::Alphabet;
use talaria_db::spec::block::{Codec, Packing};
use talaria_db::spec::columns::{HeaderEntry, first_word_length};
use talaria_db::spec::keys::{self, Rank};
use talaria_db::spec::layout::{Operation, Script};
use talaria_db::spec::section::SectionKind;

use crate::failure::Result;

/// Most operations of a layout that are shown.
const MOST_OPERATIONS: usize = 1000;

/// The number of the record that bears a name, else the number that the text is.
pub(super) fn find(database: &Database, text: &str) -> Result<Option<u64>> {
    if let Some(&ordinal) = database.find(text)?.first() {
        return Ok(Some(ordinal));
    }
    Ok(text.parse().ok().filter(|&ordinal| ordinal < database.len()))
}

/// Its columns, blocks, layout and names.
pub(super) fn describe(database: &Database, ordinal: u64) -> Result<Value> {
    let entry = database.header_entry(ordinal)?;
    let header = database.header(ordinal)?;
    let length = database.sequence_length(ordinal)?;
    let text = PackedAddress::from_bits(entry.text.get());
    let residues = database.sequence_address(ordinal)?;
    // What a stored record has in the sequence stream, a delta has in its own.
    let (stored, item) = if entry.is_delta() {
        (Value::Null, block(database, StreamKind::Delta, residues)?)
    } else {
        (block(database, StreamKind::Sequence, residues)?, Value::Null)
    };
    let mut described = json!({
        "ordinal": ordinal,
        "header": String::from_utf8_lossy(&header),
        "id": String::from_utf8_lossy(header.get(..first_word_length(&header)).unwrap_or_default()),
        "header_table": {
            "text": address(text),
            "text_length": entry.text_length.get(),
            "id_length": entry.id_length.get(),
            "flags": flags(&entry),
            "kind": Alphabet::from_byte(entry.kind).map_or("?", Alphabet::name),
        },
        "length": length,
        "gc_content": database.gc_content(ordinal)?.map(shortest),
        "complexity": database.complexity(ordinal)?.map(shortest),
        "offset": address(residues),
        "text_block": block(database, StreamKind::Text, text)?,
        "sequence_block": stored,
        "sequence_blocks": length.div_ceil(database.container().header().sequence_block_size.get().into()),
        "layout": layout(database, ordinal, length)?,
        "names": names(database, &header),
    });
    if let Some((parent, depth)) = database.delta_of(ordinal)? {
        described["delta"] = json!({ "parent": parent, "depth": depth, "delta_block": item });
    }
    if database.container().has_membership() {
        let share = |share: u16| f64::from(share) / 10_000.0;
        described["membership"] = match database.clusters()?.membership(ordinal)? {
            Some(Membership { representative, similarity }) => json!({
                "representative": representative,
                "identity": share(similarity.identity()),
                "coverage": share(similarity.coverage()),
            }),
            None => json!({ "representative": null }),
        };
    }
    Ok(described)
}

/// The number with the fewest digits that stands for this one.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

fn address(address: PackedAddress) -> Value {
    json!({ "block": address.block(), "byte": address.byte() })
}

fn flags(entry: &HeaderEntry) -> Vec<&'static str> {
    let known = [(entry.is_shared(), "shared"), (entry.is_irregular(), "irregular"), (entry.is_delta(), "delta")];
    known.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
}

/// The directory's entry of the block at an address; null if the stream is empty.
fn block(database: &Database, kind: StreamKind, address: PackedAddress) -> Result<Value> {
    let Some(entry) = database.directory_entry(kind, address.block())? else { return Ok(Value::Null) };
    Ok(json!({
        "offset": entry.offset.get(),
        "first_slot": entry.first_slot.get(),
        "stored_length": entry.stored_length.get(),
        "decoded_length": entry.decoded_length.get(),
        "checksum": format!("{:08x}", entry.checksum.get()),
        "codec": Codec::from_byte(entry.codec).map_or("?", Codec::name),
        "packing": Packing::from_byte(entry.packing).map_or("?", Packing::name),
        "dictionary": entry.dictionary.get(),
    }))
}

/// How it was laid out in its source.
fn layout(database: &Database, ordinal: u64, residues: u64) -> Result<Value> {
    let Some(script) = database.layout_of(ordinal)? else { return Ok(json!({ "form": "regular" })) };
    let script = Script::parse(&script, residues)
        .map_err(|violation| talaria_db::Error::Format { path: database.path().to_path_buf(), violation })?;
    let shown: Vec<String> = script.operations().take(MOST_OPERATIONS).map(operation).collect();
    Ok(json!({
        "form": "irregular",
        "header_end": script.header_end().escape_ascii().to_string(),
        "operation_count": script.operations().count(),
        "operations": shown,
    }))
}

fn operation(operation: Operation<'_>) -> String {
    match operation {
        Operation::Lines { count, width } => format!("lines {count} x {width}"),
        Operation::Residues(count) => format!("residues {count}"),
        Operation::Bytes(bytes) => format!("bytes \"{}\"", bytes.escape_ascii()),
    }
}

/// Its names in the key index, by rank; each once, as the index has it.
fn names(database: &Database, header: &[u8]) -> Vec<Value> {
    let mut ranks: BTreeMap<&[u8], Rank> = BTreeMap::new();
    keys::for_each_name(header, |name, rank| {
        ranks.entry(name).and_modify(|best| *best = rank.min(*best)).or_insert(rank);
    });
    let mut names: Vec<(&[u8], Rank)> = ranks.into_iter().collect();
    let buckets = database.container().section(SectionKind::KeyBuckets).map_or(0, |section| section.item_count);
    names.sort_by_key(|&(_, rank)| rank);
    let row = |(name, rank): (&[u8], Rank)| {
        let hash = keys::hash(name);
        json!({
            "name": String::from_utf8_lossy(name),
            "rank": rank_name(rank),
            "hash": format!("{hash:016x}"),
            "bucket": keys::bucket(hash, buckets.saturating_sub(1)),
            "fingerprint": format!("{:06x}", hash & 0xFF_FFFF),
        })
    };
    names.into_iter().map(row).collect()
}

fn rank_name(rank: Rank) -> &'static str {
    match rank {
        Rank::Id => "id",
        Rank::Accession => "accession",
        Rank::Versionless => "versionless accession",
        Rank::EntryName => "entry name",
    }
}
