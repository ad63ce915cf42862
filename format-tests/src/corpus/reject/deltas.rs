//! Deltas: items, blocks of them, and their stream.

use talaria_db_spec::address::PackedAddress;
use talaria_db_spec::block::BlockEntry;
use talaria_db_spec::checksum::crc32;
use talaria_db_spec::columns::{FLAG_DELTA, HeaderEntry};
use talaria_db_spec::delta::{Item, ScriptWriter, streams};
use talaria_db_spec::section::{CHECKSUM_BLOCKS, CHECKSUM_PAGES, SectionKind};
use talaria_db_spec::version::REQUIRED_DELTAS;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromZeros, IntoBytes};

use super::{List, PROTEINS};
use crate::draft::Draft;

/// Record 0 of the seed.
const SHORT: &[u8] = b"APKEMKV";
/// Record 1 of the seed.
const FULL: &[u8] = b"WMQLNNLKWRSWICVMTANTQHGLDHFACICMMHEWHYMYPSLDEHPPIREGIELQTCVR";

pub(super) fn list(list: &mut List) {
    depths(list);
    scripts(list);
    items(list);
    payloads(list);
}

/// Makes deltas of records, by items whose addresses are in the one block `bytes`, stored as it is with a packing.
fn deltas(draft: &mut Draft, records: &[(usize, usize)], bytes: &[u8], (packing, decoded): (u8, usize), detail: u32) {
    let mut entry = BlockEntry::new_zeroed();
    entry.stored_length = U32::new(u32::try_from(bytes.len()).unwrap());
    entry.decoded_length = U32::new(u32::try_from(decoded).unwrap());
    entry.checksum = U32::new(crc32(bytes));
    entry.packing = packing;
    draft.header.required_features = U64::new(REQUIRED_DELTAS);
    draft.add_number(SectionKind::DeltaDirectory.number(), detail << 8, 32, CHECKSUM_PAGES, entry.as_bytes());
    draft.add_number(SectionKind::DeltaBlocks.number(), 0, 1, CHECKSUM_BLOCKS, bytes);
    for &(record, start) in records {
        draft.edit::<HeaderEntry>(SectionKind::HeaderTable, |entries| entries[record].flags |= FLAG_DELTA);
        let address = PackedAddress::new(0, u32::try_from(start).unwrap()).expect("an address");
        draft.edit::<U64>(SectionKind::Offsets, |items| items[record] = U64::new(address.bits()));
    }
}

/// Makes a delta of record 0, told by record 1, by this item alone.
fn told(draft: &mut Draft, item: &[u8]) {
    deltas(draft, &[(0, 0)], item, (0, item.len()), 14);
}

fn script(parent: u64, depth: u8, change: impl FnOnce(&mut ScriptWriter), residues: &[u8]) -> Vec<u8> {
    let (mut script, mut item) = (ScriptWriter::default(), Vec::new());
    change(&mut script);
    Item::write_script(&mut item, parent, depth, false, script, residues);
    item
}

/// The item that tells record 0 without its parent.
fn sound(parent: u64, depth: u8) -> Vec<u8> {
    script(parent, depth, |script| script.insert(SHORT), SHORT)
}

// EVIDENCE: X-1
fn depths(list: &mut List) {
    for (name, parent, depth, shows) in [
        ("depth-0", 1, 0, "a delta of depth 0"),
        ("depth-9", 1, 9, "a delta of depth 9"),
        ("depth-of-parent", 1, 2, "depth 2, and the parent is no delta"),
        ("no-parent", 4, 1, "a parent that is not there"),
        ("own-parent", 0, 8, "a delta that is its own parent"),
    ] {
        list.reject("X-1", name, PROTEINS, shows, |draft| told(draft, &sound(parent, depth)));
    }
    list.reject("X-1", "cycle", PROTEINS, "two deltas, each the parent of the other", |draft| {
        let first = sound(1, 2);
        let second = script(0, 1, |script| script.insert(FULL), FULL);
        deltas(
            draft,
            &[(0, 0), (1, first.len())],
            &[&first[..], &second].concat(),
            (0, first.len() + second.len()),
            14,
        );
    });
}

// EVIDENCE
fn scripts(list: &mut List) {
    let tell = |change: fn(&mut ScriptWriter)| script(1, 1, change, SHORT);
    let substring = |start| {
        let mut item = Vec::new();
        Item::write_substring(&mut item, 1, 1, false, start, SHORT);
        item
    };
    let cases = [
        ("past-the-parent", tell(|script| script.copy(61)), "more residues copied than the parent has"),
        ("too-few", tell(|script| script.insert(b"APKEMK")), "a residue less than the record has"),
        ("too-many", tell(|script| script.insert(b"APKEMKVV")), "a residue more than the record has"),
        ("no-residue", tell(|script| script.insert(b"APKEMK\n")), "a line end is inserted"),
        ("substring", substring(54), "a substring that ends after its parent"),
        ("substring-start", substring(u64::MAX), "a substring that starts where no parent ends"),
    ];
    for (name, item, shows) in cases {
        list.reject("X-2", name, PROTEINS, shows, |draft| told(draft, &item));
    }
    list.reject("X-2", "code", PROTEINS, "a code of rank 26", |draft| {
        let mut item = script(1, 1, |script| script.substitute(&FULL[..7], SHORT), SHORT);
        *item.last_mut().expect("a code") = 26;
        told(draft, &item);
    });
    list.reject(
        "X-3",
        "other-residues",
        PROTEINS,
        "a delta that makes another record than its checksum says",
        |draft| {
            told(draft, &script(1, 1, |script| script.insert(b"APKEMKV"), b"APKEMKL"));
        },
    );
}

// EVIDENCE, V-1, B-4
fn items(list: &mut List) {
    let item = sound(1, 1);
    let mut cut = item.clone();
    cut.pop();
    let mut longer = item.clone();
    longer[0] += 1;
    longer.push(0);
    let mut empty = item.clone();
    let at = empty.len() - SHORT.len() - 1;
    empty[at] = 2;
    let cases = [
        ("cut", cut, "an item that ends after its block"),
        ("left-over", longer, "a byte after the last residue of a script"),
        ("nothing", empty, "an operation without a count"),
        ("second-item", [&item[..], &item].concat(), "an item that is no record's"),
        ("no-item", [&item[..], &[5]].concat(), "a byte after the last item of a block"),
    ];
    for (name, block, shows) in cases {
        list.reject("X-4", name, PROTEINS, shows, |draft| told(draft, &block));
    }
    list.reject("X-4", "item-of-two", "0012-not-shared", "an item of two records, and one that is nobody's", |draft| {
        let residues = b"MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHFDLSHGSAQVKGHGKKVADALTNAVAHVDDMPNALSALSDLHAHKLRVDPVNFKLLSHCLLVTLAAHLPAEFTPAVHASLDKFLASVSTVLTSKYR";
        let item = script(3, 1, |script| script.insert(residues), residues);
        deltas(draft, &[(0, 0), (1, 0)], &[&item[..], &item].concat(), (0, 2 * item.len()), 14);
    });
    list.reject("V-1", "delta", PROTEINS, "an item whose parent is a padded varint", |draft| {
        let mut padded = item.clone();
        padded[0] += 1;
        padded.splice(1..2, [0x81, 0x00]);
        told(draft, &padded);
    });
    for (name, detail, shows) in
        [("small-blocks", 9, "a delta stream with blocks of 512 bytes"), ("large-blocks", 24, "with blocks of 16 MiB")]
    {
        list.reject("X-6", name, PROTEINS, shows, |draft| deltas(draft, &[(0, 0)], &item, (0, item.len()), detail));
    }
    list.reject("B-4", "delta-two-bit", PROTEINS, "a block of deltas as two-bit DNA", |draft| {
        deltas(draft, &[(0, 0)], &[0, 0, 0], (1, 4), 14);
    });
}

// EVIDENCE: X-5, B-10
fn payloads(list: &mut List) {
    let item = sound(1, 1);
    let streams = streams::split(&item).expect("a sound item");
    let payload = |change: fn(&mut [Vec<u8>; streams::STREAMS])| {
        let mut streams = streams.clone();
        change(&mut streams);
        let parts = streams.each_ref().map(|stream| streams::Part {
            length: stream.len() as u64,
            stored: &stream[..],
            compressed: false,
        });
        let mut payload = Vec::new();
        streams::write_payload(&parts, &mut payload);
        payload
    };
    let cases = [
        ("no-checksum", payload(|streams| streams[2].truncate(3)), "a stream that ends early"),
        ("left-over", payload(|streams| streams[9].push(b'A')), "an inserted residue too many"),
        ("fewer-items", payload(|streams| streams.iter_mut().for_each(Vec::clear)), "fewer bytes than the block has"),
        ("count", payload(|streams| streams[4][0] = 2), "more edits than there are"),
        ("cut", payload(|_| {})[..24].to_vec(), "a payload that ends early"),
    ];
    for (name, bytes, shows) in cases {
        list.reject("X-5", name, PROTEINS, shows, |draft| deltas(draft, &[(0, 0)], &bytes, (5, item.len()), 14));
    }
    let mut compressed = payload(|_| {});
    // The length as stored of the first stream: no codec could have made it.
    compressed[1] = 1;
    list.reject("X-5", "no-codec", PROTEINS, "a compressed stream in a block without a codec", |draft| {
        deltas(draft, &[(0, 0)], &compressed, (5, item.len()), 14);
    });
    let mut long = payload(|_| {});
    long[16] = 127;
    list.reject("B-10", "delta-streams", PROTEINS, "streams that are longer together than a payload may be", |draft| {
        deltas(draft, &[(0, 0)], &long, (5, item.len()), 14);
    });
}
