//! Sound files that no writer of version 1 makes, and every reader must read.

pub(super) mod compact;

use talaria_db::read::stream::StreamKind;
use talaria_db_spec::alphabet::Alphabet;
use talaria_db_spec::columns::HeaderEntry;
use talaria_db_spec::dictionary::DictionaryEntry;
use talaria_db_spec::header::ORDER_SIMILARITY;
use talaria_db_spec::measures::{Entropy, gc_content};
use talaria_db_spec::membership::{MembershipEntry, WideMembershipEntry};
use talaria_db_spec::section::{CHECKSUM_BLOCKS, CHECKSUM_PAGES, CHECKSUM_WHOLE, SectionKind};
use talaria_db_spec::version::{OPTIONAL_MEMBERSHIP, OPTIONAL_REDUCED};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromZeros, IntoBytes};

use super::List;
use crate::draft::Draft;
use crate::expected::Expected;
use crate::ladder;

const PROTEINS: &str = "0003-line-widths";
const TITLES: &str = "0014-database-ids";
const DNA: &str = "0017-two-bit-dna";

pub(super) fn list(list: &mut List) {
    header(list);
    sections(list);
    widths(list);
    optional_columns(list);
    membership(list);
    compact::list(list);
    order(list);
    packed(list);
    list.accept("dictionary", PROTEINS, "text blocks in a frame that names a dictionary", dictionary);
    list.accept("kinds-differ", PROTEINS, "each record has an alphabet of its own", |draft| {
        draft.edit::<HeaderEntry>(SectionKind::HeaderTable, |entries| {
            entries[1].kind = Alphabet::Dna.byte();
            entries[2].kind = Alphabet::Unknown.byte();
        });
    });
    list.accept("no-sources", "0001-empty", "nothing at all: no records from no sources", |draft| {
        draft.part_mut(SectionKind::Sources).bytes.clear();
        draft.header.source_count = U32::ZERO;
    });
}

/// What readers ignore in header and trailer.
// EVIDENCE: H-3, H-4
fn header(list: &mut List) {
    list.accept_image(
        "later-writer",
        PROTEINS,
        "a writer of version 7 that stamps 1, the lowest that suffices",
        |image| {
            image.change_header(|header| header.write_version = U16::new(7));
        },
    );
    list.accept_image("unused-bytes", PROTEINS, "unused bytes of header and trailer are not zero", |image| {
        image.change_header(|header| header.unused = [0xA5; 24]);
        image.change_trailer(|trailer| trailer.unused = [0x5A; 16]);
    });
    list.accept_image("optional-features", PROTEINS, "all optional features, most of them unknown", |image| {
        image.change_header(|header| header.optional_features = U64::new(u64::MAX));
    });
    list.accept_image("table-moved", PROTEINS, "the section table stands at 2048", |image| {
        let entries = image.entries();
        let length = entries.as_bytes().len();
        image.bytes_mut()[128..128 + length].fill(0);
        image.bytes_mut()[2048..2048 + length].copy_from_slice(entries.as_bytes());
        image.change_header(|header| header.table_offset = U64::new(2048));
    });
}

/// Sections that a reader does not know.
// EVIDENCE: S-10
fn sections(list: &mut List) {
    list.accept("unknown-section", PROTEINS, "a section of an unknown kind that may be ignored", |draft| {
        draft.add_number(1000, 0, 1, CHECKSUM_WHOLE, b"from the future");
    });
    list.accept("experimental-section", PROTEINS, "a section of the range for experiments", |draft| {
        draft.add_number(1 << 31, 0, 4, CHECKSUM_WHOLE, &[7; 12]);
    });
    list.accept("empty-section", PROTEINS, "an unknown section without bytes", |draft| {
        draft.add_number(60, 0, 8, CHECKSUM_BLOCKS, b"");
    });
    list.accept("unknown-section-by-pages", PROTEINS, "an unknown section whose pages have checksums", |draft| {
        draft.add_number(1001, 0, 1, CHECKSUM_PAGES, &[1; 5000]);
    });
}

/// Integers of eight bytes where four suffice, and another number of buckets.
// EVIDENCE: S-6, K-1
fn widths(list: &mut List) {
    list.accept("wide-lengths", PROTEINS, "lengths of 8 bytes", |draft| widen(draft, SectionKind::Lengths));
    list.accept("wide-buckets", TITLES, "key buckets of 8 bytes", |draft| widen(draft, SectionKind::KeyBuckets));
    list.accept("one-bucket", TITLES, "all names in one bucket", |draft| {
        let mut entries = draft.items::<U64>(SectionKind::KeyEntries);
        entries.sort_by_key(|entry| entry.get());
        let count = u32::try_from(entries.len()).expect("few names");
        draft.edit::<U64>(SectionKind::KeyEntries, |items| *items = entries);
        draft.edit::<U32>(SectionKind::KeyBuckets, |items| *items = vec![U32::ZERO, U32::new(count)]);
    });
}

fn widen(draft: &mut Draft, kind: SectionKind) {
    let wide: Vec<U64> = draft.items::<U32>(kind).iter().map(|item| U64::new(item.get().into())).collect();
    draft.part_mut(kind).bytes = wide.as_bytes().to_vec();
    draft.part_mut(kind).entry.item_size = U32::new(8);
}

/// The columns that readers of version 1 may ignore.
// EVIDENCE: O-1
fn optional_columns(list: &mut List) {
    list.accept("optional-columns", DNA, "all optional columns", |draft| {
        let records = draft.items::<HeaderEntry>(SectionKind::HeaderTable).len();
        let (gc, complexity) = measures(&ladder::find(DNA).fasta());
        draft.add(SectionKind::GcContent, 4, gc.as_bytes());
        draft.add(SectionKind::Complexity, 4, complexity.as_bytes());
        draft.add(SectionKind::Digests, 24, &[0xDD; 24].repeat(records));
        draft.add(SectionKind::SoftMaskIndex, 8, &0_u64.to_le_bytes().repeat(records + 1));
        draft.add(SectionKind::SoftMaskRuns, 16, b"");
        draft.add(SectionKind::Taxa, 4, &9606_u32.to_le_bytes().repeat(records));
        draft.add(SectionKind::Membership, 16, &[0; 16].repeat(records));
    });
}

/// Which record stands for which, in items of either size.
// EVIDENCE: M-1, M-2, M-5
fn membership(list: &mut List) {
    list.accept("membership", PROTEINS, "two records stand for four", clusters);
    list.accept("wide-membership", PROTEINS, "the same in items for more than 2^32 records", |draft| {
        clusters(draft);
        widen_membership(draft);
    });
    list.accept("no-representative", PROTEINS, "a record that none stands for", unrepresented);
    list.accept("wide-no-representative", PROTEINS, "the same in items for more than 2^32 records", |draft| {
        unrepresented(draft);
        widen_membership(draft);
    });
}

/// Packed columns of either width.
// EVIDENCE: K-2, W-1
fn packed(list: &mut List) {
    list.accept("packed-columns", TITLES, "packed columns, several names a record", Draft::pack);
    list.accept("packed-empty", "0001-empty", "packed columns without items", Draft::pack);
    list.accept("packed-deltas", "0028-deltas", "packed columns, addresses of deltas among the others", Draft::pack);
    list.accept("packed-wide", PROTEINS, "packed columns with integers of eight bytes", |draft| {
        clusters(draft);
        widen_membership(draft);
        for kind in [SectionKind::Lengths, SectionKind::KeyBuckets] {
            widen(draft, kind);
        }
        draft.pack();
    });
}

fn widen_membership(draft: &mut Draft) {
    let entries = draft.items::<MembershipEntry>(SectionKind::Membership);
    let wide: Vec<WideMembershipEntry> = entries.into_iter().map(WideMembershipEntry::from).collect();
    draft.part_mut(SectionKind::Membership).bytes = wide.as_bytes().to_vec();
    draft.part_mut(SectionKind::Membership).entry.item_size = U32::new(12);
    widen(draft, SectionKind::Members);
}

/// No record stands for the last one.
pub(super) fn unrepresented(draft: &mut Draft) {
    clusters(draft);
    draft.edit::<MembershipEntry>(SectionKind::Membership, |entries| entries[3] = NOBODY);
    draft.edit::<U32>(SectionKind::Members, |items| items.truncate(1));
}

/// The item of a record that none stands for.
pub(super) const NOBODY: MembershipEntry =
    MembershipEntry { representative: U32::new(u32::MAX), identity: U16::ZERO, coverage: U16::ZERO };

/// The first and the third of four records stand for the second and for the fourth.
pub(super) fn clusters(draft: &mut Draft) {
    let entry = |representative, share| MembershipEntry {
        representative: U32::new(representative),
        identity: U16::new(share),
        coverage: U16::new(10_000),
    };
    let entries = [entry(0, 10_000), entry(0, 9_000), entry(2, 10_000), entry(2, 8_765)];
    draft.add(SectionKind::Membership, 8, entries.as_bytes());
    draft.add(SectionKind::Members, 4, [1, 3].map(U32::new).as_bytes());
    draft.header.optional_features |= OPTIONAL_REDUCED | OPTIONAL_MEMBERSHIP;
}

/// GC content and complexity of each record of FASTA with nucleotides.
fn measures(fasta: &[u8]) -> (Vec<[u8; 4]>, Vec<[u8; 4]>) {
    let of = |(_, residues): &(Vec<u8>, Vec<u8>)| {
        let mut counts = [0; 256];
        for &residue in residues {
            counts[usize::from(residue)] += 1;
        }
        (gc_content(&counts).to_le_bytes(), Entropy::of(&counts).complexity(Alphabet::Dna).to_le_bytes())
    };
    Expected::of_fasta(fasta).records.iter().map(of).unzip()
}

/// Residues in another order than that of the input.
// EVIDENCE: C-6
fn order(list: &mut List) {
    list.accept("similarity-order", PROTEINS, "residues lie in reverse, and the physical order says so", reverse);
}

/// Puts the residues of the last record first, and so on, in the one block that there is.
pub(super) fn reverse(draft: &mut Draft) {
    let lengths: Vec<u64> = draft.items::<U32>(SectionKind::Lengths).iter().map(|item| item.get().into()).collect();
    let old = draft.items::<U64>(SectionKind::Offsets);
    draft.edit_blocks(StreamKind::Sequence, |blocks| {
        let bytes = &mut blocks[0].stored;
        let record = |(offset, length): (&U64, &u64)| {
            let start = usize::try_from(offset.get()).unwrap();
            bytes[start..start + usize::try_from(*length).unwrap()].to_vec()
        };
        *bytes = old.iter().zip(&lengths).rev().flat_map(record).collect();
    });
    let last = u32::try_from(lengths.len()).expect("few records");
    let order: Vec<U32> = (0..last).rev().map(U32::new).collect();
    // A record starts where all that come after it end.
    let starts = (0..lengths.len()).map(|ordinal| U64::new(lengths[ordinal + 1..].iter().sum()));
    let offsets: Vec<U64> = starts.collect();
    draft.edit::<U64>(SectionKind::Offsets, |items| *items = offsets);
    draft.add(SectionKind::PhysicalOrder, 4, order.as_bytes());
    draft.header.order = ORDER_SIMILARITY;
}

/// Gives the text stream a dictionary, and stores its block in a frame that could use it.
pub(super) fn dictionary(draft: &mut Draft) {
    let content = b"exactly less than a line the last line is short";
    let mut entry = DictionaryEntry::new_zeroed();
    entry.length = U32::new(u32::try_from(content.len()).expect("short"));
    entry.codec = 2;
    draft.add(SectionKind::DictionaryDirectory, 32, entry.as_bytes());
    draft.add(SectionKind::DictionaryBytes, 1, content);
    draft.edit_blocks(StreamKind::Text, |blocks| {
        blocks[0].stored = zstd_frame(&blocks[0].stored);
        blocks[0].entry.codec = 2;
        blocks[0].entry.dictionary = U16::new(1);
    });
}

/// A Zstandard frame (RFC 8878) with one raw block, written by hand so that no encoder's version changes it.
pub(super) fn zstd_frame(content: &[u8]) -> Vec<u8> {
    // A single segment with its size in one byte; then a last block, raw, of that size.
    let length = u8::try_from(content.len()).expect("less than 256 bytes");
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, length];
    frame.extend_from_slice(&(u32::from(length) << 3 | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    frame
}
