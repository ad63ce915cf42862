//! GC content and complexity that are not those of the residues.

use talaria_db_spec::section::SectionKind;

use super::List;
use crate::draft::Draft;

const COLUMNS: &str = "0026-columns";

fn set(draft: &mut Draft, kind: SectionKind, ordinal: usize, change: impl FnOnce(f32) -> f32) {
    let item = &mut draft.part_mut(kind).bytes[4 * ordinal..4 * ordinal + 4];
    let value = f32::from_le_bytes(item.try_into().expect("four bytes"));
    item.copy_from_slice(&change(value).to_le_bytes());
}

// EVIDENCE: O-1, O-2, O-3, S-6, S-7
pub(super) fn list(list: &mut List) {
    use SectionKind::{Complexity, GcContent};
    list.reject("S-6", "gc-item-size", COLUMNS, "GC contents of 8 bytes", |draft| {
        let part = draft.part_mut(GcContent);
        part.bytes = part.bytes.repeat(2);
        part.entry.item_size.set(8);
    });
    list.reject("S-7", "gc-count", COLUMNS, "a GC content less than there are records", |draft| {
        let bytes = &mut draft.part_mut(GcContent).bytes;
        bytes.truncate(bytes.len() - 4);
    });
    list.reject("S-7", "complexity-count", COLUMNS, "a complexity more than there are records", |draft| {
        draft.part_mut(Complexity).bytes.extend_from_slice(&[0; 4]);
    });
    list.reject("O-1", "not-a-number", COLUMNS, "a GC content that is no number", |draft| {
        set(draft, GcContent, 0, |_| f32::NAN);
    });
    list.reject("O-1", "above-1", COLUMNS, "a complexity above 1", |draft| {
        set(draft, Complexity, 0, |_| 1.0 + f32::EPSILON);
    });
    list.reject("O-1", "below-0", COLUMNS, "a GC content below 0", |draft| set(draft, GcContent, 1, |_| -0.25));
    list.reject("O-2", "gc-content", COLUMNS, "a GC content whose last bit is wrong", |draft| {
        set(draft, GcContent, 0, |value| f32::from_bits(value.to_bits() ^ 1));
    });
    list.reject("O-2", "minus-zero", COLUMNS, "minus 0 as the GC content of a record without residues", |draft| {
        set(draft, GcContent, 3, |value| -value);
    });
    list.reject("O-3", "complexity", COLUMNS, "a complexity whose last bit is wrong", |draft| {
        set(draft, Complexity, 0, |value| f32::from_bits(value.to_bits() ^ 1));
    });
    list.reject("O-3", "nucleotides", COLUMNS, "a complexity over 2 bits in a file of proteins", |draft| {
        set(draft, Complexity, 4, |_| 1.0);
    });
}
