//! Packed columns: the index of frames, widths, values. The seed has two frames a column.

use talaria_db_spec::packed_columns::frames;
use talaria_db_spec::section::SectionKind;
use zerocopy::little_endian::{U32, U64};

use super::List;
use crate::draft::{Draft, Part};

const PACKED: &str = "0033-packed-columns";
/// Its section of shortcuts is packed and empty.
const NO_SHORTCUTS: &str = "0034-packed-membership";
const LENGTHS: SectionKind = SectionKind::Lengths;

pub(super) fn list(list: &mut List) {
    list.reject_image("W-1", "index", PACKED, "key buckets that are shorter than their index of frames", |image| {
        image.change_entry(SectionKind::KeyBuckets, |entry| entry.item_count = U64::new(1 << 40));
    });
    index(list);
    list.reject("W-3", "width", PACKED, "a value of 33 bits in a lane of 32", |draft| {
        draft.part_mut(LENGTHS).bytes[0] = 33;
    });
    list.reject("W-3", "narrow", PACKED, "a frame with a bit a value more than its width says", |draft| {
        draft.part_mut(LENGTHS).bytes[0] -= 1;
    });
    values(list);
}

/// Where the frames of the lengths end.
fn frames_end(part: &Part) -> usize {
    part.bytes.len() - 8 * usize::try_from(frames(part.entry.item_count.get())).unwrap()
}

fn set_place(draft: &mut Draft, frame: usize, place: u64) {
    let part = draft.part_mut(LENGTHS);
    let at = frames_end(part) + 8 * frame;
    part.bytes[at..at + 8].copy_from_slice(&place.to_le_bytes());
}

// EVIDENCE: W-1, W-2
fn index(list: &mut List) {
    list.reject("W-2", "first-frame", PACKED, "the first frame does not start with its section", |draft| {
        set_place(draft, 0, 1);
    });
    list.reject("W-2", "frame-outside", PACKED, "a frame that starts behind the index", |draft| {
        set_place(draft, 1, u64::MAX);
    });
    list.reject("W-2", "frame-too-long", PACKED, "a frame that is longer than any can be", |draft| {
        let part = draft.part_mut(LENGTHS);
        let end = frames_end(part);
        part.bytes.splice(end..end, [0; 600]);
    });
    list.reject("W-2", "no-items", NO_SHORTCUTS, "bytes in a packed section that has no items", |draft| {
        draft.part_mut(SectionKind::Shortcuts).bytes.extend([0; 8]);
    });
}

// EVIDENCE: W-3, W-4
fn values(list: &mut List) {
    list.reject("W-4", "after-the-last", PACKED, "a bit after the last item", |draft| {
        let part = draft.part_mut(LENGTHS);
        let end = frames_end(part);
        part.bytes[end - 1] |= 0x80;
    });
    list.reject("W-4", "sum", PACKED, "lengths whose sums have a bit too many, and are right without it", |draft| {
        let lengths = draft.items::<U32>(LENGTHS);
        let part = draft.part_mut(LENGTHS);
        let end = frames_end(part);
        let start = usize::try_from(u64::from_le_bytes(part.bytes[end + 8..].try_into().unwrap())).unwrap();
        let mut frame = vec![32, 0xFF, 0xFF, 0xFF, 0xFF];
        frame.extend(lengths[..128].iter().flat_map(|length| (length.get() + 1).to_le_bytes()));
        let moved = frame.len() as u64;
        part.bytes.splice(..start, frame);
        set_place(draft, 1, moved);
    });
}
